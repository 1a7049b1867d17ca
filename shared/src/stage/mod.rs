//! The push protocol: a stage is a coroutine that is sent batches.
//!
//! The words are those of David Beazley's "A Curious Course on Coroutines and Concurrency" (PyCon 2009): a stage owns
//! its `target`, is driven by `send` and `close`, and a source is what drives. What the tutorial lacks is added: a
//! stage can say that it has enough, errors are returned, and `close` is really passed on.

mod broadcast;
pub(crate) mod collect;
mod coroutine;
mod fan_in;
mod filter;
mod from_fn;
mod map;
mod threaded;

pub use broadcast::Broadcast;
pub use collect::{Collect, Collected};
pub use coroutine::{Coroutine, State};
pub use fan_in::{FanIn, fan_in};
pub use filter::{Filter, filter};
pub use from_fn::{FromFn, from_fn};
pub use map::{Map, map};
pub use threaded::{Threaded, threaded};

use crate::{Batch, Error, Time};

/// Whether whoever sends should go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Flow {
    /// Send more.
    Continue,
    /// Enough: nothing sent after this could change the result. It travels back to the source, which ends at once.
    Stop,
}

/// One step of a pipeline: takes batches, and sends what it makes of them to its target.
///
/// The model is push, or internal iteration: the source drives, on whatever thread it runs; a stage never asks for
/// input. A chain of stages runs on one thread, and a batch goes through all of it before the next is sent.
///
/// What a stage must do:
/// - `send`: take the batch, send what comes of it to the target, and answer with the target's [`Flow`], or with
///   [`Flow::Stop`] of its own. It may hold records back until `close`. Batches may be empty.
/// - `flush`: pass on to the target. A stage at the end writes out what it has buffered. It adds nothing to the result.
/// - `close`: send what is held back, then close the target, and only then return.
/// - `punctuate` and `fail` go to the target by themselves. A stage that holds records back, or that has further records to send,
///   keeps a punctuation to itself: it would not be true of what comes out.
///
/// What a stage may rely on:
/// - `close` comes exactly once: after the last `send`, also when that answered `Stop`; never after an error.
/// - After `Stop` no `send` follows. After an error nothing follows but `fail`, once; then the chain is dropped.
///
/// [`Coroutine`] wraps a stage and holds its user to this.
///
/// # Examples
/// A stage that counts what goes through it:
/// ```
/// use recpipe::{Batch, Error, Flow, Stage, stage::Collect};
///
/// struct Count<S> {
///     records: usize,
///     target: S,
/// }
///
/// impl<S: Stage> Stage for Count<S> {
///     fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
///         self.records += batch.len();
///         self.target.send(batch)
///     }
///     fn flush(&mut self) -> Result<(), Error> {
///         self.target.flush()
///     }
///     fn close(&mut self) -> Result<(), Error> {
///         self.target.close()
///     }
///     fn target(&mut self) -> Option<&mut dyn Stage> {
///         Some(&mut self.target)
///     }
/// }
///
/// # #[derive(serde::Serialize, serde::Deserialize)] struct Number { n: i64 }
/// let mut stage = Count { records: 0, target: Collect::new().0 };
/// let _ = stage.send(Batch::of(&[Number { n: 1 }, Number { n: 2 }])?)?;
/// stage.close()?;
/// assert_eq!(stage.records, 2);
/// # Ok::<(), Error>(())
/// ```
pub trait Stage {
    /// Takes a batch.
    ///
    /// # Errors
    /// Whatever the stage or one after it cannot go on from; see [`Error::is_broken_pipe`] for a reader that has gone.
    fn send(&mut self, batch: Batch) -> Result<Flow, Error>;

    /// The source has nothing more for now: whoever buffers output writes it.
    ///
    /// # Errors
    /// As for [`Stage::send`].
    fn flush(&mut self) -> Result<(), Error>;

    /// The source has ended.
    ///
    /// # Errors
    /// As for [`Stage::send`].
    fn close(&mut self) -> Result<(), Error>;

    /// The stage that this one sends to; `None` at the end of a chain, and where there are several.
    fn target(&mut self) -> Option<&mut dyn Stage>;

    /// No record with an earlier time follows: what waited for the time to pass is complete. It adds nothing to the result that `close`
    /// would not.
    ///
    /// # Errors
    /// As for [`Stage::send`].
    fn punctuate(&mut self, time: Time) -> Result<Flow, Error> {
        self.target().map_or(Ok(Flow::Continue), |target| target.punctuate(time))
    }

    /// The run has failed, and the chain is dropped without being closed: who leaves something half behind may say why.
    fn fail(&mut self, error: &Error) {
        if let Some(target) = self.target() {
            target.fail(error);
        }
    }
}

impl<S: Stage + ?Sized> Stage for Box<S> {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        (**self).send(batch)
    }

    fn flush(&mut self) -> Result<(), Error> {
        (**self).flush()
    }

    fn close(&mut self) -> Result<(), Error> {
        (**self).close()
    }

    fn target(&mut self) -> Option<&mut dyn Stage> {
        (**self).target()
    }

    fn punctuate(&mut self, time: Time) -> Result<Flow, Error> {
        (**self).punctuate(time)
    }

    fn fail(&mut self, error: &Error) {
        (**self).fail(error);
    }
}

impl<S: Stage + ?Sized> Stage for &mut S {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        (**self).send(batch)
    }

    fn flush(&mut self) -> Result<(), Error> {
        (**self).flush()
    }

    fn close(&mut self) -> Result<(), Error> {
        (**self).close()
    }

    fn target(&mut self) -> Option<&mut dyn Stage> {
        (**self).target()
    }

    fn punctuate(&mut self, time: Time) -> Result<Flow, Error> {
        (**self).punctuate(time)
    }

    fn fail(&mut self, error: &Error) {
        (**self).fail(error);
    }
}
