//! `colour COND COLOUR`: the rows of the answer for which the condition is true have this colour, where an output has colours.
//!
//! Runs:   in each worker, and does nothing: the output asks for the condition.  Order: kept.  Memory: O(1).
//! Stops:  when its target does.
//! Errors: those of the condition.

use crate::{
    language::{Checker, Parsed, Parser, StageWord, Syntax, Upstream, ast, diagnose::Diagnostic, diagnose::did_you_mean, parsed},
    plan::{About, Operator, PlanStage, Read, Start, Target, conditions::Found},
    span::Span,
    writer::{Rule, Tint},
};

/// `colour`.
pub static WORD: StageWord = StageWord {
    about: About {
        name: "colour",
        synonyms: &["color"],
        syntax: "colour EXPR COLOUR",
        doc: "rows of a table for which EXPR is true in red, yellow, green, cyan, blue, magenta or grey",
        example: "colour status >= 500 red",
        ..About::PLAIN
    },
    parse,
};

fn parse(parser: &mut Parser<'_>) -> Parsed {
    if parser.at_stage_end() {
        return Err(parser.unexpected("a condition and a colour, as in `colour status >= 500 red`"));
    }
    parser.equals_compares = true;
    let condition = parser.expr()?;
    let name = parser.ident("a colour, as in `colour status >= 500 red`")?;
    match Tint::ALL.iter().find(|(known, _)| *known == name.text) {
        Some((_, tint)) => Ok(parsed(ColourSyntax { condition, tint: *tint })),
        None => {
            let known = Tint::ALL.map(|(name, _)| name);
            let found = Diagnostic::new(name.span, format!("unknown colour `{}`", name.text)).label(did_you_mean(&name.text, known));
            Err(parser.fail(found.help(format!("colours: {}", known.join(", ")))))
        }
    }
}

/// The condition as it was written, and the colour.
#[derive(Debug)]
struct ColourSyntax {
    condition: ast::Expr,
    tint: Tint,
}

impl Syntax for ColourSyntax {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        let made = checker.condition(&self.condition).map(|condition| ColourOp(Rule { condition, tint: self.tint }));
        checker.push(upstream, &WORD, span, made);
    }
}

/// A rule for the output.
#[derive(Clone, Debug)]
struct ColourOp(Rule);

impl Operator for ColourOp {
    fn reads(&self, stage: &PlanStage, wanted: &mut Read) {
        wanted.late |= stage.input.grows() && self.0.condition.reads_all();
        wanted.exprs(std::slice::from_ref(&self.0.condition));
    }

    fn narrows(&self, _: &mut Found<'_>) -> bool {
        true
    }

    fn known(&self, records: u64) -> Option<u64> {
        Some(records)
    }

    fn rule(&self) -> Option<&Rule> {
        Some(&self.0)
    }

    fn start(&self, _: Start<'_>, target: Target) -> Target {
        target
    }
}
