//! How a run ends: its exit code, and what has led to it.

use recpipe::Exit;

use crate::input::signals;

/// The exit code so far, with its causes.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    exit: Exit,
    /// What failed, for the End frame.
    causes: Vec<(Exit, String)>,
}

impl Outcome {
    /// The exit code.
    pub(super) fn exit(&self) -> Exit {
        self.exit
    }

    /// Something failed. Too many rejects outweigh a file that could not be read.
    pub(super) fn note(&mut self, exit: Exit, cause: String) {
        self.exit = if exit == Exit::Rejects { exit } else { self.exit.or(exit) };
        self.causes.push((exit, cause));
    }

    /// A signal has ended the reading.
    pub(super) fn interrupted(&mut self, signal: u8) {
        let exit = Exit::Signal(signal);
        self.exit = exit.or(self.exit);
        self.causes.push((exit, format!("ended by {}", signals::name(signal))));
    }

    /// That a signal came, where the exit code does not tell it: nobody would know why the reading has ended.
    pub(super) fn hidden_signal(&self) -> Option<&str> {
        let hidden = self.causes.iter().find(|(exit, _)| matches!(exit, Exit::Signal(_)) && *exit != self.exit);
        hidden.map(|(_, cause)| cause.as_str())
    }

    /// What has led to the exit, and how many others there are.
    pub(super) fn cause(&self) -> String {
        let first = self.causes.iter().find(|(exit, _)| *exit == self.exit).or(self.causes.first());
        match (first, self.causes.len()) {
            (None, _) => String::new(),
            (Some((_, only)), 1) => only.clone(),
            (Some((_, first)), all) => format!("{first} (and {} more)", all - 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_is_that_of_the_exit() {
        let mut outcome = Outcome::default();
        assert_eq!((outcome.exit(), outcome.cause()), (Exit::Done, String::new()));
        outcome.note(Exit::Failed, "a: no such file".to_owned());
        assert_eq!(outcome.cause(), "a: no such file");
        outcome.note(Exit::Rejects, "2 lines rejected".to_owned());
        assert_eq!((outcome.exit(), outcome.cause()), (Exit::Rejects, "2 lines rejected (and 1 more)".to_owned()));
        outcome.note(Exit::Failed, "b: no such file".to_owned());
        assert_eq!((outcome.exit(), outcome.hidden_signal()), (Exit::Rejects, None));
    }

    #[test]
    fn a_signal_is_the_exit_or_is_told_besides() {
        let mut alone = Outcome::default();
        alone.interrupted(15);
        assert_eq!((alone.exit(), alone.hidden_signal(), alone.cause().as_str()), (Exit::Signal(15), None, "ended by SIGTERM"));
        alone.note(Exit::Rejects, "too many".to_owned());
        assert_eq!((alone.exit(), alone.hidden_signal()), (Exit::Rejects, Some("ended by SIGTERM")));
    }
}
