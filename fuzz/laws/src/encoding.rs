//! `--encoding`: any bytes, in some of the encodings of browsers.
//!
//! The law: what is read are the lines of what `encoding_rs` makes of all bytes at once, however few of them come at a time.

use encoding_rs::{Encoding, UTF_16BE, UTF_16LE};

use crate::bytes::Bytes;
use crate::lines::of_pipe;

const NAMES: [&str; 12] = [
    "utf-16le",
    "utf-16be",
    "windows-1252",
    "windows-1251",
    "koi8-r",
    "shift_jis",
    "euc-jp",
    "iso-2022-jp",
    "gb18030",
    "big5",
    "euc-kr",
    "macintosh",
];

/// See the module.
pub fn check(data: &[u8]) {
    let mut from = Bytes(data);
    let (name, piece) = (NAMES[from.below(NAMES.len())], usize::from(from.byte()) + 1);
    let Some(encoding) = Encoding::for_label(name.as_bytes()) else { panic!("there is no {name}") };
    // Neither a mark nor a magic stands at the beginning.
    let first: &[u8] = match encoding {
        _ if encoding == UTF_16LE => b"a\0\n\0",
        _ if encoding == UTF_16BE => b"\0a\0\n",
        _ => b"a\n",
    };
    let bytes = [first, from.0].concat();
    let (text, _) = encoding.decode_without_bom_handling(&bytes);
    let want = of_pipe(&[], text.as_bytes(), usize::MAX);
    let all = of_pipe(&["--encoding", name], &bytes, usize::MAX);
    assert_eq!(all, want, "{name}");
    assert_eq!(of_pipe(&["--encoding", name], &bytes, piece), want, "{name}, {piece} bytes at a time");
}
