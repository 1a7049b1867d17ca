//! Fields that a stage reads out of texts: which there are is not known before the data come, so those that later stages name are
//! awaited.

use std::collections::BTreeMap;

use recpipe::Type;

use super::{
    check_expr::Checker,
    scope::{Growth, Seen, Spring},
};
use crate::{left_out::Counter, plan::Awaited};

/// What is awaited of each stage, by its place in the query.
#[derive(Clone, Debug, Default)]
pub(crate) struct Opens {
    known: BTreeMap<usize, Vec<Awaited>>,
    /// Whether there are more than when the query was checked the last time.
    is_new: bool,
}

impl Opens {
    /// A field is named that the stage at this place may make.
    pub(super) fn want(&mut self, stage: usize, field: Awaited) {
        let known = self.known.entry(stage).or_default();
        if known.iter().all(|known| known.name != field.name) {
            known.push(field);
            self.is_new = true;
        }
    }

    /// What is awaited of the stage at this place.
    pub(crate) fn of(&self, stage: usize) -> &[Awaited] {
        self.known.get(&stage).map_or(&[], Vec::as_slice)
    }

    /// Whether the query has to be checked once more. Said once.
    pub(super) fn have_more(&mut self) -> bool {
        std::mem::take(&mut self.is_new)
    }
}

/// What such a stage looks out for, so that it can be said of a field that it never came.
#[derive(Clone, Debug)]
pub(crate) struct Watched {
    /// Counts records.
    pub(crate) records: Counter,
    /// Fields that the query names, and what counts whether they came.
    pub(crate) fields: Vec<(String, Counter)>,
}

impl Checker<'_> {
    /// As [`Checker::open`], for the parts of a field of this name, which may itself be anything from now on.
    pub(crate) fn open_field(&mut self, stage: usize, name: &str) -> Watched {
        self.scope.put(name.to_owned(), Some(Seen { kind: Type::Mixed, open: true }));
        self.open(stage, &format!("{name}."))
    }

    /// The stage at this place of the query reads fields out of texts, whose names begin like this. Those that are named later are
    /// columns from now on; what is in scope may be replaced in some records.
    pub(crate) fn open(&mut self, stage: usize, prefix: &str) -> Watched {
        for (_, seen) in self.scope.columns.iter_mut().filter(|(name, _)| name.starts_with(prefix)) {
            if let Some(seen) = seen {
                let kind = if seen.kind == Type::Null { Type::Mixed } else { seen.kind };
                *seen = Seen { kind, open: true };
            }
        }
        let left_out = &self.setting.left_out;
        let mut watched = Watched { records: left_out.taken_by(stage), fields: Vec::new() };
        for Awaited { name, may_not_come } in self.opens.of(stage) {
            self.scope.put(name.clone(), Some(Seen { kind: Type::Mixed, open: true }));
            if !may_not_come {
                watched.fields.push((name.clone(), left_out.watch(stage, name)));
            }
        }
        let spring = Spring { stage: Some(stage), prefix: prefix.to_owned(), known: self.scope.names().map(str::to_owned).collect() };
        let Growth(before) = self.scope.input.take().unwrap_or(Growth(Vec::new()));
        self.scope.input = Some(Growth(std::iter::once(spring).chain(before).collect()));
        watched
    }
}
