//! The law of windows: whatever the batches, what is given is what a plain loop over the records says; and it is given as soon as that is known.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use proptest::prelude::*;
use recpipe::{Batch, BatchBuilder, Field, Schema, Stage, Time, Type, Value, stage::Collect};

use crate::{
    catalog,
    language::{Setting, Source, check_at},
    memory::Budget,
    plan::{News, Senders, Sides, Start, Target},
};

/// A record: seconds, key, number.
type Row = (i64, u8, i64);

const SECOND: i64 = 1_000_000_000;

fn schema() -> Arc<Schema> {
    let fields = [("time", Type::Time), ("k", Type::Text), ("n", Type::Int)];
    Arc::new(Schema::new(fields.into_iter().map(|(name, kind)| Field::new(name, kind)).collect()).unwrap())
}

fn batch(rows: &[Row]) -> Batch {
    let mut builder = BatchBuilder::new(schema());
    for (seconds, key, n) in rows {
        let time = Value::Time(Time { nanos: seconds * SECOND, offset_s: 0 });
        builder.push(&[time, Value::Text(&[b'a' + key]), Value::Int((*n).into())]).unwrap();
    }
    builder.finish().unwrap()
}

/// The running stages of a query, and what came of them so far.
struct Running {
    chain: Target,
    got: recpipe::stage::Collected,
}

impl Running {
    fn new(query: &str, live: bool, budget: &Budget, senders: Option<&Senders>) -> Self {
        let source = Source::from_args(&[query]);
        let setting = Setting { live, ..Setting::default() };
        let plan = check_at(&source, &catalog::parse(&source).unwrap(), &schema(), &setting).unwrap();
        let (collect, got) = Collect::new();
        let mut chain: Target = Box::new(collect);
        for (place, stage) in plan.stages.iter().enumerate().rev() {
            let start = Start { senders: senders.cloned(), ..Start::at(&plan.stages, place, budget, 1, &Sides::default()).unwrap() };
            chain = stage.operator.start(start, chain);
        }
        Running { chain, got }
    }

    /// Sends these records, in batches that end at these places.
    fn send(&mut self, rows: &[Row], cuts: &BTreeSet<usize>) {
        let mut from = 0;
        for to in cuts.iter().copied().filter(|cut| *cut < rows.len()).chain([rows.len()]) {
            let _ = self.chain.send(batch(&rows[from..to])).unwrap();
            from = to;
        }
    }

    fn rows(&self) -> Vec<String> {
        let shown = |batch: &Batch| {
            let line = |row: usize| batch.row(row).values().map(|value| value.to_string()).collect::<Vec<_>>().join(" ");
            (0..batch.len()).map(line).collect::<Vec<_>>()
        };
        self.got.batches().iter().flat_map(shown).collect()
    }

    fn closed(mut self) -> Vec<String> {
        self.chain.close().unwrap();
        self.rows()
    }
}

fn budget(bytes: usize) -> Budget {
    Budget::new(bytes, 4, 0, Path::new("/tmp"))
}

/// What a plain loop says: of each window and key how many records there are and their sum; and how many of those rows are of
/// windows that are closed in the end.
fn oracle(rows: &[Row], step: i64, panes: i64, late: Option<i64>) -> (Vec<String>, usize) {
    let mut groups: BTreeMap<(i64, u8), (i64, i64)> = BTreeMap::new();
    let mut passed = None;
    let is_closed =
        |begin: i64, passed: Option<i64>| late.is_some_and(|late| passed.is_some_and(|passed| passed > begin + panes * step + late));
    for (seconds, key, n) in rows {
        for pane in 0..panes {
            let begin = seconds.div_euclid(step) * step - pane * step;
            if !is_closed(begin, passed) {
                let group = groups.entry((begin, *key)).or_default();
                *group = (group.0 + 1, group.1 + n);
            }
        }
        passed = passed.max(Some(*seconds));
    }
    let closed = groups.keys().filter(|(begin, _)| is_closed(*begin, passed)).count();
    let line = |((begin, key), (count, sum)): (&(i64, u8), &(i64, i64))| {
        format!("{} {} {count} {sum}", Time { nanos: begin * SECOND, offset_s: 0 }, char::from(b'a' + key))
    };
    (groups.iter().map(line).collect(), closed)
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    // As time passes, with records that are behind it.
    prop::collection::vec((0..4_i64, prop_oneof![3 => Just(0_i64), 1 => 0..40_i64], 0..3_u8, -5..5_i64), 0..120).prop_map(|rows| {
        let mut now = -50;
        let row = |(ahead, behind, key, n)| {
            now += ahead;
            (now - behind, key, n)
        };
        rows.into_iter().map(row).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn windows_are_those_of_a_plain_loop(
        rows in rows(),
        cuts in prop::collection::btree_set(1..120_usize, 0..20),
        // Of a day, so that they begin where the day does.
        step in prop::sample::select(vec![1_i64, 2, 3, 5, 8, 9, 10, 12]),
        panes in 1..4_i64,
        late in 0..15_i64,
    ) {
        let over = if panes > 1 { format!("over {}s ", panes * step) } else { String::new() };
        let late_clause = if late > 0 { format!(" late {late}s") } else { String::new() };
        let query = format!("stats count, sum(n) as s by k {over}every {step}s{late_clause}");
        let (expect, closed) = oracle(&rows, step, panes, Some(late));
        let mut running = Running::new(&query, true, &budget(1 << 30), None);
        running.send(&rows, &cuts);
        prop_assert_eq!(running.rows(), &expect[..closed], "before the end");
        prop_assert_eq!(running.closed(), expect);
        // Where all was there before, nothing is late.
        let mut at_rest = Running::new(&query, false, &budget(1 << 30), None);
        at_rest.send(&rows, &cuts);
        prop_assert_eq!(at_rest.closed(), oracle(&rows, step, panes, None).0);
    }

    #[test]
    fn time_passes_with_the_sender_that_is_behind(rows in rows(), of in prop::collection::vec(0..3_usize, 120), ended in 0..120_usize) {
        let (senders, now) = (Senders::default(), Instant::now());
        for sender in 0..3 {
            senders.tell(News::Begun { sender, name: "x".into(), at_rest: false }, now);
        }
        let mut running = Running::new("count every 5s late 2s", true, &budget(1 << 30), Some(&senders));
        let (mut greatest, mut passed, mut windows) = (BTreeMap::new(), None, BTreeMap::new());
        for (at, (row, sender)) in rows.iter().zip(&of).enumerate() {
            if at == ended {
                senders.tell(News::Ended(2), now);
                running.chain.flush().unwrap();
                greatest.remove(&2);
                if greatest.len() == 2 {
                    passed = passed.max(greatest.values().min().copied());
                }
            }
            if at >= ended && *sender == 2 {
                continue;
            }
            senders.arrived(*sender, now);
            let _ = running.chain.send(batch(&[*row])).unwrap();
            let begin = row.0.div_euclid(5) * 5;
            if passed.is_none_or(|passed| passed <= begin + 7) {
                *windows.entry(begin).or_insert(0) += 1;
            }
            let of_sender = greatest.entry(*sender).or_insert(row.0);
            *of_sender = row.0.max(*of_sender);
            if greatest.len() == if at >= ended { 2 } else { 3 } {
                passed = passed.max(greatest.values().min().copied());
            }
        }
        let expect: Vec<_> = windows.iter().map(|(begin, count)| format!("{} {count}", Time { nanos: begin * SECOND, offset_s: 0 })).collect();
        prop_assert_eq!(running.closed(), expect);
    }
}

#[test]
fn windows_that_do_not_fit_in_memory_are_the_same() {
    let rows: Vec<Row> = (0..40_000).map(|i: i64| (i / 400, (i * 7919 % 26) as u8, i)).collect();
    let cuts = (0..400).map(|cut| cut * 100).collect();
    let query = "stats count, sum(n) as s, list(n) as l by k, n % 500 as m every 7s late 3s";
    let run = |bytes| {
        let mut running = Running::new(query, true, &budget(bytes), None);
        running.send(&rows, &cuts);
        let early = running.rows().len();
        (early, running.closed())
    };
    let (early, whole) = run(1 << 30);
    assert!(early > 1000 && whole.len() > early);
    assert!(run(Budget::LEAST) == (early, whole));
}

#[test]
fn a_sender_that_is_silent_is_not_waited_for_and_one_at_rest_is() {
    let (senders, began) = (Senders::default(), Instant::now());
    let after = |seconds| began + Duration::from_secs(seconds);
    for (sender, at_rest) in [(1, false), (2, false), (3, true)] {
        senders.tell(News::Begun { sender, name: "x".into(), at_rest }, began);
    }
    let mut running = Running::new("count every 10s idle 5s", true, &budget(1 << 30), Some(&senders));
    let send = |running: &mut Running, sender, seconds, at| {
        senders.arrived(sender, at);
        let _ = running.chain.send(batch(&[(seconds, 0, 0)])).unwrap();
    };
    send(&mut running, 1, 1, after(1));
    send(&mut running, 2, 25, after(4));
    send(&mut running, 3, 99, after(5));
    senders.tell(News::Ended(3), after(5));
    running.chain.flush().unwrap();
    assert!(running.rows().is_empty(), "the first is waited for");
    assert!(senders.nothing_until(after(7)));
    running.chain.flush().unwrap();
    assert_eq!(running.rows(), ["1970-01-01T00:00:00+00:00 1"]);
    // It is back, and too late for that window.
    send(&mut running, 1, 2, after(8));
    send(&mut running, 1, 26, after(8));
    let rest = ["1970-01-01T00:00:20+00:00 2", "1970-01-01T00:01:30+00:00 1"];
    assert_eq!(running.closed()[1..], rest);
}

#[test]
fn gaps_are_filled_alike_however_the_windows_come() {
    let rows: Vec<Row> = vec![(1, 0, 1), (2, 1, 2), (45, 0, 3), (46, 1, 4), (90, 1, 5), (200, 0, 6)];
    let run = |rows: &[Row], live, cuts: &[usize]| {
        let mut running = Running::new("count by k every 10s fill 0 beside 40s", live, &budget(1 << 30), None);
        running.send(rows, &cuts.iter().copied().collect());
        running.closed()
    };
    let expect = run(&rows, false, &[]);
    assert_eq!(expect.len(), 2 * 21);
    assert_eq!(run(&rows, true, &[1, 2, 3, 4, 5]), expect);
    assert_eq!(run(&rows, true, &[3]), expect);
    // Of keys that come later, a window that is given as time passes knows nothing, however many are given at once.
    let rows = [(1, 0, 1), (15, 1, 2), (45, 2, 3), (100, 0, 4)];
    let expect = run(&rows, true, &[1, 2, 3]);
    assert_eq!(run(&rows, true, &[]), expect);
    assert_eq!(expect.len(), 1 + 2 + 3 * 9);
}

#[test]
fn when_all_have_ended_no_time_passes() {
    let (senders, now) = (Senders::default(), Instant::now());
    let mut running = Running::new("count every 10s", true, &budget(1 << 30), Some(&senders));
    for (sender, seconds) in [(1, 1), (2, 2)] {
        senders.tell(News::Begun { sender, name: "x".into(), at_rest: true }, now);
        senders.arrived(sender, now);
        let _ = running.chain.send(batch(&[(seconds, 0, 0), (95, 0, 0)])).unwrap();
        senders.tell(News::Ended(sender), now);
        running.chain.flush().unwrap();
        assert!(running.rows().is_empty());
    }
    assert_eq!(running.closed(), ["1970-01-01T00:00:00+00:00 2", "1970-01-01T00:01:30+00:00 2"]);
}
