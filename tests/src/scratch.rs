//! Directories of a test's own.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A directory of a test's own, gone with it.
#[derive(Debug)]
pub struct Scratch(tempfile::TempDir);

impl Scratch {
    /// A new, empty one.
    pub fn new() -> Self {
        Scratch(tempfile::tempdir().expect("a temporary directory can be made"))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file into it, with the directories on the way.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().expect("it is in the directory")).expect("directories can be made");
        fs::write(&path, content).expect("a file can be written");
        path
    }

    /// What is in a file of it.
    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Scratch::new()
    }
}
