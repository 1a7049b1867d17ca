//! What is wrong with a query, where, and how to mend it: [`Source`], [`Span`], [`Diagnostic`], [`QueryError`].
//!
//! # Format
//!
//! ```text
//! error: unknown field `statuss`
//!   |
//!   | where statuss == 404 | count by request
//!   |       ^^^^^^^ did you mean `status`?
//!   = fields: host, referrer, user, datetime, method, request, proto, status, bytes
//! ```
//!
//! The line shown is the one that holds the beginning of the span: the argument as it was typed, or the line of the
//! file; when the query has more lines than it has arguments, the gutter holds the line's number. Own rendering rather
//! than `annotate-snippets`: its form has an origin line and a line number always, and the contract's form has neither.

use std::{error::Error, fmt, ops::Range};

use unicode_width::UnicodeWidthChar;

pub use crate::span::Span;

/// The text of a query and where it came from; every [`Span`] is a range of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    text: String,
    parts: Vec<Range<usize>>,
    name: Option<String>,
}

impl Source {
    /// A query from the command line: each argument holds one or more stages.
    pub fn from_args<S: AsRef<str>>(args: &[S]) -> Self {
        let mut source = Source::default();
        for arg in args {
            // A line break between arguments, so that each is a line of its own and a comment ends with its argument.
            if !source.parts.is_empty() {
                source.text.push('\n');
            }
            let start = source.text.len();
            source.text.push_str(arg.as_ref());
            source.parts.push(start..source.text.len());
        }
        source
    }

    /// A query from a file; `name` is shown with every diagnostic.
    pub fn from_file(name: impl Into<String>, text: impl Into<String>) -> Self {
        let text = text.into();
        Source { parts: std::iter::once(0..text.len()).collect(), text, name: Some(name.into()) }
    }

    /// Whether it is of a command line.
    pub(crate) fn is_from_args(&self) -> bool {
        self.name.is_none()
    }

    /// The whole text, the arguments joined by line breaks.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The ranges of [`Source::text`] that are parsed each by itself: one per argument.
    pub fn parts(&self) -> &[Range<usize>] {
        &self.parts
    }

    /// The text of a span; empty when it lies outside or cuts a character.
    pub fn slice(&self, span: Span) -> &str {
        self.text.get(span.start..span.end).unwrap_or_default()
    }

    /// The line that holds `offset`: its number from 1, where it starts, and its text without the line break.
    fn line_at(&self, offset: usize) -> (usize, usize, &str) {
        let offset = offset.min(self.text.len());
        let before = &self.text.as_bytes()[..offset];
        let start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        let number = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
        let line = self.text[start..].split('\n').next().unwrap_or_default();
        (number, start, line.strip_suffix('\r').unwrap_or(line))
    }
}

/// One thing that is wrong with a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// What is wrong, in one line, without the word `error`.
    pub what: String,
    /// The text it is about; an empty span points between two characters.
    pub span: Span,
    /// What stands after the carets: most often how to mend it. May be empty.
    pub label: String,
    /// More lines, each shown after `=`.
    pub help: Vec<String>,
}

impl Diagnostic {
    /// `what` is wrong at `span`, with nothing more to say.
    pub fn new(span: Span, what: impl Into<String>) -> Self {
        Diagnostic { what: what.into(), span, label: String::new(), help: Vec::new() }
    }

    /// The same with `label` after the carets.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// The same with one more line at the end.
    #[must_use]
    pub fn help(mut self, line: impl Into<String>) -> Self {
        self.help.push(line.into());
        self
    }

    /// Writes the diagnostic in the form that the module's documentation shows, with a line break after each line.
    ///
    /// # Errors
    /// Those of `out`.
    pub(crate) fn render(&self, source: &Source, style: &Style, out: &mut impl fmt::Write) -> fmt::Result {
        let Style { error, mark, off } = style;
        let (number, start, line) = source.line_at(self.span.start);
        let numbered = source.text.bytes().filter(|&byte| byte == b'\n').count() >= source.parts.len().max(1);
        let number = if numbered { number.to_string() } else { String::new() };
        let gutter = number.len().max(1);
        writeln!(out, "{error}error{off}: {}", printable(&self.what))?;
        if let Some(name) = &source.name {
            writeln!(out, "{:gutter$}--> {}", "", printable(name))?;
        }
        writeln!(out, "{:gutter$} |", "")?;
        let from = floor_boundary(line, self.span.start - start);
        let to = floor_boundary(line, self.span.end.saturating_sub(start)).max(from);
        let [before, marked, after] = excerpt([&line[..from], &line[from..to], &line[to..]]);
        writeln!(out, "{}", format!("{number:gutter$} | {}", printable(&format!("{before}{marked}{after}"))).trim_end())?;
        // No width of a format: those end at 65535.
        let (indent, carets) = (" ".repeat(columns(&before)), "^".repeat(columns(&marked).max(1)));
        let marked = format!("{indent}{mark}{carets}{off} {}", printable(&self.label));
        writeln!(out, "{:gutter$} | {}", "", marked.trim_end())?;
        for help in &self.help {
            writeln!(out, "{:gutter$} = {}", "", printable(help))?;
        }
        Ok(())
    }
}

/// What goes around the coloured parts of a diagnostic; the default is no colour.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Before the word `error`.
    pub error: &'static str,
    /// Before the carets.
    pub mark: &'static str,
    /// After either.
    pub off: &'static str,
}

/// Everything found wrong with a query, in the order of the text.
///
/// # Examples
/// ```
/// use recpipe_consumer::Query;
///
/// let error = Query::parse("whree status == 404").unwrap_err();
/// let found = &error.diagnostics()[0];
/// assert_eq!((found.span.start, found.span.end), (0, 5));
/// assert!(error.to_string().contains("did you mean `where`?"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryError {
    source: Source,
    diagnostics: Vec<Diagnostic>,
}

impl QueryError {
    /// More diagnostics than this are counted, not shown.
    pub(crate) const MAX_SHOWN: usize = 20;

    /// The error that reports these; they are put in the order of the text.
    pub(crate) fn new(source: &Source, mut diagnostics: Vec<Diagnostic>) -> Self {
        diagnostics.sort_by_key(|found| found.span.start);
        QueryError { source: source.clone(), diagnostics }
    }

    /// What was found.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// All diagnostics, as [`Diagnostic::render`] writes them, an empty line between two.
    #[doc(hidden)]
    pub fn render(&self, style: &Style) -> String {
        let mut out = String::new();
        for (index, diagnostic) in self.diagnostics.iter().take(Self::MAX_SHOWN).enumerate() {
            if index > 0 {
                out.push('\n');
            }
            // Writing to a string does not fail.
            let _ = diagnostic.render(&self.source, style, &mut out);
        }
        if let Some(more @ 1..) = self.diagnostics.len().checked_sub(Self::MAX_SHOWN) {
            out.push_str(&format!("\n… and {more} more\n"));
        }
        out
    }
}

/// The diagnostics without colour and without the last line break.
impl fmt::Display for QueryError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.render(&Style::default()).trim_end())
    }
}

impl Error for QueryError {}

/// The candidate that `word` is most likely a slip of the pen for, if one is near enough to be offered.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    // One slip in three letters; beyond that a suggestion puzzles more than it helps.
    let limit = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (strsim::osa_distance(&word, &candidate.to_lowercase()), candidate))
        .filter(|&(distance, candidate)| distance <= limit && distance < candidate.chars().count())
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

/// ``did you mean `…`?`` for the nearest candidate, else nothing.
pub(crate) fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, candidates).map(|found| format!("did you mean `{found}`?")).unwrap_or_default()
}

/// `text` with each control character as one space, so that a query cannot drive the terminal and carets stay in place.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Lines of more columns are not shown whole.
const LONG: usize = 200;

/// Of those, so many are shown on either side of what is wrong, and of that itself.
const MOST_COLUMNS: usize = 100;

/// What stands before a mistake, the mistake and what stands after it, so that a person finds it: of long text the part that is
/// near, and `…` where the rest was.
fn excerpt([before, marked, after]: [&str; 3]) -> [String; 3] {
    if [before, marked, after].map(columns).iter().sum::<usize>() <= LONG {
        return [before, marked, after].map(str::to_owned);
    }
    let cut = |text: &str| match head(text.char_indices().map(|(at, c)| (at + c.len_utf8(), c))) {
        Some(end) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    };
    let before = match head(before.char_indices().rev()) {
        Some(start) => format!("…{}", &before[start..]),
        None => before.to_owned(),
    };
    [before, cut(marked), cut(after)]
}

/// Where the characters end that can be shown of these, each with its place; `None` where all can.
fn head(characters: impl Iterator<Item = (usize, char)>) -> Option<usize> {
    let (mut room, mut end) = (MOST_COLUMNS, 0);
    for (place, character) in characters {
        let wide = if character.is_control() { 1 } else { character.width().unwrap_or(0) };
        if wide > room {
            return Some(end);
        }
        (room, end) = (room - wide, place);
    }
    None
}

fn columns(text: &str) -> usize {
    text.chars().map(|c| if c.is_control() { 1 } else { c.width().unwrap_or(0) }).sum()
}

fn floor_boundary(text: &str, offset: usize) -> usize {
    let offset = offset.min(text.len());
    (0..=offset).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{Diagnostic, QueryError, Source, did_you_mean};
    use crate::span::Span;

    fn check(source: &Source, word: &str, expect: &str) {
        let start = source.text().find(word).unwrap();
        let found = Diagnostic::new(Span::new(start, start + word.len()), "wrong").label("mend it").help("so");
        assert_eq!(QueryError::new(source, vec![found]).to_string(), expect);
    }

    #[test]
    fn points_at_the_word() {
        let query = Source::from_args(&["where statuss == 404 | count"]);
        let expect = "error: wrong\n  |\n  | where statuss == 404 | count\n  |       ^^^^^^^ mend it\n  = so";
        check(&query, "statuss", expect);
    }

    #[test]
    fn shows_the_argument_that_holds_it() {
        let query = Source::from_args(&["where a", "count by hots", "top 5"]);
        check(&query, "hots", "error: wrong\n  |\n  | count by hots\n  |          ^^^^ mend it\n  = so");
    }

    #[test]
    fn shows_the_line_of_a_file_with_its_number() {
        let query = Source::from_file("report.q", "# hosts\r\ncount by hots\r\n| top 5\r\n");
        let expect = "error: wrong\n --> report.q\n  |\n2 | count by hots\n  |          ^^^^ mend it\n  = so";
        check(&query, "hots", expect);
    }

    #[test]
    fn carets_stand_under_wide_and_control_characters() {
        let query = Source::from_args(&["where \t\"日本\" == x"]);
        check(&query, "日本", "error: wrong\n  |\n  | where  \"日本\" == x\n  |         ^^^^ mend it\n  = so");
    }

    #[test]
    fn a_span_over_lines_is_cut_at_the_first() {
        let query = Source::from_file("f", "where (a\nb)");
        check(&query, "(a\nb)", "error: wrong\n --> f\n  |\n1 | where (a\n  |       ^^ mend it\n  = so");
    }

    #[test]
    fn of_a_long_line_the_part_around_the_mistake_is_shown() {
        let long = "a, ".repeat(30_000);
        let query = Source::from_args(&[format!("select {long}nosuch, {long}b")]);
        let text = {
            let start = query.text().find("nosuch").unwrap();
            let found = Diagnostic::new(Span::new(start, start + 6), "wrong").label("mend it").help("so");
            QueryError::new(&query, vec![found]).to_string()
        };
        assert!(text.lines().all(|line| line.chars().count() < 220), "{text}");
        assert!(text.contains("nosuch, a, a") && text.contains("a, nosuch") && text.matches('…').count() == 2, "{text}");
        let caret = |line: &str, what: &str| line.find(what).map(|at| line[..at].chars().count());
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(caret(lines[2], "nosuch"), caret(lines[3], "^^^^^^"), "{text}");
        // One mistake that is longer than any line.
        let found = Diagnostic::new(Span::new(0, query.text().len()), "wrong");
        let text = QueryError::new(&query, vec![found]).to_string();
        assert!(text.lines().all(|line| line.chars().count() < 220), "{text}");
    }

    #[test]
    fn several_are_joined_in_order_and_capped() {
        let query = Source::from_args(&["a b"]);
        let at = |start| Diagnostic::new(Span::new(start, start + 1), format!("wrong {start}"));
        let text = QueryError::new(&query, vec![at(2), at(0)]).to_string();
        assert_eq!(text, "error: wrong 0\n  |\n  | a b\n  | ^\n\nerror: wrong 2\n  |\n  | a b\n  |   ^");
        assert!(QueryError::new(&query, vec![at(0); 25]).to_string().ends_with("… and 5 more"));
    }

    #[test]
    fn any_span_can_be_rendered() {
        let query = Source::from_args(&["é\nb", ""]);
        for start in 0..8 {
            for end in 0..8 {
                let found = Diagnostic::new(Span::new(start, end), "w");
                assert!(QueryError::new(&query, vec![found]).to_string().contains('^'));
            }
        }
    }

    #[test]
    fn offers_only_what_is_near() {
        let check = |word: &str, expect: &str| {
            assert_eq!(did_you_mean(word, ["where", "status", "head", "in"]), expect, "{word}");
        };
        check("were", "did you mean `where`?");
        check("WHERE", "did you mean `where`?");
        check("statuss", "did you mean `status`?");
        check("xyz", "");
        check("x", "");
        check("", "");
    }
}
