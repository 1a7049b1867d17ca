//! From tokens to a [`Query`]: the parser's machinery, and how it goes on after an error.
//!
//! What each stage looks like stands in `stages.rs`, what an expression looks like in `parse_expr.rs`.
//! A mistake ends its stage: the parser reports it and goes on after the next `|`, so that one run shows the mistakes
//! of all stages.

use super::{
    ast::{Ident, Item, Query, Stage, StageKind},
    diagnose::{Diagnostic, QueryError, Source, Span, did_you_mean},
    token::{Kind, Lexer, Token},
    words,
};

/// Parses a query. A query without any stage is valid: it prints every record.
///
/// # Errors
/// Everything that is wrong with its form, all at once.
pub fn parse(source: &Source) -> Result<Query, QueryError> {
    let mut parser = Parser::new(source);
    let query = parser.query();
    if parser.found.is_empty() { Ok(query) } else { Err(QueryError::new(source, parser.found)) }
}

/// Each stage calls the next, so their number is bounded by the stack; no question that a person asks comes near.
const MAX_STAGES: usize = 1000;

/// A mistake was found and reported; the stage it is in is given up.
#[derive(Debug)]
pub struct Failed;

/// What a parsing function gives.
pub type Parsed<T> = Result<T, Failed>;

/// The state of parsing one query.
pub struct Parser<'s> {
    source: &'s Source,
    lexer: Lexer<'s>,
    part: usize,
    peeked: Option<Token>,
    last: Span,
    found: Vec<Diagnostic>,
    pub(super) nesting: usize,
    /// Whether `=` is taken for `==`, as it is inside `where`.
    pub(super) equals_compares: bool,
}

impl<'s> Parser<'s> {
    fn new(source: &'s Source) -> Self {
        let first = source.parts().first().cloned().unwrap_or(0..0);
        Parser {
            source,
            lexer: Lexer::new(source.text(), first.start, first.end),
            part: 0,
            peeked: None,
            last: Span::new(first.start, first.start),
            found: Vec::new(),
            nesting: 0,
            equals_compares: false,
        }
    }

    fn query(&mut self) -> Query {
        let mut query = Query::default();
        if self.peek().kind == Kind::End {
            return query;
        }
        loop {
            if query.stages.len() == MAX_STAGES {
                let span = self.peek().span;
                let what = format!("more than {MAX_STAGES} stages");
                self.found.push(Diagnostic::new(span, what).label("join conditions with `and`, columns with `,`"));
                break;
            }
            (self.nesting, self.equals_compares) = (0, false);
            match self.stage() {
                Ok(stage) => query.stages.push(stage),
                Err(Failed) => self.skip_stage(),
            }
            if !self.take_sign("|") {
                break;
            }
        }
        // Which stage is the last is known only when no other was given up.
        let early = query.stages.iter().rev().skip(1).rfind(|stage| matches!(stage.kind, StageKind::Output(_)));
        if let (Some(stage), true) = (early, self.found.is_empty()) {
            let word = self.source.slice(stage.span).split_whitespace().next().unwrap_or_default();
            let what = format!("`{word}` writes the answer, so nothing can come after it");
            self.found.push(Diagnostic::new(stage.span, what).label("make it the last stage"));
        }
        query
    }

    fn stage(&mut self) -> Parsed<Stage> {
        let Token { kind, span } = self.peek().clone();
        let Kind::Name(word) = kind else {
            return match kind {
                Kind::Sign("|") | Kind::End => Err(self.fail(Diagnostic::new(span, "a stage is missing").label("expected a stage here"))),
                _ => Err(self.unexpected("a stage")),
            };
        };
        self.advance();
        let next = self.peek();
        let called = next.kind == Kind::Sign("(") && next.span.start == span.end;
        let kind = match (words::stage(&word), words::aggregate(&word)) {
            (_, Some(_)) if called => self.stats_from(&word, span),
            (Some(row), _) => (row.parse)(self),
            (None, Some(_)) => self.stats_from(&word, span),
            (None, None) => Err(self.unknown_stage(&word, span)),
        }?;
        if !matches!(self.peek().kind, Kind::Sign("|") | Kind::End) {
            return Err(self.unexpected("`|` or the end"));
        }
        Ok(Stage { kind, span: span.to(self.last) })
    }

    fn unknown_stage(&mut self, word: &str, span: Span) -> Failed {
        let names = words::STAGES.iter().map(|row| row.name);
        let compares = matches!(self.peek().kind, Kind::Sign("==" | "!=" | "<" | "<=" | ">" | ">=" | "=~" | "!~" | "="));
        let all = words::STAGES.iter().flat_map(|row| row.names()).chain(words::AGGREGATES.iter().map(|row| row.name));
        let label = if compares { "a condition begins with `where`".to_owned() } else { did_you_mean(word, all) };
        let help = format!("stages: {}", names.collect::<Vec<_>>().join(", "));
        self.fail(Diagnostic::new(span, format!("unknown stage `{word}`")).label(label).help(help))
    }

    /// Goes to the next `|` outside brackets, or to the end.
    fn skip_stage(&mut self) {
        let mut open = 0_usize;
        loop {
            let Token { kind, span } = self.peek().clone();
            match kind {
                Kind::End => return,
                // The end of an argument ends every bracket.
                Kind::Sign("|") if open == 0 || span.start == span.end => return,
                Kind::Sign("(" | "[") => open += 1,
                Kind::Sign(")" | "]") => open = open.saturating_sub(1),
                _ => {}
            }
            let before_operand = matches!(kind, Kind::Sign(sign) if sign != ")" && sign != "]");
            self.advance();
            if before_operand && matches!(self.peek().kind, Kind::Sign("/" | "//")) {
                self.peek_regex();
            }
        }
    }

    /// The query being parsed.
    pub(super) fn source(&self) -> &'s Source {
        self.source
    }

    /// The next token, not yet taken. Between two arguments there is a `|` with an empty span.
    pub(super) fn peek(&mut self) -> &Token {
        if self.peeked.is_none() {
            let mut token = self.lexer.token();
            if token.kind == Kind::End {
                // The place right after what was written last, not after the blanks behind it.
                token.span = self.last.after();
                if let Some(next) = self.source.parts().get(self.part + 1) {
                    self.part += 1;
                    self.lexer = Lexer::new(self.source.text(), next.start, next.end);
                    token.kind = Kind::Sign("|");
                }
            }
            self.peeked = Some(token);
        }
        // Just filled; the fallback is never made.
        self.peeked.get_or_insert(Token { kind: Kind::End, span: Span::default() })
    }

    /// Takes the next token.
    pub(super) fn advance(&mut self) -> Token {
        let token = self.peek().clone();
        self.peeked = None;
        self.last = token.span;
        if token.kind == Kind::Sign("|") && token.span.start == token.span.end {
            let start = self.source.parts().get(self.part).map_or(token.span.end, |part| part.start);
            self.last = Span::new(start, start);
        }
        token
    }

    /// The span of the token taken last.
    pub(super) fn last(&self) -> Span {
        self.last
    }

    /// Reads the next token, a `/` or `//`, as the beginning of a regex.
    pub(super) fn peek_regex(&mut self) -> &Token {
        let start = self.peek().span.start;
        self.peeked = Some(self.lexer.regex(start));
        self.peek()
    }

    /// Takes the next token if it is this sign.
    pub(super) fn take_sign(&mut self, sign: &str) -> bool {
        let is_it = matches!(self.peek().kind, Kind::Sign(found) if found == sign);
        if is_it {
            self.advance();
        }
        is_it
    }

    /// Takes the next token if it is this bare word.
    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let is_it = self.at_word(word);
        if is_it {
            self.advance();
        }
        is_it
    }

    /// Whether the next token is this bare word.
    pub(super) fn at_word(&mut self, word: &str) -> bool {
        matches!(&self.peek().kind, Kind::Name(name) if name == word)
    }

    /// Whether the stage ends here.
    pub(super) fn at_stage_end(&mut self) -> bool {
        matches!(self.peek().kind, Kind::Sign("|" | "]") | Kind::End)
    }

    /// Reports a mistake.
    pub(super) fn fail(&mut self, found: Diagnostic) -> Failed {
        self.found.push(found);
        Failed
    }

    /// Reports that `expected` should stand where the next token is.
    pub(super) fn unexpected(&mut self, expected: &str) -> Failed {
        let Token { kind, span } = self.peek().clone();
        let found = match kind {
            Kind::Bad(found) => *found,
            Kind::End => Diagnostic::new(span, format!("expected {expected}")).label("the query ends here"),
            Kind::Sign("|") if span.start == span.end => {
                Diagnostic::new(span, format!("expected {expected}")).label("the argument ends here")
            }
            kind => {
                let label = match kind {
                    Kind::Sign("=") => "`=` compares only inside `where`; write `==`",
                    Kind::Sign("..") => "a range stands after `in`",
                    _ => "",
                };
                let text = self.source.slice(span);
                Diagnostic::new(span, format!("expected {expected}, found `{text}`")).label(label)
            }
        };
        self.fail(found)
    }

    /// A name for something: bare or in backticks.
    pub(super) fn ident(&mut self, expected: &str) -> Parsed<Ident> {
        match &self.peek().kind {
            Kind::Name(name) | Kind::Quoted(name) => {
                let text = name.clone();
                Ok(Ident { text, span: self.advance().span })
            }
            _ => Err(self.unexpected(expected)),
        }
    }

    /// `as NAME`, if it stands here.
    pub(super) fn alias(&mut self) -> Parsed<Option<Ident>> {
        if self.take_word("as") { self.ident("a name").map(Some) } else { Ok(None) }
    }

    /// `EXPR [as NAME]`
    pub(super) fn item(&mut self) -> Parsed<Item> {
        Ok(Item { expr: self.expr()?, name: self.alias()? })
    }

    /// One or more of something, with commas between.
    pub(super) fn list<T>(&mut self, one: fn(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        let mut all = vec![one(self)?];
        while self.take_sign(",") {
            all.push(one(self)?);
        }
        Ok(all)
    }

    /// A count of records.
    pub(super) fn count(&mut self, stage: &str) -> Parsed<u64> {
        match self.peek().kind {
            Kind::Int(n) => {
                self.advance();
                Ok(n)
            }
            _ => Err(self.unexpected(&format!("how many, as in `{stage} 10`"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::parse;
    use crate::query::{Source, ast::StageKind, tests::log_schema, words};

    fn stage_names(args: &[&str]) -> String {
        let query = parse(&Source::from_args(args)).unwrap_or_else(|error| panic!("{args:?}\n{error}"));
        let name = |kind: &StageKind| format!("{kind:?}").split([' ', '(']).next().unwrap_or_default().to_owned();
        query.stages.iter().map(|stage| name(&stage.kind)).collect::<Vec<_>>().join(" ")
    }

    fn check(args: &[&str], expect: &str) {
        assert_eq!(stage_names(args), expect, "{args:?}");
    }

    fn check_error(args: &[&str], expect: &str) {
        let error = parse(&Source::from_args(args)).map(|query| panic!("{args:?} parsed: {query:?}")).unwrap_err();
        assert_eq!(error.to_string(), expect.trim_start_matches('\n').trim_end(), "{args:?}");
    }

    #[test]
    fn stages_and_arguments() {
        check(&[], "");
        check(&[""], "");
        check(&["# nothing"], "");
        check(&["where status == 404 and bytes > 1e6 | count by request | top 10"], "Where Stats Top");
        check(&["where status == 404", "count by request | top 10", "tsv"], "Where Stats Top Output");
        check(&["where a # really | not", "head 3"], "Where Head");
        check(&["count\n| top 5\n| tsv\n"], "Stats Top Output");
    }

    #[test]
    fn the_word_stats_may_be_left_out() {
        for query in
            ["count", "count | json", "count by host", "count as n", "count, sum(bytes) as b by host", "sum(bytes)", "avg(a + b) by c"]
        {
            assert!(stage_names(&[query]).starts_with("Stats"), "{query}");
        }
        check(&["summarize count by host"], "Stats");
    }

    #[test]
    fn every_synonym_is_taken() {
        for row in words::STAGES {
            for name in row.synonyms {
                let query = row.example.replacen(row.name, name, 1);
                assert_eq!(stage_names(&[&query]), stage_names(&[row.example]), "{query}");
            }
        }
    }

    #[test]
    fn an_unknown_stage_is_named() {
        let stages = words::STAGES.iter().map(|row| row.name).collect::<Vec<_>>().join(", ");
        let expect = "
error: unknown stage `were`
  |
  | were status == 404 | hed 3
  | ^^^^ did you mean `where`?
  = stages: …

error: unknown stage `hed`
  |
  | were status == 404 | hed 3
  |                      ^^^ did you mean `head`?
  = stages: …";
        check_error(&["were status == 404 | hed 3"], &expect.replace('…', &stages));
    }

    #[test]
    fn errors_have_a_caret_where_it_went_wrong() {
        let check = |query: &str, what: &str, under: &str, label: &str| {
            let error = parse(&Source::from_args(&[query])).map(|query| panic!("parsed: {query:?}")).unwrap_err();
            let [found] = error.diagnostics() else { panic!("{query}: {error}") };
            assert_eq!((&*found.what, &query[found.span.start..found.span.end], &*found.label), (what, under, label), "{query}");
        };
        check("where status == | count", "expected a value, found `|`", "|", "");
        check("where status ==", "expected a value", "", "the query ends here");
        check("where", "expected a condition", "", "the query ends here");
        check("where (a == 1", "expected `)`", "", "the query ends here");
        check("where a == 1)", "expected `|` or the end, found `)`", ")", "");
        check("where a 5", "expected `|` or the end, found `5`", "5", "");
        check("where a < b < c", "comparisons do not chain", "<", "write `a < b and b < c`");
        check("where a in 5", "expected a list `(…)` or a range `a..b` after `in`", "5", "to compare with one value write `==`");
        check("where a not b", "expected `in` after `not`, found `b`", "b", "");
        check("where 1..2 == a", "expected `|` or the end, found `..`", "..", "a range stands after `in`");
        check("select a = b", "expected `|` or the end, found `=`", "=", "`=` compares only inside `where`; write `==`");
        check("select", "expected a column", "", "the query ends here");
        check("select a,", "expected a value", "", "the query ends here");
        check("let 5 = a", "expected a name, found `5`", "5", "");
        check("let a", "expected `=`", "", "the query ends here");
        check("head", "expected how many, as in `head 10`", "", "the query ends here");
        check("head -1", "expected how many, as in `head 10`, found `-`", "-", "");
        check("count by", "expected a value", "", "the query ends here");
        check("stats host", "unknown aggregate `host`", "host", "");
        check("stats cuont by host", "unknown aggregate `cuont`", "cuont", "did you mean `count`?");
        check("top 5 by", "expected a value", "", "the query ends here");
        check("print \"{a\"", "a `{` without its `}`", "{", "write `{{` for a brace");
        check("print a", "expected a template in quotes, found `a`", "a", "as in `print \"{host} {bytes:>10}\"`");
        check("json | count", "`json` writes the answer, so nothing can come after it", "json", "make it the last stage");
        check("count |", "a stage is missing", "", "expected a stage here");
        check("| count", "a stage is missing", "|", "expected a stage here");
        check("status == 404", "unknown stage `status`", "status", "a condition begins with `where`");
        check("where a == \"b", "this text has no end", "\"b", "a closing \" is missing");
        check("where a =~ /b", "this regex has no end", "/b", "a `/` is missing; inside a regex write `\\/`");
        check("where a == 5m", "durations are not supported yet", "5m", "");
        check("where a == 9223372036854775808", "this number does not fit in 64 bits", "9223372036854775808", "with a `.0` it is a float");
        check("where by == 1", "expected a value, found `by`", "by", "a field of this name is written in backticks");
    }

    #[test]
    fn an_argument_that_breaks_off_is_pointed_at() {
        check_error(
            &["where status ==", "count by host", ""],
            "
error: expected a value
  |
  | where status ==
  |                ^ the argument ends here

error: a stage is missing
  |
  |
  | ^ expected a stage here",
        );
    }

    #[test]
    fn recovery_knows_a_regex_from_a_bar() {
        let error = parse(&Source::from_args(&["where a == == b and r =~ /x|y/ | hed 1 | where (c | wher d"])).unwrap_err();
        let words: Vec<_> = error.diagnostics().iter().map(|found| found.what.clone()).collect();
        assert_eq!(words, ["expected a value, found `==`", "unknown stage `hed`", "expected `)`, found `|`", "unknown stage `wher`"]);
    }

    #[test]
    fn deep_queries_are_errors() {
        for open in ["(", "not ", "-", "len(", "a in (", "1 + (", "a ?? "] {
            let text = format!("where {}", open.repeat(100_000));
            assert!(parse(&Source::from_args(&[text])).is_err(), "{open}");
        }
        for (join, fits) in [(" + ", false), (" or ", true), (" and ", true), (" ?? ", false)] {
            let text = format!("where {}", vec!["a"; 10_000].join(join));
            assert_eq!(parse(&Source::from_args(&[text])).is_ok(), fits, "{join}");
        }
        let error = parse(&Source::from_args(&["(".repeat(100_000)])).unwrap_err();
        assert_eq!(error.diagnostics().len(), 1);
    }

    proptest! {
        #[test]
        fn never_panics(args in prop::collection::vec("\\PC{0,30}", 0..4)) {
            let _ = parse(&Source::from_args(&args)).map_err(|error| error.to_string());
        }

        #[test]
        fn never_panics_on_words_of_the_language(
            words in prop::collection::vec(
                prop::sample::select(vec![
                    "where", "where", "status ==", "select", "let", "head", "distinct", "stats", "count", "sum", "top", "by", "as", "print", "json", "a", "`b`", "in",
                    "not", "and", "or", "==", "=~", "=", "(", ")", "[", "]", "|", ",", "/", "//", "-", "+", "..", "1", "2.5", "10KB", "'x'", "/r/i",
                    "null", "true", "??", "contains", "# c\n", "\n", "if", "len", "\"{a:>3}\"", "5m", "@2026", "10.0.0.0/8",
                ]),
                0..30,
            ),
        ) {
            let source = Source::from_args(&[words.join(" ")]);
            let _ = parse(&source).and_then(|query| crate::query::check(&source, &query, &log_schema())).map_err(|error| error.to_string());
        }
    }
}
