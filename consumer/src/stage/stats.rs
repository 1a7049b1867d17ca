//! `stats AGG, … by KEY, …`: aggregates, sorted by key; of windows of time, too: `super::every`.
//!
//! How it runs is in `super::grouping`.

use std::{collections::BTreeMap, sync::Arc};

use recpipe::{BatchBuilder, Schema, Value};

use super::{
    every::{self, Every},
    select::{self, SelectOp},
};
use crate::{
    expr::{Constant, Expr},
    language::{
        Checked, Checker, Failed, NewColumn, Parsed, Parser, Seen, StageWord, Syntax, Upstream, aggregates,
        ast::{self, ExprKind, Item},
        diagnose::Diagnostic,
        parsed,
        signature::{CheckedAggregate, Mistake},
    },
    left_out::noted,
    plan::{About, Aggregate, Runs},
    span::Span,
};

pub(crate) use super::grouping::StatsOp;

/// `stats`.
pub static WORD: StageWord = StageWord {
    about: About {
        name: "stats",
        synonyms: &["summarize"],
        syntax: "[stats] AGGREGATE [as NAME], … [by EXPR [as NAME], …] [[over SPAN] every STEP [of FIELD] [fill VALUE] [beside SPAN] [late SPAN [tee late [ STAGES ]]] [idle SPAN]]",
        doc: "aggregates all records, or those of each key, or of each window of time; sorted by key",
        example: "stats count, sum(bytes) as total by host",
        runs: Runs::WorkersThenMerge,
        memory: "O(keys)",
        spills: true,
        blocks: true,
        ..About::PLAIN
    },
    parse,
};

fn parse(parser: &mut Parser<'_>) -> Parsed {
    let items = parser.calculated(None)?;
    keys_after(parser, items)
}

/// `stats` without the word, after the name of its first aggregate.
pub(crate) fn parse_from(parser: &mut Parser<'_>, name: &str, span: Span) -> Parsed {
    let items = parser.calculated(Some((name, span)))?;
    keys_after(parser, items)
}

fn keys_after(parser: &mut Parser<'_>, items: Vec<Item>) -> Parsed {
    let keys = if parser.take_word("by") { parser.list(Parser::item)? } else { Vec::new() };
    let every = every::clause(parser)?;
    Ok(parsed(StatsSyntax { items, keys, every }))
}

/// Expressions of aggregates, at least one, the keys, and the windows of time, as they were written.
#[derive(Debug)]
struct StatsSyntax {
    items: Vec<Item>,
    keys: Vec<Item>,
    every: Option<Every>,
}

impl Syntax for StatsSyntax {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        let plain = |item: &Item| match &item.expr.kind {
            ExprKind::Aggregate(aggregate) => Some(ast::Aggregate { name: item.name.clone(), ..(**aggregate).clone() }),
            _ => None,
        };
        match self.items.iter().map(plain).collect::<Option<Vec<_>>>() {
            Some(aggregates) => check(checker, &aggregates, &self.keys, self.every.as_ref(), upstream, span),
            None => calculate(checker, &self.items, &self.keys, self.every.as_ref(), upstream, span),
        }
    }
}

fn check(
    checker: &mut Checker<'_>,
    aggregates: &[ast::Aggregate],
    keys: &[Item],
    every: Option<&Every>,
    upstream: &mut Upstream,
    span: Span,
) {
    let (key_exprs, mut columns) = checker.items(keys);
    let checked: Vec<_> = aggregates.iter().map(|aggregate| checker.aggregate(aggregate)).collect();
    let made: Vec<_> = aggregates.iter().zip(&checked).map(|(ast, checked)| checker.aggregate_column(ast, checked)).collect();
    let (key_exprs, windows) = windowed(checker, key_exprs, &mut columns, every, upstream, span);
    // The keys and the aggregates are the only columns from now on.
    upstream.aggregates = Some(made.iter().map(|column| column.name.clone()).collect());
    columns.extend(made);
    checker.enter(columns);
    let aggregates: Checked<Vec<_>> = checked.into_iter().collect();
    let empty = aggregates.as_deref().map_err(|_| Failed).and_then(of_no_records);
    let made = key_exprs.and_then(|keys| Ok(StatsOp::new(keys, aggregates?)));
    push(checker, made, (every, windows), upstream, span);
    every.into_iter().for_each(|every| every.after(checker, upstream, span, keys.len(), empty.clone()));
}

type Checking<'e> = (Option<&'e Every>, Checked<every::Windows>);

/// The keys with the window before them, where there is one.
fn windowed(
    checker: &mut Checker<'_>,
    keys: Checked<Vec<Expr>>,
    columns: &mut Vec<NewColumn>,
    every: Option<&Every>,
    upstream: &mut Upstream,
    span: Span,
) -> (Checked<Vec<Expr>>, Checked<every::Windows>) {
    match every {
        Some(every) => every.before(checker, keys, columns, upstream, span),
        None => (keys, Err(Failed)),
    }
}

fn push(checker: &mut Checker<'_>, stats: Checked<StatsOp>, (every, windows): Checking<'_>, upstream: &mut Upstream, span: Span) {
    match every {
        Some(every) => every.push(checker, upstream, &WORD, span, stats, windows),
        None => checker.push(upstream, &WORD, span, stats),
    }
}

/// What each aggregate is of no records.
fn of_no_records(aggregates: &[Aggregate]) -> Checked<Vec<Constant>> {
    let of_none = |aggregate: &Aggregate| {
        let mut accumulator = aggregate.accumulator();
        accumulator.resize(1);
        accumulator.finish(&[0]).map_or(Constant::Null, |result| Constant::of(&result.value(0)))
    };
    Ok(aggregates.iter().map(of_none).collect())
}

/// Where aggregates are calculated with: first these, each a column, then a `select` of the keys and what comes of the aggregates.
fn calculate(checker: &mut Checker<'_>, items: &[Item], keys: &[Item], every: Option<&Every>, upstream: &mut Upstream, span: Span) {
    let (key_exprs, mut columns) = checker.items(keys);
    let (key_exprs, windows) = windowed(checker, key_exprs, &mut columns, every, upstream, span);
    let names: Vec<(String, Span)> = columns.iter().map(|column| (column.name.clone(), column.span)).collect();
    let (gathered, made) = gathered(checker, items.iter().map(|item| &item.expr), &mut columns);
    let found = checker.found.len();
    checker.enter(columns);
    if checker.found.len() > found {
        // Keys of one name: what comes after knows the results by their names.
        for item in items {
            let name = item.name.as_ref().map_or_else(|| checker.text(item.expr.span), |name| name.text.clone());
            checker.scope.put(name, None);
        }
        return;
    }
    let empty = gathered.as_deref().map_err(|_| Failed).and_then(of_no_records);
    let stats = key_exprs.and_then(|keys| Ok(StatsOp::new(keys, gathered?)));
    let is_right = stats.is_ok();
    push(checker, stats, (every, windows), upstream, span);
    let given = checker.schema(span);
    checker.made = made;
    let mut results: Vec<Checked<Expr>> = (0..names.len()).map(|key| checker.column_at(key)).collect();
    let mut columns: Vec<NewColumn> = names
        .into_iter()
        .zip(&results)
        .map(|((name, span), key)| NewColumn { name, span, seen: key.as_ref().ok().map(Seen::of_expr) })
        .collect();
    let of_keys = columns.len();
    for item in items {
        let result = of_group(checker, &item.expr).and_then(|()| checker.expr(&item.expr));
        let column = checker.column(item.name.as_ref(), &item.expr, &result);
        // One that is an aggregate alone is called as such.
        let name = if item.name.is_none() { checker.text(item.expr.span) } else { column.name };
        columns.push(NewColumn { name, ..column });
        results.push(result);
    }
    checker.made = BTreeMap::new();
    upstream.aggregates = Some(columns.iter().skip(of_keys).map(|column| column.name.clone()).collect());
    checker.enter(columns);
    let results: Checked<Vec<_>> = results.into_iter().collect();
    let empty = empty.and_then(|empty| calculated_of(given.ok_or(Failed)?, of_keys, &empty, results.as_deref().map_err(|_| Failed)?));
    checker.push(upstream, &select::WORD, span, if is_right { results.map(SelectOp) } else { Err(Failed) });
    every.into_iter().for_each(|every| every.after(checker, upstream, span, keys.len(), empty.clone()));
}

/// What each of these expressions is of aggregates that have these values; the first `keys` of them are keys.
fn calculated_of(schema: Arc<Schema>, keys: usize, values: &[Constant], exprs: &[Expr]) -> Checked<Vec<Constant>> {
    let mut record = BatchBuilder::new(schema);
    let row: Vec<Value<'_>> = std::iter::repeat_n(Value::Null, keys).chain(values.iter().map(Constant::value)).collect();
    let record = record.push(&row).and_then(|()| record.finish()).map_err(|_| Failed)?;
    // What cannot be calculated of no records is not there.
    let value = |expr: &Expr| expr.eval(&noted(&record)).map_or(Constant::Null, |value| Constant::of(&value.value(0)));
    Ok(exprs[keys..].iter().map(value).collect())
}

/// The aggregates that these expressions name, each once, and which of the columns each use of one is: their columns come behind those
/// of the keys, which are there already. The checker is to be told of them once they are in scope.
pub(super) fn gathered<'e>(
    checker: &mut Checker<'_>,
    exprs: impl Iterator<Item = &'e ast::Expr>,
    columns: &mut Vec<NewColumn>,
) -> (Checked<Vec<Aggregate>>, BTreeMap<usize, usize>) {
    let keys = columns.len();
    let (mut checked, mut made) = (Vec::new(), BTreeMap::new());
    for ast in exprs.flat_map(aggregates) {
        let text = checker.text(ast.span);
        // Written twice, it is computed once.
        let known = columns.iter().skip(keys).position(|column: &NewColumn| column.name.trim_end() == text);
        let place = known.map_or(columns.len(), |known| keys + known);
        made.insert(ast.span.start, place);
        if known.is_none() {
            let aggregate = checker.aggregate(ast);
            // No key has a name that ends with a blank.
            let name = if columns[..keys].iter().any(|key| key.name == text) { format!("{text} ") } else { text };
            columns.push(NewColumn { name, ..checker.aggregate_column(ast, &aggregate) });
            checked.push(aggregate);
        }
    }
    (checked.into_iter().collect(), made)
}

/// That what stands beside the aggregates is a key: any other field has a value in each record, not one of the group.
pub(super) fn of_group(checker: &mut Checker<'_>, expr: &ast::Expr) -> Checked<()> {
    let mut wrong = Vec::new();
    expr.for_each(&mut |expr| {
        if let ExprKind::Field(field) = &expr.kind
            && checker.scope.index_of(&field.text).is_none()
        {
            wrong.push(field);
        }
    });
    for field in &wrong {
        let what = format!("`{}` has a value in each record, and is no key", field.text);
        let label = format!("take an aggregate of it, as `max({})`, or group by it", checker.catalog.field(&field.text));
        checker.fail(Diagnostic::new(field.span, what).label(label));
    }
    if wrong.is_empty() { Ok(()) } else { Err(Failed) }
}

/// The `count by KEY, …` that `top N KEY, …` begins with.
pub(super) fn count_by(checker: &mut Checker<'_>, keys: &[Item], upstream: &mut Upstream, span: Span) {
    let Some(word) = checker.catalog.aggregate("count") else {
        checker.fail(Diagnostic::new(span, "there is no aggregate `count` to rank by"));
        return;
    };
    let count = ast::Aggregate { word, written: word.name.to_owned(), args: Vec::new(), condition: None, name: None, span };
    check(checker, &[count], keys, None, upstream, span);
}

/// The aggregate of this name over values that are at hand, for a stage that is made of some.
pub(super) fn aggregate(checker: &mut Checker<'_>, word: &str, args: Vec<Expr>, name: &str, span: Span) -> Checked<Aggregate> {
    let made = checker.catalog.aggregate(word).map(|row| (row.check)(checker.catalog, word, args));
    match made {
        Some(Ok(CheckedAggregate { function, args, kind })) => Ok(Aggregate { function, args, kind, name: name.to_owned() }),
        Some(Err(Mistake { what, label, .. })) => Err(checker.fail(Diagnostic::new(span, what).label(label))),
        None => Err(checker.fail(Diagnostic::new(span, format!("there is no aggregate `{word}`")))),
    }
}
