//! How answers are written: one output per file, which is all of it; [`Sinks`] opens those of a run.
//!
//! What they stand on, formats, printers and canvases, is in [`crate::writer`]. `table`, `record` and `chart` have to see records before they
//! can write the first: they are pictures, stages of their own, and on a terminal they are drawn again and again while records come.

#[cfg(feature = "arrow")]
pub mod arrow;
pub mod chart;
#[cfg(feature = "arrow")]
pub mod columnar;
pub mod csv;
mod delimited;
pub mod emit;
mod file_name;
mod header;
pub mod json;
mod layout;
pub(crate) mod markdown;
mod meaning;
pub mod null;
mod pages;
pub mod pickle;
pub mod picture;
pub mod print;
pub mod record;
mod rows;
pub mod serve;
mod shown;
mod sinks;
mod sparkline;
mod sparklines;
mod split;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;
pub mod table;
pub mod tsv;
mod unopened;
pub mod write;

use std::sync::Arc;

pub use sinks::{OpenOutput, Sinks};

use crate::plan::Output;

/// The output of a query that names none: a table on a terminal, JSON elsewhere.
pub fn default(terminal: bool) -> Output {
    match terminal {
        true => Output { about: &table::WORD.about, sink: Arc::new(table::TableSink::TABLE) },
        false => Output { about: &json::WORD.about, sink: Arc::new(json::JsonSink) },
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use recpipe::{Batch, BatchBuilder, Field, Schema, Time, Type, Value};

    use super::print::{Piece, TemplateSink};
    use crate::{plan::Sink, time::format_spec::FormatSpec, writer::Notes};

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
    fn check(sink: &dyn Sink, expect: &[u8]) {
        let batch = batch();
        let format = sink.format(batch.schema(), &Notes::default()).unwrap();
        let mut out = Vec::new();
        format.header(&mut out).unwrap();
        format.batch(&batch, &mut out).unwrap();
        assert_eq!(String::from_utf8_lossy(&out), String::from_utf8_lossy(expect));
        assert_eq!(out, expect);
    }

    #[test]
    fn json_is_valid_and_keeps_integers() {
        check(
            &super::json::JsonSink,
            "{\"a\":\"x,\\\"y\\\"\\tz\\\\\",\"b \\\"c\\\"\":-9223372036854775808,\"f\":1.0,\"t\":\"1970-01-01T01:00:00+01:00\",\"ok\":true}\n\
             {\"a\":\"\u{fffd}\\u0001\\nq\",\"b \\\"c\\\"\":null,\"f\":null,\"t\":null,\"ok\":null}\n\
             {\"a\":null,\"b \\\"c\\\"\":7,\"f\":null,\"t\":null,\"ok\":false}\n"
                .as_bytes(),
        );
    }

    #[test]
    fn csv_is_rfc_4180() {
        check(
            &super::csv::CsvSink::default(),
            b"a,\"b \"\"c\"\"\",f,t,ok\n\"x,\"\"y\"\"\tz\\\",-9223372036854775808,1.0,1970-01-01T01:00:00+01:00,true\n\"\xff\x01\nq\",,NaN,,\n,7,,,false\n",
        );
    }

    #[test]
    fn tsv_escapes_what_would_break_it() {
        check(
            &super::tsv::TsvSink,
            b"a\tb \"c\"\tf\tt\tok\nx,\"y\"\\tz\\\\\t-9223372036854775808\t1.0\t1970-01-01T01:00:00+01:00\ttrue\n\xff\x01\\nq\t\tNaN\t\t\n\t7\t\t\tfalse\n",
        );
    }

    #[test]
    fn print_passes_bytes_through() {
        check(
            &super::print::FieldsSink,
            b"x,\"y\"\tz\\\t-9223372036854775808\t1.0\t1970-01-01T01:00:00+01:00\ttrue\n\xff\x01\nq\t\tNaN\t\t\n\t7\t\t\tfalse\n",
        );
    }

    #[test]
    fn what_is_no_utf_8_is_counted() {
        let (batch, notes) = (batch(), Notes::default());
        let format = super::json::JsonSink.format(batch.schema(), &notes).unwrap();
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
        check(&TemplateSink(pieces), b"<x,|-92233720368547758081.00   true  >\n<\xff\x01|   NaN          >\n<|  7       false >\n");
    }
}
