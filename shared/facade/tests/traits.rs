//! What can be done with every type of the API: shown, and where nothing forbids it sent and shared.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Debug;

use recpipe_facade::{
    Batch, BatchBuilder, Column, ColumnBuilder, Error, Exit, Field, Flow, Origin, Row, Schema, Time, Type, Value,
    consumer::{
        Answer, Catalog, Diagnostic, FoldWord, FunctionWord, Memory, PartialAnswer, Query, QueryError, QueryStage, StageWord, word,
    },
    producer,
    record::{Bits, Constant, Growing, PackedInts, Places, Text, Values},
    sendto,
    stage::{Broadcast, Collect, Collected, Coroutine, FanIn, Filter, FromFn, Map, Threaded},
    times::Zone,
    transport::exec::Child,
    wire::{Encoded, Ending, Incoming, Place, RawBatch, Reader, Totals, Warning, Writer},
};

fn shown<T: Debug>() {}
fn sent<T: Debug + Send>() {}
fn shared<T: Debug + Send + Sync>() {}
fn cloned<T: Debug + Send + Sync + Clone>() {}
fn is_error<T: std::error::Error + Send + Sync + 'static>() {}

type Bytes = std::io::Cursor<Vec<u8>>;
type Batches = std::vec::IntoIter<Result<Batch, Error>>;

macro_rules! all {
    ($what:ident: $($type:ty),* $(,)?) => { $($what::<$type>();)* };
}

#[test]
fn types_have_the_traits_that_they_can_have() {
    all!(is_error: Error, QueryError);
    all!(cloned: Batch, Column, Exit, Field, Flow, Origin, Row<'_>, Schema, Time, Type, Value<'_>);
    all!(cloned: Bits, Constant, PackedInts, Places, Text, Values, Zone, Ending, Warning, Totals, Place);
    all!(cloned: Catalog, Diagnostic, Memory, Query, Collected, producer::Reading, producer::Formats, producer::Args, producer::FormatSpec);
    all!(cloned: producer::Reject, producer::Unit, producer::Start, producer::FormatOption, producer::Wanted, producer::Lines);
    all!(cloned: word::Span, word::Runs, word::PlanStage, word::Failed);
    all!(shared: BatchBuilder, ColumnBuilder, Growing, Encoded, RawBatch, Incoming, Child, Collect, StageWord, FunctionWord, FoldWord);
    all!(shared: Reader<Bytes>, Writer<Vec<u8>>, sendto::RecvFrom<Bytes>, sendto::SendTo<Vec<u8>>, sendto::Records<i64, Bytes>);
    all!(shared: Filter<fn(Row<'_>) -> bool, Collect>, Map<fn(Batch) -> Result<Batch, Error>, Collect>, FromFn<fn()>, Coroutine<Collect>);
    all!(shared: producer::Block, producer::Parsed);
    all!(sent: Threaded, producer::Records);
    // Those have stages of any kind, of which some are not sent.
    all!(shown: Broadcast, FanIn<Collect>, Answer<Batches>, PartialAnswer, QueryStage<Collect>);
    all!(shown: word::Checker<'_>, word::Parser<'_>, word::Start<'_>, word::Upstream, word::Read, word::Found<'_>, word::About);
}
