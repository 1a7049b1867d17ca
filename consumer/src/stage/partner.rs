//! What `lookup` and `join` are when they are checked, and how they run: each record is given its partners of another input.
//!
//! Runs:   in each worker on one table that all share; once, where a record has several partners or the table does not fit.
//! Order:  that of the main input; of several partners, that of the other one.
//! Memory: O(rows of the other input). What a join has no room for is sorted in temporary files, and then nothing comes out before
//!         the end; a lookup fails before the first record.
//! Stops:  when its target does.

use std::sync::Arc;

use recpipe::{Batch, Column, Error, Flow, Stage, Time};

use super::{beyond::Beyond, relay, relay_flush};
use crate::{
    expr::Expr,
    join::{Database, Held, Joined, Keep, Match, MergeJoin, NONE, Partners, SortedBuilder, SortedSide, Table, TableBuilder},
    memory::{Account, Budget},
    plan::{
        Build, Built, Operator, Plan, PlanStage, Read, Runs, Start, Target, Whole,
        conditions::Found,
        fields::{Places, Read as Reads},
    },
};

/// Records with their partners of another input.
#[derive(Clone, Debug)]
pub(super) struct PartnerOp {
    /// The stage as it is written, for messages.
    pub(super) name: String,
    /// The other input.
    pub(super) feed: Plan,
    /// Whether it is a database instead of a stream.
    pub(super) is_database: bool,
    pub(super) on: Match,
    /// The columns of the other input that are added.
    pub(super) kept: Vec<usize>,
    pub(super) keep: Keep,
    /// Whether what does not fit goes to temporary files.
    pub(super) spills: bool,
    /// How many columns come.
    pub(super) before: usize,
}

/// The other input, as it is asked.
enum Side {
    Table(Table),
    Database { database: Database, _account: Account },
    Sorted(Arc<SortedSide>),
}

/// What becomes of a join that does not fit.
const BEYOND: &str = "where the file does not fit --memory: both sides are sorted in temporary files";

/// Rows of a batch that a record with several partners ends.
const BATCH_ROWS: usize = 8192;

impl PartnerOp {
    fn adds(&self) -> usize {
        if self.keep == Keep::None { 0 } else { self.kept.len() }
    }

    /// What is made of an input that a table does not hold.
    fn beyond(&self, held: &Held, rest: &mut dyn Iterator<Item = Result<Batch, Error>>, budget: &Budget) -> Result<Built, Error> {
        if !self.spills {
            return Err(self.too_large(budget));
        }
        let mut sorted = SortedBuilder::new(&self.on, &self.feed.input, &self.kept, held, budget)?;
        for batch in rest {
            sorted.add(&batch?)?;
        }
        Ok(Built { side: Arc::new(Side::Sorted(Arc::new(sorted.finish()?))), runs: Runs::Once })
    }

    fn too_large(&self, budget: &Budget) -> Error {
        let what = format!("{}: its table is more than {} bytes of --memory have room for", self.name, budget.limit());
        Error::Usage(format!("{what}; give it more, keep fewer columns, or write `join`, which uses temporary files"))
    }
}

impl Build for PartnerOp {
    fn input(&self) -> &Plan {
        &self.feed
    }

    fn reads(&self) -> Places {
        let mut read = Reads { places: self.kept.iter().copied().collect(), late: false };
        read.exprs(self.on.theirs());
        read.places
    }

    fn takes_bytes(&self) -> bool {
        self.is_database
    }

    fn build(&self, whole: Whole<'_>, budget: &Budget) -> Result<Built, Error> {
        let batches = match whole {
            Whole::Bytes(bytes) => {
                let mut account = budget.account();
                if !account.hold(bytes.len()) {
                    return Err(self.too_large(budget));
                }
                let side = Side::Database { database: Database::open(bytes)?, _account: account };
                return Ok(Built { side: Arc::new(side), runs: Runs::EachWorker });
            }
            Whole::Records(batches) => batches,
        };
        let mut builder = TableBuilder::new(&self.on, self.name.clone(), &self.feed.input, &self.kept, budget);
        while let Some(batch) = batches.next() {
            if !builder.add(&batch?)? {
                return self.beyond(&builder.into_columns(), batches, budget);
            }
        }
        match builder.finish()? {
            Ok(table) => {
                // Of one batch, several may come; only what runs once gives them places of their own.
                let runs = if table.has_several() && self.keep != Keep::None { Runs::Once } else { Runs::EachWorker };
                Ok(Built { side: Arc::new(Side::Table(table)), runs })
            }
            Err(held) => self.beyond(&held, batches, budget),
        }
    }
}

impl Operator for PartnerOp {
    fn reads(&self, _: &PlanStage, wanted: &mut Read) {
        wanted.places.retain(|&place| place < self.before);
        wanted.exprs(self.on.ours());
    }

    fn narrows(&self, found: &mut Found<'_>) -> bool {
        found.keep(self.before + self.adds(), |place| place < self.before);
        !self.on.ours().any(Expr::may_fail)
    }

    fn known(&self, records: u64) -> Option<u64> {
        (self.keep == Keep::All && self.on.partners != Partners::Each).then_some(records)
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        let fields = Build::reads(self).into_iter().filter_map(|place| self.feed.input.fields().get(place));
        let fields = fields.map(|field| format!("{}:{}", field.name, field.kind)).collect::<Vec<_>>().join(", ");
        let path = self.feed.feed.iter().map(|feed| feed.path.display().to_string()).collect::<String>();
        let mut facts = vec![("holds", format!("{path}, read before the first record: {fields}"))];
        let several = self.on.partners == Partners::Each && self.keep != Keep::None;
        match (several, self.spills) {
            (true, true) => facts.push(("else", format!("runs once, where a key has several rows; {BEYOND}"))),
            (true, false) => facts.push(("else", "runs once, where a key has several rows".to_owned())),
            (false, true) => facts.push(("else", format!("runs once, {BEYOND}"))),
            (false, false) => {}
        }
        facts
    }

    fn build(&self) -> Option<&dyn Build> {
        Some(self)
    }

    fn start(&self, start: Start<'_>, target: Target) -> Target {
        let beyond = Beyond::new(start.input, start.output.clone());
        let side = start.side.clone().and_then(|side| side.downcast::<Side>().ok());
        if let Some(Side::Sorted(side)) = side.as_deref() {
            let values = self.on.ours().count();
            let merge = MergeJoin::new(self.keep, values, start.input.clone(), side.clone(), start.budget);
            return Box::new(Merged { plan: self.clone(), merge: Some(merge), beyond, target });
        }
        Box::new(Probe { plan: self.clone(), side, beyond, target })
    }
}

/// The running stage, which asks what is held.
struct Probe {
    plan: PartnerOp,
    side: Option<Arc<Side>>,
    beyond: Beyond,
    target: Target,
}

impl Probe {
    /// Sends the records with the rows that they go with, one each, of columns that end in a row of nulls.
    fn send_each(&mut self, mut batch: Batch, mut rows: Vec<u32>, columns: impl Fn(Vec<u32>) -> Vec<Column>) -> Result<Flow, Error> {
        if self.plan.keep != Keep::All {
            let wants_partner = self.plan.keep == Keep::Only;
            let keep: Vec<bool> = rows.iter().map(|&row| (row != NONE) == wants_partner).collect();
            batch = batch.filter(&keep);
            rows.retain(|&row| (row != NONE) == wants_partner);
        }
        if self.plan.keep == Keep::None {
            return self.target.send(batch);
        }
        // A row for each physical one: those that are not selected have nulls.
        if let Some(selection) = batch.selection() {
            let mut physical = vec![NONE; batch.physical_rows()];
            selection.iter().zip(&rows).for_each(|(&place, &row)| physical[place as usize] = row);
            rows = physical;
        }
        let mut all = self.beyond.known(&batch).to_vec();
        all.extend(columns(rows));
        self.target.send(self.beyond.with_columns(&batch, all)?)
    }

    /// Sends each record as often as it has partners.
    fn send_several(&mut self, batch: &Batch, first: &[u32], table: &Table) -> Result<Flow, Error> {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for (record, &first) in first.iter().enumerate() {
            let place = batch.physical(record) as u32;
            let mut row = first;
            if row == NONE && self.plan.keep == Keep::All {
                ours.push(place);
                theirs.push(NONE);
            }
            while row != NONE {
                ours.push(place);
                theirs.push(row);
                row = table.next(row);
                if ours.len() >= BATCH_ROWS && self.send_pairs(batch, &mut ours, &mut theirs, table)? == Flow::Stop {
                    return Ok(Flow::Stop);
                }
            }
        }
        self.send_pairs(batch, &mut ours, &mut theirs, table)
    }

    fn send_pairs(&mut self, batch: &Batch, ours: &mut Vec<u32>, theirs: &mut Vec<u32>, table: &Table) -> Result<Flow, Error> {
        let batch = batch.select(std::mem::take(ours)).compact();
        let mut all = self.beyond.known(&batch).to_vec();
        all.extend(table.columns(std::mem::take(theirs)));
        self.target.send(self.beyond.with_columns(&batch, all)?)
    }
}

impl Stage for Probe {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        let side = self.side.clone();
        let mut values = self.plan.on.of_ours(&batch)?;
        match side.as_deref() {
            Some(Side::Table(table)) => {
                let rows = table.find(values, batch.len())?;
                if table.has_several() && self.plan.keep != Keep::None {
                    return self.send_several(&batch, &rows, table);
                }
                self.send_each(batch, rows, |rows| table.columns(rows))
            }
            Some(Side::Database { database, .. }) => {
                let fields = &self.plan.feed.input;
                let names: Vec<&str> =
                    self.plan.kept.iter().filter_map(|&place| fields.fields().get(place)).map(|field| field.name.as_str()).collect();
                let addresses = values.pop().ok_or(Error::Protocol("no address to look for"))?;
                let (rows, found) = database.find(&addresses, batch.len(), &names)?;
                self.send_each(batch, rows, |mut rows| {
                    let none = found.first().map_or(0, |column| column.len().saturating_sub(1)) as u32;
                    rows.iter_mut().filter(|row| **row == NONE).for_each(|row| *row = none);
                    found.iter().map(|column| column.pick(&rows)).collect()
                })
            }
            Some(Side::Sorted(_)) | None => Err(Error::Protocol("a stage without its other input")),
        }
    }

    relay!();
}

/// The running stage where the other input does not fit.
struct Merged {
    plan: PartnerOp,
    /// `None` at the end.
    merge: Option<MergeJoin>,
    beyond: Beyond,
    target: Target,
}

impl Merged {
    fn send_joined(&mut self, joined: Joined) -> Result<(), Error> {
        for pair in joined {
            let (ours, theirs) = pair?;
            let batch = if self.plan.keep == Keep::None {
                ours
            } else {
                let mut all = self.beyond.known(&ours).to_vec();
                all.extend(theirs.columns().iter().cloned());
                self.beyond.with_columns(&ours, all)?
            };
            if self.target.send(batch)? == Flow::Stop {
                break;
            }
        }
        Ok(())
    }
}

impl Stage for Merged {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        let values = self.plan.on.of_ours(&batch)?;
        let merge = self.merge.as_mut().ok_or(Error::Protocol("records after the end"))?;
        merge.add(&batch, &values).map(|()| Flow::Continue)
    }

    fn close(&mut self) -> Result<(), Error> {
        if let Some(merge) = self.merge.take() {
            let joined = merge.finish()?;
            self.send_joined(joined)?;
        }
        self.target.close()
    }

    /// Not true of what is sent at the end.
    fn punctuate(&mut self, _: Time) -> Result<Flow, Error> {
        Ok(Flow::Continue)
    }

    relay_flush!();
}
