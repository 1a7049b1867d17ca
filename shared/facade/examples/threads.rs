//! Threads and queues: parsed on all cores, handed on through bounded queues, to a target on a thread of its own.

use std::{error::Error, io};

use recpipe_facade::{Flow, Stage, producer::records, stage};

pub(crate) fn run(out: &mut impl io::Write) -> Result<(), Box<dyn Error>> {
    let lines: Vec<u8> = (0..100_000).flat_map(|n| format!("line {n}\n").into_bytes()).collect();
    let (collect, got) = stage::Collect::new();
    let mut target = stage::threaded(move || Ok(collect))?;
    for batch in records("lines", io::Cursor::new(lines))?.parallel() {
        if target.send(batch?)? == Flow::Stop {
            break;
        }
    }
    target.close()?;
    let batches = got.batches();
    let last = batches.last().and_then(|batch| batch.rows().last());
    writeln!(out, "{} records, the last is {}", got.records(), last.ok_or("no record")?.value(0))?;
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    run(&mut io::stdout())
}
