//! Batches for whoever asks of them in this process: nothing is written.

use std::sync::Arc;

use recpipe::transport::local::Sender;
use recpipe::wire::{Ending, Warning};
use recpipe::{Error, Schema};

use super::{Content, Outgoing, Target};

/// The end of a stream within this process, as the target of a run.
pub struct LocalTarget {
    to: Sender,
    at_rest: bool,
    /// The fields that were announced last.
    schema: Option<Arc<Schema>>,
    records: u64,
}

impl LocalTarget {
    /// Nothing was sent to it yet.
    pub fn new(to: Sender) -> Self {
        LocalTarget { to, at_rest: false, schema: None, records: 0 }
    }
}

impl Target for LocalTarget {
    fn at_rest(&mut self) {
        self.at_rest = true;
    }

    fn schema(&mut self, schema: &Arc<Schema>) -> Result<(), Error> {
        if self.schema.as_ref().is_some_and(|known| Arc::ptr_eq(known, schema) || known == schema) {
            return Ok(());
        }
        self.schema = Some(schema.clone());
        self.to.schema(schema, self.at_rest)
    }

    fn send(&mut self, outgoing: &Outgoing) -> Result<(), Error> {
        let Content::Batch(batch) = &outgoing.content else { return Err(Error::Protocol("bytes for a program that takes batches")) };
        self.schema(batch.schema())?;
        self.records += batch.len() as u64;
        self.to.batch(batch.clone())
    }

    fn warn(&mut self, warning: &Warning) -> Result<(), Error> {
        self.to.warn(warning)
    }

    fn records(&self) -> u64 {
        self.records
    }

    fn finish(self: Box<Self>, ending: &Ending) -> Result<(), Error> {
        self.to.end(ending)
    }

    /// Who has gone is told nothing.
    fn leave(self: Box<Self>, _: &Ending) -> Result<(), Error> {
        Ok(())
    }

    fn fail(self: Box<Self>, ending: &Ending) -> Result<(), Error> {
        self.to.end(ending)
    }
}
