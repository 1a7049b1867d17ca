//! `gen_find`, `gen_open`, `gen_cat`, `gen_grep`, one after the other.

use std::{error::Error, io};

use recpipe_facade::producer::Reading;

pub(crate) fn run(out: &mut impl io::Write) -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    std::fs::write(dir.path().join("access.log.1"), "GET /tool-1.1.tar\nGET /\n")?;
    std::fs::write(dir.path().join("access.log"), "GET /tool-1.1.tar.gz\n")?;
    std::fs::write(dir.path().join("notes"), "tool-1.1.tar\n")?;
    let args = ["--name", "access.log*", "--grep", r"tool-1\.1\.tar"];
    for batch in Reading::new("lines").args([dir.path()]).args(args).open()? {
        batch?.rows().try_for_each(|row| writeln!(out, "{}", row.value(0)))?;
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    run(&mut io::stdout())
}
