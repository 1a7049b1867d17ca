//! Coroutines: a source drives a filter, and `throw()` reaches the end of the chain, wherever that is.

use recpipe_facade::{Error as Failure, Flow, Stage, Value, co_sendto, gen_recvfrom, producer::Reading, stage};
use std::{error::Error, io};

pub(crate) fn run(out: &mut impl io::Write) -> Result<(), Box<dyn Error>> {
    let mut stream = Vec::new();
    let mut even = stage::filter(|row| matches!(row.value(0), Value::Int(n) if n % 2 == 0), co_sendto(&mut stream)?);
    for batch in Reading::new("range").args(["0", "5"]).open()? {
        let _: Flow = even.send(batch?)?;
    }
    even.fail(&Failure::Data("enough of this".into()));
    drop(even);
    for batch in gen_recvfrom(&stream[..]) {
        match batch {
            Ok(batch) => batch.rows().try_for_each(|row| writeln!(out, "{}", row.value(0)))?,
            Err(thrown) => writeln!(out, "{thrown}")?,
        }
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    run(&mut io::stdout())
}
