//! `records`: a stream that was written before, with `--to FILE` or by another producer; what comes in goes out again.
//!
//! Frames are verified: a stream that was cut off or has changed is an error with the exit code of an incomplete one, and what came
//! before that counts. What the stream says of itself is passed on: a file that its producer could not read, and how it ended.
//! Batches keep saying where they came from first.

use std::io::{self, Read};
use std::sync::Arc;

use recpipe::record::{Batch, Schema};
use recpipe::wire::{Incoming, Reader, Warning};
use recpipe::{Error, Exit};

use super::source::{Problem, Pulled, Source, Unparsed};
use super::{FormatSpec, Start, Unit, Wanted};
use crate::input::block::Feed;
use crate::input::event::Event;
use crate::input::open::Opened;
use crate::input::{InputError, Inputs, shown_name};

pub(super) const SPEC: FormatSpec = FormatSpec {
    name: "records",
    args: &[],
    options: &[],
    about: "what a producer wrote before: --to FILE, or its stdout",
    start: Start::Source(|_, inputs| Ok(Box::new(Records { inputs, current: None, schema: None }))),
    fields: "Those of the stream, as they are.",
    sample: "producer apache access.log --to log.rec",
};

struct Records {
    inputs: Inputs,
    current: Option<Stream>,
    /// The first that was announced.
    schema: Option<Arc<Schema>>,
}

/// One input, while it is read.
struct Stream {
    name: Arc<str>,
    reader: Reader<Bytewise>,
    /// It told of a failure already, so that its end need not.
    has_reported: bool,
}

/// An input as a reader of frames wants it.
struct Bytewise(Opened);

impl Read for Bytewise {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(buf)
    }
}

impl Records {
    /// What the current input holds next; `None` at its end.
    fn step(&mut self, wanted: &Wanted) -> Option<Pulled> {
        loop {
            let stream = self.current.as_mut()?;
            let problem = match stream.reader.read() {
                Ok(None) => None,
                Ok(Some(Incoming::Schema(schema))) => {
                    self.schema.get_or_insert(schema);
                    continue;
                }
                Ok(Some(Incoming::Batch(raw))) => match raw.decode().and_then(|batch| only(batch, wanted)) {
                    Ok(batch) => return Some(Ok(Event::Block(Unparsed::Batch(batch)))),
                    Err(error) => Some(stream.problem(&error)),
                },
                Ok(Some(Incoming::Warning(warning))) => {
                    stream.has_reported = true;
                    return Some(Ok(Event::Problem(Problem { input: None, warning })));
                }
                Ok(Some(Incoming::End(ending))) if ending.exit == Exit::Done || stream.has_reported => None,
                Ok(Some(Incoming::End(ending))) => {
                    let message = format!("{}: its producer ended with exit {}: {}", stream.name, ending.exit.code(), ending.cause);
                    let warning = Warning { exit: ending.exit, message };
                    Some(Problem { input: Some(stream.name.clone()), warning })
                }
                Err(Error::Io { .. }) if self.inputs.watch().is_stopped() => None,
                Err(error) => Some(stream.problem(&error)),
            };
            self.current = None;
            return problem.map(|problem| Ok(Event::Problem(problem)));
        }
    }
}

impl Stream {
    /// What an error of it is to the run.
    fn problem(&self, error: &Error) -> Problem {
        match error {
            // A compressed file says more about where it is torn.
            Error::Io { source, .. } => InputError::read(&self.name, self.reader.input().0.explain(source)).into(),
            _ => problem(&self.name, error),
        }
    }
}

fn problem(name: &Arc<str>, error: &Error) -> Problem {
    let message = format!("{}: {error}", shown_name(name));
    Problem { input: Some(name.clone()), warning: Warning { exit: error.exit(), message } }
}

/// The batch without the fields that nobody reads.
fn only(batch: Batch, wanted: &Wanted) -> Result<Batch, Error> {
    let schema = wanted.of(batch.schema());
    if schema.len() == batch.schema().len() {
        return Ok(batch);
    }
    let columns = schema.names().filter_map(|name| batch.schema().index_of(name)).map(|field| batch.column(field).clone()).collect();
    batch.with_columns(schema, columns)
}

impl Source for Records {
    fn unit(&self) -> Unit {
        Unit::Record
    }

    fn schema(&self) -> Arc<Schema> {
        self.schema.clone().unwrap_or_else(|| Arc::new(Schema::new(Vec::new()).unwrap_or_else(|_| unreachable!("no field is wrong"))))
    }

    fn known_fields(&self) -> Option<Vec<String>> {
        None
    }

    fn next(&mut self, wanted: &Wanted) -> Option<Pulled> {
        loop {
            if let Some(pulled) = self.step(wanted) {
                return Some(pulled);
            }
            let (name, opened) = match self.inputs.next_opened()? {
                Ok(opened) => opened,
                Err(problem) => return Some(Ok(Event::Problem(problem.into()))),
            };
            match Reader::of_several(Bytewise(opened)) {
                Ok(reader) => self.current = Some(Stream { name, reader, has_reported: false }),
                Err(Error::Io { .. }) if self.inputs.watch().is_stopped() => return None,
                Err(error) => return Some(Ok(Event::Problem(problem(&name, &error)))),
            }
        }
    }
}
