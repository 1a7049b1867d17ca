//! `sample N`: so many records, each as likely as any other; `sample 1%`: each with this likelihood.
//!
//! What is chosen is decided by the place of a record among those that come, which is hashed: so it is the same for any number of
//! threads and processes, and however the batches are cut. Rejected: to hash the place of a record in its file, which workers could do
//! by themselves. Not every stream tells it, and what stands before costs more than this.
//!
//! Runs:   once.  Order: kept.
//! Memory: O(1) for a share, which blocks nothing; O(N) for a number, of which nothing comes out before the end.
//! Stops:  no.
//! Errors: none of its own.

use recpipe::{Batch, Error, Flow, Stage, Time};

use super::{
    relay,
    picked::gather,
    top::BATCH_ROWS,
};
use crate::{
    language::{Checker, Parsed, Parser, StageWord, Syntax, Upstream, diagnose::Diagnostic, parsed, token::Kind},
    plan::{
        About, Operator, PlanStage, Read, Runs, Start, Target,
        conditions::Found,
        partial::{Show, SoFar},
    },
    span::Span,
};

/// `sample`.
pub static WORD: StageWord = StageWord {
    about: About {
        name: "sample",
        syntax: "sample N | sample N%",
        doc: "N records, or that share of all, chosen at random but always the same, in order",
        example: "sample 1%",
        runs: Runs::Once,
        memory: "O(N); of a share O(1)",
        blocks: true,
        ..About::PLAIN
    },
    parse,
};

/// A share, of which nothing waits for the end.
static SHARE: StageWord = StageWord { about: About { memory: "O(1)", blocks: false, ..WORD.about }, ..WORD };

fn parse(parser: &mut Parser<'_>) -> Parsed {
    let number = parser.peek().clone();
    let percent = match number.kind {
        Kind::Int(n) => n as f64,
        Kind::Float(share) => share,
        _ => return Err(parser.unexpected("how many, as in `sample 1000` or `sample 1%`")),
    };
    parser.advance();
    if parser.take_sign("%") {
        if !(0.0..=100.0).contains(&percent) {
            let found = Diagnostic::new(number.span, "a share is at most 100%").label("a number of records is written without `%`");
            return Err(parser.fail(found));
        }
        return Ok(parsed(SampleOp::Share(percent / 100.0)));
    }
    match number.kind {
        Kind::Int(n) if u64::try_from(n).is_ok() => Ok(parsed(SampleOp::Number(n as u64))),
        _ => {
            let found = Diagnostic::new(number.span, "a number of records is a whole one").label("a share is written `sample 0.5%`");
            Err(parser.fail(found))
        }
    }
}

/// How much is wanted.
#[derive(Clone, Copy, Debug)]
enum SampleOp {
    /// So many records.
    Number(u64),
    /// Of 1, of all records.
    Share(f64),
}

impl Syntax for SampleOp {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        let word = if matches!(self, SampleOp::Share(_)) { &SHARE } else { &WORD };
        checker.push(upstream, word, span, Ok(*self));
    }
}

impl Operator for SampleOp {
    fn reads(&self, _: &PlanStage, _: &mut Read) {}

    fn narrows(&self, _: &mut Found<'_>) -> bool {
        false
    }

    fn start(&self, start: Start<'_>, target: Target) -> Target {
        match *self {
            SampleOp::Number(n) => Box::new(Number::new(usize::try_from(n).unwrap_or(usize::MAX), start.preview, target)),
            SampleOp::Share(share) => Box::new(Share { share, seen: 0, target }),
        }
    }
}

/// A number that looks drawn at random, for the record at this place: the finalizer of SplitMix64 (Steele, Lea and Flood, "Fast
/// splittable pseudorandom number generators", 2014), of which no two places have the same.
fn drawn(place: u64) -> u64 {
    let mut z = place.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The running stage of a share.
struct Share {
    share: f64,
    /// Records so far.
    seen: u64,
    target: Target,
}

impl Stage for Share {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        const ALL: f64 = 18_446_744_073_709_551_616.0;
        let first = self.seen;
        self.seen += batch.len() as u64;
        let keep: Vec<bool> = (first..self.seen).map(|place| (drawn(place) as f64) < self.share * ALL).collect();
        let left = batch.filter(&keep);
        if left.is_empty() { Ok(Flow::Continue) } else { self.target.send(left) }
    }

    relay!();
}

/// Records are weighed against each other when this many have come together, or `N` if that is more.
const WEIGH_AT: usize = 4096;

/// The running stage of a number: the records for which the least numbers were drawn.
struct Number {
    n: usize,
    seen: u64,
    /// What is kept, in the order of the input: what was drawn for each record of each batch.
    batches: Vec<(Batch, Vec<u64>)>,
    rows: usize,
    /// What is not less is not among the least.
    below: Option<u64>,
    preview: Option<Box<dyn Show>>,
    target: Target,
}

impl Number {
    fn new(n: usize, preview: Option<Box<dyn Show>>, target: Target) -> Self {
        Number { n, seen: 0, batches: Vec::new(), rows: 0, below: None, preview, target }
    }

    /// Keeps the least alone.
    fn weigh(&mut self) -> Result<(), Error> {
        if self.rows <= self.n {
            return Ok(());
        }
        let mut all: Vec<u64> = self.batches.iter().flat_map(|(_, drawn)| drawn.iter().copied()).collect();
        let (_, &mut below, _) = all.select_nth_unstable(self.n);
        self.below = Some(below);
        let mut places = Vec::with_capacity(self.n);
        for (i, (_, drawn)) in self.batches.iter().enumerate() {
            places.extend((0..drawn.len()).filter(|&row| drawn[row] < below).map(|row| (i, row)));
        }
        let (batches, drawn): (Vec<Batch>, Vec<Vec<u64>>) = std::mem::take(&mut self.batches).into_iter().unzip();
        for places in places.chunks(BATCH_ROWS) {
            let drawn = places.iter().map(|&(i, row)| drawn[i][row]).collect();
            self.batches.push((gather(&batches, places)?, drawn));
        }
        self.rows = places.len();
        Ok(())
    }

    fn kept(&self) -> impl Iterator<Item = Batch> + use<> {
        self.batches.iter().map(|(batch, _)| batch.clone()).collect::<Vec<_>>().into_iter()
    }
}

impl Stage for Number {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        let first = self.seen;
        self.seen += batch.len() as u64;
        let drawn: Vec<u64> = (first..self.seen).map(drawn).collect();
        let is_candidate = |drawn: &u64| self.below.is_none_or(|below| *drawn < below);
        let keep: Vec<bool> = drawn.iter().map(is_candidate).collect();
        let left = batch.filter(&keep);
        if !left.is_empty() && self.n > 0 {
            self.rows += left.len();
            // Without what was not selected: a view would hold on to the whole block.
            self.batches.push((left.compact(), drawn.into_iter().filter(is_candidate).collect()));
            if self.rows >= self.n.saturating_add(self.n.max(WEIGH_AT)) {
                self.weigh()?;
            }
        }
        Ok(Flow::Continue)
    }

    fn flush(&mut self) -> Result<(), Error> {
        if self.preview.is_some() {
            self.weigh()?;
        }
        if let Some(preview) = &self.preview {
            preview.show(Some(SoFar { batches: Box::new(self.kept().map(Ok)), more: 0 }))?;
        }
        self.target.flush()
    }

    fn close(&mut self) -> Result<(), Error> {
        self.weigh()?;
        for batch in self.kept() {
            if self.target.send(batch)? == Flow::Stop {
                break;
            }
        }
        self.target.close()
    }

    fn target(&mut self) -> Option<&mut dyn Stage> {
        Some(&mut self.target)
    }

    /// Not true of what is sent at the end.
    fn punctuate(&mut self, _: Time) -> Result<Flow, Error> {
        Ok(Flow::Continue)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::drawn;

    #[test]
    fn what_is_drawn_is_even_and_never_twice() {
        let all: HashSet<u64> = (0..100_000).map(drawn).collect();
        assert_eq!(all.len(), 100_000);
        for bit in 0..64 {
            let set = all.iter().filter(|drawn| *drawn >> bit & 1 == 1).count();
            assert!((49_000..51_000).contains(&set), "bit {bit}: {set}");
        }
    }
}
