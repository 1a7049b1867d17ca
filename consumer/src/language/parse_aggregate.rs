//! What the use of an aggregate looks like: `NAME[(EXPR, …)] [as NAME]`.

use super::{
    ast::Aggregate,
    check_expr::squeeze,
    diagnose::{Diagnostic, did_you_mean},
    parse::{Failed, Parsed, Parser},
    token::{Kind, Token},
};
use crate::span::Span;

impl Parser<'_> {
    /// `NAME[(EXPR, …)] [as NAME]`
    pub(crate) fn aggregate(&mut self) -> Parsed<Aggregate> {
        let name = self.ident("an aggregate")?;
        self.aggregate_from(&name.text, name.span)
    }

    /// The same after its name.
    pub(crate) fn aggregate_from(&mut self, name: &str, span: Span) -> Parsed<Aggregate> {
        aggregate_from(self, name, span)
    }
}

fn aggregate_from(parser: &mut Parser<'_>, name: &str, span: Span) -> Parsed<Aggregate> {
    let Some(word) = parser.catalog.aggregate(name) else { return Err(unknown_aggregate(parser, name, span)) };
    let mut args = Vec::new();
    let mut end = span;
    if parser.take_sign("(") {
        // As SQL has it: of records, nothing is said.
        let is_all = parser.take_sign("*");
        if is_all {
            parser.close()?;
        } else if !parser.take_sign(")") {
            // `count(status = 404)` is a condition as much as `where status = 404` is.
            let before = std::mem::replace(&mut parser.equals_compares, true);
            args = parser.list(Parser::expr)?;
            parser.equals_compares = before;
            parser.close()?;
        }
        end = parser.last();
    }
    let span = span.to(end);
    if let Kind::Sign(sign @ ("+" | "-" | "*" | "/" | "//" | "%")) = parser.peek().kind {
        return Err(calculated(parser, sign, span));
    }
    Ok(Aggregate { word, written: name.to_owned(), args, name: parser.alias()?, span })
}

fn unknown_aggregate(parser: &mut Parser<'_>, name: &str, span: Span) -> Failed {
    let names: Vec<_> = parser.catalog.aggregates.iter().map(|row| row.name).collect();
    let label = parser.catalog.aggregate_hint(name).map_or_else(|| did_you_mean(name, names.iter().copied()), str::to_owned);
    let is_call = matches!(parser.peek().kind, Kind::Sign("("));
    let label = if label.is_empty() && !is_call { format!("values are counted by `count by {name}`") } else { label };
    let found = Diagnostic::new(span, format!("unknown aggregate `{name}`")).label(label);
    parser.fail(found.help(format!("aggregates: {}", names.join(", "))))
}

/// `sum(bytes) / count`: a calculation stands in a stage of its own.
fn calculated(parser: &mut Parser<'_>, sign: &str, left: Span) -> Failed {
    let at = parser.advance().span;
    let left = squeeze(parser.source().slice(left));
    let Token { kind, span } = parser.peek().clone();
    let right = matches!(&kind, Kind::Name(name) if parser.catalog.aggregate(name).is_some()).then(|| {
        parser.advance();
        let mut open = 0_usize;
        loop {
            match parser.peek().kind {
                Kind::Sign("(") => open += 1,
                Kind::Sign(")") if open > 0 => open -= 1,
                Kind::Sign("|") | Kind::End => break,
                _ if open == 0 => break,
                _ => {}
            }
            parser.advance();
        }
        squeeze(parser.source().slice(span.to(parser.last())))
    });
    let label = match right {
        Some(right) => format!("write `stats {left} as a, {right} as b | let c = a {sign} b`"),
        None => format!("write `stats {left} as a | let b = a {sign} …`"),
    };
    parser.fail(Diagnostic::new(at, "aggregates are not calculated with where they are made").label(label))
}
