//! The producer as a generator: the batches that a program of one's own is given are those that the stream has.

use std::fs;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use recpipe::{Batch, Error, Exit};
use recpipe_producer::format::{Args, FORMATS, Format, FormatSpec, Formats, Start};
use recpipe_producer::{Reading, Records, records};

use crate::harness::{Outcome, log, run, run_on};

fn rows<'b>(batches: impl IntoIterator<Item = &'b Batch>) -> Vec<String> {
    batches.into_iter().flat_map(|batch| batch.rows().map(|row| format!("{row:?}")).collect::<Vec<_>>()).collect()
}

/// All batches, and the error that they end with.
fn all(records: &mut Records) -> (Vec<Batch>, Option<Error>) {
    let (mut batches, mut error) = (Vec::new(), None);
    for batch in records.by_ref() {
        assert!(error.is_none(), "something after an error");
        match batch {
            Ok(batch) => batches.push(batch),
            Err(found) => error = Some(found),
        }
    }
    assert!(records.next().is_none());
    (batches, error)
}

/// That both ways give what the program does.
#[track_caller]
fn check(program: &Outcome, make: impl Fn() -> Records) {
    let stream = program.stream();
    for parallel in [false, true] {
        let mut records = if parallel { make().parallel() } else { make() };
        let (batches, error) = all(&mut records);
        assert_eq!(rows(&batches), rows(&stream.batches), "parallel: {parallel}");
        assert!(batches.iter().zip(0..).all(|(batch, place)| batch.origin().order == place));
        assert_eq!(error.as_ref().map_or(Exit::Done, Error::exit), stream.ending.exit, "{error:?}");
        if let Some(error) = error {
            assert_eq!(error.to_string(), stream.ending.cause.replace("(stdin)", "(input)"));
        }
        assert_eq!(records.rejected(), stream.ending.rejected);
        let said = program.stderr.replace("producer: ", "").replace("(stdin)", "(input)");
        assert_eq!(records.warnings().iter().map(|line| format!("{line}\n")).collect::<String>(), said);
    }
}

#[test]
fn of_every_format_it_is_what_the_program_sends() {
    let mut checked = 0;
    for spec in FORMATS.iter().filter(|spec| matches!(spec.start, Start::Blocks(_)) && spec.args.iter().all(|arg| arg.starts_with('['))) {
        let text = format!("{}\n", spec.sample.trim_end());
        let bytes: Arc<[u8]> = text.as_bytes().into();
        check(&run_on(&[spec.name], text.as_bytes()), || records(spec.name, io::Cursor::new(bytes.clone())).unwrap());
        checked += 1;
    }
    assert!(checked > 20, "{checked}");
    let bad: Arc<[u8]> = [log(20_000), "no line\n".into(), log(20_000)].concat().into_bytes().into();
    check(&run_on(&["apache"], &bad), || records("apache", io::Cursor::new(bad.clone())).unwrap());
    check(&run_on(&["apache", "--strict"], &bad), || Reading::new("apache").args(["--strict"]).of(io::Cursor::new(bad.clone())).unwrap());
    let args = ["--grep", "host1", "--fields", "host,status", "--batch", "7"];
    check(&run_on(&[&["apache"], &args[..]].concat(), &bad), || {
        Reading::new("apache").args(args).of(io::Cursor::new(bad.clone())).unwrap()
    });
    let torn: Arc<[u8]> = b"{\"a\":1}\n{\"a\":2}\n{\"b\":".as_slice().into();
    check(&run_on(&["json"], &torn), || records("json", io::Cursor::new(torn.clone())).unwrap());
    check(&run(&["range", "0", "30000", "7"]), || Reading::new("range").args(["0", "30000", "7"]).open().unwrap());
}

#[test]
fn files_that_cannot_be_read_end_it_after_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    fs::write(path("a.csv"), "n\n1\n2\n").unwrap();
    fs::write(path("c.csv"), "n\n3\n").unwrap();
    let args = [path("a.csv"), path("b.csv"), path("c.csv")];
    let program = run(&[&["csv".to_owned()], &args[..]].concat());
    check(&program.exits(1), || Reading::new("csv").args(args.clone()).open().unwrap());
}

#[test]
fn mistakes_are_told_before_anything_is_read() {
    let mistake = |made: Result<Records, Error>| {
        let error = made.err().unwrap();
        assert_eq!(error.exit(), Exit::Usage);
        error.to_string()
    };
    assert!(mistake(records("apach", io::empty())).contains("`apache`"));
    assert!(mistake(records("regex", io::empty())).contains("needs PATTERN"));
    assert!(mistake(Reading::new("csv").args(["--as", "json"]).of(io::empty())).contains("--as"));
    assert!(mistake(Reading::new("csv").args(["--nosuch"]).of(io::empty())).contains("--nosuch"));
    assert!(mistake(Reading::new("csv").args(["a.csv"]).of(io::empty())).contains("a.csv"));
    assert!(mistake(Reading::new("count").args(["3"]).of(io::empty())).contains("reads nothing"));
    for parallel in [false, true] {
        let records = Reading::new("csv").args(["--fields", "m"]).of(&b"n\n1\n"[..]).unwrap();
        let (batches, error) = all(&mut if parallel { records.parallel() } else { records });
        assert!(batches.is_empty());
        assert!(matches!(&error, Some(Error::Usage(what)) if what.contains("no field `m`")), "{error:?}");
    }
}

/// Gives lines without an end, and counts the reads.
struct Endless(Arc<AtomicUsize>);

impl Read for Endless {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.fetch_add(1, Ordering::Relaxed);
        buf.iter_mut().zip(b"a line\n".iter().cycle()).for_each(|(to, from)| *to = *from);
        let whole = buf.len() / 7 * 7;
        Ok(if whole == 0 { buf.len() } else { whole })
    }
}

#[test]
fn it_is_lazy_and_may_be_left() {
    for parallel in [false, true] {
        let reads = Arc::new(AtomicUsize::new(0));
        let records = Reading::new("lines").args(["--batch", "3"]).of(Endless(reads.clone())).unwrap();
        let mut records = if parallel { records.parallel() } else { records };
        assert_eq!(reads.load(Ordering::Relaxed), 0);
        assert_eq!(records.next().unwrap().unwrap().len(), 3);
        let after_one = reads.load(Ordering::Relaxed);
        if !parallel {
            // What is in hand is given out before the next is read.
            assert_eq!(records.next().unwrap().unwrap().len(), 3);
            assert!(reads.load(Ordering::Relaxed) <= after_one + 1);
        }
        drop(records);
    }
}

#[test]
fn a_reader_that_fails_is_an_error_after_what_came() {
    struct Failing(bool);
    impl Read for Failing {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            if std::mem::replace(&mut self.0, true) {
                return Err(io::Error::other("the disk is on fire"));
            }
            buf[..4].copy_from_slice(b"a\nb\n");
            Ok(4)
        }
    }
    for parallel in [false, true] {
        let records = Reading::new("lines").named("log 7").of(Failing(false)).unwrap();
        let (batches, error) = all(&mut if parallel { records.parallel() } else { records });
        assert_eq!(rows(&batches).len(), 2);
        assert!(error.unwrap().to_string().contains("log 7: the disk is on fire"));
    }
}

#[test]
fn formats_of_ones_own_are_known_as_the_others() {
    fn bars(args: &Args) -> Result<Box<dyn Format>, String> {
        let Start::Blocks(start) = FORMATS.iter().find(|spec| spec.name == "csv").unwrap().start else { panic!() };
        start(&Args { delimiter: Some(b'|'), ..args.clone() })
    }
    let spec = |name| FormatSpec {
        name,
        args: &[],
        options: &[],
        about: "tables with bars",
        start: Start::Blocks(bars),
        fields: "as the first row names them",
        sample: "item|price\ntea|3",
    };
    let formats = Formats::builtin().with(spec("bars")).unwrap();
    let text: &[u8] = b"item|price\ntea|3\n";
    let (batches, error) = all(&mut Reading::new("bars").among(&formats).of(text).unwrap());
    assert!(error.is_none());
    assert_eq!(batches[0].row(0).get("price"), Some(recpipe::Value::Int(3)));
    let mistake = Reading::new("bar").among(&formats).of(text).err().unwrap().to_string();
    assert!(mistake.contains("did you mean `bars`"), "{mistake}");
    assert!(records("bars", text).is_err(), "nobody else knows it");
    let refused = |name| formats.clone().with(spec(name)).unwrap_err().to_string();
    assert!(refused("bars").contains("already") && refused("csv").contains("already"));
    assert!(refused("help").contains("no name") && refused("").contains("no name") && refused("-x").contains("no name"));
}
