//! `tail N`: the last `N` records. `tail N per KEY` is a stage of its own: `super::tail_per`.
//!
//! Runs:   once.  Order: kept.  Memory: O(N), and a batch.  Blocks: nothing comes out before the end.
//! Stops:  no.
//! Errors: none of its own.

use std::collections::VecDeque;

use recpipe::{Batch, Error, Flow, Stage, Time};

use super::tail_per;
use crate::{
    language::{Checker, Parsed, Parser, StageWord, Syntax, Upstream, parsed},
    plan::{
        About, Operator, PlanStage, Read, Runs, Start, Target,
        conditions::Found,
        partial::{Show, SoFar},
    },
    span::Span,
};

/// `tail`.
pub static WORD: StageWord = StageWord {
    about: About {
        name: "tail",
        syntax: "tail N [per KEY]",
        doc: "the last N records, or those of each key",
        example: "tail 10",
        runs: Runs::Once,
        memory: "O(N)",
        blocks: true,
        ..About::PLAIN
    },
    parse,
};

fn parse(parser: &mut Parser<'_>) -> Parsed {
    let n = parser.count("tail")?;
    Ok(match parser.per_at_end()? {
        Some(keys) => tail_per::parsed_per(n, keys),
        None => parsed(TailOp(n)),
    })
}

/// So many records.
#[derive(Clone, Copy, Debug)]
struct TailOp(u64);

impl Syntax for TailOp {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        checker.push(upstream, &WORD, span, Ok(*self));
    }
}

impl Operator for TailOp {
    fn reads(&self, _: &PlanStage, _: &mut Read) {}

    fn narrows(&self, _: &mut Found<'_>) -> bool {
        false
    }

    fn start(&self, start: Start<'_>, target: Target) -> Target {
        let n = usize::try_from(self.0).unwrap_or(usize::MAX);
        Box::new(Tail { n, batches: VecDeque::new(), rows: 0, preview: start.preview, target })
    }
}

/// The running stage.
struct Tail {
    n: usize,
    /// The last records and perhaps some before them, which are of the first batch.
    batches: VecDeque<Batch>,
    rows: usize,
    preview: Option<Box<dyn Show>>,
    target: Target,
}

impl Tail {
    /// The last records, no others among them.
    fn last(&self) -> impl Iterator<Item = Batch> + use<> {
        let mut early = self.rows.saturating_sub(self.n);
        self.batches.clone().into_iter().map(move |batch| batch.skip(std::mem::take(&mut early)))
    }
}

impl Stage for Tail {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        let batch = batch.skip(batch.len().saturating_sub(self.n));
        if batch.is_empty() {
            return Ok(Flow::Continue);
        }
        self.rows += batch.len();
        // Without what was not selected: a view would hold on to the whole block.
        self.batches.push_back(batch.compact());
        while let Some(first) = self.batches.front().map(Batch::len).filter(|first| self.rows - first >= self.n) {
            self.rows -= first;
            self.batches.pop_front();
        }
        Ok(Flow::Continue)
    }

    fn flush(&mut self) -> Result<(), Error> {
        if let Some(preview) = &self.preview {
            preview.show(Some(SoFar { batches: Box::new(self.last().map(Ok)), more: 0 }))?;
        }
        self.target.flush()
    }

    fn close(&mut self) -> Result<(), Error> {
        for batch in self.last() {
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
