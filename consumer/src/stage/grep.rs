//! `grep REGEX [in FIELD]`: passes on the records in which any text field, or this one, matches. It runs as `where`;
//! with `around N`, which also passes on what is near, as `around`.
//!
//! Runs:   in each worker.  Order: kept.  Memory: O(1).
//! Stops:  when its target does.
//! Errors: none of its own.

use recpipe::Type;

use super::{
    around::{AroundOp, HIT},
    where_::WhereOp,
};
use crate::{
    expr::{Expr, Node, Predicate},
    given::SENDER,
    language::{
        Checked, Checker, Failed, Parsed, Parser, Seen, StageWord, Syntax, Upstream,
        ast::{Ident, Pattern},
        diagnose::Diagnostic,
        parsed,
    },
    plan::{About, Runs},
    span::Span,
};

/// `grep`.
pub static WORD: StageWord = StageWord {
    about: About {
        name: "grep",
        synonyms: &["search"],
        syntax: "grep REGEX [in FIELD] [around N]",
        doc: "keeps the records in which any text, or FIELD, matches; with N before and after, marked by `hit`",
        example: "grep /\\.php$/i in request",
        ..About::PLAIN
    },
    parse,
};

/// What is said of one with `around`.
static AROUND: StageWord =
    StageWord { about: About { runs: Runs::WorkersThenMerge, memory: "O(N), an input", ..WORD.about }, parse: WORD.parse };

fn parse(parser: &mut Parser<'_>) -> Parsed {
    let pattern = parser.pattern("grep")?;
    let field = if parser.take_word("in") { Some(parser.ident("a field")?) } else { None };
    let around = if parser.take_word("around") { Some(parser.count("around")?) } else { None };
    Ok(parsed(GrepSyntax { pattern, field, around }))
}

/// What is looked for, and where; `None` is every text field; and how many records before and after are wanted.
#[derive(Debug)]
struct GrepSyntax {
    pattern: Pattern,
    field: Option<Ident>,
    around: Option<u64>,
}

impl Syntax for GrepSyntax {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        let condition = self.condition(checker, span);
        let Some(n) = self.around else { return checker.push(upstream, &WORD, span, condition.map(WhereOp::new)) };
        if checker.scope.index_of(HIT).is_some() {
            let found = Diagnostic::new(span, format!("there is a column `{HIT}` already, which `around` adds"));
            checker.fail(found.label(format!("write `rename {HIT} as …` before it")));
            return;
        }
        checker.scope.put(HIT.to_owned(), Some(Seen::closed(Type::Bool)));
        let made = condition.map(|condition| AroundOp { condition: Predicate::new(condition), n });
        checker.push(upstream, &AROUND, span, made);
    }
}

impl GrepSyntax {
    /// The condition that the regex matches in the field, or in any text field, one that comes later with them.
    fn condition(&self, checker: &mut Checker<'_>, span: Span) -> Checked<Expr> {
        let regex = checker.regex(&self.pattern.text, self.pattern.ignore_case, self.pattern.span, 1);
        if self.field.is_none() && checker.scope.grows() {
            let text = checker.text(span);
            let gives_sender = checker.is_given(SENDER);
            return Ok(Expr::new(Node::MatchesAny { regex: regex?, gives_sender }, Type::Bool, text));
        }
        let columns = match &self.field {
            Some(field) => checker.text_field(field).map(|column| vec![column]),
            None => text_fields(checker, span),
        };
        let (regex, columns) = (regex?, columns?);
        let text = checker.text(span);
        let matches = |column| Expr::new(Node::Matches { value: Box::new(column), regex: regex.clone() }, Type::Bool, text.clone());
        let mut tests: Vec<_> = columns.into_iter().map(matches).collect();
        match tests.pop() {
            Some(only) if tests.is_empty() => Ok(only),
            last => {
                tests.extend(last);
                Ok(Expr::new(Node::Any(tests), Type::Bool, text))
            }
        }
    }
}

fn text_fields(checker: &mut Checker<'_>, span: Span) -> Checked<Vec<Expr>> {
    let seen: Option<Vec<Seen>> = checker.scope.columns.iter().map(|(_, seen)| *seen).collect();
    // Where a record stands is no text of it.
    let is_text = |place: usize, seen: &Seen| (seen.open || seen.kind == Type::Text) && !checker.is_given(&checker.scope.columns[place].0);
    let places: Vec<_> = seen.ok_or(Failed)?.iter().enumerate().filter(|(place, seen)| is_text(*place, seen)).map(|(i, _)| i).collect();
    if places.is_empty() {
        let found = Diagnostic::new(span, "no field here is text").label("make one first: `let x = str(…)`");
        return Err(checker.fail(found));
    }
    checker.each(&places, |checker, &place| checker.column_at(place))
}
