//! `write "x.db:hits"`: a table of an SQLite database; `records` where no name is said.
//!
//! | type | in the table |
//! | --- | --- |
//! | int | `INTEGER`; beyond 64 bits its digits as text |
//! | float | `REAL`; NaN, which SQLite has not, is null, as in `json` |
//! | bool | 0 or 1 |
//! | text | `TEXT`; each invalid sequence is U+FFFD, and such values are counted |
//! | time | `TEXT`, RFC 3339, as SQLite's own functions of dates read it |
//!
//! Only columns whose values are all of one type are declared with it: SQLite changes a value to fit a declared type (`007` to 7).
//!
//! The table is written into a database of its own, beside the one that is meant, and put there when it is whole, in one transaction,
//! in the place of a table of its name; other tables stay. Who reads the database meanwhile waits no longer than for that. Where there
//! is no database, the new one gets its name.
//!
//! Rejected: rows straight into the database, which would lock it for as long as records come.
//!
//! Source: <https://www.sqlite.org/datatype3.html>

use std::{
    cell::RefCell,
    fs,
    path::{Path, PathBuf},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use recpipe::{Batch, Error, Exit, Flow, Schema, Stage, Type, say, wire::Ending};
use rusqlite::{
    Connection,
    types::{ToSqlOutput, ValueRef},
};

use super::{file_name, header::headed_picture};
use crate::{
    expr::{Values, Vector},
    language::{FileSink, FileWord},
    plan::{Place, Sink, Target},
    writer::{
        Desk, Replaced,
        cell::{self, Plain},
    },
};

/// A file of this kind.
pub(crate) static FILE: FileWord =
    FileWord { extension: "db", is_lines: false, sink: FileSink::Own(|path, table| Arc::new(SqliteSink::new(path, table))) };

/// What a table is called where that is not said.
const USUAL: &str = "records";

/// So long a program that is just writing the database is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// What writes it.
#[derive(Clone, Debug)]
struct SqliteSink {
    path: PathBuf,
    table: String,
    /// Both, as they are written.
    name: String,
}

impl SqliteSink {
    fn new(path: &Path, table: Option<&str>) -> Self {
        let table = table.filter(|table| !table.is_empty()).unwrap_or(USUAL);
        SqliteSink { path: path.to_owned(), table: table.to_owned(), name: format!("{}:{table}", path.display()) }
    }
}

impl Sink for SqliteSink {
    fn place(&self) -> Place<'_> {
        Place::Own(&self.name)
    }

    fn open(&self, schema: &Arc<Schema>, desk: &Desk<'_>) -> Result<Target, Error> {
        if schema.is_empty() {
            return Err(Error::Usage(format!("{}: a table of SQLite has at least one column; the records have no fields", self.name)));
        }
        let failed = |error| self.failed(error);
        if self.path.exists() {
            // What is no database is found before a record was read.
            let found = Connection::open(&self.path).and_then(|there| there.query_row("PRAGMA schema_version", [], |_| Ok(())));
            found.map_err(failed)?;
        }
        let mut partial = self.path.clone().into_os_string().into_encoded_bytes();
        partial.push(b'.');
        file_name::put(self.table.as_bytes(), &mut partial);
        partial.extend_from_slice(b".partial");
        let partial = PathBuf::from(String::from_utf8_lossy(&partial).into_owned());
        if let Err(error) = fs::remove_file(&partial)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            return Err(Error::io(format!("cannot write {}", partial.display()), error));
        }
        let connection = Connection::open(&partial).map_err(failed)?;
        let create = format!("CREATE TABLE {} ({})", quoted(&self.table), columns(schema));
        // Nobody else reads it, and what is left of it after a crash is of no use.
        connection.execute_batch(&format!("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; {create}; BEGIN")).map_err(failed)?;
        let places = vec!["?"; schema.len()].join(", ");
        let table = Table {
            sink: self.clone(),
            connection: Some(connection),
            partial,
            create,
            insert: format!("INSERT INTO {} VALUES ({places})", quoted(&self.table)),
            replaced: desk.notes.replaced.clone(),
            ending: desk.ending.clone(),
            failure: None,
        };
        Ok(headed_picture(table, schema, Some(desk.notes)))
    }
}

impl SqliteSink {
    fn failed(&self, error: rusqlite::Error) -> Error {
        let what = error.to_string();
        Error::io(format!("cannot write {}", self.name), std::io::Error::other(what))
    }
}

/// A name as SQL has it.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The columns of a table for records of this schema.
fn columns(schema: &Schema) -> String {
    let column = |field: &recpipe::Field| {
        let kind = match field.kind {
            _ if field.open => "",
            Type::Int => " INTEGER",
            Type::Float => " REAL",
            Type::Text | Type::Time => " TEXT",
            Type::Bool => " BOOLEAN",
            Type::Null | Type::Mixed => "",
        };
        format!("{}{kind}", quoted(&field.name))
    };
    schema.fields().iter().map(column).collect::<Vec<_>>().join(", ")
}

/// Writes the rows of a table.
struct Table {
    sink: SqliteSink,
    /// The database of its own, until it is whole.
    connection: Option<Connection>,
    partial: PathBuf,
    create: String,
    insert: String,
    replaced: Replaced,
    ending: Rc<RefCell<Ending>>,
    /// Why the run has failed.
    failure: Option<String>,
}

impl Table {
    /// Writes the rows of a batch.
    fn insert(&self, batch: &Batch) -> Result<(), Error> {
        let failed = |error| self.sink.failed(error);
        let Some(connection) = &self.connection else { return Err(Error::Protocol("records after the end")) };
        let mut statement = connection.prepare(&self.insert).map_err(failed)?;
        let columns = cell::columns(batch);
        let mut text = Vec::new();
        for row in 0..batch.len() {
            for (place, column) in columns.iter().enumerate() {
                text.clear();
                let value = self.value(column, row, &mut text);
                statement.raw_bind_parameter(place + 1, ToSqlOutput::Borrowed(value)).map_err(failed)?;
            }
            statement.raw_execute().map_err(failed)?;
        }
        Ok(())
    }

    /// A value as SQLite has it; text that is made for it goes to `made`.
    fn value<'v>(&self, column: &'v Vector, row: usize, made: &'v mut Vec<u8>) -> ValueRef<'v> {
        if column.is_null(row) {
            return ValueRef::Null;
        }
        match &column.values {
            Values::Null => ValueRef::Null,
            Values::Int(values) => ValueRef::Integer(values.get(row)),
            Values::Bool(values) => ValueRef::Integer(values.get(row).into()),
            Values::Float(values) if values.get(row).is_nan() => ValueRef::Null,
            Values::Float(values) => ValueRef::Real(values.get(row)),
            Values::Text(texts) => match std::str::from_utf8(texts.get(row)) {
                Ok(text) => ValueRef::Text(text.as_bytes()),
                Err(_) => {
                    self.replaced.add(1);
                    made.extend_from_slice(String::from_utf8_lossy(texts.get(row)).as_bytes());
                    ValueRef::Text(made)
                }
            },
            Values::Mixed(parts) => match parts.iter().find(|part| !part.is_null(row)) {
                Some(part) => self.value(part, row, made),
                None => ValueRef::Null,
            },
            Values::Wide(values) if i64::try_from(values.get(row)).is_ok() => ValueRef::Integer(values.get(row) as i64),
            Values::Wide(_) | Values::Time(_) => {
                cell::put(column, row, &Plain, made);
                ValueRef::Text(made)
            }
        }
    }

    /// Puts the table where it belongs.
    fn commit(&self) -> Result<(), rusqlite::Error> {
        let SqliteSink { path, table, .. } = &self.sink;
        let there = Connection::open(path)?;
        there.busy_timeout(PATIENCE)?;
        there.execute("ATTACH DATABASE ?1 AS made", [self.partial.to_string_lossy()])?;
        let name = quoted(table);
        let create = &self.create;
        there.execute_batch(&format!(
            "BEGIN IMMEDIATE; DROP TABLE IF EXISTS main.{name}; {create}; INSERT INTO main.{name} SELECT * FROM made.{name} ORDER BY rowid; COMMIT; DETACH made"
        ))?;
        there.close().map_err(|(_, error)| error)
    }
}

impl Stage for Table {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        self.insert(&batch)?;
        Ok(Flow::Continue)
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn close(&mut self) -> Result<(), Error> {
        let Some(connection) = self.connection.take() else { return Ok(()) };
        let done = connection.execute_batch("COMMIT").and_then(|()| connection.close().map_err(|(_, error)| error));
        done.map_err(|error| self.sink.failed(error))?;
        if self.ending.borrow().exit == Exit::Incomplete {
            return Ok(());
        }
        let io = |error| Error::io(format!("cannot write {}", self.sink.name), error);
        // An empty file is a database without tables.
        if self.sink.path.exists() {
            self.commit().map_err(|error| self.sink.failed(error))?;
            return fs::remove_file(&self.partial).map_err(io);
        }
        fs::File::open(&self.partial).and_then(|file| file.sync_all()).and_then(|()| fs::rename(&self.partial, &self.sink.path)).map_err(io)
    }

    fn target(&mut self) -> Option<&mut dyn Stage> {
        None
    }

    fn fail(&mut self, error: &Error) {
        self.failure = Some(error.to_string());
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            // What there is of it can be looked at.
            let _ = connection.execute_batch("COMMIT");
        }
        if self.partial.exists() {
            let why = self.failure.as_ref().map_or(String::new(), |failure| format!(" ({failure})"));
            say!("consumer: {} is not whole{why}; what there is of it is in {}", self.sink.name, self.partial.display());
        }
    }
}
