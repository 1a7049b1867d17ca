//! What each stage looks like: one function a stage, named in the table [`super::words::STAGES`].

use super::{
    ast::{Aggregate, Item, Output, SortItem, StageKind},
    check_expr::squeeze,
    diagnose::{Diagnostic, Span, did_you_mean},
    parse::{Failed, Parsed, Parser},
    template::Template,
    token::{Kind, Token},
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

/// `sort [-]EXPR, …`
pub(super) fn sort(parser: &mut Parser<'_>) -> Parsed<StageKind> {
    if parser.at_stage_end() {
        return Err(parser.unexpected("what to sort by"));
    }
    let item = |parser: &mut Parser<'_>| Ok(SortItem { descending: parser.take_sign("-"), expr: parser.expr()? });
    parser.list(item).map(StageKind::Sort)
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
    /// `null`
    null => Null;
}

/// `NAME[(EXPR, …)] [as NAME]`
fn aggregate(parser: &mut Parser<'_>) -> Parsed<Aggregate> {
    let name = parser.ident("an aggregate")?;
    aggregate_from(parser, &name.text, name.span)
}

fn aggregate_from(parser: &mut Parser<'_>, name: &str, span: Span) -> Parsed<Aggregate> {
    let Some(word) = words::aggregate(name) else { return Err(unknown_aggregate(parser, name, span)) };
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
    let span = span.to(end);
    if let Kind::Sign(sign @ ("+" | "-" | "*" | "/" | "//" | "%")) = parser.peek().kind {
        return Err(calculated(parser, sign, span));
    }
    Ok(Aggregate { word, written: name.to_owned(), args, name: parser.alias()?, span })
}

fn unknown_aggregate(parser: &mut Parser<'_>, name: &str, span: Span) -> Failed {
    let names: Vec<_> = words::AGGREGATES.iter().map(|row| row.name).collect();
    let is_percentile = name.strip_prefix('p').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let label = match is_percentile {
        true => "percentiles are `p1` to `p99` and `p999`; for others write `quantile(x, 0.5)`".to_owned(),
        false => did_you_mean(name, names.iter().copied()),
    };
    let found = Diagnostic::new(span, format!("unknown aggregate `{name}`")).label(label);
    parser.fail(found.help(format!("aggregates: {}", names.join(", "))))
}

/// `sum(bytes) / count`: a calculation stands in a stage of its own.
fn calculated(parser: &mut Parser<'_>, sign: &str, left: Span) -> Failed {
    let at = parser.advance().span;
    let left = squeeze(parser.source().slice(left));
    let Token { kind, span } = parser.peek().clone();
    let right = matches!(&kind, Kind::Name(name) if words::aggregate(name).is_some()).then(|| {
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
