//! The same work on several threads, with the order of the input kept.

use std::{
    any::Any,
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError, bounded};

use crate::{Error, Flow};

/// Items in flight for each worker: one it works on, one that waits to be taken in order, and one to smooth out jitter.
pub const IN_FLIGHT_PER_WORKER: usize = 3;

/// More threads than this are refused on a command line: no machine has so many processors, and a system that starts a
/// thread may still fail to give it a stack.
pub const MAX_THREADS: u16 = 1024;

/// What one thread does with the items it gets; each thread has one of its own.
pub trait Worker<T> {
    /// What comes of an item.
    type Out: Send;
    /// What the worker has gathered when there are no more items.
    type Last: Send;

    /// Works on one item.
    fn work(&mut self, item: T) -> Self::Out;

    /// There are no more items.
    fn finish(self) -> Self::Last;
}

/// Where results go, on the calling thread.
pub trait Sink<T> {
    /// Takes the next result, in the order of the items.
    fn take(&mut self, result: T) -> Flow;

    /// All results so far have been taken: a chance to write out what is held back.
    fn idle(&mut self) -> Flow {
        Flow::Continue
    }

    /// Whether [`Sink::wait`] is to be asked at all. A source may wait for ever, so then even a single worker has a thread of
    /// its own.
    fn is_timed(&self) -> bool {
        false
    }

    /// How long to wait at most for the next result before [`Sink::idle`] is called again; `None` until there is one.
    fn wait(&self) -> Option<Duration> {
        None
    }

    /// Called once when one of the others has answered [`Flow::Stop`]: wakes a source that waits for input.
    fn stopped(&mut self) {}
}

/// Pulls items from `source`, has them worked on by `threads` workers, and gives the results to `sink` in the order in
/// which the items were pulled. Returns what each worker gathered.
///
/// The workers pull for themselves, one at a time, so an item stays on the core that read it. Never more than three
/// items a worker are between source and sink, so memory is bounded and a slow sink slows the source down. With one
/// thread all happens on the calling one, without channels (unless the sink [is timed](Sink::is_timed)): that is the oracle of
/// the others.
///
/// Where the system has fewer threads to give, fewer work.
///
/// # Errors
/// [`Error::Panicked`] when a worker panicked; results before that item were given to the sink.
///
/// # Examples
/// ```
/// use recpipe::{Flow, parallel::{Sink, Worker, ordered}};
///
/// struct Square;
/// impl Worker<u64> for Square {
///     type Out = u64;
///     type Last = ();
///     fn work(&mut self, item: u64) -> u64 { item * item }
///     fn finish(self) {}
/// }
/// struct Collect(Vec<u64>);
/// impl Sink<u64> for Collect {
///     fn take(&mut self, result: u64) -> Flow { self.0.push(result); Flow::Continue }
/// }
/// let (mut items, mut squares) = (1..=4, Collect(Vec::new()));
/// ordered(&mut || items.next(), 2, &|| Square, &mut squares)?;
/// assert_eq!(squares.0, [1, 4, 9, 16]);
/// # Ok::<(), recpipe::Error>(())
/// ```
pub fn ordered<T, W>(
    source: &mut (impl FnMut() -> Option<T> + Send),
    threads: usize,
    make: &(impl Fn() -> W + Sync),
    sink: &mut impl Sink<W::Out>,
) -> Result<Vec<W::Last>, Error>
where
    T: Send,
    W: Worker<T>,
{
    all(source, threads, make, sink, Order::Input)
}

/// As [`ordered`], but each result is taken as it comes: none waits for that of an earlier item that takes longer.
///
/// # Errors
/// As for [`ordered`], but for which results were given before the panic.
pub fn unordered<T, W>(
    source: &mut (impl FnMut() -> Option<T> + Send),
    threads: usize,
    make: &(impl Fn() -> W + Sync),
    sink: &mut impl Sink<W::Out>,
) -> Result<Vec<W::Last>, Error>
where
    T: Send,
    W: Worker<T>,
{
    all(source, threads, make, sink, Order::Arrival)
}

/// In what order results are taken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Input,
    Arrival,
}

fn all<T, W>(
    source: &mut (impl FnMut() -> Option<T> + Send),
    threads: usize,
    make: &(impl Fn() -> W + Sync),
    sink: &mut impl Sink<W::Out>,
    order: Order,
) -> Result<Vec<W::Last>, Error>
where
    T: Send,
    W: Worker<T>,
{
    if threads <= 1 && !sink.is_timed() {
        return alone(source, make(), sink);
    }
    let threads = threads.max(1);
    let in_flight = threads * IN_FLIGHT_PER_WORKER;
    let (permits, permitted) = bounded::<()>(in_flight);
    for _ in 0..in_flight {
        // The channel was made for exactly these.
        let _ = permits.try_send(());
    }
    let (results, arrived) = bounded(in_flight);
    let numbered = Mutex::new((0_u64, Some(source)));
    let pull = || {
        let mut guard = numbered.lock().unwrap_or_else(PoisonError::into_inner);
        let (number, source) = &mut *guard;
        let item = source.as_mut().and_then(|source| source());
        if item.is_none() {
            // Asked no more, by whichever worker: what follows an end, or an error, is not to be read.
            *source = None;
        }
        *number += 1;
        Some((*number - 1, item?))
    };
    std::thread::scope(|scope| {
        let spawn = |_| {
            let (results, permitted, pull) = (results.clone(), permitted.clone(), &pull);
            std::thread::Builder::new().spawn_scoped(scope, move || run(make(), pull, &permitted, &results))
        };
        let workers: Vec<_> = (0..threads).map(spawn).map_while(Result::ok).collect();
        // Fewer threads than were asked for give the same result; so does none.
        if workers.is_empty() {
            return alone(&mut || pull().map(|(_, item)| item), make(), sink);
        }
        drop(results);
        drop(permitted);
        let collected = collect(&arrived, permits, sink, order);
        // Workers that still have a result to deliver find nobody there, and end.
        drop(arrived);
        let lasts =
            workers.into_iter().map(|worker| worker.join().map_err(|panic| Error::panicked(&*panic))).collect::<Result<Vec<_>, _>>();
        collected.and(lasts)
    })
}

fn alone<T, W: Worker<T>>(
    source: &mut impl FnMut() -> Option<T>,
    mut worker: W,
    sink: &mut impl Sink<W::Out>,
) -> Result<Vec<W::Last>, Error> {
    while let Some(item) = source() {
        let result = catch_unwind(AssertUnwindSafe(|| worker.work(item))).map_err(|panic| Error::panicked(&*panic))?;
        if sink.take(result) == Flow::Stop || sink.idle() == Flow::Stop {
            sink.stopped();
            break;
        }
    }
    Ok(vec![worker.finish()])
}

type Outcome<T> = (u64, Result<T, Box<dyn Any + Send>>);

fn run<T, W: Worker<T>>(
    mut worker: W,
    pull: &impl Fn() -> Option<(u64, T)>,
    permitted: &Receiver<()>,
    results: &Sender<Outcome<W::Out>>,
) -> W::Last {
    while permitted.recv().is_ok() {
        let Some((number, item)) = pull() else { break };
        let result = catch_unwind(AssertUnwindSafe(|| worker.work(item)));
        if results.send((number, result)).is_err() {
            break;
        }
    }
    worker.finish()
}

/// Gives the results to the sink, in their order or as they come; `permits` lets a worker begin an item for each that has been taken.
fn collect<T>(arrived: &Receiver<Outcome<T>>, permits: Sender<()>, sink: &mut impl Sink<T>, order: Order) -> Result<(), Error> {
    let mut next = 0;
    let mut early: VecDeque<Option<Result<T, Box<dyn Any + Send>>>> = VecDeque::new();
    loop {
        let (number, result) = match arrived.try_recv() {
            Ok(outcome) => outcome,
            Err(TryRecvError::Disconnected) => return Ok(()),
            Err(TryRecvError::Empty) => {
                if sink.idle() == Flow::Stop {
                    sink.stopped();
                    return Ok(());
                }
                let next = match sink.wait() {
                    Some(time) => arrived.recv_timeout(time),
                    None => arrived.recv().map_err(|_| RecvTimeoutError::Disconnected),
                };
                match next {
                    Ok(outcome) => outcome,
                    Err(RecvTimeoutError::Timeout) => continue,
                    Err(RecvTimeoutError::Disconnected) => return Ok(()),
                }
            }
        };
        let place = if order == Order::Input { (number - next) as usize } else { 0 };
        if early.len() <= place {
            early.resize_with(place + 1, || None);
        }
        early[place] = Some(result);
        while let Some(result) = early.front_mut().and_then(Option::take) {
            early.pop_front();
            next += 1;
            let result = result.map_err(|panic| Error::panicked(&*panic));
            let flow = match result {
                Ok(result) => sink.take(result),
                Err(error) => {
                    sink.stopped();
                    return Err(error);
                }
            };
            if flow == Flow::Stop {
                sink.stopped();
                return Ok(());
            }
            // Never full: a permit is given back for one that was used.
            let _ = permits.try_send(());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicU64, Ordering},
        time::Duration,
    };

    use super::{IN_FLIGHT_PER_WORKER, Sink, Worker, ordered, unordered};
    use crate::{Error, Flow};

    struct Echo<'a>(&'a dyn Fn(u64), u64);

    impl Worker<u64> for Echo<'_> {
        type Out = u64;
        type Last = u64;

        fn work(&mut self, item: u64) -> u64 {
            (self.0)(item);
            self.1 += item;
            item
        }

        fn finish(self) -> u64 {
            self.1
        }
    }

    #[derive(Default)]
    struct Got(Vec<u64>, Option<usize>, bool);

    impl Sink<u64> for Got {
        fn take(&mut self, result: u64) -> Flow {
            self.0.push(result);
            if self.1 == Some(self.0.len()) { Flow::Stop } else { Flow::Continue }
        }

        fn stopped(&mut self) {
            self.2 = true;
        }
    }

    fn run(threads: usize, items: u64, stop: Option<usize>, each: &(dyn Fn(u64) + Sync)) -> (Got, Result<Vec<u64>, Error>, u64) {
        let mut sink = Got(Vec::new(), stop, false);
        let pulled = AtomicU64::new(0);
        let mut source = || (pulled.load(Ordering::SeqCst) < items).then(|| pulled.fetch_add(1, Ordering::SeqCst));
        let lasts = ordered(&mut source, threads, &|| Echo(each, 0), &mut sink);
        (sink, lasts, pulled.into_inner())
    }

    #[test]
    fn order_is_kept_and_all_is_done_once() {
        for threads in [1, 2, 3, 8] {
            let uneven = |item: u64| (0..(item * 7919 % 13) * 500).map(std::hint::black_box).for_each(|_| {});
            let (sink, lasts, _) = run(threads, 2000, None, &uneven);
            assert_eq!(sink.0, (0..2000).collect::<Vec<_>>(), "{threads} threads");
            let lasts = lasts.unwrap();
            assert_eq!(lasts.len(), threads);
            assert_eq!(lasts.iter().sum::<u64>(), 1999 * 1000);
            assert!(!sink.2);
        }
    }

    #[test]
    fn unordered_results_do_not_wait_for_each_other() {
        // The first item is not done before the last has been taken: in order, nothing would ever be.
        struct Watch(Vec<u64>, crossbeam_channel::Sender<()>);
        impl Sink<u64> for Watch {
            fn take(&mut self, result: u64) -> Flow {
                self.0.push(result);
                if self.0.len() == 99 {
                    let _ = self.1.try_send(());
                }
                Flow::Continue
            }
        }
        let (all_taken, wait) = crossbeam_channel::bounded(1);
        let each = |item: u64| {
            if item == 0 {
                let _ = wait.recv_timeout(std::time::Duration::from_secs(20));
            }
        };
        let mut sink = Watch(Vec::new(), all_taken);
        let mut items = 0..100;
        let each: &(dyn Fn(u64) + Sync) = &each;
        let sums = unordered(&mut || items.next(), 2, &|| Echo(each, 0), &mut sink).unwrap();
        assert_eq!(sums.iter().sum::<u64>(), 99 * 50);
        assert_eq!(sink.0.last(), Some(&0));
        sink.0.sort_unstable();
        assert_eq!(sink.0, (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn stop_ends_an_endless_source() {
        for threads in [1, 2, 8] {
            let (sink, lasts, pulled) = run(threads, u64::MAX, Some(3), &|_| {});
            assert_eq!(sink.0, [0, 1, 2]);
            assert!(lasts.is_ok() && sink.2);
            assert!(pulled <= 3 + (threads * IN_FLIGHT_PER_WORKER) as u64, "{pulled} pulled by {threads}");
        }
    }

    #[test]
    fn a_timed_sink_is_called_while_the_source_waits() {
        struct Timed(Vec<u64>, crossbeam_channel::Sender<()>);
        impl Sink<u64> for Timed {
            fn take(&mut self, result: u64) -> Flow {
                self.0.push(result);
                Flow::Continue
            }
            fn idle(&mut self) -> Flow {
                if self.0.len() == 1 {
                    // The source has waited for that since it gave its first item.
                    let _ = self.1.try_send(());
                }
                Flow::Continue
            }
            fn is_timed(&self) -> bool {
                true
            }
            fn wait(&self) -> Option<Duration> {
                Some(Duration::from_millis(1))
            }
        }
        for threads in [1, 2] {
            let (called, calls) = crossbeam_channel::bounded(8);
            let mut sink = Timed(Vec::new(), called);
            let mut items = 0..3;
            let mut source = || {
                let item = items.next();
                if item == Some(1) {
                    // More than once: the first call may come with the first item.
                    for _ in 0..3 {
                        calls.recv_timeout(Duration::from_secs(20)).ok()?;
                    }
                }
                item
            };
            ordered(&mut source, threads, &|| Echo(&|_| {}, 0), &mut sink).unwrap();
            assert_eq!(sink.0, [0, 1, 2], "{threads} threads");
        }
    }

    #[test]
    fn a_source_that_has_ended_is_not_asked_again() {
        for threads in [1, 2, 8] {
            let mut asked_after_end = 0;
            let mut items = 0..20;
            let mut ended = false;
            let mut source = || {
                asked_after_end += u64::from(ended);
                let item = items.next();
                ended = item.is_none();
                item
            };
            let mut sink = Got(Vec::new(), None, false);
            ordered(&mut source, threads, &|| Echo(&|_| {}, 0), &mut sink).unwrap();
            assert_eq!((asked_after_end, sink.0.len()), (0, 20), "{threads} threads");
        }
    }

    #[test]
    fn a_panic_is_an_error_and_what_came_before_counts() {
        for threads in [1, 2, 4] {
            let (sink, lasts, _) = run(threads, 1000, None, &|item| assert!(item != 500, "five hundred"));
            assert_eq!(sink.0, (0..500).collect::<Vec<_>>());
            assert!(lasts.unwrap_err().to_string().contains("five hundred"));
        }
    }
}
