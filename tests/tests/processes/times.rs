//! That both programs read times alike, and that what they say of them does not depend on who did the work.

use e2e::{Pipeline, Scratch};

/// Every notation at several moments, some of which there are not, and their malformed neighbours.
fn texts() -> Vec<String> {
    let mut texts = Vec::new();
    for (month, day, hour) in [(1, 1, 0), (2, 29, 12), (3, 31, 2), (10, 27, 2), (12, 31, 23), (13, 1, 0), (2, 30, 0)] {
        for year in ["1600", "1970", "2024", "2300"] {
            let names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Dez"];
            let name = names[month - 1];
            for offset in ["", "Z", "+02:00", " -0730", "+05", " UTC", "+2", " CEST"] {
                texts.push(format!("{year}-{month:02}-{day:02} {hour:02}:30:00{offset}"));
                texts.push(format!("{year}/{month:02}/{day:02}T{hour:02}:30{offset}"));
                texts.push(format!("{year}{month:02}{day:02}T{hour:02}3059,25{offset}"));
                texts.push(format!("{day:02}/{name}/{year}:{hour:02}:30:00{offset}"));
                texts.push(format!("{day} {name} {year} {hour:02}:30:00{offset}"));
            }
            texts.push(format!("{year}-{month:02}-{day:02}"));
            texts.push(format!("{year}{month:02}{day:02}"));
            texts.push(format!("{year}{month:02}{day:02}{hour:02}3000"));
        }
    }
    for digits in 1..=20 {
        texts.extend([
            "17092944001234567890".split_at(digits).0.to_owned(),
            format!("-{}.5", "1".repeat(digits)),
            format!("{}.", "9".repeat(digits)),
        ]);
    }
    texts
}

#[test]
fn both_programs_read_times_alike() {
    let texts = texts();
    let input: String = texts.iter().map(|text| format!("{text}\n")).collect();
    for zone in ["UTC", "Europe/Berlin", "Asia/Kathmandu"] {
        let cast = Pipeline::both(&["lines", "--cast", "line=time", "--zone", zone, "--max-errors", "100000"], &["csv"]);
        let cast = cast.input(input.clone()).run().text();
        // The zone of the consumer shows all times there; without it, those with an offset keep theirs.
        let read = Pipeline::both(&["lines"], &["--zone", zone, "--quiet", "select time(line) as line | where line != null | csv"]);
        let read = read.input(input.clone()).run().succeeds().text();
        let shown = Pipeline::both(&["csv", "--cast", "line=time"], &["--zone", zone, "csv"]).input(cast.clone()).run().succeeds().text();
        assert_eq!(shown, read, "{zone}");
        assert!(read.lines().count() > texts.len() / 5 && read.lines().count() < texts.len(), "{zone}: some are times, some are none");
    }
}

#[test]
fn what_is_said_does_not_depend_on_who_did_the_work() {
    let dir = Scratch::new();
    // Several blocks, with the first example in the second.
    let line = |n: usize| {
        if n > 60_000 && n.is_multiple_of(7) { format!("soon {n}\n") } else { format!("2024-03-01 00:00:00 and more: {n:>20}\n") }
    };
    dir.write("log", (0..100_000).map(line).collect::<String>());
    dir.write("saved", Pipeline::producer(&["lines", "log"]).dir(dir.path()).run().succeeds().stdout);
    let expect = "5714 values of `time(substr(line, 0, 19))` are no times and count as null, the first is \"soon 60004\" (log)";
    for how in [["-j", "1"], ["-j", "8"], ["--processes", "1"], ["--processes", "3"], ["-j", "8"]] {
        for query in ["count(time(substr(line, 0, 19)))", "where time(substr(line, 0, 19)) == null | sort line | tail 1 | csv"] {
            let run = Pipeline::consumer(&["--from", "saved", "--strict", how[0], how[1], query]).dir(dir.path()).run().exits(&[4]);
            assert!(run.consumer_says().contains(expect), "{how:?} {query}: {}", run.consumer_says());
        }
        // What was read ahead of `head` was not asked for.
        let run = Pipeline::consumer(&[
            "--from",
            "saved",
            "--strict",
            how[0],
            how[1],
            "select time(substr(line, 0, 19)) as t | head 3 | count | csv",
        ]);
        run.dir(dir.path()).run().succeeds().prints("count\n3\n");
    }
}
