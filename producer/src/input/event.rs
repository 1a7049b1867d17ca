//! What comes of inputs, in the order of the reading.

use super::InputError;
use super::mark::Mark;

/// What comes of inputs: blocks, and what happened to the inputs between them.
#[derive(Debug)]
pub enum Event<B, P = InputError> {
    /// The next bytes or records.
    Block(B),
    /// An input, or the rest of it, that cannot be read. The reading goes on with the others.
    Problem(P),
    /// What a person should know, after which the reading goes on.
    Notice {
        /// What happened, and to which input; `None` where that was said before.
        text: Option<String>,
        /// What it cost.
        cost: Cost,
    },
    /// All that was given out before stands before this place of its file.
    Mark(Box<Mark>),
    /// Nothing has come for a while: a chance to look whether somebody still wants it.
    Pulse,
}

/// What something that happened to an input cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cost {
    /// Nothing.
    Nothing,
    /// Records may have been lost.
    Loss,
    /// Records may have come twice.
    Repeat,
    /// So many bytes of a file were not looked at, since they were written before or after what is asked for.
    Skipped(u64),
    /// So many NULs that are no part of a record.
    Nuls(u64),
}

impl<B, P> Event<B, P> {
    /// What a person should know, and which costs nothing.
    pub fn notice(text: String) -> Self {
        Event::Notice { text: Some(text), cost: Cost::Nothing }
    }

    /// The same with what is made of the block, and of the problem.
    ///
    /// # Errors
    /// Those of `block`.
    pub fn try_map<C, Q: From<P>, E>(self, block: impl FnOnce(B) -> Result<C, E>) -> Result<Event<C, Q>, E> {
        Ok(match self {
            Event::Block(of) => Event::Block(block(of)?),
            Event::Problem(problem) => Event::Problem(problem.into()),
            Event::Notice { text, cost } => Event::Notice { text, cost },
            Event::Mark(mark) => Event::Mark(mark),
            Event::Pulse => Event::Pulse,
        })
    }
}
