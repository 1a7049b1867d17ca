//! What is written: the same for any number of threads, schemas, the end.

use std::fs;
use std::io::Write;

use crate::harness::{Stream, combined, common, hosts, log, run, run_on};

#[test]
fn the_bytes_are_the_same_for_any_number_of_threads() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let odd = "h - \"a b\" [d z] \"-\" 408 - \"-\" \"-\"\nbad\n";
    fs::write(&path, log(30_000) + odd + &combined(7) + &log(20_000)).unwrap();
    let path = path.to_str().unwrap();
    let alone = run(&["apache", "-j", "1", path]).exits(0);
    assert_eq!(alone.stream().len(), 50_002);
    for threads in ["2", "3", "8"] {
        assert!(run(&["apache", "-j", threads, path]).exits(0).stdout == alone.stdout, "-j {threads}");
    }
}

#[test]
fn all_lines_have_all_fields() {
    let names =
        concat!("host referrer user datetime method request proto status bytes http_referer http_user_agent ", "vhost forwarded_for extra");
    let names: Vec<_> = names.split(' ').collect();
    for text in ["", &common(1), &(common(0) + &combined(1))] {
        assert_eq!(run_on(&["apache"], text.as_bytes()).exits(0).stream().schemas, [&names[..]]);
    }
    let stream = run_on(&["apache"], (common(0) + &combined(1)).as_bytes()).exits(0).stream();
    assert_eq!(stream.field("http_referer"), [&recpipe::Value::Null.to_string(), "http://ref/1"]);
    assert_eq!(stream.field("http_user_agent")[1], "agent 1 (X11; Linux)");
}

#[test]
fn lines_as_servers_write_them() {
    let text = concat!(
        "h - - [d z] \"-\" 408 0\n",
        "h - - [d z] \"\\x16\\x03\\x01 \\x02 x\" 400 226 \"-\" \"-\"\n",
        "h - - [d z] \"GET /a b.html HTTP/1.1\" 404 10\n",
        "h id \"John \\\"J\\\" Smith\" [d z] \"GET / HTTP/1.1\" 200 5\n",
        "h - - [d z] \"GET /q=\\\"x\\\" HTTP/1.1\" 200 6 trailing stuff\n",
        "h - - [d z] \"GET / HTTP/1.1\" 200 7 \"r\" \"say \\\"hi\\\"\" 1234\n",
        "h - - [d z] \"GET / HTTP/1.1\" 304 -\n",
        "h - - [d z] \"\" 400 0\n",
    );
    let stream = run_on(&["apache"], text.as_bytes()).exits(0).quietly().stream();
    let null = recpipe::Value::Null.to_string();
    let n = null.as_str();
    assert_eq!(stream.field("request"), ["-", "\\x16\\x03\\x01 \\x02 x", "GET /a b.html HTTP/1.1", "/", "/q=\\\"x\\\"", "/", "/", ""]);
    assert_eq!(stream.field("method"), [n, n, n, "GET", "GET", "GET", "GET", n]);
    assert_eq!(stream.field("proto"), [n, n, n, "HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.1", n]);
    assert_eq!(stream.field("user"), ["-", "-", "-", "John \\\"J\\\" Smith", "-", "-", "-", "-"]);
    assert_eq!(stream.field("bytes"), ["0", "226", "10", "5", "6", "7", "0", "0"]);
    assert_eq!(stream.field("http_user_agent"), [n, "-", n, n, n, "say \\\"hi\\\"", n, n]);
}

#[test]
fn batches_say_where_they_come_from_without_gaps() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let text = log(50_000);
    fs::write(&path, &text).unwrap();
    let stream = run(&["apache", path.to_str().unwrap()]).exits(0).stream();
    assert!(stream.batches.len() > 3);
    let mut at = 0;
    for batch in &stream.batches {
        let origin = batch.origin();
        assert_eq!((origin.source.as_ref(), origin.start), (path.to_str().unwrap(), at));
        at = origin.end;
        assert!(text.as_bytes()[at as usize - 1] == b'\n');
    }
    assert_eq!(at, text.len() as u64);
}

#[test]
fn a_file_of_records_is_the_stream() {
    let dir = tempfile::tempdir().unwrap();
    let kept = dir.path().join("s.rec");
    let outcome = run_on(&["apache", "--to", kept.to_str().unwrap()], log(10).as_bytes()).exits(0).quietly();
    assert_eq!(outcome.stdout, b"");
    assert_eq!(Stream::read(&fs::read(&kept).unwrap()).field("host"), hosts(0..10));
    run(&["apache", "--to", dir.path().to_str().unwrap()]).exits(1).says("cannot write");
}

#[test]
fn the_output_is_not_read() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a"), log(3)).unwrap();
    let kept = dir.path().join("b.rec");
    fs::write(&kept, "precious").unwrap();
    let (kept_name, dir_name) = (kept.to_str().unwrap(), dir.path().to_str().unwrap());
    for option in ["--to", "--rejects"] {
        run(&["apache", option, kept_name, dir_name]).exits(2).says("b.rec: is one of the inputs");
        assert_eq!(fs::read(&kept).unwrap(), b"precious");
    }
    // A shell has created it before anybody could ask.
    let mut child = crate::harness::command(&["apache", dir_name]).stdout(fs::File::create(&kept).unwrap()).spawn().unwrap();
    assert_eq!(crate::harness::wait(&mut child, crate::harness::DEADLINE), Some(1));
    assert_eq!(Stream::read(&fs::read(&kept).unwrap()).len(), 3);
}

#[test]
fn a_full_disk_is_a_failure() {
    let mut command = crate::harness::command(&["apache"]);
    command.stdin(std::process::Stdio::piped()).stdout(fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
    let mut child = command.spawn().unwrap();
    // The input stays open: the failure alone has to end the program.
    let mut stdin = child.stdin.take().unwrap();
    // It may have ended before it reads any of this: the preamble fails already.
    let _ = stdin.write_all(log(10).as_bytes());
    assert_eq!(crate::harness::wait(&mut child, crate::harness::DEADLINE), Some(1));
}
