//! Batches and streams that tests are about, and what is read of a stream.

use std::{
    io::{self, Read},
    sync::Arc,
};

use proptest::prelude::*;
use recpipe::{
    Batch, Bits, Column, ColumnBuilder, Error, Exit, Field, Origin, PackedInts, Schema, Text, Time, Type, Value,
    record::{Places, column::Values},
    wire::{Ending, Incoming, Reader, Warning, Writer},
};

/// Gives at most `step` bytes at a time.
pub struct Trickle<'a>(pub &'a [u8], pub usize);

impl Read for Trickle<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let step = self.1.min(into.len());
        self.0.read(&mut into[..step])
    }
}

/// All that a stream holds, up to its end or its first error.
pub fn read(input: impl Read) -> (Vec<Batch>, Vec<Warning>, Result<Ending, Error>) {
    let (mut batches, mut reports) = (Vec::new(), Vec::new());
    let mut reader = match Reader::new(input) {
        Ok(reader) => reader,
        Err(error) => return (batches, reports, Err(error)),
    };
    loop {
        match reader.read() {
            Ok(Some(Incoming::Batch(raw))) => match raw.decode() {
                Ok(batch) => batches.push(batch),
                Err(error) => return (batches, reports, Err(error)),
            },
            Ok(Some(Incoming::Schema(_))) => {}
            Ok(Some(Incoming::Warning(warning))) => reports.push(warning),
            Ok(Some(Incoming::End(ending))) => {
                assert!(reader.read().unwrap().is_none(), "nothing follows the end");
                return (batches, reports, Ok(ending));
            }
            Ok(None) => panic!("None before the end"),
            Err(error) => return (batches, reports, Err(error)),
        }
    }
}

/// A stream of these batches.
pub fn write(batches: &[Batch], ending: &Ending) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = Writer::new(&mut out).unwrap();
    for batch in batches {
        writer.batch(batch).unwrap();
    }
    writer.finish(ending).unwrap();
    out
}

/// A value, or none.
#[derive(Clone, Debug)]
pub enum Cell {
    Missing,
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Time(i64, i32),
    Text(Vec<u8>),
}

impl Cell {
    fn value(&self) -> Value<'_> {
        match self {
            Cell::Missing | Cell::Null => Value::Null,
            Cell::Bool(value) => Value::Bool(*value),
            Cell::Int(value) => Value::Int(*value),
            Cell::Float(value) => Value::Float(*value),
            Cell::Time(nanos, offset_s) => Value::Time(Time { nanos: *nanos, offset_s: *offset_s }),
            Cell::Text(text) => Value::Text(text),
        }
    }
}

const KINDS: [Type; 7] = [Type::Null, Type::Bool, Type::Int, Type::Float, Type::Time, Type::Text, Type::Mixed];

fn cell(kind: Type) -> BoxedStrategy<Cell> {
    let value = match kind {
        Type::Null => Just(Cell::Null).boxed(),
        Type::Bool => any::<bool>().prop_map(Cell::Bool).boxed(),
        Type::Int => prop_oneof![any::<i64>(), 0..300_i64].prop_map(|value| Cell::Int(value.into())).boxed(),
        Type::Float => any::<f64>().prop_map(Cell::Float).boxed(),
        Type::Time => (any::<i64>(), -50_000..50_000).prop_map(|(nanos, offset)| Cell::Time(nanos, offset)).boxed(),
        Type::Text => prop::collection::vec(any::<u8>(), 0..20).prop_map(Cell::Text).boxed(),
        Type::Mixed => {
            let others = KINDS[1..6].iter().map(|kind| cell(*kind)).chain([any::<i128>().prop_map(Cell::Int).boxed()]);
            proptest::strategy::Union::new(others).boxed()
        }
    };
    prop_oneof![6 => value, 1 => Just(Cell::Null), 1 => Just(Cell::Missing)].boxed()
}

/// A field: of a type whose promise holds, or an open one that may hold more.
pub fn field(name: usize, kind: Type, open: bool) -> Field {
    let name = format!("f{name}");
    if open { Field::open(name, kind) } else { Field::new(name, kind) }
}

/// A batch of these rows.
pub fn build(fields: Vec<Field>, rows: &[Vec<Cell>]) -> Batch {
    let column = |(i, field): (usize, &Field)| {
        let mut builder = ColumnBuilder::of(field);
        for row in rows {
            match &row[i] {
                Cell::Missing => builder.push_missing().unwrap(),
                cell => builder.push(cell.value()).unwrap(),
            }
        }
        builder.finish()
    };
    let columns = fields.iter().enumerate().map(column).collect();
    Batch::new(Arc::new(Schema::new(fields).unwrap()), columns, rows.len(), ORIGIN()).unwrap()
}

/// Where the batches come from.
pub const ORIGIN: fn() -> Origin = || Origin { source: "a/log".into(), start: 3, end: 99, line: 7, order: 0 };

/// Places that are told in one of the ways that there are.
fn places(told: u8, known: &[i64]) -> Places {
    let lines = PackedInts::pack(known);
    match told {
        0 => Places::Unknown,
        1 => Places::Lines(lines),
        2 => Places::Whole {
            shown: known.len().is_multiple_of(2),
            lines,
            starts: PackedInts::pack(&known.iter().map(|line| line * 3).collect::<Vec<_>>()),
        },
        _ => Places::Nowhere,
    }
}

/// A batch of up to six columns and thirty records, of which some may be selected, in any order.
pub fn batch() -> impl Strategy<Value = Batch> {
    let kinds = prop::collection::vec((prop::sample::select(&KINDS[..]), any::<bool>()), 0..6);
    let rows = kinds.prop_flat_map(|kinds| {
        let row = kinds.iter().map(|(kind, _)| cell(*kind)).collect::<Vec<_>>();
        let selection = prop::option::of(prop::collection::vec(any::<prop::sample::Index>(), 0..40));
        (Just(kinds), prop::collection::vec((row, 0..500_i64), 0..30), 0..4_u8, selection)
    });
    rows.prop_map(|(kinds, rows, told, selection)| {
        let fields = kinds.iter().enumerate().map(|(i, (kind, open))| field(i, *kind, *open)).collect();
        let (rows, known): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
        let batch = build(fields, &rows).with_places(places(told, &known));
        match selection {
            Some(picks) if !rows.is_empty() => batch.select(picks.iter().map(|pick| pick.index(rows.len()) as u32).collect()),
            _ => batch,
        }
    })
}

/// All that is known of the records of a batch, exactly: `==` takes an int for the float of its value, and what is missing
/// for null.
pub fn records(batch: &Batch) -> Vec<String> {
    let shown = |value: Value<'_>| match value {
        Value::Float(float) => format!("float {:x}", float.to_bits()),
        Value::Time(time) => format!("{} ns, {} s", time.nanos, time.offset_s),
        value => format!("{value:?}"),
    };
    let row = |row: usize| {
        let row = batch.physical(row);
        let cell = |column: &Column| if column.is_missing(row) { "missing".into() } else { shown(column.value(row)) };
        format!("{}: {}", batch.place(row), batch.columns().iter().map(cell).collect::<Vec<_>>().join(", "))
    };
    (0..batch.len()).map(row).collect()
}

/// Three lines as a log parser makes them: views into a shared block, and a column of every other form.
pub fn forms() -> Batch {
    let block = bytes::Bytes::from_static(b"ab 200 x\ncde 404 \n- 7 zz\n");
    let anchors = PackedInts::pack(&[0_i64, 9, 18]);
    let text = |starts: &[i64], lens: &[i64]| {
        Column::text(Text::new(block.clone(), Some(anchors.clone()), PackedInts::pack(starts), PackedInts::pack(lens)).unwrap())
    };
    let only = |row: usize| Bits::collect(3, move |other| other == row);
    let but = |row: usize| Bits::collect(3, move |other| other != row);
    let columns = vec![
        text(&[0, 0, 0], &[2, 3, 1]),
        Column::int(PackedInts::pack(&[200_i64, 404, 7])),
        text(&[7, 8, 4], &[1, 0, 2]).with_nulls(only(1)),
        Column::bool(&[true, false, true]),
        Column::float(&[0.5, -2.0, 0.5]),
        Column::new(Values::Time { nanos: PackedInts::pack(&[-1_i64, 0, 1_000_000_000]), offset_s: PackedInts::constant(3600, 3) }),
        Column::new(Values::Wide { high: PackedInts::pack(&[0_i64, 1, -1]), low: PackedInts::pack(&[1_i64, 0, -1]) }),
        Column::mixed(vec![Column::int(PackedInts::constant(5, 3)).with_nulls(but(0)), text(&[0, 4, 0], &[0, 3, 0]).with_nulls(but(1))])
            .unwrap()
            .with_missing(only(2)),
        Column::absent(3),
    ];
    let fields = vec![
        Field::new("host", Type::Text),
        Field::new("status", Type::Int),
        Field::new("rest", Type::Text),
        Field::new("ok", Type::Bool),
        Field::new("took", Type::Float),
        Field::new("at", Type::Time),
        Field::open("id", Type::Int),
        Field::open("any", Type::Mixed),
        Field::new("late", Type::Mixed),
    ];
    let origin = Origin { source: "log".into(), start: 0, end: 25, line: 41, order: 0 };
    Batch::new(Arc::new(Schema::new(fields).unwrap()), columns, 3, origin)
        .unwrap()
        .with_places(Places::Lines(PackedInts::pack(&[0_i64, 1, 2])))
}

/// A stream with a frame of each kind: the golden one.
pub fn small_stream() -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = Writer::new(&mut out).unwrap();
    writer.batch(&forms()).unwrap();
    writer.warn(&Warning { exit: Exit::Failed, message: "b.log: no such file".into() }).unwrap();
    writer.batch(&forms().head(2)).unwrap();
    writer.finish(&Ending { exit: Exit::Failed, cause: "a file could not be read".into(), rejected: 4 }).unwrap();
    out
}
