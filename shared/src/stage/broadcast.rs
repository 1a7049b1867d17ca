//! A copy of every batch to several targets (the seeds' `broadcast(targets)`).

use std::fmt;

use super::{Coroutine, Flow, Stage, coroutine::State};
use crate::{Batch, Error, Time};

/// Sends every batch to each of its targets, in their order; batches are shared, not copied.
///
/// It stops when all targets have enough; a target that has is left out from then on, and still closed at the end.
/// An error of one target ends them all.
///
/// # Examples
/// ```
/// use recpipe::{Batch, Stage, stage::{Broadcast, Collect}};
///
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Hit { host: String }
///
/// let ((left, in_left), (right, in_right)) = (Collect::new(), Collect::new());
/// let mut stage = Broadcast::new(vec![Box::new(left), Box::new(right)]);
/// let _ = stage.send(Batch::of(&[Hit { host: "10.0.0.1".into() }])?)?;
/// stage.close()?;
/// assert_eq!((in_left.records(), in_right.records()), (1, 1));
/// # Ok::<(), recpipe::Error>(())
/// ```
pub struct Broadcast {
    targets: Vec<Coroutine<Box<dyn Stage>>>,
}

impl Broadcast {
    /// To these targets. Without any there is nobody to stop it: everything is thrown away.
    pub fn new(targets: Vec<Box<dyn Stage>>) -> Self {
        Broadcast { targets: targets.into_iter().map(Coroutine::new).collect() }
    }
}

impl Broadcast {
    /// Each target that goes on; whether one of them still does.
    fn each(&mut self, mut step: impl FnMut(&mut Coroutine<Box<dyn Stage>>) -> Result<Flow, Error>) -> Result<Flow, Error> {
        let mut flow = if self.targets.is_empty() { Flow::Continue } else { Flow::Stop };
        for target in &mut self.targets {
            if target.state() == State::Suspended && step(target)? == Flow::Continue {
                flow = Flow::Continue;
            }
        }
        Ok(flow)
    }
}

impl fmt::Debug for Broadcast {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Broadcast").field("targets", &self.targets.len()).finish_non_exhaustive()
    }
}

impl Stage for Broadcast {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        self.each(|target| target.send(batch.clone()))
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.targets.iter_mut().try_for_each(Stage::flush)
    }

    fn close(&mut self) -> Result<(), Error> {
        self.targets.iter_mut().try_for_each(Stage::close)
    }

    fn target(&mut self) -> Option<&mut dyn Stage> {
        None
    }

    fn punctuate(&mut self, time: Time) -> Result<Flow, Error> {
        self.each(|target| target.punctuate(time))
    }

    fn fail(&mut self, error: &Error) {
        self.targets.iter_mut().for_each(|target| target.fail(error));
    }
}

#[cfg(test)]
mod tests {
    use super::Broadcast;
    use crate::{
        Flow, Stage,
        stage::{Collect, collect::tests::batch, from_fn},
    };

    #[test]
    fn goes_on_until_all_have_enough() {
        let (all, got) = Collect::new();
        let mut left = 2;
        let two = from_fn(move |_| {
            left -= 1;
            Ok(if left == 0 { Flow::Stop } else { Flow::Continue })
        });
        let one = from_fn(|_| Ok(Flow::Stop));
        let mut broadcast = Broadcast::new(vec![Box::new(one), Box::new(two)]);
        assert_eq!(broadcast.send(batch(0..1)).unwrap(), Flow::Continue);
        assert_eq!(broadcast.send(batch(0..1)).unwrap(), Flow::Stop);
        broadcast.close().unwrap();

        let mut broadcast = Broadcast::new(vec![Box::new(from_fn(|_| Ok(Flow::Stop))), Box::new(all)]);
        for _ in 0..3 {
            assert_eq!(broadcast.send(batch(0..5)).unwrap(), Flow::Continue);
        }
        broadcast.close().unwrap();
        assert_eq!(got.records(), 15);
        assert!(got.is_closed());
    }
}
