//! Streams that are cut or changed: what came is answered, and that it is not all is said.

use super::*;

#[test]
fn a_cut_stream_gives_what_came_and_says_so() {
    let whole = stream(1);
    for threads in [1, 2] {
        let (got, outcome) = answer("print \"{took}\"", &whole[..whole.len() - 1], threads);
        assert_eq!(got.lines().count(), 40);
        assert_eq!(outcome.error.unwrap().exit(), Exit::Incomplete);
        let (got, outcome) = answer("count | tsv", &whole[..whole.len() / 2], threads);
        assert!(got.starts_with("count\n"), "{got}");
        assert!(matches!(outcome.error, Some(Error::Truncated { .. })));
    }
}

#[test]
fn a_changed_byte_gives_no_wrong_record() {
    let mut changed = stream(10);
    let at = changed.len() / 2;
    changed[at] ^= 4;
    for threads in [1, 2, 8] {
        let (got, outcome) = answer("print \"{host} {status} {took}\"", &changed, threads);
        let (whole, _) = answer("print \"{host} {status} {took}\"", &stream(10), threads);
        assert!(whole.starts_with(&got), "an exact prefix came");
        assert!(matches!(outcome.error, Some(Error::Corrupt { .. })));
    }
}
