//! Runs a plan: on which threads, in which processes, in what order.
//!
//! [`cut`] is where the plan is divided into what each worker does and what is done once; `source.rs` reads frames, `driver.rs` drives
//! both; `preview.rs` and `refresh.rs` show the answer of a plan that waits for the end while it grows; [`children`] are workers in
//! other processes; `stepwise.rs` runs a plan for whoever has the records and takes the answer, with the workers of
//! `workers.rs`.

pub mod children;
pub mod cut;
mod deliver;
mod driver;
mod feeds;
mod form;
mod preview;
mod ready;
mod refresh;
mod sides;
mod source;
mod state_name;
mod stepwise;
mod worker;
mod workers;

pub use driver::{Options, Outcome, holds_state, run, shows_early};
pub use feeds::{FeedInput, FeedSource, Feeds};
pub use state_name::StateName;
pub use stepwise::{Conditions, Stepwise};
