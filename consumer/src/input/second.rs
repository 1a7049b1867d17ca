//! Opens a file that a query reads besides its stream: a stream of records, or what a `producer` makes one of.
//!
//! It is named by its path, or by a format and its path, as `nginx: access.log`. Without a format it is told by the end of its name,
//! else by its first bytes. So this program knows the names of formats and none of them.

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use recpipe::{Error, transport::file, wire::frame::MAGIC};

use super::{
    Input,
    child::{self, Options},
    open_file,
};

/// What a second input is read with.
pub type SecondOptions = Options;

/// The ends of names and the formats that they tell. The end of a compressed file stands before that of its compression.
const ENDS: [(&str, &str); 11] = [
    ("csv", "csv"),
    ("tsv", "tsv"),
    ("tab", "tsv"),
    ("json", "json"),
    ("jsonl", "json"),
    ("ndjson", "json"),
    ("xml", "xml"),
    ("pickle", "pickle"),
    ("pkl", "pickle"),
    ("parquet", "parquet"),
    ("rec", RECORDS),
];

/// The format of a stream of records, which this program reads by itself unless it is compressed.
const RECORDS: &str = "records";

const COMPRESSED: [&str; 6] = ["gz", "zst", "xz", "bz2", "lzma", "Z"];

/// Opens what is named so.
///
/// # Errors
/// When it cannot be opened, its format cannot be told, or no `producer` be started.
pub fn open_second(name: &str, options: &Options) -> anyhow::Result<Input> {
    let (format, path) = split(name);
    // Several files, which the producer finds.
    let is_pattern = path.contains(['*', '?', '[']) && !Path::new(path).exists();
    let format = match format {
        Some(format) => format,
        None if is_pattern => told_by_end(path).ok_or_else(|| untold(path))?.0,
        None => {
            let file = file::open(Path::new(path))?;
            match told(&file, path)? {
                Some(format) => format,
                None => return open_file(Path::new(path)),
            }
        }
    };
    if !is_pattern {
        // Before anything is started: what cannot be read is said in one line.
        file::open(Path::new(path))?;
    }
    Input::of_child(child::read(format, path, options)?)
}

/// The format that is named before the path, if one is.
fn split(name: &str) -> (Option<&str>, &str) {
    let format = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_lowercase()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
    };
    match name.split_once(':') {
        Some((before, path)) if format(before) && !path.starts_with("//") && !path.trim().is_empty() && !Path::new(name).exists() => {
            (Some(before), path.trim())
        }
        _ => (None, name),
    }
}

/// The format that the end of a name tells, and whether the file is compressed.
fn told_by_end(path: &str) -> Option<(&'static str, bool)> {
    let end = |path: &Path| path.extension().and_then(|end| end.to_str()).map(str::to_owned);
    let mut path = PathBuf::from(path);
    let is_compressed = end(&path).is_some_and(|end| COMPRESSED.contains(&end.as_str()));
    if is_compressed {
        path.set_extension("");
    }
    let end = end(&path)?.to_ascii_lowercase();
    ENDS.iter().find(|row| row.0 == end).map(|row| (row.1, is_compressed))
}

/// The format of a file; `None` where it is a stream of records, or has to be one: what comes out of a pipe cannot be looked at twice.
fn told(file: &File, path: &str) -> anyhow::Result<Option<&'static str>> {
    if !file.metadata().is_ok_and(|meta| meta.is_file()) {
        let by_end = told_by_end(path).map(|told| told.0);
        return Ok(by_end.filter(|format| *format != RECORDS));
    }
    let first = first_bytes(file).map_err(|error| Error::io(format!("cannot read {path}"), error))?;
    if first.starts_with(&MAGIC) {
        return Ok(None);
    }
    match told_by_end(path) {
        // A stream that is torn at its very beginning, which its reader says.
        Some((RECORDS, false)) => return Ok(None),
        Some((format, _)) => return Ok(Some(format)),
        None => {}
    }
    let text = first.trim_ascii_start();
    match text.first() {
        _ if first.starts_with(b"PAR1") => Ok(Some("parquet")),
        Some(b'{' | b'[') => Ok(Some("json")),
        Some(b'<') if text.get(1).is_some_and(|byte| byte.is_ascii_alphabetic() || b"?!".contains(byte)) => Ok(Some("xml")),
        _ => Err(untold(path).into()),
    }
}

fn first_bytes(file: &File) -> io::Result<Vec<u8>> {
    let mut first = vec![0; 64];
    // Not from where it stands: whoever reads it begins at its beginning.
    let len = file.read_at(&mut first, 0)?;
    first.truncate(len);
    Ok(first)
}

fn untold(path: &str) -> Error {
    let what = format!("the format of {path} cannot be told from its name or its first bytes");
    Error::Usage(format!("{what}: write it before the path, as in \"csv: {path}\" (`producer --help` lists the formats)"))
}

#[cfg(test)]
mod tests {
    use super::{split, told_by_end};

    #[test]
    fn a_format_may_stand_before_the_path() {
        let check = |name: &str, expect: (Option<&str>, &str)| assert_eq!(split(name), expect, "{name}");
        check("hosts.csv", (None, "hosts.csv"));
        check("csv: hosts.txt", (Some("csv"), "hosts.txt"));
        check("nginx:/var/log/x.log", (Some("nginx"), "/var/log/x.log"));
        check("./a:b.csv", (None, "./a:b.csv"));
        check("A: b", (None, "A: b"));
        check("unix://x", (None, "unix://x"));
        check("csv:", (None, "csv:"));
    }

    #[test]
    fn a_name_tells_the_format() {
        let check = |path: &str, expect| assert_eq!(told_by_end(path), expect, "{path}");
        check("a/hosts.csv", Some(("csv", false)));
        check("hosts.TSV.gz", Some(("tsv", true)));
        check("a.b.jsonl.zst", Some(("json", true)));
        check("x.rec", Some(("records", false)));
        check("x.rec.xz", Some(("records", true)));
        check("access.log", None);
        check("gz", None);
    }
}
