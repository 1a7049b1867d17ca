//! `select a, b, EXPR as c`: only these columns, in this order; `select *, x_*, /re/`: those whose names are like this, also those that
//! come later. [`drop`](super::drop) and [`rename`](super::rename) run
//! as the same, of all columns that the plan knows; what a batch has beyond those stays.
//!
//! Runs:   in each worker.  Order: kept.  Memory: O(1); a plain column is shared, not copied.
//! Stops:  when its target does.
//! Errors: those of the expressions: an integer overflow.

use recpipe::{Batch, Error, Flow, Stage};

use super::{beyond::Beyond, relay};
use crate::{
    expr::Expr,
    language::{Checked, Checker, Failed, Fields, NamePattern, NewColumn, Parsed, Parser, StageWord, Syntax, Upstream, ast::Item, parsed},
    plan::{About, Operator, PlanStage, Read, Start, Target, conditions::Found},
    span::Span,
};

/// `select`.
pub static WORD: StageWord = StageWord {
    about: About {
        name: "select",
        synonyms: &["project", "fields"],
        syntax: "select EXPR [as NAME] | PATTERN, …",
        doc: "only these columns, in this order; of a pattern (*, a_*, /re/) all that are like it",
        example: "select host, bytes // 1KiB as kib",
        ..About::PLAIN
    },
    parse,
};

fn parse(parser: &mut Parser<'_>) -> Parsed {
    if parser.at_stage_end() {
        return Err(parser.unexpected("a column"));
    }
    let all = parser.fields(Parser::item)?;
    if all.iter().any(|one| matches!(one, Fields::Fitting(_))) {
        return Ok(parsed(FittingSyntax(all)));
    }
    let one = |one| if let Fields::One(item) = one { Some(item) } else { None };
    Ok(parsed(SelectSyntax(all.into_iter().filter_map(one).collect())))
}

/// The columns as they were written.
#[derive(Debug)]
pub(crate) struct SelectSyntax(pub(crate) Vec<Item>);

impl Syntax for SelectSyntax {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        let (exprs, columns) = checker.items(&self.0);
        upstream.aggregates = None;
        checker.enter(columns);
        checker.push(upstream, &WORD, span, exprs.map(SelectOp));
    }
}

/// The columns as they were written, patterns among them.
#[derive(Debug)]
struct FittingSyntax(Vec<Fields<Item>>);

impl Syntax for FittingSyntax {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        let made = self.columns(checker);
        upstream.aggregates = None;
        checker.push(upstream, &WORD, span, made);
    }
}

impl FittingSyntax {
    /// The columns, which are then in scope. What is named by itself is no part of a pattern, and each column is part of the first
    /// pattern that it fits: so `select id, *` moves one to the front.
    fn columns(&self, checker: &mut Checker<'_>) -> Checked<FittingOp> {
        let (mut exprs, mut columns, mut patterns) = (Vec::new(), Vec::new(), Vec::new());
        let mut failed = false;
        for one in &self.0 {
            match one {
                Fields::One(item) => {
                    let (made, column) = checker.items(std::slice::from_ref(item));
                    failed |= made.is_err();
                    exprs.push(made.unwrap_or_default());
                    columns.push(column);
                }
                Fields::Fitting(pattern) => {
                    let fits = checker.name_pattern(pattern);
                    failed |= fits.is_err();
                    patterns.push((columns.len(), fits.ok(), pattern.span()));
                    exprs.push(Vec::new());
                    columns.push(Vec::new());
                }
            }
        }
        let mut taken: Vec<String> = columns.iter().flatten().map(|column| column.name.clone()).collect();
        for (at, fits, span) in &patterns {
            for place in 0..checker.scope.columns.len() {
                let (name, seen) = checker.scope.columns[place].clone();
                if fits.as_ref().is_some_and(|fits| fits.fits(&name)) && !taken.contains(&name) {
                    taken.push(name.clone());
                    match checker.column_at(place) {
                        Ok(expr) => exprs[*at].push(expr),
                        Err(Failed) => failed = true,
                    }
                    columns[*at].push(NewColumn { name, span: *span, seen });
                }
            }
        }
        let input = checker.scope.input.clone();
        checker.enter(columns.into_iter().flatten().collect());
        checker.scope.input = input;
        if failed {
            return Err(Failed);
        }
        let late = patterns.into_iter().filter_map(|(_, fits, _)| fits).collect();
        Ok(FittingOp { columns: SelectOp(exprs.into_iter().flatten().collect()), late, stay: true })
    }
}

/// Columns as of [`SelectOp`], and which of those that come later stay.
#[derive(Clone, Debug)]
pub(super) struct FittingOp {
    pub(super) columns: SelectOp,
    /// What the names of late columns are like.
    pub(super) late: Vec<NamePattern>,
    /// Whether those are the ones that stay, and not those that go.
    pub(super) stay: bool,
}

impl Operator for FittingOp {
    fn reads(&self, stage: &PlanStage, wanted: &mut Read) {
        self.columns.reads(stage, wanted);
    }

    fn narrows(&self, found: &mut Found<'_>) -> bool {
        self.columns.narrows(found)
    }

    fn known(&self, records: u64) -> Option<u64> {
        Some(records)
    }

    fn start(&self, start: Start<'_>, target: Target) -> Target {
        let FittingOp { columns, late, stay } = self.clone();
        let stays = move |name: &str| late.iter().any(|like| like.fits(name)) == stay;
        let beyond = Beyond::new(start.input, start.output.clone()).where_name(stays);
        Box::new(Select { columns: columns.0, beyond, target })
    }
}

/// The columns of the output, in order.
#[derive(Clone, Debug)]
pub(crate) struct SelectOp(pub(crate) Vec<Expr>);

impl Operator for SelectOp {
    fn reads(&self, _: &PlanStage, wanted: &mut Read) {
        let places = std::mem::take(&mut wanted.places);
        let is_read = |(place, column): &(usize, &Expr)| column.as_column().is_none() || places.contains(place);
        wanted.exprs(self.0.iter().enumerate().filter(is_read).map(|(_, column)| column));
    }

    fn narrows(&self, found: &mut Found<'_>) -> bool {
        found.select(&self.0)
    }

    fn known(&self, records: u64) -> Option<u64> {
        Some(records)
    }

    fn start(&self, start: Start<'_>, target: Target) -> Target {
        Box::new(Select { columns: self.0.clone(), beyond: Beyond::new(start.input, start.output.clone()), target })
    }
}

/// The running stage.
struct Select {
    columns: Vec<Expr>,
    beyond: Beyond,
    target: Target,
}

impl Stage for Select {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        let columns = self.columns.iter().map(|column| column.eval_column(&batch)).collect::<Result<_, _>>()?;
        self.target.send(self.beyond.with_columns(&batch, columns)?)
    }

    relay!();
}
