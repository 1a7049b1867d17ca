//! What a partial state is of: so that nobody goes on with that of another query.

use std::{fmt, sync::Arc};

use recpipe::{Error, Schema};

use crate::plan::{Plan, PlanStage};

/// The query as far as the stage that gathers, and what it was checked against. States whose names are equal can be merged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateName {
    /// The stages, on one line.
    query: String,
    input: Arc<Schema>,
    zone: Option<String>,
    /// No more records than this are kept of what is gathered: no more are taken of it.
    taken: Option<u64>,
}

impl StateName {
    /// Of what is gathered at this place of the plan.
    pub(super) fn new(plan: &Plan, place: usize) -> Self {
        let stages = plan.stages.iter().take(place + 1).map(|PlanStage { text, .. }| text.as_str());
        let zone = plan.zone.as_ref().map(|zone| zone.name().to_owned());
        let taken = plan.stages.get(place + 1).and_then(|next| next.operator.takes());
        StateName { query: stages.collect::<Vec<_>>().join(" | "), input: plan.input.clone(), zone, taken }
    }

    /// All of it, for another process that has the same.
    pub fn text(&self) -> String {
        let StateName { query, zone, taken, .. } = self;
        format!("{} {query:?} {taken:?} {zone:?} {}", env!("CARGO_PKG_VERSION"), self.fields())
    }

    fn fields(&self) -> String {
        let shown = |field: &recpipe::Field| format!("{:?} {}{}", field.name, field.kind, if field.open { " or other" } else { "" });
        let fields: Vec<String> = self.input.fields().iter().map(shown).collect();
        format!("{}{}", fields.join(", "), if self.input.grows() { ", and others" } else { "" })
    }

    /// Whether a state of this name may go on as one of `other`.
    ///
    /// # Errors
    /// [`Error::Usage`] that says what they are of.
    pub fn fits(&self, other: &StateName) -> Result<(), Error> {
        if self == other {
            return Ok(());
        }
        let differs = |what: &str, own: &dyn fmt::Display, others: &dyn fmt::Display| {
            Err(Error::Usage(format!("a partial state of another query: {what} {own}, and not {others}")))
        };
        if self.query != other.query {
            return differs("it is of", &format_args!("`{}`", self.query), &format_args!("`{}`", other.query));
        }
        if self.taken != other.taken {
            let shown = |taken: Option<u64>| taken.map_or_else(|| "all".to_owned(), |n| n.to_string());
            return differs("the records that are taken of it are", &shown(self.taken), &shown(other.taken));
        }
        if self.zone != other.zone {
            let place = |zone: &Option<String>| zone.clone().unwrap_or_else(|| "that of the records".to_owned());
            return differs("its zone is", &place(&self.zone), &place(&other.zone));
        }
        differs("the fields of its records are", &self.fields(), &other.fields())
    }
}
