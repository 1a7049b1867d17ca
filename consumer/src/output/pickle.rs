//! `pickle`: one pickled dict a record, for Python's `pickle.load`; see [`recpipe::pickle`].

use std::sync::Arc;

use recpipe::{Batch, Error, Schema, pickle};

use crate::{
    language::{Checker, FileSink, FileWord, Parsed, Parser, StageWord, Syntax, Upstream, parsed},
    plan::{About, Place, Runs, Sink},
    span::Span,
    writer::{Format, Notes},
};

/// `pickle`.
pub static WORD: StageWord = StageWord {
    about: About {
        name: "pickle",
        syntax: "pickle",
        doc: "one pickled dict a record, for Python's `pickle.load`; not for a terminal",
        example: "pickle",
        runs: Runs::Once,
        output: true,
        ..About::PLAIN
    },
    parse,
};

/// A file of this kind.
pub static FILE: FileWord = FileWord { extension: "pickle", is_lines: false, sink: FileSink::Bytes(|_| Arc::new(PickleSink)) };

fn parse(_: &mut Parser<'_>) -> Parsed {
    Ok(parsed(PickleSink))
}

/// What writes it.
#[derive(Clone, Copy, Debug)]
pub(super) struct PickleSink;

impl Syntax for PickleSink {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        checker.push_output(upstream, &WORD, span, Ok(Arc::new(*self)));
    }
}

impl Sink for PickleSink {
    fn place(&self) -> Place<'_> {
        Place::Alone(
            "standard output is a terminal, and pickles are not for reading; into a file or a program, as in: consumer pickle > log.pickle",
        )
    }

    fn format(&self, _: &Arc<Schema>, _: &Notes) -> Option<Box<dyn Format>> {
        Some(Box::new(Pickles))
    }
}

struct Pickles;

impl Format for Pickles {
    fn batch(&self, batch: &Batch, out: &mut Vec<u8>) -> Result<(), Error> {
        pickle::encode(batch, out);
        Ok(())
    }
}
