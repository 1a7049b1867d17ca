//! Fields of a list that are said by what their names are like: `*`, `attr_*`, `*_ms`, `/^attr|odd/`.

use regex::bytes::Regex;

use super::{
    ast::Pattern,
    check_expr::{Checked, Checker},
    diagnose::Diagnostic,
    parse::{Parsed, Parser},
    token::Kind,
};
use crate::span::Span;

/// Something of a list of fields.
#[derive(Debug)]
pub(crate) enum Fields<T> {
    /// One.
    One(T),
    /// All whose names fit.
    Fitting(FieldPattern),
}

/// What names are like, as it was written.
#[derive(Debug)]
pub(crate) struct FieldPattern {
    regex: Pattern,
    /// Whether it was written as a regex, and not with a `*`.
    is_regex: bool,
}

impl FieldPattern {
    /// Where it stands.
    pub(crate) fn span(&self) -> Span {
        self.regex.span
    }
}

/// What names are like.
#[derive(Clone, Debug)]
pub(crate) struct NamePattern(Regex);

impl NamePattern {
    /// Whether a field of this name is meant.
    pub(crate) fn fits(&self, name: &str) -> bool {
        self.0.is_match(name.as_bytes())
    }
}

impl Parser<'_> {
    /// One or more fields, with commas between: those that fit a pattern, or what `one` reads.
    pub(crate) fn fields<T>(&mut self, one: fn(&mut Self) -> Parsed<T>) -> Parsed<Vec<Fields<T>>> {
        let mut all = Vec::new();
        loop {
            all.push(match self.field_pattern()? {
                Some(pattern) => Fields::Fitting(pattern),
                None => Fields::One(one(self)?),
            });
            if !self.take_sign(",") {
                return Ok(all);
            }
        }
    }

    fn field_pattern(&mut self) -> Parsed<Option<FieldPattern>> {
        if matches!(self.peek().kind, Kind::Sign("/" | "//")) {
            let regex = self.pattern("select")?;
            return Ok(Some(FieldPattern { regex, is_regex: true }));
        }
        let Some(glob) = self.take_glob() else { return Ok(None) };
        let (text, span) = glob;
        let literal = regex::escape(text.trim_matches('*'));
        let begins = if text.starts_with('*') { "" } else { "^" };
        let ends = if text.ends_with('*') { "" } else { "$" };
        let regex = Pattern { text: format!("{begins}(?:{literal}){ends}"), ignore_case: false, span };
        Ok(Some(FieldPattern { regex, is_regex: false }))
    }
}

impl Checker<'_> {
    /// What names are to be like. Where no further fields can come, one of those that are there has to be.
    pub(crate) fn name_pattern(&mut self, pattern: &FieldPattern) -> Checked<NamePattern> {
        let Pattern { text, ignore_case, span } = &pattern.regex;
        let fits = NamePattern(self.regex(text, *ignore_case, *span, usize::from(pattern.is_regex))?);
        if self.scope.input.is_some() || self.scope.names().any(|name| fits.fits(name)) {
            return Ok(fits);
        }
        let what = format!("no field is like `{}`", self.source.slice(*span));
        let fields = format!("fields: {}", self.catalog.fields(self.scope.names()));
        Err(self.fail(Diagnostic::new(*span, what).help(fields)))
    }
}
