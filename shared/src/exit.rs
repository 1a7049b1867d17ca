//! The exit codes, which both programs share.

use std::fmt;

/// How a program ends. The producer's also travels in its End frame, and the consumer exits with it.
///
/// # Examples
/// ```
/// use recpipe::Exit;
///
/// assert_eq!(Exit::Rejects.code(), 4);
/// assert_eq!(Exit::from_code(130), Exit::Signal(2));
/// assert_eq!(Exit::Done.or(Exit::Failed), Exit::Failed);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Exit {
    /// Done.
    #[default]
    Done,
    /// Failed while running: I/O, a child, a file that could not be read (the others go on).
    Failed,
    /// Usage or query error.
    Usage,
    /// The stream is incomplete or its other end died.
    Incomplete,
    /// More rejects than allowed.
    Rejects,
    /// What a query expects of its records does not hold.
    Unmet,
    /// Ended by the signal of this number, and no stream was lost besides.
    Signal(u8),
}

impl Exit {
    /// The table that `--help` and the documentation print.
    #[doc(hidden)]
    pub const TABLE: &'static [(Exit, &'static str)] = &[
        (Exit::Done, "done"),
        (Exit::Failed, "failed while running (I/O, a file that could not be read: the others are read)"),
        (Exit::Usage, "usage or query error"),
        (Exit::Incomplete, "the stream is incomplete, corrupt or no stream at all, or its other end died"),
        (Exit::Rejects, "more rejects than allowed; with --strict, values left out"),
        (Exit::Unmet, "what `expect` says does not hold"),
    ];

    /// What the table says of [`Exit::Signal`], whose code is `128+N`.
    #[doc(hidden)]
    pub const SIGNALS: &'static str = "ended by signal N; where a stream was lost, too, the exit is 3";

    /// The number given to the operating system.
    pub fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Incomplete => 3,
            Exit::Rejects => 4,
            Exit::Unmet => 5,
            Exit::Signal(number) => 128_u8.saturating_add(number),
        }
    }

    /// The exit of this number; a number that none has is a failure.
    pub fn from_code(code: u8) -> Self {
        match code {
            0 => Exit::Done,
            2 => Exit::Usage,
            3 => Exit::Incomplete,
            4 => Exit::Rejects,
            5 => Exit::Unmet,
            129.. => Exit::Signal(code - 128),
            _ => Exit::Failed,
        }
    }

    /// The one of the two to report: the first that is not [`Exit::Done`], but that a stream is incomplete before a signal.
    /// Whoever sends a signal knows that; that the answer would lack something without it too, only the exit tells.
    pub fn or(self, other: Exit) -> Self {
        match (self, other) {
            (Exit::Done, _) => other,
            (Exit::Signal(_), Exit::Incomplete) => other,
            _ => self,
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, Exit::TABLE.iter().find(|row| row.0 == *self)) {
            (Exit::Signal(number), _) => write!(out, "ended by signal {number}"),
            (_, Some(row)) => out.write_str(row.1),
            (_, None) => write!(out, "exit {}", self.code()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Exit;

    #[test]
    fn every_code_reads_back() {
        for (exit, _) in Exit::TABLE {
            assert_eq!(Exit::from_code(exit.code()), *exit);
        }
        assert_eq!(Exit::from_code(Exit::Signal(15).code()), Exit::Signal(15));
        assert_eq!(Exit::from_code(99), Exit::Failed);
    }

    #[test]
    fn what_is_incomplete_is_reported_before_a_signal() {
        let [done, failed, lost, signal, other] = [Exit::Done, Exit::Failed, Exit::Incomplete, Exit::Signal(15), Exit::Signal(2)];
        for (one, two, both) in [
            (done, signal, signal),
            (signal, done, signal),
            (signal, other, signal),
            (signal, lost, lost),
            (lost, signal, lost),
            (failed, lost, failed),
            (signal, failed, signal),
            (done, done, done),
        ] {
            assert_eq!(one.or(two), both, "{one:?} or {two:?}");
        }
    }
}
