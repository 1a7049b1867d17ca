//! Laziness: of numbers without an end, three are taken, and no more are made than it takes to find them.

use std::{error::Error, io};

use recpipe_facade::{consumer::Query, producer::Reading};

pub(crate) fn run(out: &mut impl io::Write) -> Result<(), Box<dyn Error>> {
    let mut made = 0;
    let numbers = Reading::new("count").args(["inf", "--batch", "1"]).open()?.inspect(|_| made += 1);
    for batch in Query::parse("where value % 7 == 0 | head 3")?.over(numbers) {
        batch?.rows().try_for_each(|row| writeln!(out, "{}", row.value(0)))?;
    }
    writeln!(out, "{made} were made")?;
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    run(&mut io::stdout())
}
