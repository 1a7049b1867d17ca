//! How answers are written: one format per file.
//!
//! A [`Format`] turns batches into bytes and holds no state, so that workers can do it in parallel; a [`Printer`] puts
//! the bytes on standard output, in order. `table` and `chart` have to see records before they can write the first: they
//! are pictures, stages of their own, and on a terminal they are drawn again and again while records come.

#[cfg(feature = "arrow")]
mod arrow;
mod chart;
mod csv;
mod delimited;
mod emit;
mod header;
mod layout;
mod outlets;
mod print;
mod sparkline;
mod table;
mod tsv;

use std::{cell::RefCell, rc::Rc, sync::Arc};

use recpipe::{Batch, Error, Flow, Schema, Stage};

pub use chart::Chart;
pub use emit::{Calling, Emit};
pub use outlets::{Outlet, Outlets};
pub use table::Table;

use self::header::{HeadedFormat, HeadedStage, Header};
use crate::{
    plan::Output,
    writer::{Canvas, Format, Notes, Printer, json},
};

/// The format of an output for records of this schema; `None` for those that are none: pictures, `emit` and `null`. `notes` are
/// taken of the values that it cannot write as they are.
pub fn format(output: &Output, schema: &Arc<Schema>, notes: &Notes) -> Option<Box<dyn Format>> {
    let format: Box<dyn Format> = match output {
        Output::Print(Some(pieces)) => return Some(Box::new(print::Template::new(pieces.clone(), schema))),
        Output::Json => return Some(Box::new(json::Json::new(&notes.replaced))),
        Output::Write { output, .. } => return self::format(output, schema, notes),
        Output::Print(None) => Box::new(print::fields()),
        Output::Csv => Box::new(csv::csv(schema)),
        Output::Tsv => Box::new(tsv::tsv(schema)),
        #[cfg(feature = "arrow")]
        Output::Arrow => Box::new(arrow::Arrow::new(schema, notes)),
        #[cfg(not(feature = "arrow"))]
        Output::Arrow => return None,
        Output::Table | Output::Chart(_) | Output::Emit | Output::EmitTo(_) | Output::Null => return None,
    };
    if !schema.grows() {
        return Some(format);
    }
    Some(Box::new(HeadedFormat { header: Header::new(schema, Some(notes)), format }))
}

/// Says which fields `arrow` writes as text, though they are more than that: their values are of several types.
fn say_what_is_text(schema: &Schema) {
    #[cfg(feature = "arrow")]
    {
        let names = crate::catalog::CATALOG.fields(arrow::as_text(schema));
        if !names.is_empty() {
            recpipe::say!("consumer: arrow: the values of {names} are of several types, or not known yet: all of them are written as text");
        }
    }
    let _ = schema;
}

/// Whether an output has to see records before it can write the first, and is drawn meanwhile.
pub fn is_picture(output: &Output) -> bool {
    matches!(output, Output::Table | Output::Chart(_))
}

/// The picture that an output is of records of this schema; `None` for what is none.
pub fn picture(output: &Output, schema: &Arc<Schema>, canvas: &Canvas, notes: &Notes) -> Option<Box<dyn Stage>> {
    let stage: Box<dyn Stage> = match output {
        Output::Table => Box::new(Table::new(schema, canvas.clone())),
        Output::Chart(value) => Box::new(Chart::new(*value, schema, canvas.clone())),
        _ => return None,
    };
    Some(Box::new(HeadedStage { header: Header::new(schema, Some(notes)), stage }))
}

/// The same, drawn when it is closed, until what is drawn or written next takes its place. So many records more do not come.
pub fn picture_for_now(output: &Output, schema: &Arc<Schema>, canvas: &Canvas, more: u64) -> Option<Box<dyn Stage>> {
    let stage: Box<dyn Stage> = match output {
        Output::Table => Box::new(Table::for_now(schema, canvas.clone(), more)),
        Output::Chart(value) => Box::new(Chart::for_now(*value, schema, canvas.clone(), more)),
        _ => return None,
    };
    Some(Box::new(HeadedStage { header: Header::new(schema, None), stage }))
}

/// The last stage of a chain: formats what it gets and prints it.
pub struct Written {
    format: Box<dyn Format>,
    printer: Rc<RefCell<Printer>>,
    is_begun: bool,
    buffer: Vec<u8>,
}

impl Written {
    /// The header is written with the first records, or at the end: those of several outputs in one place are then where
    /// their records are. [`Written::begin`] writes it at once.
    pub fn new(format: Box<dyn Format>, printer: Rc<RefCell<Printer>>) -> Self {
        Written { format, printer, is_begun: false, buffer: Vec::new() }
    }

    /// Writes the header, if that is still to be done.
    ///
    /// # Errors
    /// [`Error::Io`] when the output cannot be written, and those of [`Format::header`].
    pub fn begin(&mut self) -> Result<(), Error> {
        if std::mem::replace(&mut self.is_begun, true) {
            return Ok(());
        }
        let mut header = Vec::new();
        self.format.header(&mut header)?;
        self.printer.borrow_mut().write(&header)
    }
}

impl Stage for Written {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        self.begin()?;
        self.buffer.clear();
        self.format.batch(&batch, &mut self.buffer)?;
        self.printer.borrow_mut().write(&self.buffer)?;
        Ok(Flow::Continue)
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.printer.borrow_mut().flush()
    }

    fn close(&mut self) -> Result<(), Error> {
        self.begin()?;
        self.buffer.clear();
        self.format.footer(&mut self.buffer);
        self.printer.borrow_mut().write(&self.buffer)?;
        self.flush()
    }
}

/// Counts and discards.
pub struct Null;

impl Stage for Null {
    fn send(&mut self, _: Batch) -> Result<Flow, Error> {
        Ok(Flow::Continue)
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn close(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use recpipe::{Batch, BatchBuilder, Field, Schema, Time, Type, Value};

    use super::format;
    use crate::{
        plan::{Output, Piece},
        time::format_spec::FormatSpec,
        writer::Notes,
    };

    fn batch() -> Batch {
        let schema = Schema::new(vec![
            Field::new("a", Type::Text),
            Field::new("b \"c\"", Type::Int),
            Field::new("f", Type::Float),
            Field::new("t", Type::Time),
            Field::new("ok", Type::Bool),
        ]);
        let mut builder = BatchBuilder::new(Arc::new(schema.unwrap()));
        let time = Value::Time(Time { nanos: 0, offset_s: 3600 });
        builder.push(&[Value::Text(b"x,\"y\"\tz\\"), Value::Int(i64::MIN.into()), Value::Float(1.0), time, Value::Bool(true)]).unwrap();
        builder.push(&[Value::Text(b"\xff\x01\nq"), Value::Null, Value::Float(f64::NAN), Value::Null, Value::Null]).unwrap();
        builder.push(&[Value::Null, Value::Int(7), Value::Null, Value::Null, Value::Bool(false)]).unwrap();
        builder.finish().unwrap()
    }

    #[track_caller]
    fn check(output: Output, expect: &[u8]) {
        let batch = batch();
        let format = format(&output, batch.schema(), &Notes::default()).unwrap();
        let mut out = Vec::new();
        format.header(&mut out).unwrap();
        format.batch(&batch, &mut out).unwrap();
        assert_eq!(String::from_utf8_lossy(&out), String::from_utf8_lossy(expect));
        assert_eq!(out, expect);
    }

    #[test]
    fn json_is_valid_and_keeps_integers() {
        check(
            Output::Json,
            "{\"a\":\"x,\\\"y\\\"\\tz\\\\\",\"b \\\"c\\\"\":-9223372036854775808,\"f\":1.0,\"t\":\"1970-01-01T01:00:00+01:00\",\"ok\":true}\n\
             {\"a\":\"\u{fffd}\\u0001\\nq\",\"b \\\"c\\\"\":null,\"f\":null,\"t\":null,\"ok\":null}\n\
             {\"a\":null,\"b \\\"c\\\"\":7,\"f\":null,\"t\":null,\"ok\":false}\n"
                .as_bytes(),
        );
    }

    #[test]
    fn csv_is_rfc_4180() {
        check(
            Output::Csv,
            b"a,\"b \"\"c\"\"\",f,t,ok\n\"x,\"\"y\"\"\tz\\\",-9223372036854775808,1.0,1970-01-01T01:00:00+01:00,true\n\"\xff\x01\nq\",,NaN,,\n,7,,,false\n",
        );
    }

    #[test]
    fn tsv_escapes_what_would_break_it() {
        check(
            Output::Tsv,
            b"a\tb \"c\"\tf\tt\tok\nx,\"y\"\\tz\\\\\t-9223372036854775808\t1.0\t1970-01-01T01:00:00+01:00\ttrue\n\xff\x01\\nq\t\tNaN\t\t\n\t7\t\t\tfalse\n",
        );
    }

    #[test]
    fn print_passes_bytes_through() {
        check(
            Output::Print(None),
            b"x,\"y\"\tz\\\t-9223372036854775808\t1.0\t1970-01-01T01:00:00+01:00\ttrue\n\xff\x01\nq\t\tNaN\t\t\n\t7\t\t\tfalse\n",
        );
    }

    #[test]
    fn what_is_no_utf_8_is_counted() {
        let (batch, notes) = (batch(), Notes::default());
        let format = format(&Output::Json, batch.schema(), &notes).unwrap();
        format.batch(&batch, &mut Vec::new()).unwrap();
        format.batch(&batch, &mut Vec::new()).unwrap();
        assert_eq!(notes.replaced.count(), 2);
    }

    #[test]
    fn templates_align_and_cut() {
        let column = |place, format: &str| Piece::Column { place, format: FormatSpec::parse(format).unwrap() };
        let pieces = vec![
            Piece::Text("<".into()),
            column(0, ".2"),
            Piece::Text("|".into()),
            column(1, "3"),
            column(2, "<6.2"),
            column(4, "^7"),
            Piece::Text(">".into()),
        ];
        check(Output::Print(Some(pieces)), b"<x,|-92233720368547758081.00   true  >\n<\xff\x01|   NaN          >\n<|  7       false >\n");
    }
}
