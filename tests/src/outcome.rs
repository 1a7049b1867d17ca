//! How a run ended, and what a test may say of that.

use std::{fmt::Write as _, process::ExitStatus, time::Duration};

use crate::process::Program;

/// How much of an output a failure shows.
const SHOWN_BYTES: usize = 4000;

/// How one program of a run ended.
#[derive(Clone, Debug)]
pub struct End {
    /// Which.
    pub program: Program,
    pub(crate) status: Option<ExitStatus>,
    /// What it said.
    pub stderr: String,
    /// The most memory it had, as far as it was seen.
    pub peak_bytes: Option<u64>,
    /// How long it ran.
    pub took: Duration,
}

impl End {
    /// Its exit code; `None` when a signal ended it.
    pub fn code(&self) -> Option<i32> {
        self.status.and_then(|status| status.code())
    }
}

/// How a run ended.
#[derive(Debug)]
pub struct Outcome {
    pub(crate) command: String,
    /// The programs, in the order of the pipe.
    pub ends: Vec<End>,
    /// What the last of them wrote.
    pub stdout: Vec<u8>,
    /// How long it took.
    pub took: Duration,
}

impl Outcome {
    /// The end of one of the programs.
    pub fn end(&self, program: Program) -> &End {
        self.ends.iter().find(|end| end.program == program).unwrap_or_else(|| panic!("{} was not run", program.name()))
    }

    /// What the producer said.
    pub fn producer_says(&self) -> &str {
        &self.end(Program::Producer).stderr
    }

    /// What the consumer said.
    pub fn consumer_says(&self) -> &str {
        &self.end(Program::Consumer).stderr
    }

    /// Standard output as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Asserts the exit codes, in the order of the pipe, and that nobody panicked.
    #[track_caller]
    pub fn exits(self, codes: &[i32]) -> Self {
        let came: Vec<_> = self.ends.iter().map(End::code).collect();
        assert!(came.iter().copied().eq(codes.iter().copied().map(Some)), "exit codes {codes:?} expected\n{self}");
        self.without_panic()
    }

    /// Asserts that all ended well and that nobody said anything.
    #[track_caller]
    pub fn succeeds(self) -> Self {
        let codes = vec![0; self.ends.len()];
        self.exits(&codes).quietly()
    }

    /// Asserts that nobody said anything.
    #[track_caller]
    pub fn quietly(self) -> Self {
        assert!(self.ends.iter().all(|end| end.stderr.is_empty()), "nothing on stderr expected\n{self}");
        self
    }

    /// Asserts that no program or thread of it panicked.
    #[track_caller]
    pub fn without_panic(self) -> Self {
        assert!(!self.ends.iter().any(|end| end.stderr.contains("panicked")), "a panic\n{self}");
        self
    }

    /// Asserts what was written.
    #[track_caller]
    pub fn prints(self, expected: impl AsRef<[u8]>) -> Self {
        let expected = expected.as_ref();
        assert!(self.stdout == expected, "stdout expected:\n{}\n{self}", shown(expected));
        self
    }

    /// Asserts that one of the programs said this.
    #[track_caller]
    pub fn says(self, program: Program, part: &str) -> Self {
        assert!(self.end(program).stderr.contains(part), "expected of {}: {part}\n{self}", program.name());
        self
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = format!("ran:    {}\ntook:   {:?}\n", self.command, self.took);
        for end in &self.ends {
            let status = end.status.map_or_else(|| "killed".to_owned(), |status| status.to_string());
            writeln!(text, "{}: {status}, stderr:\n{}", end.program.name(), shown(end.stderr.as_bytes()))?;
        }
        write!(text, "stdout ({} bytes):\n{}", self.stdout.len(), shown(&self.stdout))?;
        out.write_str(&text)
    }
}

/// The beginning of some output, for a message.
fn shown(bytes: &[u8]) -> String {
    let part = &bytes[..bytes.len().min(SHOWN_BYTES)];
    let more = if part.len() < bytes.len() { "\n… (cut)" } else { "" };
    format!(
        "{}{more}",
        String::from_utf8_lossy(part).escape_debug().to_string().replace("\\n", "\n").replace("\\\"", "\"").replace("\\'", "'")
    )
}
