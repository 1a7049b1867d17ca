//! `patterns EXPR [top N]`: the kinds of messages. Texts are masked; masks that differ in one word are one family (`families`); each is
//! given with how many records it has, an example, and when it came first and last.
//!
//! Runs:   in each worker, then merged.  Order: the commonest first; of equal ones by the pattern.
//! Memory: O(masks), beyond the budget in temporary files; the `Families::MOST` commonest are compared in memory, which takes no more
//! than about 20 MiB: of a mask, and of an example, so many characters count as `LONGEST` says.
//! Blocks: nothing comes out before the end.  Stops: no.
//! Errors: those of the expression; temporary files that cannot be written.

mod families;

use recpipe::{Batch, Error, Flow, Stage, Time, Type, Value};

use self::families::{Families, Family};
use super::{
    frequencies::{self, Rows},
    sort::{self, SortOp},
    stats::{self, StatsOp},
};
use crate::{
    expr::{Constant, Expr},
    language::{Checked, Checker, NewColumn, Parsed, Parser, Seen, StageWord, Syntax, Upstream, ast, diagnose::Diagnostic, parsed},
    plan::{About, Operator, PlanStage, Read, Runs, Start, Target, conditions::Found},
    sort::SortKey,
    span::Span,
};

/// `patterns`.
pub static WORD: StageWord = StageWord {
    about: About {
        name: "patterns",
        syntax: "patterns EXPR [top N]",
        doc: "the kinds of messages: masked, and those that differ in one word together",
        example: "patterns request top 20",
        runs: Runs::WorkersThenMerge,
        memory: "O(masks)",
        spills: true,
        blocks: true,
        ..About::PLAIN
    },
    parse,
};

/// What is said of the last of the stages that it is made of.
static JOIN: StageWord = StageWord {
    about: About { runs: Runs::Once, memory: "O(1): of the 4096 commonest masks", spills: false, blocks: true, ..WORD.about },
    parse,
};

/// So many characters of a mask tell it from others, and so many of an example are shown.
const LONGEST: i128 = 1000;

fn parse(parser: &mut Parser<'_>) -> Parsed {
    if parser.at_stage_end() {
        return Err(parser.unexpected("a text of the records, as in `patterns message`"));
    }
    let of = parser.expr()?;
    let top = if parser.take_word("top") { Some(parser.count("top")?) } else { None };
    Ok(parsed(PatternsSyntax { of, top }))
}

/// What is masked, and how many families are given; all where that is not said.
#[derive(Debug)]
struct PatternsSyntax {
    of: ast::Expr,
    top: Option<u64>,
}

const COLUMNS: [(&str, Type); 6] = [
    ("pattern", Type::Text),
    ("count", Type::Int),
    ("percent", Type::Float),
    ("example", Type::Text),
    ("first", Type::Time),
    ("last", Type::Time),
];

impl PatternsSyntax {
    /// Counts the records of each mask, the commonest first.
    fn count(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) -> Checked<()> {
        let text = checker.of_records(&self.of)?;
        let time = checker.time_of_records(span)?;
        let [mask, cut] = ["mask", "substr"].map(|name| checker.catalog.function(name));
        let (Some(mask), Some(cut)) = (mask, cut) else {
            return Err(checker.fail(Diagnostic::new(span, "there are no functions `mask` and `substr`")));
        };
        let number = |number: i128| Expr::constant(Constant::Int(number), number.to_string());
        let short = |text: Expr| vec![text, number(0), number(LONGEST)];
        let masked = checker.call_of(mask, vec![text.clone()], self.of.span)?;
        let masked = checker.call_of(cut, short(masked), span)?;
        let example = checker.call_of(cut, short(text), span)?;
        let mut aggregates = vec![
            stats::aggregate(checker, "count", Vec::new(), "count", span)?,
            stats::aggregate(checker, "min", vec![example], "example", span)?,
        ];
        for (word, name) in [("min", "first"), ("max", "last")] {
            if let Some(time) = &time {
                aggregates.push(stats::aggregate(checker, word, vec![time.clone()], name, span)?);
            }
        }
        let key = NewColumn { name: "pattern".to_owned(), span, seen: Some(Seen::of_expr(&masked)) };
        let columns = aggregates.iter().map(|made| NewColumn { name: made.name.clone(), span, seen: Some(Seen::of_aggregate(made)) });
        upstream.aggregates = None;
        checker.enter(std::iter::once(key).chain(columns).collect());
        checker.push(upstream, &stats::WORD, span, Ok(StatsOp::new(vec![masked], aggregates)));
        // Of equal counts the order stays, which is that of the patterns.
        let by = SortKey { expr: Expr::column(1, Type::Int, "count"), descending: true };
        checker.push(upstream, &sort::WORD, span, Ok(SortOp(vec![by])));
        Ok(())
    }
}

impl Syntax for PatternsSyntax {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        let counted = self.count(checker, upstream, span);
        frequencies::enter(checker, &COLUMNS, span);
        let most = self.top.map(|top| usize::try_from(top).unwrap_or(usize::MAX));
        checker.push(upstream, &JOIN, span, counted.map(|()| JoinOp { most }));
    }
}

/// Joins masks, which come the commonest first, to families, and gives so many of these.
#[derive(Clone, Copy, Debug)]
struct JoinOp {
    most: Option<usize>,
}

impl Operator for JoinOp {
    fn reads(&self, stage: &PlanStage, wanted: &mut Read) {
        *wanted = Read::all_of(&stage.input);
    }

    fn narrows(&self, _: &mut Found<'_>) -> bool {
        false
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        let most = Families::MOST;
        vec![("joins", format!("the {most} commonest masks; rarer ones that fit none of their families are `others`"))]
    }

    fn start(&self, start: Start<'_>, target: Target) -> Target {
        Box::new(Join { most: self.most.unwrap_or(usize::MAX), families: Families::default(), rows: Rows::new(&start, target) })
    }
}

/// The running stage.
struct Join {
    most: usize,
    families: Families,
    rows: Rows,
}

impl Stage for Join {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        for row in batch.rows() {
            let mut values = row.values();
            let mut next = || values.next().unwrap_or(Value::Null);
            let (pattern, count, example, first, last) = (next(), next(), next(), next(), next());
            let text = |value: Value<'_>| if let Value::Text(text) = value { Some(text.to_vec()) } else { None };
            let time = |value: Value<'_>| if let Value::Time(time) = value { Some(time) } else { None };
            let count = if let Value::Int(count) = count { u64::try_from(count).unwrap_or(0) } else { 0 };
            self.families.add(Family { pattern: text(pattern), count, example: text(example), first: time(first), last: time(last) });
        }
        Ok(Flow::Continue)
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.rows.target().flush()
    }

    fn close(&mut self) -> Result<(), Error> {
        let (families, mut others) = std::mem::take(&mut self.families).finish();
        let records = families.iter().map(|family| family.count).sum::<u64>() + others;
        let percent = |count: u64| frequencies::share(count, records, 100.0).map_or(Value::Null, Value::Float);
        for (place, Family { pattern, count, example, first, last }) in families.iter().enumerate() {
            if place >= self.most {
                others += count;
                continue;
            }
            let text = shown;
            let time = |time: &Option<Time>| time.map_or(Value::Null, Value::Time);
            self.rows.push(&[text(pattern), Value::Int((*count).into()), percent(*count), text(example), time(first), time(last)])?;
        }
        if others > 0 {
            let count = Value::Int(others.into());
            self.rows.push(&[Value::Text(b"others"), count, percent(others), Value::Null, Value::Null, Value::Null])?;
        }
        self.rows.close()
    }

    fn target(&mut self) -> Option<&mut dyn Stage> {
        Some(self.rows.target())
    }

    /// Not true of what is sent at the end.
    fn punctuate(&mut self, _: Time) -> Result<Flow, Error> {
        Ok(Flow::Continue)
    }
}

fn shown(text: &Option<Vec<u8>>) -> Value<'_> {
    text.as_deref().map_or(Value::Null, Value::Text)
}
