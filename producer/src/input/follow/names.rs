//! Which file has which name: what is opened when, and what becomes of a file that lost its name.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::super::age::Aged;
use super::super::print::{Print, read_at};
use super::super::{FileId, InputError, file_id, open, reason};
use super::births::Arrived;
use super::doubt::Doubt;
use super::last_record::last_record;
use super::places::{Scan, links, parent};
use super::slot::{Denied, Slot};
use super::system::{Change, Place};
use super::tail::Tail;
use super::watcher::{Learned, open_regular};
use super::{Cost, Follow, Followed, Known, POLL, SlotId};

/// How often directories are looked through at most, however much happens in them.
const RESCAN: Duration = Duration::from_millis(20);

/// What a file that arrived is: where the reading of it begins.
enum Came {
    /// There when the following began: what is before the print's place is known, and so much is old.
    There(Print, u64),
    /// Followed before, up to there.
    Again(Print),
    /// Nothing of it was read, under this name.
    New,
}

impl Follow {
    /// Looks which files there are, with all directories looked at before: a file that comes after this is told of.
    pub(super) fn look_through(&self) -> Scan {
        let scan = self.places.scan();
        let are_known = scan.dirs.iter().all(|dir| self.watcher.knows(dir));
        for dir in &scan.dirs {
            self.watcher.add(dir);
        }
        if are_known { scan } else { self.places.scan() }
    }

    /// A new slot for a path; `None` when there is one for its name.
    pub(super) fn add_slot(&mut self, path: PathBuf) -> Option<SlotId> {
        let name = path.file_name()?.to_owned();
        let place = (self.watcher.add(&parent(&path)), name);
        let id = self.next_slot;
        if self.watcher.give(place.clone(), id) != id {
            return None;
        }
        self.next_slot += 1;
        self.slots.insert(id, Slot::new(path, place));
        self.follow_links(id);
        Some(id)
    }

    /// Where the name is a symbolic link, what happens to the names it leads to matters too.
    fn follow_links(&self, id: SlotId) {
        let Some(slot) = self.slots.get(&id) else { return };
        let places =
            links(&slot.path).into_iter().filter_map(|path| Some((self.watcher.add(&parent(&path)), path.file_name()?.to_owned())));
        self.watcher.give_anew(&slot.place, places.collect(), id);
    }

    /// The file of a slot is not there, or cannot be looked at, when the following begins.
    pub(super) fn is_missing(&mut self, id: SlotId, error: &io::Error) {
        let Some(slot) = self.slots.get_mut(&id) else { return };
        let what = match error.kind() {
            io::ErrorKind::NotFound => "not there yet; it will be read when it is".to_owned(),
            _ => format!("{}; it will be read, from its start, when that can be", reason(error)),
        };
        if error.kind() == io::ErrorKind::PermissionDenied {
            slot.denied = Some(Denied::Said);
        }
        self.ready.push_back(Followed::notice(format!("{}: {what}", slot.source)));
    }

    /// Opens the file of a slot when the following begins. Its name if it is compressed.
    pub(super) fn begin(&mut self, id: SlotId, from_start: bool) -> Option<String> {
        let path = self.slots.get(&id)?.path.clone();
        let opened = open_regular(&path).and_then(|file| {
            let Some(file) = file else { return Ok(None) };
            let (len, mut head) = (file.metadata()?.len(), [0; 64]);
            let head_len = read_at(&file, &mut head, 0)?;
            let is_packed = open::is_compressed(&head[..head_len]);
            let known = file_id(&file).filter(|_| !is_packed).and_then(|id| self.remembered(id, &file));
            if let Some(print) = known {
                return Ok(Some((file, len, false, print)));
            }
            let pos = if from_start || is_packed { 0 } else { last_record(&file, len, self.boundary.max_bytes())? };
            let print = Print::of(&file, pos)?;
            Ok(Some((file, len, is_packed, print)))
        });
        match opened {
            Ok(Some((file, _, true, print))) => {
                self.known.extend(file_id(&file).map(|found| (found, Known { print, grows: false })));
                return Some(path.display().to_string());
            }
            Ok(Some((file, len, false, print))) => {
                self.follow_file(id, file, Came::There(print, if from_start { 0 } else { len }));
                if from_start && let Some(tail) = self.slots.get_mut(&id).and_then(|slot| slot.tails.back_mut()) {
                    tail.is_due();
                    self.first.push_back(id);
                }
            }
            Ok(None) => self.irregular(&path),
            Err(e) => {
                if let Some(slot) = self.slots.get_mut(&id) {
                    // What is in it now may be told from what comes.
                    slot.old = fs::metadata(&path).ok().filter(|_| !from_start).map(|meta| ((meta.dev(), meta.ino()), meta.len()));
                    slot.denied = Some(Denied::Unsaid);
                }
                self.cannot_open(id, e);
            }
        }
        None
    }

    /// The file of a slot cannot be opened. That it may not be read is said if it is still so when it is tried again: it may
    /// have been made just now, and get its owner and mode next.
    pub(super) fn cannot_open(&mut self, id: SlotId, error: io::Error) {
        let Some(slot) = self.slots.get_mut(&id) else { return };
        if error.kind() != io::ErrorKind::PermissionDenied {
            self.ready.push_back(Followed::Problem(InputError::open(&slot.path, error)));
            return;
        }
        match slot.denied {
            None => {
                slot.denied = Some(Denied::Unsaid);
                self.read_again(id, Instant::now() + POLL);
            }
            Some(Denied::Unsaid) => {
                slot.denied = Some(Denied::Said);
                let text = format!("{}: {}; it will be read when that may be", slot.source, reason(&error));
                self.ready.push_back(Followed::notice(text));
            }
            Some(Denied::Said) => {}
        }
    }

    /// Files that could not be read to the last are a failure.
    pub(super) fn tell_denied(&mut self) {
        let denied = self.slots.values().filter(|slot| slot.denied.is_some() && slot.tails.is_empty());
        self.ready.extend(denied.map(|slot| Followed::Problem(InputError::open(&slot.path, io::ErrorKind::PermissionDenied.into()))));
    }

    fn irregular(&mut self, path: &Path) {
        let what = "not a regular file; only those can be followed. Read it without --follow: it is read as it comes".to_owned();
        self.ready.push_back(Followed::Problem(InputError { name: path.display().to_string(), what }));
    }

    /// A file that has the name of a slot: the one that is followed already, one that was, or a new one. It may have been
    /// `renamed` to that.
    pub(super) fn arrive(&mut self, id: SlotId, file: File, renamed: bool) {
        let Some(found) = file_id(&file) else { return };
        self.follow_links(id);
        let Some(slot) = self.slots.get_mut(&id) else { return };
        slot.denied = None;
        let old = slot.old.take();
        if let Some(owner) = self.owners.get(&found).copied() {
            if owner == id
                && let Some(newest) = slot.tails.back_mut().filter(|tail| tail.id() == found)
            {
                (newest.orphan, newest.replaced) = (None, false);
                if newest.doubt.is_some() {
                    newest.missed += std::mem::take(&mut slot.missed);
                }
            }
            if owner != id && renamed && !self.are_kin(owner, id) {
                self.hand_over(found, owner, id);
            }
            self.mark(owner);
            return;
        }
        let came = match self.known.remove(&found) {
            Some(known) if known.print.fits(&file).unwrap_or(false) => {
                let has_grown = known.grows && file.metadata().is_ok_and(|meta| meta.len() > known.print.pos);
                if !has_grown {
                    self.known.insert(found, known);
                    return;
                }
                Came::Again(known.print)
            }
            // Another file with the same number.
            Some(_) | None => self.old_part(&file, old.filter(|(same, _)| *same == found)).unwrap_or(Came::New),
        };
        self.follow_file(id, file, came);
    }

    /// What is old of a file that could not be read before.
    fn old_part(&self, file: &File, old: Option<(FileId, u64)>) -> Option<Came> {
        let (_, len) = old.filter(|(_, len)| file.metadata().is_ok_and(|meta| meta.len() >= *len))?;
        let pos = last_record(file, len, self.boundary.max_bytes()).ok()?;
        Some(Came::There(Print::of(file, pos).ok()?, len))
    }

    /// Whether the names of two slots are of one rotated set.
    fn are_kin(&self, one: SlotId, other: SlotId) -> bool {
        let aged = |id| self.slots.get(&id).map(|slot: &Slot| Aged::of(&slot.place.1));
        aged(one).zip(aged(other)).is_some_and(|(one, other)| one.is_kin_of(&other))
    }

    /// A file that was written under another name (rsync's `.x.log.Ab12Cd`) got the one that it was made for.
    fn hand_over(&mut self, file: FileId, from: SlotId, to: SlotId) {
        let Some(slot) = self.slots.get_mut(&from) else { return };
        let Some(mut tail) = slot.tails.iter().position(|tail| tail.id() == file).and_then(|at| slot.tails.remove(at)) else { return };
        tail.give_records(&mut self.ready);
        let Some(slot) = self.slots.get_mut(&to) else { return };
        tail.rename(slot.source.clone());
        (tail.orphan, tail.replaced) = (None, false);
        slot.leave_newest(true);
        slot.tails.push_back(tail);
        self.owners.insert(file, to);
        self.mark(to);
    }

    /// Follows `file` as the newest of its slot.
    fn follow_file(&mut self, id: SlotId, file: File, came: Came) {
        let (Some(found), Some(slot)) = (file_id(&file), self.slots.get_mut(&id)) else { return };
        if self.output == Some(found) {
            let what = "is where the records go; it is not read".to_owned();
            self.ready.push_back(Followed::Problem(InputError { name: slot.source.to_string(), what }));
            self.known.insert(found, Known { print: Print::default(), grows: false });
            return;
        }
        if self.owners.contains_key(&found) {
            return;
        }
        let fresh = !matches!(came, Came::There(..)) || file.metadata().is_ok_and(|meta| meta.len() == 0);
        // Where nobody tells, one that took the place of another within one look was renamed to it, as far as can be told.
        slot.leave_newest(true);
        let (print, old, doubt) = match came {
            Came::There(print, old) => (print, old, None),
            Came::Again(print) => (print, 0, None),
            Came::New => (Print::default(), 0, Some(Doubt::of(&file))),
        };
        let tail = Tail::new(file, found, slot.source.clone(), self.boundary.clone(), print).with_old(old);
        let mut tail = tail.with_marks(self.marks);
        if doubt.is_some() {
            tail.missed = std::mem::take(&mut slot.missed);
        }
        (tail.doubt, tail.fresh) = (doubt, fresh);
        if self.marks && self.before.is_empty() && tail.doubt.is_none() {
            // The first time: so that what comes from now on is known to be new, should nothing come of it before the end. Later, files that
            // nobody knows are new, and what was rotated away before one of them is given out before it.
            self.ready.push_back(Followed::Mark(Box::new(tail.mark())));
        }
        slot.tails.push_back(tail);
        self.owners.insert(found, id);
        self.mark(id);
        self.next_look = self.next_look.min(Instant::now() + POLL);
        while self.owners.len() > self.max_open && self.close_idle(id) {}
    }

    /// Closes the file that did not grow for longest, but none of this slot. Whether there was one.
    fn close_idle(&mut self, but: SlotId) -> bool {
        if self.waiting.is_some() {
            self.give_waiting();
        }
        let slots = self.slots.iter().filter(|(id, _)| **id != but);
        let tails = slots.flat_map(|(id, slot)| slot.tails.iter().map(|tail| (*id, tail)));
        // One that lost its name is not found again.
        let may_close = |tail: &Tail| tail.orphan.is_none() && tail.doubt.is_none() && tail.held_bytes() == 0 && !tail.has_part();
        let idle = tails.filter(|(_, tail)| may_close(tail)).min_by_key(|(_, tail)| tail.grown);
        let Some((id, file)) = idle.map(|(id, tail)| (id, tail.id())) else { return false };
        let closed = self.slots.get_mut(&id).and_then(|slot| {
            let at = slot.tails.iter().position(|tail| tail.id() == file)?;
            slot.tails.remove(at)
        });
        closed.iter().for_each(|tail| self.close(tail));
        closed.is_some_and(|tail| !tail.over)
    }

    pub(super) fn close(&mut self, tail: &Tail) {
        // A file that was emptied goes on as another tail.
        if !tail.over {
            self.owners.remove(&tail.id());
            // One that lost its name may only be met again where all names are looked at.
            if !tail.is_deleted() && (tail.orphan.is_none() || self.places.are_open()) {
                self.known.insert(tail.id(), Known { print: tail.print().clone(), grows: true });
            }
        }
    }

    /// Learns which files were written to and which names changed.
    pub(super) fn learn(&mut self) {
        match self.watcher.written() {
            None => self.mark_all(),
            Some(places) => {
                for place in places {
                    let (bearer, before) = (self.watcher.slot_of(&place), self.moved.get(&place).copied());
                    bearer.into_iter().chain(before).for_each(|id| self.mark(id));
                }
            }
        }
        let Learned { changes, arrived } = self.watcher.learn();
        // A rename from one of our names to another makes no file that we do not know.
        let mut renamed_ours = HashSet::new();
        for change in &changes {
            if let Change::To(_, cookie) = change
                && self.moving.contains_key(cookie)
            {
                renamed_ours.insert(*cookie);
            }
            self.rescan_due |= match change {
                Change::Made(place) | Change::To(place, _) => self.watcher.slot_of(place).is_none(),
                Change::DirGone(_) | Change::Forgotten => true,
                Change::From(..) | Change::Gone(_) | Change::Allowed(_) => false,
            };
            self.track(change);
        }
        let forgotten = changes.contains(&Change::Forgotten);
        for Arrived { slot: id, renamed, file } in arrived {
            let Some(path) = self.slots.get(&id).map(|slot| slot.path.clone()) else { continue };
            match file {
                Some(Ok(Some(file))) => self.arrive(id, file, renamed.is_some()),
                Some(Ok(None)) => self.irregular(&path),
                Some(Err(e)) => self.cannot_open(id, e),
                None if renamed.is_some_and(|cookie| renamed_ours.contains(&cookie)) => {}
                None => {
                    if let Some(slot) = self.slots.get_mut(&id) {
                        slot.missed += 1;
                    }
                    match renamed {
                        // The next one to get the name may hold all that it held.
                        Some(_) => self.next_look = self.next_look.min(Instant::now() + POLL),
                        None => self.tell_missed(id),
                    }
                }
            }
        }
        if forgotten {
            self.lost("more files came and went than the system could tell of; a rotation may have been missed".to_owned());
        }
        if self.rescan_due {
            self.next_look = self.next_look.min(self.rescanned + RESCAN);
        }
        if forgotten {
            self.look_at_names(|_| true);
        }
    }

    /// Says which files could not be opened in time.
    pub(super) fn tell_missed(&mut self, id: SlotId) {
        let missed = self.slots.get_mut(&id).map_or(0, |slot| std::mem::take(&mut slot.missed));
        self.missed(id, missed);
    }

    /// Says that so many files of this name could not be opened in time.
    pub(super) fn missed(&mut self, id: SlotId, files: u32) {
        let Some(slot) = self.slots.get(&id) else { return };
        for _ in 0..files {
            let text = format!("{}: a file of this name came and went before it could be read", slot.source);
            self.ready.push_back(Followed::Notice { text: Some(text), cost: Cost::Loss });
        }
    }

    fn lost(&mut self, text: String) {
        self.ready.push_back(Followed::Notice { text: Some(text), cost: Cost::Loss });
    }

    /// Keeps track of the names that files of slots have.
    fn track(&mut self, change: &Change) {
        match change {
            Change::From(place, cookie) => {
                if let Some(id) = self.watcher.slot_of(place).or_else(|| self.moved.get(place).copied()) {
                    self.moving.insert(*cookie, id);
                }
                self.moved.remove(place);
                self.leave(place, false);
            }
            Change::To(place, cookie) => {
                self.leave(place, true);
                self.moved.remove(place);
                if let Some(id) = self.moving.remove(cookie) {
                    self.moved.insert(place.clone(), id);
                }
            }
            Change::Gone(place) => {
                self.moved.remove(place);
                self.leave(place, false);
            }
            Change::Allowed(place) => self.is_allowed(place),
            Change::DirGone(_) => self.next_look = self.next_look.min(Instant::now() + POLL),
            Change::Made(_) | Change::Forgotten => {}
        }
    }

    /// Who may read a file, or look at those of a directory, may have changed: what could not be read is tried again.
    fn is_allowed(&mut self, (dir, name): &Place) {
        let is_it = |slot: &Slot| slot.place.0 == *dir && (name.is_empty() || slot.place.1 == *name);
        let denied: Vec<_> = self.slots.iter().filter(|(_, slot)| slot.denied.is_some() && is_it(slot)).map(|(id, _)| *id).collect();
        denied.into_iter().for_each(|id| self.mark(id));
    }

    /// The file of this name has it no more, because another was `renamed` to it or otherwise; it is read to its end all the
    /// same.
    fn leave(&mut self, place: &Place, renamed: bool) {
        if let Some(id) = self.watcher.slot_of(place)
            && let Some(slot) = self.slots.get_mut(&id)
        {
            slot.leave_newest(renamed);
            self.mark(id);
            self.next_look = self.next_look.min(Instant::now() + POLL);
        }
    }
}
