//! A file that is followed, read by read.

use super::super::super::boundary::Lines;
use super::super::super::print::PRINT_BYTES;
use super::*;
use std::io::Write;

struct Case {
    file: File,
    tail: Tail,
    out: VecDeque<Followed>,
}

impl Case {
    fn new(text: &str, max_bytes: usize) -> Self {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let tail = Tail::new(file.try_clone().unwrap(), (0, 0), "f".into(), Arc::new(Lines { max_bytes }), Print::default());
        Case { file, tail, out: VecDeque::new() }
    }

    fn read(&mut self) -> Grown {
        self.tail.read(&mut [0; 1000 + PRINT_BYTES], &mut self.out).unwrap()
    }

    fn write(&mut self, text: &str, at: u64) {
        self.file.write_all_at(text.as_bytes(), at).unwrap();
    }

    /// What was given out: `start..end text`, pieces of a long line marked with `~`.
    fn given(&mut self, all: bool) -> Vec<String> {
        if all {
            self.tail.give_all(&mut self.out)
        } else {
            self.tail.give_records(&mut self.out)
        }
        let shown = |item| match item {
            Followed::Block(b) => {
                let text = String::from_utf8_lossy(&b.bytes).into_owned();
                let text = match b.part {
                    Part::Whole => text,
                    Part::LongStart => format!("{text}~"),
                    Part::LongRest => format!("~{text}"),
                };
                format!("{}..{} {text}", b.start, b.end)
            }
            other => format!("{other:?}"),
        };
        self.out.drain(..).map(shown).collect()
    }
}

#[test]
fn whole_lines_go_out_and_a_part_waits_for_its_end() {
    let mut case = Case::new("one\ntwo\nthr", 99);
    assert_eq!(case.read(), Grown::Yes);
    assert_eq!(case.given(false), ["0..8 one\ntwo\n"]);
    assert!(!case.tail.has_records() && case.tail.has_part());
    assert_eq!((case.read(), case.given(false).len()), (Grown::No, 0));
    case.write("ee", 11);
    assert_eq!((case.read(), case.given(false).len()), (Grown::Yes, 0));
    case.write("\nfo", 13);
    assert_eq!(case.read(), Grown::Yes);
    assert_eq!(case.given(false), ["8..14 three\n"]);
    assert_eq!(case.given(true), ["14..16 fo"]);
    case.write("ur\n", 16);
    assert_eq!(case.read(), Grown::Yes);
    assert_eq!(case.given(false), ["16..19 ur\n"]);
}

#[test]
fn a_mark_is_no_part_of_the_first_line() {
    let mut case = Case::new("\u{feff}", 99);
    case.read();
    assert_eq!(case.given(false).len(), 0);
    case.write("one\n\u{feff}two\n", 3);
    case.read();
    assert_eq!(case.given(false), ["3..14 one\n\u{feff}two\n"]);
    assert_eq!(case.tail.head(5).map(|head| (head.bytes, head.start, head.is_first)), None);
    assert_eq!(case.tail.head(99).map(|head| (head.bytes.len(), head.start, head.is_first)), Some((11, 3, true)));
}

#[test]
fn a_line_that_is_too_long_comes_in_pieces() {
    let mut case = Case::new("a\n0123456789", 8);
    case.read();
    assert_eq!(case.given(false), ["0..2 a\n", "2..12 0123456789~"]);
    case.write("0123", 12);
    case.read();
    assert_eq!(case.given(false), ["12..16 ~0123"]);
    case.write("45\nb\nc", 16);
    case.read();
    assert_eq!(case.given(false), ["16..19 ~45\n", "19..21 b\n"]);
    assert_eq!(case.given(true), ["21..22 c"]);
}

#[test]
fn truncation_is_seen_in_all_its_shapes() {
    let long: String = (0..100).map(|n| format!("line {n}\n")).collect();
    let shapes: [(&str, String); 4] = [
        ("shorter", "x\n".to_owned()),
        ("empty", String::new()),
        ("longer, another head", format!("new {long}{long}")),
        ("longer, the same head, another place", format!("{}{}", &long[..400], "y\n".repeat(1000))),
    ];
    for (shape, text) in shapes {
        let mut case = Case::new(&long, 9999);
        assert_eq!(case.read(), Grown::Yes, "{shape}");
        case.file.set_len(0).unwrap();
        case.write(&text, 0);
        assert_eq!(case.read(), Grown::Truncated, "{shape}");
        assert_eq!(case.given(true), [format!("0..{} {long}", long.len())], "{shape}");
        let mut new = case.tail.anew().unwrap();
        let mut out = VecDeque::new();
        while new.read(&mut [0; 1000], &mut out).unwrap() == Grown::Yes {}
        assert_eq!(new.print().pos, text.len() as u64, "{shape}");
    }
}

#[test]
fn what_a_file_holds_that_is_emptied_twice_during_a_read_is_not_taken_for_what_it_held_before() {
    let text = |of: &str, lines: usize| (0..lines).map(|n| format!("{of} {n:02}\n")).collect::<String>();
    // It is emptied and filled before the read, and again after it, beyond the place of the reading or not.
    for last in [text("c", 40), text("c", 5), String::new()] {
        let mut case = Case::new(&text("a", 10), 99);
        assert_eq!((case.read(), case.given(false).len()), (Grown::Yes, 1));
        case.file.set_len(0).unwrap();
        case.write(&text("b", 20), 0);
        let mut scratch = [0; 1000];
        let len = case.tail.fetch(&mut scratch).unwrap();
        case.file.set_len(0).unwrap();
        case.write(&last, 0);
        assert_eq!(case.tail.accept(&scratch[..len], &mut case.out).unwrap(), Grown::Truncated);
        assert_eq!((case.given(true).len(), case.tail.print().pos), (0, 50));
    }
}

#[test]
fn what_was_read_before_a_file_is_emptied_is_of_it() {
    for new in ["", "b 00\n", "b 00\nb 01\nb 02\nb 03\n"] {
        let mut case = Case::new("a 00\n", 99);
        assert_eq!((case.read(), case.given(false).len()), (Grown::Yes, 1));
        case.write("a 01\na 02", 5);
        let mut scratch = [0; 1000];
        let len = case.tail.fetch(&mut scratch).unwrap();
        case.file.set_len(0).unwrap();
        case.write(new, 0);
        assert_eq!(case.tail.accept(&scratch[..len], &mut case.out).unwrap(), Grown::Truncated);
        // What the new file has at the same place may be of either.
        case.tail.drop_part();
        assert_eq!(case.given(true), ["5..10 a 01\n"], "{new:?}");
    }
}

#[test]
fn nuls_before_a_record_are_skipped_and_those_within_one_are_not() {
    let mut case = Case::new("one\n", 99);
    case.read();
    case.write("two\nthr\0ee\n", 4004);
    while case.read() == Grown::Yes {}
    let given = case.given(false);
    assert_eq!(given[0], "0..4 one\n");
    assert!(given[1].contains("f: 4000 NULs before a record") && given[1].contains("Nuls(4000)"), "{given:?}");
    assert_eq!(given[2..], ["4004..4015 two\nthr\0ee\n"]);
    // A second hole is counted, and not said again; a line that begins with it is whole.
    case.write("four\nfi", 4020);
    while case.read() == Grown::Yes {}
    let given = case.given(false);
    assert!(given[0].contains("text: None") && given[0].contains("Nuls(5)"), "{given:?}");
    assert_eq!(given[1..], ["4020..4025 four\n"]);
    case.write("ve\n", 5000);
    while case.read() == Grown::Yes {}
    assert_eq!(case.given(false), [format!("4025..5003 fi{}ve\n", "\0".repeat(973))], "NULs within a line are of it");
}

#[test]
fn a_hole_at_the_beginning_tells_that_something_was_never_read() {
    let mut case = Case::new("", 99);
    case.write("two\n", 4000);
    while case.read() == Grown::Yes {}
    let given = case.given(false);
    assert!(given[0].contains("f: was truncated before anything was read of it") && given[0].contains("Loss"), "{given:?}");
    assert!(given[1].contains("Nuls(4000)"), "{given:?}");
    assert_eq!(given[2..], ["4000..4004 two\n"]);
    // It is said once, and not of one that was said to be emptied.
    case.write("three\n", 5000);
    while case.read() == Grown::Yes {}
    assert!(!case.given(false).concat().contains("truncated"));
    let tail = case.tail.anew().unwrap();
    let mut case = Case { tail, ..case };
    while case.read() == Grown::Yes {}
    assert!(!case.given(false).concat().contains("truncated"));
}

#[test]
fn space_that_was_taken_beforehand_is_no_hole() {
    let mut case = Case::new("one\nt", 99);
    case.file.set_len(100_000).unwrap();
    while case.read() == Grown::Yes {}
    assert_eq!(case.given(false), ["0..4 one\n"]);
    case.write("wo\nthree\n", 5);
    while case.read() == Grown::Yes {}
    assert_eq!(case.given(true), ["4..14 two\nthree\n"]);
}

#[test]
fn utf_16_has_nuls_of_its_own() {
    let text = "\u{feff}a\nb\n".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let mut case = Case::new("", 99);
    case.file.write_all_at(&text, 0).unwrap();
    case.read();
    case.tail.give_all(&mut case.out);
    let all: Vec<u8> =
        case.out.iter().flat_map(|item| if let Followed::Block(block) = item { block.bytes.to_vec() } else { vec![] }).collect();
    assert_eq!(all, text);
}

#[test]
fn a_part_from_before_is_given_out_only_with_what_was_added() {
    let case = Case::new("old\nnot fin", 99);
    let print = Print::of(&case.file, 4).unwrap();
    let tail = Tail::new(case.file.try_clone().unwrap(), (0, 0), "f".into(), Arc::new(Lines { max_bytes: 99 }), print).with_old(11);
    let mut case = Case { tail, ..case };
    case.read();
    assert_eq!(case.given(true).len(), 0);
    case.write("i", 11);
    case.read();
    assert_eq!(case.given(true), ["4..12 not fini"]);
}
