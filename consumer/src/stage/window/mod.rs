//! What is computed for each record of other records with the same key, in the order of the input.
//!
//! Each worker evaluates the keys and all other expressions of its batch, and gives each different key of the batch a number
//! ([`Needs::half`]). One thread then takes the batches in order. It looks up each key once a batch (`Numbered`); for a record it only
//! loops over plain arrays. (Rejected: the workers compute what they can of a batch, and its first records are mended afterwards. That
//! saves little of the loop, and everything that is computed would be written twice.)

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
