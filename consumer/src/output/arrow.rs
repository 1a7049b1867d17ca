//! `arrow`: an Apache Arrow IPC stream, as pandas, Polars and DuckDB read it.
//!
//! | type | Arrow type |
//! | --- | --- |
//! | int, float, bool | `Int64`, `Float64`, `Boolean` |
//! | text | `Utf8`; each invalid sequence is U+FFFD, and such values are counted ([`Replaced`]) |
//! | time | `Timestamp(ns, "UTC")`: the moment; the offset it was written with is not in it |
//! | only nulls | `Null` |
//! | mixed | `Utf8`, each value as `print` writes it, which is said |
//!
//! The type of an open field is that of the values that its sample showed. A value that comes later and that the type cannot hold
//! (text among numbers, a whole number beyond 64 bits) is null and counted; text holds any.
//!
//! Rejected for text: `Binary`, which would make every reader cast what is text in almost all logs; and a type that depends on
//! the data, since a stream has said its types before its last record came.
//!
//! A batch that comes is a batch of the stream, without dictionaries, so that workers can encode for themselves.
//!
//! Source: <https://arrow.apache.org/docs/format/Columnar.html#ipc-streaming-format>

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, RecordBatchOptions, StringArray, TimestampNanosecondArray,
    new_null_array,
};
use arrow_buffer::{BooleanBuffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_ipc::writer::{DictionaryTracker, EncodedData, IpcDataGenerator, IpcWriteOptions, write_message};
use arrow_schema::{ArrowError, DataType, Field, Schema as ArrowSchema, TimeUnit};
use recpipe::{Batch, Error, Schema, Type, Value, say};

use super::header::headed;
use crate::{
    expr::{Constant, Operand, Values, Vector},
    language::{Checker, FileSink, FileWord, Parsed, Parser, StageWord, Syntax, Upstream, parsed},
    left_out::{Counter, Why},
    plan::{About, Place, Runs, Sink, Target},
    span::Span,
    writer::{
        Desk, Discard, Format, Notes, Replaced,
        cell::{self, Plain},
    },
};

/// What stands after the last batch: a continuation mark, and a length of zero.
const END_OF_STREAM: [u8; 8] = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];

/// `arrow`.
pub static WORD: StageWord = StageWord {
    about: About {
        name: "arrow",
        syntax: "arrow",
        doc: "an Apache Arrow IPC stream, for pandas, Polars and DuckDB; not for a terminal",
        example: "arrow",
        runs: Runs::Once,
        output: true,
        ..About::PLAIN
    },
    parse,
};

/// A file of this kind.
pub static FILE: FileWord =
    FileWord { extension: "arrows", is_lines: false, sink: FileSink::Bytes(|checker| Arc::new(ArrowSink::new(checker))) };

fn parse(_: &mut Parser<'_>) -> Parsed {
    Ok(parsed(ArrowSyntax))
}

#[derive(Debug)]
struct ArrowSyntax;

impl Syntax for ArrowSyntax {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        let sink = ArrowSink::new(checker);
        checker.push_output(upstream, &WORD, span, Ok(Arc::new(sink)));
    }
}

/// What writes it.
#[derive(Clone, Debug)]
pub(super) struct ArrowSink {
    /// How a query names each field.
    names: Vec<String>,
}

impl ArrowSink {
    /// Of the columns that are in scope.
    pub(super) fn new(checker: &Checker<'_>) -> Self {
        ArrowSink { names: checker.scope.names().map(|name| checker.catalog.field(name).into_owned()).collect() }
    }

    /// Says which columns are written as text by the output of this name, though they are more than that.
    pub(super) fn tell(&self, word: &str, schema: &Schema, desk: &Desk<'_>) {
        let names = self.as_text(schema).join(", ");
        if !names.is_empty() && !desk.calling.quiet {
            say!("consumer: {word}: the values of {names} are of several types, or not known yet: all of them are written as text");
        }
    }

    /// What makes Arrow's arrays of the columns of this schema.
    pub(super) fn arrow(&self, schema: &Schema, notes: &Notes) -> Arrow {
        Arrow::new(schema, &self.names, notes)
    }

    /// Those that are written as text, though they are more than that: their values are of several types.
    fn as_text(&self, schema: &Schema) -> Vec<&str> {
        let fields = schema.fields().iter().zip(&self.names);
        fields.filter(|(field, _)| field.kind == Type::Mixed).map(|(_, name)| name.as_str()).collect()
    }
}

impl Sink for ArrowSink {
    fn place(&self) -> Place<'_> {
        Place::Alone(
            "standard output is a terminal, and `arrow` is not for reading; into a file or a program, as in: consumer arrow > log.arrow",
        )
    }

    fn format(&self, schema: &Arc<Schema>, notes: &Notes) -> Option<Box<dyn Format>> {
        headed(Arrow::new(schema, &self.names, notes), schema, notes)
    }

    fn open(&self, schema: &Arc<Schema>, desk: &Desk<'_>) -> Result<Target, Error> {
        self.tell("arrow", schema, desk);
        self.format(schema, desk.notes).map_or_else(|| Ok(Box::new(Discard) as Target), |format| desk.write(format))
    }
}

/// Batches as Arrow has them, and the stream's bytes.
pub(super) struct Arrow {
    /// Of what it makes.
    pub(super) schema: Arc<ArrowSchema>,
    /// Of each open field, what counts the values that its type cannot hold.
    open: Vec<Option<Counter>>,
    options: IpcWriteOptions,
    replaced: Replaced,
}

impl Arrow {
    fn new(schema: &Schema, names: &[String], notes: &Notes) -> Self {
        let fields: Vec<_> = schema.fields().iter().map(|field| Field::new(&field.name, data_type(field.kind), true)).collect();
        let counter = |(place, field): (usize, &recpipe::Field)| {
            // Fields that come later have no other name in the query.
            let name = names.get(place).unwrap_or(&field.name);
            notes.counter(&field.name, Why::NoRoom, &format!("`let {name} = str({name})` before `arrow` writes all of them as text"))
        };
        Arrow {
            schema: Arc::new(ArrowSchema::new(fields)),
            open: schema.fields().iter().enumerate().map(|field| field.1.open.then(|| counter(field))).collect(),
            options: IpcWriteOptions::default(),
            replaced: notes.replaced.clone(),
        }
    }

    fn put(&self, message: EncodedData, out: &mut Vec<u8>) -> Result<(), Error> {
        write_message(out, message, &self.options).map(drop).map_err(failed)
    }

    /// The records of a batch.
    ///
    /// # Errors
    /// [`Error::Data`] where a column has more text than Arrow's arrays hold.
    pub(super) fn records(&self, batch: &Batch) -> Result<RecordBatch, Error> {
        let columns = cell::columns(batch).into_iter().zip(&self.open).zip(self.schema.fields());
        let arrays = columns.map(|((column, open), field)| {
            let kind = field.data_type();
            self.array(open.as_ref().map_or(Ok(column.clone()), |counter| fitting(column, kind, counter, batch))?, kind)
        });
        let arrays = arrays.collect::<Result<_, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.len()));
        RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options).map_err(failed)
    }

    fn array(&self, column: Vector, kind: &DataType) -> Result<ArrayRef, Error> {
        let len = column.len;
        let nulls = column.nulls.map(|nulls| NullBuffer::new(BooleanBuffer::collect_bool(len, |row| !nulls[row])));
        Ok(match column.values {
            // Those that are neither of nulls nor open were brought into the form of their type.
            Values::Null | Values::Wide(_) | Values::Mixed(_) => new_null_array(kind, len),
            Values::Bool(values) => Arc::new(BooleanArray::new(BooleanBuffer::collect_bool(len, |row| values.get(row)), nulls)),
            Values::Int(values) => Arc::new(Int64Array::new(ScalarBuffer::from(values.into_vec(len)), nulls)),
            Values::Float(values) => Arc::new(Float64Array::new(ScalarBuffer::from(values.into_vec(len)), nulls)),
            Values::Time(values) => {
                let moments: Vec<i64> = (0..len).map(|row| values.get(row).nanos).collect();
                Arc::new(TimestampNanosecondArray::new(ScalarBuffer::from(moments), nulls).with_data_type(kind.clone()))
            }
            Values::Text(texts) => {
                let cells =
                    || (0..len).map(|row| if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) { &[][..] } else { texts.get(row) });
                let (bytes, offsets) = joined(cells())?;
                match StringArray::try_new(offsets, bytes.into(), nulls.clone()) {
                    Ok(array) => Arc::new(array),
                    // Some text is not UTF-8: one by one.
                    Err(_) => {
                        let lossy: Vec<_> = cells().map(String::from_utf8_lossy).collect();
                        self.replaced.add(cells().filter(|cell| std::str::from_utf8(cell).is_err()).count() as u64);
                        let (bytes, offsets) = joined(lossy.iter().map(|text| text.as_bytes()))?;
                        Arc::new(StringArray::try_new(offsets, bytes.into(), nulls).map_err(failed)?)
                    }
                }
            }
        })
    }
}

impl Format for Arrow {
    fn header(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        let mut dictionaries = DictionaryTracker::new(false);
        let message = IpcDataGenerator::default().schema_to_bytes_with_dictionary_tracker(&self.schema, &mut dictionaries, &self.options);
        self.put(message, out)
    }

    fn batch(&self, batch: &Batch, out: &mut Vec<u8>) -> Result<(), Error> {
        if batch.is_empty() {
            return Ok(());
        }
        let records = self.records(batch)?;
        let (generator, mut dictionaries) = (IpcDataGenerator::default(), DictionaryTracker::new(false));
        let (_, message) = generator.encode(&records, &mut dictionaries, &self.options, &mut Default::default()).map_err(failed)?;
        self.put(message, out)
    }

    fn footer(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&END_OF_STREAM);
    }
}

fn data_type(kind: Type) -> DataType {
    match kind {
        Type::Null => DataType::Null,
        Type::Bool => DataType::Boolean,
        Type::Int => DataType::Int64,
        Type::Float => DataType::Float64,
        Type::Time => DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())),
        Type::Text | Type::Mixed => DataType::Utf8,
    }
}

/// The values of an open field as those of a type: what cannot be one is null, and noted.
fn fitting(column: Vector, kind: &DataType, counter: &Counter, batch: &Batch) -> Result<Vector, Error> {
    if matches!(
        (&column.values, kind),
        (Values::Null, _)
            | (Values::Bool(_), DataType::Boolean)
            | (Values::Int(_), DataType::Int64)
            | (Values::Float(_), DataType::Float64)
            | (Values::Time(_), DataType::Timestamp(..))
            | (Values::Text(_), DataType::Utf8)
    ) {
        return Ok(column);
    }
    if *kind == DataType::Utf8 {
        return written(&column);
    }
    let fits = |value: &Value<'_>| match (kind, value) {
        (DataType::Int64, Value::Int(value)) => i64::try_from(*value).is_ok(),
        // A whole number that a float holds exactly.
        (DataType::Float64, Value::Int(value)) => (*value as f64) as i128 == *value,
        (DataType::Float64, Value::Float(_)) | (DataType::Boolean, Value::Bool(_)) | (DataType::Timestamp(..), Value::Time(_)) => true,
        (_, value) => matches!(value, Value::Null),
    };
    let (mut count, mut first) = (0, None);
    let fitting = (0..column.len).map(|row| match column.value(row) {
        value if fits(&value) => value,
        _ => {
            count += 1;
            first.get_or_insert(row);
            Value::Null
        }
    });
    let fitting = Vector::collect(fitting)?;
    if let Some(row) = first {
        counter.note(batch, count, row, || Constant::of(&column.value(row)).to_string());
    }
    Ok(if *kind == DataType::Float64 { floats(fitting) } else { fitting })
}

/// Numbers as floats.
fn floats(numbers: Vector) -> Vector {
    if !matches!(numbers.values, Values::Mixed(_)) {
        return numbers.into_float();
    }
    let float = |row| match numbers.value(row) {
        Value::Int(value) => value as f64,
        Value::Float(value) => value,
        _ => 0.0,
    };
    let values = Values::Float(Operand::Each((0..numbers.len).map(float).collect()));
    Vector { values, ..numbers }
}

/// Each value as text, as `print` writes it.
fn written(column: &Vector) -> Result<Vector, Error> {
    let mut lines = Vec::new();
    let ends: Vec<usize> = (0..column.len)
        .map(|row| {
            cell::put(column, row, &Plain, &mut lines);
            lines.len()
        })
        .collect();
    let starts = std::iter::once(0).chain(ends.iter().copied());
    let text = |(row, (start, end)): (usize, (usize, &usize))| {
        if column.is_null(row) { Value::Null } else { Value::Text(&lines[start..*end]) }
    };
    Vector::collect(starts.zip(&ends).enumerate().map(text))
}

/// All texts behind each other, and where each ends.
fn joined<'a>(texts: impl Iterator<Item = &'a [u8]> + Clone) -> Result<(Vec<u8>, OffsetBuffer<i32>), Error> {
    let total = texts.clone().fold(0_usize, |total, text| total.saturating_add(text.len()));
    if i32::try_from(total).is_err() {
        return Err(Error::Data(format!("arrow: a batch with {total} bytes of text in one column; the limit is {}", i32::MAX)));
    }
    let (mut bytes, mut offsets) = (Vec::with_capacity(total), vec![0_i32]);
    for text in texts {
        bytes.extend_from_slice(text);
        offsets.push(bytes.len() as i32);
    }
    Ok((bytes, OffsetBuffer::new(ScalarBuffer::from(offsets))))
}

fn failed(error: ArrowError) -> Error {
    Error::Data(format!("arrow: {error}"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Array, cast::AsArray, types::*};
    use arrow_ipc::reader::StreamReader;
    use recpipe::{Batch, BatchBuilder, Field, Schema, Time, Type, Value};

    use super::{Arrow, Format, Notes};
    use crate::left_out::LeftOut;

    fn names(schema: &Schema) -> Vec<String> {
        schema.names().map(str::to_owned).collect()
    }

    fn batch() -> Batch {
        let kinds = [
            ("t", Type::Text),
            ("i", Type::Int),
            ("f", Type::Float),
            ("when", Type::Time),
            ("ok", Type::Bool),
            ("nothing", Type::Null),
            ("void", Type::Text),
        ];
        let schema = Schema::new(kinds.map(|(name, kind)| Field::new(name, kind)).into()).unwrap();
        let mut builder = BatchBuilder::new(Arc::new(schema));
        let time = Value::Time(Time { nanos: i64::MAX, offset_s: 3600 });
        let null = Value::Null;
        builder
            .push(&[Value::Text("é".as_bytes()), Value::Int(i64::MIN.into()), Value::Float(0.1), time, Value::Bool(true), null, null])
            .unwrap();
        // Together they are UTF-8, each by itself is not.
        builder.push(&[Value::Text(b"\xc3"), null, Value::Float(f64::NAN), null, null, null, null]).unwrap();
        builder.push(&[Value::Text(b"\xa9"), null, null, null, Value::Bool(false), null, null]).unwrap();
        builder.push(&[null, Value::Int(7), null, null, null, null, null]).unwrap();
        builder.push(&[Value::Text(b""), Value::Int(-7), null, null, null, null, null]).unwrap();
        builder.finish().unwrap()
    }

    fn stream(batches: &[Batch], schema: &Schema) -> (Vec<u8>, u64) {
        let notes = Notes::default();
        let format = Arrow::new(schema, &names(schema), &notes);
        let mut out = Vec::new();
        format.header(&mut out).unwrap();
        batches.iter().for_each(|batch| format.batch(batch, &mut out).unwrap());
        format.footer(&mut out);
        (out, notes.replaced.count())
    }

    #[test]
    fn reads_back() {
        let batch = batch();
        let (bytes, replaced) = stream(&[batch.clone(), batch.select(vec![]), batch.select(vec![4, 0])], batch.schema());
        assert_eq!(replaced, 2);
        let read = StreamReader::try_new(&bytes[..], None).unwrap().collect::<Result<Vec<_>, _>>().unwrap();
        let [first, second] = &read[..] else { panic!("{} batches", read.len()) };
        let text = first.column(0).as_string::<i32>();
        assert_eq!(text.iter().collect::<Vec<_>>(), [Some("é"), Some("\u{fffd}"), Some("\u{fffd}"), None, Some("")]);
        let ints = first.column(1).as_primitive::<Int64Type>();
        assert_eq!(ints.iter().collect::<Vec<_>>(), [Some(i64::MIN), None, None, Some(7), Some(-7)]);
        let floats = first.column(2).as_primitive::<Float64Type>();
        assert!(floats.value(0) == 0.1 && floats.value(1).is_nan() && floats.null_count() == 3);
        let times = first.column(3).as_primitive::<TimestampNanosecondType>();
        assert_eq!((times.value(0), times.null_count(), times.timezone()), (i64::MAX, 4, Some("UTC")));
        assert_eq!(first.column(4).as_boolean().iter().collect::<Vec<_>>(), [Some(true), None, Some(false), None, None]);
        assert_eq!((first.column(5).len(), first.column(6).null_count()), (5, 5));
        assert_eq!(second.column(0).as_string::<i32>().iter().collect::<Vec<_>>(), [Some(""), Some("é")]);
    }

    #[test]
    fn no_records_and_no_fields() {
        let batch = batch();
        let (bytes, _) = stream(&[], batch.schema());
        let mut reader = StreamReader::try_new(&bytes[..], None).unwrap();
        assert_eq!((reader.schema().fields().len(), reader.next().is_none()), (7, true));
        let bare = Batch::new(Arc::new(Schema::new(vec![]).unwrap()), vec![], 3, Default::default()).unwrap();
        let (bytes, _) = stream(std::slice::from_ref(&bare), bare.schema());
        assert_eq!(StreamReader::try_new(&bytes[..], None).unwrap().next().unwrap().unwrap().num_rows(), 3);
    }
    #[test]
    fn open_fields_are_of_the_type_that_was_said() {
        let kinds = [("i", Type::Int), ("f", Type::Float), ("t", Type::Text), ("m", Type::Mixed), ("ok", Type::Bool)];
        let schema = Schema::new(kinds.map(|(name, kind)| recpipe::Field::open(name, kind)).into()).unwrap();
        let mut builder = BatchBuilder::new(Arc::new(schema));
        let (wide, odd) = (Value::Int(1 << 70), Value::Int((1 << 60) + 1));
        builder.push(&[Value::Int(1), Value::Float(0.5), Value::Text(b"x"), Value::Bool(true), Value::Bool(false)]).unwrap();
        builder.push(&[wide, Value::Int(3), Value::Int(5), Value::Text(b"w"), Value::Null]).unwrap();
        builder.push(&[Value::Text(b"n/a"), odd, Value::Null, wide, Value::Text(b"no")]).unwrap();
        let batch = builder.finish().unwrap();
        let left_out = LeftOut::default();
        let format = Arrow::new(batch.schema(), &names(batch.schema()), &Notes::new(left_out.clone()));
        let mut out = Vec::new();
        format.header(&mut out).unwrap();
        format.batch(&batch, &mut out).unwrap();
        format.footer(&mut out);
        let read = StreamReader::try_new(&out[..], None).unwrap().next().unwrap().unwrap();
        let ints = read.column(0).as_primitive::<Int64Type>();
        assert_eq!(ints.iter().collect::<Vec<_>>(), [Some(1), None, None]);
        assert_eq!(read.column(1).as_primitive::<Float64Type>().iter().collect::<Vec<_>>(), [Some(0.5), Some(3.0), None]);
        assert_eq!(read.column(2).as_string::<i32>().iter().collect::<Vec<_>>(), [Some("x"), Some("5"), None]);
        let mixed = read.column(3).as_string::<i32>();
        assert_eq!(mixed.iter().collect::<Vec<_>>(), [Some("true"), Some("w"), Some("1180591620717411303424")]);
        assert_eq!(read.column(4).as_boolean().iter().collect::<Vec<_>>(), [Some(false), None, None]);
        left_out.settle_all();
        let said: Vec<_> = left_out.summaries().iter().map(|summary| (summary.what.to_string(), summary.count)).collect();
        assert_eq!(said, [("f".to_owned(), 1), ("i".to_owned(), 2), ("ok".to_owned(), 1)]);
    }
}
