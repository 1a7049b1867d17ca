//! `journal`: any bytes, as a file of systemd's journal.
//!
//! The laws: reading never panics and ends; of the same bytes it gives the same records and the same failure; a field that is not wanted
//! changes nothing of the others; and there are no more records than entries have room.

use std::io::{self, Cursor, Read};

use recpipe_producer::{
    format::{
        Args, FORMATS, Start, Wanted,
        source::{Misfit, Unparsed},
        store::Stored,
    },
    input::{Inputs, block::Feed, event::Event, find::Input, given::Given, live::Watch, window::Span},
};

struct Bytes(Cursor<Vec<u8>>);

impl Feed for Bytes {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(buf)
    }
}

/// The records, a text each, and how the reading ended.
fn read(data: &[u8], args: &Args, span: Option<Span>, wanted: &Wanted) -> (Vec<String>, String) {
    let Some(Start::Store(store)) = FORMATS.iter().find(|spec| spec.name == "journal").map(|spec| spec.start) else {
        panic!("there is no format journal");
    };
    let bytes = data.to_vec();
    let given = Given::once("made", move || Ok(Box::new(Bytes(Cursor::new(bytes.clone())))));
    let inputs = Inputs::new(vec![Ok(Input::Given(given))], Default::default(), Watch::nothing());
    let Ok(mut source) = (store.start)(args, Stored { inputs, span, follow: None }) else { return (Vec::new(), String::new()) };
    let (mut records, mut ended) = (Vec::new(), String::new());
    'read: while let Some(pulled) = source.next(wanted) {
        match pulled {
            Ok(Event::Block(Unparsed::Task(task))) => {
                let mut rest = Some(task);
                while let Some(task) = rest {
                    let made = task.make(wanted);
                    records.extend(made.batch.rows().map(|row| format!("{:?}", row.iter().collect::<Vec<_>>())));
                    rest = made.rest;
                    if let Some(failure) = made.failure {
                        ended = failure.what;
                        break 'read;
                    }
                }
            }
            Ok(Event::Problem(problem)) => ended = problem.warning.message,
            Ok(_) => {}
            Err(Misfit(what)) => {
                ended = what;
                break;
            }
        }
    }
    (records, ended)
}

/// An entry takes so many bytes at least.
const ENTRY_BYTES: usize = 64;

/// See the module.
pub fn check(data: &[u8]) {
    let Some((first, data)) = data.split_first() else { return };
    let mut args = Args::default();
    if first & 1 != 0 {
        args.units.push("a".to_owned());
    }
    if first & 2 != 0 {
        args.boot = Some(if first & 4 != 0 { "-1".to_owned() } else { String::new() });
    }
    let slack = (first & 8 == 0).then_some(1_000_000_000);
    let span = (first & 16 != 0).then_some(Span { since: Some(1_773_281_411_000_010_000), until: Some(1_773_281_411_000_050_000), slack });
    let all = read(data, &args, span, &Wanted::all());
    assert!(all.0.len() <= data.len() / ENTRY_BYTES, "{} records of {} bytes", all.0.len(), data.len());
    assert_eq!(read(data, &args, span, &Wanted::all()), all, "read again");
    let (none, _) = read(data, &args, span, &Wanted::only(Vec::new()));
    // What is not looked at cannot be found damaged.
    assert!(none.len() >= all.0.len(), "{} records without fields, {} with", none.len(), all.0.len());
}
