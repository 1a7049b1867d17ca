//! `null`: counts the records and discards them.

use std::sync::Arc;

use recpipe::Schema;

use crate::{
    language::{Checker, Parsed, Parser, StageWord, Syntax, Upstream, parsed},
    plan::{About, Place, Read, Sink},
    span::Span,
};

/// `null`.
pub static WORD: StageWord = StageWord {
    about: About {
        name: "null",
        syntax: "null",
        doc: "counts the records and discards them",
        example: "null",
        output: true,
        ..About::PLAIN
    },
    parse,
};

fn parse(_: &mut Parser<'_>) -> Parsed {
    Ok(parsed(NullSink))
}

#[derive(Clone, Copy, Debug)]
struct NullSink;

impl Syntax for NullSink {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        checker.push_output(upstream, &WORD, span, Ok(Arc::new(*self)));
    }
}

impl Sink for NullSink {
    fn place(&self) -> Place<'_> {
        Place::Nowhere
    }

    fn reads(&self, _: &Schema) -> Read {
        Read::default()
    }
}
