//! What the tests of journals have in common.

use std::io::Write;
use std::sync::Arc;

use super::file::JournalFile;
use super::writer::Writer;

/// A file with these bytes, looked at.
pub(super) fn on_disk(bytes: &[u8]) -> JournalFile {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    JournalFile::look(&"f".into(), Arc::new(file)).unwrap()
}

/// Writers of all layouts.
pub(super) fn shapes() -> Vec<(&'static str, Writer)> {
    vec![("regular", Writer::regular()), ("compact", Writer::compact()), ("old", Writer::old())]
}

/// The same with all ways to compress.
pub(super) fn files() -> Vec<(String, Writer)> {
    let packs = [(0, "plain"), (1, "xz"), (2, "lz4"), (4, "zstd")];
    let with = |(shape, writer): (&str, Writer)| {
        packs.map(|(flags, name)| (format!("{shape} {name}"), if flags == 0 { writer.clone() } else { writer.clone().packing(flags) }))
    };
    shapes().into_iter().flat_map(with).collect()
}
