//! What text is written in, and what is no text: marks, UTF-16, lines that end in CR, archives.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::harness::{Outcome, Stream, common, run, run_line, run_on};

const MARK: &str = "\u{feff}";

fn gz(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// The text in UTF-16, without a mark.
fn utf16(text: &str, is_little: bool) -> Vec<u8> {
    text.encode_utf16().flat_map(|unit| if is_little { unit.to_le_bytes() } else { unit.to_be_bytes() }).collect()
}

/// A tar archive of one file.
fn tar(name: &str, text: &[u8]) -> Vec<u8> {
    let mut header = [0; 512];
    let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, name.as_bytes());
    put(100, b"0000644\0");
    put(124, format!("{:011o}", text.len()).as_bytes());
    put(136, b"00000000000");
    put(148, b"        0");
    put(257, b"ustar\x0000");
    let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
    header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    let end = vec![0; 1024 + text.len().next_multiple_of(512) - text.len()];
    [&header[..], text, &end].concat()
}

/// What is typed for a format, a text, the field to look at, and what is in it.
type Case = (&'static [&'static str], String, &'static str, &'static [&'static str]);

fn cases() -> Vec<Case> {
    vec![
        (&["lines"], "é\nb\n".to_owned(), "line", &["é", "b"]),
        (&["regex", "^(?P<a>\\w)"], "é\nb\n".to_owned(), "a", &["é", "b"]),
        (&["lines", "--grep", "^é"], "é\nb\n".to_owned(), "line", &["é"]),
        (&["apache"], common(0) + &common(1), "host", &["host0", "host1"]),
        (&["csv"], "\"a\",b\né,2\n".to_owned(), "a", &["é"]),
        (&["tsv"], "a\tb\né\t2\n".to_owned(), "a", &["é"]),
        (&["json"], "{\"a\":\"é\"}\n".to_owned(), "a", &["é"]),
        (&["xml", "e"], "<?xml version='1.0'?><r><e><a>é</a></e></r>\n".to_owned(), "a", &["é"]),
    ]
}

fn write(dir: &Path, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = dir.join(name);
    fs::write(&path, bytes).unwrap();
    path
}

fn read(args: &[&str], paths: &[&Path]) -> Stream {
    let args = args.iter().map(|arg| arg.as_ref());
    run(&args.chain(paths.iter().map(|path| path.as_os_str())).collect::<Vec<&std::ffi::OsStr>>()).exits(0).quietly().stream()
}

#[test]
fn a_byte_order_mark_is_no_part_of_any_text() {
    let dir = tempfile::tempdir().unwrap();
    for (args, text, field, values) in cases() {
        let marked = format!("{MARK}{text}");
        let plain = write(dir.path(), "plain", &marked);
        let packed = write(dir.path(), "packed", gz(marked.as_bytes()));
        assert_eq!(read(args, &[&plain, &packed, &plain]).field(field), values.repeat(3), "{args:?}");
        assert_eq!(run_on(args, marked.as_bytes()).exits(0).quietly().stream().field(field), values, "{args:?}");
    }
    // It is one at the beginning alone, and nothing but a mark is no line.
    assert_eq!(run_on(&["lines"], format!("{MARK}a\n{MARK}b\n").as_bytes()).stream().field("line"), ["a", &format!("{MARK}b")]);
    assert_eq!(run_on(&["lines"], MARK.as_bytes()).exits(0).stream().len(), 0);
    assert_eq!(run_on(&["struct", "4s", "--names", "a"], format!("{MARK}a").as_bytes()).stream().field("a"), [format!("{MARK}a")]);
}

#[test]
fn places_count_the_mark() {
    let dir = tempfile::tempdir().unwrap();
    let path = write(dir.path(), "f", format!("{MARK}{}bad\n", common(0)));
    let stream = read(&["lines"], &[&path]);
    let origin = stream.batches[0].origin();
    assert_eq!((origin.start, origin.end), (3, fs::metadata(&path).unwrap().len()));
    run(&["apache", path.to_str().unwrap()]).exits(0).says("f:line 2: \"bad\"");
}

#[test]
fn utf_16_is_read_by_its_mark() {
    let dir = tempfile::tempdir().unwrap();
    for (args, text, field, values) in cases() {
        for is_little in [true, false] {
            let wide = utf16(&format!("{MARK}{text}"), is_little);
            let plain = write(dir.path(), "plain", &wide);
            let packed = write(dir.path(), "packed", gz(&wide));
            assert_eq!(read(args, &[&plain, &packed]).field(field), values.repeat(2), "{args:?}");
            assert_eq!(run_on(args, &wide).exits(0).quietly().stream().field(field), values, "{args:?}");
        }
    }
    let declared = utf16(&format!("{MARK}<?xml version='1.0' encoding='UTF-16'?><r><e><a>é</a></e></r>"), true);
    assert_eq!(run_on(&["xml", "e"], &declared).exits(0).quietly().stream().field("a"), ["é"]);
}

#[test]
fn half_a_character_of_utf_16_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = [utf16(&format!("{MARK}a\n"), true), vec![0, 0xd8], utf16("b\n", true)].concat();
    let paths = [write(dir.path(), "one", &bytes), write(dir.path(), "two", gz(&bytes)), write(dir.path(), "three", gz(&bytes))];
    let outcome = run(&[&["lines".as_ref()], &paths.each_ref().map(|path| path.as_os_str())[..]].concat()).exits(0);
    assert_eq!(outcome.stream().field("line"), ["a", "\u{fffd}b"].repeat(3));
    for name in ["one", "two", "three"] {
        assert!(outcome.stderr.contains(&format!("{name}: its UTF-16 has")), "{}", outcome.stderr);
    }
}

/// Asserts that a file is refused and the one after it read, and that what the message says to type gives these lines.
fn refused(dir: &Path, name: &str, bytes: &[u8], what: &str, lines: &[&str]) {
    write(dir, name, bytes);
    write(dir, "z", "good\n");
    let outcome = run_line(&format!("producer lines '{name}' z"), dir).exits(1).says(&format!("{name}: {what}"));
    assert_eq!(outcome.stream().field("line"), ["good"], "{name}");
    let cure = cure(&outcome).replace("producer …", "producer lines");
    assert_eq!(run_line(&cure, dir).exits(0).quietly().stream().field("line"), lines, "{cure}");
}

/// What a message says to type.
fn cure(outcome: &Outcome) -> String {
    outcome.stderr.split('`').nth(1).unwrap_or_else(|| panic!("nothing to type in {}", outcome.stderr)).to_owned()
}

#[test]
fn what_is_not_read_is_called_by_its_name_and_the_cure_works() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    refused(dir, "old", b"one\rtwo\r", "its lines end in CR alone", &["one", "two"]);
    refused(dir, "old packed", &gz(b"one\rtwo"), "its lines end in CR alone", &["one", "two"]);
    for (is_little, encoding) in [(true, "UTF-16LE"), (false, "UTF-16BE")] {
        refused(dir, "wide", &utf16("one\ntwo\n", is_little), &format!("in {encoding}"), &["one", "two"]);
    }
    let utf32: Vec<u8> = format!("{MARK}one\n").chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
    refused(dir, "wider", &utf32, "in UTF-32", &["one"]);
    run_on(&["lines"], &gz(b"one\rtwo")).exits(1).says("`… | gzip -dc | tr '\\r' '\\n' | producer …`");
    run_on(&["lines"], b"PK\x03\x04\x14\0\n").exits(1).says("a zip archive is read from a file only");
    run_on(&["lines"], b"7z\xbc\xaf\x27\x1c\n").exits(1).says("`7z x -so FILE | producer …`");
}

#[test]
fn lines_of_tables_may_end_in_any_way() {
    let json = |text: &[u8]| String::from_utf8(run_on(&["csv", "--as", "json"], text).exits(0).stdout).unwrap();
    assert_eq!(json(b"a,b\r1,\"x\ry\"\r2,z"), "{\"a\":1,\"b\":\"x\\ny\"}\n{\"a\":2,\"b\":\"z\"}\n");
    assert_eq!(json(b"a\r\n1\r\n"), "{\"a\":1}\n");
}

#[test]
fn an_encoding_is_what_it_is_said_to_be_unless_a_mark_says_otherwise() {
    let line = |args: &[&str], text: &[u8]| run_on(&[&["lines", "--as", "json"], args].concat(), text).exits(0).stdout;
    assert_eq!(line(&["--encoding", "windows-1252"], b"\x80 \xe9\n"), "{\"line\":\"€ é\"}\n".as_bytes());
    assert_eq!(line(&["--encoding", "utf-16be"], &utf16("é\n", false)), "{\"line\":\"é\"}\n".as_bytes());
    assert_eq!(line(&["--encoding", "latin1"], format!("{MARK}é\n").as_bytes()), "{\"line\":\"é\"}\n".as_bytes());
    run_on(&["lines", "--encoding", "utf-9"], b"").exits(2).says("there is no such encoding");
    run_on(&["struct", "<i", "--encoding", "latin1"], b"").exits(2).says("it reads bytes");
    run_on(&["find", "--encoding", "latin1"], b"").exits(2).says("reads no text");
}

/// A zip archive of files that are not packed.
fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut bytes, mut list) = (Vec::new(), Vec::new());
    for (name, text) in files {
        let mut crc = flate2::Crc::new();
        crc.update(text);
        let fields =
            [&[0; 6][..], &[0; 4], &crc.sum().to_le_bytes(), &(text.len() as u32).to_le_bytes(), &(text.len() as u32).to_le_bytes()]
                .concat();
        let name_len = (name.len() as u16).to_le_bytes();
        let start = (bytes.len() as u32).to_le_bytes();
        bytes.extend([b"PK\x03\x04\x14\0", &fields[2..], &name_len, &[0; 2], name.as_bytes(), text].concat());
        list.extend([b"PK\x01\x02\x14\0\x14\0", &fields[2..], &name_len, &[0; 12], &start, name.as_bytes()].concat());
    }
    let (count, start) = ((files.len() as u16).to_le_bytes(), (bytes.len() as u32).to_le_bytes());
    let end = [b"PK\x05\x06\0\0\0\0", &count[..], &count, &(list.len() as u32).to_le_bytes(), &start, &[0; 2]].concat();
    [bytes, list, end].concat()
}

#[test]
fn files_in_archives_are_inputs_of_their_own() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let (one, two) = (tar("logs/one.log", b"one\n"), tar("logs/two.log", b"two"));
    let both = [&one[..1024], &two].concat();
    let lines = |args: &[&str], name: &str, bytes: &[u8]| {
        let path = write(dir, name, bytes);
        let all = [&["lines"], args, &[path.to_str().unwrap()]].concat();
        run(&all).exits(0).quietly().stream().field("line")
    };
    assert_eq!(lines(&[], "a.tar", &both), ["one", "two"]);
    assert_eq!(lines(&["-j", "1"], "a.tgz", &gz(&both)), ["one", "two"]);
    assert_eq!(lines(&["--name", "two*"], "a.tar", &both), ["two"]);
    assert_eq!(lines(&[], "twice.tar", &[&one[..], &two].concat()), ["one", "two"], "cat a.tar b.tar");
    assert_eq!(lines(&[], "nested.tar", &tar("in.tar", &both)), ["one", "two"]);
    assert_eq!(lines(&[], "packed.tar", &tar("one.gz", &gz(b"one\n"))), ["one"]);
    assert_eq!(lines(&[], "a.zip", &zip(&[("logs/one", b"one\n"), ("logs/", b""), ("two", &gz(b"two\n"))])), ["one", "two"]);
    assert_eq!(run_on(&["lines"], &both).exits(0).stream().field("line"), ["one", "two"], "through a pipe");
    // A message says which file it is.
    let rejected = write(dir, "bad.tar", tar("x.csv", b"a,b\n1\n2,3\n"));
    run(&["csv", rejected.to_str().unwrap()]).exits(0).says("bad.tar:x.csv:line 2: 1 field where the header has 2");
    for (name, bytes, what) in [
        ("cut.tar", &both[..1537], "within a file"),
        ("endless.tar", &both[..1024], "without its end mark"),
        ("broken.tar", &[&both[..1024], &[b'x'; 512][..]].concat()[..], "is corrupt at byte 1024"),
        ("cut.zip", &zip(&[("one", b"one\n")])[..40], "the zip archive is truncated or corrupt"),
        (
            "changed.zip",
            &zip(&[("one", b"one\n")]).iter().map(|&byte| if byte == b'e' { b'E' } else { byte }).collect::<Vec<_>>()[..],
            "its checksum is another",
        ),
    ] {
        let path = write(dir, name, bytes);
        run(&["lines", path.to_str().unwrap()]).exits(1).says(what);
    }
    let path = write(dir, "none.tar", &both);
    run(&["lines", "--name", "x*", path.to_str().unwrap()]).exits(1).says("no file in it matches --name");
}

#[test]
fn what_only_resembles_them_is_read() {
    let mut not_tar = tar("logs/one", b"one\n");
    not_tar[0] ^= 1;
    for text in [&b"one\r"[..], b"o\rne\n", b"\xff", b"\xff\xfe", b"a\0\n", b"PK", &not_tar] {
        let outcome = run_on(&["lines"], text);
        assert_eq!((outcome.code, &*outcome.stderr), (0, ""), "{text:?}");
    }
    // Line ends are nothing to XML.
    assert_eq!(run_on(&["xml", "e"], b"<r>\r<e><a>1</a></e>\r</r>").exits(0).stream().field("a"), ["1"]);
}
