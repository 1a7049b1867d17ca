//! Scans held against a plain reading of one line after the other.

use super::*;
use crate::simd::Portable;
use proptest::prelude::*;

struct Slowly;

impl Runner for Slowly {
    fn run<K: Kernel>(self, kernel: K) -> K::Out {
        kernel.run(Portable)
    }
}

/// The places of the wanted marks of the line at `start`, in `text` up to its newline; `None` when it has another pattern.
fn plain(marks: &[Mark], spaces: Spaces, separators: Separators, text: &[u8], start: usize) -> Option<Vec<u32>> {
    let (mut wanted, mut expected, mut quotes, mut after) = (Vec::new(), marks.iter(), 0, start);
    for (i, &byte) in text.iter().enumerate().skip(start) {
        let is_inside = quotes % 2 == 1;
        let are_marks = match spaces {
            Spaces::Bare => !is_inside,
            Spaces::In(pair) => !is_inside || quotes == 2 * pair + 1,
            Spaces::All => true,
        };
        let kind = match byte {
            b'\n' => Kind::Newline,
            b'"' => Kind::Quote,
            b'\\' => return None,
            byte if byte == separators.space && are_marks => Kind::Space,
            byte if byte == separators.opening && !is_inside => Kind::Opening,
            byte if byte == separators.closing && !is_inside => Kind::Closing,
            byte if byte == separators.odd && (!is_inside || (separators.is_odd_beside_spaces && are_marks)) => return None,
            _ => continue,
        };
        quotes += usize::from(kind == Kind::Quote);
        let mark = expected.next()?;
        let is_gap_right = match mark.gap {
            Gap::Any => true,
            Gap::Nothing => i == after,
            Gap::Text => i > after,
        };
        if mark.kind != kind || !is_gap_right {
            return None;
        }
        after = i + 1;
        if mark.wanted {
            wanted.push(i as u32);
        }
        if kind == Kind::Newline {
            return Some(wanted);
        }
    }
    None
}

/// How many lines of the pattern there are from `start` on, and the places of their wanted marks, behind the one before the first.
fn read(pattern: &Pattern, text: &[u8], start: usize, runner: &dyn Fn(&mut Scan) -> Stop) -> (usize, Vec<u32>, Stop) {
    let (mut scan, mut lines, mut places) = (Scan::default(), 0, vec![(start as u32).wrapping_sub(1)]);
    // As an earlier text has left it.
    scan.read(pattern, text);
    scan.go_to(start as u32);
    loop {
        let stop = runner(&mut scan);
        lines += scan.lines();
        assert_eq!(scan.places(pattern).first(), places.last());
        places.extend(&scan.places(pattern)[1..]);
        if stop != Stop::Full {
            return (lines, places, stop);
        }
    }
}

const COMMON: Separators = Separators { space: b' ', opening: b'[', closing: b']', odd: b',', is_odd_beside_spaces: false };

/// The same with other separators.
fn check(marks: &[Mark], spaces: Spaces, text: &[u8], start: usize) {
    check_with(marks, spaces, COMMON, text, start);
    let other = |byte: u8| *b"|;:\t".get(b" [],".iter().position(|one| *one == byte).unwrap_or(9)).unwrap_or(&byte);
    let text: Vec<u8> = text.iter().copied().map(other).collect();
    check_with(
        marks,
        spaces,
        Separators { space: b'|', opening: b';', closing: b':', odd: b'\t', is_odd_beside_spaces: true },
        &text,
        start,
    );
}

fn check_with(marks: &[Mark], spaces: Spaces, separators: Separators, text: &[u8], start: usize) {
    let pattern = Pattern::new(marks, spaces, separators).unwrap();
    let (mut at, mut lines, mut places) = (start, 0, vec![(start as u32).wrapping_sub(1)]);
    while let Some(line) = plain(marks, spaces, separators, text, at) {
        at = text[at..].iter().position(|&b| b == b'\n').unwrap() + at + 1;
        places.extend(line);
        lines += 1;
    }
    for fast in [true, false] {
        let (n, found, stop) = read(&pattern, text, start, &|scan| match fast {
            true => scan.read(&pattern, text),
            false => scan.read_by(&pattern, text, Slowly),
        });
        assert_eq!((n, &found), (lines, &places), "{fast} {:?}", String::from_utf8_lossy(text));
        if at == text.len() {
            assert_eq!(stop, Stop::End);
        } else if text[at..].contains(&b'\n') {
            assert_eq!(stop, Stop::Odd);
        }
    }
}

/// A log with a quoted string of words, and one of anything.
fn marks(wanted: u32, spaces: Spaces) -> Vec<Mark> {
    use Gap::{Any, Nothing, Text};
    let words =
        |pair: usize| -> &[(Kind, Gap)] { if spaces == Spaces::In(pair) || spaces == Spaces::All { &[(Kind::Space, Text)] } else { &[] } };
    let line = [
        &[(Kind::Space, Text), (Kind::Opening, Nothing), (Kind::Closing, Text), (Kind::Space, Nothing), (Kind::Quote, Nothing)][..],
        words(0),
        &[(Kind::Quote, Any)],
        if spaces == Spaces::All { &[] } else { &[(Kind::Space, Nothing), (Kind::Quote, Nothing)] },
        if spaces == Spaces::All { &[] } else { words(1) },
        if spaces == Spaces::All { &[] } else { &[(Kind::Quote, Any)] },
        &[(Kind::Newline, Any)],
    ]
    .concat();
    line.iter().enumerate().map(|(i, &(kind, gap))| Mark { kind, gap, wanted: kind == Kind::Newline || wanted >> i & 1 == 1 }).collect()
}

fn line() -> impl Strategy<Value = String> {
    let long = prop_oneof![8 => "[a-z,\\[\\] ]{0,9}", 1 => "[a-z,\\[\\]]{60,140}", 1 => "[a-z,\\[\\] ]{60,140}"];
    let word = prop_oneof![20 => "[a-z.]{1,9}", 3 => "[a-z.]{50,80}", 1 => "[a-z,.\\\\ \"]{0,4}"];
    let tail = prop_oneof![6 => Just(None), 6 => long.prop_map(Some)];
    (word.clone(), word.clone(), word.clone(), word, tail, 0..12, any::<bool>()).prop_map(|(a, b, c, d, tail, edit, cr)| {
        let tail = tail.map_or(String::new(), |tail| format!(" \"{tail}\""));
        let line = format!("{a} [{b}] \"{c} {d}\"{tail}{}\n", if cr { "\r" } else { "" });
        match edit {
            0 => line.replacen(']', "", 1),
            1 => line.replacen('"', "", 1),
            2 => line.replacen(" [", " [[", 1),
            _ => line,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_scan_reads_what_a_plain_loop_reads(
        lines in proptest::collection::vec(line(), 0..40), same in 0..3_u8, wanted: u32, spaces in 0..4_u8, start: prop::sample::Index, cut in 0..30_usize,
    ) {
        let spaces = [Spaces::Bare, Spaces::In(0), Spaces::All, Spaces::In(1)][usize::from(spaces)];
        // Nearly all lines of the pattern, or any.
        let fits = |line: &&String| same == 0 || (line.matches('"').count() == 2) == (spaces == Spaces::All);
        let mut text = lines.iter().filter(fits).map(String::as_str).collect::<String>().into_bytes();
        text.truncate(text.len() - if cut > 10 { 0 } else { cut.min(text.len()) });
        let starts: Vec<usize> = std::iter::once(0).chain((0..text.len()).filter(|&i| text[i] == b'\n').map(|i| i + 1)).collect();
        check(&marks(wanted, spaces), spaces, &text, *start.get(&starts));
    }

    #[test]
    fn any_bytes(text in proptest::collection::vec(proptest::sample::select(b"ab \"[],\\\n\0\xff".to_vec()), 0..200), spaces in 0..4_u8) {
        let spaces = [Spaces::Bare, Spaces::In(0), Spaces::All, Spaces::In(1)][usize::from(spaces)];
        check(&marks(!0, spaces), spaces, &text, 0);
    }
}

#[test]
fn lines_over_strips_and_many_lines_in_one() {
    for spaces in [Spaces::Bare, Spaces::In(0), Spaces::All, Spaces::In(1)] {
        let tail = if spaces == Spaces::All { "" } else { " \"t t\"" };
        for len in [1, 30, 64, 1000, STRIP_BYTES, 3 * STRIP_BYTES] {
            let line = format!("{} [b] \"c d\"{tail}\n", "a".repeat(len));
            let text = line.repeat(2 + 3 * STRIP_BYTES / line.len());
            check(&marks(0b11, spaces), spaces, text.as_bytes(), 0);
            check(&marks(!0, spaces), spaces, format!("{text}odd\n{text}").as_bytes(), line.len());
        }
    }
}

#[test]
fn what_is_no_pattern() {
    let mark = |kind, wanted| Mark { kind, gap: Gap::Any, wanted };
    let newline = mark(Kind::Newline, true);
    for marks in [
        &[][..],
        &[mark(Kind::Space, true)],
        &[mark(Kind::Newline, false)],
        &[newline, newline],
        &[mark(Kind::Quote, true), newline],
        &[[mark(Kind::Space, true); MARKS].as_slice(), &[newline]].concat(),
        &[[mark(Kind::Quote, true); QUOTES + 2].as_slice(), &[newline]].concat(),
    ] {
        assert!(Pattern::new(marks, Spaces::Bare, COMMON).is_none(), "{marks:?}");
    }
    assert!(Pattern::new(&[newline], Spaces::In(0), COMMON).is_some());
}
