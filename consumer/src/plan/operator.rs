//! What is known of a stage whatever it does.

/// Where a stage runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runs {
    /// In each worker, on the batches that it has: needs no other batch.
    EachWorker,
    /// In each worker, whose partial results are merged.
    WorkersThenMerge,
    /// Once, on all the batches in order.
    Once,
}

/// What is said of a stage, by help and by `--explain`.
#[derive(Debug)]
pub struct About {
    /// The canonical word.
    pub name: &'static str,
    /// Other words taken for it.
    pub synonyms: &'static [&'static str],
    /// How it is written.
    pub syntax: &'static str,
    /// What it does, in one line.
    pub doc: &'static str,
    /// A stage as it might stand in a query over a web server's log.
    pub example: &'static str,
    /// Where it runs.
    pub runs: Runs,
    /// How much it keeps in memory.
    pub memory: &'static str,
    /// Whether nothing comes out of it before the end of the input.
    pub blocks: bool,
    /// Whether it writes the answer, so that nothing can come after it.
    pub output: bool,
}

impl About {
    /// The canonical word and its synonyms.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.synonyms.iter().copied())
    }
}
