//! `write "FILE"`: into a file, which gets its name when it is whole; what is written there, its extension says. Lines of what is given as
//! time passes are added to the file instead, each whole. A `{field}` in the name makes a file for each key: `super::split`.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use recpipe::{Error, Schema};

use super::{print, split::SplitSink};
use crate::{
    language::{
        Checked, Checker, Failed, FileSink, FileWord, Parsed, Parser, StageWord, Syntax, Upstream,
        diagnose::Diagnostic,
        parsed,
        template::{Part, Template},
    },
    plan::{About, Place, Read, Runs, Sink, Target},
    span::Span,
    writer::{Compression, Desk, Format, Notes},
};

/// `write`.
pub static WORD: StageWord = StageWord {
    about: About {
        name: "write",
        syntax: "write \"FILE\"",
        doc: "into a file, as its extension says (.csv .json .svg .gz …); `{field}` in its name makes one a key",
        example: "write \"errors.csv\"",
        runs: Runs::Once,
        output: true,
        ..About::PLAIN
    },
    parse,
};

fn parse(parser: &mut Parser<'_>) -> Parsed {
    let (path, span) = parser.text("a file", "write \"errors.csv\"")?;
    let template = match Template::parse(&path, parser.source().slice(span), span.start) {
        Ok(template) => template,
        Err(found) => return Err(parser.fail(found.help("a `{field}` in the name of a file makes one for each value of the field"))),
    };
    let key = template.parts.iter().any(|part| matches!(part, Part::Field { .. }));
    // Braces that stand for themselves are written twice.
    let text = |part: &Part| if let Part::Text(text) = part { text.clone() } else { String::new() };
    let name = if key { path.clone() } else { template.parts.iter().map(text).collect() };
    let ending = template.parts.last().map(text).unwrap_or_default();
    let (compression, ending) = Compression::of(Path::new(&format!("x{ending}")));
    let files = &parser.catalog.files;
    let extension = ending.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let of = |extension: &str| files.iter().find(|file| extension.eq_ignore_ascii_case(file.extension)).copied();
    let found = match (of(extension), extension.split_once(':')) {
        (Some(word), _) => Some((word, None)),
        (None, Some((extension, part))) => {
            of(extension).filter(|word| matches!(word.sink, FileSink::Own(_))).map(|word| (word, Some(part)))
        }
        (None, None) => None,
    };
    let Some((word, part)) = found else {
        let known: Vec<_> = files.iter().map(|file| format!(".{}", file.extension)).collect();
        let found = Diagnostic::new(span, "the extension of the file does not say what is to be written");
        let behind: Vec<_> = Compression::endings().map(|ending| format!(".{ending}")).collect();
        return Err(parser.fail(found.label(format!("known are {}, and behind them {}", known.join(" "), behind.join(" ")))));
    };
    if matches!(word.sink, FileSink::Picture(_)) && key {
        let found = Diagnostic::new(span, format!("a `.{}` file cannot be split by a key", word.extension));
        return Err(parser.fail(found.label("write one for each in a `tee [ where … | chart | write … ]`")));
    }
    let cannot = |what: &str| Diagnostic::new(span, format!("a `.{}` file cannot be {what}", word.extension));
    if matches!(word.sink, FileSink::Own(_)) && (compression.is_some() || key) {
        let what = if key { "split by a key" } else { "compressed while it is written" };
        return Err(parser.fail(cannot(what).label(if key { "write .csv or .json files" } else { "compress it when it is there" })));
    }
    let part = part.map(str::to_owned);
    let name = part.as_ref().map_or(name.as_str(), |part| name.strip_suffix(&format!(":{part}")).unwrap_or(&name)).to_owned();
    Ok(parsed(WriteSyntax { name, part, key: key.then_some((template, path)), word, span }))
}

/// The file, and what its extension says.
#[derive(Debug)]
struct WriteSyntax {
    name: String,
    /// What of the file is written.
    part: Option<String>,
    /// The names of several files, and how that was written.
    key: Option<(Template, String)>,
    word: &'static FileWord,
    /// Where the name stands.
    span: Span,
}

impl Syntax for WriteSyntax {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        let path = PathBuf::from(&self.name);
        let picture = upstream.take_output();
        if let (Some(picture), false) = (&picture, matches!(self.word.sink, FileSink::Picture(_))) {
            let what = format!("`{}` draws a picture, which a `.{}` file has no place for", picture.output.about.name, self.word.extension);
            checker.fail(Diagnostic::new(self.span, what).label("write .svg or .html"));
            return;
        }
        let made: Checked<Arc<dyn Sink>> = match (self.word.sink, &self.key) {
            (FileSink::Own(sink), _) => Ok(sink(&path, self.part.as_deref())),
            (FileSink::Picture(sink), _) => sink(checker, upstream, picture.as_ref().map(|picture| &*picture.output.sink), span)
                .map(|sink| Arc::new(WriteSink { path, sink, is_added_to: false }) as Arc<dyn Sink>),
            (FileSink::Bytes(sink), Some((template, written))) => self.split(checker, template, written, sink(checker)),
            (FileSink::Bytes(sink), None) => {
                // What is compressed has an end, and is whole when that is written.
                let is_added_to = upstream.gives_early() && self.word.is_lines && Compression::of(&path).0.is_none();
                let sink = sink(checker);
                Ok(Arc::new(WriteSink { path, sink, is_added_to }))
            }
        };
        checker.push_output(upstream, &WORD, span, made);
    }
}

impl WriteSyntax {
    /// What writes a file for each key.
    fn split(&self, checker: &mut Checker<'_>, template: &Template, written: &str, sink: Arc<dyn Sink>) -> Checked<Arc<dyn Sink>> {
        let pieces = print::pieces(checker, template)?;
        let schema = checker.schema(self.span).ok_or(Failed)?;
        if sink.format(&schema, &Notes::default()).is_none() {
            let found = Diagnostic::new(self.span, format!("`.{}` files cannot be split by a key", self.word.extension));
            return Err(checker.fail(found.label("write .csv or .json files, or a `tee [ where … | write … ]` for each key")));
        }
        Ok(Arc::new(SplitSink { name: written.to_owned(), pieces, sink }))
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
