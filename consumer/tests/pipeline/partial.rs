//! Half-way states: moved, merged and finished elsewhere, the answer is that of all records at once.

use recpipe::{Column, Origin, PackedInts, Text, gen_recvfrom, gen_sendto};
use recpipe_consumer::{PartialAnswer, Query};

use super::*;

const QUERIES: [&str; 7] = [
    "count",
    "avg(took)",
    "where status == 404 | stats count, avg(took), list(host), first(took), last(took) by host | sort -count, host",
    "stats set(status), distinct(host), median(took), p90(took), stdev(took), argmax(status, took), mode(host) by status",
    "sort -took | head 7",
    "sort host | select host, took",
    "let slow = took > 2 | count by slow | where count > 1",
];

fn rows(answer: impl Iterator<Item = Result<Batch, Error>>) -> Vec<String> {
    answer.flat_map(|batch| batch.unwrap().rows().map(|row| format!("{row:?}")).collect::<Vec<_>>()).collect()
}

fn state(query: &Query, part: u32, batches: &[Batch]) -> Vec<u8> {
    let mut half = query.partial(records().schema(), part).unwrap();
    batches.iter().for_each(|batch| half.add(batch.clone()).unwrap());
    let mut state = Vec::new();
    half.suspend(&mut state).unwrap();
    state
}

#[test]
fn wherever_it_is_cut_the_answer_is_the_same() {
    for text in QUERIES {
        for memory in [Memory::default(), Memory { limit: 64 << 10, ..Memory::default() }] {
            let query = Query::parse(text).unwrap().within(memory);
            let batches = batches(3);
            let whole = rows(query.over(batches.iter().cloned().map(Ok)));
            for cut in [0, 1, 5, batches.len()] {
                let (first, rest) = batches.split_at(cut);
                // One after the other.
                let mut there = PartialAnswer::resume(&query, &state(&query, 0, first)[..]).unwrap();
                rest.iter().for_each(|batch| there.add(batch.clone()).unwrap());
                assert_eq!(rows(there.answer()), whole, "{text}, cut at {cut}");
                // Moved once more.
                let mut again = Vec::new();
                PartialAnswer::resume(&query, &state(&query, 0, first)[..]).unwrap().suspend(&mut again).unwrap();
                let mut there = PartialAnswer::resume(&query, &again[..]).unwrap();
                rest.iter().for_each(|batch| there.add(batch.clone()).unwrap());
                assert_eq!(rows(there.answer()), whole, "{text}, cut at {cut}, moved twice");
                // Side by side, in either order.
                let states = [state(&query, 0, first), state(&query, 1, rest)];
                for [a, b] in [[0, 1], [1, 0]] {
                    let mut both = PartialAnswer::resume(&query, &states[a][..]).unwrap();
                    both.merge(PartialAnswer::resume(&query, &states[b][..]).unwrap()).unwrap();
                    assert_eq!(rows(both.answer()), whole, "{text}, cut at {cut}, merged");
                }
            }
        }
    }
}

#[test]
fn a_merged_state_goes_on_with_its_own_part() {
    // Part 1 takes part 0, is moved, and gets the rest of its own batches.
    let query = Query::parse("stats list(took), first(took), last(took)").unwrap();
    let batches = batches(4);
    let whole = rows(query.over(batches.iter().cloned().map(Ok)));
    let mut second = PartialAnswer::resume(&query, &state(&query, 1, &batches[6..7])[..]).unwrap();
    second.merge(PartialAnswer::resume(&query, &state(&query, 0, &batches[..6])[..]).unwrap()).unwrap();
    let mut moved = Vec::new();
    second.suspend(&mut moved).unwrap();
    let mut second = PartialAnswer::resume(&query, &moved[..]).unwrap();
    batches[7..].iter().for_each(|batch| second.add(batch.clone()).unwrap());
    assert_eq!(rows(second.answer()), whole);
}

#[test]
fn what_was_left_out_before_is_said_after() {
    let schema = Arc::new(Schema::new(vec![Field::open("price", Type::Mixed)]).unwrap());
    let batch = |values: &[Value<'_>]| {
        let mut builder = BatchBuilder::new(schema.clone());
        values.iter().for_each(|value| builder.push(&[*value]).unwrap());
        builder.finish().unwrap()
    };
    let query = Query::parse("sum(price)").unwrap();
    let mut half = query.partial(&schema, 0).unwrap();
    half.add(batch(&[Value::Int(1), Value::Text(b"n/a")])).unwrap();
    half.add(batch(&[Value::Text(b"none")])).unwrap();
    let mut state = Vec::new();
    half.suspend(&mut state).unwrap();
    let mut there = PartialAnswer::resume(&query, &state[..]).unwrap();
    there.add(batch(&[Value::Int(2), Value::Text(b"-")])).unwrap();
    let mut answer = there.answer();
    assert_eq!(answer.next().unwrap().unwrap().row(0).value(0), Value::Int(3));
    assert!(answer.next().is_none());
    let warnings = answer.warnings();
    assert!(warnings[0].contains("3 values of `price`") && warnings[0].contains("n/a"), "{warnings:?}");
}

#[test]
fn a_state_of_another_query_is_refused() {
    let query = Query::parse("count by host").unwrap();
    let own = state(&query, 0, &batches(9));
    let error = |other: &str| PartialAnswer::resume(&Query::parse(other).unwrap(), &own[..]).err().unwrap();
    for other in ["count by status", "where took > 1 | count by host", "stats count, sum(took) by host", "sort host"] {
        let error = error(other);
        assert_eq!(error.exit(), Exit::Usage);
        assert!(error.to_string().contains("it is of `count by host`, and this is"), "{error}");
    }
    assert!(error("head 3").to_string().contains("nothing of this query is half-way"));
    // Of these, seven alone were kept.
    let seven = state(&Query::parse("sort -took | head 7").unwrap(), 0, &batches(9));
    assert!(PartialAnswer::resume(&Query::parse("sort -took").unwrap(), &seven[..]).is_err());
    // What comes after the gathering is free.
    assert!(PartialAnswer::resume(&Query::parse("count by host | top 1").unwrap(), &own[..]).is_ok());
    let berlin = query.clone().in_zone(recpipe::times::Zone::named("Europe/Berlin").unwrap());
    assert!(PartialAnswer::resume(&berlin, &own[..]).err().unwrap().to_string().contains("zone"));

    let mut here = PartialAnswer::resume(&query, &own[..]).unwrap();
    let same = PartialAnswer::resume(&query, &own[..]).unwrap();
    assert!(here.merge(same).unwrap_err().to_string().contains("part 0 is in both"));
    let others = Query::parse("count by status").unwrap().partial(records().schema(), 1).unwrap();
    assert!(here.merge(others).unwrap_err().to_string().contains("`count by status`, and not `count by host`"));
    let fields = Schema::new(vec![Field::new("host", Type::Text)]).unwrap();
    let others = query.partial(&fields, 1).unwrap();
    assert!(here.merge(others).unwrap_err().to_string().contains("the fields of its records"));
    assert!(PartialAnswer::resume(&query, &stream(9)[..]).err().unwrap().to_string().contains("no partial state"));
    assert!(query.partial(records().schema(), u32::MAX).is_err());
}

#[test]
fn what_is_cut_or_forged_is_an_error_and_no_panic() {
    for text in QUERIES {
        let query = Query::parse(text).unwrap();
        let whole = state(&query, 0, &batches(3));
        for cut in (0..whole.len()).step_by(7) {
            assert!(PartialAnswer::resume(&query, &whole[..cut]).is_err(), "{text}, cut at {cut}");
            let mut changed = whole.clone();
            changed[cut] ^= 0x20;
            assert!(PartialAnswer::resume(&query, &changed[..]).is_err(), "{text}, changed at {cut}");
        }
        // Whole streams that somebody else has written.
        let said: Vec<Batch> = gen_recvfrom(&whole[..]).map(Result::unwrap).collect();
        for place in 0..said.len() {
            for forged in forgeries(&said[place]) {
                let mut batches = said.clone();
                match forged {
                    Some(batch) => batches[place] = batch,
                    None => drop(batches.remove(place)),
                }
                let mut stream = Vec::new();
                gen_sendto(batches.into_iter().map(Ok), &mut stream).unwrap();
                // Whether it is found depends on what was changed.
                let answer = PartialAnswer::resume(&query, &stream[..]).map(|half| half.answer().collect::<Result<Vec<_>, _>>());
                drop(answer);
            }
        }
    }
}

/// Batches that look like this one.
fn forgeries(batch: &Batch) -> Vec<Option<Batch>> {
    let rows = batch.len();
    let mut forged = vec![None, Some(batch.head(rows / 2)), Some(batch.select((0..rows as u32).rev().collect()))];
    let with = |columns: Vec<Column>| {
        let fields = (0..columns.len()).map(|place| match batch.schema().fields().get(place) {
            Some(field) => Field::open(&field.name, Type::Mixed),
            None => Field::open(format!("more {place}"), Type::Mixed),
        });
        Batch::new(Arc::new(Schema::new(fields.collect()).unwrap()), columns, rows, Origin::default()).ok()
    };
    let batch = batch.compact();
    for place in 0..batch.columns().len() {
        let odd = |row: usize| [&b""[..], b"\xff", b"12", b"\0\0\0\0\0\0\0\x01\xff\xff\xff\xff\xff\xff\xff\x7f"][row % 4];
        let texts = Column::text(Text::collect((0..rows).map(odd)));
        let ints = Column::int(PackedInts::pack(&(0..rows).map(|row| [-1, i64::MAX, 0, i64::MIN][row % 4]).collect::<Vec<i64>>()));
        for column in [Column::null(rows), texts, ints] {
            let mut columns = batch.columns().to_vec();
            columns[place] = column;
            forged.push(with(columns));
        }
        let mut columns = batch.columns().to_vec();
        columns.truncate(place);
        forged.push(with(columns));
    }
    forged
}
