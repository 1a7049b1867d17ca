//! Looking at files and directories again, where the system does not tell of a change or may have told too little.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Instant;

use super::slot::Slot;
use super::system::DirId;
use super::watcher::open_regular;
use super::{Follow, LOOK_AGAIN, POLL, SlotId};

impl Follow {
    /// Looks where nobody tells, at what may be over, and now and then at all.
    pub(super) fn look(&mut self, now: Instant) {
        let all = now >= self.next_look_at_all;
        if all {
            self.next_look_at_all = now + LOOK_AGAIN;
            self.watcher.look_at_dirs();
        }
        // Whatever comes up from here on may ask for an earlier one.
        self.next_look = self.next_look_at_all;
        let lost = self.watcher.polled();
        for dir in &lost {
            self.watcher.add(dir);
        }
        if all || !lost.is_empty() || self.rescan_due {
            self.rescan();
        }
        let polled: Vec<DirId> = lost.iter().map(|dir| self.watcher.add(dir)).collect();
        self.look_at_names(|dir| all || polled.contains(&dir));
        let (mut orphans, mut fresh, mut retired) = (false, false, Vec::new());
        for id in self.slots.keys().copied().collect::<Vec<_>>() {
            let Some(slot) = self.slots.get_mut(&id) else { continue };
            let has_orphan = slot.has_orphan();
            orphans |= has_orphan;
            fresh |= slot.has_fresh_orphan(now);
            retired.extend(slot.retire(now, &mut self.ready, &mut self.writers));
            let has_missed = slot.missed > 0;
            if std::mem::take(&mut slot.recheck) || has_orphan {
                self.mark(id);
            }
            if has_missed {
                self.tell_missed(id);
            }
        }
        retired.iter().for_each(|tail| self.close(tail));
        if !orphans {
            self.moved.clear();
            self.moving.clear();
        }
        if fresh || !lost.is_empty() {
            self.next_look = self.next_look.min(now + POLL);
        }
        self.forget_formers(now);
    }

    pub(super) fn look_at_names(&mut self, wanted: impl Fn(DirId) -> bool) {
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
                slot.leave_newest(false);
                return;
            }
        }
        match open_regular(&slot.path) {
            Ok(Some(file)) => {
                // It may have come under another followed name, and been renamed since: whose it is was told by now.
                self.learn();
                self.arrive(id, file, false);
            }
            // What is no file is said where it is told of.
            Ok(None) => {}
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied => self.cannot_open(id, e),
            // It has gone again.
            Err(_) => {}
        }
    }

    /// Looks for files that joined, and forgets those that are gone.
    fn rescan(&mut self) {
        self.rescan_due = false;
        self.rescanned = Instant::now();
        if !self.places.are_open() {
            return;
        }
        let scan = self.look_through();
        for path in &scan.files {
            if let Some(id) = self.add_slot(path.clone()) {
                self.look_at_name(id);
            }
        }
        let named: HashSet<&PathBuf> = scan.files.iter().chain(scan.missing.iter().map(|(path, _)| path)).collect();
        let is_gone = |slot: &Slot| slot.tails.is_empty() && !named.contains(&slot.path);
        let gone: Vec<_> = self.slots.iter().filter(|(_, slot)| is_gone(slot)).map(|(id, _)| *id).collect();
        for id in gone {
            self.slots.remove(&id);
            self.watcher.forget(id);
        }
        let there: HashSet<_> = scan.files.iter().filter_map(|path| fs::metadata(path).ok()).map(|meta| (meta.dev(), meta.ino())).collect();
        self.known.retain(|file, _| there.contains(file));
    }
}
