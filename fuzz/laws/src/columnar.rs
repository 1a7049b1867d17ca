//! `arrow` and `parquet`: any bytes, which their libraries read.
//!
//! The laws: reading never panics, whatever the libraries do; of the same bytes it gives the same records and the same failure, in pieces of
//! any size; and a field that is not wanted changes nothing of the others.

use std::io::{self, Cursor, Read};
use std::sync::Arc;

use recpipe_producer::{
    format::{
        Args, FORMATS, Start, Wanted,
        source::{Misfit, Unparsed},
    },
    input::{Inputs, block::Feed, event::Event, find::Input, given::Given, live::Watch},
};

/// Gives some bytes, so many at a time.
struct Pieces(Cursor<Vec<u8>>, usize);

impl Feed for Pieces {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let most = self.1.min(buf.len());
        self.0.read(&mut buf[..most])
    }
}

/// A program reads no further: what came so far is compared.
const MOST_RECORDS: usize = 4096;

/// The records, a text each, and how it ended.
fn read(format: &str, data: &[u8], piece: usize, wanted: &Wanted) -> (Vec<String>, String) {
    let Some(Start::Source(start)) = FORMATS.iter().find(|spec| spec.name == format).map(|spec| spec.start) else {
        panic!("there is no format {format}");
    };
    let bytes = data.to_vec();
    let given = Given::once("made", move || Ok(Box::new(Pieces(Cursor::new(bytes.clone()), piece))));
    let inputs = Inputs::new(vec![Ok(Input::Given(given))], Arc::default(), Watch::nothing());
    let Ok(mut source) = start(&Args::default(), inputs) else { return (Vec::new(), String::new()) };
    let (mut records, mut ended) = (Vec::new(), String::new());
    while let Some(pulled) = source.next(wanted) {
        match pulled {
            Ok(Event::Block(Unparsed::Batch(batch))) => {
                records.extend(batch.rows().map(|row| format!("{:?}", row.iter().collect::<Vec<_>>())));
            }
            Ok(Event::Problem(problem)) => ended = problem.warning.message,
            Ok(_) => {}
            Err(Misfit(what)) => {
                ended = what;
                break;
            }
        }
        if records.len() > MOST_RECORDS {
            break;
        }
    }
    (records, ended)
}

/// See the module.
pub fn check(data: &[u8]) {
    let Some((first, data)) = data.split_first() else { return };
    let format = if first.is_multiple_of(2) { "arrow" } else { "parquet" };
    let (records, ended) = read(format, data, usize::MAX, &Wanted::all());
    let again = read(format, data, 1 + usize::from(first / 2) * 7, &Wanted::all());
    assert_eq!((&records, &ended), (&again.0, &again.1), "in pieces");
    let (none, _) = read(format, data, usize::MAX, &Wanted::only(Vec::new()));
    // What is not looked at cannot be found damaged.
    assert!(none.len() >= records.len(), "{} records without fields, {} with", none.len(), records.len());
}
