//! Journals as the producer reads them, against what was written.

use std::path::{Path, PathBuf};

use std::sync::Arc;

use proptest::prelude::*;
use recpipe::Value;
use recpipe::record::{CompareOp, Condition, Constant};

use super::super::source::{Source, Unparsed};
use super::super::store::{Following, Stored};
use super::super::{Args, Wanted};
use super::Journal;
use super::testing::{files, shapes};
use super::writer::Writer;
use crate::input::Inputs;
use crate::input::event::Event;
use crate::input::find::{Names, find};
use crate::input::live::Watch;
use crate::pipeline::Reading;

/// Reads these files: each record as `name=value`, but fields that it does not have; and why the reading ended, if it did not end well.
fn read(args: &[&str], paths: &[&Path]) -> (Vec<String>, Option<String>) {
    let paths = paths.iter().map(|path| path.to_str().unwrap());
    let mut batches = Reading::new("journal").args(args.iter().copied().chain(paths)).open().unwrap();
    let (mut records, mut failure) = (Vec::new(), None);
    for batch in &mut batches {
        match batch {
            Err(error) => failure = Some(error.to_string()),
            Ok(batch) => records.extend(batch.rows().map(|row| {
                let shown = |(name, value): (&str, Value<'_>)| match value {
                    Value::Null => None,
                    Value::Text(text) => Some(format!("{name}={}", text.escape_ascii())),
                    value => Some(format!("{name}={value}")),
                };
                row.iter().filter_map(shown).collect::<Vec<_>>().join(" ")
            })),
        }
    }
    (records, failure)
}

/// Writes files into a directory.
fn on_disk(files: &[(&str, &[u8])]) -> (tempfile::TempDir, Vec<PathBuf>) {
    let dir = tempfile::tempdir().unwrap();
    let path = |(name, bytes): &(&str, &[u8])| {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let paths = files.iter().map(path).collect();
    (dir, paths)
}

const SECOND: u64 = 1_000_000;
/// 2026-03-12T02:10:11Z.
const START: u64 = 1_773_281_411 * SECOND;

#[test]
fn fields_and_values() {
    let long = "0123456789".repeat(200);
    for (name, mut writer) in files() {
        let message = format!("MESSAGE={long}");
        let data: [&[u8]; 7] =
            [b"_SYSTEMD_UNIT=ssh.service", b"_HOSTNAME=web1", b"_PID=812", b"PRIORITY=6", b"TAG=a", b"TAG=b\"\xff", message.as_bytes()];
        writer.add(START + 1, 5, &data);
        writer.add(START + SECOND, 6, &[b"PRIORITY=06", b"_PID=", b"MESSAGE=two\nlines = 2", b"CODE_LINE=7"]);
        writer.add(START + 2 * SECOND, 9, &data[..1]);
        let (_dir, paths) = on_disk(&[("x.journal", &writer.finish())]);
        let (records, failure) = read(&[], &[&paths[0]]);
        assert_eq!(failure, None, "{name}");
        let want = [
            format!(
                "time=2026-03-12T02:10:11.000001+00:00 unit=ssh.service host=web1 pid=812 priority=6 message={long} TAG=[\\\"a\\\",\\\"b\\\\\\\"\\xff\\\"]"
            ),
            "time=2026-03-12T02:10:12+00:00 pid= priority=06 message=two\\nlines = 2 CODE_LINE=7".to_owned(),
            "time=2026-03-12T02:10:13+00:00 unit=ssh.service".to_owned(),
        ];
        assert_eq!(records, want, "{name}");
        let (records, _) = read(&["--fields", "priority,TAG,_file,_line,_byte"], &[&paths[0]]);
        let bytes: Vec<usize> = records.iter().map(|record| record.rsplit_once("_byte=").unwrap().1.parse().unwrap()).collect();
        let file = writer.finish();
        assert!(bytes.iter().all(|at| file[*at] == 3), "{name}: entries");
        assert!(
            records[0].starts_with("priority=6 TAG=[") && records[0].contains("_file=") && records[0].contains("_line=1 "),
            "{records:?}"
        );
        assert!(records[2].contains("_line=3 "), "{records:?}");
        let (cast, _) = read(&["--fields", "pid,priority,time", "--cast", "pid=str,priority=str,time=str"], &[&paths[0]]);
        assert_eq!(cast[0], "pid=812 priority=6 time=2026-03-12T02:10:11.000001+00:00", "{name}");
    }
}

#[test]
fn batches_and_threads_do_not_show() {
    let mut writer = Writer::compact().packing(4);
    for n in 0..9000_u64 {
        // Fields come late, and some records are long.
        let late = format!("LATE_{}=1", n / 3000);
        let message = format!("MESSAGE={n} {}", "x".repeat(if n % 1000 == 7 { 40_000 } else { 5 }));
        writer.add(START + n, n + 1, &[message.as_bytes(), late.as_bytes()]);
    }
    let (_dir, paths) = on_disk(&[("x.journal", &writer.finish())]);
    let (all, failure) = read(&["-j", "1"], &[&paths[0]]);
    assert_eq!((all.len(), failure), (9000, None));
    assert!(
        all.iter()
            .enumerate()
            .all(|(n, record)| record.contains(&format!("message={n} ")) && record.ends_with(&format!("LATE_{}=1", n / 3000)))
    );
    for args in [&["--batch", "1"][..], &["--batch", "77"], &["--fields", "time,message,LATE_0,LATE_1,LATE_2"]] {
        assert!(read(args, &[&paths[0]]).0 == all, "{args:?}");
    }
}

#[test]
fn a_value_of_more_than_a_mebibyte_is_null() {
    let long = "long ".repeat(300_000);
    for (name, mut writer) in files() {
        let message = format!("MESSAGE={long}");
        writer = writer.entry(START, &["A=1", &message]).entry(START, &["A=2"]);
        let (_dir, paths) = on_disk(&[("x.journal", &writer.finish())]);
        let (records, failure) = read(&["--fields", "A,message"], &[&paths[0]]);
        assert_eq!((records, failure), (vec!["A=1".to_owned(), "A=2".to_owned()], None), "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn files_are_merged_by_time(
        entries in prop::collection::vec((0..4_usize, 0..3_u64), 1..120), shape in 0..3_usize, is_one_writer in any::<bool>(),
    ) {
        let mut writers: Vec<Writer> = (0..4).map(|n| shapes().swap_remove(shape).1.ids(if is_one_writer { 1 } else { n + 1 }, n + 1)).collect();
        let (mut now, mut want) = (START, Vec::new());
        for (nth, (file, step)) in entries.iter().enumerate() {
            now += step;
            writers[*file].add(now, nth as u64 + 1, &[format!("N={nth}").as_bytes()]);
            // Of one time: by their numbers, if one program wrote them, else by the order of the files.
            want.push((now, if is_one_writer { 0 } else { *file }, nth));
        }
        want.sort_unstable();
        let bytes: Vec<Vec<u8>> = writers.iter().map(Writer::finish).collect();
        let names = ["a.journal", "b.journal", "c/d.journal~", "e.journal"];
        let (dir, _paths) = on_disk(&names.iter().zip(&bytes).map(|(name, bytes)| (*name, &bytes[..])).collect::<Vec<_>>());
        let paths: Vec<PathBuf> = names.iter().map(|name| dir.path().join(name)).collect();
        let want: Vec<String> = want.into_iter().map(|(_, _, nth)| format!("N={nth}")).collect();
        let (records, failure) = read(&["--fields", "N"], &paths.iter().map(PathBuf::as_path).collect::<Vec<_>>());
        prop_assert_eq!((&records, failure), (&want, None));
        if is_one_writer {
            let (records, _) = read(&["--fields", "N", "--directory", dir.path().to_str().unwrap()], &[]);
            prop_assert_eq!(records, want, "a directory");
        }
    }

    #[test]
    fn since_and_until_are_a_look_at_every_entry(
        steps in prop::collection::vec(-40..90_i64, 1..150), shape in 0..3_usize, since in prop::option::of(-10..160_i64), len in 1..90_i64,
        has_until in any::<bool>(), unit in any::<bool>(), full in any::<bool>(),
    ) {
        let mut writer = shapes().swap_remove(shape).1;
        let (mut second, mut all) = (0, Vec::new());
        for (nth, step) in steps.iter().enumerate() {
            // Nearly in order, and rarely not at all.
            second += if *step < -38 { -100 } else { (*step / 30).max(-1) };
            let at = START as i64 + second * SECOND as i64;
            writer.add(at as u64, nth as u64 + 1, &[format!("N={nth}").as_bytes(), format!("_SYSTEMD_UNIT=u{}.service", nth % 2).as_bytes()]);
            all.push((nth, second));
        }
        let span = (since, has_until.then(|| since.unwrap_or(0) + len));
        let moment = |second: i64| format!("{}", START as i64 / SECOND as i64 + second);
        let mut args = vec!["--fields".to_owned(), "N".to_owned(), "--slack".to_owned(), "5s".to_owned()];
        span.0.into_iter().for_each(|since| args.extend(["--since".to_owned(), moment(since)]));
        span.1.into_iter().for_each(|until| args.extend(["--until".to_owned(), moment(until)]));
        args.extend(unit.then(|| ["--unit".to_owned(), "u1".to_owned()]).into_iter().flatten());
        args.extend(full.then(|| "--full".to_owned()));
        let has = |(nth, second): &&(usize, i64)| span.0.is_none_or(|since| *second >= since) && span.1.is_none_or(|until| *second < until) && !(unit && nth % 2 == 0);
        let want: Vec<String> = all.iter().filter(has).map(|(nth, _)| format!("N={nth}")).collect();
        let (_dir, paths) = on_disk(&[("x.journal", &writer.finish())]);
        let (mut records, failure) = read(&args.iter().map(String::as_str).collect::<Vec<_>>(), &[&paths[0]]);
        prop_assert_eq!(failure, None);
        // What halving leaves out it has not seen; all that it has seen is there.
        let is_ordered = all.windows(2).all(|two| two[1].1 >= two[0].1 - 5);
        if is_ordered || full || span == (None, None) {
            records.sort_by_key(|record| record[2..].parse::<usize>().unwrap());
            prop_assert_eq!(records, want);
        } else {
            prop_assert!(records.iter().all(|record| want.contains(record)));
        }
    }

    #[test]
    fn a_torn_file_is_read_to_its_tear(
        entries in 1..80_usize, shape in 0..12_usize, cut in 0..1000_usize, unit in any::<bool>(),
    ) {
        let mut writer = files().swap_remove(shape).1;
        for nth in 0..entries {
            let message = format!("MESSAGE={nth} {}", "long ".repeat(if nth % 9 == 4 { 200 } else { 0 }));
            writer = writer.entry(START + nth as u64, &[&format!("N={nth}"), &message, &format!("_SYSTEMD_UNIT=u{}.service", nth % 2)]);
        }
        let bytes = writer.finish();
        // Behind the tables of hashes.
        let first = 272 + 2 * (16 + 16 * 17);
        let cut = first + (bytes.len() - first - 1) * cut / 1000;
        let args: &[&str] = if unit { &["--fields", "N,message", "--unit", "u1"] } else { &["--fields", "N,message"] };
        let (_dir, paths) = on_disk(&[("torn.journal", &bytes[..cut]), ("whole.journal", &bytes)]);
        let (all, failure) = read(args, &[&paths[1]]);
        prop_assert_eq!(failure, None);
        let (records, failure) = read(args, &[&paths[0]]);
        prop_assert!(failure.as_ref().is_some_and(|what| what.contains("torn")), "{:?}", failure);
        prop_assert_eq!(&all[..records.len()], &records[..]);
        // Every entry that lies before the tear.
        let ends = (0..cut - 64).step_by(8).filter(|at| {
            let at = *at;
            at >= first && bytes[at] == 3 && is_object(&bytes, at) && at + super::header::u64_at(&bytes, at + 8) as usize <= cut
        });
        let whole = ends.count();
        prop_assert_eq!(records.len(), if unit { whole / 2 } else { whole });
    }

    #[test]
    fn what_is_corrupt_ends_in_an_error_and_never_otherwise(
        entries in 1..30_usize, shape in 0..12_usize, flips in prop::collection::vec((0..100_000_usize, 0..8_u8), 1..6), is_wide in any::<bool>(),
    ) {
        let mut writer = files().swap_remove(shape).1;
        for nth in 0..entries {
            let message = format!("MESSAGE={nth} {}", "long ".repeat(if nth % 9 == 4 { 200 } else { 0 }));
            writer = writer.entry(START + nth as u64, &[&format!("N={nth}"), &message, &format!("_BOOT_ID={:032x}", nth / 10), "_SYSTEMD_UNIT=a.service"]);
        }
        let mut bytes = writer.finish();
        let len = bytes.len();
        for (at, bit) in flips {
            // Numbers are more often wrong where they are large.
            let at = at % len;
            if is_wide { bytes[at] = 0xff } else { bytes[at] ^= 1 << bit }
        }
        let (_dir, paths) = on_disk(&[("x.journal", &bytes)]);
        for args in [&[][..], &["--fields", "N", "--unit", "a"], &["--since", "1773281411", "--fields", "message"]] {
            let (records, _) = read(args, &[&paths[0]]);
            prop_assert!(records.len() <= len / 64);
        }
        let boot = Reading::new("journal").args(["--boot=1", paths[0].to_str().unwrap()]).open().unwrap();
        prop_assert!(boot.count() <= len);
    }
}

/// Whether an object begins here, going from one to the next.
fn is_object(bytes: &[u8], wanted: usize) -> bool {
    let mut at = 272;
    while at < wanted {
        at = (at + super::header::u64_at(bytes, at + 8) as usize).next_multiple_of(8);
    }
    at == wanted
}

#[test]
fn units_and_boots() {
    let boot = |n: u8| format!("_BOOT_ID={:032x}", n);
    let mut writer = Writer::regular();
    let about = [
        (1, vec!["_SYSTEMD_UNIT=a.service"]),
        (1, vec!["_SYSTEMD_UNIT=b.service"]),
        (1, vec!["_PID=1", "UNIT=a.service", "_SYSTEMD_UNIT=init.scope"]),
        (2, vec!["_PID=2", "UNIT=a.service"]),
        (2, vec!["_UID=0", "OBJECT_SYSTEMD_UNIT=a.service"]),
        (2, vec!["_UID=0", "COREDUMP_UNIT=a.service", "MESSAGE_ID=fc2e22bc6ee647b6b90729ab34a250b1"]),
        (2, vec!["_UID=5", "COREDUMP_UNIT=a.service", "MESSAGE_ID=fc2e22bc6ee647b6b90729ab34a250b1"]),
        (2, vec!["_SYSTEMD_UNIT=c.timer"]),
    ];
    for (nth, (of, data)) in about.iter().enumerate() {
        let (n, boot) = (format!("N={nth}"), boot(*of));
        writer = writer.entry(START + nth as u64, &[&[&n[..], &boot][..], data].concat());
    }
    let (_dir, paths) = on_disk(&[("x.journal", &writer.finish())]);
    let found = |args: &[&str]| read(&[args, &["--fields", "N"]].concat(), &[&paths[0]]).0.join(" ").replace("N=", "");
    assert_eq!(found(&["--unit", "a"]), "0 2 4 5");
    assert_eq!(found(&["--unit", "a.service", "--boot=00000000000000000000000000000001"]), "0 2");
    assert_eq!(found(&["--unit", "b.service", "--unit", "c.timer"]), "1 7");
    assert_eq!((found(&["--boot"]), found(&["--boot=-1"])), ("3 4 5 6 7".to_owned(), "0 1 2".to_owned()));
    assert_eq!(found(&["--unit", "none"]), "");
    let refused = |args: &[&str]| {
        let paths = paths.iter().map(|path| path.to_str().unwrap());
        let batches = Reading::new("journal").args(args.iter().copied().chain(paths)).open().unwrap();
        batches.filter_map(|batch| batch.err()).map(|error| error.to_string()).collect::<String>()
    };
    assert!(refused(&["--boot=7"]).contains("there is no boot 7: the files have 2 boots"), "{}", refused(&["--boot=7"]));
    assert!(refused(&["--boot=x"]).contains("`x` is no boot"));
}

/// The source of what this path means.
fn source(path: &Path, follow: Option<bool>) -> Journal {
    let (paths, names) = (vec![path.to_owned()], Names::new(&["*.journal"]).unwrap());
    let inputs = Inputs::new(find(&paths, &names), Arc::default(), Watch::nothing());
    let follow = follow.map(|from_start| Following { paths, names, from_start });
    Journal::new(&Args::default(), Stored { inputs, span: None, follow }).unwrap()
}

/// What comes next of the field `N`, until nothing has come for a while.
fn pull(source: &mut Journal) -> Vec<String> {
    let (wanted, mut values, mut pulses) = (Wanted::only(vec!["N".to_owned()]), Vec::new(), 0);
    while pulses < 3 {
        match source.next(&wanted) {
            None => break,
            Some(Ok(Event::Block(Unparsed::Task(task)))) => {
                let mut rest = Some(task);
                while let Some(task) = rest {
                    let made = task.make(&wanted);
                    assert_eq!(made.failure, None);
                    values.extend(made.batch.rows().map(|row| row.get("N").map_or_else(String::new, |n| n.to_string())));
                    rest = made.rest;
                }
                pulses = 0;
            }
            Some(Ok(Event::Pulse)) => pulses += 1,
            Some(Ok(Event::Problem(problem))) => panic!("{problem:?}"),
            Some(_) => panic!("neither records nor a pulse"),
        }
    }
    values
}

#[test]
fn journals_are_followed_through_rotation() {
    let numbers = |from: u64, to: u64| (from..to).map(|n| n.to_string()).collect::<Vec<_>>();
    for from_start in [true, false] {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let mut writer = Writer::compact();
        let add = |writer: &mut Writer, from: u64, to: u64| {
            (from..to).for_each(|n| writer.add(START + n, n + 1, &[format!("N={n}").as_bytes(), b"A=1"]));
        };
        add(&mut writer, 0, 5);
        std::fs::write(path("x.journal"), writer.finish()).unwrap();
        let mut source = source(dir.path(), Some(from_start));
        assert_eq!(pull(&mut source), numbers(if from_start { 0 } else { 5 }, 5));
        add(&mut writer, 5, 50);
        std::fs::write(path("x.journal"), writer.finish()).unwrap();
        assert_eq!(pull(&mut source), numbers(5, 50));
        // What is written after the file got another name, and to the one that has its name now.
        std::fs::rename(path("x.journal"), path("x@1.journal")).unwrap();
        add(&mut writer, 50, 55);
        std::fs::write(path("x@1.journal"), writer.finish()).unwrap();
        let mut next = Writer::regular().ids(9, 9);
        add(&mut next, 55, 60);
        std::fs::write(path("x.journal"), next.finish()).unwrap();
        let mut came = pull(&mut source);
        came.extend(pull(&mut source));
        came.sort();
        assert_eq!(came, numbers(50, 60));
        assert!(pull(&mut source).is_empty(), "nothing comes twice");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn conditions_lose_no_record_for_which_they_hold(
        entries in prop::collection::vec((0..4_u8, 0..3_u8), 1..200), shape in 0..3_usize, at in 0..3_usize, unit in 0..5_u8, n in 0..4_u8,
    ) {
        let mut writer = shapes().swap_remove(shape).1;
        for (nth, (unit, priority)) in entries.iter().enumerate() {
            let (n, unit, priority) = (format!("N={nth}"), format!("_SYSTEMD_UNIT=u{unit}"), format!("PRIORITY={priority}"));
            writer.add(START + nth as u64, nth as u64 + 1, &[n.as_bytes(), unit.as_bytes(), priority.as_bytes()]);
        }
        let (_dir, paths) = on_disk(&[("x.journal", &writer.finish())]);
        let condition = |field: &str, constant| Condition { field: field.to_owned(), op: CompareOp::Eq, constant };
        let is_unit = condition("unit", Constant::Text(format!("u{unit}").into_bytes().into()));
        let conditions: Arc<[Condition]> = [is_unit, condition("priority", Constant::Int(n.into()))].into();
        let mut source = source(&paths[0], None);
        // They are heard of before anything is read, or a while after.
        let mut came = Vec::new();
        if at > 0 {
            source.batch_entries = at;
            let Some(Ok(Event::Block(Unparsed::Task(task)))) = source.next(&Wanted::all()) else { panic!() };
            came.extend(task.make(&Wanted::all()).batch.rows().map(|row| row.get("N").unwrap().to_string()));
        }
        source.hear(&conditions);
        came.extend(pull(&mut source));
        let holds = |nth: usize| entries[nth] == (unit, n);
        for nth in (0..entries.len()).filter(|nth| holds(*nth)) {
            prop_assert!(came.contains(&nth.to_string()), "{nth}");
        }
        // Of those that had not been read by then, no others come: but the one that came next already.
        prop_assert!(came.iter().skip(at + 1).all(|nth| holds(nth.parse().unwrap())), "{came:?}");
    }
}
