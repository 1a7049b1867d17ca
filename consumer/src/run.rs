//! Runs a plan over a stream: workers, merge, and what is left to do once.

use std::{
    cell::{Cell, RefCell},
    io::Read,
    rc::Rc,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use recpipe::{
    Batch, Column, Error, Exit, Flow, Schema, Stage,
    parallel::{self, Sink, Worker},
    say,
    stage::Coroutine,
    transport::watch::Stopper,
    wire::{Ending, Incoming, RawBatch, Reader},
};

use crate::{
    aggregate::Table,
    live::Live,
    output::Printer,
    query::plan::{Output, Plan},
    split::{Split, WorkerPart},
    stage::{Piece, Target},
};

/// What a run needs to know besides the plan.
#[derive(Debug)]
pub struct Options {
    /// Worker threads.
    pub threads: usize,
    /// The output of a query that names none.
    pub default_output: Output,
    /// Wakes the reader when no more is wanted of it.
    pub stopper: Option<Stopper>,
    /// Whether failures that the producer tells of, and fields that the query does not see, go without a word.
    pub quiet: bool,
}

/// How a run ended.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What the producer said at the end; `None` when the end was not reached.
    pub ending: Option<Ending>,
    /// Why the end was not reached, or the answer not given.
    pub error: Option<Error>,
    /// Whether the query had enough before the end.
    pub stopped: bool,
    /// Records that came.
    pub records_in: u64,
    /// Records of the answer.
    pub records_out: u64,
    /// Values that the output could not write as they are: text that is not UTF-8.
    pub replaced: u64,
}

/// Runs `plan` over the batches of `reader`. What a broken stream gave before it broke is still answered, and
/// [`Outcome::error`] says that it is not all.
pub fn run<R: Read + Send>(reader: &mut Reader<R>, plan: &Plan, options: &Options, printer: Printer) -> Outcome {
    let split = Split::new(plan, &options.default_output);
    let printer = Rc::new(RefCell::new(printer));
    let counted = Rc::new(Cell::new(0));
    let chain = match split.once(&printer, &counted) {
        Ok(chain) => Coroutine::new(chain),
        Err(error) => return Outcome { error: Some(error), ..Outcome::default() },
    };
    let stream = Mutex::new((None, None));
    let mut pull = || pull(reader, plan, options.quiet, &stream);
    let live = (split.is_picture() && printer.borrow().screen().is_some()).then(|| Live::new(split.table()));
    let mut once = Once { split: &split, chain, printer, stopper: options.stopper.as_ref(), error: None, stopped: false, counted, live };
    let make = || QueryWorker { part: split.worker(), plan };
    let lasts = parallel::ordered(&mut pull, options.threads, &make, &mut once);
    let (ending, broken) = stream.into_inner().unwrap_or_else(PoisonError::into_inner);
    let (tables, panicked) = lasts.map_or_else(|error| (Vec::new(), Some(error)), |tables| (tables, None));
    let failed = once.error.take().or(panicked);
    // What a worker could not do is a failure of the whole, unless it is the stream that was broken.
    let error = match failed {
        Some(error) if error.exit() != Exit::Incomplete => {
            // What was printed before the failure is not lost; that it cannot be written either is no news.
            let mut printer = once.printer.borrow_mut();
            // What was drawn for the time being must not look like an answer.
            printer.erase();
            let _ = printer.flush();
            drop(printer);
            Some(error)
        }
        broken_batch => match once.end(tables) {
            Ok(()) => broken_batch.or(broken),
            Err(error) => Some(error),
        },
    };
    let (records_in, records_out, replaced) = (reader.totals().records, once.counted.get(), split.replaced().count());
    Outcome { ending, error, stopped: once.stopped, records_in, records_out, replaced }
}

/// How the stream ended, or why it did not.
type StreamEnd = (Option<Ending>, Option<Error>);

/// The next batch that anybody has to look at.
fn pull<R: Read>(reader: &mut Reader<R>, plan: &Plan, quiet: bool, end: &Mutex<StreamEnd>) -> Option<RawBatch> {
    let end = |ending, error| *end.lock().unwrap_or_else(PoisonError::into_inner) = (ending, error);
    loop {
        match reader.read() {
            Ok(Some(Incoming::Batch(raw))) => return Some(raw),
            Ok(Some(Incoming::Schema(schema))) => {
                let unseen: Vec<&str> = schema.names().filter(|name| plan.input.index_of(name).is_none()).collect();
                if !quiet && !unseen.is_empty() {
                    say!("consumer: fields that come up later in the stream are not seen by this query: {}", unseen.join(", "));
                }
            }
            Ok(Some(Incoming::Report(report))) => {
                if !quiet {
                    say!("consumer: the producer says: {}", report.message);
                }
            }
            Ok(Some(Incoming::End(ending))) => {
                end(Some(ending), None);
                return None;
            }
            Ok(None) => return None,
            Err(error) => {
                end(None, Some(error));
                return None;
            }
        }
    }
}

struct QueryWorker<'p> {
    part: WorkerPart,
    plan: &'p Plan,
}

impl Worker<RawBatch> for QueryWorker<'_> {
    type Out = Result<Vec<Piece>, Error>;
    type Last = Option<Table>;

    fn work(&mut self, raw: RawBatch) -> Self::Out {
        let batch = unite(raw.decode()?, &self.plan.input)?;
        // No stage of a worker's part has enough of its own.
        let _: Flow = self.part.chain.send(batch)?;
        Ok(self.part.delivered.take())
    }

    fn finish(self) -> Self::Last {
        self.part.table.replace(None)
    }
}

/// The batch with the fields of `schema`: those that it lacks are null.
///
/// # Errors
/// [`Error::Schema`] when a field has another type.
fn unite(batch: Batch, schema: &Arc<Schema>) -> Result<Batch, Error> {
    if batch.schema() == schema {
        return Ok(batch);
    }
    let column = |name| batch.schema().index_of(name).map_or_else(|| Column::null(batch.physical_rows()), |i| batch.column(i).clone());
    let columns = schema.names().map(column).collect();
    batch.with_columns(schema.clone(), columns).map_err(|error| {
        Error::Schema(format!("a field has one type at the start of the stream and another later: {error}; use `--cast` there"))
    })
}

/// The part that runs once, on the calling thread.
struct Once<'a> {
    split: &'a Split<'a>,
    chain: Coroutine<Target>,
    printer: Rc<RefCell<Printer>>,
    stopper: Option<&'a Stopper>,
    error: Option<Error>,
    stopped: bool,
    counted: Rc<Cell<u64>>,
    /// Where the answer is shown while it grows.
    live: Option<Live>,
}

impl Once<'_> {
    fn piece(&mut self, piece: Piece) -> Result<Flow, Error> {
        match piece {
            Piece::Batch(batch) => self.chain.send(batch),
            Piece::Lines(lines, records) => {
                self.counted.set(self.counted.get() + records);
                self.printer.borrow_mut().write(&lines).map(|()| Flow::Continue)
            }
        }
    }

    /// Remembers why it stops, if it does.
    fn flow(&mut self, flow: Result<Flow, Error>) -> Flow {
        match flow {
            Ok(Flow::Continue) => return Flow::Continue,
            Ok(Flow::Stop) => self.stopped = true,
            Err(error) => self.error = Some(error),
        }
        Flow::Stop
    }

    /// The workers are done: merges their tables, and closes the chain.
    fn end(&mut self, tables: Vec<Option<Table>>) -> Result<(), Error> {
        let so_far = self.live.take().and_then(|live| live.whole);
        if let Some(mut whole) = so_far.or_else(|| self.split.table()) {
            for table in tables.into_iter().flatten() {
                whole.merge(table)?;
            }
            for batch in whole.batches() {
                if self.chain.send(batch?)? == Flow::Stop {
                    break;
                }
            }
        }
        self.chain.close()?;
        self.printer.borrow_mut().flush()
    }
}

impl Once<'_> {
    /// Shows what there is, where the answer is live and it is time.
    fn show(&mut self) -> Result<(), Error> {
        let Some(live) = &mut self.live else { return Ok(()) };
        if live.wait() != Some(Duration::ZERO) {
            return Ok(());
        }
        let began = Instant::now();
        match (&mut live.whole, self.split.for_now(&self.printer)) {
            (Some(whole), Some(chain)) => {
                for table in self.split.take_tables() {
                    whole.merge(table)?;
                }
                draw(whole, chain)?;
            }
            _ => self.chain.flush()?,
        }
        live.drawn(began);
        Ok(())
    }
}

/// Sends what a table holds through a chain that ends in a picture. What does not fit as yet (a sum that is too large before
/// negative numbers come) is not drawn: only the end decides whether it is an error.
fn draw(table: &Table, mut chain: Target) -> Result<(), Error> {
    for batch in table.batches() {
        let batch = match batch {
            Err(Error::Data(_)) => return Ok(()),
            batch => batch?,
        };
        if chain.send(batch)? == Flow::Stop {
            break;
        }
    }
    chain.close()
}

impl Sink<Result<Vec<Piece>, Error>> for Once<'_> {
    fn take(&mut self, pieces: Result<Vec<Piece>, Error>) -> Flow {
        let flow = pieces.and_then(|pieces| {
            for piece in pieces {
                if self.piece(piece)? == Flow::Stop {
                    return Ok(Flow::Stop);
                }
            }
            Ok(Flow::Continue)
        });
        if let Some(live) = &mut self.live {
            live.changed();
        }
        let flow = flow.and_then(|flow| self.show().map(|()| flow));
        self.flow(flow)
    }

    fn idle(&mut self) -> Flow {
        let shown = match &self.live {
            Some(_) => self.show(),
            None => self.chain.flush().and_then(|()| self.printer.borrow_mut().flush()),
        };
        self.flow(shown.map(|()| Flow::Continue))
    }

    fn is_timed(&self) -> bool {
        self.live.is_some()
    }

    fn wait(&self) -> Option<Duration> {
        self.live.as_ref().and_then(Live::wait)
    }

    fn stopped(&mut self) {
        if let Some(stopper) = self.stopper {
            stopper.stop();
        }
    }
}
