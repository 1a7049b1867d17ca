//! `broadcast` and fan-in: two filters of the same records, into one target, which is closed with the last of them.

use std::{error::Error, io};

use recpipe_facade::{Stage, Value, co_recvfrom, gen_sendto, producer::records, stage};

pub(crate) fn run(out: &mut impl io::Write) -> Result<(), Box<dyn Error>> {
    let has = |sign: u8| move |row: recpipe_facade::Row<'_>| matches!(row.value(0), Value::Text(text) if text.contains(&sign));
    let (collect, got) = stage::Collect::new();
    let mut ways = stage::fan_in(2, collect).into_iter();
    let branches = [b'a', b'b'].into_iter().zip(&mut ways);
    let branches = branches.map(|(sign, way)| Box::new(stage::filter(has(sign), way)) as Box<dyn Stage>).collect();
    let mut stream = Vec::new();
    gen_sendto(records("lines", &b"xaz\nxbz\nxabz\n"[..])?, &mut stream)?;
    co_recvfrom(&stream[..], stage::Broadcast::new(branches))?;
    for batch in got.batches() {
        batch.rows().try_for_each(|row| writeln!(out, "{}", row.value(0)))?;
    }
    writeln!(out, "closed: {}", got.is_closed())?;
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    run(&mut io::stdout())
}
