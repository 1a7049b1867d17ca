//! What all sections of a report have gathered: one of its own for each, and what comes of them one after the other.

use std::{
    any::Any,
    cell::RefCell,
    rc::Rc,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use recpipe::{Batch, Column, Error, Field, Flow, Origin, PackedInts, Schema, Stage, Text, Type};

use super::{Part, SECTION};
use crate::{
    memory::{Budget, ReadRun},
    plan::{
        Sides, Start, Target,
        partial::{self, Batches, Copied, Partial, SoFar},
    },
};

/// What one worker has gathered of all sections.
pub(super) struct Gathered {
    parts: Arc<[Part]>,
    of_parts: Vec<Box<dyn Partial>>,
    output: Arc<Schema>,
}

impl Gathered {
    /// Nothing so far; `None` where a section gathers nothing.
    pub(super) fn new(parts: &Arc<[Part]>, start: &Start<'_>) -> Option<Self> {
        let empty = |part: &Part| {
            let start = Start::at(&part.stages, 0, start.budget, start.workers, &Sides::default())?;
            part.stages.first()?.operator.partial(&start)
        };
        let of_parts = parts.iter().map(empty).collect::<Option<Vec<_>>>()?;
        Some(Gathered { parts: parts.clone(), of_parts, output: start.output.clone() })
    }

    /// The records of the sections that these have gathered.
    fn answered(
        parts: &[Part],
        output: &Arc<Schema>,
        gathered: impl Iterator<Item = Result<Batches, Error>>,
        budget: &Budget,
    ) -> Result<Batches, Error> {
        let mut all = Vec::new();
        for (part, batches) in parts.iter().zip(gathered) {
            for batch in answer(part, batches?, budget)? {
                all.push(Ok(titled(&batch, part.title, output)?));
            }
        }
        Ok(Box::new(all.into_iter()))
    }
}

/// What comes of a section's records behind the stage that gathers.
fn answer(part: &Part, batches: Batches, budget: &Budget) -> Result<Vec<Batch>, Error> {
    let collected = Rc::new(RefCell::new(Vec::new()));
    let mut chain: Target = Box::new(Collect(collected.clone()));
    for place in (1..part.stages.len()).rev() {
        if let Some(start) = Start::at(&part.stages, place, budget, 1, &Sides::default()) {
            chain = part.stages[place].operator.start(start, chain);
        }
    }
    for batch in batches {
        if chain.send(batch?)? == Flow::Stop {
            break;
        }
    }
    chain.close()?;
    drop(chain);
    Ok(collected.take())
}

/// Keeps what comes: a section is a few rows.
struct Collect(Rc<RefCell<Vec<Batch>>>);

impl Stage for Collect {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        self.0.borrow_mut().push(batch);
        Ok(Flow::Continue)
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn close(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn target(&mut self) -> Option<&mut dyn Stage> {
        None
    }
}

/// The records with the name of their section, and the columns that all sections have together.
fn titled(batch: &Batch, title: &str, output: &Arc<Schema>) -> Result<Batch, Error> {
    let (rows, name) = (batch.physical_rows(), Bytes::copy_from_slice(title.as_bytes()));
    let column = Text::new(name.clone(), None, PackedInts::constant(0, rows), PackedInts::constant(name.len() as i64, rows))
        .map_or_else(|| Column::null(rows), Column::text);
    let fields = [Field::new(SECTION, Type::Text)].into_iter().chain(batch.schema().fields().iter().cloned()).collect();
    let columns = [column].into_iter().chain(batch.columns().iter().cloned()).collect();
    batch.with_columns(Arc::new(Schema::new(fields)?), columns)?.with_fields_of(output)
}

const MIXED: Error = Error::Protocol("partial reports of different queries");

impl Partial for Gathered {
    fn add(&mut self, batch: &Batch) -> Result<(), Error> {
        for (part, gathered) in self.parts.iter().zip(&mut self.of_parts) {
            match &part.of {
                None => gathered.add(batch)?,
                Some(of) => {
                    let left = of.filter(batch)?;
                    if !left.is_empty() {
                        gathered.add(&left)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn seal(&mut self) {
        self.of_parts.iter_mut().for_each(|gathered| gathered.seal());
    }

    fn merge(self: Box<Self>, others: Vec<Box<dyn Partial>>, budget: &Budget) -> Result<Batches, Error> {
        let (parts, output) = (self.parts.clone(), self.output.clone());
        let merged = by_part(*self, others)?.into_iter().map(|all| partial::merge(all, budget));
        Gathered::answered(&parts, &output, merged, budget)
    }

    fn into_run(self: Box<Self>, others: Vec<Box<dyn Partial>>, budget: &Budget) -> Result<Batches, Error> {
        let budget = budget.clone();
        let run = by_part(*self, others)?.into_iter().flat_map(move |all| {
            // A batch of no columns stands before each.
            let run: Batches = match partial::into_run(all, &budget) {
                Ok(batches) => Box::new(std::iter::once(mark()).chain(batches)),
                Err(error) => Box::new(std::iter::once(Err(error))),
            };
            run
        });
        Ok(Box::new(run))
    }

    fn merge_runs(self: Box<Self>, runs: Vec<Box<dyn ReadRun>>, budget: &Budget) -> Result<Batches, Error> {
        let runs: Vec<Run> = runs.into_iter().map(Run::new).collect();
        let Gathered { parts, of_parts, output } = *self;
        let merged = of_parts.into_iter().map(|empty| {
            runs.iter().try_for_each(Run::begin)?;
            let of_part = runs.iter().map(|run| Box::new(run.clone()) as Box<dyn ReadRun>).collect();
            empty.merge_runs(of_part, budget)
        });
        Gathered::answered(&parts, &output, merged, budget)
    }

    fn copy(&self) -> Result<Option<Copied>, Error> {
        let mut copies = Vec::new();
        for gathered in &self.of_parts {
            match gathered.copy()? {
                Some(copy) => copies.push(copy),
                None => return Ok(None),
            }
        }
        Ok(Some(Box::new(copies)))
    }

    fn of_copies(&self, copies: Vec<Copied>, budget: &Budget) -> Result<SoFar, Error> {
        let mut of_parts: Vec<Vec<Copied>> = self.of_parts.iter().map(|_| Vec::new()).collect();
        for copy in copies {
            let copy = copy.downcast::<Vec<Copied>>().map_err(|_| MIXED)?;
            of_parts.iter_mut().zip(*copy).for_each(|(all, one)| all.push(one));
        }
        // What is behind the first of a section may be wanted, too: it is a picture of what there is.
        let so_far = self.of_parts.iter().zip(of_parts).map(|(empty, copies)| Ok(empty.of_copies(copies, budget)?.batches));
        Ok(SoFar { batches: Gathered::answered(&self.parts, &self.output, so_far, budget)?, more: 0 })
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

/// What all have gathered, by section.
fn by_part(first: Gathered, others: Vec<Box<dyn Partial>>) -> Result<Vec<Vec<Box<dyn Partial>>>, Error> {
    let mut parts: Vec<Vec<Box<dyn Partial>>> = first.of_parts.into_iter().map(|gathered| vec![gathered]).collect();
    for other in others {
        let other = other.into_any().downcast::<Gathered>().map_err(|_| MIXED)?;
        parts.iter_mut().zip(other.of_parts).for_each(|(all, gathered)| all.push(gathered));
    }
    Ok(parts)
}

/// The name of the only column of what stands before a section's batches; no field of a log is called like this.
const MARK: &str = "\u{0}section";

fn mark() -> Result<Batch, Error> {
    let schema = Arc::new(Schema::new(vec![Field::new(MARK, Type::Null)])?);
    Batch::new(schema, vec![Column::null(1)], 1, Origin::default())
}

/// The run of another process, section after section. Clones are the same.
#[derive(Clone, Debug)]
struct Run(Arc<Mutex<Sections>>);

#[derive(Debug)]
struct Sections {
    run: Box<dyn ReadRun>,
    /// Whether the mark of the next section was read.
    at_mark: bool,
}

impl Run {
    fn new(run: Box<dyn ReadRun>) -> Self {
        Run(Arc::new(Mutex::new(Sections { run, at_mark: false })))
    }

    /// Goes to the beginning of the next section.
    fn begin(&self) -> Result<(), Error> {
        let mut sections = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while !sections.at_mark {
            match sections.next()? {
                Some(_) => {}
                None if sections.at_mark => break,
                None => return Ok(()),
            }
        }
        sections.at_mark = false;
        Ok(())
    }
}

impl Sections {
    fn next(&mut self) -> Result<Option<Batch>, Error> {
        if self.at_mark {
            return Ok(None);
        }
        let batch = self.run.read()?;
        if batch.as_ref().is_some_and(|batch| batch.schema().names().eq([MARK])) {
            self.at_mark = true;
            return Ok(None);
        }
        Ok(batch)
    }
}

impl ReadRun for Run {
    fn read(&mut self) -> Result<Option<Batch>, Error> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).next()
    }
}
