//! Records that wait for the end of the input.

use recpipe::{Batch, Error};

use crate::memory::{Account, ReadRun, Run, Spill};

/// Records in the order in which they came: in memory, and what goes beyond the budget in a temporary file.
#[derive(Default)]
pub(in crate::stage) struct Kept {
    /// Those that came first.
    runs: Vec<Run>,
    spill: Option<Spill>,
    batches: Vec<Batch>,
    bytes: usize,
}

/// Bytes that a batch takes besides its columns' arrays: so many a column.
const OF_A_COLUMN: usize = 200;

impl Kept {
    /// Keeps a batch. `besides` is what else its stage holds.
    ///
    /// # Errors
    /// Those of a [`Spill`].
    pub(in crate::stage) fn push(&mut self, batch: &Batch, account: &mut Account, besides: usize) -> Result<(), Error> {
        // Without what was not selected: a view would hold on to the whole block.
        let batch = batch.compact();
        let bytes = batch.bytes() + batch.columns().len() * OF_A_COLUMN;
        if !account.hold(besides + self.bytes + bytes) && !self.batches.is_empty() {
            self.write(account)?;
            // With no other there is always room for one.
            let _ = account.hold(besides + bytes);
        }
        self.bytes += bytes;
        self.batches.push(batch);
        Ok(())
    }

    /// Writes what is in memory.
    fn write(&mut self, account: &Account) -> Result<(), Error> {
        let spill = match &mut self.spill {
            Some(spill) => spill,
            none => none.insert(account.budget().spill()?),
        };
        let mut run = spill.write()?;
        self.batches.drain(..).try_for_each(|batch| run.batch(&batch))?;
        self.runs.push(run.finish()?);
        self.bytes = 0;
        Ok(())
    }

    /// Calls `each` with every batch, in order, until it answers that it has enough.
    ///
    /// # Errors
    /// Those of `each` and of temporary files.
    pub(in crate::stage) fn for_each(self, mut each: impl FnMut(Batch) -> Result<recpipe::Flow, Error>) -> Result<(), Error> {
        for run in self.runs {
            let mut reader = run.read()?;
            while let Some(batch) = reader.read()? {
                if each(batch)? == recpipe::Flow::Stop {
                    return Ok(());
                }
            }
        }
        for batch in self.batches {
            if each(batch)? == recpipe::Flow::Stop {
                break;
            }
        }
        Ok(())
    }
}
