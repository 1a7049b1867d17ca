//! `slack D`: puts records in the order of time that are out of it by no more than D, by holding them back so long.
//!
//! Runs:   once.  Order: by time; of equal times that of the input. What has no time stays behind the latest before it.
//! Memory: O(records within D).
//! Stops:  when its target does.
//! Errors: those of the expression; a record that comes later than D; more records than there is memory for.

use std::collections::VecDeque;

use recpipe::{Batch, Error, Flow, Stage, Time, Type};

use super::picked::gather;
use crate::{
    expr::{Expr, Operand, Values, Vector},
    language::{
        Checked, Checker, Failed, Parsed, Parser, StageWord, Syntax, Upstream,
        ast::{self, Ident},
        parsed,
    },
    memory::Account,
    plan::{About, Operator, PlanStage, Read, Runs, Start, Target, conditions::Found},
    span::Span,
};

/// `slack`.
pub static WORD: StageWord = StageWord {
    about: About {
        name: "slack",
        syntax: "slack D [of FIELD]",
        doc: "puts records in the order of time that are out of it by D at most: holds them back so long",
        example: "slack 10s",
        runs: Runs::Once,
        memory: "O(records within D)",
        ..About::PLAIN
    },
    parse,
};

fn parse(parser: &mut Parser<'_>) -> Parsed {
    let slack = parser.duration(WORD.about.example)?;
    let of = if parser.take_word("of") { Some(parser.expr()?) } else { None };
    Ok(parsed(SlackSyntax { slack, of }))
}

/// `slack D` within another stage, if it stands here.
pub(super) fn clause(parser: &mut Parser<'_>) -> Parsed<Option<i64>> {
    if parser.take_word("slack") { parser.duration(WORD.about.example).map(Some) } else { Ok(None) }
}

#[derive(Debug)]
struct SlackSyntax {
    slack: i64,
    of: Option<ast::Expr>,
}

impl Syntax for SlackSyntax {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        let made = time(checker, self.of.as_ref(), span).map(|time| SlackOp { slack: self.slack, time });
        checker.push(upstream, &WORD, span, made);
    }
}

/// The time of a record: this, or the field `time`.
pub(super) fn time(checker: &mut Checker<'_>, of: Option<&ast::Expr>, span: Span) -> Checked<Expr> {
    let field = || {
        let name = Ident { text: "time".into(), span, may_come: false };
        ast::Expr { kind: ast::ExprKind::Field(name), span, depth: 1 }
    };
    let found = checker.found.len();
    let checked = checker.value_of(&of.cloned().unwrap_or_else(field), &[Type::Time]);
    if let (Err(Failed), None, Some(last)) = (&checked, of, checker.found.get_mut(found..).and_then(<[_]>::last_mut)) {
        last.label = "it reads the field `time`: make it first, as in `let time = time(x)`, or name another, as in `of x`".into();
    }
    checked
}

/// The time in each row of a column. A row with another value, or with null, has no time.
pub(super) struct Times {
    times: Option<Operand<Time>>,
    nulls: Option<Vec<bool>>,
    len: usize,
}

/// See [`Times`].
pub(super) fn times(values: Vector) -> Times {
    let len = values.len;
    let part = values.parts().iter().find(|part| part.kind() == Type::Time);
    let times = part.and_then(|part| if let Values::Time(times) = &part.values { Some(times.clone()) } else { None });
    let is_null = |row: usize| part.is_none_or(|part| part.is_null(row)) || values.is_null(row);
    let nulls = part.is_none() || part.is_some_and(|part| part.nulls.is_some()) || values.nulls.is_some();
    Times { times, nulls: nulls.then(|| (0..len).map(is_null).collect()), len }
}

impl Times {
    #[inline]
    pub(super) fn get(&self, row: usize) -> Option<Time> {
        match (&self.times, &self.nulls) {
            (_, Some(nulls)) if nulls[row] => None,
            (Some(times), _) => Some(times.get(row)),
            (None, _) => None,
        }
    }

    pub(super) fn nulls(&self) -> Option<Vec<bool>> {
        if self.times.is_none() { Some(vec![true; self.len]) } else { self.nulls.clone() }
    }
}

/// Where a record stands, for the end of a phrase; nothing where that is not known.
pub(super) fn place(batch: &Batch, row: usize) -> String {
    let place = batch.place(batch.physical(row));
    if place.is_empty() { place } else { format!(" at {place}") }
}

/// That a record has a time before one that came before it, by so many nanoseconds.
pub(super) fn out_of_order(batch: &Batch, row: usize, time: Time, before: Time, which: &str, by: i64) -> Error {
    let seconds = (by / 1_000_000_000).saturating_add(1);
    Error::Data(format!(
        "time is out of order{}: {time} comes after {before} {which}; write `sort time` before, or `slack {seconds}s`, which holds \
         records back so long",
        place(batch, row)
    ))
}

/// Records held back.
#[derive(Clone, Debug)]
pub(super) struct SlackOp {
    /// Nanoseconds.
    pub(super) slack: i64,
    pub(super) time: Expr,
}

impl Operator for SlackOp {
    fn reads(&self, _: &PlanStage, wanted: &mut Read) {
        wanted.exprs([&self.time]);
    }

    fn narrows(&self, _: &mut Found<'_>) -> bool {
        false
    }

    fn known(&self, records: u64) -> Option<u64> {
        Some(records)
    }

    fn mixes(&self) -> bool {
        true
    }

    fn start(&self, start: Start<'_>, target: Target) -> Target {
        let account = start.budget.account();
        Box::new(Slack { op: self.clone(), held: Vec::new(), batches: VecDeque::new(), first: 0, bytes: 0, latest: None, account, target })
    }
}

/// The running stage.
struct Slack {
    op: SlackOp,
    /// What is held back: the time, the number of the batch, and the row; in the order of time when it is looked at.
    held: Vec<(i64, u64, u32)>,
    /// The batches that they are of, and how many of each are held back.
    batches: VecDeque<(Batch, usize)>,
    /// The number of the first of those.
    first: u64,
    bytes: usize,
    /// The greatest time so far.
    latest: Option<Time>,
    account: Account,
    target: Target,
}

/// Records of one batch that are next to each other in the answer go on as they are, if they are as many; others are put together.
const MANY: usize = 256;
/// Records that are put together.
const BATCH_ROWS: usize = 8192;

impl Slack {
    /// Sends on what has no later time than this.
    fn send_until(&mut self, until: i64) -> Result<Flow, Error> {
        // Nearly in order already: what was left is sorted, and what came is so for the most part.
        self.held.sort_by_key(|held| held.0);
        let ready = self.held.partition_point(|held| held.0 <= until);
        let ready: Vec<(i64, u64, u32)> = self.held.drain(..ready).collect();
        let mut flow = Flow::Continue;
        let mut few: Vec<(usize, usize)> = Vec::new();
        for alike in ready.chunk_by(|a, b| a.1 == b.1) {
            let batch = (alike[0].1 - self.first) as usize;
            self.batches[batch].1 -= alike.len();
            if alike.len() < MANY {
                few.extend(alike.iter().map(|held| (batch, held.2 as usize)));
                if few.len() < BATCH_ROWS {
                    continue;
                }
            }
            flow = self.send_few(&mut few)?;
            if alike.len() >= MANY {
                let rows = &self.batches[batch].0;
                let rows = rows.select(alike.iter().map(|held| rows.physical(held.2 as usize) as u32).collect());
                flow = self.target.send(rows)?;
            }
            if flow == Flow::Stop {
                break;
            }
        }
        if flow == Flow::Continue {
            flow = self.send_few(&mut few)?;
        }
        while let Some((batch, _)) = self.batches.front().filter(|(_, held)| *held == 0) {
            self.bytes -= batch.bytes();
            self.batches.pop_front();
            self.first += 1;
        }
        Ok(flow)
    }

    /// Sends on records of several batches.
    fn send_few(&mut self, few: &mut Vec<(usize, usize)>) -> Result<Flow, Error> {
        if few.is_empty() {
            return Ok(Flow::Continue);
        }
        let (least, most) = few.iter().fold((usize::MAX, 0), |(least, most), few| (least.min(few.0), most.max(few.0)));
        let batches: Vec<Batch> = self.batches.range(least..=most).map(|(batch, _)| batch.clone()).collect();
        few.iter_mut().for_each(|few| few.0 -= least);
        let batch = gather(&batches, few)?;
        few.clear();
        self.target.send(batch)
    }
}

impl Stage for Slack {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        let batch = batch.compact();
        let times = times(self.op.time.eval(&batch)?);
        let number = self.first + self.batches.len() as u64;
        for row in 0..batch.len() {
            let time = match (times.get(row), self.latest) {
                (Some(time), Some(latest)) if time.nanos < latest.nanos.saturating_sub(self.op.slack) => {
                    let by = latest.nanos.saturating_sub(time.nanos);
                    return Err(out_of_order(&batch, row, time, latest, "and is later than is held back for", by));
                }
                (Some(time), latest) => {
                    self.latest = Some(latest.filter(|latest| latest.nanos >= time.nanos).unwrap_or(time));
                    time.nanos
                }
                (None, latest) => latest.map_or(i64::MIN, |latest| latest.nanos),
            };
            self.held.push((time, number, row as u32));
        }
        self.bytes += batch.bytes();
        self.batches.push_back((batch.clone(), batch.len()));
        let until = self.latest.map_or(i64::MIN, |latest| latest.nanos.saturating_sub(self.op.slack));
        let flow = self.send_until(until)?;
        if !self.account.hold(self.bytes + self.held.capacity() * size_of::<(i64, u64, u32)>()) {
            return Err(Error::Data(format!(
                "`slack` holds back {} records, which is more than its part of the {} bytes of memory; give it more with \
                 `--memory SIZE`, or write `sort time` instead",
                self.held.len(),
                self.account.budget().limit()
            )));
        }
        Ok(flow)
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.target.flush()
    }

    fn close(&mut self) -> Result<(), Error> {
        let _: Flow = self.send_until(i64::MAX)?;
        self.target.close()
    }

    fn target(&mut self) -> Option<&mut dyn Stage> {
        Some(&mut self.target)
    }

    /// Not true of what is held back.
    fn punctuate(&mut self, _: Time) -> Result<Flow, Error> {
        Ok(Flow::Continue)
    }
}
