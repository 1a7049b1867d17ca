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
//! have more that is public, for each other and for the programs; that may change at any time. (Examples here that name those crates
//! stand beside what they show: `recpipe::Batch` is `recpipe_facade::Batch`, `recpipe_producer::records` is
//! `recpipe_facade::producer::records`, and so on.) The programs stay apart: nothing of clap or
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
    co_sendto, gen_recvfrom, gen_sendto, pickle, sendto, stage, typed,
};

/// What columns are made of, for whoever makes or reads them as a whole.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use recpipe_facade::{Batch, Column, Field, Origin, Schema, Type, record::PackedInts};
///
/// let schema = Arc::new(Schema::new(vec![Field::new("status", Type::Int), Field::new("ms", Type::Float)])?);
/// let columns = vec![Column::int(PackedInts::pack(&[200_i64, 404])), Column::float(&[0.5, 1.5])];
/// let batch = Batch::new(schema, columns, 2, Origin::default())?;
/// assert_eq!(batch.row(1).to::<(u16, f64)>()?, (404, 1.5));
/// # Ok::<(), recpipe_facade::Error>(())
/// ```
pub mod record {
    #[doc(inline)]
    pub use recpipe::record::{Bits, Constant, Growing, PackedInts, Places, Text, column::Values};
}

/// The places whose clocks times are shown and cut by.
pub mod times {
    #[doc(inline)]
    pub use recpipe::times::Zone;
}

/// Streams as frames, for whoever needs more than [`gen_sendto`] and [`gen_recvfrom`]: several schemas, warnings, totals, batches that are
/// encoded or decoded on other threads.
///
/// The layout is written down for other implementers in `docs/wire-format.md`.
pub mod wire {
    #[doc(inline)]
    pub use recpipe::wire::{Encoded, Ending, Incoming, Place, RawBatch, Reader, Warning, Writer, encode, frame::Totals};
}

/// Children whose records are read.
pub mod transport {
    /// Child processes.
    pub mod exec {
        #[doc(inline)]
        pub use recpipe::transport::exec::{Child, spawn_writing};
    }
}

/// Files, logs and readers as iterators of batches, and formats of one's own.
///
/// # Examples
/// A format of one's own, of blocks of whole lines (another [`Boundary`](producer::Boundary) cuts elsewhere):
/// ```
/// use std::sync::Arc;
/// use recpipe_facade::{
///     BatchBuilder, Field, Schema, Type, Value,
///     producer::{Args, Block, Format, FormatSpec, Formats, Parsed, Parser, Plan, Reading, Reject, Start, Wanted},
/// };
///
/// /// `name=number`, a record a line.
/// #[derive(Clone)]
/// struct Pairs(Arc<Schema>);
///
/// fn pairs(_: &Args) -> Result<Box<dyn Format>, String> {
///     let fields = vec![Field::new("name", Type::Text), Field::new("number", Type::Int)];
///     Ok(Box::new(Pairs(Arc::new(Schema::new(fields).map_err(|error| error.to_string())?))))
/// }
///
/// impl Format for Pairs {
///     fn schema(&self) -> Arc<Schema> {
///         self.0.clone()
///     }
///     fn plan(&mut self, _: &Block) -> Result<Arc<dyn Plan>, String> {
///         Ok(Arc::new(self.clone()))
///     }
/// }
///
/// impl Plan for Pairs {
///     fn parser(&self) -> Box<dyn Parser> {
///         Box::new(PairsParser { schema: self.0.clone(), starts: Vec::new() })
///     }
/// }
///
/// struct PairsParser {
///     schema: Arc<Schema>,
///     starts: Vec<usize>,
/// }
///
/// impl Parser for PairsParser {
///     fn parse(&mut self, block: &Block, _: &Wanted) -> Parsed {
///         let (mut builder, mut start) = (BatchBuilder::new(self.schema.clone()), 0);
///         let (mut lines, mut rejects) = (0, Vec::new());
///         self.starts.clear();
///         for line in block.bytes.split_inclusive(|byte| *byte == b'\n') {
///             let text = line.strip_suffix(b"\n").unwrap_or(line);
///             let pair = std::str::from_utf8(text).ok().and_then(|text| text.split_once('='));
///             match pair.and_then(|(name, number)| Some((name, number.parse::<i64>().ok()?))) {
///                 Some((name, number)) if builder.push(&[Value::Text(name.as_bytes()), Value::Int(number.into())]).is_ok() => {
///                     self.starts.push(start);
///                 }
///                 _ => rejects.push(Reject {
///                     line: lines,
///                     records_before: builder.len() as u32,
///                     start: start as u32,
///                     len: text.len() as u32,
///                     why: "no `name=number`".into(),
///                 }),
///             }
///             (lines, start) = (lines + 1, start + line.len());
///         }
///         let batch = builder.finish().expect("a block is less than a batch holds").with_origin(block.origin());
///         Parsed { batch, lines, blank: 0, rejects }
///     }
///     fn row_start(&self, row: usize) -> usize {
///         self.starts[row]
///     }
/// }
///
/// let formats = Formats::builtin().with(FormatSpec {
///     name: "pairs",
///     args: &[],
///     options: &[],
///     about: "a name and a number a line",
///     start: Start::Blocks(pairs),
///     fields: "name, number (int)",
///     sample: "tea=3",
/// })?;
/// let mut batches = Reading::new("pairs").among(&formats).of(&b"tea=3\ncake\npie=5\n"[..])?;
/// let sold = batches.next().ok_or("a batch")??;
/// assert_eq!(sold.to::<(&str, i64)>().collect::<Result<Vec<_>, _>>()?, [("tea", 3), ("pie", 5)]);
/// assert!(batches.next().is_none());
/// assert_eq!(batches.rejected(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[cfg(feature = "producer")]
pub mod producer {
    #[doc(inline)]
    pub use recpipe_producer::{
        Reading, Records,
        format::{Args, FORMATS, Format, FormatOption, FormatSpec, Formats, Parsed, Parser, Plan, Reject, Start, Unit, Wanted},
        input::{
            block::Block,
            boundary::{Boundary, Lines, Resume},
        },
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
    ///
    /// # Examples
    /// ```
    /// use std::sync::Arc;
    /// use recpipe_facade::{
    ///     Batch, Error, Flow, Stage,
    ///     consumer::{Catalog, Query, StageWord, word::*},
    /// };
    ///
    /// static EVERY: StageWord = StageWord {
    ///     about: About { name: "every", syntax: "every N", doc: "one record of N", example: "every 10", runs: Runs::Once, ..About::PLAIN },
    ///     parse: |parser| Ok(parsed(Every(parser.count("every")?.max(1)))),
    /// };
    ///
    /// #[derive(Clone, Copy, Debug)]
    /// struct Every(u64);
    ///
    /// impl Syntax for Every {
    ///     fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
    ///         checker.push(upstream, &EVERY, span, Ok(*self));
    ///     }
    /// }
    ///
    /// impl Operator for Every {
    ///     // It looks at no field, and no record leads to nothing because of what is in it.
    ///     fn reads(&self, _: &PlanStage, _: &mut Read) {}
    ///     fn narrows(&self, _: &mut Found<'_>) -> bool {
    ///         false
    ///     }
    ///     fn start(&self, _: Start<'_>, target: Target) -> Target {
    ///         Box::new(Running { every: self.0, seen: 0, target })
    ///     }
    /// }
    ///
    /// struct Running {
    ///     every: u64,
    ///     seen: u64,
    ///     target: Target,
    /// }
    ///
    /// impl Stage for Running {
    ///     fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
    ///         let kept = batch.retain(|_| {
    ///             self.seen += 1;
    ///             (self.seen - 1).is_multiple_of(self.every)
    ///         });
    ///         self.target.send(kept)
    ///     }
    ///     fn flush(&mut self) -> Result<(), Error> {
    ///         self.target.flush()
    ///     }
    ///     fn close(&mut self) -> Result<(), Error> {
    ///         self.target.close()
    ///     }
    ///     fn target(&mut self) -> Option<&mut dyn Stage> {
    ///         Some(&mut self.target)
    ///     }
    /// }
    ///
    /// let words = Arc::new(Catalog::builtin().with_stage(&EVERY)?);
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Number { value: i64 }
    /// let numbers = (0..100).map(|value| Batch::of(&[Number { value }]));
    /// let mut answer = Query::parse_in("every 30 | sum(value)", &words)?.over(numbers);
    /// assert_eq!(answer.next().ok_or("a batch")??.row(0).to::<(i64,)>()?, (0 + 30 + 60 + 90,));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub mod word {
        #[doc(inline)]
        pub use recpipe_consumer::{
            language::{Checked, Checker, Failed, Ident, Parsed, Parser, Syntax, Upstream, parsed},
            plan::{About, Operator, PlanStage, Read, Runs, Start, Target, conditions::Found},
            span::Span,
        };
    }
}
