//! `arrow` and `parquet`: tables of columns, as pandas, Polars, DuckDB and Spark write them.
//!
//! | of Arrow and Parquet | here |
//! | --- | --- |
//! | ints, floats, bools | the same; a float of 32 bits has the value that it has |
//! | text, binary, fixed or not, dictionaries of them | text |
//! | timestamps | a time, with the offset of their zone; without one, of the `--zone`; null beyond the years that a time can have, which is said |
//! | dates, times of day | text in ISO 8601 |
//! | durations | seconds, a float |
//! | decimals, UUIDs | their text |
//! | structs | a field for each of theirs, `a.b` |
//! | lists and maps | JSON as text |
//!
//! What else there is (intervals, unions) is an error that names the field, where it is sent.
//!
//! A table in a file is read where it lies. Of another input, or a compressed one, Parquet is copied into a temporary file first, since what
//! tells its columns stands at its end; Arrow is read as it comes.

mod arrow;
mod cell;
mod guard;
mod json;
mod layout;
mod parquet;

use std::sync::Arc;

use recpipe::Exit;
use recpipe::record::{Condition, Origin, PackedInts, Places, Schema};
use recpipe::wire::Warning;

use self::guard::guarded;
use self::layout::Layout;
use super::names::no_fields;
use super::source::{Misfit, Problem, Pulled, Source, Unparsed};
use super::{Args, FormatSpec, Start, Unit, Wanted};
use crate::input::event::Event;
use crate::input::open::Opened;
use crate::input::{Inputs, shown_name};

pub(super) const ARROW: FormatSpec = FormatSpec {
    name: "arrow",
    args: &[],
    options: &[],
    about: "Apache Arrow: an IPC stream or file, and Feather",
    start: Start::Source(|args, inputs| Ok(Box::new(Columnar::new(args, inputs, arrow::open)))),
    fields: "Those of the table, with its types; a struct's are a.b, lists are JSON as text, dates text.",
    sample: "consumer arrow > log.arrow",
};

pub(super) const PARQUET: FormatSpec = FormatSpec {
    name: "parquet",
    args: &[],
    options: &[],
    about: "Apache Parquet: columns that nobody reads, and row groups that cannot match, are not looked at",
    start: Start::Source(|args, inputs| Ok(Box::new(Columnar::new(args, inputs, parquet::open)))),
    fields: "Those of the table, with its types; a struct's are a.b, lists are JSON as text, dates text.",
    sample: "producer parquet table.parquet",
};

/// The format that these bytes begin a table of.
pub(crate) fn magic(head: &[u8]) -> Option<&'static FormatSpec> {
    match head {
        _ if head.starts_with(b"PAR1") => Some(&PARQUET),
        _ if head.starts_with(b"ARROW1") || arrow::begins_stream(head) => Some(&ARROW),
        _ => None,
    }
}

/// Records that one batch has, if nothing else is said.
const BATCH_ROWS: usize = 8192;

/// What is asked of a table.
struct Asked<'a> {
    wanted: &'a Wanted,
    /// Records for which not all of these hold are of no use.
    conditions: &'a [Condition],
}

/// Some records: the number of the first, from 0, and their columns, which are of these roots of the schema.
struct Piece {
    first: u64,
    roots: Vec<usize>,
    columns: arrow_array::RecordBatch,
}

/// A table while it is read.
trait Table: Send {
    fn layout(&self) -> &Layout;

    /// The next records; `None` at the end.
    ///
    /// # Errors
    /// The table is damaged.
    fn next(&mut self, asked: &Asked<'_>) -> Result<Option<Piece>, String>;
}

/// Why a table cannot be opened.
enum Unopened {
    /// It is none, or is damaged.
    Damaged(String),
    /// What was typed does not fit it.
    Misfit(String),
}

impl From<String> for Unopened {
    fn from(what: String) -> Self {
        Unopened::Damaged(what)
    }
}

/// Opens a table, in batches of so many records.
type Open = fn(Opened, &Args, usize) -> Result<Box<dyn Table>, Unopened>;

struct Columnar {
    inputs: Inputs,
    args: Args,
    open: Open,
    batch_rows: usize,
    current: Option<(Arc<str>, Box<dyn Table>)>,
    /// That of the first table.
    schema: Option<Arc<Schema>>,
    conditions: Arc<[Condition]>,
    /// How many times are beyond what a time can be.
    beyond: u64,
}

impl Columnar {
    fn new(args: &Args, inputs: Inputs, open: Open) -> Self {
        let batch_rows = args.batch.map_or(BATCH_ROWS, |rows| rows.get().min(BATCH_ROWS));
        Columnar { inputs, args: args.clone(), open, batch_rows, current: None, schema: None, conditions: Arc::new([]), beyond: 0 }
    }

    fn problem(name: &Arc<str>, what: &str) -> Pulled {
        let message = format!("{}: {what}", shown_name(name));
        Ok(Event::Problem(Problem { input: Some(name.clone()), warning: Warning { exit: Exit::Failed, message } }))
    }

    /// What the current table holds next; `None` at its end.
    fn step(&mut self, wanted: &Wanted) -> Option<Pulled> {
        let (name, table) = self.current.as_mut()?;
        let asked = Asked { wanted, conditions: &self.conditions };
        let made = guarded(|| {
            let Some(piece) = table.next(&asked)? else { return Ok::<_, String>(None) };
            let (rows, beyond) = (piece.columns.num_rows(), &mut self.beyond);
            let batch = table.layout().batch(&piece, wanted, beyond)?;
            let (start, line) = (piece.first, piece.first + 1);
            let origin = Origin { source: name.clone(), start, end: start + rows as u64, line, order: 0 };
            // A record has a number, and no byte.
            let lines = PackedInts::pack(&(0..rows as i64).collect::<Vec<_>>());
            let places = Places::Whole { lines, starts: PackedInts::constant(-1, rows), shown: false };
            Ok(Some(batch.with_origin(origin).with_places(places)))
        });
        match made {
            Ok(Some(batch)) => Some(Ok(Event::Block(Unparsed::Batch(batch)))),
            Ok(None) => {
                self.current = None;
                None
            }
            Err(what) => {
                let problem = Columnar::problem(name, &what);
                self.current = None;
                Some(problem)
            }
        }
    }
}

impl Source for Columnar {
    fn unit(&self) -> Unit {
        Unit::Record
    }

    fn schema(&self) -> Arc<Schema> {
        self.schema.clone().unwrap_or_else(no_fields)
    }

    fn known_fields(&self) -> Option<Vec<String>> {
        None
    }

    fn hear(&mut self, conditions: &Arc<[Condition]>) {
        self.conditions = conditions.clone();
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
            match guarded(|| (self.open)(opened, &self.args, self.batch_rows)) {
                Ok(table) => {
                    self.schema.get_or_insert_with(|| table.layout().schema().clone());
                    self.current = Some((name, table));
                }
                Err(_) if self.inputs.watch().is_stopped() => return None,
                Err(Unopened::Damaged(what)) => return Some(Columnar::problem(&name, &what)),
                Err(Unopened::Misfit(what)) => return Some(Err(Misfit(format!("{}: {what}", shown_name(&name))))),
            }
        }
    }

    fn remark(&self) -> Option<String> {
        let times = crate::ledger::count(self.beyond, "time");
        (self.beyond > 0).then(|| format!("{times} beyond the years that a time can have are null"))
    }
}
