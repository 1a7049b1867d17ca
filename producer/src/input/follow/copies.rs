//! Whether a file that came holds what was read already: it is a copy of another, as `copytruncate` makes them, or a longer
//! version of the one whose name it got, as rsync does.
//!
//! ```text
//! copy    |=====known=====|= not read of the original before it was emptied, if there is any =|
//! version |=====known=====|= new =|
//! ```
//!
//! That it begins as another does says little: logs begin with banners, and `.csv` files with the same header. So a file is a
//! copy if also
//! - its name is what rotation makes of the other's, or
//! - the other is emptied, just after it came or just before that was seen, or
//! - there is too much that is the same for a banner.
//!
//! Until one of these is certain it is not read; that takes a second, if it does not differ sooner. Of two files in doubt that
//! begin alike, the one that may be the original is judged first, and read, before the other is looked at.

use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, Instant};

use super::super::age::Aged;
use super::super::print::{PRINT_BYTES, Print, are_same, read_at};
use super::doubt::Doubt;
use super::former::{Former, Noticed};
use super::slot::Slot;
use super::tail::Tail;
use super::{Cost, Ending, Follow, Followed, SlotId};
use crate::input::{InputError, reason};

/// A file that grows is being written; one that has not for so long is as long as it gets.
const STILL: Duration = Duration::from_millis(700);

/// So long it is waited for the original to be emptied.
const LINGER: Duration = Duration::from_secs(1);

/// How long after a file was emptied a copy of it may be found that was not made before, as far as can be told, if its name is
/// that of one, and otherwise.
const AFTER_EMPTYING: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(2));

/// No banner is so long.
const SURE_BYTES: u64 = 16 << 10;

/// How often a doubt is looked into.
const AGAIN: Duration = Duration::from_millis(50);

/// What is known of a file in doubt, seen beside another that it may be a copy of.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// It is none.
    Differs,
    /// It is one: so much of it is known.
    Known(u64),
    /// It shows later.
    Later,
    /// The other is to be read first.
    After,
    /// It is read as a file of its own, though it may be a copy. Should it be one, its records come twice.
    Perhaps(Because),
}

/// Why it cannot be known whether a file is a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Because {
    /// It begins as the other does, and nothing else tells.
    Alike,
    /// The other was emptied so often that not all it held is remembered.
    Dropped,
}

/// A file in doubt.
struct Doubted<'a> {
    tail: &'a Tail,
    id: SlotId,
    slot: &'a Slot,
    doubt: Doubt,
    head: Vec<u8>,
    /// Nothing can be waited for.
    hurry: bool,
}

impl Follow {
    /// Finds out whether the file at this place of a slot, before which all was read, is known already.
    pub(super) fn settle(&mut self, id: SlotId, at: usize) {
        if self.continue_version(id, at) {
            self.mark(id);
            return;
        }
        let tail = self.slots.get_mut(&id).and_then(|slot| slot.tails.get_mut(at));
        let missed = tail.map_or(0, |tail| std::mem::take(&mut tail.missed));
        self.missed(id, missed);
        let hurry = !matches!(self.ending, Ending::No);
        let Some(doubt) = self.slots.get_mut(&id).and_then(|slot| slot.tails.get_mut(at)).and_then(look_again) else { return };
        let (mut known, mut later, mut after, mut perhaps) = (None, false, None, None);
        if let Some(slot) = self.slots.get(&id) {
            let tail = &slot.tails[at];
            let mut head = vec![0; PRINT_BYTES];
            // What cannot be read now will say so when it is.
            let len = read_at(tail.file(), &mut head, 0).unwrap_or(0);
            head.truncate(len);
            let doubted = Doubted { tail, id, slot, doubt, head, hurry };
            for (other_id, other) in self.slots.iter().filter(|(other_id, _)| **other_id != id) {
                for verdict in doubted.beside(*other_id, other) {
                    match verdict {
                        Verdict::Differs => {}
                        Verdict::Known(upto) => known = known.max(Some((upto, *other_id))),
                        Verdict::Later => later = true,
                        Verdict::After => after = Some(*other_id),
                        Verdict::Perhaps(because) => perhaps = Some((*other_id, because)),
                    }
                }
            }
            let closed = self.known.values().filter(|known| known.grows && known.print.pos >= SURE_BYTES);
            if let Some(closed) = closed.filter(|closed| doubted.holds(&closed.print)).map(|closed| closed.print.pos).max() {
                known = known.max(Some((closed, id)));
            }
        }
        let source = |of| self.slots.get(&of).map_or_else(String::new, |slot| slot.source.to_string());
        match (known, after, later) {
            (Some((upto, of)), ..) => {
                let of = if of == id { "a file that was followed".to_owned() } else { source(of) };
                let text = format!("{}: a copy of {of}; it is read from byte {upto} on, the rest is known", source(id));
                self.ready.push_back(Followed::notice(text));
                self.decide(id, at, upto);
            }
            (None, Some(other), _) => {
                self.mark(other);
                self.mark(id);
            }
            (None, None, true) => self.read_again(id, Instant::now() + AGAIN),
            (None, None, false) => {
                if let Some((other, because)) = perhaps {
                    let (ours, theirs) = (source(id), source(other));
                    let why = match because {
                        Because::Alike => format!("begins as {theirs} does"),
                        Because::Dropped => {
                            format!("may be a copy of {theirs}, which was emptied so often that not all it held is remembered")
                        }
                    };
                    let text = format!("{ours}: {why}. It is read from its start; if it is a copy, what it holds comes twice");
                    self.ready.push_back(Followed::Notice { text: Some(text), cost: Cost::Repeat });
                }
                self.decide(id, at, 0);
            }
        }
    }

    /// The doubt is over: the file is read from there on.
    fn decide(&mut self, id: SlotId, at: usize, from: u64) {
        let Some(tail) = self.slots.get_mut(&id).and_then(|slot| slot.tails.get_mut(at)) else { return };
        tail.doubt = None;
        if from > 0
            && let Err(e) = tail.skip_to(from)
        {
            let name = tail.source().to_string();
            self.ready.push_back(Followed::Problem(InputError { name, what: reason(&e) }));
        }
        self.mark(id);
    }

    /// Forgets what files held before they were emptied, where no copy of it will be found any more: that was noticed long ago,
    /// all names have been looked through since, and no file is in doubt that may be one.
    pub(super) fn forget_formers(&mut self, now: Instant) {
        let is_unopened = |slot: &Slot| slot.denied.is_some() && slot.tails.is_empty();
        let Some(recent) = now.checked_sub(AFTER_EMPTYING.0) else { return };
        if self.slots.values().all(|slot| slot.formers.is_empty()) || self.slots.values().any(is_unopened) {
            return;
        }
        let before = recent.min(self.rescanned);
        let in_doubt = self.slots.values().flat_map(|slot| &slot.tails).filter_map(|tail| Some((tail, tail.doubt?)));
        let begun = in_doubt.filter(|(tail, doubt)| tail.len() > 0 || doubt.since >= recent).map(|(_, doubt)| doubt);
        let doubts: Vec<Doubt> = begun.collect();
        for slot in self.slots.values_mut() {
            let is_of = |noticed: &Noticed| doubts.iter().any(|doubt| noticed.may_be_after_copying(doubt, AFTER_EMPTYING.0));
            slot.formers.retain(|noticed| noticed.at >= before || is_of(noticed));
        }
    }

    /// Goes on in the file at this place if it is a longer version of the one that it was renamed over.
    fn continue_version(&mut self, id: SlotId, at: usize) -> bool {
        let Some(slot) = self.slots.get_mut(&id) else { return false };
        let Some(before) = at.checked_sub(1).filter(|before| slot.tails[*before].replaced) else { return false };
        let (old, new) = (&slot.tails[before], &slot.tails[at]);
        if old.over || old.print().pos == 0 || new.len() < old.print().pos || !old.print().fits(new.file()).unwrap_or(false) {
            return false;
        }
        let Some(mut version) = slot.tails.remove(at) else { return false };
        // Those that were missed before it held no more than it does.
        version.missed = 0;
        slot.tails[before].swap_files(&mut version);
        // Of the old file, what its writer may still add.
        slot.tails.insert(before, version);
        true
    }
}

/// Looks how long a file in doubt is now.
fn look_again(tail: &mut Tail) -> Option<Doubt> {
    let len = tail.len();
    let doubt = tail.doubt.as_mut()?;
    if len != doubt.len {
        (doubt.len, doubt.changed) = (len, Instant::now());
    }
    Some(*doubt)
}

impl Doubted<'_> {
    /// What it is beside each file of another slot, as it is and as it was before it was emptied.
    fn beside(&self, id: SlotId, other: &Slot) -> Vec<Verdict> {
        if other.tails.is_empty() && other.formers.is_empty() {
            return Vec::new();
        }
        let (name, of) = (&self.slot.place.1, &other.place.1);
        let is_rotated = Aged::of(name).is_rotated(of) || extends(name.as_bytes(), of.as_bytes());
        let alike = other.tails.iter().filter(|tail| self.begins_as(tail));
        let alive = alike.filter_map(|tail| match &tail.doubt {
            None => Some(self.beside_file(tail, is_rotated)),
            Some(doubt) if rank(self.slot, &self.doubt, self.id) < rank(other, doubt, id) => None,
            // It is judged at once if nothing can be waited for.
            Some(_) if self.hurry => Some(Verdict::After),
            Some(_) => Some(Verdict::Later),
        });
        let after = if is_rotated { AFTER_EMPTYING.0 } else { AFTER_EMPTYING.1 };
        let may_be_of = |noticed: &Noticed| noticed.may_be_after_copying(&self.doubt, after);
        let formers = other.formers.kept().filter(|former| may_be_of(&former.noticed) && former.print.begins_as(&self.head));
        let dropped = other.formers.dropped().filter(may_be_of).map(|_| Verdict::Perhaps(Because::Dropped));
        alive.chain(formers.map(|former| self.beside_former(former))).chain(dropped).collect()
    }

    /// Whether another file begins as this one does: as it was when it was read, or as it is where nothing was read of it yet.
    fn begins_as(&self, other: &Tail) -> bool {
        if other.print().pos > 0 {
            return other.print().begins_as(&self.head);
        }
        let mut head = [0; PRINT_BYTES];
        let len = read_at(other.file(), &mut head, 0).unwrap_or(0).min(self.head.len());
        len > 0 && head[..len] == self.head[..len]
    }

    fn beside_former(&self, former: &Former) -> Verdict {
        let print = &former.print;
        if self.doubt.len >= print.pos {
            return if self.holds(print) { Verdict::Known(former.record_start) } else { Verdict::Differs };
        }
        // What was written after the copy was made was read, or it is still being made.
        if self.is_still() { Verdict::Known(self.doubt.len) } else { Verdict::Later }
    }

    fn beside_file(&self, other: &Tail, is_rotated: bool) -> Verdict {
        let (len, theirs, pos) = (self.doubt.len, other.len(), other.print().pos);
        if theirs < pos || (pos < len && theirs > pos) {
            return Verdict::After;
        }
        let common = len.min(pos);
        let is_same = if len >= pos { self.holds(other.print()) } else { are_same(self.tail.file(), other.file(), len).unwrap_or(false) };
        if !is_same {
            // It may have been emptied, and filled again, since it was read.
            let is_as_read = other.print().fits(other.file()).unwrap_or(true);
            return if is_as_read { Verdict::Differs } else { Verdict::After };
        }
        let lingers = !self.hurry && self.doubt.changed.elapsed() < LINGER;
        match () {
            () if !self.is_still() => Verdict::Later,
            () if is_rotated => Verdict::Known(common),
            // Should it be emptied, that was it; should this file get its name, it is a longer version of it.
            () if lingers => Verdict::Later,
            () if common >= SURE_BYTES => Verdict::Known(common),
            () if common >= PRINT_BYTES as u64 || len == pos => Verdict::Perhaps(Because::Alike),
            () => Verdict::Differs,
        }
    }

    fn is_still(&self) -> bool {
        self.hurry || self.doubt.changed.elapsed() >= STILL
    }

    fn holds(&self, print: &Print) -> bool {
        self.doubt.len >= print.pos && print.fits(self.tail.file()).unwrap_or(false)
    }
}

/// In which order files in doubt are judged that begin alike: an original comes before what rotation makes of its name, and
/// otherwise what came first.
fn rank(slot: &Slot, doubt: &Doubt, id: SlotId) -> impl Ord {
    let name = &slot.place.1;
    (Aged::of(name).is_old(), name.len(), doubt.since, id)
}

/// Whether `name` is `of` and a suffix: `access.log.1`, `access.log-old`.
fn extends(name: &[u8], of: &[u8]) -> bool {
    name.strip_prefix(of).is_some_and(|suffix| matches!(suffix, [b'.' | b'-' | b'_' | b'~', ..]) && suffix != b".")
}

#[cfg(test)]
mod tests;
