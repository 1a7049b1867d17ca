//! `write "FILE"`: into a file, which gets its name when it is whole; what is written there, its extension says. Lines of what is given as
//! time passes are added to the file instead, each whole.

use std::{
    fs::File,
    io::Read as _,
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
        // What is compressed has an end, and is whole when that is written.
        let is_added_to = upstream.gives_early() && self.word.is_lines && Compression::of(&self.path).0.is_none();
        checker.push_output(upstream, &WORD, span, Ok(Arc::new(WriteSink { path: self.path.clone(), sink, is_added_to })));
    }
}

/// Another output, into a file.
#[derive(Clone, Debug)]
pub(super) struct WriteSink {
    /// The file.
    pub(super) path: PathBuf,
    /// What is written there.
    pub(super) sink: Arc<dyn Sink>,
    /// Whether lines are added to what is there.
    pub(super) is_added_to: bool,
}

impl Sink for WriteSink {
    fn place(&self) -> Place<'_> {
        if self.is_added_to { Place::Appended(&self.path) } else { Place::File(&self.path) }
    }

    fn reads(&self, schema: &Schema) -> Read {
        self.sink.reads(schema)
    }

    fn format(&self, schema: &Arc<Schema>, notes: &Notes) -> Option<Box<dyn Format>> {
        self.sink.format(schema, notes)
    }

    fn open(&self, schema: &Arc<Schema>, desk: &Desk<'_>) -> Result<Target, Error> {
        match self.sink.format(schema, desk.notes).filter(|_| self.is_added_to) {
            Some(format) if self.goes_on(&*format)? => Ok(desk.write_on(format)),
            _ => self.sink.open(schema, desk),
        }
    }
}

impl WriteSink {
    /// Whether lines of this format have been written to the file, behind the same header.
    fn goes_on(&self, format: &dyn Format) -> Result<bool, Error> {
        let name = self.path.display();
        let file = File::open(&self.path).map_err(|error| Error::io(format!("cannot read {name}"), error))?;
        if !file.metadata().is_ok_and(|meta| meta.is_file() && meta.len() > 0) {
            return Ok(false);
        }
        let (mut header, mut found) = (Vec::new(), Vec::new());
        format.header(&mut header)?;
        file.take(header.len() as u64).read_to_end(&mut found).map_err(|error| Error::io(format!("cannot read {name}"), error))?;
        if found == header {
            return Ok(true);
        }
        let header = String::from_utf8_lossy(&header).trim_end().to_owned();
        Err(Error::Usage(format!("{name} does not begin with the header `{header}`, and lines are added to it: name another file")))
    }
}
