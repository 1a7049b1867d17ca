//! Where blocks are cut, whatever the reads.

use super::super::boundary::Lines;
use super::*;
use proptest::prelude::*;

/// Gives `text` in reads of these sizes (cycled), silent after each read if `live`, failing at the end if `fails`.
pub(in super::super) struct Script<'a> {
    text: &'a [u8],
    sizes: &'a [usize],
    turn: usize,
    live: bool,
    fails: bool,
}

impl<'a> Script<'a> {
    pub(in super::super) fn new(text: &'a [u8], sizes: &'a [usize]) -> Self {
        Script { text, sizes, turn: 0, live: false, fails: false }
    }
}

impl Feed for Script<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.text.is_empty() && std::mem::take(&mut self.fails) {
            return Err(io::Error::other("boom"));
        }
        let n = self.sizes[self.turn % self.sizes.len()].min(buf.len()).min(self.text.len());
        self.turn += 1;
        buf[..n].copy_from_slice(&self.text[..n]);
        self.text = &self.text[n..];
        Ok(n)
    }

    fn is_idle(&self) -> bool {
        self.live
    }
}

fn cutter<F: Feed>(feed: F, block_bytes: usize, max_bytes: usize) -> Cutter<F> {
    Cutter::new(feed, Arc::new(Lines { max_bytes }), Pool::new(), block_bytes)
}

/// The blocks as text, pieces of a long line marked with `~`; an error as `!`.
fn cuts(feed: Script<'_>, block_bytes: usize, max_bytes: usize) -> Vec<String> {
    let mut cutter = cutter(feed, block_bytes, max_bytes);
    let (mut shown, mut at) = (Vec::new(), 0);
    loop {
        match cutter.next_block() {
            Ok(None) => return shown,
            Err(_) => shown.push("!".to_owned()),
            Ok(Some(cut)) => {
                assert_eq!(cut.start, at);
                at += cut.bytes.len() as u64;
                let text = String::from_utf8_lossy(&cut.bytes).into_owned();
                shown.push(match cut.part {
                    Part::Whole => text,
                    Part::LongStart => format!("{text}~"),
                    Part::LongRest => format!("~{text}"),
                });
            }
        }
    }
}

#[test]
fn cuts_at_the_last_newline_and_carries_the_rest() {
    for sizes in [&[1][..], &[3], &[2, 5], &[100]] {
        let check = |text: &str, want: &[&str]| assert_eq!(cuts(Script::new(text.as_bytes(), sizes), 8, 20), want, "{text:?} by {sizes:?}");
        check("", &[]);
        check("a\nb\nc\nd\nefg\n", &["a\nb\nc\nd\n", "efg\n"]);
        check("aa\nbbb\ncc", &["aa\nbbb\n", "cc"]);
        check("no newline", &["no newline"]);
        check("\n\n\n", &["\n\n\n"]);
        check("longer than a block\nb\n", &["longer than a block\n", "b\n"]);
        check("a\nlonger than a block\nb\nc", &["a\n", "longer than a block\n", "b\nc"]);
        check("exactly 20 bytes, 20\nb", &["exactly 20 bytes, 20\n", "b"]);
        check("exactly 21 bytes, 21.\nb\nc\n", &["exactly 21 bytes, 21.~", "~\n", "b\nc\n"]);
        check("exactly 20 bytes, 20", &["exactly 20 bytes, 20"]);
        check("exactly 21 bytes, 21.", &["exactly 21 bytes, 21.~"]);
        check(
            "a\n0123456789012345678901234567890123456789\nb\n",
            &["a\n", "012345678901234567890~", "~12345678", "~90123456", "~789\n", "b\n"],
        );
        check("0123456789012345678901234567890123456789", &["012345678901234567890~", "~12345678", "~90123456", "~789"]);
    }
}

#[test]
fn a_silent_live_input_gives_its_whole_lines_at_once() {
    let live = |text, sizes| cuts(Script { live: true, ..Script::new(text, sizes) }, 64, 64);
    assert_eq!(live(b"one\ntwo\nthree\n", &[4]), ["one\n", "two\n", "three\n"]);
    assert_eq!(live(b"half done\nrest", &[5]), ["half done\n", "rest"]);
    assert_eq!(live(b"a\nb\nc", &[3]), ["a\n", "b\n", "c"]);
}

#[test]
fn after_a_failure_the_torn_line_is_left_out() {
    let fails = |text, block| cuts(Script { fails: true, ..Script::new(text, &[4]) }, block, 40);
    assert_eq!(fails(b"one\ntwo\nthr", 64), ["one\ntwo\n", "!"]);
    assert_eq!(fails(b"one\ntwo\nthr", 4), ["one\n", "two\n", "!"]);
    assert_eq!(fails(b"torn", 4), ["!"]);
    assert_eq!(fails(b"", 4), ["!"]);
}

proptest! {
    #[test]
    fn blocks_put_together_are_the_input_and_reads_do_not_show(
        text in proptest::collection::vec(prop_oneof![5 => Just(b'x'), 1 => Just(b'\n')], 0..300),
        sizes in proptest::collection::vec(1_usize..40, 1..5),
        (block, max) in (1_usize..30).prop_flat_map(|b| (Just(b), b..60)),
    ) {
        let by_sizes = cuts(Script::new(&text, &sizes), block, max);
        prop_assert_eq!(&by_sizes, &cuts(Script::new(&text, &[1000]), block, max));
        prop_assert_eq!(by_sizes.concat().replace('~', "").into_bytes(), &text[..]);
        for cut in &by_sizes {
            let whole_lines = !cut.contains('~');
            prop_assert!(!whole_lines || cut.lines().all(|line| line.len() <= max));
        }
    }
}

#[test]
fn places_count_the_mark_that_no_block_has() {
    struct Marked<'a>(Script<'a>);

    impl Feed for Marked<'_> {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            self.0.read(buf)
        }

        fn mark_bytes(&self) -> usize {
            3
        }
    }

    let mut cutter = cutter(Marked(Script::new(b"a\nb\nc", &[9])), 2, 9);
    let cuts = std::iter::from_fn(|| cutter.next_block().unwrap()).map(|cut| cut.of(&"f".into()));
    let places: Vec<_> = cuts.map(|block| (block.start, block.end, block.is_first)).collect();
    assert_eq!(places, [(3, 5, true), (5, 7, false), (7, 8, false)]);
}

/// Records that end with `;;`, which two reads may part.
#[derive(Debug)]
struct Pairs(usize);

impl Boundary for Pairs {
    fn last_end(&self, bytes: &[u8]) -> Option<usize> {
        let (mut last, mut at) = (None, 0);
        while let Some(end) = self.first_end(&bytes[at..], 0) {
            at += end;
            last = Some(at);
        }
        last
    }

    fn first_end(&self, bytes: &[u8], from: usize) -> Option<usize> {
        let from = from.saturating_sub(1);
        bytes[from..].windows(2).position(|pair| pair == b";;").map(|at| from + at + 2)
    }

    fn resume(&self, bytes: &[u8]) -> Resume {
        self.first_end(bytes, 0).map_or(Resume::NotWithin(bytes.len().saturating_sub(1)), Resume::At)
    }

    fn max_bytes(&self) -> usize {
        self.0
    }
}

proptest! {
    #[test]
    fn any_boundary_cuts_after_records_only(
        text in proptest::collection::vec(prop_oneof![3 => Just(b'x'), 2 => Just(b';')], 0..300),
        sizes in proptest::collection::vec(1_usize..40, 1..5), live: bool,
        (block, max) in (1_usize..30).prop_flat_map(|b| (Just(b), b..60)),
    ) {
        let cuts = |sizes: &[usize], live: bool| {
            let feed = Script { live, ..Script::new(&text, sizes) };
            let mut cutter = Cutter::new(feed, Arc::new(Pairs(max)), Pool::new(), block);
            std::iter::from_fn(|| cutter.next_block().unwrap()).map(|cut| (cut.bytes.to_vec(), cut.part)).collect::<Vec<_>>()
        };
        let by_sizes = cuts(&sizes, live);
        prop_assert_eq!(by_sizes.iter().flat_map(|(bytes, _)| bytes).copied().collect::<Vec<_>>(), &text[..]);
        let last = by_sizes.len().saturating_sub(1);
        for (nth, (bytes, part)) in by_sizes.iter().enumerate() {
            prop_assert!(*part != Part::Whole || nth == last || bytes.ends_with(b";;"), "{by_sizes:?}");
        }
        if !live {
            prop_assert_eq!(by_sizes, cuts(&[1000], false));
        }
    }
}
