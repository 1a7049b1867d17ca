//! What each stage looks like: one function a stage, named in the table [`super::words::STAGES`].

use super::{
    ast::{Aggregate, Item, Output, StageKind},
    diagnose::{Diagnostic, Span, did_you_mean},
    parse::{Parsed, Parser},
    template::Template,
    token::Kind,
    words,
};

/// `where EXPR`
pub(super) fn filter(parser: &mut Parser<'_>) -> Parsed<StageKind> {
    if parser.at_stage_end() {
        return Err(parser.unexpected("a condition"));
    }
    parser.equals_compares = true;
    parser.expr().map(StageKind::Where)
}

/// `select EXPR [as NAME], …`
pub(super) fn select(parser: &mut Parser<'_>) -> Parsed<StageKind> {
    if parser.at_stage_end() {
        return Err(parser.unexpected("a column"));
    }
    parser.list(Parser::item).map(StageKind::Select)
}

/// `let NAME = EXPR, …`
pub(super) fn assign(parser: &mut Parser<'_>) -> Parsed<StageKind> {
    let assignment = |parser: &mut Parser<'_>| {
        let name = parser.ident("a name")?;
        if !parser.take_sign("=") {
            return Err(parser.unexpected("`=`"));
        }
        Ok(Item { expr: parser.expr()?, name: Some(name) })
    };
    parser.list(assignment).map(StageKind::Let)
}

/// `head N`
pub(super) fn head(parser: &mut Parser<'_>) -> Parsed<StageKind> {
    parser.count("head").map(StageKind::Head)
}

/// `distinct [EXPR [as NAME], …]`
pub(super) fn distinct(parser: &mut Parser<'_>) -> Parsed<StageKind> {
    let keys = if parser.at_stage_end() { Vec::new() } else { parser.list(Parser::item)? };
    Ok(StageKind::Distinct(keys))
}

/// `stats AGG, … [by KEY, …]`
pub(super) fn stats(parser: &mut Parser<'_>) -> Parsed<StageKind> {
    let aggregates = parser.list(aggregate)?;
    keys_after(parser, aggregates)
}

/// `top N`, `top N by EXPR`, `top N KEY, …`
pub(super) fn top(parser: &mut Parser<'_>) -> Parsed<StageKind> {
    let n = parser.count("top")?;
    if parser.take_word("by") {
        return Ok(StageKind::Top { n, by: Some(parser.expr()?), keys: Vec::new() });
    }
    let keys = if parser.at_stage_end() { Vec::new() } else { parser.list(Parser::item)? };
    Ok(StageKind::Top { n, by: None, keys })
}

/// `print ["TEMPLATE"]`
pub(super) fn print(parser: &mut Parser<'_>) -> Parsed<StageKind> {
    if parser.at_stage_end() {
        return Ok(StageKind::Output(Output::Print(None)));
    }
    let token = parser.peek().clone();
    let text = match token.kind {
        Kind::Text(text) => text,
        Kind::Bad(_) => return Err(parser.unexpected("a template")),
        _ => {
            let what = format!("expected a template in quotes, found `{}`", parser.source().slice(token.span));
            let found = Diagnostic::new(token.span, what).label("as in `print \"{host} {bytes:>10}\"`");
            return Err(parser.fail(found));
        }
    };
    parser.advance();
    match Template::parse(&text, parser.source().slice(token.span), token.span.start) {
        Ok(template) => Ok(StageKind::Output(Output::Print(Some(template)))),
        Err(found) => Err(parser.fail(found)),
    }
}

/// `chart [FIELD]`
pub(super) fn chart(parser: &mut Parser<'_>) -> Parsed<StageKind> {
    let value = if parser.at_stage_end() { None } else { Some(parser.expr()?) };
    Ok(StageKind::Output(Output::Chart(value)))
}

/// A stage that is one word.
macro_rules! plain_output {
    ($($(#[$doc:meta])* $name:ident => $output:ident;)*) => { $(
        $(#[$doc])*
        pub(super) fn $name(_: &mut Parser<'_>) -> Parsed<StageKind> {
            Ok(StageKind::Output(Output::$output))
        }
    )* };
}

plain_output! {
    /// `table`
    table => Table;
    /// `json`
    json => Json;
    /// `csv`
    csv => Csv;
    /// `tsv`
    tsv => Tsv;
    /// `arrow`
    #[cfg(feature = "arrow")]
    arrow => Arrow;
    /// `null`
    null => Null;
}

/// `NAME[(EXPR, …)] [as NAME]`
fn aggregate(parser: &mut Parser<'_>) -> Parsed<Aggregate> {
    let name = parser.ident("an aggregate")?;
    aggregate_from(parser, &name.text, name.span)
}

fn aggregate_from(parser: &mut Parser<'_>, name: &str, span: Span) -> Parsed<Aggregate> {
    let Some(word) = words::aggregate(name) else {
        let names: Vec<_> = words::AGGREGATES.iter().map(|row| row.name).collect();
        let found = Diagnostic::new(span, format!("unknown aggregate `{name}`"))
            .label(did_you_mean(name, names.iter().copied()))
            .help(format!("aggregates: {}", names.join(", ")));
        return Err(parser.fail(found));
    };
    let mut args = Vec::new();
    let mut end = span;
    if parser.take_sign("(") {
        if !parser.take_sign(")") {
            // `count(status = 404)` is a condition as much as `where status = 404` is.
            let before = std::mem::replace(&mut parser.equals_compares, true);
            args = parser.list(Parser::expr)?;
            parser.equals_compares = before;
            parser.close()?;
        }
        end = parser.last();
    }
    Ok(Aggregate { word, args, name: parser.alias()?, span: span.to(end) })
}

fn keys_after(parser: &mut Parser<'_>, aggregates: Vec<Aggregate>) -> Parsed<StageKind> {
    let keys = if parser.take_word("by") { parser.list(Parser::item)? } else { Vec::new() };
    Ok(StageKind::Stats { aggregates, keys })
}

impl Parser<'_> {
    /// `stats` without the word, after the name of its first aggregate.
    pub(super) fn stats_from(&mut self, name: &str, span: Span) -> Parsed<StageKind> {
        let mut aggregates = vec![aggregate_from(self, name, span)?];
        if self.take_sign(",") {
            aggregates.extend(self.list(aggregate)?);
        }
        keys_after(self, aggregates)
    }
}
