//! `compare COND`: what sets the records for which a condition is true apart from the others. Of each value of each field it gives the
//! shares of the records inside and outside that have it, the largest difference first. `to` compares with another stream.
//!
//! Runs:   in each worker, then merged.  Order: by the difference, whatever its sign; of equal ones, of fields and values.
//! Memory: O(distinct values of all fields); what goes beyond the budget is in temporary files.
//! Blocks: nothing comes out before the end.  Stops: no.
//! Errors: those of the condition; temporary files that cannot be written.

mod to;

use recpipe::{Error, Type, Value};

use super::{
    frequencies::{self, Digest, DigestOp, OfField, Rows, Times, Wanted},
    sort::{self, SortOp},
};
use crate::{
    expr::Expr,
    language::{Checked, Checker, Parsed, Parser, StageWord, Syntax, Upstream, ast, diagnose::Diagnostic, parsed},
    plan::{About, Runs},
    sort::SortKey,
    span::Span,
};

/// `compare`.
pub static WORD: StageWord = StageWord {
    about: About {
        name: "compare",
        syntax: "compare CONDITION | compare to \"FILE\" of EXPR [as NAME]",
        doc: "what sets some records apart from the others, or these from those of a file",
        example: "compare status >= 500",
        runs: Runs::WorkersThenMerge,
        memory: "O(distinct values)",
        spills: true,
        blocks: true,
        ..About::PLAIN
    },
    parse,
};

/// What is said of those of the stages that it is made of that run once.
static ONCE: StageWord = StageWord { about: About { runs: Runs::Once, memory: "O(1)", spills: false, blocks: false, ..WORD.about }, parse };

fn parse(parser: &mut Parser<'_>) -> Parsed {
    if parser.take_word("to") {
        return to::parse(parser);
    }
    if parser.at_stage_end() {
        return Err(parser.unexpected("a condition"));
    }
    parser.equals_compares = true;
    parser.expr().map(CompareSyntax).map(parsed)
}

/// The condition as it was written.
#[derive(Debug)]
struct CompareSyntax(ast::Expr);

const COLUMNS: [(&str, Type); 5] =
    [("field", Type::Text), ("value", Type::Mixed), ("inside", Type::Float), ("outside", Type::Float), ("difference", Type::Float)];

impl CompareSyntax {
    /// All fields but those of the condition, which tell nothing new.
    fn wanted(&self, checker: &mut Checker<'_>) -> Checked<Wanted> {
        let condition = checker.condition(&self.0)?;
        let mut wanted = Wanted::all(checker)?;
        let mut tested = Vec::new();
        condition.for_each_column(&mut |place| tested.push(place));
        wanted.fields.retain(|(_, field)| field.as_column().is_none_or(|place| !tested.contains(&place)));
        Ok(Wanted { inside: Some(condition), ..wanted })
    }
}

impl Syntax for CompareSyntax {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        let wanted = self.wanted(checker);
        let names = frequencies::count(checker, upstream, span, wanted);
        frequencies::enter(checker, &COLUMNS, span);
        checker.push(upstream, &ONCE, span, names.map(|names| DigestOp { names, digest: Shares }));
        largest_first(checker, upstream, span, (4, Type::Float, "difference"));
    }
}

/// Sorts by the size of the numbers of this column, of equal sizes what is more first.
fn largest_first(checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span, (place, kind, name): (usize, Type, &str)) {
    let by = Expr::column(place, kind, name);
    let size = checker.catalog.function("abs").map(|abs| checker.call_of(abs, vec![by.clone()], span));
    let size = size.unwrap_or_else(|| Err(checker.fail(Diagnostic::new(span, "there is no function `abs` to compare by"))));
    let keys = size.map(|size| vec![SortKey { expr: size, descending: true }, SortKey { expr: by, descending: true }]);
    checker.push(upstream, &sort::WORD, span, keys.map(SortOp));
}

/// The shares of a value among the records inside and outside.
#[derive(Clone, Copy, Debug)]
struct Shares;

impl Shares {
    fn row(field: &OfField<'_>, value: Value<'_>, times: Times, rows: &mut Rows) -> Result<(), Error> {
        let outside = |times: Times| times.all.saturating_sub(times.inside);
        let parts = [(times.inside, field.records.inside), (outside(times), outside(field.records))];
        let [inside, outside] = parts.map(|(part, whole)| frequencies::share(part, whole, 1.0));
        let [exact_inside, exact_outside] = parts.map(|(part, whole)| part as f64 / whole as f64);
        let difference = inside.and(outside).map(|_| frequencies::in_four_digits(exact_inside - exact_outside));
        let shown = |share: Option<f64>| share.map_or(Value::Null, Value::Float);
        rows.push(&[Value::Text(field.name.as_bytes()), value, shown(inside), shown(outside), shown(difference)])
    }
}

impl Digest for Shares {
    fn value(&mut self, field: &OfField<'_>, value: Value<'_>, times: Times, rows: &mut Rows) -> Result<(), Error> {
        Shares::row(field, value, times, rows)
    }

    fn end(self, field: &OfField<'_>, nulls: Times, rows: &mut Rows) -> Result<(), Error> {
        if nulls.all > 0 { Shares::row(field, Value::Null, nulls, rows) } else { Ok(()) }
    }
}
