//! `buses_to_dicts`, `filter_on_field`, `bus_locations`: where each bus of a route was last.

use std::{error::Error, io};

use recpipe_facade::{consumer::Query, producer::Reading};

const BUSES: &[u8] = b"<buses><bus><id>7</id><route>22</route><latitude>41.88</latitude></bus>
  <bus><id>8</id><route>9</route><latitude>40.00</latitude></bus>
  <bus><id>7</id><route>22</route><latitude>41.90</latitude></bus></buses>";

pub(crate) fn run(out: &mut impl io::Write) -> Result<(), Box<dyn Error>> {
    let buses = Reading::new("xml").args(["bus"]).of(BUSES)?;
    for batch in Query::parse("where route == '22' | last(latitude) by id")?.over(buses) {
        batch?.rows().try_for_each(|row| writeln!(out, "bus {} at {}", row.value(0), row.value(1)))?;
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    run(&mut io::stdout())
}
