//! What the two programs do as processes: with good data, with broken streams, when they are stopped, closed, killed or
//! starved, and how much memory they take.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

// Several outputs of one query: branches, files, and streams for the next consumer.
mod branches;
// How streams that were cut or changed are found out.
mod broken;
// Processes that are killed or stopped at random moments.
mod chaos;
// Child processes as destinations.
mod children;
// What a consumer has its producer leave out.
mod conditions;
// What takes long at its full size: kills, pauses, strangers by the thousand.
#[cfg(target_os = "linux")]
mod endurance;
// A consumer of any number of senders.
mod endless;
// Where input comes from: files, directories, globs, compressed files, pipes; and what can be wrong with them.
mod heirs;
mod inputs;
// Records through another program.
mod subprocess;
// Who sent a record.
mod senders;
// Streams one after the other.
mod sequences;
// Fields that come later than the query begins.
mod late;
// More peers than there is room for.
mod limits;
// Sockets: one way and the other, several to one, one to several; and what is known when an end dies.
mod links;
// Answers that are drawn on a terminal while they grow.
mod live;
// That memory does not grow with the input.
mod memory;
// Programs on other hosts.
mod over_ssh;
// What a consumer sends on to the next.
mod onward;
// Connections that break and come back, or do not, and what is said of that.
mod outages;
// What the forms of output promise.
mod outputs;
// A page that goes on, over sockets and in a browser.
mod browser;
mod pages;
// Pictures and pages in files.
mod pictures;
// Lines that are no records.
mod rejects;
// Many questions in one pass.
mod reports;
// Consumers that are killed and started again.
mod replay;
// What is told to systemd, and its units.
mod services;
// What a signal ends, and how.
mod signals;
// What does not fit in memory.
mod spill;
// Who is let in over sockets, and who is not.
mod strangers;
// Producers that go on where those before them were.
mod state;
// How an end travels: enough, closed, killed, silent.
mod stops;
// What is written to a terminal, and what is not.
mod terminals;
// How times are read, and what is said of them.
mod times;
// Totals, order and bytes, compared with what the log is known to hold.
mod totals;
// A second stream behind the first.
mod unions;
// Windows of time that are given while the programs run.
mod windows;
// Workers that are processes of their own.
#[cfg(target_os = "linux")]
mod workers;
