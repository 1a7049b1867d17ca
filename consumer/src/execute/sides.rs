//! Reads the inputs that stages need whole, before the first record: for this process, and for its children.

use std::{collections::BTreeMap, sync::Arc};

use recpipe::{Batch, Column, Error};

use super::{
    feeds::{FeedInput, FeedReader, FeedSource, Feeds, Heard},
    form::Form,
};
use crate::{
    left_out::noted,
    memory::Budget,
    plan::{Build, Built, Feed, Plan, PlanStage, Runs, Sides, Whole},
};

/// A part of an input, on its way to another process.
pub(super) enum Part<'p> {
    /// Some records.
    Batch(&'p Batch),
    /// Some bytes of a file that is no stream.
    Bytes(&'p [u8]),
    /// It was all, and the stage that it is for runs here.
    End(Runs),
}

/// Hands a part to all children.
pub(super) type Hand<'h> = &'h dyn Fn(&Part<'_>) -> Result<(), Error>;

/// Reads the inputs, hands them to the children where there are some, and makes of them what the stages run with. What is known of
/// the files besides their records is `heard`.
///
/// # Errors
/// Those of [`Build::build`]; that of an input which is not whole: no answer could be right.
pub(super) fn load(
    plan: &Plan,
    feeds: &mut Feeds,
    hand: Option<Hand<'_>>,
    budget: &Budget,
    quiet: bool,
    heard: &Heard,
) -> Result<Sides, Error> {
    let mut built = BTreeMap::new();
    plan.try_for_each_build::<Error>(&mut |build, feed| {
        let FeedInput { name, source } = feeds.remove(&feed.at).ok_or(Error::Protocol("a file that the query names was not opened"))?;
        let give = |part: Part<'_>| hand.map_or(Ok(()), |hand| hand(&part));
        let side = match source {
            FeedSource::Bytes(bytes) => {
                give(Part::Bytes(&bytes))?;
                build.build(Whole::Bytes(bytes), budget)
            }
            FeedSource::Records { frames, .. } => {
                let input = build.input();
                let of_this = Heard::default();
                let mut reader = FeedReader::new(name, frames, input.input.clone(), quiet, of_this.clone());
                let mut form = Form::new(&input.input, input, Some(feed));
                let mut next = || -> Result<Option<Batch>, Error> {
                    let Some(raw) = reader.next() else { return of_this.whole().map(|()| None) };
                    let batch = narrowed(build, &form.batch(raw, "")?)?;
                    give(Part::Batch(&batch))?;
                    Ok(Some(batch))
                };
                let side = build.build(Whole::Records(&mut std::iter::from_fn(|| next().transpose())), budget);
                heard.also(&of_this);
                side
            }
        }?;
        give(Part::End(side.runs))?;
        // What each child has is of no use here.
        let is_elsewhere = hand.is_some() && side.runs == Runs::EachWorker && !is_once(plan, feed);
        built.insert(feed.at, if is_elsewhere { Built { side: Arc::new(()), ..side } } else { side });
        Ok(())
    })?;
    Ok(Sides::new(built))
}

/// Whether the stage that reads this runs once, in this process, as it stands behind one that does, or in a branch.
fn is_once(plan: &Plan, feed: &Feed) -> bool {
    let reads_it = |stage: &PlanStage| stage.operator.build().is_some_and(|build| build.input().feed.as_ref() == Some(feed));
    // Which joins run once is not known of all of them as yet.
    let in_workers = |stage: &&PlanStage| stage.about.runs == Runs::EachWorker && (reads_it(stage) || stage.operator.build().is_none());
    !plan.stages.iter().take_while(in_workers).any(reads_it)
}

/// The batch without the columns that nobody reads.
fn narrowed(build: &dyn Build, batch: &Batch) -> Result<Batch, Error> {
    let reads = build.reads();
    let column =
        |(place, column): (usize, &Column)| if reads.contains(&place) { column.clone() } else { Column::null(batch.physical_rows()) };
    let known = build.input().input.len();
    let columns = batch.columns().iter().take(known).enumerate().map(column).collect();
    batch.with_columns(build.input().input.clone(), columns)
}

/// A part of an input that came from the parent.
pub(super) enum Handed {
    /// Some records.
    Batch(Batch),
    /// Some bytes.
    Bytes(Vec<u8>),
    /// It was all, and the stage that it is for runs here.
    End(Runs),
}

/// What a child makes of the inputs that its parent hands it; `next` gives the next part.
///
/// # Errors
/// The first of `next` ends it. Within, those of [`Build::build`], after all inputs have come: the parent goes on handing them.
pub(super) fn load_handed(
    plan: &Plan,
    budget: &Budget,
    next: &mut dyn FnMut() -> Result<Handed, Error>,
) -> Result<Result<Sides, Error>, Error> {
    let (mut built, mut failed) = (BTreeMap::new(), None);
    plan.try_for_each_build::<Error>(&mut |build, feed| {
        let mut ended = None;
        let made = if build.takes_bytes() {
            let mut whole = Vec::new();
            while ended.is_none() {
                match next()? {
                    Handed::Bytes(more) => whole.extend(more),
                    Handed::End(runs) => ended = Some(Ok(runs)),
                    Handed::Batch(_) => return Err(misplaced()),
                }
            }
            build.build(Whole::Bytes(whole.into()), budget)
        } else {
            let mut batches = std::iter::from_fn(|| {
                if ended.is_some() {
                    return None;
                }
                match next() {
                    // The parent has noted what is left out of it.
                    Ok(Handed::Batch(batch)) => return Some(Ok(noted(&batch))),
                    Ok(Handed::End(runs)) => ended = Some(Ok(runs)),
                    Ok(Handed::Bytes(_)) => ended = Some(Err(misplaced())),
                    Err(error) => ended = Some(Err(error)),
                }
                None
            });
            let made = build.build(Whole::Records(&mut batches), budget);
            // What it did not take, because it failed.
            batches.for_each(drop);
            made
        };
        let runs = ended.unwrap_or_else(|| Err(misplaced()))?;
        match made {
            // The parent runs it, and this one nothing of it.
            _ if runs != Runs::EachWorker => drop(built.insert(feed.at, Built { side: Arc::new(()), runs })),
            Ok(side) if side.runs == runs => drop(built.insert(feed.at, side)),
            Ok(_) => drop(failed.get_or_insert(Error::Usage(too_large(feed)))),
            Err(error) => drop(failed.get_or_insert(error)),
        }
        Ok(())
    })?;
    Ok(failed.map_or_else(|| Ok(Sides::new(built)), Err))
}

fn too_large(feed: &Feed) -> String {
    let what = format!("{} is more than the part of --memory that a worker process has", feed.path.display());
    format!("{what}; give it more, or use fewer `--processes`")
}

fn misplaced() -> Error {
    Error::Protocol("a part of another input")
}
