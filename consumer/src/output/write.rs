//! `write "FILE"`: into a file, which gets its name when it is whole; what is written there, its extension says.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use recpipe::{Error, Schema};

use crate::{
    language::{Checker, FileWord, Parsed, Parser, StageWord, Syntax, Upstream, diagnose::Diagnostic, parsed},
    plan::{About, Place, Read, Runs, Sink, Target},
    span::Span,
    writer::{Compression, Desk, Format, Notes},
};

/// `write`.
pub static WORD: StageWord = StageWord {
    about: About {
        name: "write",
        syntax: "write \"FILE\"",
        doc: "into a file, as its extension says: .json .csv .tsv .md .txt .rec .pickle .arrow; behind it .gz .zst",
        example: "write \"errors.csv\"",
        runs: Runs::Once,
        output: true,
        ..About::PLAIN
    },
    parse,
};

fn parse(parser: &mut Parser<'_>) -> Parsed {
    let (path, span) = parser.text("a file", "write \"errors.csv\"")?;
    let files = &parser.catalog.files;
    let (_, name) = Compression::of(Path::new(&path));
    let known = name.extension().and_then(|extension| files.iter().find(|file| extension.eq_ignore_ascii_case(file.extension)).copied());
    let Some(word) = known else {
        let known: Vec<_> = files.iter().map(|file| format!(".{}", file.extension)).collect();
        let found = Diagnostic::new(span, "the extension of the file does not say what is to be written");
        let behind: Vec<_> = Compression::endings().map(|ending| format!(".{ending}")).collect();
        return Err(parser.fail(found.label(format!("known are {}, and behind them {}", known.join(" "), behind.join(" ")))));
    };
    Ok(parsed(WriteSyntax { path: path.into(), word }))
}

/// The file, and what its extension says.
#[derive(Debug)]
struct WriteSyntax {
    path: PathBuf,
    word: &'static FileWord,
}

impl Syntax for WriteSyntax {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        let sink = (self.word.sink)(checker);
        checker.push_output(upstream, &WORD, span, Ok(Arc::new(WriteSink { path: self.path.clone(), sink })));
    }
}

/// Another output, into a file.
#[derive(Clone, Debug)]
pub(super) struct WriteSink {
    /// The file.
    pub(super) path: PathBuf,
    /// What is written there.
    pub(super) sink: Arc<dyn Sink>,
}

impl Sink for WriteSink {
    fn place(&self) -> Place<'_> {
        Place::File(&self.path)
    }

    fn reads(&self, schema: &Schema) -> Read {
        self.sink.reads(schema)
    }

    fn format(&self, schema: &Arc<Schema>, notes: &Notes) -> Option<Box<dyn Format>> {
        self.sink.format(schema, notes)
    }

    fn open(&self, schema: &Arc<Schema>, desk: &Desk<'_>) -> Result<Target, Error> {
        self.sink.open(schema, desk)
    }
}
