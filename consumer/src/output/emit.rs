//! `emit`: the records as a stream of frames, which the next consumer reads as if a producer had sent it.
//!
//! Everything is sent on: values of several types, which fields a record has, and fields that come later, which the stream's schema
//! then has as well.
//!
//! The stream's end says how ours did: its End frame has the exit code and the cause, so an answer to records that were
//! cut off is known to be one however many consumers it went through.

use std::{cell::RefCell, rc::Rc, sync::Arc};

use recpipe::{
    Batch, Error, Exit, Flow, Schema, Stage,
    record::Growing,
    transport::{
        Url,
        dial::Dialer,
        downstream::Downstream,
        exec::{self, Feed},
        handshake::Identity,
        link::{Readiness, SendLink, Settings},
    },
    wire::{Ending, Role, Writer},
};

use super::write::WriteSink;
use crate::{
    language::{Checker, FileSink, FileWord, Parsed, Parser, StageWord, Syntax, Upstream, diagnose::Diagnostic, parsed, token::Kind},
    plan::{About, Place, Runs, Sink, Target},
    span::Span,
    writer::{AwaitReader, Calling, Desk, OpenStream, Pen, Printer, Stopper, Stream},
};

impl OpenStream for Writer<Pen> {
    fn batch(&mut self, batch: &Batch) -> Result<Flow, Error> {
        Writer::batch(self, batch).map(|()| Flow::Continue)
    }

    fn flush(&mut self) -> Result<(), Error> {
        Writer::flush(self)
    }

    fn end(self: Box<Self>, ending: &Ending) -> Result<Option<AwaitReader>, Error> {
        Writer::finish(*self, ending).map(|_| None)
    }
}

impl OpenStream for Downstream {
    fn batch(&mut self, batch: &Batch) -> Result<Flow, Error> {
        self.write(|writer| writer.batch(batch).map(drop)).map_err(gone)?;
        // One that has enough has still to say how it ended.
        Ok(if self.is_open() { Flow::Continue } else { Flow::Stop })
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.write(Writer::flush).map_err(gone)
    }

    fn end(mut self: Box<Self>, ending: &Ending) -> Result<Option<AwaitReader>, Error> {
        Downstream::end(&mut self, ending);
        let ending = ending.clone();
        Ok(Some(Box::new(move || self.close(&ending).map_err(gone))))
    }
}

/// The next consumer is lost: that is no fault of what we read.
fn gone(error: Error) -> Error {
    match error {
        lost @ Error::Lost { .. } => Error::Child { exit: Exit::Incomplete, what: format!("emit: {lost}") },
        error => error,
    }
}

/// `emit`.
pub static WORD: StageWord = StageWord {
    about: About {
        name: "emit",
        syntax: "emit [URL]",
        doc: "the records as a stream, for the next consumer; to standard output unless named",
        example: "emit",
        runs: Runs::Once,
        output: true,
        ..About::PLAIN
    },
    parse,
};

/// A file of this kind.
pub static FILE: FileWord = FileWord { extension: "rec", is_lines: false, sink: FileSink::Bytes(|_| Arc::new(EmitSink)) };

fn parse(parser: &mut Parser<'_>) -> Parsed {
    if parser.at_stage_end() {
        return Ok(parsed(EmitSyntax(Url::stdio())));
    }
    if !matches!(parser.peek().kind, Kind::Text(_)) {
        parser.peek_bare();
    }
    let (url, span) = parser.text("a URL", "emit \"errors.rec\"")?;
    match url.parse() {
        Ok(url) => Ok(parsed(EmitSyntax(url))),
        Err(error) => {
            let label = "as in `emit tcp://127.0.0.1:7000`, or in quotes `emit \"exec:consumer count\"`";
            Err(parser.fail(Diagnostic::new(span, error.to_string()).label(label)))
        }
    }
}

/// Where the records are sent.
#[derive(Debug)]
struct EmitSyntax(Url);

impl Syntax for EmitSyntax {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        let made: Arc<dyn Sink> = match self.0.path() {
            _ if self.0.is_stdio() => Arc::new(EmitSink),
            Some(path) => Arc::new(WriteSink { path: path.to_owned(), sink: Arc::new(EmitSink), is_added_to: false }),
            None => Arc::new(LinkSink(self.0.clone())),
        };
        checker.push_output(upstream, &WORD, span, Ok(made));
    }
}

/// Records, as frames.
#[derive(Clone, Copy, Debug)]
pub(super) struct EmitSink;

impl Sink for EmitSink {
    fn place(&self) -> Place<'_> {
        Place::Alone("records are not written to a terminal; add `| consumer` to see them, or a file: `emit today.rec`")
    }

    fn open(&self, schema: &Arc<Schema>, desk: &Desk<'_>) -> Result<Target, Error> {
        let emit = Emit::new(schema, desk.printer.clone(), desk.ending.clone(), desk.at_rest)?;
        desk.streams.borrow_mut().push(emit.stream());
        Ok(Box::new(emit))
    }
}

/// As frames to another consumer, at the other end of a link.
#[derive(Clone, Debug)]
struct LinkSink(Url);

impl Sink for LinkSink {
    fn place(&self) -> Place<'_> {
        Place::Link
    }

    fn open(&self, schema: &Arc<Schema>, desk: &Desk<'_>) -> Result<Target, Error> {
        let emit = Emit::to(&self.0, (desk.calling, desk.at_rest), schema, desk.ending.clone(), desk.stopper.cloned())?;
        desk.streams.borrow_mut().push(emit.stream());
        Ok(Box::new(emit))
    }
}

/// The running output.
struct Emit {
    stream: Stream,
    /// The fields of the stream so far, where further ones come: each batch has all of them, so that there are few schemas.
    growing: Option<Growing>,
    ending: Rc<RefCell<Ending>>,
}

impl Emit {
    /// Begins a stream and says at once what its fields are: the next consumer waits for that. At the close it ends as
    /// `ending` then says.
    ///
    /// # Errors
    /// [`Error::Io`].
    fn new(schema: &Arc<Schema>, printer: Rc<RefCell<Printer>>, ending: Rc<RefCell<Ending>>, at_rest: bool) -> Result<Self, Error> {
        let mut writer = Writer::new(Pen(printer))?;
        if at_rest {
            writer.set_at_rest();
        }
        writer.schema(schema)?;
        writer.flush()?;
        Ok(Emit::over(Box::new(writer), schema, ending))
    }

    /// As [`Emit::new`], to a consumer at the other end of a link; once that one takes no more, `stopper` ends the reading.
    ///
    /// # Errors
    /// When it cannot be reached or started.
    fn to(
        url: &Url,
        (calling, at_rest): (&Calling, bool),
        schema: &Arc<Schema>,
        ending: Rc<RefCell<Ending>>,
        stopper: Option<Stopper>,
    ) -> Result<Self, Error> {
        let over = move |_| {
            if let Some(stopper) = &stopper {
                stopper();
            }
        };
        let (send_link, child) = match url.command() {
            Some(argv) => {
                let (child, feed) = exec::spawn(argv, true)?;
                let Feed::Link(socket) = feed else { return Err(Error::Unsupported(format!("emit {url}: the child has no socket"))) };
                let connection = exec::connection(socket, &child);
                (SendLink::open(connection, Settings::kin(), Readiness::new(), over)?, Some(child))
            }
            None => {
                let identity =
                    Identity::new(Role::Sender, calling.security.token().into(), concat!("consumer ", env!("CARGO_PKG_VERSION")));
                let dialer = Dialer::new(url, &calling.security, identity, calling.patience, calling.quiet)?;
                (SendLink::open(dialer, Settings::default(), Readiness::new(), over)?, None)
            }
        };
        let mut downstream = Downstream::new("the next consumer".into(), send_link, child)?;
        let begin = |writer: &mut Writer<SendLink>| {
            if at_rest {
                writer.set_at_rest();
            }
            writer.schema(schema).map(drop)
        };
        downstream.write(begin).map_err(gone)?;
        Ok(Emit::over(Box::new(downstream), schema, ending))
    }

    fn over(stream: Box<dyn OpenStream>, schema: &Arc<Schema>, ending: Rc<RefCell<Ending>>) -> Self {
        let growing = schema.grows().then(|| Growing::new(schema.clone()));
        Emit { stream: Stream::new(stream), growing, ending }
    }

    /// The batch with all fields that the stream has by now.
    fn widened(&self, batch: Batch) -> Result<Batch, Error> {
        let Some(growing) = &self.growing else { return Ok(batch) };
        let fields = growing.grow(batch.schema(), |place| !batch.column(place).is_absent());
        if fields == *batch.schema() { Ok(batch) } else { batch.with_fields_of(&fields) }
    }

    /// The stream, for whoever has to end it when the chain is dropped.
    fn stream(&self) -> Stream {
        self.stream.clone()
    }
}

impl Stage for Emit {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        let batch = self.widened(batch)?;
        self.stream.batch(&batch)
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.stream.flush()
    }

    /// Its reader is waited for when the other chains are closed, too.
    fn close(&mut self) -> Result<(), Error> {
        self.stream.end(&self.ending.borrow())
    }

    fn target(&mut self) -> Option<&mut dyn Stage> {
        None
    }
}
