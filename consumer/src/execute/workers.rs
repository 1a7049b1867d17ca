//! The workers of a plan that is driven step by step: one on the calling thread, or several on threads of their own.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread::{Builder, JoinHandle},
};

use crossbeam_channel::{Receiver, Sender, bounded};
use recpipe::{Batch, Error, parallel::IN_FLIGHT_PER_WORKER, record::Schema, wire::RawBatch};

use super::{
    cut::{Cut, Prepared},
    deliver::Piece,
    worker::QueryWorker,
};
use crate::{
    memory::Budget,
    plan::{Output, Plan, Sides, partial::Partial},
    writer::Notes,
};

/// What a worker works on.
pub(super) enum Job {
    /// Records of the main input.
    Batch(Batch),
    /// Records of another one, for the chain of this number.
    Frame(usize, RawBatch),
}

impl Job {
    fn schema(&self) -> Option<Arc<Schema>> {
        match self {
            Job::Batch(batch) => Some(batch.schema().clone()),
            Job::Frame(..) => None,
        }
    }
}

/// What came of a job.
pub(super) struct Made {
    /// The place of its records in the input.
    pub(super) order: u64,
    /// The fields of these records, if they are of the main input.
    pub(super) schema: Option<Arc<Schema>>,
    pub(super) pieces: Result<Vec<Piece>, Error>,
}

/// What a worker is made of, on its own thread: its stages are not sent to another.
#[derive(Clone)]
pub(super) struct Seed {
    pub(super) plan: Arc<Plan>,
    pub(super) output: Output,
    pub(super) budget: Budget,
    pub(super) sides: Sides,
    pub(super) workers: usize,
    pub(super) notes: Notes,
}

impl Seed {
    fn worker(&self) -> QueryWorker {
        let prepared = Prepared { budget: self.budget.clone(), sides: self.sides.clone() };
        QueryWorker::new(&Cut::new(&self.plan, &self.output, prepared, self.workers, self.notes.clone()))
    }
}

/// Works on what it is handed; what comes of it is taken in the order in which it was handed.
pub(super) enum Workers {
    /// On the calling thread, at once.
    Here(Box<QueryWorker>, VecDeque<Made>),
    /// On threads of their own.
    Threads(Threads),
}

/// Workers on threads. Dropping them waits for what each is working on.
pub(super) struct Threads {
    /// `None` when there is nothing more to be worked on.
    to: Option<Sender<(u64, u64, Job)>>,
    from: Receiver<(u64, Made)>,
    threads: Vec<JoinHandle<Option<Box<dyn Partial>>>>,
    /// What came before its turn.
    early: VecDeque<Option<Made>>,
    handed: u64,
    taken: u64,
    most: u64,
}

impl Workers {
    /// As many as the seed says; where the system has fewer threads to give, fewer.
    pub(super) fn new(seed: &Seed) -> Self {
        Self::threads(seed).map_or_else(|| Workers::Here(Box::new(seed.worker()), VecDeque::new()), Workers::Threads)
    }

    fn threads(seed: &Seed) -> Option<Threads> {
        if seed.workers <= 1 {
            return None;
        }
        let most = seed.workers * IN_FLIGHT_PER_WORKER;
        let ((to, jobs), (made, from)) = (bounded(most), bounded(most));
        let start = |_| {
            let (seed, jobs, made) = (seed.clone(), jobs.clone(), made.clone());
            Builder::new().name("recpipe-query".into()).spawn(move || run(&seed, &jobs, &made)).ok()
        };
        let threads: Vec<_> = (0..seed.workers).map_while(start).collect();
        let most = most as u64;
        let threads = Threads { to: Some(to), from, threads, early: VecDeque::new(), handed: 0, taken: 0, most };
        (!threads.threads.is_empty()).then_some(threads)
    }

    /// Whether something has to be [taken](Workers::take) before more is handed.
    pub(super) fn is_full(&self) -> bool {
        match self {
            Workers::Here(..) => false,
            Workers::Threads(threads) => threads.handed - threads.taken >= threads.most,
        }
    }

    /// Hands over what has this place in the input.
    ///
    /// # Errors
    /// [`Error::Panicked`] where no worker is left.
    pub(super) fn hand(&mut self, order: u64, job: Job) -> Result<(), Error> {
        match self {
            Workers::Here(worker, made) => {
                let schema = job.schema();
                made.push_back(Made { order, schema, pieces: work(worker, job) });
            }
            Workers::Threads(threads) => {
                let number = threads.handed;
                if threads.to.as_ref().is_none_or(|to| to.send((number, order, job)).is_err()) {
                    return Err(threads.ended());
                }
                threads.handed += 1;
            }
        }
        Ok(())
    }

    /// What came of the next job, if it is done.
    pub(super) fn ready(&mut self) -> Option<Made> {
        match self {
            Workers::Here(_, made) => made.pop_front(),
            Workers::Threads(threads) => {
                while let Ok((number, made)) = threads.from.try_recv() {
                    threads.keep(number, made);
                }
                threads.next()
            }
        }
    }

    /// What came of the next job, which is waited for; `None` where nothing is being worked on.
    ///
    /// # Errors
    /// [`Error::Panicked`] where no worker is left.
    pub(super) fn take(&mut self) -> Result<Option<Made>, Error> {
        loop {
            if let Some(made) = self.ready() {
                return Ok(Some(made));
            }
            let Workers::Threads(threads) = self else { return Ok(None) };
            if threads.taken == threads.handed {
                return Ok(None);
            }
            match threads.from.recv() {
                Ok((number, made)) => threads.keep(number, made),
                Err(_) => return Err(threads.ended()),
            }
        }
    }

    /// What they have gathered, sealed.
    ///
    /// # Errors
    /// [`Error::Panicked`].
    pub(super) fn gathered(self) -> Result<Vec<Box<dyn Partial>>, Error> {
        match self {
            Workers::Here(worker, _) => Ok(worker.gathered().into_iter().collect()),
            Workers::Threads(mut threads) => threads.join().map(|gathered| gathered.into_iter().flatten().collect()),
        }
    }
}

impl Threads {
    fn keep(&mut self, number: u64, made: Made) {
        let place = (number - self.taken) as usize;
        if self.early.len() <= place {
            self.early.resize_with(place + 1, || None);
        }
        self.early[place] = Some(made);
    }

    fn next(&mut self) -> Option<Made> {
        let made = self.early.front_mut()?.take()?;
        self.early.pop_front();
        self.taken += 1;
        Some(made)
    }

    /// Why no worker is left, though none was told to end.
    fn ended(&mut self) -> Error {
        self.join().err().unwrap_or(Error::Protocol("the workers of a query have ended before it"))
    }

    fn join(&mut self) -> Result<Vec<Option<Box<dyn Partial>>>, Error> {
        self.to = None;
        let join = |thread: JoinHandle<_>| thread.join().map_err(|panic| Error::panicked(&*panic));
        self.threads.drain(..).map(join).collect()
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.to = None;
        // What was not begun is not wanted.
        let (_, nothing) = bounded(0);
        self.from = nothing;
        for thread in self.threads.drain(..) {
            // Nobody is left to be told of a panic.
            let _ = thread.join();
        }
    }
}

fn work(worker: &mut QueryWorker, job: Job) -> Result<Vec<Piece>, Error> {
    match job {
        Job::Batch(batch) => worker.send_batch(batch),
        Job::Frame(chain, raw) => worker.send(chain, raw, ""),
    }
}

/// What each thread does.
fn run(seed: &Seed, jobs: &Receiver<(u64, u64, Job)>, made: &Sender<(u64, Made)>) -> Option<Box<dyn Partial>> {
    let mut worker = seed.worker();
    for (number, order, job) in jobs {
        let schema = job.schema();
        let pieces = catch_unwind(AssertUnwindSafe(|| work(&mut worker, job))).unwrap_or_else(|panic| Err(Error::panicked(&*panic)));
        if made.send((number, Made { order, schema, pieces })).is_err() {
            return None;
        }
    }
    worker.gathered()
}
