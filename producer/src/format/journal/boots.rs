//! `--boot`: which boot is meant, among those of the files.

use std::collections::BTreeMap;

use super::entry::Entry;
use super::file::JournalFile;
use super::header::{Damage, Id, u64_at};
use super::object::{FIELD_BYTES, Kind, data_bytes};
use super::pages::Pages;
use super::terms::{hex, id};

/// The boots, and when the first entry of each was written.
#[derive(Debug, Default)]
pub(super) struct Boots(BTreeMap<Id, u64>);

impl Boots {
    /// Adds those of a file.
    ///
    /// # Errors
    /// What tells them is damaged.
    pub(super) fn add(&mut self, file: &JournalFile, pages: &mut Pages) -> Result<(), Damage> {
        let Some(field) = file.find_field(pages, b"_BOOT_ID")? else { return Ok(()) };
        let mut at = pages.u64(file, field + FIELD_BYTES - 8)?;
        let before = data_bytes(file.header.is_compact);
        while at != 0 {
            let head = pages.head(file, at, Kind::Data, before)?;
            let fixed = pages.bytes(file, at, 64)?;
            let (next, first) = (u64_at(fixed, 32), u64_at(fixed, 40));
            let len = (head.size - before).min(64) as usize;
            let text = pages.bytes(file, at + before, len)?;
            let boot = text.strip_prefix(b"_BOOT_ID=").and_then(|boot| id(std::str::from_utf8(boot).ok()?));
            if let Some(boot) = boot.filter(|_| first != 0) {
                let realtime = Entry::at(pages, file, first)?.realtime;
                let known = self.0.entry(boot).or_insert(realtime);
                *known = realtime.min(*known);
            }
            // Each was written before the one that leads to it.
            if next >= at {
                return Err(Damage::new(at, "corrupt: data that follow each other lie in a circle"));
            }
            at = next;
        }
        Ok(())
    }

    /// The boot that is meant: by its id, with a number how many after it; by a number alone, as `journalctl --boot` has it: 0 is the last, -1
    /// the one before, 1 the first.
    ///
    /// # Errors
    /// There is none; as it is to be said.
    pub(super) fn find(&self, typed: &str) -> Result<Id, String> {
        let mut all: Vec<(u64, Id)> = self.0.iter().map(|(boot, realtime)| (*realtime, *boot)).collect();
        all.sort_unstable();
        let count = |wanted: &str| format!("--boot: {wanted}: the files have {}", crate::ledger::count(all.len() as u64, "boot"));
        let (named, rest) = match typed.get(..32).and_then(id) {
            Some(named) => (Some(named), &typed[32..]),
            None => (id(typed), if id(typed).is_some() { "" } else { typed }),
        };
        let number: i64 = match rest {
            "" => 0,
            rest => rest.parse().map_err(|_| {
                format!(
                    "--boot: `{typed}` is no boot: its id, of 32 digits; or a number, where 0 is the last, -1 the one before, 1 the first"
                )
            })?,
        };
        let last = all.len() as i64 - 1;
        let place = match named {
            Some(named) => {
                let place = all.iter().position(|(_, boot)| *boot == named);
                let place = place.ok_or_else(|| count(&format!("no entry is of the boot {}", hex(named))))?;
                i64::try_from(place).unwrap_or(i64::MAX).saturating_add(number)
            }
            None if number > 0 => number - 1,
            None => last.saturating_add(number),
        };
        let found = usize::try_from(place).ok().and_then(|place| all.get(place));
        found.map(|(_, boot)| *boot).ok_or_else(|| count(&format!("there is no boot {typed}")))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{on_disk, shapes};
    use super::*;

    #[test]
    fn boots_are_numbered_by_their_first_entries() {
        let ids: Vec<String> = (0..3_u8).map(|n| hex([n * 7 + 1; 16])).collect();
        for (name, mut writer) in shapes() {
            // The third boot has the least id, and each several entries.
            for (nth, boot) in [1, 1, 2, 2, 0, 0].into_iter().enumerate() {
                writer = writer.entry(nth as u64, &[&format!("_BOOT_ID={}", ids[boot])]);
            }
            let mut boots = Boots::default();
            boots.add(&on_disk(&writer.finish()), &mut Pages::default()).unwrap();
            let found = |typed: &str| boots.find(typed).map(hex);
            for (typed, boot) in [("", 0), ("0", 0), ("-1", 2), ("-2", 1), ("1", 1), ("3", 0), ("+2", 2)] {
                assert_eq!(found(typed).as_ref(), Ok(&ids[boot]), "{name} {typed}");
            }
            assert_eq!(found(&ids[2]).as_ref(), Ok(&ids[2]));
            assert_eq!(found(&format!("{}-1", ids[2])).as_ref(), Ok(&ids[1]));
            assert!(found("4").unwrap_err().contains("3 boots") && found("-3").is_err() && found("x").unwrap_err().contains("no boot"));
            assert!(found(&hex([0xee; 16])).unwrap_err().contains("no entry"));
        }
    }
}
