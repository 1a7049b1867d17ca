//! What each stage looks like: one function a stage, named in the table `words/stages.rs`.

use recpipe::transport::Url;

use super::{
    ast::{Aggregate, Item, Output, Pattern, SortItem, StageKind},
    check_expr::squeeze,
    diagnose::{Diagnostic, did_you_mean},
    parse::{Failed, Parsed, Parser},
    template::Template,
    token::{Kind, Token},
};
use crate::{
    plan::{Direction, EXTENSIONS, extension},
    span::Span,
};

/// `where EXPR`
pub(super) fn filter(parser: &mut Parser<'_>) -> Parsed<StageKind> {
    if parser.at_stage_end() {
        return Err(parser.unexpected("a condition"));
    }
    parser.equals_compares = true;
    parser.expr().map(StageKind::Where)
}

/// `grep REGEX [in FIELD]`
pub(super) fn grep(parser: &mut Parser<'_>) -> Parsed<StageKind> {
    let pattern = pattern(parser, "grep")?;
    let field = if parser.take_word("in") { Some(parser.ident("a field")?) } else { None };
    Ok(StageKind::Grep { pattern, field })
}

/// `select EXPR [as NAME], …`
pub(super) fn select(parser: &mut Parser<'_>) -> Parsed<StageKind> {
    if parser.at_stage_end() {
        return Err(parser.unexpected("a column"));
    }
    parser.list(Parser::item).map(StageKind::Select)
}

/// `drop FIELD, …`
pub(super) fn drop(parser: &mut Parser<'_>) -> Parsed<StageKind> {
    parser.list(|parser| parser.ident("a field")).map(StageKind::Drop)
}

/// `rename OLD as NEW, …`
pub(super) fn rename(parser: &mut Parser<'_>) -> Parsed<StageKind> {
    let one = |parser: &mut Parser<'_>| {
        let old = parser.ident("a field")?;
        match parser.alias()? {
            Some(new) => Ok((old, new)),
            None => Err(parser.unexpected("`as` and the new name")),
        }
    };
    parser.list(one).map(StageKind::Rename)
}

/// `parse FIELD REGEX`
pub(super) fn parse(parser: &mut Parser<'_>) -> Parsed<StageKind> {
    let field = parser.ident("a field")?;
    Ok(StageKind::Parse { field, pattern: pattern(parser, "parse request")? })
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

/// `tail N`
pub(super) fn tail(parser: &mut Parser<'_>) -> Parsed<StageKind> {
    parser.count("tail").map(StageKind::Tail)
}

/// `skip N`
pub(super) fn skip(parser: &mut Parser<'_>) -> Parsed<StageKind> {
    parser.count("skip").map(StageKind::Skip)
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
    if parser.at_word("by") {
        let span = parser.peek().span;
        let found = Diagnostic::new(span, "expected what to sort by, found `by`");
        return Err(parser.fail(found.label("write `sort x`, or `sort -x` for the largest first")));
    }
    let item = |parser: &mut Parser<'_>| Ok(SortItem { descending: parser.take_sign("-"), expr: parser.expr()? });
    parser.list(item).map(StageKind::Sort)
}

/// `top N`, `top N by EXPR`, `top N KEY, …`
pub(super) fn top(parser: &mut Parser<'_>) -> Parsed<StageKind> {
    ranked(parser, Direction::Largest)
}

/// `bottom N`, `bottom N by EXPR`, `bottom N KEY, …`
pub(super) fn bottom(parser: &mut Parser<'_>) -> Parsed<StageKind> {
    ranked(parser, Direction::Smallest)
}

fn ranked(parser: &mut Parser<'_>, direction: Direction) -> Parsed<StageKind> {
    let n = parser.count(direction.word())?;
    if parser.take_word("by") {
        return Ok(StageKind::Top { direction, n, by: Some(parser.expr()?), keys: Vec::new() });
    }
    let keys = if parser.at_stage_end() { Vec::new() } else { parser.list(Parser::item)? };
    Ok(StageKind::Top { direction, n, by: None, keys })
}

/// A regex, as a literal or as text in quotes; `example` is what may stand before one.
fn pattern(parser: &mut Parser<'_>, example: &str) -> Parsed<Pattern> {
    if matches!(parser.peek().kind, Kind::Sign("/" | "//")) {
        parser.peek_regex();
    }
    let token = parser.peek().clone();
    let (text, ignore_case) = match token.kind {
        Kind::Regex { pattern, ignore_case } => (pattern, ignore_case),
        Kind::Text(text) => (text, false),
        _ => return Err(parser.unexpected(&format!("a regex, as in `{example} /…/`"))),
    };
    parser.advance();
    Ok(Pattern { text, ignore_case, span: token.span })
}

/// `dns FIELD [as NAME]`
pub(super) fn dns(parser: &mut Parser<'_>) -> Parsed<StageKind> {
    Ok(StageKind::Dns { field: parser.ident("a field")?, name: parser.alias()? })
}

/// `tee [ STAGES ]`
pub(super) fn tee(parser: &mut Parser<'_>) -> Parsed<StageKind> {
    parser.branch().map(StageKind::Tee)
}

/// `trace ["LABEL"]`
pub(super) fn trace(parser: &mut Parser<'_>) -> Parsed<StageKind> {
    let label = if parser.at_stage_end() { None } else { Some(parser.text("a label", "trace \"errors\"")?.0) };
    Ok(StageKind::Trace(label))
}

/// `write "FILE"`
pub(super) fn write(parser: &mut Parser<'_>) -> Parsed<StageKind> {
    let (path, span) = parser.text("a file", "write \"errors.csv\"")?;
    if extension(&path).is_none() {
        let known: Vec<_> = EXTENSIONS.iter().map(|(extension, _)| format!(".{extension}")).collect();
        let found = Diagnostic::new(span, "the extension of the file does not say what is to be written");
        return Err(parser.fail(found.label(format!("known are {}", known.join(" ")))));
    }
    Ok(StageKind::Output(Output::Write(path)))
}

/// `emit [URL]`
pub(super) fn emit(parser: &mut Parser<'_>) -> Parsed<StageKind> {
    if parser.at_stage_end() {
        return Ok(StageKind::Output(Output::Emit(Url::Stdio)));
    }
    if !matches!(parser.peek().kind, Kind::Text(_)) {
        parser.peek_bare();
    }
    let (url, span) = parser.text("a URL", "emit \"errors.rec\"")?;
    match url.parse() {
        Ok(url) => Ok(StageKind::Output(Output::Emit(url))),
        Err(error) => {
            let label = "as in `emit tcp://127.0.0.1:7000`, or in quotes `emit \"exec:consumer count\"`";
            Err(parser.fail(Diagnostic::new(span, error.to_string()).label(label)))
        }
    }
}

/// `print ["TEMPLATE"]`
pub(super) fn print(parser: &mut Parser<'_>) -> Parsed<StageKind> {
    if parser.at_stage_end() {
        return Ok(StageKind::Output(Output::Print(None)));
    }
    let (text, span) = parser.text("a template", "print \"{host} {bytes:>10}\"")?;
    match Template::parse(&text, parser.source().slice(span), span.start) {
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
    let Some(word) = parser.catalog.aggregate(name) else { return Err(unknown_aggregate(parser, name, span)) };
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
