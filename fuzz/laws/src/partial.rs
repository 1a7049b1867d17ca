//! A partial state from any bytes: what `suspend` has written, with a part of it forged, in a stream whose checksums are right.
//!
//! The laws: nothing panics; what is refused says why; and what is taken for a state gives an answer, or an error.

use recpipe::{Batch, BatchBuilder, Column, Error, Field, Origin, Schema, Text, Type, Value, gen_recvfrom, gen_sendto};
use recpipe_consumer::{PartialAnswer, Query};

const QUERIES: [&str; 4] = [
    "count by host",
    "stats avg(ms), list(host), first(ms), median(ms), stdev(ms), distinct(host), set(ms), approx_distinct(host), argmax(ms, host)",
    "sort -ms, host",
    "sort host | head 2",
];

/// Longer inputs say nothing new.
const MAX_BYTES: usize = 4096;

/// The batches of a state of a few records.
fn state(query: &Query) -> Result<Vec<Batch>, Error> {
    let schema = Schema::new(vec![Field::new("host", Type::Text), Field::open("ms", Type::Mixed)])?;
    let mut records = BatchBuilder::new(schema.into());
    for (host, ms) in [("a", Value::Int(3)), ("b", Value::Float(1.5)), ("a", Value::Null), ("c", Value::Text(b"n/a"))] {
        records.push(&[Value::Text(host.as_bytes()), ms])?;
    }
    let records = records.finish()?;
    let (mut half, mut stream) = (query.partial(records.schema(), 0)?, Vec::new());
    half.add(records)?;
    half.suspend(&mut stream)?;
    gen_recvfrom(&stream[..]).collect()
}

/// The first bytes choose the query, the batch and its column; the others are its values: numbers, or text between line ends.
pub fn check(data: &[u8]) {
    let Some(([query, batch, column, kind], values)) = data.split_first_chunk::<4>() else { return };
    let query = QUERIES[usize::from(*query) % QUERIES.len()];
    let query = Query::parse(query).unwrap_or_else(|error| panic!("{error}"));
    let mut batches = state(&query).unwrap_or_else(|error| panic!("{error}"));
    let place = usize::from(*batch) % batches.len();
    let forged = forge(&batches[place], usize::from(*column), *kind, &values[..values.len().min(MAX_BYTES)]);
    batches[place] = forged.unwrap_or_else(|error| panic!("{error}"));
    let mut stream = Vec::new();
    gen_sendto(batches.into_iter().map(Ok), &mut stream).unwrap_or_else(|error| panic!("{error}"));
    let told = PartialAnswer::resume(&query, &stream[..]).and_then(|half| half.answer().try_for_each(|batch| batch.map(drop)));
    assert!(told.err().is_none_or(|error| !error.to_string().is_empty()), "an error without words");
}

fn forge(batch: &Batch, column: usize, kind: u8, values: &[u8]) -> Result<Batch, Error> {
    let mut columns = batch.compact().columns().to_vec();
    let rows = if kind & 4 == 0 { batch.len() } else { values.split(|byte| *byte == b'\n').count() };
    let texts = || values.split(|byte| *byte == b'\n').chain(std::iter::repeat(&b""[..])).take(rows);
    let number = |text: &[u8]| text.iter().fold(0_i64, |number, byte| number.wrapping_mul(251).wrapping_add(i64::from(*byte)));
    let forged = match kind % 4 {
        0 => Column::null(rows),
        1 => Column::int(recpipe::PackedInts::pack(&texts().map(number).collect::<Vec<_>>())),
        _ => Column::text(Text::collect(texts())),
    };
    if rows != batch.len() {
        columns = columns.iter().map(|_| forged.clone()).collect();
    } else if let Some(slot) = columns.len().checked_sub(1).and_then(|last| columns.get_mut(column.min(last))) {
        *slot = forged;
    }
    let fields = batch.schema().names().map(|name| Field::open(name, Type::Mixed));
    Batch::new(Schema::new(fields.collect())?.into(), columns, rows, Origin::default())
}
