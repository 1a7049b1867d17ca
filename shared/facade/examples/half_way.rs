//! An average, half-way moved to another process, and finished there.

use std::{error::Error, io};

use recpipe_facade::consumer::{PartialAnswer, Query};
use recpipe_facade::producer::records;

pub(crate) fn run(out: &mut impl io::Write) -> Result<(), Box<dyn Error>> {
    let query = Query::parse("avg(ms)")?;
    let first = records("csv", &b"ms\n10\n20\n"[..])?.next().ok_or("no records")??;
    let mut here = query.partial(first.schema(), 0)?;
    here.add(first)?;
    let mut state = Vec::new();
    here.suspend(&mut state)?;
    let mut there = PartialAnswer::resume(&query, &state[..])?;
    records("csv", &b"ms\n60\n"[..])?.try_for_each(|batch| there.add(batch?))?;
    for batch in there.answer() {
        batch?.rows().try_for_each(|row| writeln!(out, "{}", row.value(0)))?;
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    run(&mut io::stdout())
}
