//! Host names of addresses: many lookups at a time, each waited for only so long, and remembered.
//!
//! A lookup goes through the system's resolver (`getnameinfo`, so `/etc/hosts` and whatever else is set up there counts),
//! which blocks and cannot be told to stop. So lookups have threads of their own, and a thread whose lookup takes too long
//! is left behind: nobody joins it, and it ends with the program. Rejected: a resolver of our own (`hickory-resolver`),
//! which could be stopped, but knows neither the system's configuration in full nor how to do without an async runtime.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use recpipe::say;

/// What came of a lookup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The name.
    Name(String),
    /// There is none.
    Nameless,
    /// The resolver could not say.
    Failed,
}

/// How much a [`Resolver`] does at a time, how long it waits, and how much it remembers.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Lookups at the same time, each on a thread.
    pub in_flight: usize,
    /// How long an answer is waited for.
    pub patience: Duration,
    /// After so many lookups in a row that failed or took too long, no more are made.
    pub failures: usize,
    /// At least so many of the latest addresses are remembered, and at most twice as many.
    pub remembered: usize,
}

impl Limits {
    /// Enough for a log's visitors; a resolver that hangs costs the patience once, or twice.
    pub const DEFAULT: Limits = Limits { in_flight: 32, patience: Duration::from_secs(5), failures: 64, remembered: 1 << 17 };
}

/// Looks names up. See the module.
///
/// # Examples
/// ```
/// use recpipe_consumer::stage::resolver::{Answer, Limits, Resolver};
///
/// let mut resolver = Resolver::new(Limits::DEFAULT, |address| {
///     if address.is_loopback() { Answer::Name("localhost".into()) } else { Answer::Nameless }
/// });
/// let names = resolver.names(["127.0.0.1".parse()?, "192.0.2.1".parse()?]);
/// assert_eq!(names[&"127.0.0.1".parse()?].as_deref(), Some("localhost"));
/// assert_eq!(names[&"192.0.2.1".parse()?], None);
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
pub struct Resolver {
    limits: Limits,
    lookup: Arc<dyn Fn(IpAddr) -> Answer + Send + Sync>,
    /// What is known: the latest, and those before them.
    known: [HashMap<IpAddr, Name>; 2],
    to_threads: Queue<IpAddr>,
    from_threads: Queue<(IpAddr, Answer)>,
    threads: usize,
    /// Threads that are left behind in a lookup.
    stuck: usize,
    failures: usize,
    has_given_up: bool,
}

/// Both ends of a channel: threads may be started at any time, and none that ends closes it.
type Queue<T> = (Sender<T>, Receiver<T>);

/// A host's name; `None` where there is none, or nobody could say.
pub type Name = Option<Arc<str>>;

impl Resolver {
    /// The system's resolver.
    pub fn system() -> Self {
        Resolver::new(Limits::DEFAULT, system)
    }

    /// Any `lookup`, which may take its time and is called on several threads.
    pub fn new(limits: Limits, lookup: impl Fn(IpAddr) -> Answer + Send + Sync + 'static) -> Self {
        Resolver {
            limits,
            lookup: Arc::new(lookup),
            known: [HashMap::new(), HashMap::new()],
            to_threads: bounded(limits.in_flight),
            from_threads: bounded(limits.in_flight),
            threads: 0,
            stuck: 0,
            failures: 0,
            has_given_up: false,
        }
    }

    /// The names of these addresses.
    pub fn names(&mut self, addresses: impl IntoIterator<Item = IpAddr>) -> HashMap<IpAddr, Name> {
        let mut names = HashMap::new();
        let mut unknown = Vec::new();
        for address in addresses {
            if let std::collections::hash_map::Entry::Vacant(entry) = names.entry(address) {
                let known = self.known.iter().find_map(|known| known.get(&address)).cloned();
                if known.is_none() {
                    unknown.push(address);
                }
                entry.insert(known.unwrap_or_default());
            }
        }
        self.look_up(unknown, &mut names);
        names
    }

    fn look_up(&mut self, unknown: Vec<IpAddr>, names: &mut HashMap<IpAddr, Name>) {
        self.collect_late();
        let mut waiting = unknown.into_iter();
        let mut pending: HashMap<IpAddr, Instant> = HashMap::new();
        loop {
            while !self.has_given_up && self.has_free_thread(pending.len()) {
                let Some(address) = waiting.next() else { break };
                // A thread is free, so there is room.
                if self.to_threads.0.try_send(address).is_err() {
                    break;
                }
                pending.insert(address, Instant::now() + self.limits.patience);
            }
            let Some(&deadline) = pending.values().min() else { return };
            match self.from_threads.1.recv_deadline(deadline) {
                Ok((address, answer)) => {
                    if pending.remove(&address).is_none() {
                        self.stuck -= 1;
                    }
                    let name = self.learn(address, answer);
                    names.insert(address, name);
                }
                Err(RecvTimeoutError::Timeout) => {
                    let now = Instant::now();
                    let late: Vec<_> = pending.extract_if(|_, deadline| *deadline <= now).collect();
                    self.stuck += late.len();
                    for (address, _) in late {
                        self.learn(address, Answer::Failed);
                    }
                }
                // Not reached: both ends are ours.
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Takes the answers that nobody waits for any more: their threads are free again.
    fn collect_late(&mut self) {
        while let Ok((address, answer)) = self.from_threads.1.try_recv() {
            self.stuck -= 1;
            self.learn(address, answer);
        }
    }

    /// Whether another lookup may begin beside so many that are waited for; starts a thread where one is missing.
    fn has_free_thread(&mut self, pending: usize) -> bool {
        let busy = pending + self.stuck;
        if busy < self.threads {
            return true;
        }
        if busy >= self.limits.in_flight {
            return false;
        }
        let (lookup, addresses, answers) = (self.lookup.clone(), self.to_threads.1.clone(), self.from_threads.0.clone());
        let work = move || {
            for address in addresses {
                if answers.send((address, lookup(address))).is_err() {
                    break;
                }
            }
        };
        // Without a thread there are no names; that is no reason to fail.
        let is_started = std::thread::Builder::new().spawn(work).is_ok();
        self.threads += usize::from(is_started);
        is_started
    }

    fn learn(&mut self, address: IpAddr, answer: Answer) -> Name {
        self.failures = if answer == Answer::Failed { self.failures + 1 } else { 0 };
        if self.failures >= self.limits.failures && !self.has_given_up {
            self.has_given_up = true;
            say!("consumer: dns: {} lookups in a row had no answer; no more are made, addresses stay as they are", self.failures);
        }
        let name = if let Answer::Name(name) = answer { Some(name.into()) } else { None };
        if self.known[0].len() >= self.limits.remembered {
            self.known.swap(0, 1);
            self.known[0].clear();
        }
        self.known[0].insert(address, name);
        self.known[0][&address].clone()
    }
}

/// `getnameinfo`, which must find a name.
fn system(address: IpAddr) -> Answer {
    use dns_lookup::LookupErrorKind::{NoData, NoName};
    match dns_lookup::lookup_addr(&address) {
        Ok(name) => Answer::Name(name),
        Err(error) if matches!(error.kind(), NoName | NoData) => Answer::Nameless,
        Err(_) => Answer::Failed,
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::HashSet,
        net::{IpAddr, Ipv4Addr},
        sync::{
            Arc, Barrier, Mutex,
            atomic::{AtomicUsize, Ordering},
        },
        time::{Duration, Instant},
    };

    use super::{Answer, Limits, Resolver};

    const LIMITS: Limits = Limits { in_flight: 4, patience: Duration::from_secs(1), failures: 1000, remembered: 10 };

    fn address(n: u8) -> IpAddr {
        Ipv4Addr::new(10, 0, 0, n).into()
    }

    fn patient() -> Limits {
        Limits { patience: Duration::from_secs(60), ..LIMITS }
    }

    fn named(address: IpAddr) -> Answer {
        Answer::Name(format!("host-{address}"))
    }

    #[test]
    fn looks_up_at_the_same_time_but_not_too_many() {
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        // Nobody is answered before four have asked.
        let barrier = Barrier::new(4);
        let (counter, maximum) = (now.clone(), most.clone());
        let mut resolver = Resolver::new(patient(), move |address| {
            maximum.fetch_max(counter.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            barrier.wait();
            counter.fetch_sub(1, Ordering::SeqCst);
            named(address)
        });
        let names = resolver.names((0..8).map(address));
        assert_eq!(names.len(), 8);
        assert!(names.iter().all(|(address, name)| name.as_deref() == Some(&*format!("host-{address}"))));
        assert_eq!(most.load(Ordering::SeqCst), 4);
    }

    #[test]
    fn asks_once_and_forgets_the_oldest() {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = asked.clone();
        let mut resolver = Resolver::new(patient(), move |address| {
            log.lock().unwrap().push(address);
            if address == self::address(1) { Answer::Nameless } else { named(address) }
        });
        for _ in 0..3 {
            let names = resolver.names([1, 2, 1].map(address));
            assert_eq!((names[&address(1)].as_deref(), names[&address(2)].as_deref()), (None, Some("host-10.0.0.2")));
        }
        assert_eq!(asked.lock().unwrap().len(), 2);
        for n in 0..100 {
            resolver.names([address(n)]);
        }
        assert!(resolver.known.iter().all(|known| known.len() <= LIMITS.remembered));
        // The latest are known still, the first no more.
        let before = asked.lock().unwrap().len();
        resolver.names([address(99), address(95)]);
        assert_eq!(asked.lock().unwrap().len(), before);
        resolver.names([address(2)]);
        assert_eq!(asked.lock().unwrap().len(), before + 1);
    }

    #[test]
    fn what_hangs_is_left_behind() {
        // Odd addresses hang until the test is over.
        let (hold, held) = crossbeam_channel::bounded::<()>(0);
        let mut resolver = Resolver::new(LIMITS, move |address| {
            let IpAddr::V4(v4) = address else { return Answer::Failed };
            if v4.octets()[3] % 2 == 1 {
                let _ = held.recv();
            }
            named(address)
        });
        let began = Instant::now();
        let names = resolver.names((0..6).map(address));
        let found: HashSet<_> = names.iter().filter(|(_, name)| name.is_some()).map(|(address, _)| *address).collect();
        assert_eq!(found, HashSet::from([0, 2, 4].map(address)));
        assert_eq!(resolver.stuck, 3);
        // One thread is left, and does the work of four; then none is, and nobody waits any more.
        assert!(resolver.names([address(8)])[&address(8)].is_some());
        assert!(resolver.names([address(7)])[&address(7)].is_none());
        assert_eq!(resolver.stuck, 4);
        assert!(resolver.names((100..200).map(address)).values().all(Option::is_none));
        // Were they waited for, it would be a second for each of a hundred.
        assert!(began.elapsed() < Duration::from_secs(60));
        drop(hold);
    }

    #[test]
    fn late_answers_free_their_threads() {
        let (hold, held) = crossbeam_channel::bounded::<()>(0);
        let limits = Limits { in_flight: 1, ..LIMITS };
        let mut resolver = Resolver::new(limits, move |address| {
            let _ = held.recv();
            named(address)
        });
        assert!(resolver.names([address(1)])[&address(1)].is_none());
        assert_eq!(resolver.stuck, 1);
        drop(hold);
        // The answer that was late comes while the next is waited for, or that one is not asked for at all yet.
        let began = Instant::now();
        while resolver.names([address(2)])[&address(2)].is_none() {
            assert!(began.elapsed() < Duration::from_secs(120));
            resolver.known[0].remove(&address(2));
            std::thread::yield_now();
        }
        assert_eq!(resolver.stuck, 0);
    }

    #[test]
    fn a_resolver_that_never_answers_is_given_up() {
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = asked.clone();
        let mut resolver = Resolver::new(Limits { failures: 8, ..patient() }, move |_| {
            counter.fetch_add(1, Ordering::SeqCst);
            Answer::Failed
        });
        assert!(resolver.names((0..200).map(address)).values().all(Option::is_none));
        let count = asked.load(Ordering::SeqCst);
        assert!((8..=12).contains(&count), "{count}");
        resolver.names([address(201)]);
        assert_eq!(asked.load(Ordering::SeqCst), count);
    }
}
