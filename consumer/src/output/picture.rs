//! `write "x.svg"` and `write "x.html"`: a picture, and a page with the picture and its numbers. Each is one file that asks for nothing
//! from elsewhere.
//!
//! The picture is that of the `chart` before it, or the one that `chart` alone would draw. A page whose records have no number that is
//! clear has a table only.

use std::{
    any::Any,
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
};

use recpipe::{Batch, Error, Exit, Flow, Schema, Stage, Time, times::Zone, wire::Ending};

use super::{
    chart::{self, ChartSink, Drawn},
    header::headed_picture,
    pages::{Content, Paper},
};
use crate::{
    language::{Checked, Checker, FileSink, FileWord, Source, Upstream, diagnose::Diagnostic},
    picture::{self, Foot},
    plan::{Place, Read, Sink, Target},
    span::Span,
    writer::{Desk, Printer},
};

/// A picture.
pub(crate) static SVG: FileWord = FileWord {
    extension: "svg",
    is_lines: false,
    sink: FileSink::Picture(|checker, upstream, before, span| {
        let drawn = drawn(checker, upstream, before);
        if drawn.is_none() && checker.found.is_empty() {
            let label = "draw it before, as in `chart bytes | write \"x.svg\"`";
            checker.fail(Diagnostic::new(span, "it is not said what the picture is of").label(label));
        }
        made(checker, Paper::One(drawn), Form::Svg, span)
    }),
};

/// A page: of a report, a picture and a table of each section.
pub(crate) static HTML: FileWord = FileWord {
    extension: "html",
    is_lines: false,
    sink: FileSink::Picture(|checker, upstream, before, span| match (before, upstream.last_word()) {
        (None, Some("report")) => made(checker, Paper::Report, Form::Html, span),
        _ => {
            let paper = Paper::One(drawn(checker, upstream, before));
            made(checker, paper, Form::Html, span)
        }
    }),
};

pub(super) fn drawn(checker: &Checker<'_>, upstream: &Upstream, before: Option<&dyn Sink>) -> Option<Drawn> {
    match before {
        Some(before) => (before as &dyn Any).downcast_ref::<ChartSink>().map(|ChartSink(drawn)| drawn.clone()),
        None => chart::of_itself(checker, upstream),
    }
}

fn made(checker: &Checker<'_>, paper: Paper, form: Form, write: Span) -> Checked<Arc<dyn Sink>> {
    Ok(Arc::new(PictureSink { paper, form, asked: Asked::new(checker, write) }))
}

/// What was asked, and when.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    query: Arc<str>,
    /// The same without what writes it.
    title: Arc<str>,
    now: Time,
    zone: Option<Zone>,
}

impl Asked {
    /// The query that is checked. Of who makes files that are the same each time, as `SOURCE_DATE_EPOCH` says, it was then.
    /// Source: <https://reproducible-builds.org/specs/source-date-epoch/>
    pub(super) fn new(checker: &Checker<'_>, write: Span) -> Self {
        let epoch = std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|epoch| epoch.trim().parse::<i64>().ok()?.checked_mul(1_000_000_000));
        let now = epoch.map_or(checker.setting.now, |nanos| Time { nanos, offset_s: 0 });
        let query = joined(checker.source, usize::MAX);
        let before = joined(checker.source, write.start);
        let before = before.trim_end_matches(['|', ' ']);
        // Of a branch, the whole is told.
        let title = if before.is_empty() || before.matches('[').count() != before.matches(']').count() { &query } else { before };
        Asked { title: title.into(), query: query.into(), now, zone: checker.setting.zone.clone() }
    }

    /// With what came of it.
    pub(super) fn foot(&self, read: Option<u64>, ending: &Ending) -> Foot {
        Foot {
            query: self.query.clone(),
            records: read,
            rejected: ending.rejected,
            is_live: false,
            missing: (ending.exit != Exit::Done).then(|| ending.cause.clone()),
            now: self.zone.as_ref().map_or(self.now, |zone| zone.at(self.now.nanos)),
        }
    }

    /// While records are still coming.
    pub(super) fn foot_so_far(&self, now: Time) -> Foot {
        let now = self.zone.as_ref().map_or(now, |zone| zone.at(now.nanos));
        Foot { query: self.query.clone(), records: None, rejected: 0, missing: None, is_live: true, now }
    }

    /// What a page is called.
    pub(super) fn title(&self) -> &str {
        &self.title
    }
}

/// The query before this place, on one line.
fn joined(source: &Source, before: usize) -> String {
    let of_part = |part: &std::ops::Range<usize>| {
        let text = source.slice(Span::new(part.start, part.end.min(before).max(part.start)));
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    source.parts().iter().map(of_part).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" | ")
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Svg,
    Html,
}

/// Writes a picture.
#[derive(Clone, Debug)]
struct PictureSink {
    paper: Paper,
    form: Form,
    asked: Asked,
}

impl Sink for PictureSink {
    /// [`super::write::WriteSink`] knows the file.
    fn place(&self) -> Place<'_> {
        Place::Shared
    }

    fn reads(&self, schema: &Schema) -> Read {
        self.paper.reads(schema)
    }

    fn open(&self, schema: &Arc<Schema>, desk: &Desk<'_>) -> Result<Target, Error> {
        let stage = Picture {
            content: self.paper.content(schema),
            form: self.form,
            asked: self.asked.clone(),
            printer: desk.printer.clone(),
            ending: desk.ending.clone(),
            read: desk.read.clone(),
        };
        Ok(headed_picture(stage, schema, Some(desk.notes)))
    }
}

/// Draws the records that it gets, at the end.
struct Picture {
    content: Content,
    form: Form,
    asked: Asked,
    printer: Rc<RefCell<Printer>>,
    ending: Rc<RefCell<Ending>>,
    read: Rc<Cell<Option<u64>>>,
}

impl Stage for Picture {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        self.content.add(&batch)?;
        Ok(Flow::Continue)
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn close(&mut self) -> Result<(), Error> {
        let foot = self.asked.foot(self.read.get(), &self.ending.borrow());
        let title = self.asked.title();
        let text = match self.form {
            Form::Svg => picture::alone(title, self.content.figure().as_ref(), &foot),
            Form::Html => picture::page(title, &self.content.sections()?, &foot),
        };
        let mut printer = self.printer.borrow_mut();
        printer.write(text.as_bytes())?;
        printer.flush()
    }

    fn target(&mut self) -> Option<&mut dyn Stage> {
        None
    }
}
