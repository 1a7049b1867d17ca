//! What Python's libraries make of an output: readers that are not ours.

use std::{
    io::Write,
    process::{Command, Stdio},
    thread,
    time::Instant,
};

use crate::{
    feed::{LOOK, read_all},
    process::SOON,
};

/// What a script says to these bytes on its standard input; `None` where there is no `python3` that has the module.
///
/// # Panics
/// When the script fails, or is not over at [`SOON`].
#[allow(clippy::disallowed_methods, reason = "this is the one file of the tests that starts another program")]
pub fn python(module: &str, script: &str, input: &[u8]) -> Option<String> {
    let run = |script: &str, input: &[u8]| {
        let mut command = Command::new("python3");
        command.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().ok()?;
        let (mut stdin, mut stdout, mut stderr) = (child.stdin.take()?, child.stdout.take()?, child.stderr.take()?);
        thread::scope(|scope| {
            // It may fail, and close its input.
            scope.spawn(move || stdin.write_all(input).ok());
            let (said, wrong) = (scope.spawn(move || read_all(&mut stdout)), scope.spawn(move || read_all(&mut stderr)));
            let began = Instant::now();
            let status = loop {
                match child.try_wait().expect("a child can be waited for") {
                    Some(status) => break status,
                    None if began.elapsed() > SOON => {
                        let _ = child.kill();
                        break child.wait().expect("it was killed");
                    }
                    None => thread::sleep(LOOK),
                }
            };
            Some((
                status.success(),
                [said, wrong].map(|read| String::from_utf8_lossy(&read.join().expect("a reader does not panic")).into_owned()),
            ))
        })
    };
    let (has_it, _) = run(&format!("import {module}"), b"")?;
    has_it.then(|| {
        let (succeeded, [said, wrong]) = run(script, input).expect("it was there a moment ago");
        assert!(succeeded, "{script}\n{wrong}");
        said
    })
}
