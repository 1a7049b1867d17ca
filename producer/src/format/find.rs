//! `find`: the files that PATHs mean, as records: `path name size:int mtime:time`.
//!
//! They are those that another format would read, in the order in which it would: directories are gone through, `--name` says
//! which files in them. `mtime` is in UTC.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use recpipe::record::{BatchBuilder, Field, Origin, Places, Schema, Time, Type, Value};

use super::source::{Misfit, Pulled, Source, Unparsed};
use super::{Args, FormatSpec, Start, Unit, Wanted};
use crate::input::event::Event;
use crate::input::find::Input;
use crate::input::{InputError, Inputs};

pub(super) const SPEC: FormatSpec = FormatSpec {
    name: "find",
    args: &[],
    options: &[],
    about: "the files themselves: path name size mtime",
    start: Start::Source(|args, inputs| Ok(Box::new(Find::new(args, inputs)))),
    fields: "path name size:int mtime:time",
    sample: "producer find /var/log",
};

/// Files in a batch. Few, so that the first ones come soon.
const BATCH_ROWS: usize = 1024;

struct Find {
    inputs: Inputs,
    schema: Arc<Schema>,
    given_out: u64,
    /// What came after the files that were given out last.
    then: Option<Pulled>,
    batch_rows: usize,
}

impl Find {
    fn new(args: &Args, inputs: Inputs) -> Self {
        let fields = [("path", Type::Text), ("name", Type::Text), ("size", Type::Int), ("mtime", Type::Time)];
        let fields = fields.map(|(name, kind)| Field::new(name, kind)).to_vec();
        let schema = Arc::new(Schema::new(fields).unwrap_or_else(|_| unreachable!("the names are few, short and differ")));
        Find { inputs, schema, given_out: 0, then: None, batch_rows: args.batch.map_or(BATCH_ROWS, |rows| rows.get().min(BATCH_ROWS)) }
    }

    fn batch(&mut self, files: &mut BatchBuilder) -> Option<Pulled> {
        if files.is_empty() {
            return None;
        }
        let (start, rows) = (self.given_out, files.len() as u64);
        self.given_out += rows;
        let batch = files.finish().ok()?;
        let batch = batch.with_origin(Origin { source: "find".into(), start, end: start, line: 0, order: 0 }).with_places(Places::Nowhere);
        Some(Ok(Event::Block(Unparsed::Batch(batch))))
    }
}

/// A file as a record; a time that nanoseconds do not reach is null.
fn add(files: &mut BatchBuilder, path: &Path) -> Result<(), InputError> {
    let meta = fs::metadata(path).map_err(|e| InputError::open(path, e))?;
    let nanos = meta.mtime().checked_mul(1_000_000_000).and_then(|nanos| nanos.checked_add(meta.mtime_nsec()));
    let values = [
        Value::Text(path.as_os_str().as_bytes()),
        Value::Text(path.file_name().unwrap_or(path.as_os_str()).as_bytes()),
        i64::try_from(meta.len()).map_or(Value::Null, |len| Value::Int(i128::from(len))),
        nanos.map_or(Value::Null, |nanos| Value::Time(Time { nanos, offset_s: 0 })),
    ];
    files.push(&values).map_err(|e| InputError::read(&path.display().to_string(), e.to_string()))
}

impl Source for Find {
    fn unit(&self) -> Unit {
        Unit::File
    }

    fn schema(&self) -> Arc<Schema> {
        self.schema.clone()
    }

    fn known_fields(&self) -> Option<Vec<String>> {
        Some(self.schema.names().map(str::to_owned).collect())
    }

    fn next(&mut self, _: &Wanted) -> Option<Pulled> {
        if let Some(then) = self.then.take() {
            return Some(then);
        }
        let mut files = BatchBuilder::new(self.schema.clone());
        while files.len() < self.batch_rows {
            let problem = match self.inputs.next_found() {
                None => break,
                Some(Ok(Input::Stdin | Input::Given(_))) => {
                    Err(Misfit("`find` needs a PATH to look at: producer find DIRECTORY".to_owned()))
                }
                Some(Err(problem)) => Ok(Event::Problem(problem.into())),
                Some(Ok(Input::File(path))) => match add(&mut files, &path) {
                    Ok(()) => continue,
                    Err(problem) => Ok(Event::Problem(problem.into())),
                },
            };
            self.then = Some(problem);
            break;
        }
        self.batch(&mut files).or_else(|| self.then.take())
    }
}
