//! The rounds of following: learn what happened, look, read, give out, wait.

use std::io;
use std::time::{Duration, Instant};

use super::slot::{Read, Slot};
use super::{Ending, Follow, Followed, Known, SlotId, tail};

/// After a read, so long is waited for more before what there is goes out: a few large batches cost less than many small ones.
const LULL: Duration = Duration::from_millis(2);

/// No record waits longer than this for others to go out with.
const MAX_WAIT: Duration = Duration::from_millis(30);

/// After a signal, so long is read what comes yet. What was there when it came is read in any case.
const FINISH: Duration = Duration::from_secs(1);

impl Follow {
    pub(super) fn mark(&mut self, id: SlotId) {
        if let Some(slot) = self.slots.get_mut(&id)
            && !std::mem::replace(&mut slot.dirty, true)
        {
            self.dirty.push_back(id);
        }
    }

    pub(super) fn mark_all(&mut self) {
        for id in self.slots.keys().copied().collect::<Vec<_>>() {
            self.mark(id);
        }
    }

    /// One round: learns what happened, reads, gives out, or waits.
    pub(super) fn step(&mut self) -> io::Result<()> {
        if self.watch.is_stopped() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.learn();
        if self.read_first() {
            return Ok(());
        }
        let now = Instant::now();
        if now >= self.next_look {
            self.look(now);
        }
        let grew = self.read_dirty();
        if !self.ready.is_empty() {
            return Ok(());
        }
        match self.waiting {
            Some(since) if !grew || since.elapsed() >= MAX_WAIT => {
                self.give_waiting();
                Ok(())
            }
            Some(_) => self.guard.wait(&[], Some(LULL)).map(drop),
            None if grew => Ok(()),
            None => {
                let pulse = self.pulse.map(|pulse| self.yielded + pulse).into_iter().chain(self.wake).min();
                let until = pulse.map_or(self.next_look, |pulse| pulse.min(self.next_look));
                self.guard.wait(&self.watcher.fds(), Some(until.saturating_duration_since(Instant::now())))?;
                if pulse.is_some_and(|pulse| Instant::now() >= pulse) {
                    self.ready.push_back(Followed::Pulse);
                }
                Ok(())
            }
        }
    }

    /// A signal has come: what is there by now is to be read, files that nobody has looked at yet too.
    pub(super) fn begin_to_end(&mut self) {
        let now = Instant::now();
        self.learn();
        self.next_look_at_all = now;
        self.look(now);
        self.slots.values_mut().flat_map(|slot| &mut slot.tails).for_each(tail::Tail::is_due);
        self.ending = Ending::Until(Instant::now() + FINISH);
    }

    /// A round after a signal: what is there already is read, and all of it given out. Whether that was the last.
    pub(super) fn finish(&mut self, until: Instant) -> bool {
        self.learn();
        if self.read_first() {
            return false;
        }
        let grew = self.read_dirty();
        let is_last = !grew || (Instant::now() >= until && !self.slots.values().any(Slot::is_behind));
        if is_last {
            let ready = &mut self.ready;
            // A record that is not finished is read when this goes on, where that is remembered.
            let give = if self.marks { Slot::give_records } else { Slot::give_all };
            self.slots.values_mut().for_each(|slot| give(slot, ready));
            self.tell_denied();
        }
        is_last
    }

    /// Reads of the file whose turn it is of those that are read first. Whether there is one.
    fn read_first(&mut self) -> bool {
        let Some(id) = self.first.front().copied() else { return false };
        let has_more = self.read_slot(id);
        match self.slots.get_mut(&id) {
            Some(slot) if has_more && slot.is_behind() => {}
            slot => {
                slot.into_iter().for_each(|slot| slot.give_records(&mut self.ready));
                self.first.pop_front();
            }
        }
        true
    }

    /// Reads once from every slot that may have more. Whether there was any.
    pub(super) fn read_dirty(&mut self) -> bool {
        let mut grew = false;
        for _ in 0..self.dirty.len() {
            let Some(id) = self.dirty.pop_front() else { break };
            grew |= self.read_slot(id);
        }
        grew
    }

    fn read_slot(&mut self, id: SlotId) -> bool {
        let Some(slot) = self.slots.get_mut(&id) else { return false };
        slot.dirty = false;
        if slot.tails.is_empty() {
            // What is opened is read before it can be closed again to make room for another.
            self.look_at_name(id);
        }
        let Some(slot) = self.slots.get_mut(&id).filter(|slot| !slot.tails.is_empty()) else { return false };
        let (before, mut closed) = (slot.read_bytes(), Vec::new());
        let read = slot.read(&mut self.scratch, &mut self.ready, &mut closed, &mut self.writers);
        self.meter.add((slot.read_bytes() - before) as usize);
        if slot.has_records() && self.waiting.is_none() {
            self.waiting = Some(Instant::now());
        }
        closed.iter().for_each(|tail| self.close(tail));
        match read {
            Read::More => self.mark(id),
            Read::AtEnd => {}
            Read::WaitsUntil(until) => self.read_again(id, until),
            Read::Doubtful(at) => self.settle(id, at),
            Read::Packed(file, print) => {
                self.owners.remove(&file);
                self.known.insert(file, Known { print, grows: false });
            }
        }
        self.slots.get(&id).is_some_and(|slot| slot.dirty)
    }

    /// Has the slot read again at this time.
    pub(super) fn read_again(&mut self, id: SlotId, at: Instant) {
        self.next_look = self.next_look.min(at);
        if let Some(slot) = self.slots.get_mut(&id) {
            slot.recheck = true;
        }
    }

    /// Gives out the records that wait.
    pub(super) fn give_waiting(&mut self) {
        self.waiting = None;
        for slot in self.slots.values_mut() {
            slot.give_records(&mut self.ready);
        }
    }
}
