//! `top N by EXPR`: the records with the largest values, largest first; of equal ones those that came first; NaN after
//! all numbers, values of other kinds after those, and nulls last. `bottom N by EXPR`: the smallest, smallest first, and the rest alike.
//! `top N by EXPR per KEY` is a stage of its own: `super::top_per`.
//!
//! Runs:   in each worker, which sends on only what is among the best that it has seen, then once.
//! Order:  by value; stable.  Memory: O(N) records.  Blocks: nothing comes out before the end.
//! Stops:  no.
//! Errors: those of the expression.

use std::cmp::Ordering;

use recpipe::{Batch, Error, Flow, Stage, Time, Type, Value};

use super::{picked::gather, relay, stats, top_per};
use crate::{
    expr::Expr,
    language::{
        Checked, Checker, Parsed, Parser, Seen, StageWord, Syntax, Upstream,
        ast::{self, Item},
        diagnose::Diagnostic,
        parsed,
    },
    left_out::noted,
    plan::{
        About, Operator, PlanStage, Read, Runs, Start, Target,
        conditions::Found,
        partial::{Show, SoFar},
    },
    span::Span,
};

/// `top`.
pub(crate) static TOP: StageWord = StageWord {
    about: About {
        name: "top",
        syntax: "top N [by EXPR [per KEY]] | top N FIELD, …",
        doc: "the N largest; `top N FIELD` is `count by FIELD | top N`",
        example: "top 10 by bytes",
        runs: Runs::WorkersThenMerge,
        memory: "O(N)",
        blocks: true,
        ..About::PLAIN
    },
    parse: |parser| parse(parser, Direction::Largest),
};

/// `bottom`.
pub(crate) static BOTTOM: StageWord = StageWord {
    about: About {
        name: "bottom",
        syntax: "bottom N [by EXPR [per KEY]] | bottom N FIELD, …",
        doc: "the N smallest; `bottom N FIELD` is `count by FIELD | bottom N`",
        example: "bottom 10 by bytes",
        runs: Runs::WorkersThenMerge,
        memory: "O(N)",
        blocks: true,
        ..About::PLAIN
    },
    parse: |parser| parse(parser, Direction::Smallest),
};

/// Which end of an order is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// The largest, largest first.
    Largest,
    /// The smallest, smallest first.
    Smallest,
}

impl Direction {
    /// The word that asks for this end.
    pub(super) fn word(self) -> &'static StageWord {
        match self {
            Direction::Largest => &TOP,
            Direction::Smallest => &BOTTOM,
        }
    }
}

fn parse(parser: &mut Parser<'_>, direction: Direction) -> Parsed {
    let n = parser.count(direction.word().about.name)?;
    if parser.take_word("by") {
        let by = parser.expr()?;
        return Ok(match parser.per_at_end()? {
            Some(keys) => top_per::parsed_per(direction, n, by, keys),
            None => parsed(TopSyntax { direction, n, by: Some(by), keys: Vec::new() }),
        });
    }
    let keys = if parser.at_stage_end() { Vec::new() } else { parser.list(Parser::item)? };
    Ok(parsed(TopSyntax { direction, n, by: None, keys }))
}

/// `top N [by EXPR]`, or `top N KEY, …`, which counts by the keys first; and so `bottom`.
#[derive(Debug)]
struct TopSyntax {
    direction: Direction,
    /// How many records.
    n: u64,
    /// What is compared.
    by: Option<ast::Expr>,
    /// Keys to count by first.
    keys: Vec<Item>,
}

impl Syntax for TopSyntax {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        if !self.keys.is_empty() {
            stats::count_by(checker, &self.keys, upstream, span);
        }
        let by = match &self.by {
            Some(by) => checker.of_records(by).map(|expr| checker.beside_numbers(expr, by.span)),
            None => self.single_aggregate(checker, upstream, span),
        };
        let made = by.map(|by| TopOp { direction: self.direction, n: self.n, by });
        checker.push(upstream, self.direction.word(), span, made);
    }
}

impl TopSyntax {
    /// What is compared where it is not said.
    fn single_aggregate(&self, checker: &mut Checker<'_>, upstream: &Upstream, span: Span) -> Checked<Expr> {
        let word = self.direction.word().about.name;
        let n = checker.source.slice(span).split_whitespace().nth(1).unwrap_or("N").to_owned();
        match upstream.aggregates.as_deref() {
            Some([only]) => {
                let only = ast::Ident { text: only.clone(), span, may_come: false };
                checker.field(&only)
            }
            aggregates => {
                let candidates: Vec<_> = match aggregates {
                    Some(aggregates) => aggregates.to_vec(),
                    None => {
                        let is_number =
                            |seen: &Option<Seen>| seen.is_some_and(|seen| matches!(seen.kind, Type::Int | Type::Float | Type::Time));
                        checker.scope.columns.iter().filter(|(_, seen)| is_number(seen)).map(|(name, _)| name.clone()).collect()
                    }
                };
                let first = candidates.first().map_or("EXPR".into(), |name| checker.catalog.field(name));
                let found = Diagnostic::new(span, format!("`{word}` does not say what is compared"))
                    .label(format!("write `{word} {n} by {first}`"));
                let found = if candidates.is_empty() {
                    found
                } else {
                    found.help(format!("candidates: {}", checker.catalog.fields(candidates.iter().map(String::as_str))))
                };
                Err(checker.fail(found))
            }
        }
    }
}

/// The records with the largest values, largest first, or the smallest, smallest first; NaN after all other numbers
/// and nulls last; of equal ones those that came first.
#[derive(Clone, Debug)]
struct TopOp {
    /// Which end.
    direction: Direction,
    /// How many.
    n: u64,
    /// What is compared.
    by: Expr,
}

impl Operator for TopOp {
    fn reads(&self, _: &PlanStage, wanted: &mut Read) {
        wanted.exprs([&self.by]);
    }

    fn narrows(&self, _: &mut Found<'_>) -> bool {
        false
    }

    fn half(&self, _: &Start<'_>, target: Target) -> Target {
        Box::new(TopCandidates { best: Best::new(self.clone(), false), target })
    }

    fn start(&self, start: Start<'_>, target: Target) -> Target {
        Box::new(Top { best: Best::new(self.clone(), start.follows_half), preview: start.preview, target })
    }
}

/// Candidates are weighed against each other when this many have come together, or `N` if that is more.
const WEIGH_AT: usize = 4096;
/// Records of a batch of results.
pub(super) const BATCH_ROWS: usize = 8192;

/// The half that runs once.
struct Top {
    best: Best,
    preview: Option<Box<dyn Show>>,
    target: Target,
}

/// The half in each worker: passes on what could be among the best.
struct TopCandidates {
    best: Best,
    target: Target,
}

struct Best {
    direction: Direction,
    n: usize,
    by: Expr,
    /// The best so far, then candidates in the order in which they came.
    batches: Vec<Batch>,
    rows: usize,
    /// A batch that holds nothing but the last of `n` records: a candidate must come before it.
    last: Option<Batch>,
    /// What the expression leaves out of the records was noted before they came.
    is_noted: bool,
}

impl Best {
    fn new(TopOp { direction, n, by }: TopOp, is_noted: bool) -> Self {
        Best { direction, n: usize::try_from(n).unwrap_or(usize::MAX), by, batches: Vec::new(), rows: 0, last: None, is_noted }
    }

    /// The records of the batch that could be among the best; they are kept.
    fn admit(&mut self, batch: &Batch) -> Result<Batch, Error> {
        // All records are looked at once, so that what is left out of them is noted once.
        let values = if self.is_noted { self.by.eval(&noted(batch))? } else { self.by.eval(batch)? };
        let candidates = match &self.last {
            None => batch.clone(),
            Some(last) => {
                let last = self.by.eval(&noted(last))?;
                let last = last.value(0);
                let keep: Vec<bool> = (0..batch.len()).map(|row| self.compare(&values.value(row), &last) == Ordering::Less).collect();
                batch.filter(&keep)
            }
        };
        if !candidates.is_empty() && self.n > 0 {
            // Without what was not selected: a view would hold on to the whole block.
            self.rows += candidates.len();
            self.batches.push(candidates.compact());
            if self.rows >= self.n.saturating_add(self.n.max(WEIGH_AT)) {
                self.weigh()?;
            }
        }
        Ok(candidates)
    }

    /// What comes first is less: the larger or the smaller number, then NaN, then values of other kinds, then null.
    fn compare(&self, a: &Value<'_>, b: &Value<'_>) -> Ordering {
        let rank = |value: &Value<'_>| match value {
            Value::Float(value) if value.is_nan() => 1,
            Value::Int(_) | Value::Float(_) => 0,
            Value::Time(_) => 2,
            Value::Bool(_) => 3,
            Value::Text(_) => 4,
            Value::Null => 5,
        };
        rank(a).cmp(&rank(b)).then_with(|| match self.direction {
            Direction::Largest => b.total_cmp(a),
            Direction::Smallest => a.total_cmp(b),
        })
    }

    /// Sorts what there is and keeps the best.
    fn weigh(&mut self) -> Result<(), Error> {
        if self.batches.is_empty() {
            return Ok(());
        }
        let values = self.batches.iter().map(|batch| self.by.eval(&noted(batch))).collect::<Result<Vec<_>, _>>()?;
        let mut rows: Vec<(usize, usize)> =
            self.batches.iter().enumerate().flat_map(|(i, batch)| (0..batch.len()).map(move |row| (i, row))).collect();
        rows.sort_by(|a, b| self.compare(&values[a.0].value(a.1), &values[b.0].value(b.1)));
        rows.truncate(self.n);
        self.last = match rows.last() {
            Some(&(i, row)) if rows.len() == self.n => Some(self.batches[i].select(vec![row as u32]).compact()),
            _ => None,
        };
        self.rows = rows.len();
        self.batches = rows.chunks(BATCH_ROWS).map(|rows| gather(&self.batches, rows)).collect::<Result<_, _>>()?;
        Ok(())
    }
}

impl Stage for Top {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        self.best.admit(&batch)?;
        Ok(Flow::Continue)
    }

    fn flush(&mut self) -> Result<(), Error> {
        if let Some(preview) = &self.preview {
            self.best.weigh()?;
            preview.show(Some(SoFar { batches: Box::new(self.best.batches.clone().into_iter().map(Ok)), more: 0 }))?;
        }
        self.target.flush()
    }

    fn close(&mut self) -> Result<(), Error> {
        self.best.weigh()?;
        for batch in std::mem::take(&mut self.best.batches) {
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

impl Stage for TopCandidates {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        let candidates = self.best.admit(&batch)?;
        if candidates.is_empty() { Ok(Flow::Continue) } else { self.target.send(candidates) }
    }

    relay!();
}
