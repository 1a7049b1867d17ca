//! Which file has which name: what is opened when, and what becomes of a file that lost its name.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::super::{InputError, file_id};
use super::births::Arrived;
use super::lookout::{Learned, open_regular};
use super::places::parent;
use super::print::Print;
use super::slot::Slot;
use super::system::{Change, DirId, Place};
use super::tail::{Tail, last_record};
use super::{Follow, Followed, Known, LOOK_AGAIN, POLL, SlotId};

/// How often directories are looked through at most, however much happens in them.
const RESCAN: Duration = Duration::from_millis(20);

/// How long a file that looks like an unfinished copy is given to become a whole one.
const COPYING: Duration = Duration::from_millis(300);

/// Whether a new file is a copy of one that is followed.
pub enum IsCopy {
    /// No; read it.
    No,
    /// Perhaps one that is being made.
    NotSure,
    /// It is empty, so nobody can tell.
    Empty,
    /// Of this one, of which so many bytes are known.
    Yes(String, u64),
}

impl Follow {
    /// A new slot for a path; `None` when there is one for its name.
    pub(super) fn add_slot(&mut self, path: PathBuf) -> Option<SlotId> {
        let name = path.file_name()?.to_owned();
        let place = (self.lookout.add(&parent(&path)), name);
        let id = self.next_slot;
        if self.lookout.give(place.clone(), id) != id {
            return None;
        }
        self.next_slot += 1;
        if fs::symlink_metadata(&path).is_ok_and(|meta| meta.is_symlink())
            && let Ok(real) = fs::canonicalize(&path)
            && let Some(name) = real.file_name()
        {
            let real_place = (self.lookout.add(&parent(&real)), name.to_owned());
            self.lookout.give(real_place, id);
        }
        self.slots.insert(id, Slot::new(path, place));
        Some(id)
    }

    /// Opens the file of a slot when the following begins.
    pub(super) fn begin(&mut self, id: SlotId, from_start: bool) {
        let Some(slot) = self.slots.get(&id) else { return };
        let path = slot.path.clone();
        let opened = open_regular(&path).and_then(|file| {
            let Some(file) = file else { return Ok(None) };
            let pos = if from_start { 0 } else { last_record(&file, self.boundary.max_bytes())? };
            let print = Print::of(&file, pos)?;
            Ok(Some((file, print)))
        });
        match opened {
            Ok(Some((file, print))) => self.follow_file(id, file, Some(print), false),
            Ok(None) => self.irregular(&path),
            Err(e) => self.ready.push_back(Followed::Problem(InputError::open(&path, e))),
        }
    }

    fn irregular(&mut self, path: &Path) {
        let what = "not a regular file; only those can be followed. Read it without --follow: it is read as it comes".to_owned();
        self.ready.push_back(Followed::Problem(InputError { name: path.display().to_string(), what }));
    }

    /// A file that has the name of a slot: the one that is followed already, one that was, or a new one.
    fn arrive(&mut self, id: SlotId, file: File) {
        let Some(found) = file_id(&file) else { return };
        if let Some(owner) = self.owners.get(&found).copied() {
            if let Some(newest) = self.slots.get_mut(&owner).and_then(|slot| slot.tails.back_mut()).filter(|tail| tail.id() == found)
                && owner == id
            {
                newest.orphan = None;
            }
            self.mark(owner);
            return;
        }
        let print = match self.known.remove(&found) {
            Some(known) if known.print.fits(&file).unwrap_or(false) => {
                let has_grown = known.grows && file.metadata().is_ok_and(|meta| meta.len() > known.print.pos);
                if !has_grown {
                    self.known.insert(found, known);
                    return;
                }
                Some(known.print)
            }
            // Another file with the same number.
            Some(_) | None => None,
        };
        let is_new = print.is_none();
        self.follow_file(id, file, print, is_new);
    }

    /// Follows `file` as the newest of its slot, from its start if it has no print.
    fn follow_file(&mut self, id: SlotId, file: File, print: Option<Print>, may_be_copy: bool) {
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
        slot.leave_newest();
        let tail = Tail::new(file, found, slot.source.clone(), self.boundary.clone(), print.unwrap_or_default());
        slot.tails.push_back(tail);
        slot.may_be_copy = may_be_copy.then(Instant::now);
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
        let idle = tails.filter(|(_, tail)| tail.held_bytes() == 0 && !tail.has_part()).min_by_key(|(_, tail)| tail.grown);
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
        match self.lookout.written() {
            None => self.mark_all(),
            Some(places) => {
                for place in places {
                    let (bearer, before) = (self.lookout.slot_of(&place), self.moved.get(&place).copied());
                    bearer.into_iter().chain(before).for_each(|id| self.mark(id));
                }
            }
        }
        let Learned { changes, arrived } = self.lookout.learn();
        // A rename from one of our names to another makes no file that we do not know.
        let mut renamed_ours = HashSet::new();
        for change in &changes {
            if let Change::To(_, cookie) = change
                && self.moving.contains_key(cookie)
            {
                renamed_ours.insert(*cookie);
            }
            self.rescan_due |= match change {
                Change::Made(place) | Change::To(place, _) => self.lookout.slot_of(place).is_none(),
                Change::DirGone(_) | Change::Forgotten => true,
                Change::From(..) | Change::Gone(_) => false,
            };
            self.track(change);
        }
        let forgotten = changes.contains(&Change::Forgotten);
        for Arrived { slot: id, renamed, file } in arrived {
            let Some(path) = self.slots.get(&id).map(|slot| slot.path.clone()) else { continue };
            match file {
                Some(Ok(Some(file))) => self.arrive(id, file),
                Some(Ok(None)) => self.irregular(&path),
                Some(Err(e)) => self.ready.push_back(Followed::Problem(InputError::open(&path, e))),
                None if renamed.is_some_and(|cookie| renamed_ours.contains(&cookie)) => {}
                None => self.lost(format!("{}: a file of this name came and went before it could be read", path.display())),
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

    fn lost(&mut self, text: String) {
        self.ready.push_back(Followed::Notice { text, loss: true });
    }

    /// Keeps track of the names that files of slots have.
    fn track(&mut self, change: &Change) {
        match change {
            Change::From(place, cookie) => {
                if let Some(id) = self.lookout.slot_of(place).or_else(|| self.moved.get(place).copied()) {
                    self.moving.insert(*cookie, id);
                }
                self.moved.remove(place);
                self.leave(place);
            }
            Change::To(place, cookie) => {
                self.leave(place);
                self.moved.remove(place);
                if let Some(id) = self.moving.remove(cookie) {
                    self.moved.insert(place.clone(), id);
                }
            }
            Change::Gone(place) => {
                self.moved.remove(place);
                self.leave(place);
            }
            Change::DirGone(_) => self.next_look = self.next_look.min(Instant::now() + POLL),
            Change::Made(_) | Change::Forgotten => {}
        }
    }

    /// The file of this name has it no more; it is read to its end all the same.
    fn leave(&mut self, place: &Place) {
        if let Some(id) = self.lookout.slot_of(place)
            && let Some(slot) = self.slots.get_mut(&id)
        {
            slot.leave_newest();
            self.mark(id);
            self.next_look = self.next_look.min(Instant::now() + POLL);
        }
    }

    /// Looks where nobody tells, at what may be over, and now and then at all.
    pub(super) fn look(&mut self, now: Instant) {
        let all = now >= self.next_look_at_all;
        if all {
            self.next_look_at_all = now + LOOK_AGAIN;
        }
        let lost = self.lookout.polled();
        for dir in &lost {
            self.lookout.add(dir);
        }
        if all || !lost.is_empty() || self.rescan_due {
            self.rescan();
        }
        let polled: Vec<DirId> = lost.iter().map(|dir| self.lookout.add(dir)).collect();
        self.look_at_names(|dir| all || polled.contains(&dir));
        let (mut orphans, mut retired) = (false, Vec::new());
        for id in self.slots.keys().copied().collect::<Vec<_>>() {
            let Some(slot) = self.slots.get_mut(&id) else { continue };
            let has_orphan = slot.has_orphan();
            orphans |= has_orphan;
            retired.extend(slot.retire(now, &mut self.ready));
            if std::mem::take(&mut slot.recheck) || has_orphan {
                self.mark(id);
            }
        }
        retired.iter().for_each(|tail| self.close(tail));
        if !orphans {
            self.moved.clear();
            self.moving.clear();
        }
        let often = orphans || !lost.is_empty();
        self.next_look = if often { now + POLL } else { self.next_look_at_all };
    }

    fn look_at_names(&mut self, wanted: impl Fn(DirId) -> bool) {
        let ids: Vec<_> = self.slots.iter().filter(|(_, slot)| wanted(slot.place.0)).map(|(id, _)| *id).collect();
        ids.into_iter().for_each(|id| self.look_at_name(id));
    }

    /// Looks which file has the name of a slot now.
    pub(super) fn look_at_name(&mut self, id: SlotId) {
        let Some(slot) = self.slots.get_mut(&id) else { return };
        match fs::metadata(&slot.path) {
            Ok(meta) if slot.is_newest((meta.dev(), meta.ino())) => {
                self.mark(id);
                return;
            }
            Ok(_) => {}
            Err(_) => {
                slot.leave_newest();
                return;
            }
        }
        if let Ok(Some(file)) = open_regular(&slot.path) {
            self.arrive(id, file);
        }
    }

    /// Looks for files that joined, and forgets those that are gone.
    fn rescan(&mut self) {
        self.rescan_due = false;
        self.rescanned = Instant::now();
        if !self.places.are_open() {
            return;
        }
        let scan = self.places.scan();
        for dir in &scan.dirs {
            self.lookout.add(dir);
        }
        for path in &scan.files {
            if let Some(id) = self.add_slot(path.clone()) {
                self.look_at_name(id);
            }
        }
        let named: HashSet<&PathBuf> = scan.files.iter().chain(&scan.missing).collect();
        let is_gone = |slot: &Slot| slot.tails.is_empty() && !named.contains(&slot.path);
        let gone: Vec<_> = self.slots.iter().filter(|(_, slot)| is_gone(slot)).map(|(id, _)| *id).collect();
        for id in gone {
            self.slots.remove(&id);
            self.lookout.forget(id);
        }
        let there: HashSet<_> = scan.files.iter().filter_map(|path| fs::metadata(path).ok()).map(|meta| (meta.dev(), meta.ino())).collect();
        self.known.retain(|file, _| there.contains(file));
    }

    /// Whether the newest file of a slot is a copy, as `copytruncate` makes them: its name is that of a followed file and more
    /// (`access.log.1`), and so is its content. `since` when this is asked.
    pub(super) fn is_copy(&self, id: SlotId, since: Instant) -> IsCopy {
        let Some((slot, file)) = self.slots.get(&id).and_then(|slot| Some((slot, slot.tails.back()?.file()))) else { return IsCopy::No };
        if !file.metadata().is_ok_and(|meta| meta.len() > 0) {
            return IsCopy::Empty;
        }
        let of = |other: &&Slot| other.place.0 == slot.place.0 && extends(&slot.place.1, &other.place.1);
        for other in self.slots.values().filter(of) {
            for print in other.prints() {
                match print.known_of_copy(file) {
                    Ok(Some(known)) if known == print.pos || since.elapsed() >= COPYING => {
                        return IsCopy::Yes(other.source.to_string(), known);
                    }
                    Ok(Some(_)) => return IsCopy::NotSure,
                    // What cannot be read now will say so when it is.
                    Ok(None) | Err(_) => {}
                }
            }
        }
        IsCopy::No
    }
}

/// Whether `name` is `of` and a suffix, as rotation makes it: `access.log.1`, `access.log-20240131`.
fn extends(name: &OsStr, of: &OsStr) -> bool {
    name.as_bytes().strip_prefix(of.as_bytes()).is_some_and(|suffix| matches!(suffix, [b'.' | b'-' | b'_', _, ..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotated_names_extend_the_name() {
        let extends = |name: &str| extends(name.as_ref(), "a.log".as_ref());
        assert!(extends("a.log.1") && extends("a.log-20240131"));
        assert!(!extends("a.log") && !extends("a.log2") && !extends("b.log.1") && !extends("a.log."));
    }
}
