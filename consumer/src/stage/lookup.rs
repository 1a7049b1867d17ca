//! `lookup "FILE" on KEY …`: adds the columns of another file, of the row whose key is that of the record; null where there is none.
//!
//! How it runs, its memory and its errors stand in `partner.rs`.

use super::second::{Form, Second};
use crate::{
    language::{Checker, Parsed, Parser, StageWord, Syntax, Upstream, parsed},
    plan::About,
    span::Span,
};

/// `lookup`.
pub static WORD: StageWord = StageWord {
    about: About {
        name: "lookup",
        syntax: "lookup \"FILE\" on KEY[ == OTHER], … [keep x [as y], …] [first|last|each]",
        doc: "adds the columns of the row of a file that has the record's key; null where there is none",
        example: "lookup \"hosts.csv\" on host",
        memory: "O(rows of FILE)",
        ..About::PLAIN
    },
    parse,
};

fn parse(parser: &mut Parser<'_>) -> Parsed {
    Second::parse(parser, &WORD, Form::Lookup).map(LookupSyntax).map(parsed)
}

/// The file and the keys as they were written.
#[derive(Debug)]
struct LookupSyntax(Second);

impl Syntax for LookupSyntax {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        let made = self.0.check(checker, &WORD, Form::Lookup, span);
        checker.push(upstream, &WORD, span, made);
    }
}
