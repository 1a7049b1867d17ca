//! A row of the table of formats: what is typed, what the help says, and how the format begins.

use super::args::{Args, FormatOption};
use super::plan::Format;
use super::source::Source;
use super::store::Store;
use crate::input::Inputs;

/// A row of the table of formats.
#[derive(Debug, Clone, Copy)]
pub struct FormatSpec {
    /// What is typed.
    pub name: &'static str,
    /// The arguments that follow it, as the help names them: `PATTERN`. All of them must be given but the last ones in brackets.
    pub args: &'static [&'static str],
    /// The options that this format has beyond those of all formats.
    pub options: &'static [FormatOption],
    /// One line of help.
    pub about: &'static str,
    /// Makes a format for one stream.
    pub start: Start,
    /// The fields and their types, for the help.
    pub fields: &'static str,
    /// Some input, for the help; of a log, lines that are tests of the format.
    pub sample: &'static str,
}

impl FormatSpec {
    /// How many of its arguments must be given.
    pub(crate) fn least_args(&self) -> usize {
        self.args.iter().filter(|arg| !arg.starts_with('[')).count()
    }

    /// How it is typed: the name, what must follow it, and what may.
    pub(crate) fn usage(&self) -> String {
        self.usage_words().join(" ")
    }

    /// The same, in the pieces that stay together where the line is broken.
    pub(crate) fn usage_words(&self) -> Vec<String> {
        let named = std::iter::once(self.name).chain(self.args.iter().copied());
        let options = self.options.iter().map(|option| format!("[{}]", option.usage()));
        let paths = (!self.start.reads_nothing()).then(|| "[PATH…]".to_owned());
        std::iter::once(named.collect::<Vec<_>>().join(" ")).chain(options).chain(paths).collect()
    }
}

/// Makes a format whose records lie in blocks.
pub type StartBlocks = fn(&Args) -> Result<Box<dyn Format>, String>;

/// Makes a source that reads nothing.
pub type StartMade = fn(&Args) -> Result<Box<dyn Source>, String>;

/// Makes a source of what the PATHs mean.
pub type StartSource = fn(&Args, Inputs) -> Result<Box<dyn Source>, String>;

/// How a format begins. Both make something of the arguments, or say what is wrong with them.
#[derive(Debug, Clone, Copy)]
pub enum Start {
    /// Its records lie in blocks.
    Blocks(StartBlocks),
    /// It makes batches in its own way of what the PATHs mean.
    #[doc(hidden)]
    Source(StartSource),
    /// Its files are a store, whose records come by their times.
    #[doc(hidden)]
    Store(Store),
    /// It is found out from what the inputs begin with.
    #[doc(hidden)]
    Auto,
    /// It makes batches of its arguments alone, and reads nothing.
    #[doc(hidden)]
    Made(StartMade),
}

impl Start {
    /// Whether there are no inputs.
    pub(crate) fn reads_nothing(&self) -> bool {
        matches!(self, Start::Made(_))
    }
}
