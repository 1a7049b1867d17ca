//! What is computed for each record of other records with the same key, in the order of the input.
//!
//! The half in each worker ([`Needs::half`]) evaluates the keys and whatever else is read of the records, and numbers the keys of
//! each batch. The half that runs once takes the batches in order: it looks up each key once a batch (`Numbered`), and what is left
//! to do for a record is a loop over plain arrays. (The other way, to have the workers compute what they can of a batch and to mend
//! its first records afterwards, saves little of that loop, and each thing that is computed would be written twice.)

mod compute;
mod history;
mod kept;
mod needs;
pub(crate) mod number;
mod numbered;
pub(crate) mod prev;
pub(crate) mod total;
mod vectors;

pub(super) use compute::Compute;
pub(super) use kept::Kept;
pub(super) use needs::{Needed, Needs, behind};

use recpipe::Error;

use crate::memory::Account;

/// Holds what a stage keeps for each of so many keys: it cannot be written to a file, since each record needs what is there.
///
/// # Errors
/// [`Error::Data`] where that is more than its part of the memory.
pub(super) fn hold(account: &mut Account, bytes: usize, keys: usize, stage: &str) -> Result<(), Error> {
    if account.hold(bytes) {
        return Ok(());
    }
    Err(Error::Data(format!(
        "`{stage}` keeps something of each of {keys} keys so far, which is more than its part of the {} bytes of memory; give it more \
         with `--memory SIZE`, or leave records out before it",
        account.budget().limit()
    )))
}
