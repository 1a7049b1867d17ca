//! `session KEY gap D [max D] as NAME`: adds the time at which the session began that a record is of: the records with the same key that
//! are no further apart than the gap.
//!
//! Runs:   in each worker, which evaluates keys and times, then once.  Order: kept.
//! Memory: O(keys). Where records come in the order of time, keys whose gap has passed are forgotten when there are many.
//! Stops:  when its target does.
//! Errors: those of the expressions; a time before that of the record before it with the same key; more keys than there is memory for.

use recpipe::{Batch, Error, Flow, Stage, Time, Type};

use super::{
    beyond::{Beyond, put},
    relay,
    slack::{self, SlackOp},
    window::{Needed, Needs, hold},
};
use crate::{
    expr::{Operand, Values, Vector},
    language::{
        Checked, Checker, Parsed, Parser, Seen, StageWord, Syntax, Upstream,
        ast::{self, Ident},
        parsed,
    },
    memory::Account,
    plan::{About, Operator, PlanStage, Read, Runs, Start, Target, conditions::Found},
    span::Span,
};

/// `session`.
pub static WORD: StageWord = StageWord {
    about: About {
        name: "session",
        syntax: "session [KEY] [of FIELD] gap D [max D] [slack D] [as NAME]",
        doc: "adds the time at which a record's session began: one of the same key ends with a gap",
        example: "session host gap 30m max 12h as sid",
        runs: Runs::WorkersThenMerge,
        memory: "O(keys)",
        ..About::PLAIN
    },
    parse,
};

const EXAMPLE: &str = "session host gap 30m";

fn parse(parser: &mut Parser<'_>) -> Parsed {
    let keys = if parser.at_word("gap") || parser.at_word("of") { Vec::new() } else { parser.keys()? };
    let of = if parser.take_word("of") { Some(parser.expr()?) } else { None };
    if !parser.take_word("gap") {
        return Err(parser.unexpected(&format!("`gap`, as in `{EXAMPLE}`")));
    }
    let gap = parser.duration(EXAMPLE)?;
    let most = if parser.take_word("max") { Some(parser.duration("session host gap 30m max 12h")?) } else { None };
    let before = slack::clause(parser)?;
    let name = parser.alias()?;
    let slack = if before.is_some() { before } else { slack::clause(parser)? };
    Ok(parsed(SessionSyntax { keys, of, gap, most, slack, name }))
}

/// The stage as it was written.
#[derive(Debug)]
struct SessionSyntax {
    keys: Vec<ast::Expr>,
    /// The time, where it is not `time`.
    of: Option<ast::Expr>,
    gap: i64,
    most: Option<i64>,
    /// How long records are held back before it.
    slack: Option<i64>,
    name: Option<Ident>,
}

impl Syntax for SessionSyntax {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        let keys = checker.keys(&self.keys);
        let time = slack::time(checker, self.of.as_ref(), span);
        if let Some(slack) = self.slack {
            checker.push(upstream, &slack::WORD, span, time.clone().map(|time| SlackOp { slack, time }));
        }
        let name = self.name.as_ref().map_or("session", |name| &name.text).to_owned();
        let made: Checked<_> = keys.and_then(|keys| Ok(Needs { keys: vec![keys], values: vec![time?] }));
        let place = checker.scope.put(name, Some(Seen::closed(Type::Time)));
        let made = made.map(|needs| SessionOp { needs, gap: self.gap, most: self.most.unwrap_or(i64::MAX), place });
        checker.push(upstream, &WORD, span, made);
    }
}

/// Sessions of records with the same key.
#[derive(Clone, Debug)]
struct SessionOp {
    /// The key, and the time.
    needs: Needs,
    /// Nanoseconds between two records of a session, at most.
    gap: i64,
    /// And between its first record and its last.
    most: i64,
    /// The place of the column.
    place: usize,
}

impl Operator for SessionOp {
    fn reads(&self, _: &PlanStage, wanted: &mut Read) {
        wanted.places.remove(&self.place);
        self.needs.read(wanted);
    }

    fn narrows(&self, _: &mut Found<'_>) -> bool {
        false
    }

    fn known(&self, records: u64) -> Option<u64> {
        Some(records)
    }

    fn half(&self, start: &Start<'_>, target: Target) -> Target {
        self.needs.half(start.input, target)
    }

    fn start(&self, start: Start<'_>, target: Target) -> Target {
        let needed = self.needs.needed(start.input);
        let beyond = needed.beyond(start.output.clone());
        let (SessionOp { gap, most, place, .. }, account) = (self.clone(), start.budget.account());
        let open = Sessions { gap, most, ..Sessions::default() };
        let whole: Target = Box::new(Session { needed, open, place, beyond, account, target });
        if start.follows_half { whole } else { self.needs.half(start.input, whole) }
    }
}

/// The half that runs once.
struct Session {
    needed: Needed,
    open: Sessions,
    place: usize,
    beyond: Beyond,
    account: Account,
    target: Target,
}

impl Stage for Session {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        self.needed.read(&batch)?;
        let times = slack::times(self.needed.value(&batch, 0));
        self.open.resize(self.needed.key(0).len());
        let mut began = Vec::with_capacity(batch.len());
        for (row, &key) in self.needed.key(0).all().iter().enumerate() {
            let time = times.get(row);
            began.push(match time {
                Some(time) => self.open.at(key as usize, time).map_err(|late| late.error(&batch, row))?,
                None => Time { nanos: 0, offset_s: 0 },
            });
        }
        let values = Values::Time(Operand::Each(began));
        let column = Vector { len: batch.len(), values, nulls: times.nulls() }.into_column(Type::Time, &batch);
        let mut columns = self.needed.known(&batch).to_vec();
        put(&mut columns, self.place, column);
        let batch = self.beyond.with_columns(&batch, columns)?;
        self.forget_or_hold()?;
        self.target.send(batch)
    }

    relay!();
}

/// So many keys are not worth the trouble to forget any.
const FEW: usize = 1 << 18;

impl Session {
    /// Forgets keys whose gap has passed, where there are many or too many.
    fn forget_or_hold(&mut self) -> Result<(), Error> {
        let bytes = |needed: &Needed, open: &Sessions| needed.held().1 + open.keys.capacity() * size_of::<Open>();
        let fits = self.account.hold(bytes(&self.needed, &self.open));
        let keys = self.open.keys.len();
        if fits && (keys < self.open.forget_at.max(FEW) || self.open.is_disordered) {
            return Ok(());
        }
        if keys == 1 {
            return hold(&mut self.account, bytes(&self.needed, &self.open), keys, WORD.about.name);
        }
        let gap_has_passed = |open: &Open| open.last.saturating_add(self.open.gap) < self.open.latest;
        let stays: Vec<bool> = self.open.keys.iter().map(|open| !gap_has_passed(open)).collect();
        self.needed.key_mut(0).retain(&stays)?;
        let gone = self.open.keys.iter().zip(&stays).filter(|(_, stays)| !**stays).map(|(open, _)| open.last).max();
        self.open.forgotten = self.open.forgotten.max(gone.map(|last| last.saturating_add(self.open.gap)));
        let mut stays = stays.into_iter();
        self.open.keys.retain(|_| stays.next().unwrap_or(true));
        self.open.keys.shrink_to_fit();
        self.open.forget_at = 2 * self.open.keys.len();
        hold(&mut self.account, bytes(&self.needed, &self.open), self.open.keys.len(), WORD.about.name)
    }
}

/// The last session of a key.
#[derive(Clone, Copy)]
struct Open {
    began: Time,
    last: i64,
}

/// Of a key that has no record yet.
const NONE: Open = Open { began: Time { nanos: 0, offset_s: 0 }, last: i64::MIN };

/// The last session of each key.
#[derive(Default)]
struct Sessions {
    gap: i64,
    most: i64,
    keys: Vec<Open>,
    /// The greatest time so far.
    latest: i64,
    /// Whether a time was less than one before it, of whatever key.
    is_disordered: bool,
    /// Until when sessions might have gone on of keys that are forgotten.
    forgotten: Option<i64>,
    /// At so many keys some are forgotten.
    forget_at: usize,
}

/// A record that came too late.
enum Late {
    /// After one of its key that has this time.
    After(Time, i64),
    /// When its key may have been forgotten.
    Forgotten(Time),
}

impl Sessions {
    fn resize(&mut self, keys: usize) {
        self.keys.resize(keys, NONE);
    }

    /// When the session began that a record of this key and time is of.
    #[inline]
    fn at(&mut self, key: usize, time: Time) -> Result<Time, Late> {
        let open = &mut self.keys[key];
        if time.nanos < open.last {
            return Err(Late::After(time, open.last));
        }
        if open.last == NONE.last && self.forgotten.is_some_and(|until| time.nanos <= until) {
            return Err(Late::Forgotten(time));
        }
        let goes_on = open.last != NONE.last
            && time.nanos.saturating_sub(open.last) <= self.gap
            && time.nanos.saturating_sub(open.began.nanos) <= self.most;
        if !goes_on {
            open.began = time;
        }
        open.last = time.nanos;
        self.is_disordered |= time.nanos < self.latest;
        self.latest = self.latest.max(time.nanos);
        Ok(open.began)
    }
}

impl Late {
    fn error(&self, batch: &Batch, row: usize) -> Error {
        match self {
            Late::After(time, last) => {
                let last = Time { nanos: *last, offset_s: time.offset_s };
                slack::out_of_order(batch, row, *time, last, "with the same key", last.nanos.saturating_sub(time.nanos))
            }
            Late::Forgotten(time) => Error::Data(format!(
                "time is out of order{}: {time} comes when sessions of that time are closed and forgotten; write `sort time` before \
                 `session`",
                slack::place(batch, row)
            )),
        }
    }
}
