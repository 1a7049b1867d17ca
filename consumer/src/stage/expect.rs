//! `expect COND`: passes all records on; where the condition over aggregates of them does not hold at the end, that is said, and the
//! exit is [`recpipe::Exit::Unmet`].
//!
//! Runs:   once.  Order: kept.  Memory: that of its aggregates.
//! Stops:  no: it is told by all records, whoever after it has enough.
//! Errors: those of the aggregates, and of the condition.

use std::{collections::BTreeMap, sync::Arc};

use recpipe::{Batch, Error, Flow, Origin, Schema, Stage};

use super::{relay_flush, stats};
use crate::{
    aggregate::Table,
    expr::{Constant, Expr},
    language::{Checked, Checker, Failed, Parsed, Parser, StageWord, Syntax, Upstream, aggregates, ast, diagnose::Diagnostic, parsed},
    memory::Budget,
    plan::{About, Aggregate, Effect, Operator, PlanStage, Read, Runs, Start, Target, conditions::Found},
    span::Span,
    unmet::Unmet,
};

/// `expect`.
pub static WORD: StageWord = StageWord {
    about: About {
        name: "expect",
        syntax: "expect CONDITION",
        doc: "exit 5 where it does not hold of aggregates of all records, which are passed on",
        example: "expect count(status >= 500) < 10",
        runs: Runs::Once,
        memory: "O(its aggregates)",
        ..About::PLAIN
    },
    parse,
};

fn parse(parser: &mut Parser<'_>) -> Parsed {
    if parser.at_stage_end() {
        return Err(parser.unexpected("a condition over aggregates, as in `expect count > 0`"));
    }
    parser.equals_compares = true;
    parser.expr_of_aggregates(None).map(ExpectSyntax).map(parsed)
}

/// The condition as it was written.
#[derive(Debug)]
struct ExpectSyntax(ast::Expr);

impl Syntax for ExpectSyntax {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        let scope = checker.scope.clone();
        let made = self.made(checker, span);
        checker.scope = scope;
        checker.push(upstream, &WORD, span, made);
    }
}

impl ExpectSyntax {
    /// The aggregates, and the condition over them; only they are in scope then.
    fn made(&self, checker: &mut Checker<'_>, span: Span) -> Checked<ExpectOp> {
        if aggregates(&self.0).is_empty() {
            // The mistakes in it are mistakes all the same.
            checker.condition(&self.0)?;
            let text = checker.text(self.0.span);
            let found = Diagnostic::new(self.0.span, "`expect` is about all records together, and there is no aggregate here");
            return Err(checker.fail(found.label(format!("write `expect count(not ({text})) == 0`"))));
        }
        let mut columns = Vec::new();
        let (aggregates, made) = stats::gathered(checker, std::iter::once(&self.0), &mut columns);
        checker.enter(columns);
        let aggregates = aggregates?;
        stats::of_group(checker, &self.0)?;
        checker.made = made;
        let condition = checker.condition(&self.0);
        checker.made = BTreeMap::new();
        let condition = condition?;
        let schema = checker.schema(span).ok_or(Failed)?;
        let text = checker.text(self.0.span);
        Ok(ExpectOp { aggregates, schema, condition, text, unmet: checker.setting.unmet.clone() })
    }
}

/// What is to be true at the end.
#[derive(Clone, Debug)]
struct ExpectOp {
    aggregates: Vec<Aggregate>,
    /// Of a record of the aggregates, which is what the condition is about.
    schema: Arc<Schema>,
    condition: Expr,
    text: String,
    unmet: Unmet,
}

impl Operator for ExpectOp {
    fn reads(&self, _: &PlanStage, wanted: &mut Read) {
        wanted.exprs(self.aggregates.iter().flat_map(|aggregate| &aggregate.args));
    }

    fn narrows(&self, _: &mut Found<'_>) -> bool {
        false
    }

    fn known(&self, records: u64) -> Option<u64> {
        Some(records)
    }

    fn effect(&self) -> Effect {
        Effect::Judges
    }

    fn start(&self, start: Start<'_>, target: Target) -> Target {
        let table = Table::new(&[], &self.aggregates, self.schema.clone(), start.budget);
        Box::new(Expect { expected: self.clone(), table: Some(table), batches: 0, has_enough: false, budget: start.budget.clone(), target })
    }
}

/// The running stage.
struct Expect {
    expected: ExpectOp,
    /// Taken at the end.
    table: Option<Table>,
    /// Batches so far.
    batches: u64,
    /// Whether no more records are wanted after it.
    has_enough: bool,
    budget: Budget,
    target: Target,
}

impl Expect {
    /// Notes what does not hold.
    fn judge(&self, record: &Batch) -> Result<(), Error> {
        let ExpectOp { schema, condition, text, unmet, .. } = &self.expected;
        if !condition.eval(record)?.truth().get(0) {
            let value = |(place, name): (usize, &str)| format!("{name} is {}", shown(Constant::of(&record.row(0).value(place))));
            let values: Vec<String> = schema.names().enumerate().map(value).collect();
            unmet.note(format!("expected {text}, but {}", values.join(", ")));
        }
        Ok(())
    }
}

fn shown(value: Constant) -> String {
    if value == Constant::Null { "null".to_owned() } else { value.to_string() }
}

impl Stage for Expect {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        let table = self.table.as_mut().ok_or(Error::Protocol("records after the end"))?;
        table.add(&batch.clone().with_origin(Origin { order: self.batches, ..batch.origin().clone() }))?;
        self.batches += 1;
        if !self.has_enough {
            self.has_enough = self.target.send(batch)? == Flow::Stop;
        }
        Ok(Flow::Continue)
    }

    relay_flush!();

    fn close(&mut self) -> Result<(), Error> {
        for record in Table::merged(self.table.take().into_iter().collect(), &self.budget)? {
            self.judge(&record?)?;
        }
        self.target.close()
    }
}
