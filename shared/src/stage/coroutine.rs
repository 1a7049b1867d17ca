//! A stage whose protocol is checked.

use super::{Flow, Stage};
use crate::{Batch, Error, Time};

/// Where a coroutine stands: the states that `inspect.getcoroutinestate` gives the seeds' coroutines, as far as they can
/// be seen from outside, and the one they lack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Waits for the next `send`.
    Suspended,
    /// Has said that it has enough; waits for `close`.
    Stopped,
    /// Closed, or failed: nothing may follow.
    Closed,
}

/// Holds whoever drives a stage to the protocol of [`Stage`].
///
/// A send (or a punctuation) after `Stop` or after `close`, and a second `close`, are [`Error::Protocol`]. Dropping an open coroutine does
/// not close it: after an error a chain is to be dropped without being closed, lest a half result look whole.
///
/// # Examples
/// ```
/// use recpipe::{Error, Stage, stage::{Collect, Coroutine, State}};
///
/// let mut stage = Coroutine::new(Collect::new().0);
/// stage.close()?;
/// assert_eq!(stage.state(), State::Closed);
/// assert!(matches!(stage.close(), Err(Error::Protocol(_))));
/// # Ok::<(), recpipe::Error>(())
/// ```
#[derive(Debug)]
pub struct Coroutine<S> {
    stage: S,
    state: State,
}

impl<S: Stage> Coroutine<S> {
    /// Wraps a stage that nothing has been sent to yet.
    pub fn new(stage: S) -> Self {
        Coroutine { stage, state: State::Suspended }
    }

    /// Where it stands.
    pub fn state(&self) -> State {
        self.state
    }

    /// What makes batches flow.
    fn drive(&mut self, step: impl FnOnce(&mut S) -> Result<Flow, Error>) -> Result<Flow, Error> {
        match self.state {
            State::Suspended => {}
            State::Stopped => return Err(Error::Protocol("send after stop")),
            State::Closed => return Err(Error::Protocol("send after close")),
        }
        let flow = self.run(step)?;
        if flow == Flow::Stop {
            self.state = State::Stopped;
        }
        Ok(flow)
    }

    fn run<T>(&mut self, step: impl FnOnce(&mut S) -> Result<T, Error>) -> Result<T, Error> {
        let result = step(&mut self.stage);
        if result.is_err() {
            self.state = State::Closed;
        }
        result
    }
}

impl<S: Stage> Stage for Coroutine<S> {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        self.drive(|stage| stage.send(batch))
    }

    fn flush(&mut self) -> Result<(), Error> {
        if self.state == State::Closed {
            return Err(Error::Protocol("flush after close"));
        }
        self.run(S::flush)
    }

    fn close(&mut self) -> Result<(), Error> {
        if self.state == State::Closed {
            return Err(Error::Protocol("close after close"));
        }
        self.run(S::close)?;
        self.state = State::Closed;
        Ok(())
    }

    fn target(&mut self) -> Option<&mut dyn Stage> {
        self.stage.target()
    }

    fn punctuate(&mut self, time: Time) -> Result<Flow, Error> {
        self.drive(|stage| stage.punctuate(time))
    }

    fn fail(&mut self, error: &Error) {
        self.state = State::Closed;
        self.stage.fail(error);
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, rc::Rc};

    use super::{Coroutine, State};
    use crate::{
        Batch, Error, Flow, Stage, Time,
        stage::{Broadcast, Collect, collect::tests::batch, from_fn},
    };

    #[test]
    fn runs_through_its_states() {
        let (stage, got) = Collect::new();
        let mut coroutine = Coroutine::new(stage);
        assert_eq!(coroutine.state(), State::Suspended);
        assert_eq!(coroutine.send(batch(0..1)).unwrap(), Flow::Continue);
        coroutine.flush().unwrap();
        coroutine.close().unwrap();
        assert_eq!(coroutine.state(), State::Closed);
        assert_eq!(got.records(), 1);
        assert!(got.is_closed());
        assert!(matches!(coroutine.send(batch(0..1)), Err(Error::Protocol("send after close"))));
        assert!(matches!(coroutine.flush(), Err(Error::Protocol("flush after close"))));
        assert!(matches!(coroutine.close(), Err(Error::Protocol("close after close"))));
        assert_eq!(got.records(), 1);
    }

    #[test]
    fn nothing_is_sent_after_stop_but_close_comes() {
        let mut coroutine = Coroutine::new(from_fn(|_| Ok(Flow::Stop)));
        assert_eq!(coroutine.send(batch(0..1)).unwrap(), Flow::Stop);
        assert_eq!(coroutine.state(), State::Stopped);
        assert!(matches!(coroutine.send(batch(0..1)), Err(Error::Protocol("send after stop"))));
        coroutine.close().unwrap();
    }

    #[test]
    fn nothing_follows_an_error() {
        let mut coroutine = Coroutine::new(from_fn(|_| Err(Error::Data("no".into()))));
        assert!(coroutine.send(batch(0..1)).is_err());
        assert!(matches!(coroutine.close(), Err(Error::Protocol(_))));
    }

    #[test]
    fn a_failure_is_told_to_the_end_of_the_chain_and_closes_nothing() {
        struct Last(Rc<RefCell<Vec<String>>>);
        impl Stage for Last {
            fn send(&mut self, _: Batch) -> Result<Flow, Error> {
                Ok(Flow::Continue)
            }

            fn flush(&mut self) -> Result<(), Error> {
                Ok(())
            }

            fn close(&mut self) -> Result<(), Error> {
                self.0.borrow_mut().push("closed".into());
                Ok(())
            }

            fn target(&mut self) -> Option<&mut dyn Stage> {
                None
            }

            fn punctuate(&mut self, time: Time) -> Result<Flow, Error> {
                self.0.borrow_mut().push(time.nanos.to_string());
                Ok(Flow::Stop)
            }

            fn fail(&mut self, error: &Error) {
                self.0.borrow_mut().push(error.to_string());
            }
        }
        let heard = Rc::default();
        let last = || Box::new(Coroutine::new(Last(Rc::clone(&heard)))) as Box<dyn Stage>;
        let mut chain = Coroutine::new(Broadcast::new(vec![last(), Box::new(from_fn(|_| Ok(Flow::Continue)))]));
        let time = Time { nanos: 7, offset_s: 0 };
        // One has enough, and is asked no more; the other goes on.
        assert_eq!(chain.punctuate(time).unwrap(), Flow::Continue);
        assert_eq!(chain.punctuate(time).unwrap(), Flow::Continue);
        chain.fail(&Error::Data("no".into()));
        assert!(matches!(chain.close(), Err(Error::Protocol(_))));
        assert!(matches!(chain.punctuate(time), Err(Error::Protocol(_))));
        drop(chain);
        assert_eq!(*heard.borrow(), ["7", "no"]);
    }

    #[test]
    fn dropping_does_not_close() {
        let (stage, got) = Collect::new();
        let mut coroutine = Coroutine::new(stage);
        assert_eq!(coroutine.send(batch(0..1)).unwrap(), Flow::Continue);
        drop(coroutine);
        assert!(!got.is_closed());
    }
}
