//! Goes on where files were read to before, through what has become of their names meanwhile.
//!
//! ```text
//! read before        now                                    what is read
//! log (A, to 900)    log.3 (A) log.2.gz log.1 (C) log (D)    A from 900 on, then log.2.gz, C and D
//! log (A, to 900)    log.1 (a copy of A) log (A, emptied)    the copy from 900 on, then A
//! ```
//!
//! A file is known by its number and print (`print`), or, where it was copied or packed, by the print alone. What stands behind it in the
//! order of its rotated set came since. A packed file is unpacked to a temporary one without a name.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use super::super::age::{Aged, by_age};
use super::super::block::Feed;
use super::super::find::Input;
use super::super::live::Watch;
use super::super::open::{Opened, is_compressed};
use super::super::{FileId, Meter, file_id};
use super::places::parent;
use super::print::{Print, read_at};
use super::tail::Tail;
use super::watcher::open_regular;
use super::{Cost, Follow, Followed, Known, Mark, SlotId};

/// So much is unpacked at a time.
const UNPACKED: usize = 256 << 10;

/// A file of a rotated set, which bears a name that is not followed.
struct Rotated {
    file: File,
    id: FileId,
    /// How far it was read before.
    known: Option<Print>,
}

impl Follow {
    /// How far this file was read before.
    pub(super) fn remembered(&self, id: FileId, file: &File) -> Option<Print> {
        let mut same = self.before.iter().rev().filter(|mark| mark.file == id).map(|mark| &mark.print);
        same.find(|print| print.fits(file).unwrap_or(false)).cloned()
    }

    /// Reads what was rotated away since the files were followed before. The files that have the names now are there.
    pub(super) fn go_on(&mut self) {
        let ids: Vec<SlotId> = self.slots.keys().copied().collect();
        ids.into_iter().for_each(|id| self.go_on_with(id));
        self.before = Vec::new();
    }

    fn go_on_with(&mut self, id: SlotId) {
        let Some(slot) = self.slots.get(&id) else { return };
        let marks: Vec<Mark> = self.before.iter().filter(|mark| mark.source == slot.source).cloned().collect();
        let Some(last) = marks.last() else { return };
        let is_known = slot.tails.back().is_some_and(|tail| self.remembered(tail.id(), tail.file()).is_some());
        let rotated: Vec<Rotated> = self.rotated(id).iter().filter_map(|path| look(path, &marks)).collect();
        let Some(newest) = rotated.iter().rposition(|file| file.known.is_some()) else {
            if !is_known && last.print.pos > 0 {
                let text = format!(
                    "{}: was read to byte {} before; that file is not there any more, nor is one that it became, and what was written to it \
                     after that is lost",
                    slot.source, last.print.pos
                );
                self.ready.push_back(Followed::Notice { text: Some(text), cost: Cost::Loss });
            }
            return;
        };
        let mut unread = Vec::new();
        for (at, Rotated { file, id: found, known }) in rotated.into_iter().enumerate() {
            let len = file.metadata().map_or(0, |meta| meta.len());
            match known {
                // Whoever wrote to the newest of them may do so still.
                Some(print) if print.pos < len || at == newest && !is_known => unread.push((file, found, print)),
                Some(print) => drop(self.known.insert(found, Known { print, grows: true })),
                // What is older than a file that is known, or than the one that has the name and is known, was read and is forgotten.
                None if at > newest && !is_known => unread.push((file, found, Print::default())),
                None => {}
            }
        }
        let Some(slot) = self.slots.get_mut(&id) else { return };
        for (file, found, print) in unread.into_iter().rev() {
            if self.owners.contains_key(&found) {
                continue;
            }
            let mut tail = Tail::new(file, found, slot.source.clone(), self.boundary.clone(), print).with_marks(self.marks);
            (tail.orphan, tail.fresh) = (Some(Instant::now()), false);
            tail.is_due();
            self.owners.insert(found, id);
            slot.tails.push_front(tail);
        }
        if !self.first.contains(&id) {
            self.first.push_back(id);
        }
    }

    /// The files of the rotated set of a name that are not followed by their own, oldest first.
    fn rotated(&self, id: SlotId) -> Vec<PathBuf> {
        let Some(slot) = self.slots.get(&id) else { return Vec::new() };
        let (directory, place) = (parent(&slot.path), &slot.place);
        let is_one = |entry: &fs::DirEntry| {
            let name = entry.file_name();
            Aged::of(&name).is_rotated(&place.1) && self.watcher.slot_of(&(place.0, name)).is_none()
        };
        let entries = fs::read_dir(&directory).into_iter().flatten().filter_map(Result::ok);
        let mut names: Vec<_> = entries.filter(is_one).map(|entry| entry.file_name()).collect();
        names.sort_by(|a, b| by_age(a, b));
        names.into_iter().map(|name| directory.join(name)).collect()
    }
}

/// Opens a file of a rotated set, and finds out whether it was read before. One that cannot be opened is none.
fn look(path: &Path, marks: &[Mark]) -> Option<Rotated> {
    let file = open_regular(path).ok()??;
    let mut head = [0; 64];
    let len = read_at(&file, &mut head, 0).ok()?;
    let file = if is_compressed(&head[..len]) { unpacked(path).ok()? } else { file };
    let id = file_id(&file)?;
    let fits = |mark: &&Mark| mark.print.fits(&file).unwrap_or(false);
    let by_number = marks.iter().rev().filter(|mark| mark.file == id).find(fits);
    // Every file begins as nothing does.
    let by_content = || marks.iter().filter(|mark| mark.print.pos > 0).filter(fits).max_by_key(|mark| mark.print.pos);
    let known = by_number.or_else(by_content).map(|mark| mark.print.clone());
    Some(Rotated { file, id, known })
}

/// What is in a packed file, in one without a name.
fn unpacked(path: &Path) -> io::Result<File> {
    let opened = Opened::open(&Input::File(path.to_owned()), &Arc::new(Meter::default()), &Watch::nothing());
    let mut packed = opened.map_err(|error| io::Error::other(error.what))?;
    let mut file = tempfile::NamedTempFile::new()?;
    let mut bytes = vec![0; UNPACKED];
    loop {
        match packed.read(&mut bytes)? {
            0 => break,
            read => file.write_all(&bytes[..read])?,
        }
    }
    // To be read alone: who writes to a file that has lost its name is waited for.
    file.reopen().and_then(|_| File::open(file.path()))
}
