//! `compare to "FILE" of EXPR [as NAME]`: what is new, gone, more or fewer among the records than among those of another stream, the
//! largest difference first.
//!
//! The records here are marked, those of the file come behind them as `union` has it, and a `stats` counts both by the expression.

use recpipe::{Batch, Error, Flow, Stage, Time, Type, Value};

use super::{ONCE, largest_first};
use crate::{
    expr::{Constant, Expr},
    language::{
        Checked, Checker, Failed, NewColumn, Parsed, Parser, Seen, Syntax, Upstream,
        ast::{Ident, Item},
        diagnose::Diagnostic,
        parsed,
    },
    plan::{Operator, PlanStage, Read, Start, Target, conditions::Found},
    span::Span,
    stage::{
        frequencies::Rows,
        select::{self, SelectOp},
        stats::{self, StatsOp},
        union,
    },
};

/// What stands after `compare to`.
pub(super) fn parse(parser: &mut Parser<'_>) -> Parsed {
    const EXAMPLE: &str = "compare to \"yesterday.rec\" of status";
    let (path, path_span) = parser.text("a file of records", EXAMPLE)?;
    if !parser.take_word("of") {
        return Err(parser.unexpected(&format!("`of` and what is compared, as in `{EXAMPLE}`")));
    }
    Ok(parsed(CompareToSyntax { path, path_span, of: parser.item()? }))
}

/// The file, and what of each record is counted.
#[derive(Debug)]
struct CompareToSyntax {
    path: String,
    path_span: Span,
    of: Item,
}

/// The column that only the records here have, and underscores behind it where the file has one of this name.
const HERE: &str = "(here)";

impl CompareToSyntax {
    /// Leaves of the records here what is compared, and marks them. Fields of other types that are not compared are no obstacle then.
    fn mark(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span, mark: &str) -> Checked<Vec<String>> {
        let of = checker.of_records(&self.of.expr)?;
        let mut places = std::collections::BTreeSet::new();
        of.for_each_column(&mut |place| places.extend([place]));
        let places: Vec<usize> = places.into_iter().collect();
        let mut exprs = checker.each(&places, |checker, &place| checker.column_at(place))?;
        let names: Vec<String> = exprs.iter().map(|expr| expr.text().to_owned()).collect();
        exprs.push(Expr::constant(Constant::Bool(true), mark));
        let column = |expr: &Expr| NewColumn { name: expr.text().to_owned(), span, seen: Some(Seen::of_expr(expr)) };
        upstream.aggregates = None;
        checker.enter(exprs.iter().map(column).collect());
        checker.push(upstream, &select::WORD, span, Ok(SelectOp(exprs)));
        Ok(names)
    }

    /// Counts the records of both by what is compared; its name and its type.
    fn count(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) -> Checked<(String, Seen)> {
        let feed = checker.feed(super::WORD.about.name, &self.path, self.path_span);
        let theirs: Vec<&str> = feed.iter().flat_map(|feed| feed.input.names()).collect();
        let mut mark = HERE.to_owned();
        while theirs.contains(&mark.as_str()) || checker.scope.index_of(&mark).is_some() {
            mark.push('_');
        }
        let names = self.mark(checker, upstream, span, &mark)?;
        let feed = feed?;
        if let Some(name) = names.iter().find(|name| feed.input.index_of(name).is_none() && !feed.input.grows()) {
            let found = Diagnostic::new(self.path_span, format!("the records of \"{}\" have no field `{name}`", self.path));
            let fields = checker.catalog.fields(feed.input.names().take(60));
            return Err(checker.fail(found.help(format!("their fields: {fields}"))));
        }
        let united = union::UnionOp::new(checker, feed, &self.path, self.path_span)?;
        checker.push(upstream, &union::WORD, span, Ok(united));
        let of = checker.of_records(&self.of.expr)?;
        let column = checker.column(self.of.name.as_ref(), &self.of.expr, &Ok(of.clone()));
        let here = checker.field(&Ident { text: mark.clone(), span, may_come: false })?;
        let all = stats::aggregate(checker, "count", Vec::new(), "all", span)?;
        let now = stats::aggregate(checker, "count", vec![here], "now", span)?;
        let seen = column.seen.ok_or(Failed)?;
        let name = column.name.clone();
        let counts = [&all, &now].map(|count| NewColumn { name: count.name.clone(), span, seen: Some(Seen::of_aggregate(count)) });
        // Whatever it is called, it is not one of the counts.
        let key = NewColumn { name: mark, ..column };
        checker.enter(std::iter::once(key).chain(counts).collect());
        checker.push(upstream, &stats::WORD, span, Ok(StatsOp::new(vec![of], vec![all, now])));
        Ok((name, seen))
    }
}

impl Syntax for CompareToSyntax {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        let counted = self.count(checker, upstream, span);
        let (name, seen) = counted.map_or_else(|_| (self.column_name(checker), None), |(name, seen)| (name, Some(seen)));
        let is_counted = seen.is_some();
        let int = |name: &str| NewColumn { name: name.to_owned(), span, seen: Some(Seen::closed(Type::Int)) };
        let change = NewColumn { seen: Some(Seen::closed(Type::Text)), ..int("change") };
        let value = NewColumn { name, span: self.of.expr.span, seen };
        checker.enter(vec![value, change, int("before"), int("now"), int("difference")]);
        if is_counted {
            checker.push(upstream, &ONCE, span, Ok(ChangesOp));
            largest_first(checker, upstream, span, (4, Type::Int, "difference"));
        }
    }
}

impl CompareToSyntax {
    /// What the column is called, whether the expression is right or not.
    fn column_name(&self, checker: &Checker<'_>) -> String {
        checker.column(self.of.name.as_ref(), &self.of.expr, &Err(Failed)).name
    }
}

/// Says of each value how it has changed.
#[derive(Clone, Copy, Debug)]
struct ChangesOp;

impl Operator for ChangesOp {
    fn reads(&self, stage: &PlanStage, wanted: &mut Read) {
        *wanted = Read::all_of(&stage.input);
    }

    fn narrows(&self, _: &mut Found<'_>) -> bool {
        false
    }

    fn known(&self, records: u64) -> Option<u64> {
        Some(records)
    }

    fn start(&self, start: Start<'_>, target: Target) -> Target {
        Box::new(Changes { rows: Rows::new(&start, target) })
    }
}

/// The running stage.
struct Changes {
    rows: Rows,
}

impl Stage for Changes {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        for row in batch.rows() {
            let (Value::Int(all), Value::Int(now)) = (row.value(1), row.value(2)) else {
                return Err(Error::Protocol("counts that are no numbers"));
            };
            let before = all - now;
            let change = match (before, now) {
                (0, _) => "new",
                (_, 0) => "gone",
                _ if now > before => "more",
                _ if now < before => "fewer",
                _ => "same",
            };
            let difference = Value::Int(now - before);
            self.rows.push(&[row.value(0), Value::Text(change.as_bytes()), Value::Int(before), Value::Int(now), difference])?;
        }
        Ok(self.rows.flow())
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.rows.target().flush()
    }

    fn close(&mut self) -> Result<(), Error> {
        self.rows.close()
    }

    fn target(&mut self) -> Option<&mut dyn Stage> {
        Some(self.rows.target())
    }

    /// Not true of what is held back.
    fn punctuate(&mut self, _: Time) -> Result<Flow, Error> {
        Ok(Flow::Continue)
    }
}
