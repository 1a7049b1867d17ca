//! Typed record pipes for programs of one's own: what a program depends on, whichever of it it needs.
//!
//! | feature | what it adds |
//! | --- | --- |
//! | none | [`record`]s and batches, [`typed`] ones, the push protocol of [`stage`]s, streams as generators and coroutines ([`sendto`]) |
//! | `producer` | [`producer`]: files, logs and readers as iterators of batches |
//! | `consumer` | [`consumer`]: queries over batches, as iterators and as stages, half-way, and in words of one's own |
//! | `arrow` | the output stage `arrow` |
//!
//! The API of the library is what this crate names. It is made of `recpipe` (`shared/`), `recpipe-producer` and `recpipe-consumer`, which
//! have more that is public, for each other and for the programs; that may change at any time. The programs stay apart: nothing of clap or
//! of anyhow is in what is named here, and nothing prints or ends the process but [`consumer::run`] and [`producer::run`].
//!
//! # Examples
//! A log, read and asked, lazily:
//! ```
//! use recpipe_facade::{consumer::Query, producer::records};
//! use serde::Deserialize;
//!
//! #[derive(Debug, Deserialize, PartialEq)]
//! struct Missing { request: String, count: u64 }
//!
//! let log: &[u8] = b"10.0.0.1 - - [03/Aug/2026:10:00:00 +0000] \"GET /a HTTP/1.1\" 404 5\n";
//! for batch in Query::parse("where status == 404 | count by request")?.over(records("apache", log)?) {
//!     for row in batch?.to::<Missing>() {
//!         assert_eq!(row?, Missing { request: "/a".into(), count: 1 });
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

#[doc(inline)]
pub use recpipe::{
    Batch, BatchBuilder, Column, ColumnBuilder, Error, Exit, Field, Flow, Origin, Row, Schema, Stage, Time, Type, Value, co_recvfrom,
    co_sendto, gen_recvfrom, gen_sendto, parallel, pickle, record, sendto, stage, times, transport, typed, wire,
};

/// Files, logs and readers as iterators of batches.
#[cfg(feature = "producer")]
pub mod producer {
    #[doc(inline)]
    pub use recpipe_producer::{
        Reading, Records,
        format::{Args, Format, FormatSpec, Formats, Parsed, Parser, Plan, Reject, Start, Unit},
        program_among as run, records,
    };
}

/// Queries over batches, and words of one's own for them.
#[cfg(feature = "consumer")]
pub mod consumer {
    #[doc(inline)]
    pub use recpipe_consumer::{
        Answer, PartialAnswer, Query,
        language::{Catalog, Diagnostic, FoldWord, FunctionWord, QueryError, StageWord},
        memory::Memory,
        plan::Fold,
        program::run,
        query::QueryStage,
    };

    /// What a stage of one's own is made of; `consumer/src/stage/head.rs` is one to copy from.
    pub mod word {
        #[doc(inline)]
        pub use recpipe_consumer::{
            language::{Checked, Checker, Failed, Parsed, Parser, Syntax, Upstream, parsed},
            plan::{About, Operator, PlanStage, Read, Runs, Start, Target, conditions::Found},
            span::Span,
        };
    }
}
