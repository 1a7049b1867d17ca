//! `gen_sendto` and `gen_recvfrom` over a pipe: what is cut off on the way is an error, and no end.

use std::{error::Error, io};

use recpipe_facade::{consumer::Query, gen_recvfrom, gen_sendto, producer::records};

pub(crate) fn run(out: &mut impl io::Write) -> Result<(), Box<dyn Error>> {
    let (read, write) = io::pipe()?;
    std::thread::scope(|scope| {
        scope.spawn(|| gen_sendto(records("csv", &b"item,price\ntea,3\ncake,5\n"[..])?, write));
        for batch in Query::parse("sum(price)")?.over(gen_recvfrom(read)) {
            batch?.rows().try_for_each(|row| writeln!(out, "{}", row.value(0)))?;
        }
        Ok(())
    })
}

fn main() -> Result<(), Box<dyn Error>> {
    run(&mut io::stdout())
}
