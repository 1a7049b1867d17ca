//! What it has to hold, case by case.

use proptest::prelude::*;

use super::mask;
use crate::oracle::mask::masked as masked_by_regexes;

fn masked(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    mask(text, &mut out);
    out
}

fn check(text: &str, expect: &str) {
    assert_eq!(String::from_utf8(masked(text.as_bytes())).unwrap(), expect, "{text}");
}

#[test]
fn times() {
    check("2026-11-29T02:10:00Z opened", "<time> opened");
    check("at 2026-11-29 02:10:00,123 +0200: x", "at <time>: x");
    check("2026-11-29T02:10:00.123456+02:00", "<time>");
    check("2026/11/29 02:10:00 [error]", "<time> [error]");
    check("20261129T021000Z", "<time>");
    check("backup-2026-11-29.tar", "backup-<time>.tar");
    check("2026-11-29 is a day", "<time> is a day");
    check("[24/Feb/2008:00:08:59 -0600]", "[<time>]");
    check("Mar  5 10:11:12 host", "<time> host");
    check("Mar 15 10:11:12.5 host", "<time> host");
    check("Mar 5 10:11:12", "<time>");
    check("02:10:00.5 INFO", "<time> INFO");
    // No such month, no such hour, no day, and more numbers than a clock has.
    check("2026-13-29", "<n>-<n>-<n>");
    check("25:10:00", "<n>:<n>:<n>");
    check("March 5", "March <n>");
    check("00:11:22:33:44:55", "<n>:<n>:<n>:<n>:<n>:<n>");
}

#[test]
fn addresses() {
    check("from 10.1.2.3 port 22", "from <ip> port <n>");
    check("10.1.2.3:8080, 10.1.2.4: x", "<ip>, <ip>: x");
    check("10.0.0.0/8", "<ip>/<n>");
    check("(2001:db8::1)", "(<ip>)");
    check("from 2001:db8::1: gone. ::1.", "from <ip>: gone. <ip>.");
    check("[2001:db8::1]:443 [::1]", "<ip> [<ip>]");
    check("::ffff:10.1.2.3 fe80::1%eth0", "<ip> <ip>");
    check("256.1.1.1 1.2.3.4.5", "<n> <n>");
    check("std::vec a::b :: x::1", "std::vec a::b :: x::<n>");
}

#[test]
fn names_of_things() {
    check("id 123e4567-e89b-12d3-a456-426614174000 at 0xdeadbeef", "id <uuid> at <hex>");
    check("{123E4567-E89B-12D3-A456-426614174000}", "{<uuid>}");
    check("5f3c9a1b req_5f3c9a1b2d deadbeef 12345678", "<hex> req_<hex> deadbeef <n>");
    check("5f3c9a1bz 0xyz 5f3c", "<n>f<n>c<n>a<n>bz <n>xyz <n>f<n>c");
}

#[test]
fn paths() {
    check("opened /var/log/a.log, and /tmp.", "opened <path>, and /tmp.");
    check("see /var/log/x.", "see <path>.");
    check("/a/ /a// /a//b/ /a/b/", "/a/ /a// <path> <path>");
    check("GET /ply/ply.html?x=17 HTTP/1.1", "GET <path>?x=<n> HTTP/<n>");
    check("https://example.com/a/b", "https://example.com<path>");
    check("http://10.0.0.1:80/a/b", "http://<ip><path>");
    check("/var/log/a.log:12: text/html", "<path>:<n>: text/html");
}

#[test]
fn numbers() {
    check("user 42 took 15 ms", "user <n> took <n> ms");
    check("user42 v1.2.3 1,234,567.89", "user<n> v<n> <n>");
    check("-7 +5 a=-5 (1,-5) 10-20 x-5", "<n> <n> a=<n> (<n>,<n>) <n>-<n> x-<n>");
    check("1e-5 1.5E10 5e3x", "<n> <n> <n>e<n>x");
    check("1, 2. - + end 3.", "<n>, <n>. - + end <n>.");
}

#[test]
fn all_else_stays() {
    check("", "");
    check("no such thing", "no such thing");
    check("Décembre é4", "Décembre é<n>");
    assert_eq!(masked(b"\xff\x801\xff /a\xff/b"), b"\xff\x80<n>\xff <path>");
}

/// Pieces of what is masked, whole and torn.
const PIECES: [&str; 40] = [
    "2026-11-29",
    "02:10:00",
    "T",
    " ",
    "Z",
    " +0200",
    ".5",
    ":",
    "24/Feb/2008",
    "Mar  5",
    "10.1.2.3",
    ":80",
    "/",
    "a",
    "/var",
    "/log",
    ".",
    "0x",
    "5f3c",
    "9a1b",
    "12",
    "-",
    "+",
    ",",
    "e",
    "_",
    "é",
    "123e4567-e89b-12d3-a456-426614174000",
    "x",
    "(",
    "20261129",
    "021000",
    "07",
    "",
    "::",
    "fe80::1",
    "::ffff:",
    "%eth0",
    "[",
    "]",
];

proptest! {
    #[test]
    fn as_regexes_say(pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..10)) {
        let text = pieces.concat();
        let (got, expect) = (masked(text.as_bytes()), masked_by_regexes(text.as_bytes()));
        prop_assert_eq!(String::from_utf8_lossy(&got), String::from_utf8_lossy(&expect), "{}", text);
    }

    /// What is left has no digit, so nothing of it differs by a number alone.
    #[test]
    fn no_digit_is_left(text in "[ -~]{0,60}") {
        let once = masked(text.as_bytes());
        prop_assert!(!once.iter().any(u8::is_ascii_digit), "{} is {}", text, String::from_utf8_lossy(&once));
    }

    #[test]
    fn any_bytes_are_taken(text in prop::collection::vec(any::<u8>(), 0..80)) {
        masked(&text);
    }
}
