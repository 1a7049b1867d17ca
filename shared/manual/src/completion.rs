//! Completions: a small script registers the program with the shell, which then asks the program itself for each word. So what may stand
//! there is read off the same tables as everything else, and off the files that were named.
//!
//! How a shell is asked and answered is clap's (`clap_complete`); the values come of the programs, which attach them to the arguments of
//! their command lines ([`values`], [`made`]).
//!
//! Rejected: scripts with all words in them. They are thousands of lines, know no fields, and are wrong after an update.

use std::{
    env,
    ffi::{OsStr, OsString},
};

use clap::builder::Styles;
use clap_complete::{
    engine::{ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter},
    env::{Bash, EnvCompleter, Fish, Zsh},
};

/// The variable by which the script of a shell says that a word is to be completed, and what shell it is.
const VARIABLE: &str = "RECPIPE_COMPLETE";

/// Where the scripts of bash and zsh say which word it is.
const INDEX: &str = "_CLAP_COMPLETE_INDEX";

/// The shells that there are scripts for.
pub const SHELLS: [&str; 3] = ["bash", "fish", "zsh"];

/// What was typed, and the word of it that is to be completed.
#[derive(Clone, Debug, Default)]
pub struct Words {
    all: Vec<OsString>,
    at: usize,
}

impl Words {
    /// These words, the program's name first, of which the one at this place is completed.
    pub fn new(all: Vec<OsString>, at: usize) -> Self {
        Words { all, at }
    }

    /// The others without the program's name, and without an option that waits for the word: what can be read as a command line.
    pub fn others(&self) -> Vec<OsString> {
        let waits = |at: usize| at + 1 == self.at && self.all[at].as_encoded_bytes().starts_with(b"-");
        let others = (1..self.all.len()).filter(|&at| at != self.at && !waits(at));
        others.map(|at| self.all[at].clone()).collect()
    }

    /// The words before it that are no options.
    pub fn before(&self) -> impl Iterator<Item = &str> {
        let before = self.all.get(1..self.at.min(self.all.len())).unwrap_or_default();
        before.iter().filter_map(|word| word.to_str()).filter(|word| !word.starts_with('-'))
    }
}

/// The shell that asks for a completion, and what was typed; `None` where none asks.
pub(crate) fn asked(args: &[OsString]) -> Option<(String, Words)> {
    let shell = env::var(VARIABLE).ok()?;
    let typed = args.iter().position(|arg| arg == "--")? + 1;
    let all = args.get(typed..)?.to_vec();
    let last = all.len().checked_sub(1)?;
    let at = env::var(INDEX).ok().and_then(|index| index.parse().ok()).unwrap_or(last);
    Some((shell, Words { all, at }))
}

/// The script that makes a shell ask.
///
/// # Errors
/// There is none for this shell, and which there are.
pub fn script(shell: &str, program: &str) -> Result<String, String> {
    let mut script = Vec::new();
    let written = completer(shell)?.write_registration(VARIABLE, program, program, program, &mut script);
    written.map_err(|error| error.to_string())?;
    Ok(String::from_utf8_lossy(&script).into_owned())
}

/// What may stand there, as this shell wants to be told.
pub(crate) fn answer(shell: &str, command: clap::Command, words: Words) -> Result<String, String> {
    let mut answer = Vec::new();
    let mut command = command.styles(Styles::plain());
    let directory = env::current_dir().ok();
    let written = completer(shell)?.write_complete(&mut command, words.all, directory.as_deref(), &mut answer);
    written.map_err(|error| error.to_string())?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn completer(shell: &str) -> Result<&'static dyn EnvCompleter, String> {
    Ok(match shell {
        "bash" => &Bash,
        "fish" => &Fish,
        "zsh" => &Zsh,
        _ => return Err(format!("there are no completions for `{shell}`, but for {}", SHELLS.join(", "))),
    })
}

/// Has these values, each with what it means, stand for an argument.
pub fn values<M: Into<String>>(values: impl IntoIterator<Item = (String, M)>) -> ArgValueCompleter {
    let values: Vec<(String, String)> = values.into_iter().map(|(value, meaning)| (value, meaning.into())).collect();
    made(move |so_far| values.iter().filter(|(value, _)| value.starts_with(so_far)).cloned().collect(), false)
}

/// Has the path of a file stand for an argument.
pub fn paths() -> ArgValueCompleter {
    ArgValueCompleter::new(PathCompleter::any())
}

/// Has what `complete` makes of the word so far stand for an argument, or, with `paths`, the path of a file.
pub fn made(complete: impl Fn(&str) -> Vec<(String, String)> + Send + Sync + 'static, paths: bool) -> ArgValueCompleter {
    ArgValueCompleter::new(move |current: &OsStr| {
        // Shells differ in whether they hand on the quote that a word begins with; none wants it back.
        let so_far = current.to_str().map(|typed| typed.strip_prefix(['\'', '"']).unwrap_or(typed));
        let made = so_far.map_or_else(Vec::new, &complete);
        let candidate =
            |(value, meaning): (String, String)| CompletionCandidate::new(value).help((!meaning.is_empty()).then(|| meaning.into()));
        let paths = if paths { PathCompleter::any().complete(current) } else { Vec::new() };
        made.into_iter().map(candidate).chain(paths).collect::<Vec<_>>()
    })
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use clap::{Arg, Command};

    use super::{Words, answer, made, script, values};

    fn words(typed: &str, at: usize) -> Words {
        Words::new(typed.split(' ').map(OsString::from).collect(), at)
    }

    fn command() -> Command {
        let colours = ["red", "rose", "blue"].map(|name| (name.to_owned(), "a colour"));
        let twice = |so_far: &str| vec![(format!("{so_far}{so_far}"), String::new())];
        let colour = Arg::new("colour").long("colour").value_delimiter(',').add(values(colours));
        clap::Command::new("x").arg(colour).arg(Arg::new("word").num_args(1..).add(made(twice, false)))
    }

    /// Fish asks for the last word, and takes the meanings, too.
    fn fish(typed: &str) -> Vec<String> {
        let words = words(typed, typed.split(' ').count() - 1);
        answer("fish", command(), words).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn values_come_of_what_is_attached() {
        assert_eq!(fish("x --colour r"), ["red\ta colour", "rose\ta colour"]);
        assert_eq!(fish("x --colour blue,re"), ["blue,red\ta colour"]);
        assert_eq!((fish("x ab"), fish("x 'ab")), (vec!["abab".to_owned()], vec!["abab".to_owned()]));
        assert!(fish("x --col").iter().any(|line| line.starts_with("--colour")));
    }

    #[test]
    fn the_other_words_are_a_command_line() {
        let check = |typed: &str, at, others: &str, before: &str| {
            let words = words(typed, at);
            let joined: Vec<_> = words.others().iter().map(|word| word.to_string_lossy().into_owned()).collect();
            assert_eq!((joined.join(" "), words.before().collect::<Vec<_>>().join(" ")), (others.to_owned(), before.to_owned()));
        };
        check("x csv a.csv --fields p", 4, "csv a.csv", "csv a.csv");
        check("x csv --fields p a.csv", 3, "csv a.csv", "csv");
        check("x -q csv ", 3, "-q csv", "csv");
        check("x", 5, "", "");
    }

    #[test]
    fn each_shell_has_its_script() {
        for shell in super::SHELLS {
            let script = script(shell, "producer").unwrap();
            assert!(script.contains("RECPIPE_COMPLETE") && script.contains("producer"), "{script}");
        }
        assert!(script("tcsh", "producer").unwrap_err().contains("bash, fish, zsh"));
    }
}
