//! What the consumers need of the records, as far as they have said so.

use std::sync::Arc;

use recpipe::record::Condition;
use recpipe::transport::link::Pushdowns;
use recpipe::transport::local::Sender;
use recpipe::transport::pipe_backchannel::Listener;
use recpipe::wire;

use crate::format::Wanted;

/// What is asked for. It is advice: more may be sent, never less. Cloning shares.
#[derive(Clone, Debug, Default)]
pub struct Pushdown {
    /// The fields that are read.
    pub fields: Wanted,
    /// Records for which not all of these hold are of no use.
    pub conditions: Arc<[Condition]>,
    /// Whether one of them may write to a terminal before the end.
    pub shows: bool,
    /// Whether the lines and the first bytes of the records are read.
    pub places: bool,
}

/// Where consumers are heard.
pub enum PushdownChannel {
    /// Nowhere: whoever reads knows nothing of it.
    Nobody,
    /// Nowhere, and yet those who read are consumers: what one of them needs is not known.
    Unheard,
    /// The one at the other end of a pipe.
    Pipe {
        /// Where it is heard.
        listener: Listener,
        /// Whether it may speak still.
        may_speak: bool,
    },
    /// The one in this process.
    Local(Sender),
    /// Those at the other ends of links: heard when all have spoken.
    Links {
        /// Where each is heard.
        from: Vec<Pushdowns>,
        /// What each has said.
        said: Vec<Option<wire::Pushdown>>,
        /// A field that is needed whatever they say.
        besides: Option<String>,
        /// All was heard, once.
        heard: bool,
    },
}

impl PushdownChannel {
    /// Of the consumer at the end of a pipe.
    pub fn pipe(listener: Listener) -> Self {
        let may_speak = listener.listens();
        PushdownChannel::Pipe { listener, may_speak }
    }

    /// Of the consumers at these links.
    pub fn links(from: Vec<Pushdowns>, besides: Option<String>) -> Self {
        let said = vec![None; from.len()];
        PushdownChannel::Links { from, said, besides, heard: false }
    }

    /// What is taken to be needed before anything was heard.
    pub(crate) fn unheard(&self) -> Pushdown {
        let places = match self {
            PushdownChannel::Nobody => false,
            PushdownChannel::Unheard | PushdownChannel::Links { .. } | PushdownChannel::Local(_) => true,
            PushdownChannel::Pipe { may_speak, .. } => *may_speak,
        };
        Pushdown { places, ..Pushdown::default() }
    }

    /// What any of them needs, once it is known; it is given once. Never waits.
    ///
    /// `is_late`: a consumer at the end of a pipe has spoken by now, or there is none.
    pub fn hear(&mut self, is_late: bool) -> Option<Pushdown> {
        match self {
            PushdownChannel::Nobody | PushdownChannel::Unheard => None,
            PushdownChannel::Pipe { listener, may_speak } => {
                let heard = listener.hear().map(|plan| needs(None, &[plan]));
                let is_late = is_late && *may_speak;
                *may_speak &= heard.is_none() && !is_late;
                // Whoever reads there is no consumer. Places are told in case that somebody asks: here, nobody does.
                heard.or_else(|| is_late.then(Pushdown::default))
            }
            PushdownChannel::Local(sender) => sender.hear().map(|plan| needs(None, &[plan])),
            PushdownChannel::Links { heard: true, .. } => None,
            PushdownChannel::Links { from, said, besides, heard } => {
                for (from, said) in from.iter().zip(said.iter_mut()) {
                    if said.is_none() {
                        *said = from.take();
                    }
                }
                if said.iter().any(Option::is_none) {
                    return None;
                }
                *heard = true;
                let plans: Vec<wire::Pushdown> = said.drain(..).flatten().collect();
                Some(needs(besides.take(), &plans))
            }
        }
    }
}

/// What any of these needs: a field that one of them reads, or `besides`; a record that one of them does not do without.
fn needs(besides: Option<String>, plans: &[wire::Pushdown]) -> Pushdown {
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
    let (shows, places) = (plans.iter().any(|plan| plan.shows), plans.iter().any(|plan| plan.places));
    Pushdown { fields: read.map_or_else(Wanted::all, Wanted::only), conditions: conditions.into(), shows, places }
}

#[cfg(test)]
mod tests {
    use super::*;
    use recpipe::record::{CompareOp, Constant};

    #[cfg(target_os = "linux")]
    #[test]
    fn places_are_told_until_a_consumer_would_have_asked() {
        use recpipe::transport::pipe_backchannel::advise;
        let (input, output) = std::io::pipe().unwrap();
        let channel = || PushdownChannel::pipe(Listener::new(&output));
        let mut silent = channel();
        assert!(silent.unheard().places);
        assert!(silent.hear(false).is_none(), "it may still speak");
        assert!(!silent.hear(true).unwrap().places && !silent.unheard().places);
        assert!(silent.hear(true).is_none(), "it is given once");
        drop(silent);
        let mut heard = channel();
        assert!(advise(&input, &wire::Pushdown { places: true, ..wire::Pushdown::default() }));
        assert!(heard.hear(true).unwrap().places, "what was said counts, however late it is");
        assert!(heard.hear(true).is_none());
        let file = std::fs::File::open("/dev/null").unwrap();
        assert!(!PushdownChannel::pipe(Listener::new(&file)).unheard().places, "no pipe, no consumer");
    }

    #[test]
    fn what_one_needs_all_are_given() {
        let plan = |columns: Option<&[&str]>, conditions: &[(&str, i64)]| wire::Pushdown {
            columns: columns.map(|columns| columns.iter().map(ToString::to_string).collect()),
            conditions: conditions
                .iter()
                .map(|&(field, n)| Condition { field: field.into(), op: CompareOp::Eq, constant: Constant::Int(n.into()) })
                .collect(),
            ..wire::Pushdown::default()
        };
        let check = |besides: Option<&str>, plans: &[wire::Pushdown], fields: Option<&[&str]>, conditions: &[&str]| {
            let needs = super::needs(besides.map(str::to_owned), plans);
            assert_eq!(needs.fields.names().map(|names| names.iter().map(String::as_str).collect::<Vec<_>>()).as_deref(), fields);
            assert_eq!(needs.conditions.iter().map(ToString::to_string).collect::<Vec<_>>(), conditions);
        };
        let one = plan(Some(&["a", "b"]), &[("a", 1), ("b", 2)]);
        check(None, std::slice::from_ref(&one), Some(&["a", "b"]), &["a == 1", "b == 2"]);
        check(Some("s"), &[one.clone(), plan(Some(&["c", "b"]), &[("b", 2), ("c", 3)])], Some(&["s", "a", "b", "c"]), &["b == 2"]);
        check(None, &[one.clone(), plan(None, &[("a", 1)])], None, &["a == 1"]);
        check(Some("s"), &[plan(None, &[]), one.clone()], None, &[]);
        check(None, &[one.clone(), plan(Some(&["a"]), &[("a", 2)])], Some(&["a", "b"]), &[]);
    }
}
