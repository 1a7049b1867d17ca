//! Archives: any bytes as one, and tar and zip archives that are put together here, whole or with a byte changed.
//!
//! The laws: nothing panics; what is read is the same in pieces of any size; and of an archive that is whole, the lines of its files, in their
//! order.

use std::path::PathBuf;

use crate::bytes::Bytes;
use crate::lines::{Line, of_file, of_pipe};

/// See the module.
pub fn check(data: &[u8]) {
    let mut from = Bytes(data);
    let (how, piece) = (from.below(5), usize::from(from.byte()) + 1);
    if how == 0 {
        return in_pieces(from.0, piece);
    }
    let files = files(&mut from);
    let mut archive = if how < 3 { tar(&files) } else { zip(&files) };
    if how % 2 == 0 {
        let (place, bit) = (usize::from(from.byte()) << 8 | usize::from(from.byte()), from.byte());
        let place = place % archive.len();
        archive[place] ^= 1 << (bit % 8);
        match how {
            2 => in_pieces(&archive, piece),
            _ => drop(of_disk(&archive)),
        }
        return;
    }
    let (lines, failure) = if how < 3 { of_pipe(&[], &archive, piece) } else { of_disk(&archive) };
    assert_eq!(failure, None, "{files:?}");
    let of_file = |(name, text): &(String, Vec<u8>)| {
        let end = text.len() - usize::from(text.ends_with(b"\n"));
        let parts: Vec<&[u8]> = if text.is_empty() { Vec::new() } else { text[..end].split(|byte| *byte == b'\n').collect() };
        parts.into_iter().map(|line| (name.clone(), line.to_vec())).collect::<Vec<Line>>()
    };
    let shown = lines.into_iter().map(|(name, line)| (name.rsplit_once(':').map_or(name.clone(), |(_, file)| file.to_owned()), line));
    assert_eq!(shown.collect::<Vec<_>>(), files.iter().flat_map(of_file).collect::<Vec<_>>());
}

fn in_pieces(bytes: &[u8], piece: usize) {
    let whole = of_pipe(&[], bytes, usize::MAX);
    assert_eq!(of_pipe(&[], bytes, piece), whole, "{piece} bytes at a time");
}

/// The letters of files: none that begins something compressed.
const LETTERS: &[u8] = b"abc \n";

/// Some files: their names and their texts.
fn files(from: &mut Bytes<'_>) -> Vec<(String, Vec<u8>)> {
    let count = 1 + from.below(3);
    let file = |nth: usize, from: &mut Bytes<'_>| {
        let len = usize::from(from.byte()) * if from.once_in(8) { 9 } else { 1 };
        let letters = from.take(len);
        (format!("d/f{nth}.log"), letters.iter().map(|byte| LETTERS[usize::from(*byte) % LETTERS.len()]).collect())
    };
    (0..count).map(|nth| file(nth, from)).collect()
}

fn tar(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut archive = Vec::new();
    for (name, text) in files {
        let mut header = [0; 512];
        let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, name.as_bytes());
        put(100, b"0000644\0");
        put(124, format!("{:011o}", text.len()).as_bytes());
        put(136, b"00000000000");
        put(148, b"        0");
        put(257, b"ustar\x0000");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        archive.extend_from_slice(&header);
        archive.extend_from_slice(text);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive.resize(archive.len() + 1024, 0);
    archive
}

/// CRC-32 as zip has it, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes
        .iter()
        .fold(!0_u32, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())))
}

/// Files as they are, not compressed.
fn zip(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    for (name, text) in files {
        let at = archive.len() as u32;
        let len = (text.len() as u32).to_le_bytes();
        // Version, flags, method, time, date; CRC, sizes; lengths of the name and of what comes after it.
        let common =
            [&[10, 0, 0, 0, 0, 0, 0, 0, 33, 0][..], &crc32(text).to_le_bytes(), &len, &len, &(name.len() as u16).to_le_bytes(), &[0, 0]]
                .concat();
        archive.extend([b"PK\x03\x04", &common[..], name.as_bytes(), text].concat());
        directory.extend([b"PK\x01\x02\x0a\0", &common[..], &[0; 10], &at.to_le_bytes(), name.as_bytes()].concat());
    }
    let (at, count) = ((archive.len() as u32).to_le_bytes(), (files.len() as u16).to_le_bytes());
    let len = (directory.len() as u32).to_le_bytes();
    [&archive[..], &directory, b"PK\x05\x06\0\0\0\0", &count, &count, &len, &at, &[0, 0]].concat()
}

/// What is read of a file with these bytes.
fn of_disk(bytes: &[u8]) -> (Vec<Line>, Option<String>) {
    let path: PathBuf = std::env::temp_dir().join(format!("recpipe-laws-{}-{:?}", std::process::id(), std::thread::current().id()));
    let written = std::fs::write(&path, bytes);
    let read = written.map(|()| of_file(&path.to_string_lossy()));
    // Whether it goes or not, its name is used again.
    let _ = std::fs::remove_file(&path);
    read.unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
