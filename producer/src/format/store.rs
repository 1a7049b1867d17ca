//! Stores: files that a program keeps where everybody expects them, read by the times of their records.

use std::path::PathBuf;

use super::args::Args;
use super::source::Source;
use crate::input::Inputs;
use crate::input::find::Names;
use crate::input::window::Span;

/// A format of the files of a store.
#[derive(Debug, Clone, Copy)]
pub struct Store {
    /// Begins it.
    pub start: StartStore,
    /// Where the files are, where nothing is named: those of these directories that exist.
    pub directories: &'static [&'static str],
    /// How files in directories are called that are read, as `--name` has it.
    pub names: &'static [&'static str],
}

/// Makes a source of a store, or says what is wrong with the arguments.
pub(crate) type StartStore = fn(&Args, Stored) -> Result<Box<dyn Source>, String>;

/// What is read of a store.
#[derive(Debug)]
pub struct Stored {
    /// Its files.
    pub inputs: Inputs,
    /// Only records of these times.
    pub span: Option<Span>,
    /// Whether what is added to them is read as it comes.
    pub follow: Option<Following>,
}

/// How a store is followed.
#[derive(Debug)]
pub struct Following {
    /// Files, directories, globs.
    pub paths: Vec<PathBuf>,
    /// Which files in directories.
    pub names: Names,
    /// Begin with what is there already, not at the end.
    pub(crate) from_start: bool,
}
