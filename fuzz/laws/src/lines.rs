//! Inputs that are read as `lines`, for laws about what comes before the lines: archives and encodings.

use std::io::{self, Cursor, Read};

use recpipe_producer::Reading;

/// A line, and the input that it is of.
pub type Line = (String, Vec<u8>);

/// Gives so many bytes at a time.
struct Pieces(Cursor<Vec<u8>>, usize);

impl Read for Pieces {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let most = self.1.min(buf.len());
        self.0.read(&mut buf[..most])
    }
}

/// A program reads no further: what came so far is compared.
const MOST_LINES: usize = 1 << 16;

/// The lines that these bytes are, so many of which come at a time, and why the reading ended, if it did not end well.
pub fn of_pipe(args: &[&str], bytes: &[u8], piece: usize) -> (Vec<Line>, Option<String>) {
    let pieces = Pieces(Cursor::new(bytes.to_vec()), piece.max(1));
    match Reading::new("lines").args(args.iter().copied()).named("made").of(pieces) {
        Ok(records) => gather(records),
        Err(error) => panic!("the words are right: {error}"),
    }
}

/// The lines of a file.
pub fn of_file(path: &str) -> (Vec<Line>, Option<String>) {
    match Reading::new("lines").args([path]).open() {
        Ok(records) => gather(records),
        Err(error) => panic!("the words are right: {error}"),
    }
}

fn gather(records: recpipe_producer::Records) -> (Vec<Line>, Option<String>) {
    let mut lines = Vec::new();
    for batch in records {
        match batch {
            Err(error) => return (lines, Some(error.to_string())),
            Ok(batch) => lines.extend(batch.rows().map(|row| {
                let Some(recpipe::Value::Text(line)) = row.get("line") else { panic!("a line is text") };
                (batch.origin().source.to_string(), line.to_vec())
            })),
        }
        if lines.len() > MOST_LINES {
            break;
        }
    }
    (lines, None)
}
