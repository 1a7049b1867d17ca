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
use super::super::mark::Mark;
use super::super::open::{Opened, is_compressed};
use super::super::print::{PRINT_BYTES, Print, read_at};
use super::super::{FileId, InputError, Meter, file_id, reason};
use super::places::parent;
use super::tail::Tail;
use super::watcher::open_regular;
use super::{Cost, Follow, Followed, Known, SlotId};

/// So much is unpacked at a time.
const UNPACKED: usize = 256 << 10;

/// Of so many marks, the last ones, a copy is looked for.
const COPIES: usize = 64;

/// A file of a rotated set, which bears a name that is not followed.
struct Rotated {
    path: PathBuf,
    /// `None` for a packed one that was not unpacked.
    file: Option<(File, FileId)>,
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
        let mut rotated: Vec<Rotated> = self.rotated(id).into_iter().filter_map(Rotated::open).collect();
        find(&mut rotated, &marks);
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
        for (at, mut one) in rotated.into_iter().enumerate() {
            let is_new = one.known.is_none() && at > newest && !is_known;
            if let Some(error) = is_new.then(|| one.unpack().err()).flatten() {
                let name = one.path.display().to_string();
                self.ready.push_back(Followed::Problem(InputError { name, what: reason(&error) }));
            }
            let Rotated { file: Some((file, found)), known, .. } = one else { continue };
            let len = file.metadata().map_or(0, |meta| meta.len());
            match known {
                // Whoever wrote to the newest of them may do so still.
                Some(print) if print.pos < len || at == newest && !is_known => unread.push((file, found, print)),
                Some(print) => drop(self.known.insert(found, Known { print, grows: true })),
                // What is older than a file that is known, or than the one that has the name and is known, was read and is forgotten.
                None if is_new => unread.push((file, found, Print::default())),
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

impl Rotated {
    /// Opens a file; `None` for what cannot be opened.
    fn open(path: PathBuf) -> Option<Self> {
        let file = open_regular(&path).ok()??;
        let mut head = [0; 64];
        let len = read_at(&file, &mut head, 0).ok()?;
        let id = file_id(&file)?;
        Some(Rotated { path, file: (!is_compressed(&head[..len])).then_some((file, id)), known: None })
    }

    fn fits(&self, print: &Print) -> bool {
        self.file.as_ref().is_some_and(|(file, _)| print.fits(file).unwrap_or(false))
    }

    /// Unpacks it, where that was not done.
    fn unpack(&mut self) -> io::Result<()> {
        if self.file.is_none() {
            let file = unpacked(&self.path)?;
            let id = file_id(&file).ok_or(io::ErrorKind::NotFound)?;
            self.file = Some((file, id));
        }
        Ok(())
    }

    /// Whether it may be a packed one that begins so.
    fn may_hold(&self, marks: &[&Mark]) -> bool {
        let mut head = [0; PRINT_BYTES];
        let len = begin(&self.path).and_then(|mut packed| fill(&mut packed, &mut head)).unwrap_or(0);
        self.file.is_none() && marks.iter().any(|mark| mark.print.begins_as(&head[..len]))
    }
}

/// Finds out which of these were read before: by their numbers, and those that were copied or packed by what is in them.
fn find(rotated: &mut [Rotated], marks: &[Mark]) {
    let mut left: Vec<&Mark> = Vec::new();
    for mark in marks {
        let same = rotated.iter_mut().find(|one| one.file.as_ref().is_some_and(|(_, id)| *id == mark.file) && one.fits(&mark.print));
        match same {
            Some(one) => one.known = Some(mark.print.clone()),
            // Every file begins as nothing does.
            None if mark.print.pos > 0 => left.push(mark),
            None => {}
        }
    }
    let left = &left[left.len().saturating_sub(COPIES)..];
    for one in rotated.iter_mut().filter(|one| one.known.is_none()) {
        if one.may_hold(left) && one.unpack().is_err() {
            continue;
        }
        let fit = left.iter().filter(|mark| one.fits(&mark.print)).max_by_key(|mark| mark.print.pos);
        one.known = fit.map(|mark| mark.print.clone());
    }
}

fn begin(path: &Path) -> io::Result<Opened> {
    let opened = Opened::open(&Input::File(path.to_owned()), &Arc::new(Meter::default()), &Watch::nothing());
    opened.map_err(|error| io::Error::other(error.what))
}

fn fill(from: &mut Opened, bytes: &mut [u8]) -> io::Result<usize> {
    let mut len = 0;
    while len < bytes.len() {
        match from.read(&mut bytes[len..])? {
            0 => break,
            read => len += read,
        }
    }
    Ok(len)
}

/// What is in a packed file, in one without a name.
fn unpacked(path: &Path) -> io::Result<File> {
    let mut packed = begin(path)?;
    let mut file = tempfile::NamedTempFile::new()?;
    let mut bytes = vec![0; UNPACKED];
    loop {
        match fill(&mut packed, &mut bytes)? {
            0 => break,
            read => file.write_all(&bytes[..read])?,
        }
    }
    // To be read alone: who writes to a file that has lost its name is waited for.
    File::open(file.path())
}
