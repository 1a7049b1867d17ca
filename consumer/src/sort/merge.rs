//! The merge of sorted runs.

use bytes::Bytes;
use recpipe::{Batch, Error, record::column};

use super::{
    key::{PREFIX_BYTES, Prefix, prefix},
    run::{Keep, MemoryRun, Pair, without_serial},
    tournament::Tournament,
};
use crate::memory::{ReadRun, Run};

/// Gives the pairs of several runs in the order of their keys.
#[derive(Debug)]
pub struct Merge {
    runs: Vec<Pairs>,
    /// The prefix of each run's next key; `None` at its end.
    heads: Vec<Option<Prefix>>,
    tournament: Tournament,
    keep: Keep,
    given: usize,
    /// With [`Keep::Unique`]: the key that was given last, without its serial number.
    last: Option<Vec<u8>>,
    is_started: bool,
}

/// One run.
#[derive(Debug)]
pub enum Pairs {
    /// In memory.
    Memory(MemoryRun),
    /// In a temporary file, or with another process.
    Spilled(SpilledRun),
}

/// A run that is read back, a batch at a time.
#[derive(Debug)]
pub struct SpilledRun {
    reader: Box<dyn ReadRun>,
    bytes: Bytes,
    keys: Vec<(u32, u32)>,
    rows: Vec<(u32, u32)>,
    next: usize,
}

impl Merge {
    pub(super) fn new(runs: Vec<Pairs>, keep: Keep) -> Self {
        let heads: Vec<_> = runs.iter().map(Pairs::prefix).collect();
        let tournament = Tournament::new(runs.len(), |a, b| less(&runs, &heads, a, b));
        Merge { runs, heads, tournament, keep, given: 0, last: None, is_started: false }
    }

    /// The next key and its row.
    ///
    /// # Errors
    /// Those of a [`Run`] that is read.
    #[expect(clippy::should_implement_trait, reason = "what it gives is borrowed from it")]
    pub fn next(&mut self) -> Result<Option<Pair<'_>>, Error> {
        if matches!(self.keep, Keep::First(n) if self.given >= n) {
            return Ok(None);
        }
        loop {
            if std::mem::replace(&mut self.is_started, true) {
                self.advance()?;
            }
            let winner = self.tournament.winner();
            let Some((key, _)) = self.runs.get(winner).and_then(Pairs::head) else { return Ok(None) };
            if self.keep == Keep::Unique {
                let key = without_serial(key);
                if self.last.as_deref() == Some(key) {
                    continue;
                }
                let last = self.last.get_or_insert_default();
                last.clear();
                last.extend_from_slice(key);
            }
            self.given += 1;
            break;
        }
        Ok(self.runs[self.tournament.winner()].head())
    }

    fn advance(&mut self) -> Result<(), Error> {
        let winner = self.tournament.winner();
        self.runs[winner].advance()?;
        self.heads[winner] = self.runs[winner].prefix();
        let (runs, heads) = (&self.runs, &self.heads);
        self.tournament.replay(|a, b| less(runs, heads, a, b));
        Ok(())
    }
}

/// Whether the next key of run `a` comes before that of `b`; the end comes last.
#[inline]
fn less(runs: &[Pairs], heads: &[Option<Prefix>], a: usize, b: usize) -> bool {
    let rest = |run: usize| runs[run].head().and_then(|(key, _)| key.get(PREFIX_BYTES..)).unwrap_or_default();
    match (heads[a], heads[b]) {
        (Some(left), Some(right)) => left.cmp(&right).then_with(|| rest(a).cmp(rest(b))).is_lt(),
        (left, _) => left.is_some(),
    }
}

impl Pairs {
    pub(super) fn spilled(run: &Run) -> Result<Self, Error> {
        Pairs::read(Box::new(run.read()?))
    }

    /// A run of batches that [`super::external::packed`] made.
    pub(super) fn read(reader: Box<dyn ReadRun>) -> Result<Self, Error> {
        let mut run = SpilledRun { reader, bytes: Bytes::new(), keys: Vec::new(), rows: Vec::new(), next: 0 };
        run.refill()?;
        Ok(Pairs::Spilled(run))
    }

    #[inline]
    fn head(&self) -> Option<Pair<'_>> {
        match self {
            Pairs::Memory(run) => run.head(),
            Pairs::Spilled(run) => run.head(),
        }
    }

    #[inline]
    fn prefix(&self) -> Option<Prefix> {
        self.head().map(|(key, _)| prefix(key))
    }

    #[inline]
    fn advance(&mut self) -> Result<(), Error> {
        match self {
            Pairs::Memory(run) => run.advance(),
            Pairs::Spilled(run) => {
                run.next += 1;
                if run.next >= run.keys.len() {
                    run.refill()?;
                }
            }
        }
        Ok(())
    }
}

impl SpilledRun {
    #[inline]
    fn head(&self) -> Option<Pair<'_>> {
        let slice = |&(start, len): &(u32, u32)| &self.bytes[start as usize..start as usize + len as usize];
        Some((slice(self.keys.get(self.next)?), slice(self.rows.get(self.next)?)))
    }

    /// The next batch; nothing at the end.
    fn refill(&mut self) -> Result<(), Error> {
        self.next = 0;
        self.keys.clear();
        self.rows.clear();
        // Before the next is read, so that its buffer is used again.
        self.bytes = Bytes::new();
        let Some(batch) = self.reader.read()? else { return Ok(()) };
        let [keys, rows] = views(&batch)?;
        (self.keys, self.rows) = (keys.views(None), rows.views(None));
        self.bytes = keys.bytes().clone();
        Ok(())
    }
}

/// The two columns of text, which lie in the same bytes.
fn views(batch: &Batch) -> Result<[&recpipe::Text; 2], Error> {
    match batch.columns() {
        [keys, rows] => match (keys.values(), rows.values()) {
            (column::Values::Text(keys), column::Values::Text(rows)) if keys.bytes().as_ptr() == rows.bytes().as_ptr() => Ok([keys, rows]),
            _ => Err(Error::Protocol("pairs that are no pairs")),
        },
        _ => Err(Error::Protocol("pairs that are no pairs")),
    }
}
