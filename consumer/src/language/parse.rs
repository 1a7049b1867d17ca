//! From tokens to a [`Query`]: the parser's machinery, and how it goes on after an error.
//!
//! What each stage looks like stands in its own file, what an expression looks like in `parse_expr.rs`.
//! A mistake ends its stage: the parser reports it and goes on after the next `|`, so that one run shows the mistakes
//! of all stages.

use std::{fmt, sync::Arc};

use super::{
    Catalog, Syntax,
    ast::{Ident, Item, Pattern, Query, Stage},
    diagnose::{Diagnostic, QueryError, Source},
    token::{Kind, Lexer, Token},
    translate,
};
use crate::span::Span;

/// Parses a query. A query without any stage is valid: it prints every record.
///
/// # Errors
/// Everything that is wrong with its form, all at once.
pub fn parse(source: &Source, catalog: &Arc<Catalog>) -> Result<Query, QueryError> {
    let mut parser = Parser::new(source, catalog);
    let query = parser.query();
    if parser.found.is_empty() {
        return Ok(query);
    }
    let parts: Vec<_> = source.parts().iter().map(|part| source.slice(Span::new(part.start, part.end))).collect();
    if parts.len() > 1 && parts.iter().all(|part| !part.contains(char::is_whitespace)) {
        return Err(unquoted(&parts.join(" "), source, catalog, parser.found));
    }
    // A shell has taken quotes away from what has blanks.
    let quoted = |part: &&str| if part.contains(char::is_whitespace) { format!("\"{part}\"") } else { (*part).to_owned() };
    let whole = parts.iter().map(quoted).collect::<Vec<_>>().join(" ");
    if parts.len() > 2 && reads(&whole, catalog) {
        return Err(unquoted(&whole, source, catalog, parser.found));
    }
    Err(QueryError::new(source, parser.found))
}

/// What is to be said where the arguments are the words of a query that was not quoted: that, where it is right otherwise, and
/// else after what was found.
fn unquoted(query: &str, source: &Source, catalog: &Arc<Catalog>, mut found: Vec<Diagnostic>) -> QueryError {
    let whole = Source::from_args(&[query]);
    let mut parser = Parser { translates: false, ..Parser::new(&whole, catalog) };
    let _: Query = parser.query();
    let advice = format!("quote it: consumer '{}'", query.replace('\'', r"'\''"));
    if parser.found.is_empty() {
        let what = "the query came in pieces: each argument is read by itself";
        return QueryError::new(&whole, vec![Diagnostic::new(Span::new(0, query.len()), what).help(advice)]);
    }
    if let Some(last) = found.pop() {
        found.push(last.help("each argument is read by itself, and a shell takes quotes away; a whole query is one argument, in quotes"));
    }
    QueryError::new(source, found)
}

/// Whether this is a query in these words, as far as that is known without its fields.
pub(super) fn reads(text: &str, catalog: &Arc<Catalog>) -> bool {
    let source = Source::from_args(&[text]);
    let mut parser = Parser { translates: false, ..Parser::new(&source, catalog) };
    let _: Query = parser.query();
    parser.found.is_empty() && translate::calls(text).all(|name| catalog.function(name).is_some() || catalog.aggregate(name).is_some())
}

/// Each stage calls the next, so their number is bounded by the stack of a worker, which has 2 MiB; no question that a person
/// asks comes near.
const MAX_STAGES: usize = 256;

/// Branches within branches are bounded for the same reason.
const MAX_BRANCHES: usize = 32;

/// A mistake was found and reported; the stage it is in is given up.
#[derive(Debug)]
pub struct Failed;

/// What a parsing function gives.
pub type Parsed<T = Arc<dyn Syntax>> = Result<T, Failed>;

/// The state of parsing one query.
pub struct Parser<'s> {
    pub(crate) catalog: &'s Arc<Catalog>,
    source: &'s Source,
    lexer: Lexer<'s>,
    part: usize,
    peeked: Option<Token>,
    last: Span,
    found: Vec<Diagnostic>,
    /// The stages so far, those of branches with them.
    stages: usize,
    /// The branches that are open here.
    branches: usize,
    pub(crate) nesting: usize,
    /// Whether `=` is taken for `==`, as it is inside `where`.
    pub(crate) equals_compares: bool,
    /// Whether aggregates may stand in an expression.
    pub(crate) aggregates: bool,
    /// Whether it is said how what is written elsewhere is written here.
    translates: bool,
}

impl fmt::Debug for Parser<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Parser").field("found", &self.found).finish_non_exhaustive()
    }
}

impl<'s> Parser<'s> {
    fn new(source: &'s Source, catalog: &'s Arc<Catalog>) -> Self {
        let first = source.parts().first().cloned().unwrap_or(0..0);
        Parser {
            catalog,
            source,
            lexer: Lexer::new(source.text(), first.start, first.end),
            part: 0,
            peeked: None,
            last: Span::new(first.start, first.start),
            found: Vec::new(),
            stages: 0,
            branches: 0,
            nesting: 0,
            equals_compares: false,
            aggregates: false,
            translates: true,
        }
    }

    fn query(&mut self) -> Query {
        if self.peek().kind == Kind::End {
            return Query { stages: Vec::new(), catalog: self.catalog.clone() };
        }
        Query { stages: self.stages(), catalog: self.catalog.clone() }
    }

    /// `[ STAGES ]`
    pub(crate) fn branch(&mut self) -> Parsed<Vec<Stage>> {
        let open = self.peek().span;
        if !self.take_sign("[") {
            return Err(self.unexpected("a branch in brackets, as in `tee [ where … | csv ]`"));
        }
        if self.branches == MAX_BRANCHES {
            return Err(self.fail(Diagnostic::new(open, format!("branches are nested more than {MAX_BRANCHES} deep"))));
        }
        self.branches += 1;
        let stages = self.stages();
        self.branches -= 1;
        if self.take_sign("]") {
            return Ok(stages);
        }
        // What stands there is most often the mistake that has been reported already.
        let found = Diagnostic::new(open, "a `[` without its `]`").label("this branch has no end");
        if self.found.is_empty() { Err(self.fail(found)) } else { Err(Failed) }
    }

    /// Stages with `|` between them, up to the end, or to the `]` of the branch.
    fn stages(&mut self) -> Vec<Stage> {
        let mut stages: Vec<Stage> = Vec::new();
        let found = self.found.len();
        loop {
            if self.stages == MAX_STAGES {
                let span = self.peek().span;
                let what = format!("more than {MAX_STAGES} stages");
                self.found.push(Diagnostic::new(span, what).label("join conditions with `and`, columns with `,`"));
                break;
            }
            self.stages += 1;
            (self.nesting, self.equals_compares, self.aggregates) = (0, false, false);
            let (start, known) = (self.peek().span.start, self.found.len());
            match self.stage() {
                Ok(stage) => stages.push(stage),
                Err(Failed) => {
                    self.skip_stage();
                    self.translate(Span::new(start, self.last.end), known);
                }
            }
            if !self.take_sign("|") {
                break;
            }
        }
        // Which stage is the last is known only when no other was given up.
        // A picture is drawn into the file that stands behind it.
        let is_drawn = |last: &Stage, before: &Stage| before.word.about.is_drawn && matches!(last.word.about.name, "write" | "serve");
        let drawn = usize::from(matches!(&stages[..], [.., before, last] if is_drawn(last, before)));
        let early = stages.iter().rev().skip(1 + drawn).rfind(|stage| stage.word.about.output);
        if let (Some(stage), true) = (early, self.found.len() == found) {
            let word = self.source.slice(stage.span).split_whitespace().next().unwrap_or_default();
            let what = format!("`{word}` writes the answer, so nothing can come after it");
            let label = if self.branches > 0 { "make it the last stage of its branch" } else { "make it the last stage" };
            self.found.push(Diagnostic::new(stage.span, what).label(label));
        }
        stages
    }

    /// Says how the stage that stands here is written, if that is known: with the first mistake that was found since there were so many.
    fn translate(&mut self, stage: Span, known: usize) {
        let catalog = self.catalog;
        let Some(found) = self.found.get_mut(known).filter(|_| self.translates) else { return };
        let text = self.source.slice(stage);
        if let Some(instead) = translate::translated(text, |text| reads(text, catalog)) {
            found.label = format!("write `{instead}`");
        }
        let word = text.trim_start().split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
        let says_nothing = found.label.is_empty() && found.help.is_empty() && !found.what.contains("as in `");
        if let (true, Some(row)) = (says_nothing, catalog.stage(word))
            // Of a condition that tells nothing.
            && row.about.syntax.split(' ').count() > 2
        {
            found.help.push(format!("it is written `{}`", row.about.syntax));
        }
    }

    fn stage(&mut self) -> Parsed<Stage> {
        let Token { kind, span } = self.peek().clone();
        let Kind::Name(word) = kind else {
            return match kind {
                Kind::Sign("|" | "]") | Kind::End => {
                    Err(self.fail(Diagnostic::new(span, "a stage is missing").label("expected a stage here")))
                }
                _ => Err(self.unexpected("a stage")),
            };
        };
        self.advance();
        let next = self.peek();
        let called = next.kind == Kind::Sign("(") && next.span.start == span.end;
        let Catalog { of_aggregate, parse_of_aggregate, .. } = &**self.catalog;
        let (word, syntax) = match (self.catalog.stage(&word), self.catalog.aggregate(&word)) {
            (_, Some(_)) if called => (*of_aggregate, parse_of_aggregate(self, &word, span)?),
            (Some(row), _) => (row, (row.parse)(self)?),
            (None, Some(_)) => (*of_aggregate, parse_of_aggregate(self, &word, span)?),
            (None, None) => return Err(self.unknown_stage(&word, span)),
        };
        let (in_branch, next) = (self.branches > 0, self.peek());
        match next.kind {
            Kind::Sign("|") | Kind::End => {}
            Kind::Sign("]") if in_branch => {}
            Kind::Sign("]") => {
                let found = Diagnostic::new(next.span, "a `]` without its `[`").label("a branch is written `tee [ … ]`");
                return Err(self.fail(found));
            }
            _ => return Err(self.no_end(in_branch)),
        }
        Ok(Stage { word, syntax, span: span.to(self.last) })
    }

    /// Goes to the next `|` outside brackets, to the end of the branch, or to the end.
    fn skip_stage(&mut self) {
        let mut open = 0_usize;
        loop {
            let Token { kind, span } = self.peek().clone();
            match kind {
                Kind::End => return,
                // The end of an argument ends every bracket.
                Kind::Sign("|") if open == 0 || span.start == span.end => return,
                Kind::Sign("]") if open == 0 && self.branches > 0 => return,
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
    pub(crate) fn source(&self) -> &'s Source {
        self.source
    }

    /// The next token, not yet taken. Between two arguments there is a `|` with an empty span.
    pub(crate) fn peek(&mut self) -> &Token {
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
    pub(crate) fn advance(&mut self) -> Token {
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
    pub(crate) fn last(&self) -> Span {
        self.last
    }

    /// Reads the next token, a `/` or `//`, as the beginning of a regex.
    pub(crate) fn peek_regex(&mut self) -> &Token {
        let start = self.peek().span.start;
        self.peeked = Some(self.lexer.regex(start));
        self.peek()
    }

    /// The next token read as the network or address that it begins, if it does.
    pub(crate) fn peek_network(&mut self) {
        let Token { kind, span } = self.peek();
        let start = span.start;
        // What a network begins with, taken for something else; not the end of an argument, which has no text.
        let may_be = matches!(kind, Kind::Int(_) | Kind::Float(_) | Kind::Duration { .. } | Kind::Name(_) | Kind::Sign(":") | Kind::Bad(_));
        if may_be && let Some(network) = self.lexer.network(start) {
            self.peeked = Some(network);
        }
    }

    /// Takes the next token if it begins a name with a `*`, which it gives.
    pub(crate) fn take_glob(&mut self) -> Option<(String, Span)> {
        let Token { kind, span } = self.peek();
        let start = matches!(kind, Kind::Name(_) | Kind::Sign("*")).then_some(span.start)?;
        let Token { kind: Kind::Glob(text), span } = self.lexer.glob(start)? else { return None };
        self.peeked = None;
        self.last = span;
        Some((text, span))
    }

    /// Reads what stands here up to the next blank, `|` or `]` as text: a URL without quotes.
    pub(crate) fn peek_bare(&mut self) -> &Token {
        let start = self.peek().span.start;
        self.peeked = Some(self.lexer.bare(start));
        self.peek()
    }

    /// A text in quotes and its place; `example` is a stage with one.
    ///
    /// # Errors
    /// [`Failed`] where something else stands there, which is reported.
    pub fn text(&mut self, what: &str, example: &str) -> Parsed<(String, Span)> {
        match self.peek().kind.clone() {
            Kind::Text(text) => Ok((text, self.advance().span)),
            Kind::Name(_) | Kind::Quoted(_) | Kind::Awaited(_) | Kind::Int(_) | Kind::Float(_) | Kind::Regex { .. } => {
                let span = self.peek().span;
                let what = format!("expected {what} in quotes, found `{}`", self.source.slice(span));
                Err(self.fail(Diagnostic::new(span, what).label(format!("as in `{example}`"))))
            }
            _ => Err(self.unexpected(&format!("{what} in quotes, as in `{example}`"))),
        }
    }

    /// Takes the next token if it is this sign.
    pub(crate) fn take_sign(&mut self, sign: &str) -> bool {
        let is_it = matches!(self.peek().kind, Kind::Sign(found) if found == sign);
        if is_it {
            self.advance();
        }
        is_it
    }

    /// Takes the next token if it is this bare word.
    pub fn take_word(&mut self, word: &str) -> bool {
        let is_it = self.at_word(word);
        if is_it {
            self.advance();
        }
        is_it
    }

    /// Whether the next token is this bare word.
    pub(crate) fn at_word(&mut self, word: &str) -> bool {
        matches!(&self.peek().kind, Kind::Name(name) if name == word)
    }

    /// Whether the stage ends here.
    pub fn at_stage_end(&mut self) -> bool {
        matches!(self.peek().kind, Kind::Sign("|" | "]") | Kind::End)
    }

    /// Reports a mistake.
    pub fn fail(&mut self, found: Diagnostic) -> Failed {
        self.found.push(found);
        Failed
    }

    /// Reports that `expected` should stand where the next token is.
    pub(crate) fn unexpected(&mut self, expected: &str) -> Failed {
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
    ///
    /// # Errors
    /// [`Failed`] where something else stands there, which is reported.
    pub fn ident(&mut self, expected: &str) -> Parsed<Ident> {
        match &self.peek().kind {
            Kind::Name(name) | Kind::Quoted(name) | Kind::Awaited(name) => {
                let (text, may_come) = (name.clone(), matches!(self.peek().kind, Kind::Awaited(_)));
                Ok(Ident { text, span: self.advance().span, may_come })
            }
            _ => Err(self.unexpected(expected)),
        }
    }

    /// `as NAME`, if it stands here.
    pub(crate) fn alias(&mut self) -> Parsed<Option<Ident>> {
        if self.take_word("as") { self.ident("a name").map(Some) } else { Ok(None) }
    }

    /// `EXPR [as NAME]`
    pub(crate) fn item(&mut self) -> Parsed<Item> {
        Ok(Item { expr: self.expr()?, name: self.alias()? })
    }

    /// One or more of something, with commas between.
    pub(crate) fn list<T>(&mut self, one: fn(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        let mut all = vec![one(self)?];
        while self.take_sign(",") {
            all.push(one(self)?);
        }
        Ok(all)
    }

    /// A regex, as a literal or as text in quotes; `example` is what may stand before one.
    pub(crate) fn pattern(&mut self, example: &str) -> Parsed<Pattern> {
        if matches!(self.peek().kind, Kind::Sign("/" | "//")) {
            self.peek_regex();
        }
        let token = self.peek().clone();
        let (text, ignore_case) = match token.kind {
            Kind::Regex { pattern, ignore_case } => (pattern, ignore_case),
            Kind::Text(text) => (text, false),
            _ => return Err(self.unexpected(&format!("a regex, as in `{example} /…/`"))),
        };
        self.advance();
        Ok(Pattern { text, ignore_case, span: token.span })
    }

    /// A count of records.
    ///
    /// # Errors
    /// [`Failed`] where something else stands there, which is reported.
    pub fn count(&mut self, stage: &str) -> Parsed<u64> {
        match self.peek().kind {
            Kind::Int(n) if u64::try_from(n).is_ok() => {
                self.advance();
                Ok(n as u64)
            }
            _ => Err(self.unexpected(&format!("how many, as in `{stage} 10`"))),
        }
    }
}

#[cfg(test)]
mod tests;
