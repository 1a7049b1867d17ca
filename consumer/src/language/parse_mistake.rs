//! What is said of a stage that nobody knows, and of one that goes on where it should end.

use super::{
    diagnose::{Diagnostic, did_you_mean},
    hints,
    parse::{Failed, Parser},
    parse_expr::RESERVED,
    token::{Kind, Token, is_unit},
};
use crate::span::Span;

impl Parser<'_> {
    /// A stage goes on where it should end.
    pub(super) fn no_end(&mut self, in_branch: bool) -> Failed {
        let expected = if in_branch { "`|` or `]`" } else { "`|` or the end" };
        let Token { kind, span } = self.peek().clone();
        let before = self.source().slice(self.last());
        let label = match &kind {
            Kind::Name(word) if self.catalog.stage(word).is_some() || self.catalog.aggregate(word).is_some() => {
                "a `|` stands between two stages".into()
            }
            Kind::Name(word) if before.starts_with(|c: char| c.is_ascii_digit()) && is_unit(word) => {
                "no blank stands between a number and its unit, as in `10KB`, `5m`".into()
            }
            Kind::Name(word) => match hints::instead_of(word) {
                "" if before.starts_with(char::is_alphabetic) && !RESERVED.contains(&word.as_str()) => {
                    format!("a `,` is missing, or backticks around a name with a blank in it: `{before} {word}`")
                }
                instead => instead.to_owned(),
            },
            _ => String::new(),
        };
        if label.is_empty() {
            return self.unexpected(expected);
        }
        let what = format!("expected {expected}, found `{}`", self.source().slice(span));
        self.fail(Diagnostic::new(span, what).label(label))
    }

    pub(super) fn unknown_stage(&mut self, word: &str, span: Span) -> Failed {
        let names = self.catalog.stages.iter().map(|row| row.about.name);
        let compares = matches!(self.peek().kind, Kind::Sign("==" | "!=" | "<" | "<=" | ">" | ">=" | "=~" | "!~" | "="));
        let all = self.catalog.stages.iter().flat_map(|row| row.about.names()).chain(self.catalog.aggregates.iter().map(|row| row.name));
        let label = match (compares, self.catalog.aggregate_hint(word), hints::instead_of_stage(word)) {
            (true, ..) => "a condition begins with `where`".to_owned(),
            (_, Some(hint), _) => hint.to_owned(),
            (_, None, "") => did_you_mean(word, all),
            (_, None, instead) => instead.to_owned(),
        };
        let help = format!("stages: {}", names.collect::<Vec<_>>().join(", "));
        self.fail(Diagnostic::new(span, format!("unknown stage `{word}`")).label(label).help(help))
    }
}
