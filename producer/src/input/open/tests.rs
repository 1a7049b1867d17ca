//! What it has to hold, case by case.

use super::*;
use std::fs::{self, File};
use std::io::Write;

fn gz(text: &[u8]) -> Vec<u8> {
    let mut e = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    e.write_all(text).unwrap();
    e.finish().unwrap()
}

fn bz2(text: &[u8]) -> Vec<u8> {
    let mut e = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::default());
    e.write_all(text).unwrap();
    e.finish().unwrap()
}

fn zst(text: &[u8]) -> Vec<u8> {
    let mut e = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
    e.include_checksum(true).unwrap();
    e.write_all(text).unwrap();
    e.finish().unwrap()
}

fn xz(text: &[u8]) -> Vec<u8> {
    let mut e = liblzma::write::XzEncoder::new(Vec::new(), 1);
    e.write_all(text).unwrap();
    e.finish().unwrap()
}

type Pack = fn(&[u8]) -> Vec<u8>;

const PACKS: [Pack; 4] = [gz, bz2, zst, xz];

/// Reads `bytes` as a file: the text that came, and the error if one did.
fn read(bytes: &[u8]) -> (Vec<u8>, Option<String>) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("f");
    fs::write(&path, bytes).unwrap();
    let mut opened = Opened::open(&Input::File(path), &Arc::default(), &Watch::nothing()).unwrap();
    let (mut text, mut buf) = (Vec::new(), [0; 1000]);
    loop {
        match opened.read(&mut buf) {
            Ok(0) => return (text, None),
            Ok(n) => text.extend_from_slice(&buf[..n]),
            Err(e) => return (text, Some(opened.explain(&e))),
        }
    }
}

#[test]
fn all_members_are_read() {
    for pack in PACKS {
        let packed = [pack(b"one\n"), pack(b""), pack(b"two\n")].concat();
        assert_eq!(read(&packed), (b"one\ntwo\n".to_vec(), None));
    }
}

#[test]
fn what_only_resembles_a_magic_is_text() {
    for text in
        [&b""[..], b"\x1f", b"\x1f\x8b", b"\x1f\x8bx", b"BZ", b"BZh9 is text\n", b"BZh0", b"B", b"\x28\xb5\x2f", b"Q*M ", b"\xfd7zXZ"]
    {
        assert_eq!(read(text), (text.to_vec(), None));
    }
}

#[test]
fn skippable_zstd_frames_are_skipped() {
    let skip = |n: u8| [&[n, 0x2a, 0x4d, 0x18, 5, 0, 0, 0][..], b"aside"].concat();
    let packed = [skip(0x50), zst(b"one\n"), skip(0x5f), zst(b"two\n"), skip(0x53)].concat();
    assert_eq!(read(&packed), (b"one\ntwo\n".to_vec(), None));
}

#[test]
fn padding_between_xz_streams_is_skipped() {
    assert_eq!(read(&[xz(b"one\n"), vec![0; 8], xz(b"two\n"), vec![0; 4]].concat()), (b"one\ntwo\n".to_vec(), None));
}

#[test]
fn data_that_want_too_much_memory_are_refused_with_a_way_out() {
    // A frame whose header asks for a window of this size, with one raw block: `abc`.
    let frame = |log: u8| [&[0x28, 0xb5, 0x2f, 0xfd, 0, (log - 10) << 3, 0x19, 0, 0][..], b"abc"].concat();
    assert_eq!(read(&frame(27)), (b"abc".to_vec(), None));
    let (text, error) = read(&frame(28));
    let error = error.unwrap();
    assert!(text.is_empty() && error.contains("more memory than is allowed") && error.contains("zstd -dc --long=31"), "{error}");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("f.xz");
    fs::write(&path, xz(b"abc")).unwrap();
    let live = LiveFile::new(File::open(path).unwrap(), &Watch::nothing()).unwrap();
    let raw = Raw { from: Box::new(live), id: None, meter: Arc::default(), head: Vec::new(), head_taken: 0 };
    let decoder = Box::new(super::xz(Compressed::new(raw), 100_000).unwrap());
    let kind = Kind::Wrapped { codec: CODECS.iter().find(|c| c.name == "xz").unwrap(), decoder };
    let mut opened = Opened { kind, ahead: Vec::new(), given: 0, start: 0, left: None, path: None };
    let error = opened.read(&mut [0; 9]).unwrap_err();
    let said = opened.explain(&error);
    assert!(said.contains("more memory than is allowed") && said.contains("xz -dc"), "{said}");
}

#[test]
fn a_torn_member_says_where_and_keeps_what_came_before() {
    let mut noise = 1_u32;
    let mut byte = || {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (noise >> 24) as u8
    };
    let text: Vec<u8> = (0..300_000).map(|_| byte()).collect();
    for pack in PACKS {
        let whole = pack(&text);
        let torn = [&pack(b"first\n")[..], &whole[..whole.len() - 9]].concat();
        let (got, error) = read(&torn);
        assert!(got.starts_with(b"first\n") && got.len() < text.len() + 6 + 1);
        let error = error.unwrap();
        assert!(error.contains(&format!("compressed byte {}: unexpected end", torn.len())), "{error}");
    }
}

#[test]
fn a_corrupt_byte_and_trailing_garbage_are_errors() {
    for pack in PACKS {
        let mut bad = pack(b"some text that is long enough to be damaged in the middle of it\n");
        let middle = bad.len() - 12;
        bad[middle] ^= 0xff;
        assert!(read(&bad).1.unwrap().contains("corrupt at compressed byte "));
        let (text, error) = read(&[pack(b"good\n"), b"garbage!".to_vec()].concat());
        assert_eq!(text, b"good\n");
        assert!(error.is_some());
    }
}
