//! What the consumers need of the records, as far as they have said so.

use std::sync::Arc;

use recpipe::record::Condition;
use recpipe::transport::link::Pushdowns;
use recpipe::transport::pipe_backchannel::Listener;
use recpipe::wire::Pushdown;

use crate::format::Wanted;

/// What is asked for. It is advice: more may be sent, never less. Cloning shares.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// The fields that are read.
    pub fields: Wanted,
    /// Records for which not all of these hold are of no use.
    pub conditions: Arc<[Condition]>,
    /// Whether one of them may write to a terminal before the end.
    pub shows: bool,
}

/// Where consumers are heard.
pub enum Advice {
    /// Nowhere: whoever reads knows nothing of it.
    Nobody,
    /// The one at the other end of a pipe.
    Pipe(Listener),
    /// Those at the other ends of links: heard when all have spoken.
    Links {
        /// Where each is heard.
        from: Vec<Pushdowns>,
        /// What each has said.
        said: Vec<Option<Pushdown>>,
        /// A field that is needed whatever they say.
        besides: Option<String>,
        /// All was heard, once.
        heard: bool,
    },
}

impl Advice {
    /// Of the consumers at these links.
    pub fn links(from: Vec<Pushdowns>, besides: Option<String>) -> Self {
        let said = vec![None; from.len()];
        Advice::Links { from, said, besides, heard: false }
    }

    /// What any of them needs, once it is known; it is given once. Never waits.
    pub fn hear(&mut self) -> Option<Asked> {
        match self {
            Advice::Nobody => None,
            Advice::Pipe(listener) => listener.hear().map(|plan| asked(None, &[plan])),
            Advice::Links { heard: true, .. } => None,
            Advice::Links { from, said, besides, heard } => {
                for (from, said) in from.iter().zip(said.iter_mut()) {
                    if said.is_none() {
                        *said = from.take();
                    }
                }
                if said.iter().any(Option::is_none) {
                    return None;
                }
                *heard = true;
                let plans: Vec<Pushdown> = said.drain(..).flatten().collect();
                Some(asked(besides.take(), &plans))
            }
        }
    }
}

/// What any of these needs: a field that one of them reads, or `besides`; a record that one of them does not do without.
fn asked(besides: Option<String>, plans: &[Pushdown]) -> Asked {
    let mut read: Option<Vec<String>> = Some(besides.into_iter().collect());
    for plan in plans {
        match (&mut read, &plan.columns) {
            (Some(read), Some(columns)) => {
                for column in columns {
                    if !read.contains(column) {
                        read.push(column.clone());
                    }
                }
            }
            _ => read = None,
        }
    }
    let mut conditions = plans.first().map_or_else(Vec::new, |plan| plan.conditions.clone());
    conditions.retain(|condition| plans.iter().all(|plan| plan.conditions.contains(condition)));
    let shows = plans.iter().any(|plan| plan.shows);
    Asked { fields: read.map_or_else(Wanted::all, Wanted::only), conditions: conditions.into(), shows }
}

#[cfg(test)]
mod tests {
    use super::*;
    use recpipe::record::{CompareOp, Constant};

    #[test]
    fn what_one_needs_all_are_given() {
        let plan = |columns: Option<&[&str]>, conditions: &[(&str, i64)]| Pushdown {
            columns: columns.map(|columns| columns.iter().map(ToString::to_string).collect()),
            conditions: conditions
                .iter()
                .map(|&(field, n)| Condition { field: field.into(), op: CompareOp::Eq, constant: Constant::Int(n.into()) })
                .collect(),
            ..Pushdown::default()
        };
        let check = |besides: Option<&str>, plans: &[Pushdown], fields: Option<&[&str]>, conditions: &[&str]| {
            let asked = asked(besides.map(str::to_owned), plans);
            assert_eq!(asked.fields.names().map(|names| names.iter().map(String::as_str).collect::<Vec<_>>()).as_deref(), fields);
            assert_eq!(asked.conditions.iter().map(ToString::to_string).collect::<Vec<_>>(), conditions);
        };
        let one = plan(Some(&["a", "b"]), &[("a", 1), ("b", 2)]);
        check(None, std::slice::from_ref(&one), Some(&["a", "b"]), &["a == 1", "b == 2"]);
        check(Some("s"), &[one.clone(), plan(Some(&["c", "b"]), &[("b", 2), ("c", 3)])], Some(&["s", "a", "b", "c"]), &["b == 2"]);
        check(None, &[one.clone(), plan(None, &[("a", 1)])], None, &["a == 1"]);
        check(Some("s"), &[plan(None, &[]), one.clone()], None, &[]);
        check(None, &[one.clone(), plan(Some(&["a"]), &[("a", 2)])], Some(&["a", "b"]), &[]);
    }
}
