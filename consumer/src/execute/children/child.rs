//! A child: what it does with the frames that it is handed.

use std::{
    collections::BTreeMap,
    fs::File,
    sync::{Arc, Mutex, PoisonError},
};

use recpipe::{
    Error, Exit, Flow, Schema, parallel,
    parallel::{Sink, Worker},
    say,
    transport::stdio,
    wire::{Encoded, Ending, RawBatch, Reader, Writer},
};

use super::protocol::{self, Message, Rx, Setup, Tx};
use crate::{
    execute::{
        cut::{Cut, Prepared},
        deliver::Piece,
        sides::{self, Handed},
        worker::QueryWorker,
    },
    language::{self, Catalog, Inputs, KnownInputs, QueryError, Source},
    left_out::LeftOut,
    plan::{
        Runs,
        partial::{self, Partial},
    },
    writer::{Notes, Replaced},
};

/// Runs a child to its end: `consumer --worker`, started by its parent and by nobody else.
pub fn main(catalog: &Arc<Catalog>) -> Exit {
    match serve(catalog) {
        Ok(()) => Exit::Done,
        // The parent has gone, or wants no more: nobody is to be told.
        Err(error @ Error::Truncated { .. }) => error.exit(),
        Err(error) if error.is_broken_pipe() => Exit::Incomplete,
        Err(error) => {
            say!("consumer: a worker process: {error}");
            error.exit()
        }
    }
}

fn serve(catalog: &Arc<Catalog>) -> Result<(), Error> {
    let mut tx = Tx(Writer::new(stdio::stdout()?)?);
    let mut rx = Rx(Reader::new(stdio::stdin()?)?);
    match work(&mut rx, &mut tx, catalog) {
        Ok(()) => {}
        Err(Failure::Pipe(error)) => return Err(error),
        Err(Failure::Work(error)) => tx.say(&Message::failed(error))?,
    }
    tx.0.finish(&Ending::default()).map(drop)
}

/// Why a child cannot go on.
enum Failure {
    /// Its parent cannot be heard or told.
    Pipe(Error),
    /// All else, which the parent is told.
    Work(Error),
}

fn work(rx: &mut Rx<File>, tx: &mut Tx<File>, catalog: &Arc<Catalog>) -> Result<(), Failure> {
    let setup = rx.frame().and_then(|raw| Setup::from_batch(&raw.decode()?)).map_err(Failure::Pipe)?;
    let schema = rx.frame().map_err(Failure::Pipe)?.schema().clone();
    let mut inputs = BTreeMap::new();
    for at in setup.files {
        inputs.insert(at, rx.frame().map_err(Failure::Pipe)?.schema().clone());
    }
    let mut texts = BTreeMap::new();
    for (at, bytes) in setup.texts {
        texts.insert(at, rx.text(bytes).map_err(Failure::Pipe)?.into());
    }
    let inputs = Arc::new(Named { schemas: KnownInputs(inputs), texts });
    let source = Source::from_args(&setup.query);
    let wrong = |error: QueryError| Failure::Work(Error::Data(format!("a worker process does not understand the query: {error}")));
    let query = language::parse(&source, catalog).map_err(wrong)?;
    let left_out = LeftOut::default();
    let Setup { now, zone, live, gives_sender, .. } = setup;
    let setting = language::Setting { now, zone, left_out: left_out.clone(), inputs, live, gives_sender, ..Default::default() };
    let plan = language::check_at(&source, &query, &schema, &setting).map_err(wrong)?;
    let prepared = Prepared::new(&plan, &setup.memory, setup.threads);
    let sides = match sides::load_handed(&plan, &prepared.budget, &mut || handed(rx)).map_err(Failure::Pipe)? {
        Ok(sides) => sides,
        Err(error) => {
            // It hears of that when it asks for something.
            item(rx).map_err(Failure::Pipe)?;
            return Err(Failure::Work(error));
        }
    };
    let cut = Cut::new(&plan, &setup.default_output, Prepared { sides, ..prepared }, setup.threads, Notes::new(left_out.clone()));
    let broken = Mutex::new(None);
    let mut pull = || match item(rx) {
        Ok(item) => item,
        Err(error) => {
            *broken.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            None
        }
    };
    let mut answers = Answers { tx, replaced: &cut.notes().replaced, left_out: &left_out, told: 0, error: None };
    let make = || Answering(QueryWorker::new(&cut));
    let gathered = parallel::ordered(&mut pull, setup.threads, &make, &mut answers);
    let told = answers.error.take();
    let heard = broken.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some(error) = told.or(heard) {
        return Err(Failure::Pipe(error));
    }
    let gathered = gathered.map_err(Failure::Work)?.into_iter().flatten().collect();
    if let Some(name) = cut.state_name() {
        tx.say(&Message::State(name.text())).map_err(Failure::Pipe)?;
    }
    for batch in partial::into_run(gathered, cut.budget()).map_err(Failure::Work)? {
        let frames = batch.and_then(|batch| protocol::frames(&batch)).map_err(Failure::Work)?;
        tx.records(&frames).map_err(Failure::Pipe)?;
    }
    tx.left_out(&left_out, u64::MAX).map_err(Failure::Pipe)
}

/// What the parent knows of the files that the query names.
#[derive(Debug)]
struct Named {
    schemas: KnownInputs,
    texts: BTreeMap<usize, Arc<[u8]>>,
}

impl Inputs for Named {
    fn schema(&self, at: usize, word: &str, path: &str) -> Result<Arc<Schema>, String> {
        self.schemas.schema(at, word, path)
    }

    fn text(&self, at: usize, path: &str) -> Result<Arc<[u8]>, String> {
        self.texts.get(&at).cloned().ok_or_else(|| format!("\"{path}\" was not handed on"))
    }
}

/// A frame in its place.
struct Frame {
    /// The chain that it enters.
    chain: usize,
    /// Who sent it.
    sender: String,
    raw: RawBatch,
}

/// The next frame.
fn item(rx: &mut Rx<File>) -> Result<Option<Frame>, Error> {
    match rx.message()? {
        Some(Message::Place(place, chain, sender)) => {
            let chain = usize::try_from(chain).map_err(|_| protocol::misunderstood())?;
            Ok(Some(Frame { chain, sender, raw: rx.frame()?.with_place(place) }))
        }
        None => Ok(None),
        Some(_) => Err(protocol::misunderstood()),
    }
}

/// The next part of an input that is needed whole.
fn handed(rx: &mut Rx<File>) -> Result<Handed, Error> {
    match rx.message()? {
        Some(Message::Records(1)) => Ok(Handed::Batch(rx.frame()?.decode()?)),
        Some(Message::Lines(bytes, _)) => Ok(Handed::Bytes(bytes)),
        Some(Message::Done(0)) => Ok(Handed::End(Runs::EachWorker)),
        Some(Message::Done(_)) => Ok(Handed::End(Runs::Once)),
        _ => Err(protocol::misunderstood()),
    }
}

struct Answering(QueryWorker);

/// A piece of an answer, encoded.
enum Answer {
    Records(Vec<Encoded>),
    Lines(Vec<u8>, u64),
}

impl Worker<Frame> for Answering {
    type Out = Answered;
    type Last = Option<Box<dyn Partial>>;

    fn work(&mut self, Frame { chain, sender, raw }: Frame) -> Self::Out {
        let order = raw.place().order;
        let answer = |piece| match piece {
            Piece::Batch(batch) => protocol::frames(&batch).map(Answer::Records),
            Piece::Lines(lines, records) => Ok(Answer::Lines(lines, records)),
        };
        Answered { order, answers: self.0.send(chain, raw, &sender).and_then(|pieces| pieces.into_iter().map(answer).collect()) }
    }

    fn finish(self) -> Self::Last {
        self.0.gathered()
    }
}

/// What came of a frame.
pub(super) struct Answered {
    order: u64,
    answers: Result<Vec<Answer>, Error>,
}

/// Tells the parent.
struct Answers<'s> {
    tx: &'s mut Tx<File>,
    replaced: &'s Replaced,
    left_out: &'s LeftOut,
    /// How many of them the parent knows of.
    told: u64,
    error: Option<Error>,
}

impl Answers<'_> {
    fn tell(&mut self, answered: Answered) -> Result<(), Error> {
        let answers = match answered.answers {
            Ok(answers) => answers,
            Err(error) => return self.tx.say(&Message::failed(error)),
        };
        for answer in answers {
            match answer {
                Answer::Records(frames) => self.tx.records(&frames)?,
                Answer::Lines(lines, records) => self.tx.say(&Message::Lines(lines, records))?,
            }
        }
        self.tx.left_out(self.left_out, answered.order)?;
        let replaced = self.replaced.count();
        let more = replaced.saturating_sub(std::mem::replace(&mut self.told, replaced));
        self.tx.say(&Message::Done(more))
    }
}

impl Sink<Answered> for Answers<'_> {
    fn take(&mut self, answered: Answered) -> Flow {
        match self.tell(answered) {
            Ok(()) => Flow::Continue,
            Err(error) => {
                self.error = Some(error);
                Flow::Stop
            }
        }
    }
}
