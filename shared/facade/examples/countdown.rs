//! `countdown`: numbers that are made when they are asked for.

use std::{error::Error, io};

use recpipe_facade::producer::Reading;

pub(crate) fn run(out: &mut impl io::Write) -> Result<(), Box<dyn Error>> {
    for batch in Reading::new("range").args(["3", "0", "-1"]).open()? {
        for row in batch?.rows() {
            writeln!(out, "{}", row.value(0))?;
        }
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    run(&mut io::stdout())
}
