//! `join "FILE" on KEY [only|all|none]`: the records that have a partner in another file, with its columns: one for each partner.
//!
//! How it runs, its memory and its errors stand in `partner.rs`.

use super::second::{Form, Second};
use crate::{
    language::{Checker, Parsed, Parser, StageWord, Syntax, Upstream, parsed},
    plan::About,
    span::Span,
};

/// `join`.
pub static WORD: StageWord = StageWord {
    about: About {
        name: "join",
        syntax: "join \"FILE\" on KEY[ == OTHER], … [only|all|none] [keep x [as y], …] [first|last|each]",
        doc: "the records with their partners of a file; `all`: also those without one; `none`: those alone",
        example: "join \"users.rec\" on host",
        memory: "O(rows of FILE)",
        spills: true,
        ..About::PLAIN
    },
    parse,
};

fn parse(parser: &mut Parser<'_>) -> Parsed {
    Second::parse(parser, &WORD, Form::Join).map(JoinSyntax).map(parsed)
}

/// The file and the keys as they were written.
#[derive(Debug)]
struct JoinSyntax(Second);

impl Syntax for JoinSyntax {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        let made = self.0.check(checker, &WORD, Form::Join, span);
        checker.push(upstream, &WORD, span, made);
    }
}
