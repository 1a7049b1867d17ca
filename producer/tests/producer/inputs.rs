//! Which files are read, in which order, and what became of those that cannot be.

use std::fs;
use std::io::Write;

use crate::harness::{common, hosts, log, run, run_from, run_on};

fn gz(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn bz2(text: &str) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_directory_of_rotated_and_compressed_logs_is_read_oldest_first() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("sub")).unwrap();
    fs::write(dir.path().join("access.10.gz"), gz(&common(0))).unwrap();
    fs::write(dir.path().join("access.9"), bz2(&common(1))).unwrap();
    fs::write(dir.path().join("access.1"), common(2)).unwrap();
    fs::write(dir.path().join("access"), common(3)).unwrap();
    fs::write(dir.path().join("sub/access"), [gz(&common(4)), gz(&common(5))].concat()).unwrap();
    fs::write(dir.path().join("other"), "not a log\n").unwrap();
    let stream = run(&["apache".as_ref(), "--name".as_ref(), "access*".as_ref(), dir.path().as_os_str()]).exits(0).quietly().stream();
    assert_eq!(stream.field("host"), hosts(0..6));
    let sources: Vec<_> = stream.batches.iter().map(|b| b.origin().source.rsplit('/').next().unwrap().to_owned()).collect();
    assert_eq!(sources, ["access.10.gz", "access.9", "access.1", "access", "access"], "a batch is of one file");
}

#[test]
fn globs_are_expanded_by_the_program_too() {
    let dir = tempfile::tempdir().unwrap();
    for (n, name) in ["a.log", "b.log", "c.txt"].iter().enumerate() {
        fs::write(dir.path().join(name), common(n)).unwrap();
    }
    let stream = run(&["apache".as_ref(), dir.path().join("*.log").as_os_str()]).exits(0).stream();
    assert_eq!(stream.field("host"), hosts(0..2));
    run(&["apache".as_ref(), dir.path().join("*.gz").as_os_str()]).exits(1).says("*.gz: no file matches");
}

#[test]
fn standard_input_is_read_whatever_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    fs::write(&path, log(20_000)).unwrap();
    assert_eq!(run_from(&["apache"], &path).exits(0).quietly().stream().field("host"), hosts(0..20_000));
    assert_eq!(run_on(&["apache", "-"], log(20_000).as_bytes()).exits(0).quietly().stream().field("host"), hosts(0..20_000));
    assert_eq!(run_on(&["apache"], &gz(&log(20_000))).exits(0).quietly().stream().len(), 20_000);
}

#[test]
fn no_input_at_all_is_a_stream_with_a_schema_and_an_end() {
    let stream = run(&["apache"]).exits(0).quietly().stream();
    assert_eq!((stream.schemas.len(), stream.schemas[0].len(), stream.len()), (1, 14, 0));
}

#[test]
fn what_cannot_be_read_is_named_and_the_others_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let (a, gone, b) = (dir.path().join("a"), dir.path().join("gone"), dir.path().join("b"));
    fs::write(&a, log(3)).unwrap();
    fs::write(&b, common(3)).unwrap();
    let outcome =
        run(&["apache".as_ref(), a.as_os_str(), gone.as_os_str(), b.as_os_str()]).exits(1).says("gone: No such file or directory");
    let stream = outcome.stream();
    assert_eq!(stream.field("host"), hosts(0..4));
    assert_eq!(stream.reports.len(), 1);
    assert!(stream.ending.cause.contains("gone: No such file"), "{}", stream.ending.cause);
}

#[test]
fn a_torn_file_counts_up_to_where_it_is_torn() {
    let dir = tempfile::tempdir().unwrap();
    let (torn, whole) = (dir.path().join("torn"), dir.path().join("whole"));
    let packed = gz(&log(20_000));
    fs::write(&torn, &packed[..packed.len() / 2]).unwrap();
    fs::write(&whole, log(2)).unwrap();
    let outcome = run(&["apache", torn.to_str().unwrap(), whole.to_str().unwrap()]).exits(1);
    let outcome = outcome.says(&format!("torn: gz data truncated or corrupt at compressed byte {}: unexpected end", packed.len() / 2));
    let records = outcome.stream().field("host");
    let (read, last) = records.split_at(records.len() - 2);
    assert!(read.len() > 1000);
    assert_eq!(read, hosts(0..read.len()));
    assert_eq!(last, hosts(0..2));
}

#[test]
fn lines_may_end_in_crlf_or_not_at_all_and_hold_any_bytes() {
    let text = b"h\xff\xfe - - [d z] \"GET /\x80 HTTP/1.0\" 200 1\r\nh2 - - [d z] \"GET / HTTP/1.0\" 200 2";
    let stream = run_on(&["apache"], text).exits(0).quietly().stream();
    assert_eq!(stream.batches[0].row(0).get("host"), Some(recpipe::Value::Text(b"h\xff\xfe")));
    assert_eq!(stream.field("bytes"), ["1", "2"]);
}
