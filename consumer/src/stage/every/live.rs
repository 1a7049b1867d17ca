//! Windows of records that come as time passes: each is given when it is closed.
//!
//! How far time has passed is the greatest time that came, of the sender that is behind the others. A window is closed when that is
//! greater than its end and `late` more. Whether a record comes too late is decided by the records before it, one by one, so it does
//! not matter how they were cut into batches.
//!
//! Runs:   once.  Order: by window and key.
//! Memory: O(keys of the open windows); what goes beyond the budget is in temporary files.
//! Stops:  when its target does.
//! Errors: those of the expressions and the aggregates; temporary files that cannot be written.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use recpipe::{Batch, Error, Flow, Origin, Stage, Time, say};

use crate::{
    aggregate::Table,
    expr::Expr,
    left_out::{Counter, noted},
    memory::Budget,
    plan::{Operator, Plan, PlanStage, Read, SenderId, Senders, Start, Target, conditions::Found},
    stage::{grouping::StatsOp, slack::times},
    time::step::Steps,
};

/// Aggregates of windows; the first key is the window.
#[derive(Debug)]
pub(super) struct LiveOp {
    pub(super) stats: StatsOp,
    /// From one window to the next.
    pub(super) steps: Steps,
    /// The time of a record.
    pub(super) time: Expr,
    /// Nanoseconds that a window stays open beyond its end.
    pub(super) late: i64,
    /// After so many nanoseconds of silence a sender is not waited for; `None`: never.
    pub(super) idle: Option<i64>,
    /// Where records go that come late.
    pub(super) branch: Option<Plan>,
    /// Counts them.
    pub(super) counter: Counter,
}

impl Operator for LiveOp {
    fn reads(&self, stage: &PlanStage, wanted: &mut Read) {
        // What the branch reads, which is in places of the input, has been added to what is wanted of the output: all of it is read.
        let of_branch = self.branch.is_some().then(|| std::mem::take(&mut *wanted));
        self.stats.reads(stage, wanted);
        wanted.exprs([&self.time]);
        if let Some(branch) = of_branch {
            wanted.places.extend(branch.places.into_iter().filter(|place| *place < stage.input.len()));
            wanted.late |= branch.late;
        }
    }

    fn narrows(&self, _: &mut Found<'_>) -> bool {
        false
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        self.stats.facts()
    }

    fn mixes(&self) -> bool {
        true
    }

    fn branches(&self) -> &[Plan] {
        self.branch.as_slice()
    }

    fn start(&self, start: Start<'_>, target: Target) -> Target {
        let idle = self.idle.and_then(|nanos| u64::try_from(nanos).ok()).map(Duration::from_nanos);
        if let (Some(idle), Some(senders)) = (idle, &start.senders) {
            senders.wake_after(idle);
        }
        let panes = self.stats.panes.as_ref().map_or(1, |panes| panes.count);
        Box::new(Live {
            table: Some(self.stats.table(&start)),
            time: self.time.clone(),
            counter: self.counter.clone(),
            windows: Open { steps: self.steps.clone(), panes, late: self.late, known: BTreeMap::new(), open: BTreeMap::new() },
            clock: Clock { senders: start.senders, idle, greatest: BTreeMap::new(), most: None, passed: None, silent: BTreeSet::new() },
            runs: 0,
            has_enough: false,
            budget: start.budget.clone(),
            branch: start.branches.into_iter().next(),
            target,
        })
    }
}

/// The running stage.
struct Live {
    /// Of the windows that are open; taken at the end.
    table: Option<Table>,
    time: Expr,
    counter: Counter,
    windows: Open,
    clock: Clock,
    /// Runs of records so far that were added to the table.
    runs: u64,
    /// No more is wanted after it.
    has_enough: bool,
    budget: Budget,
    branch: Option<Target>,
    target: Target,
}

/// The windows that are open.
struct Open {
    steps: Steps,
    /// The windows that each record is in.
    panes: usize,
    late: i64,
    /// Of the windows that records were in: when the window, and those before it that such a record is in too, begin, and where they end.
    known: BTreeMap<i64, Vec<(i64, i64)>>,
    /// When those with records begin, and where they end.
    open: BTreeMap<i64, i64>,
}

/// So many windows are known at the most; beyond that they are reckoned anew.
const MOST_KNOWN: usize = 1024;

impl Open {
    /// Where the windows begin and end that a record of this time is in, the latest first.
    fn of(&mut self, time: Time) -> Result<&[(i64, i64)], Error> {
        let beyond = || Error::Data(format!("the windows of {time} are beyond all times"));
        let begin = self.steps.begin(time).ok_or_else(beyond)?;
        if !self.known.contains_key(&begin.nanos) {
            let windows = self.around(begin).ok_or_else(beyond)?;
            if self.known.len() >= MOST_KNOWN {
                self.known.clear();
            }
            self.known.insert(begin.nanos, windows);
        }
        Ok(self.known.get(&begin.nanos).map_or(&[], Vec::as_slice))
    }

    fn around(&self, begin: Time) -> Option<Vec<(i64, i64)>> {
        let mut edges = vec![begin];
        for _ in 1..self.panes {
            edges.push(self.steps.previous(*edges.last()?)?);
        }
        edges.reverse();
        for _ in 0..self.panes {
            edges.push(self.steps.next(*edges.last()?)?);
        }
        let window = |at: usize| Some((edges.get(at)?.nanos, self.steps.position(*edges.get(at + self.panes)?)));
        (0..self.panes).rev().map(window).collect()
    }

    fn is_closed(late: i64, end: i64, passed: Option<i64>) -> bool {
        passed.is_some_and(|passed| passed > end.saturating_add(late))
    }

    /// Takes out those that are closed by now: when the last of them begins.
    fn close(&mut self, passed: Option<i64>) -> Option<i64> {
        let mut last = None;
        while let Some(first) = self.open.first_entry().filter(|first| Open::is_closed(self.late, *first.get(), passed)) {
            last = Some(first.remove_entry().0);
        }
        last
    }
}

/// How far time has passed.
struct Clock {
    senders: Option<Senders>,
    idle: Option<Duration>,
    /// Of each sender of which more may come, the greatest time, as [`Steps::position`] has it.
    greatest: BTreeMap<SenderId, i64>,
    /// Of all.
    most: Option<i64>,
    /// How far it has passed for all.
    passed: Option<i64>,
    /// Those that are not waited for, which was said.
    silent: BTreeSet<SenderId>,
}

/// What the others than one sender let time pass to.
#[derive(Clone, Copy)]
enum Others {
    /// Not at all.
    Hold,
    /// So far.
    Until(i64),
    /// There are none that are waited for.
    None,
}

impl Clock {
    /// Those that are waited for, with whether each is at rest; who is silent for too long is none, which is said.
    fn awaited(&mut self) -> Vec<(SenderId, bool)> {
        let open = self.senders.as_ref().map(Senders::open).unwrap_or_default();
        let is_silent = |silent: Duration| self.idle.is_some_and(|idle| silent > idle);
        let awaited: Vec<_> = open.iter().filter(|open| !is_silent(open.silent)).map(|open| (open.sender, open.at_rest)).collect();
        for silent in open.iter().filter(|open| is_silent(open.silent)) {
            if self.silent.insert(silent.sender) && open.len() > 1 {
                say!("consumer: {} is silent, and windows do not wait for it until it sends again", silent.name);
            }
        }
        self.silent.retain(|sender| !awaited.iter().any(|(awaited, _)| awaited == sender));
        if self.senders.is_some() {
            self.greatest.retain(|sender, _| open.iter().any(|open| open.sender == *sender));
        }
        awaited
    }

    /// Whose records are taken, whether they let time pass, and what others do.
    fn begin(&mut self) -> (SenderId, bool, Others) {
        let current = self.senders.as_ref().map_or(0, Senders::current);
        let awaited = self.awaited();
        let at_rest = awaited.iter().any(|&(sender, at_rest)| sender == current && at_rest);
        let mut others = Others::None;
        for (sender, at_rest) in awaited.into_iter().filter(|(sender, _)| *sender != current) {
            others = match (others, self.greatest.get(&sender)) {
                (Others::Hold, _) | (_, None) => Others::Hold,
                _ if at_rest => Others::Hold,
                (Others::Until(least), Some(greatest)) => Others::Until(least.min(*greatest)),
                (Others::None, Some(greatest)) => Others::Until(*greatest),
            };
        }
        (current, !at_rest, others)
    }

    /// A record of this sender has come.
    fn came(&mut self, sender: SenderId, position: i64, passes: bool, others: Others) {
        self.most = self.most.max(Some(position));
        let greatest = self.greatest.entry(sender).or_insert(position);
        *greatest = (*greatest).max(position);
        let until = match others {
            Others::Hold => return,
            Others::Until(least) => least.min(*greatest),
            Others::None => *greatest,
        };
        if passes {
            self.passed = self.passed.max(Some(until));
        }
    }

    /// Nothing has come for a while: some may be silent, or have ended.
    fn look(&mut self) {
        let awaited = self.awaited();
        // Where all have ended, one that comes may have the times that they had.
        if self.senders.as_ref().is_none_or(|senders| senders.open().is_empty()) {
            return;
        }
        let least = match awaited[..] {
            // All are silent.
            [] => self.most,
            _ if awaited.iter().any(|(_, at_rest)| *at_rest) => None,
            _ => awaited.iter().map(|(sender, _)| self.greatest.get(sender).copied()).min().flatten(),
        };
        self.passed = self.passed.max(least);
    }
}

impl Live {
    /// Of each row, to how many of its windows it comes in time; `None` where that is to all.
    fn judge(&mut self, batch: &Batch) -> Result<Option<Vec<usize>>, Error> {
        let times = times(self.time.eval(&noted(batch))?);
        let (sender, passes, others) = self.clock.begin();
        let panes = self.windows.panes;
        let mut in_time: Option<Vec<usize>> = None;
        let mut last = None;
        for row in 0..batch.len() {
            let Some(time) = times.get(row) else {
                in_time.iter_mut().for_each(|in_time| in_time.push(panes));
                continue;
            };
            let (late, passed) = (self.windows.late, self.clock.passed);
            let position = self.windows.steps.position(time);
            let windows = self.windows.of(time)?;
            let open = windows.iter().take_while(|(_, end)| !Open::is_closed(late, *end, passed)).count();
            let first = windows.first().copied();
            if last != first || open < panes {
                let windows = windows[..open].to_vec();
                self.windows.open.extend(windows);
                last = first;
            }
            if open < panes && in_time.is_none() {
                in_time = Some(vec![panes; row]);
            }
            in_time.iter_mut().for_each(|in_time| in_time.push(open));
            self.clock.came(sender, position, passes, others);
        }
        Ok(in_time)
    }

    /// Adds the records, as they are in time.
    fn add(&mut self, batch: Batch) -> Result<(), Error> {
        let Some(in_time) = self.judge(&batch)? else { return self.add_run(batch, usize::MAX) };
        let panes = self.windows.panes;
        let rows = |rows: &mut dyn Iterator<Item = usize>| batch.select(rows.map(|row| batch.physical(row) as u32).collect());
        let mut at = 0;
        // The order of the records tells the first from the last.
        for run in in_time.chunk_by(|a, b| a == b) {
            if run[0] > 0 {
                self.add_run(rows(&mut (at..at + run.len())), run[0])?;
            }
            at += run.len();
        }
        let late = || (0..batch.len()).filter(|&row| in_time[row] < panes);
        if let Some(first) = late().next() {
            let times = times(self.time.eval(&noted(&batch))?);
            let shown = || times.get(first).map_or(String::new(), |time| time.to_string());
            self.counter.note(&batch, late().count() as u64, first, shown);
        }
        if let Some(branch) = &mut self.branch
            && branch.send(rows(&mut late()))? == Flow::Stop
        {
            branch.close()?;
            self.branch = None;
        }
        Ok(())
    }

    fn add_run(&mut self, batch: Batch, most: usize) -> Result<(), Error> {
        let order = self.runs;
        self.runs += 1;
        match &mut self.table {
            Some(table) => table.add_to(&batch.with_origin(Origin { order, ..Origin::default() }), most),
            None => Err(Error::Protocol("records after the end")),
        }
    }

    /// Gives the windows that are closed by now.
    fn give(&mut self) -> Result<Flow, Error> {
        let Some(last) = self.windows.close(self.clock.passed) else { return Ok(self.flow()) };
        let Some(table) = &mut self.table else { return Ok(self.flow()) };
        let target = &mut self.target;
        let mut send = |batch: Batch| target.send(batch);
        let flow = table.take_closed(&|begin| begin.nanos <= last, &self.budget, &mut send)?;
        self.has_enough |= flow == Flow::Stop;
        // Whoever waits for the answer has it now.
        self.target.flush()?;
        Ok(self.flow())
    }

    fn flow(&self) -> Flow {
        if self.has_enough { Flow::Stop } else { Flow::Continue }
    }
}

impl Stage for Live {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        if self.has_enough {
            return Ok(Flow::Stop);
        }
        self.add(batch)?;
        self.give()
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.clock.look();
        if !self.has_enough {
            // That no more is wanted is answered to the next records.
            let _: Flow = self.give()?;
        }
        self.branch.iter_mut().try_for_each(|branch| branch.flush())?;
        self.target.flush()
    }

    fn close(&mut self) -> Result<(), Error> {
        self.branch.iter_mut().try_for_each(|branch| branch.close())?;
        let tables = self.table.take().filter(|_| !self.has_enough);
        for batch in Table::merged(tables.into_iter().collect(), &self.budget)? {
            if self.target.send(batch?)? == Flow::Stop {
                break;
            }
        }
        self.target.close()
    }

    fn target(&mut self) -> Option<&mut dyn Stage> {
        Some(&mut self.target)
    }

    /// Of another time than that of its windows.
    fn punctuate(&mut self, _: Time) -> Result<Flow, Error> {
        Ok(Flow::Continue)
    }

    fn fail(&mut self, error: &Error) {
        self.branch.iter_mut().for_each(|branch| branch.fail(error));
        self.target.fail(error);
    }
}
