//! The same cases through `recpipe`, which is both programs in one: it has to answer as they do with a pipe between them.

use super::{Came, Case, files_in, texts};
use crate::{
    process::{Pipeline, Program},
    scratch::Scratch,
};

/// Options of both programs, which the front gives to both: a case gives one to one of them.
const OF_BOTH: [&str; 5] = ["--strict", "--stats", "--zone", "-q", "--quiet"];

impl Case {
    /// Whether it can be asked in one command: by one query, with options that are of one program each.
    pub fn has_front(&self) -> bool {
        let options = self.producer.iter().chain(&self.consumer).flatten();
        self.queries().len() + usize::from(self.file.is_some()) == 1 && options.into_iter().all(|word| !OF_BOTH.contains(&word.as_str()))
    }

    /// Asks it in one command; says what is not as the case says of the two programs.
    ///
    /// # Errors
    /// What came instead.
    pub fn check_front(&self, threads: &str) -> Result<(), String> {
        let scratch = Scratch::new();
        let mut args = self.consumer(&["-j", threads], &scratch);
        let query = if self.file.is_none() { args.pop() } else { None };
        args.extend(self.producer.clone().unwrap_or_else(|| vec!["apache".to_owned()]));
        args.extend(query);
        let outcome = Pipeline::front(&args).input(self.lines()).dir(scratch.path()).run();
        let came = Came { outcome, files: texts(files_in(&scratch, &self.beside)) };
        let wrong = self.wrong_of_front(&came);
        wrong.map_or(Ok(()), |wrong| Err(format!("{wrong}\nstdout expected:\n{}\n{}\nfiles: {:?}", self.stdout, came.outcome, came.files)))
    }

    fn wrong_of_front(&self, Came { outcome, files }: &Came) -> Option<&'static str> {
        let end = outcome.end(Program::Front);
        let says = |words: &Option<String>| words.as_ref().is_none_or(|words| end.stderr.contains(named(words).trim_end()));
        if end.stderr.contains("panicked") {
            Some("a panic")
        } else if end.code() != Some(self.exit) {
            Some("another exit code")
        } else if outcome.stdout != self.stdout.as_bytes() {
            Some("another stdout")
        } else if !says(&self.stderr) || !says(&self.producer_stderr) {
            Some("words that either program says are not said")
        } else if self.stderr.is_none() && self.producer_stderr.is_none() && !end.stderr.is_empty() {
            Some("something is said")
        } else if *files != self.files {
            Some("other files")
        } else {
            None
        }
    }
}

/// What one of the two says, as the one program says it: in its own name.
fn named(words: &str) -> String {
    let line = |line: &str| match line.strip_prefix("producer: ").or_else(|| line.strip_prefix("consumer: ")) {
        Some(rest) => format!("recpipe: {rest}"),
        None => line.to_owned(),
    };
    words.split('\n').map(line).collect::<Vec<_>>().join("\n")
}
