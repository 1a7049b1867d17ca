//! What becomes of the output before and while it is written: files that are left alone, an output that is non-blocking, one
//! that is an input too.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::ioctl_fionbio;

use crate::harness::{DEADLINE, Stream, command, hosts, log, run, run_on, wait};

fn shown(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

#[test]
fn what_comes_after_the_header_of_csv_is_counted_and_named() {
    let text = "{\"a\":1}\n".repeat(100_000) + "{\"a\":2,\"late\":5}\n{\"a\":3,\"late\":null}\n";
    let outcome = run_on(&["json", "--as", "csv"], text.as_bytes()).exits(4);
    let outcome = outcome.says("1 record had others later, which were left out: late; --fields a,late sends them");
    assert!(outcome.stdout.starts_with(b"a\n1\n") && outcome.stdout.ends_with(b"\n1\n2\n3\n"));
    let outcome = run_on(&["json", "--as", "csv", "--fields", "a,late"], text.as_bytes()).exits(0).quietly();
    assert!(outcome.stdout.starts_with(b"a,late\n1,\n") && outcome.stdout.ends_with(b"\n2,5\n3,\n"));
}

#[test]
fn a_mistake_that_the_data_show_leaves_the_file_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (table, keep, new) = (dir.path().join("table.csv"), dir.path().join("keep.rec"), dir.path().join("new.rec"));
    fs::write(&table, "a,b\n1,2\n").unwrap();
    fs::write(&keep, "precious").unwrap();
    let bad = dir.path().join("bad");
    fs::write(&bad, "kept").unwrap();
    // The first is known before anything is read, the others when the header is.
    for args in [["apache", "--fields", "nosuch"], ["csv", "--fields", "nosuch"], ["csv", "--cast", "nosuch=int"]] {
        for to in [&keep, &new] {
            let paths = [shown(&table), "--to".to_owned(), shown(to), "--rejects".to_owned(), shown(&bad)];
            let args: Vec<String> = args.map(str::to_owned).into_iter().chain(paths).collect();
            run(&args).exits(2).says("nosuch");
            assert_eq!(fs::read(&keep).unwrap(), b"precious", "{args:?}");
            assert!(!new.exists(), "{args:?}");
            assert_eq!(fs::read(&bad).unwrap(), b"kept", "{args:?}");
        }
    }
    // And otherwise it is what is there now, not more.
    fs::write(&keep, "x".repeat(5000)).unwrap();
    run(&["csv", &shown(&table), "--to", &shown(&keep), "--rejects", &shown(&bad)]).exits(0).quietly();
    assert_eq!(Stream::read(&fs::read(&keep).unwrap()).field("b"), ["2"]);
    assert_eq!(fs::read(&bad).unwrap(), b"");
    run(&["csv", "/dev/null", "--to", &shown(&new)]).exits(0).quietly();
    assert_eq!(Stream::read(&fs::read(&new).unwrap()).len(), 0);
    run(&["apache", &shown(&table), "--to", "/dev/null", "-q"]).exits(4).says("right format");
}

#[test]
fn an_input_that_the_stream_would_be_appended_to_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("access.log");
    fs::write(&path, log(10)).unwrap();
    for input in [shown(&path), shown(dir.path()), "-".to_owned()] {
        for follow in [None, Some("--follow")].into_iter().filter(|follow| follow.is_none() || input != "-") {
            let args: Vec<&str> = ["apache", &input].into_iter().chain(follow).collect();
            let mut command = command(&args);
            command.stdout(File::options().append(true).open(&path).unwrap()).stdin(File::open(&path).unwrap());
            let mut child = command.spawn().unwrap();
            assert_eq!(wait(&mut child, DEADLINE), Some(2), "{args:?}");
            let mut said = String::new();
            child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
            assert!(said.contains("is one of the inputs"), "{said}");
            assert_eq!(fs::read_to_string(&path).unwrap(), log(10));
        }
    }
    // Another file is appended to.
    let mut child = command(&["apache", &shown(&path)]);
    child.stdout(File::options().append(true).create(true).open(dir.path().join("all.rec")).unwrap());
    assert_eq!(wait(&mut child.spawn().unwrap(), DEADLINE), Some(0));
}

#[test]
fn a_non_blocking_output_is_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    fs::write(&path, log(60_000)).unwrap();
    let (mut reader, writer) = io::pipe().unwrap();
    ioctl_fionbio(&writer, true).unwrap();
    let mut child = command(&["apache", &shown(&path)]).stdout(writer.try_clone().unwrap()).spawn().unwrap();
    // The stream is larger than any pipe.
    while poll(&mut [PollFd::new(&writer, PollFlags::OUT)], Some(&Timespec::default())).unwrap() > 0 {
        assert!(child.try_wait().unwrap().is_none());
        std::thread::yield_now();
    }
    drop(writer);
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).unwrap();
    assert_eq!(wait(&mut child, DEADLINE), Some(0));
    assert_eq!(Stream::read(&bytes).field("host"), hosts(0..60_000));
}
