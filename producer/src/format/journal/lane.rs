//! The entries of one file that are asked for, one after the other.
//!
//! Of a file whose arrays are whole, they are found by those; of one that is torn, or from where its arrays are damaged, object by object, up
//! to where the objects end or cannot be read.
//!
//! With `--since`, the beginning is found by halving, and reading ends behind `--until`: as long as no entry was written earlier than one
//! before it by more than `--slack`. From one that was, all of the file is read, and then what lies before the beginning.

use std::sync::Arc;

use super::chain::Chain;
use super::entry::{Entry, items};
use super::file::JournalFile;
use super::header::Damage;
use super::object::Kind;
use super::pages::Pages;
use super::select::Cursor;
use super::terms::{Query, Term};
use super::unpack::Unpacker;
use crate::input::shown_name;
use crate::input::window::Span;

/// What is to be said of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Say {
    /// It, or the rest of it, cannot be read.
    Problem(String),
    Notice(String),
    /// So many bytes were not looked at.
    Skipped(u64),
}

/// What is asked of every file.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// What an entry must have.
    pub must: Term,
    /// What it need not be given without.
    pub may: Term,
    /// When it must have been written.
    pub span: Option<Span>,
}

/// How entries are found.
#[derive(Debug)]
enum Walk {
    Arrays(Cursor),
    /// Object by object: where the next begins, and the number of the entry that comes next.
    Objects {
        at: u64,
        nth: u64,
    },
    /// There are no more.
    Over,
}

/// A file, and how far it is read.
#[derive(Debug)]
pub(super) struct Lane {
    pub file: Arc<JournalFile>,
    /// The entry that comes next.
    pub head: Option<Entry>,
    /// What is to be said before it.
    pub said: Vec<Say>,
    asked: Asked,
    query: Query,
    walk: Walk,
    /// All entries, where its arrays are whole.
    every: Option<Chain>,
    /// No entry before this place is looked at any more.
    next: u64,
    /// The number that the next entry most likely has.
    nth: u64,
    /// The end of the last entry that was found, and of the last that was given out.
    end: u64,
    pub given: u64,
    /// Entries from here on were skipped before, or do not count yet.
    limit: u64,
    damage: Option<Damage>,
    order: Order,
}

/// What is known of the order of a file.
#[derive(Debug, Clone, Copy)]
enum Order {
    /// It does not matter.
    Any,
    /// It is kept so far: the newest entry, in nanoseconds; where the reading began.
    Kept { newest: i64, began: u64 },
    /// It is not: what lies before this place is to be read still.
    Broken { began: u64 },
}

impl Lane {
    /// The entries of a file.
    pub(super) fn new(file: Arc<JournalFile>, asked: &Asked, pages: &mut Pages, unpacker: &mut Unpacker) -> Self {
        let first = file.header.header_bytes;
        let mut lane = Lane {
            head: None,
            said: Vec::new(),
            asked: asked.clone(),
            query: Query::All(Vec::new()),
            walk: Walk::Objects { at: first, nth: 0 },
            every: None,
            next: 0,
            nth: 0,
            end: first,
            given: first,
            limit: u64::MAX,
            damage: None,
            order: Order::Any,
            file,
        };
        if lane.file.is_torn() {
            let end = lane.file.header.end.map_or_else(|| "none that can be".to_owned(), |end| end.to_string());
            let what = format!("torn: the file ends here, and its objects at byte {end}; what lies before was read");
            lane.damage = Some(Damage::new(lane.file.len, what));
        }
        match lane.asked.must.in_file(&lane.file, pages, unpacker) {
            Ok(query) => {
                lane.query = query;
                if let Err(damage) = lane.begin(pages, unpacker) {
                    lane.walk_objects(damage);
                }
            }
            // Which entries are asked for cannot be told.
            Err(damage) => {
                lane.damage.get_or_insert(damage);
                lane.end();
            }
        }
        lane
    }

    /// The same file, to which somebody has written since.
    pub(super) fn grown(self, file: Arc<JournalFile>, pages: &mut Pages, unpacker: &mut Unpacker) -> Self {
        let mut lane = Lane::new(file, &self.asked, pages, unpacker);
        (lane.next, lane.end, lane.given) = (self.next, self.end, self.given);
        lane
    }

    /// Only what is written from now on is read of it.
    pub(super) fn go_to_end(&mut self) {
        if self.every.is_some() {
            self.next = self.limit;
        }
    }

    fn begin(&mut self, pages: &mut Pages, unpacker: &mut Unpacker) -> Result<(), Damage> {
        if self.file.is_torn() {
            return Ok(());
        }
        let header = &self.file.header;
        let every = Chain::new(pages, &self.file, header.entry_array, header.entries)?;
        // What was written since the file was looked at is no entry of it.
        self.limit = match every.len().checked_sub(1) {
            Some(last) => every.get(pages, &self.file, last)?.unwrap_or(0).saturating_add(1),
            None => 0,
        };
        self.every = Some(every);
        self.set_cursor(pages, unpacker)?;
        self.skip(pages)
    }

    /// Looks for what may be asked besides; what is skipped for its time must not depend on that.
    fn set_cursor(&mut self, pages: &mut Pages, unpacker: &mut Unpacker) -> Result<(), Damage> {
        let Some(every) = &self.every else { return Ok(()) };
        let mut query = self.query.clone();
        if self.asked.span.is_none_or(|span| span.slack.is_none()) {
            let may = self.asked.may.in_file(&self.file, pages, unpacker)?;
            query = match (query.is_everything(), may.is_everything()) {
                (_, true) => query,
                (true, false) => may,
                (false, false) => Query::All(vec![query, may]),
            };
        }
        self.walk = Walk::Arrays(Cursor::new(&query, every, &self.file, pages)?);
        Ok(())
    }

    /// Only these entries are of any use, besides what must be.
    pub(super) fn hear(&mut self, may: &Term, pages: &mut Pages, unpacker: &mut Unpacker) {
        if self.asked.may == *may {
            return;
        }
        self.asked.may = may.clone();
        if matches!(self.walk, Walk::Arrays(_))
            && let Err(damage) = self.set_cursor(pages, unpacker)
        {
            self.walk_objects(damage);
        }
    }

    /// Begins where `--since` does.
    fn skip(&mut self, pages: &mut Pages) -> Result<(), Damage> {
        let Some(span) = self.asked.span else { return Ok(()) };
        let (Some(slack), Some(every)) = (span.slack, &self.every) else { return Ok(()) };
        let mut began = 0;
        if let Some(since) = span.since {
            let since = since.saturating_sub(slack);
            let (mut low, mut high) = (0, every.len());
            while low < high {
                let middle = low + (high - low) / 2;
                let at = every.get(pages, &self.file, middle)?.unwrap_or(0);
                if nanos(Entry::at(pages, &self.file, at)?.realtime) < since {
                    low = middle + 1;
                } else {
                    high = middle;
                }
            }
            if low > 0 {
                began = every.get(pages, &self.file, low)?.unwrap_or(self.limit);
            }
        }
        self.order = Order::Kept { newest: i64::MIN, began };
        self.next = began;
        Ok(())
    }

    /// Goes on object by object, from the last entry on, after which this is damaged.
    fn walk_objects(&mut self, damage: Damage) {
        self.damage.get_or_insert(damage);
        self.walk = Walk::Objects { at: self.end.next_multiple_of(8), nth: self.nth };
        self.limit = u64::MAX;
        self.order = Order::Any;
    }

    /// Goes to the next entry that is asked for. At the end there is no head.
    pub(super) fn advance(&mut self, pages: &mut Pages) {
        self.head = None;
        loop {
            match self.seek(pages) {
                Ok(Some(entry)) => {
                    self.next = entry.at + 1;
                    if self.is_past(&entry) {
                        let left = self.limit.saturating_sub(entry.end);
                        self.said.push(Say::Skipped(left));
                        return self.end();
                    }
                    let is_inside = self.asked.span.is_none_or(|span| span.has(nanos(entry.realtime)));
                    if is_inside {
                        self.head = Some(entry);
                        return;
                    }
                }
                Ok(None) => match self.order {
                    Order::Broken { began } if began > 0 => self.again(began, pages),
                    _ => return self.end(),
                },
                Err(damage) if matches!(self.walk, Walk::Arrays(_)) => self.walk_objects(damage),
                Err(damage) => {
                    self.damage.get_or_insert(damage);
                    return self.end();
                }
            }
        }
    }

    /// Nothing more is read of it.
    pub(super) fn end(&mut self) {
        (self.head, self.walk) = (None, Walk::Over);
        if let Order::Kept { began, .. } = self.order {
            let skipped = began.saturating_sub(self.file.header.header_bytes);
            self.said.extend((skipped > 0).then_some(Say::Skipped(skipped)));
        }
        self.order = Order::Any;
        if let Some(Damage { at, what }) = self.damage.take() {
            self.said.push(Say::Problem(format!("{}: byte {at}: {what}", shown_name(&self.file.name))));
        }
    }

    /// Reads what lies before the place where the reading began.
    fn again(&mut self, began: u64, pages: &mut Pages) {
        (self.order, self.limit, self.next, self.nth) = (Order::Any, began, 0, 0);
        if let Some(every) = &self.every {
            match Cursor::new(&self.query, every, &self.file, pages) {
                Ok(cursor) => self.walk = Walk::Arrays(cursor),
                Err(damage) => {
                    self.end = self.file.header.header_bytes;
                    self.walk_objects(damage);
                    self.limit = began;
                }
            }
        }
    }

    /// Whether this entry, and all behind it, were written after what is asked for.
    fn is_past(&mut self, entry: &Entry) -> bool {
        let (Order::Kept { newest, began }, Some(span)) = (self.order, self.asked.span) else { return false };
        let (now, slack) = (nanos(entry.realtime), span.slack.unwrap_or(0));
        if now < newest.saturating_sub(slack) {
            let by = newest.saturating_sub(now) / 1_000_000_000;
            let name = shown_name(&self.file.name);
            let what = "earlier than one before it, more than --slack; all of the file is read";
            self.said.push(Say::Notice(format!("{name}: not in order: the time of the entry at byte {} is {by} s {what}", entry.at)));
            self.order = Order::Broken { began };
            return false;
        }
        self.order = Order::Kept { newest: newest.max(now), began };
        span.until.is_some_and(|until| now >= until.saturating_add(slack))
    }

    /// The next entry that is an answer.
    fn seek(&mut self, pages: &mut Pages) -> Result<Option<Entry>, Damage> {
        let entry = match &mut self.walk {
            Walk::Over => None,
            Walk::Arrays(cursor) => {
                let found = cursor.seek(pages, &self.file, self.next)?.filter(|at| *at < self.limit);
                let Some(at) = found else { return Ok(None) };
                let mut entry = Entry::at(pages, &self.file, at)?;
                if let Some(every) = &self.every {
                    entry.nth = every.seek(pages, &self.file, self.nth, at)?;
                    // Arrays that are not in order would pass entries by.
                    let is_skipped = matches!(cursor, Cursor::Every { .. }) && self.nth > 0 && entry.nth != self.nth;
                    if is_skipped || every.get(pages, &self.file, entry.nth)? != Some(at) {
                        return Err(Damage::new(at, "corrupt: the arrays of entries are not in order"));
                    }
                }
                Some(entry)
            }
            Walk::Objects { .. } => self.seek_object(pages)?,
        };
        if let Some(entry) = &entry {
            (self.nth, self.end) = (entry.nth + 1, entry.end);
        }
        Ok(entry)
    }

    fn seek_object(&mut self, pages: &mut Pages) -> Result<Option<Entry>, Damage> {
        let Walk::Objects { at, nth } = &mut self.walk else { return Ok(None) };
        let mut data = Vec::new();
        while *at <= self.file.header.tail_object && *at < self.limit {
            let (from, head) = (*at, pages.any_head(&self.file, *at)?);
            *at = from.saturating_add(head.size).saturating_add(7) / 8 * 8;
            if head.kind != Kind::Entry {
                continue;
            }
            *nth += 1;
            if from < self.next {
                continue;
            }
            let entry = Entry { nth: *nth - 1, ..Entry::at(pages, &self.file, from)? };
            if !self.query.is_everything() {
                items(pages, &self.file, from, &mut data)?;
                if !self.query.holds(&|datum| data.contains(&datum)) {
                    continue;
                }
            }
            return Ok(Some(entry));
        }
        Ok(None)
    }

    /// Whether its next entry comes before that of another file: by their numbers, if one writer wrote them, else by their times.
    pub(super) fn is_before(&self, other: &Lane) -> bool {
        match (&self.head, &other.head) {
            (Some(a), Some(b)) if self.file.header.seqnum_id == other.file.header.seqnum_id => {
                (a.seqnum, a.realtime) < (b.seqnum, b.realtime)
            }
            (Some(a), Some(b)) => a.realtime < b.realtime,
            (head, _) => head.is_some(),
        }
    }
}

/// Nanoseconds since 1970: those of the last moment that there is, where they are more.
pub(super) fn nanos(micros: u64) -> i64 {
    i64::try_from(micros).unwrap_or(i64::MAX).saturating_mul(1000)
}
