//! How much memory a query holds on to, and where the rest goes.
//!
//! One [`Budget`] serves all stages that keep records: `sort`, `stats`, `distinct`. Each holder (a stage in a worker, or
//! a stage that runs once) has an [`Account`], and asks it *before* it grows; a holder that is refused writes what it
//! has to a [`Spill`] and goes on.
//!
//! Every holder is promised a floor; what is beyond the floors goes to whoever asks first. So a lone stage uses nearly
//! all of it, none starves, and all together stay within the limit. Fixed shares would leave most of the memory unused
//! in most queries; a plain common pool would leave a late holder with nothing.

mod machine;
mod spill;

use std::{
    path::{Path, PathBuf},
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

pub use machine::default_limit;
pub use spill::{ReadRun, Run, RunReader, RunWriter, Spill};

use recpipe::parallel::IN_FLIGHT_PER_WORKER;

use crate::size::size;

/// A number of bytes, as a user writes it: `256MiB`, `1GB`, `65536`.
///
/// # Examples
/// ```
/// use recpipe_consumer::memory::Size;
///
/// assert_eq!("256MiB".parse::<Size>()?.0, 256 << 20);
/// assert!("much".parse::<Size>().is_err());
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub usize);

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bytes = size(text).and_then(|bytes| usize::try_from(bytes).ok());
        let Some(bytes) = bytes else { return Err("a size is written `256MiB`, `1GB` or `65536`".to_owned()) };
        if bytes < Budget::LEAST { Err("less than 64KiB is too little to work with".to_owned()) } else { Ok(Size(bytes)) }
    }
}

/// What a user says of memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Bytes that all stages may hold together.
    pub limit: usize,
    /// Where temporary files are made.
    pub directory: PathBuf,
}

impl Default for Memory {
    /// A quarter of what this program may use, and the system's directory for temporary files.
    fn default() -> Self {
        Memory { limit: default_limit(), directory: std::env::temp_dir() }
    }
}

impl Memory {
    /// Bytes that a batch may have on its way through a worker: as it was read, and what came of it.
    const IN_FLIGHT: usize = 1 << 20;

    /// The budget for so many accounts; what `workers` have between them and their sink is taken from it.
    pub(crate) fn budget(&self, holders: usize, workers: usize) -> Budget {
        Budget::new(self.limit, holders, workers * IN_FLIGHT_PER_WORKER * Self::IN_FLIGHT, &self.directory)
    }
}

/// What all stages of a query may hold together, and where they spill to. Clones share it.
#[derive(Clone, Debug)]
pub struct Budget(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limit: usize,
    /// What every account has for itself.
    floor: usize,
    /// What is left for whoever asks first.
    free: AtomicUsize,
    /// Where temporary files are made.
    directory: PathBuf,
}

impl Budget {
    /// Less is not worth a name: a single batch of records is larger.
    pub const LEAST: usize = 64 << 10;
    /// One part in so many is for the floors of the accounts, and as much for the buffers of merges.
    const RESERVED: usize = 8;

    /// `limit` bytes for `holders` accounts; `in_flight` of them are taken by batches between the workers and their
    /// sink, a quarter at most. Temporary files are made in `directory`.
    pub fn new(limit: usize, holders: usize, in_flight: usize, directory: &Path) -> Self {
        let reserved = limit / Self::RESERVED;
        let free = limit - 2 * reserved - in_flight.min(limit / 4);
        let floor = reserved / holders.max(1);
        Budget(Arc::new(Shared { limit, floor, free: AtomicUsize::new(free), directory: directory.to_owned() }))
    }

    /// An account that holds nothing yet.
    pub fn account(&self) -> Account {
        Account { budget: self.clone(), held: 0 }
    }

    /// A temporary file for what does not fit.
    ///
    /// # Errors
    /// [`recpipe::Error::Io`] naming the directory.
    pub fn spill(&self) -> Result<Spill, recpipe::Error> {
        Spill::create(&self.0.directory)
    }

    /// The whole of it.
    pub fn limit(&self) -> usize {
        self.0.limit
    }

    /// How many bytes of records are allocated, written or read in one piece.
    pub fn piece(&self) -> usize {
        (self.0.limit / 64).clamp(2 << 10, 512 << 10)
    }

    /// How many runs one merge may read at the same time: each has a piece as it was read, and what it is decoded to.
    pub fn fan_in(&self) -> usize {
        (self.0.limit / Self::RESERVED / (2 * self.piece())).clamp(4, 128)
    }
}

/// What one holder has of a [`Budget`]; it gives back all when dropped.
#[derive(Debug)]
pub struct Account {
    budget: Budget,
    held: usize,
}

impl Account {
    /// Whether the holder may hold so many bytes from now on, instead of what it held. When not, nothing has changed:
    /// the holder must do with less. One that can do with no less (a single record is large) goes on all the same.
    #[must_use]
    pub fn hold(&mut self, bytes: usize) -> bool {
        let shared = &self.budget.0;
        let beyond_floor = |bytes: usize| bytes.saturating_sub(shared.floor);
        let (had, wants) = (beyond_floor(self.held), beyond_floor(bytes));
        if wants > had {
            let take = |free: usize| free.checked_sub(wants - had);
            if shared.free.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_err() {
                return false;
            }
        } else {
            shared.free.fetch_add(had - wants, Ordering::Relaxed);
        }
        self.held = bytes;
        true
    }

    /// What it holds.
    pub fn held(&self) -> usize {
        self.held
    }

    /// The budget it is of.
    pub fn budget(&self) -> &Budget {
        &self.budget
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        let _ = self.hold(0);
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::{Budget, Size};

    #[test]
    fn a_lone_holder_gets_nearly_all_and_a_late_one_its_floor() {
        let budget = Budget::new(8000, 2, 0, Path::new("."));
        let (mut first, mut second) = (budget.account(), budget.account());
        assert!(first.hold(6500) && !first.hold(6501));
        assert!(second.hold(500) && !second.hold(501), "1000 are for two floors");
        assert!(first.hold(3000) && second.hold(4000) && !second.hold(4001));
        drop(first);
        assert!(second.hold(6500));
    }

    #[test]
    fn sizes_are_those_of_the_language() {
        let check = |text: &str, expect: Option<usize>| assert_eq!(text.parse::<Size>().ok(), expect.map(Size), "{text}");
        check("256MiB", Some(256 << 20));
        check("1.5GB", Some(1_500_000_000));
        check("65536", Some(65536));
        for wrong in ["", "1", "65535", "256 MiB", "256mib", "-1MiB", "1e9", "18446744073709551616", "1TiB | head 1", "1000000000TiB"] {
            check(wrong, None);
        }
    }

    proptest! {
        #[test]
        fn all_together_never_hold_more_than_the_limit(
            limit in 0..100_000_usize, holders in 1..10_usize, in_flight in 0..100_000_usize,
            asked in prop::collection::vec((0..10_usize, 0..100_000_usize), 0..100),
        ) {
            let budget = Budget::new(limit, holders, in_flight, Path::new("."));
            let mut accounts: Vec<_> = (0..holders).map(|_| budget.account()).collect();
            for (who, bytes) in asked {
                let _ = accounts[who % holders].hold(bytes);
                let held: usize = accounts.iter().map(super::Account::held).sum();
                prop_assert!(held + in_flight.min(limit / 4) <= limit);
            }
            let free = budget.0.free.load(std::sync::atomic::Ordering::Relaxed);
            drop(accounts);
            prop_assert!(budget.0.free.load(std::sync::atomic::Ordering::Relaxed) >= free);
        }
    }
}
