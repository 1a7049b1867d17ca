//! Several chains into one target (the seeds' "more disturbing variation").

use std::{cell::RefCell, fmt, rc::Rc};

use super::{Coroutine, Flow, Stage, coroutine::State};
use crate::{Batch, Error, Time};

/// One of the ways into a target; see [`fan_in`].
pub struct FanIn<S> {
    shared: Rc<RefCell<Shared<S>>>,
    /// The latest time at which this way was punctuated.
    punctuated: Option<Time>,
    place: usize,
}

struct Shared<S> {
    target: Coroutine<S>,
    /// Of each way that is open, how far its time is known to have passed; `None` for one that is closed.
    open: Vec<Option<Option<Time>>>,
}

/// So many ways into one target, which is closed when the last of them is.
///
/// Records come to it in the order in which they are sent. When it has enough, each way says so. No time has passed before it has on
/// every way that is open.
///
/// # Examples
/// ```
/// use recpipe::{Stage, Value, stage::{Broadcast, Collect, fan_in, filter}};
///
/// let (collect, got) = Collect::new();
/// let mut ways = fan_in(2, collect).into_iter();
/// let (Some(lost), Some(slow)) = (ways.next(), ways.next()) else { return Err("two ways".into()) };
/// let mut both = Broadcast::new(vec![
///     Box::new(filter(|row| row.get("status") == Some(Value::Int(404)), lost)),
///     Box::new(filter(|row| matches!(row.get("ms"), Some(Value::Int(ms)) if ms > 1000), slow)),
/// ]);
/// both.close()?;
/// assert!(got.is_closed());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn fan_in<S: Stage>(ways: usize, target: S) -> Vec<FanIn<S>> {
    let shared = Rc::new(RefCell::new(Shared { target: Coroutine::new(target), open: vec![Some(None); ways] }));
    (0..ways).map(|place| FanIn { shared: shared.clone(), punctuated: None, place }).collect()
}

impl<S: Stage> Shared<S> {
    fn drive(&mut self, step: impl FnOnce(&mut Coroutine<S>) -> Result<Flow, Error>) -> Result<Flow, Error> {
        // Another way may have been told already.
        if self.target.state() == State::Suspended { step(&mut self.target) } else { Ok(Flow::Stop) }
    }

    /// How far time has passed on all ways.
    fn passed(&self) -> Option<Time> {
        self.open.iter().flatten().copied().min().flatten()
    }
}

impl<S> fmt::Debug for FanIn<S> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("FanIn").field("way", &self.place).finish_non_exhaustive()
    }
}

impl<S: Stage> Stage for FanIn<S> {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        self.shared.borrow_mut().drive(|target| target.send(batch))
    }

    fn flush(&mut self) -> Result<(), Error> {
        let mut shared = self.shared.borrow_mut();
        if shared.target.state() == State::Closed { Ok(()) } else { shared.target.flush() }
    }

    fn close(&mut self) -> Result<(), Error> {
        let mut shared = self.shared.borrow_mut();
        shared.open[self.place] = None;
        if shared.open.iter().any(Option::is_some) || shared.target.state() == State::Closed {
            return Ok(());
        }
        shared.target.close()
    }

    fn target(&mut self) -> Option<&mut dyn Stage> {
        None
    }

    fn punctuate(&mut self, time: Time) -> Result<Flow, Error> {
        self.punctuated = self.punctuated.max(Some(time));
        let mut shared = self.shared.borrow_mut();
        let before = shared.passed();
        shared.open[self.place] = Some(self.punctuated);
        match shared.passed().filter(|passed| Some(*passed) > before) {
            Some(passed) => shared.drive(|target| target.punctuate(passed)),
            None => shared.drive(|_| Ok(Flow::Continue)),
        }
    }

    fn fail(&mut self, error: &Error) {
        let mut shared = self.shared.borrow_mut();
        if shared.target.state() != State::Closed {
            shared.target.fail(error);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, rc::Rc};

    use super::fan_in;
    use crate::{
        Batch, Error, Flow, Stage, Time,
        stage::{Collect, collect::tests::batch, from_fn},
    };

    #[test]
    fn the_target_is_closed_by_the_last() {
        let (collect, got) = Collect::new();
        let mut ways = fan_in(3, collect);
        for (n, way) in ways.iter_mut().enumerate() {
            assert!(!got.is_closed());
            assert_eq!(way.send(batch(0..n as i64)).unwrap(), Flow::Continue);
            way.flush().unwrap();
            way.close().unwrap();
        }
        assert!(got.is_closed());
        assert_eq!(got.records(), 3);
    }

    #[test]
    fn enough_is_enough_on_every_way() {
        let mut ways = fan_in(2, from_fn(|_| Ok(Flow::Stop)));
        for way in &mut ways {
            assert_eq!(way.send(batch(0..1)).unwrap(), Flow::Stop);
        }
        ways.iter_mut().for_each(|way| way.close().unwrap());
    }

    #[test]
    fn time_passes_when_it_has_on_every_open_way() {
        struct Times(Rc<RefCell<Vec<i64>>>);
        impl Stage for Times {
            fn send(&mut self, _: Batch) -> Result<Flow, Error> {
                Ok(Flow::Continue)
            }
            fn flush(&mut self) -> Result<(), Error> {
                Ok(())
            }
            fn close(&mut self) -> Result<(), Error> {
                Ok(())
            }
            fn target(&mut self) -> Option<&mut dyn Stage> {
                None
            }
            fn punctuate(&mut self, time: Time) -> Result<Flow, Error> {
                self.0.borrow_mut().push(time.nanos);
                Ok(Flow::Continue)
            }
        }
        let heard = Rc::default();
        let mut ways = fan_in(3, Times(Rc::clone(&heard)));
        let mut punctuate = |way: usize, nanos| ways[way].punctuate(Time { nanos, offset_s: 0 }).unwrap();
        let _ = (punctuate(0, 5), punctuate(1, 7));
        assert!(heard.borrow().is_empty());
        let _ = (punctuate(2, 6), punctuate(2, 9), punctuate(0, 4), punctuate(0, 8));
        ways[1].close().unwrap();
        let _ = ways[0].punctuate(Time { nanos: 10, offset_s: 0 }).unwrap();
        assert_eq!(*heard.borrow(), [5, 7, 9]);
    }
}
