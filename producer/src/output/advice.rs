//! What the consumers need of the records, as far as they have said so.

use recpipe::transport::back::Listener;
use recpipe::transport::link::Plans;
use recpipe::wire::Plan;

/// Where consumers are heard.
pub enum Advice {
    /// Nowhere: whoever reads knows nothing of it.
    Nobody,
    /// The one at the other end of a pipe.
    Pipe(Listener),
    /// Those at the other ends of links: heard when all have spoken.
    Links {
        /// Where each is heard.
        from: Vec<Plans>,
        /// What each has said.
        said: Vec<Option<Plan>>,
        /// A field that is needed whatever they say.
        besides: Option<String>,
        /// All was heard, once.
        heard: bool,
    },
}

impl Advice {
    /// Of the consumers at these links.
    pub fn links(from: Vec<Plans>, besides: Option<String>) -> Self {
        let said = vec![None; from.len()];
        Advice::Links { from, said, besides, heard: false }
    }

    /// The fields that are read by any, once it is known; it is given once. Never waits.
    pub fn hear(&mut self) -> Option<Vec<String>> {
        match self {
            Advice::Nobody => None,
            Advice::Pipe(listener) => listener.hear().and_then(|plan| plan.columns),
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
                let mut all: Vec<String> = besides.take().into_iter().collect();
                for plan in said.drain(..).flatten() {
                    for column in plan.columns? {
                        if !all.contains(&column) {
                            all.push(column);
                        }
                    }
                }
                Some(all)
            }
        }
    }
}
