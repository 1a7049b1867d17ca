//! The `producer` program as its users see it: arguments and bytes in, a stream, messages and an exit code out.

#![allow(clippy::unwrap_used, clippy::panic)]

mod advice; // what the reader needs, told backwards through the pipe
mod binary; // formats without lines: struct, pickle, xml, records, find
mod columnar; // arrow and parquet
mod encodings; // byte order marks, UTF-16, other line ends, archives
mod follow; // files that grow: rotation, joining, latency, signals
mod follow_lost; // files that are deleted while they are followed
mod follow_rotated; // what each kind of rotation makes of a followed file
mod follow_stress; // a writer at full speed through many rotations
mod following;
mod formats; // what each format reads and refuses; --fields, --cast, --grep; help
mod harness;
mod inputs;
mod journal; // systemd's journals, as journalctl reads them
mod law; // which files are read, in which order, and what became of those that cannot be
mod limits; // what is beyond a limit is refused in good time, and what came before it counts
mod live; // pipes that stay open, readers that go away, terminals
mod oracle; // hostile data that Python reads too
mod output; // what becomes of the output before and while it is written
mod page; // docs/formats.md
mod progress; // how far a run is, as a person at a terminal sees it
mod python; // binary records, pickles and XML that Python reads too
mod records; // the producer as a generator, for programs of one's own
mod rejects; // lines that are no records: limits, messages, the file they are kept in, the ledger
mod splits; // that how an input is cut into blocks shows in nothing
mod stream;
mod times; // --since, --until, --merge, and the order of rotated sets // what is written: the same for any number of threads, schemas, the end
