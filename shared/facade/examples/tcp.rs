//! `gen_sendto` and `gen_recvfrom` over TCP.

use std::{error::Error, io, net};

use recpipe_facade::{gen_recvfrom, gen_sendto, producer::records};

pub(crate) fn run(out: &mut impl io::Write) -> Result<(), Box<dyn Error>> {
    let listener = net::TcpListener::bind("127.0.0.1:0")?;
    let sender = net::TcpStream::connect(listener.local_addr()?)?;
    std::thread::scope(|scope| {
        scope.spawn(|| gen_sendto(records("csv", &b"item,price\ntea,3\ncake,5\n"[..])?, sender));
        for batch in gen_recvfrom(listener.accept()?.0) {
            batch?.rows().try_for_each(|row| writeln!(out, "{} {}", row.value(0), row.value(1)))?;
        }
        Ok(())
    })
}

fn main() -> Result<(), Box<dyn Error>> {
    run(&mut io::stdout())
}
