//! Where the records go: a pipe or file, or any number of consumers at the other ends of links.
//!
//! Programs that are no `consumer` get streams of another kind, from [`interop`].
//!
//! A [`Target`] takes the frames of a run in order. With several consumers each has a stream of its own, and [`Spread`]
//! says who gets which batch.

mod adaptive_filter;
mod destination;
pub mod interop;
mod local;
mod open;
mod pushdown;
mod spread;

use std::io::Write;
use std::sync::Arc;

use recpipe::record::Condition;
use recpipe::wire::{Encoded, Ending, Warning, Writer};
use recpipe::{Batch, Error, Origin, Schema, wire};

use crate::input::mark::Mark;
pub use adaptive_filter::AdaptiveFilter;
use interop::{EncodedBytes, Encoding};
pub use local::LocalTarget;
pub use open::{Anew, Listening, Opened, Options, of_starter, open};
pub use pushdown::{Pushdown, PushdownChannel};
pub use spread::{Outputs, Spread};

/// A batch in the form in which it is sent, and to whom.
pub struct Outgoing {
    /// What is sent.
    pub content: Content,
    /// The number of the consumer whose share it is; `None` where any may have it.
    pub to: Option<usize>,
}

/// A batch as it is written.
pub enum Content {
    /// For a `consumer`.
    Frame(Arc<Encoded>),
    /// For other programs.
    Bytes(EncodedBytes),
    /// For this one.
    Batch(Batch),
}

impl Content {
    /// How many bytes are written of it; none within this program.
    fn bytes(&self) -> usize {
        match self {
            Content::Frame(encoded) => encoded.payload_len(),
            Content::Bytes(encoded) => encoded.bytes.len(),
            Content::Batch(_) => 0,
        }
    }
}

/// What is sent of a batch.
#[derive(Default)]
pub struct Outgoings {
    /// In the order in which it is sent.
    pub list: Vec<Outgoing>,
    /// Records that are not in it, because no consumer needs them.
    pub left_out: u64,
}

impl Outgoings {
    /// How many bytes are written of them.
    pub fn bytes(&self) -> u64 {
        self.list.iter().map(|outgoing| outgoing.content.bytes() as u64).sum()
    }
}

impl Outgoing {
    /// Sets the number of the line that its batch begins with.
    pub fn set_line(&mut self, line: u64) {
        // Nobody else has it yet.
        match &mut self.content {
            Content::Frame(encoded) => {
                if let Some(encoded) = Arc::get_mut(encoded) {
                    encoded.set_line(line);
                }
            }
            Content::Batch(batch) => *batch = batch.clone().with_origin(Origin { line, ..batch.origin().clone() }),
            Content::Bytes(_) => {}
        }
    }

    /// # Errors
    /// It is for other programs.
    fn frame(&self) -> Result<&Arc<Encoded>, Error> {
        match &self.content {
            Content::Frame(encoded) => Ok(encoded),
            Content::Bytes(_) | Content::Batch(_) => Err(Error::Protocol("bytes without frames for a consumer")),
        }
    }
}

/// Takes the frames of a run.
pub trait Target: Send {
    /// All records that will be sent are there already. To be said before the first schema.
    fn at_rest(&mut self) {}

    /// Announces the fields, where nobody has.
    ///
    /// # Errors
    /// When it cannot be written; see [`Error::is_broken_pipe`] for consumers that have had enough.
    fn schema(&mut self, schema: &Arc<Schema>) -> Result<(), Error>;

    /// Sends a batch.
    ///
    /// # Errors
    /// As [`Target::schema`].
    fn send(&mut self, outgoing: &Outgoing) -> Result<(), Error>;

    /// All that was sent before stands before this place of its file, and nothing else of that file was.
    ///
    /// # Errors
    /// As [`Target::schema`].
    fn mark(&mut self, _: Box<Mark>) -> Result<(), Error> {
        Ok(())
    }

    /// Nothing was sent for a while: looks whether there still is somebody.
    ///
    /// # Errors
    /// As [`Target::schema`].
    fn look(&mut self) -> Result<(), Error> {
        Ok(())
    }

    /// Tells of a failure after which the stream goes on.
    ///
    /// # Errors
    /// As [`Target::schema`].
    fn warn(&mut self, warning: &Warning) -> Result<(), Error>;

    /// Records that were sent.
    fn records(&self) -> u64;

    /// Ends the stream, and waits until whoever can confirm it has.
    ///
    /// # Errors
    /// As [`Target::schema`]; and when a consumer did not end well.
    fn finish(self: Box<Self>, ending: &Ending) -> Result<(), Error>;

    /// All have had enough: waits until whoever can say how it ended has. `ending` is how we would have ended.
    ///
    /// # Errors
    /// When one of them did not end well.
    fn leave(self: Box<Self>, ending: &Ending) -> Result<(), Error>;

    /// One has failed or is lost, which was said: those that can be told how the stream ends are, and are waited for; others
    /// are hung up on.
    ///
    /// # Errors
    /// When another did not end well.
    fn fail(self: Box<Self>, ending: &Ending) -> Result<(), Error>;
}

impl<W: Write + Send> Target for Writer<W> {
    fn at_rest(&mut self) {
        self.set_at_rest();
    }

    fn schema(&mut self, schema: &Arc<Schema>) -> Result<(), Error> {
        Writer::schema(self, schema).map(drop)
    }

    fn send(&mut self, outgoing: &Outgoing) -> Result<(), Error> {
        self.encoded(outgoing.frame()?)
    }

    fn warn(&mut self, warning: &Warning) -> Result<(), Error> {
        Writer::warn(self, warning)
    }

    fn records(&self) -> u64 {
        self.totals().records
    }

    fn finish(self: Box<Self>, ending: &Ending) -> Result<(), Error> {
        Writer::finish(*self, ending).map(drop)
    }

    /// Nobody says anything at the other end of a pipe.
    fn leave(self: Box<Self>, _: &Ending) -> Result<(), Error> {
        Ok(())
    }

    fn fail(self: Box<Self>, _: &Ending) -> Result<(), Error> {
        Ok(())
    }
}

/// How rows are split among consumers.
#[derive(Clone, Debug)]
pub(crate) struct Shards {
    /// The field whose value decides.
    pub field: String,
    /// The number of consumers.
    pub count: usize,
}

/// What is made of a batch before it is sent.
#[derive(Clone, Debug, Default)]
pub struct Packing {
    /// What it is written as.
    pub encoding: Encoding,
    /// How its records are split among several consumers, where each has its share.
    pub(crate) shards: Option<Shards>,
}

impl Packing {
    /// Encodes a batch for whoever is to have it: the part of writing that workers do. Records for which not all of
    /// `conditions` hold may be left out; a batch of which nothing is left is sent all the same, so that its fields are
    /// known, and a reader that has gone is noticed.
    ///
    /// # Errors
    /// [`Error::TooLarge`] for a record that no frame holds; [`Error::Schema`] when there is no such field to split by.
    pub fn pack(&self, batch: &Batch, conditions: &[Condition]) -> Result<Outgoings, Error> {
        let mut outgoings = Outgoings::default();
        let mut share = |batch: &Batch, to| {
            let left = reduced(batch, conditions);
            outgoings.left_out += (batch.len() - left.len()) as u64;
            outgoings.list.extend(self.encode(&left, to)?);
            Ok::<_, Error>(())
        };
        match &self.shards {
            None => share(batch, None)?,
            Some(shards) => {
                for (to, rows) in split(batch, shards)?.into_iter().enumerate().filter(|(_, rows)| !rows.is_empty()) {
                    share(&batch.select(rows), Some(to))?;
                }
            }
        }
        Ok(outgoings)
    }

    fn encode(&self, batch: &Batch, to: Option<usize>) -> Result<Vec<Outgoing>, Error> {
        if let Some(foreign) = interop::encode(self.encoding, batch) {
            return Ok(vec![Outgoing { content: Content::Bytes(foreign), to }]);
        }
        if self.encoding == Encoding::Batches {
            return Ok(vec![Outgoing { content: Content::Batch(batch.clone()), to }]);
        }
        Ok(wire::encode(batch)?.into_iter().map(|encoded| Outgoing { content: Content::Frame(Arc::new(encoded)), to }).collect())
    }
}

/// The batch without the records for which not all conditions hold, if at most two fifths are left: they are copied, field
/// by field, while a whole batch goes out as it lies. Where a half is left, the copying takes what it saves.
fn reduced(batch: &Batch, conditions: &[Condition]) -> Batch {
    if conditions.is_empty() {
        return batch.clone();
    }
    let left = Condition::filter(conditions, batch);
    if left.len() * 5 <= batch.len() * 2 { left } else { batch.clone() }
}

/// The rows that each has its share of.
fn split(batch: &Batch, Shards { field, count }: &Shards) -> Result<Vec<Vec<u32>>, Error> {
    if batch.is_empty() {
        return Ok(Vec::new());
    }
    let Some(place) = batch.schema().index_of(field) else {
        let names = batch.schema().names().collect::<Vec<_>>().join(", ");
        return Err(Error::Schema(format!("--spread shard={field}: there is no such field; the fields are: {names}")));
    };
    let mut rows: Vec<Vec<u32>> = vec![Vec::new(); *count];
    for row in 0..batch.len() {
        let value = batch.row(row).value(place);
        rows[shard(value, *count)].push(row as u32);
    }
    Ok(rows)
}

/// Which of `count` consumers has the records with this value: the same in every run.
fn shard(value: recpipe::Value<'_>, count: usize) -> usize {
    use recpipe::Value;
    let hash = match value {
        Value::Text(text) => crc32c::crc32c(text),
        Value::Int(number) => crc32c::crc32c(&number.to_le_bytes()),
        other => crc32c::crc32c(other.to_string().as_bytes()),
    };
    // The high bits of the product: all bits of the hash count, also for a count that is a power of two.
    ((u64::from(hash) * count as u64) >> 32) as usize
}
