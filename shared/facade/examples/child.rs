//! `Popen(stdout=PIPE)`: the records of a program that is started, and waited for.

use std::{
    error::Error,
    io::{self, Read},
};

use recpipe_facade::{Exit, producer::Reading, transport::exec};

pub(crate) fn run(out: &mut impl io::Write) -> Result<(), Box<dyn Error>> {
    let argv = ["sh", "-c", r#"echo '{"n":1}'; echo '{"n":2}'"#].map(str::to_owned);
    let (child, written) = exec::spawn_writing(&argv, std::process::Stdio::null())?;
    for batch in Reading::new("json").named("the child").of(written.take(1 << 20))? {
        batch?.rows().try_for_each(|row| writeln!(out, "{}", row.value(0)))?;
    }
    child.wait_read(Exit::Done)?;
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    run(&mut io::stdout())
}
