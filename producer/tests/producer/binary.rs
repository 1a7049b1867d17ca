//! The formats that have no lines: what they read, and how each ends when its input is torn, hostile or something else.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use recpipe::Value;

use crate::harness::{DEADLINE, Stream, command, log, run, run_on, wait};

/// A dict `{"n": n}`, pickled.
fn pickled(n: u8) -> Vec<u8> {
    [b"\x80\x04}\x94\x8c\x01n\x94K", &[n][..], b"s."].concat()
}

fn buses(range: std::ops::Range<usize>) -> String {
    range.map(|n| format!("<bus><id>{n}</id><stop>A &amp; {n}</stop></bus>\n")).collect()
}

#[test]
fn structs_have_names_and_sizes() {
    let stream = run_on(&["struct", "<4sH", "--names", "a,b"], b"ab\0\0\x01\0abcd\xff\xff").exits(0).quietly().stream();
    assert_eq!(
        (stream.field("a"), stream.field("b")),
        (vec!["ab".to_owned(), "abcd".to_owned()], vec!["1".to_owned(), "65535".to_owned()])
    );
    assert_eq!(run_on(&["struct", ">hb"], b"").exits(0).stream().schemas, [["f0", "f1"]]);
    run_on(&["struct", "<4sH", "--names", "a"], b"").exits(2).says("--names has 1 name, `<4sH` has 2 fields");
    run_on(&["struct", "<4sz"], b"").exits(2).says("'z'");
    run_on(&["struct", "<4sH", "--strict"], b"ab\0\0\x01\0abc")
        .exits(4)
        .says("(stdin): byte 6: the input ends within a record: 3 bytes of 6");
    let torn = run_on(&["struct", "<4sH"], b"ab\0\0\x01\0abc").exits(1).says("(stdin): byte 6: the input ends within a record");
    assert_eq!(torn.stream().field("f1"), ["1"]);
    run_on(&["struct", "<4sH"], b"abc").exits(4).says("(stdin):record 1 at byte 0: a torn record of 3 bytes; 6 make a record");
    assert_eq!(run_on(&["struct", "<Q", "--strict"], &[0xff; 8]).exits(0).quietly().stream().field("f0"), [u64::MAX.to_string()]);
}

#[test]
fn any_number_of_threads_writes_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let check = |args: &[&str], data: &[u8], records: usize| {
        let path = dir.path().join("data");
        fs::write(&path, data).unwrap();
        let with = |threads| run(&[args, &["-j", threads, path.to_str().unwrap()]].concat()).exits(0).quietly();
        let alone = with("1");
        assert_eq!(alone.stream().len(), records, "{args:?}");
        assert!(with("4").stdout == alone.stdout, "{args:?}");
    };
    check(&["struct", "<3sxi"], &[7; 8 * 300_000], 300_000);
    check(&["pickle"], &(0..100_000).flat_map(|n| pickled(n as u8)).collect::<Vec<_>>(), 100_000);
    check(&["xml", "bus"], format!("<buses>\n{}</buses>", buses(0..50_000)).as_bytes(), 50_000);
}

#[test]
fn a_hostile_pickle_runs_nothing_and_a_torn_one_is_an_input_that_is_not_whole() {
    let bytes = [&pickled(1)[..], b"cposix\nsystem\n(Vtouch owned\ntR.", &pickled(2)].concat();
    let outcome = run_on(&["pickle"], &bytes).exits(3).says("the pickle would execute posix.system: refused");
    assert_eq!(outcome.stream().field("n"), ["1"]);
    let torn = [&pickled(1)[..], &pickled(2)[..9]].concat();
    let outcome = run_on(&["pickle"], &torn).exits(1).says("the stream ends within a pickle");
    assert_eq!(outcome.stream().field("n"), ["1"]);
    assert_eq!(run_on(&["pickle", "--strict"], &torn).exits(4).stream().field("n"), ["1"]);
    run_on(&["pickle"], b"not a pickle\n").exits(3).says("pickle");
}

#[test]
fn a_rejected_pickle_is_kept_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let kept = dir.path().join("bad");
    let bad = b"}U\x01ncos\nsystem\ns.";
    let args = ["pickle", "--rejects", kept.to_str().unwrap()];
    let outcome = run_on(&args, &[&pickled(1)[..], bad, &pickled(2)].concat());
    assert!(outcome.stderr.contains("first: (stdin):record 2 at byte 12: `n` is a os.system"), "{}", outcome.stderr);
    assert_eq!(fs::read(&kept).unwrap(), bad);
    assert_eq!(outcome.exits(0).stream().field("n"), ["1", "2"]);
}

#[test]
fn a_malformed_document_is_placed_and_the_next_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| fs::write(dir.path().join(name), text).unwrap();
    write("1", format!("<buses>{}<bus><id>x</bus></buses>", buses(0..3)));
    write("2", format!("<buses>{}", buses(3..6)));
    write("3", format!("<buses>{}</buses>", buses(6..8)));
    let outcome = run(&["xml", "bus", dir.path().to_str().unwrap()]).exits(1);
    assert!(outcome.stderr.contains("/1: byte 149: `</bus` stands where `</id>` is expected"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("/2: byte 139: the document ends within the element `buses`"), "{}", outcome.stderr);
    let stream = outcome.stream();
    assert_eq!(stream.field("id"), (0..8).map(|n| n.to_string()).collect::<Vec<_>>());
    assert_eq!((stream.field("stop")[7].as_str(), stream.reports.len()), ("A & 7", 2));
    run_on(&["xml", "bus"], b"no XML at all").exits(1).says("byte 0: text outside of any element; is this XML?");
    run_on(&["xml", "b s"], b"").exits(2).says("not the name of an element");
}

#[test]
fn what_is_wrong_between_blocks_is_found() {
    let text = format!("<a><b>{}</a></b>{}", buses(0..30_000), buses(30_000..60_000));
    let at = text.find("</a>").unwrap();
    for threads in ["1", "4"] {
        let outcome = run_on(&["xml", "bus", "-j", threads], text.as_bytes()).exits(1);
        let outcome = outcome.says(&format!("byte {at}: `</a>` stands where `</b>` is expected"));
        assert_eq!(outcome.stream().len(), 30_000);
    }
}

#[test]
fn an_input_that_failed_is_not_read_any_further() {
    let mut producer = command(&["xml", "bus"]);
    let mut child = producer.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"no XML\n").unwrap();
    // Somebody who would write for ever.
    let writer = std::thread::scope(|scope| {
        let writer = scope.spawn(move || while stdin.write_all(&[b'x'; 4096]).is_ok() {});
        let code = wait(&mut child, DEADLINE);
        writer.join().unwrap();
        code
    });
    assert_eq!(writer, Some(1));
}

#[test]
fn records_are_read_again_or_known_to_be_torn() {
    let dir = tempfile::tempdir().unwrap();
    let kept = dir.path().join("log.rec");
    let kept = kept.to_str().unwrap();
    let original = run_on(&["apache", "--to", kept], log(20_000).as_bytes()).exits(0);
    assert_eq!(original.stdout, b"");
    let bytes = fs::read(kept).unwrap();
    let again = run(&["records", kept]).exits(0).quietly();
    assert!(again.stream().batches == Stream::read(&bytes).batches);
    assert_eq!(run_on(&["records", "--fields", "status"], &bytes).exits(0).stream().len(), 20_000);
    let cut = run_on(&["records"], &bytes[..bytes.len() - 40]).exits(3).says("truncated");
    assert_eq!(cut.stream().len(), 20_000, "what came whole counts");
    let mut changed = bytes.clone();
    changed[bytes.len() / 2] ^= 1;
    run_on(&["records"], &changed).exits(3).says("corrupt");
    run_on(&["records"], log(1).as_bytes()).exits(3).says("not a record stream");
    let failed = run_on(&["apache", "--strict"], b"bad\n").exits(4);
    run_on(&["records"], &failed.stdout).exits(4).says("(stdin)");
}

#[test]
fn files_are_records_too() {
    let dir = tempfile::tempdir().unwrap();
    for (name, size) in [("a.log", 3), ("b.log", 2000), ("c.txt", 1)] {
        fs::write(dir.path().join(name), vec![b'x'; size]).unwrap();
    }
    let path = dir.path().to_str().unwrap();
    let stream = run(&["find", path, "--name", "*.log"]).exits(0).quietly().stream();
    assert_eq!(
        (stream.field("name"), stream.field("size")),
        (vec!["a.log".to_owned(), "b.log".to_owned()], vec!["3".to_owned(), "2000".to_owned()])
    );
    assert_eq!(stream.field("path")[0], format!("{path}/a.log"));
    let row = stream.batches[0].row(0);
    assert!(matches!(row.get("mtime"), Some(Value::Time(time)) if time.nanos > 1_500_000_000_000_000_000), "{row:?}");
    let missing = run(&["find", &format!("{path}/gone"), path]).exits(1).says("gone: No such file");
    assert_eq!(missing.stream().len(), 3);
    run_on(&["find"], b"").exits(2).says("`find` needs a PATH");
}

#[test]
fn what_has_no_lines_is_not_spoken_of_in_lines() {
    let large = vec![0xff; 8 * 200];
    let cast = ["struct", "<Q", "--cast", "f0=int"];
    let outcome = run_on(&cast, &large).exits(4);
    let outcome = outcome.says("100 records rejected, first: (stdin):record 1 at byte 0").says("each of the first 100 records is bad");
    assert!(!outcome.stderr.contains("line"), "{}", outcome.stderr);
    let some: Vec<u8> = (0..2000_u64).flat_map(|n| if n % 50 == 7 { u64::MAX } else { n }.to_le_bytes()).collect();
    run_on(&cast, &some).exits(4).says("(stdin):record 8 at byte 56").says("of the records are bad");
    // Of what a pattern left, the place is still that in the input.
    let text = [&pickled(1)[..], &pickled(2), b"}U\x01ncos\nsystem\ns."].concat();
    run_on(&["pickle", "--grep", "system", "--stats"], &text)
        .exits(0)
        .says("at byte 24: `n` is a os.system")
        .says("3 records in, 0 records out, 1 record rejected, 2 filtered");
}

#[test]
fn a_record_that_never_ends_is_an_incomplete_document() {
    let long = "<x>y</x>".repeat(300_000);
    for (before, after) in [("", ""), ("<buses>", ""), ("<buses><bus><id>1</id></bus>", "</buses>")] {
        for grep in [None, Some("--grep=y")] {
            let args: Vec<&str> = ["xml", "bus", "--max-errors", "5"].into_iter().chain(grep).collect();
            let at = before.len();
            let outcome = run_on(&args, format!("{before}<bus>{long}{after}").as_bytes()).exits(1);
            let outcome = outcome.says(&format!("(stdin): byte {at}: the document ends within the record that begins here"));
            assert_eq!(outcome.stream().len(), usize::from(before.len() > 10 && grep.is_none()));
            // One that ends is only too long.
            let whole = format!("<buses><bus><id>y</id></bus><bus>{long}</bus><bus><id>y</id></bus></buses>");
            let outcome = run_on(&args, whole.as_bytes()).exits(0);
            assert_eq!(outcome.says("1 record rejected, first: (stdin):record 2 at byte 28: longer than").stream().len(), 2);
        }
    }
    // The next input is read, and told from this one.
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in [("1", format!("<bus>{long}")), ("2", buses(0..3))] {
        fs::write(dir.path().join(name), text).unwrap();
    }
    let outcome = run(&["xml", "bus", "--max-errors", "5", dir.path().to_str().unwrap()]).exits(1).says("1: byte 0: the document ends");
    assert_eq!(outcome.stream().field("id"), ["0", "1", "2"]);
}

#[test]
fn a_pattern_filters_records_of_xml_and_nothing_else() {
    let text = format!("<?xml version=\"1.0\"?>\n<buses><!-- 3 -->\n{}</buses>\n", buses(0..5));
    let grep = |pattern: &str, text: &str| run_on(&["xml", "bus", "--grep", pattern, "--stats"], text.as_bytes());
    for (pattern, ids) in [("3", &["3"][..]), ("buses", &[]), ("bus", &["0", "1", "2", "3", "4"]), ("nothing", &[])] {
        let outcome = grep(pattern, &text).exits(0);
        let (out, filtered) = (ids.len(), 5 - ids.len());
        let outcome = outcome.says(&format!("5 records in, {out} record")).says(&format!("0 records rejected, {filtered} filtered"));
        assert_eq!(outcome.stream().field("id"), ids);
    }
    // Whether the document is whole does not depend on what is wanted of it.
    let torn = text.strip_suffix("</buses>\n").unwrap();
    grep("nothing", torn).exits(1).says("the document ends within the element `buses`");
    grep("nothing", &format!("{torn}</bus>")).exits(1).says("`</bus>` stands where `</buses>` is expected");
    grep("nothing", &format!("{torn}<bus><id>9")).exits(1).says("the document ends within");
}
