//! `write "x.arrow"` and `write "x.parquet"`: files of columns, with a directory at their end. An Arrow file (Feather 2) is the stream
//! of `arrow` with such a directory; its types are those of `super::arrow`, and so are those of Parquet, which is compressed by
//! snappy, as every reader knows it.
//!
//! A batch that comes is a record batch of an Arrow file. Those of Parquet are gathered into row groups of at most
//! `GROUP_BYTES` or a million records, which is what is held in memory.
//!
//! Source: <https://arrow.apache.org/docs/format/Columnar.html#ipc-file-format>, <https://parquet.apache.org/docs/file-format/>

use std::{cell::RefCell, rc::Rc, sync::Arc};

use arrow_array::RecordBatch;
use arrow_ipc::writer::FileWriter;
use parquet::{arrow::ArrowWriter, basic::Compression, file::properties::WriterProperties};
use recpipe::{Batch, Error, Flow, Schema, Stage};

use super::{
    arrow::{Arrow, ArrowSink},
    header::headed_picture,
};
use crate::{
    language::{FileSink, FileWord},
    plan::{Place, Sink, Target},
    writer::{Desk, Printer},
};

/// A file of Arrow's.
pub static ARROW: FileWord = FileWord {
    extension: "arrow",
    is_lines: false,
    sink: FileSink::Bytes(|checker| Arc::new(ColumnarSink { form: Form::Arrow, columns: ArrowSink::new(checker) })),
};

/// A file of Parquet.
pub static PARQUET: FileWord = FileWord {
    extension: "parquet",
    is_lines: false,
    sink: FileSink::Bytes(|checker| Arc::new(ColumnarSink { form: Form::Parquet, columns: ArrowSink::new(checker) })),
};

/// What a row group of Parquet takes at most, while it is gathered.
const GROUP_BYTES: usize = 64 << 20;

/// Which of the two.
#[derive(Clone, Copy, Debug)]
enum Form {
    Arrow,
    Parquet,
}

/// What writes it.
#[derive(Clone, Debug)]
struct ColumnarSink {
    form: Form,
    columns: ArrowSink,
}

impl Sink for ColumnarSink {
    fn place(&self) -> Place<'_> {
        self.columns.place()
    }

    fn open(&self, schema: &Arc<Schema>, desk: &Desk<'_>) -> Result<Target, Error> {
        let name = match self.form {
            Form::Arrow => "arrow",
            Form::Parquet => "parquet",
        };
        self.columns.tell(name, schema, desk);
        let arrow = self.columns.arrow(schema, desk.notes);
        let writer = match self.form {
            Form::Arrow => FileWriter::try_new(Vec::new(), &arrow.schema).map(Writer::Arrow).map_err(|error| failed(name, error))?,
            Form::Parquet => {
                let properties =
                    WriterProperties::builder().set_compression(Compression::SNAPPY).set_max_row_group_bytes(Some(GROUP_BYTES));
                let made = ArrowWriter::try_new(Vec::new(), arrow.schema.clone(), Some(properties.build()));
                Writer::Parquet(Box::new(made.map_err(|error| failed(name, error))?))
            }
        };
        let stage = Columnar { arrow, writer, name, printer: desk.printer.clone() };
        Ok(headed_picture(stage, schema, Some(desk.notes)))
    }
}

/// Writes the bytes of a file, which are taken away as they come.
enum Writer {
    Arrow(FileWriter<Vec<u8>>),
    Parquet(Box<ArrowWriter<Vec<u8>>>),
}

struct Columnar {
    arrow: Arrow,
    writer: Writer,
    name: &'static str,
    printer: Rc<RefCell<Printer>>,
}

impl Columnar {
    fn write(&mut self, records: &RecordBatch) -> Result<(), Error> {
        match &mut self.writer {
            Writer::Arrow(writer) => writer.write(records).map_err(|error| failed(self.name, error)),
            Writer::Parquet(writer) => writer.write(records).map_err(|error| failed(self.name, error)),
        }
    }

    /// Hands on the bytes that were made.
    fn drain(&mut self) -> Result<(), Error> {
        let bytes = match &mut self.writer {
            Writer::Arrow(writer) => std::mem::take(writer.get_mut()),
            Writer::Parquet(writer) => {
                writer.sync().map_err(|error| failed(self.name, error))?;
                std::mem::take(writer.inner_mut())
            }
        };
        self.printer.borrow_mut().write(&bytes)
    }
}

impl Stage for Columnar {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        if !batch.is_empty() {
            let records = self.arrow.records(&batch)?;
            self.write(&records)?;
            self.drain()?;
        }
        Ok(Flow::Continue)
    }

    /// What was gathered of a row group goes on being gathered.
    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn close(&mut self) -> Result<(), Error> {
        match &mut self.writer {
            Writer::Arrow(writer) => writer.finish().map_err(|error| failed(self.name, error))?,
            Writer::Parquet(writer) => drop(writer.finish().map_err(|error| failed(self.name, error))?),
        }
        // The directory is behind what `sync` would bring, which a finished writer refuses.
        let bytes = match &mut self.writer {
            Writer::Arrow(writer) => std::mem::take(writer.get_mut()),
            Writer::Parquet(writer) => std::mem::take(writer.inner_mut()),
        };
        let mut printer = self.printer.borrow_mut();
        printer.write(&bytes)?;
        printer.flush()
    }

    fn target(&mut self) -> Option<&mut dyn Stage> {
        None
    }
}

fn failed(name: &str, error: impl std::fmt::Display) -> Error {
    Error::Data(format!("{name}: {error}"))
}
