//! Rotated sets of a format that has times: ordered by the first stamp of each file, and without those that hold nothing of a window.
//!
//! Names tell the order where there are no times (`age.rs`). They say nothing of which number is older: logrotate counts down, log4j2 up. A set
//! is what stands side by side in a directory or a glob and differs in a number or a date; files that were named one by one stay in their order.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::age::Aged;
use super::block::{Cutter, Part};
use super::boundary::Boundary;
use super::clock::Hand;
use super::encoding::Text;
use super::find::{Found, Input};
use super::live::Watch;
use super::open::Opened;
use super::window::Window;
use recpipe::record::Pool;

/// So much of a file is looked at for its first stamp.
const LOOK_BYTES: usize = 64 << 10;

/// What became of the files that were found.
#[derive(Debug)]
pub struct Ordered {
    /// Those that are read.
    pub found: Found,
    /// The bytes of those that are not, as they lie on the disk.
    pub(crate) left_out_bytes: u64,
}

/// Orders the rotated sets among these by their first stamps. `named` are the arguments: files that are among them stay where they are.
pub fn ordered(found: Found, named: &[PathBuf], window: &Window, boundary: &Arc<dyn Boundary>) -> Ordered {
    let named: HashSet<&Path> = named.iter().map(PathBuf::as_path).collect();
    let of_set = |one: &Result<_, _>| match one {
        Ok(Input::File(path)) if !named.contains(path.as_path()) => Some((path.parent()?.to_owned(), Aged::of(path.file_name()?))),
        _ => None,
    };
    let (mut ordered, mut left_out_bytes) = (Ordered { found: Vec::new(), left_out_bytes: 0 }, 0);
    let mut rest = found.into_iter().peekable();
    while let Some(one) = rest.next() {
        let Some((folder, aged)) = of_set(&one) else {
            ordered.found.push(one);
            continue;
        };
        let mut set = vec![one];
        while let Some(next) = rest.next_if(|next| of_set(next).is_some_and(|(other, next)| other == folder && next.is_kin_of(&aged))) {
            set.push(next);
        }
        let firsts: Vec<Option<i64>> = match set.len() {
            1 => vec![None],
            _ => set.iter().map(|one| one.as_ref().ok().and_then(|input| first(input, window, boundary))).collect(),
        };
        // A file without a time says nothing of where it belongs: then the names do.
        let known: Option<Vec<i64>> = firsts.into_iter().collect();
        let Some(known) = known else {
            ordered.found.append(&mut set);
            continue;
        };
        let mut set: Vec<_> = known.into_iter().zip(set).collect();
        set.sort_by_key(|(first, _)| *first);
        let nexts: Vec<Option<i64>> = set.iter().skip(1).map(|(first, _)| Some(*first)).chain([None]).collect();
        for ((first, one), next) in set.into_iter().zip(nexts) {
            if window.leaves_out(first, next) {
                left_out_bytes += one.ok().map_or(0, |input| bytes_of(&input));
            } else {
                ordered.found.push(one);
            }
        }
    }
    Ordered { left_out_bytes, ..ordered }
}

fn bytes_of(input: &Input) -> u64 {
    let Input::File(path) = input else { return 0 };
    std::fs::metadata(path).map_or(0, |meta| meta.len())
}

/// The first time in a regular file, of any compression.
fn first(input: &Input, window: &Window, boundary: &Arc<dyn Boundary>) -> Option<i64> {
    let Input::File(path) = input else { return None };
    if !std::fs::metadata(path).is_ok_and(|meta| meta.is_file()) {
        return None;
    }
    let name: Arc<str> = path.to_string_lossy().into();
    let mut text = Text::new(Opened::open(input, &Arc::default(), &Watch::nothing()).ok()?);
    text.tell(&**boundary, None).ok()?;
    let cut = Cutter::new(text, boundary.clone(), Pool::new(), LOOK_BYTES).next_block().ok()??;
    let mut hand: Hand = window.hand(&name);
    (cut.part() == Part::Whole).then(|| hand.first(cut.bytes(), |bytes| boundary.end_in_block(bytes))).flatten()
}

#[cfg(test)]
mod tests {
    use super::super::boundary::Lines;
    use super::super::clock::{Clock, TimesOf};
    use super::super::find::{Names, find};
    use super::*;
    use std::fs;

    struct FirstWord;

    impl Clock for FirstWord {
        fn stamp<'r>(&self, record: &'r [u8]) -> Option<&'r [u8]> {
            record.split(|&byte| byte == b' ').next().filter(|word| word.first().is_some_and(u8::is_ascii_digit))
        }
    }

    #[test]
    fn a_set_is_read_by_its_first_stamps() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
        write("r.log.1", "no time\n2026-03-11 a\n");
        write("r.log.2", "2026-03-12 b\n");
        write("r.log.10", "2026-03-13 c\n");
        write("r.log", "2026-03-14 d\n");
        write("s.log.2", "no time\n");
        write("s.log.1", "2026-03-12 x\n");
        let times: TimesOf = Arc::new(|_| recpipe::times::Times::default());
        let day = |day: &str| recpipe::Time::parse(day.as_bytes()).unwrap().nanos;
        let all = Window { clock: Arc::new(FirstWord), times, since: None, until: None, slack: Some(0) };
        let names = |window: &Window, paths: &[PathBuf]| {
            let boundary: Arc<dyn Boundary> = Arc::new(Lines::default());
            let ordered = ordered(find(paths, &Names::default()), paths, window, &boundary);
            let name = |input: Input| input.to_string().rsplit('/').next().unwrap().to_owned();
            (ordered.found.into_iter().map(|one| name(one.unwrap())).collect::<Vec<_>>().join(" "), ordered.left_out_bytes)
        };
        let folder = [dir.path().to_owned()];
        assert_eq!(names(&all, &folder), ("r.log.1 r.log.2 r.log.10 r.log s.log.2 s.log.1".to_owned(), 0));
        let some = Window { since: Some(day("2026-03-12T12:00Z")), until: Some(day("2026-03-13T12:00Z")), ..all.clone() };
        assert_eq!(names(&some, &folder), ("r.log.2 r.log.10 s.log.2 s.log.1".to_owned(), 34));
        let one_by_one = ["r.log.10", "r.log.2"].map(|name| dir.path().join(name));
        assert_eq!(names(&some, &one_by_one), ("r.log.10 r.log.2".to_owned(), 0));
    }
}
