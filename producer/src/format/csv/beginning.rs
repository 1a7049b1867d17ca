//! What an input begins with: what parts its fields is told by its first row, and no block ends before its head and its first record.

use std::sync::Arc;

use super::delimited::Delimited;
use super::rows::Rows;
use crate::format::Args;
use crate::input::boundary::{Boundary, Dialect, Resume};
use crate::input::content::Content;
use crate::input::prepare::Preparation;

/// What is looked for where the first row has no comma.
const OTHERS: [u8; 2] = [b';', b'\t'];

/// Cuts inputs of which the first bytes were not seen yet.
#[derive(Debug)]
pub(super) struct Beginning {
    kind: Delimited,
    args: Args,
}

impl Beginning {
    /// Of inputs that are read as this kind.
    pub(super) fn new(kind: Delimited, args: &Args) -> Self {
        Beginning { kind, args: args.clone() }
    }

    /// Whether a row before the first record says nothing. Lines that begin with `#` may: what they are, the row after them tells.
    fn says_nothing(&self, row: &[u8]) -> bool {
        let is_blank = self.kind.has_quotes() && matches!(row, b"" | b"\n" | b"\r\n" | b"\r");
        is_blank || self.args.is_comment(row) || self.args.comment.is_none() && row.starts_with(b"#")
    }

    /// What parts the fields of an input whose first row this is.
    fn dialect_of(&self, row: &[u8]) -> Dialect {
        let is_one = |kind: Delimited| {
            let mut parts = 0;
            Rows::default().read(kind, row, |row| parts = row.fields.len());
            parts <= 1
        };
        if !self.kind.detects || !is_one(self.kind) {
            return 0;
        }
        OTHERS.into_iter().find(|&other| !is_one(Delimited::quoting(other))).unwrap_or(0)
    }
}

impl Boundary for Beginning {
    fn dialect(&self, bytes: &[u8], is_all: bool) -> Option<Dialect> {
        let (mut at, mut told) = (0, None);
        loop {
            let kind = told.map_or(self.kind, |dialect| self.kind.as_of(dialect));
            let rest = &bytes[at..];
            let end = match kind.row_end(rest, is_all) {
                Some(end) => end,
                None if is_all && !rest.is_empty() => rest.len(),
                None => return is_all.then(|| told.unwrap_or(0)),
            };
            at += end;
            match told {
                None if self.says_nothing(&rest[..end]) => {}
                None => {
                    told = Some(self.dialect_of(&rest[..end]));
                    if self.args.no_header {
                        return told;
                    }
                }
                // Not yet the first record.
                Some(_) if kind.has_quotes() && matches!(&rest[..end], b"\n" | b"\r\n") || self.args.is_comment(rest) => {}
                Some(_) => return told,
            }
        }
    }

    fn of(&self, dialect: Dialect) -> Option<Arc<dyn Boundary>> {
        Some(Arc::new(self.kind.as_of(dialect)))
    }

    fn preparation(&self) -> Preparation {
        Preparation { skip_lines: self.args.skip_lines, returns: true, mask: None }
    }

    fn content(&self) -> Content {
        self.kind.content()
    }

    fn last_end(&self, bytes: &[u8]) -> Option<usize> {
        self.kind.last_end(bytes)
    }

    fn first_end(&self, bytes: &[u8], from: usize) -> Option<usize> {
        self.kind.first_end(bytes, from)
    }

    fn end_in_block(&self, block: &[u8]) -> usize {
        self.kind.end_in_block(block)
    }

    fn resume(&self, bytes: &[u8]) -> Resume {
        self.kind.resume(bytes)
    }

    fn are_lines(&self, bytes: &[u8]) -> bool {
        self.kind.are_lines(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::super::delimited::{CSV, TSV};
    use super::*;

    #[test]
    fn the_first_row_tells_the_delimiter() {
        let check = |text: &str, want: Option<u8>| {
            assert_eq!(Beginning::new(CSV, &Args::default()).dialect(text.as_bytes(), false), want, "{text:?}");
        };
        check("a;b\n1;2\n", Some(b';'));
        check("a;b", None);
        check("a\tb\n\n1\t2\n", Some(b'\t'));
        check("a,b;c\n1,2\n", Some(0));
        check("\"a;b\"\n1\n", Some(0));
        check("\n# made by x, y\na;\"b c\"\n1;2\n", Some(b';'));
        check("a\n1;2\n", Some(0));
        let all = |kind, args: &Args, text: &str| Beginning::new(kind, args).dialect(text.as_bytes(), true);
        assert_eq!(all(CSV, &Args::default(), "a;b"), Some(b';'));
        assert_eq!(all(CSV, &Args::default(), ""), Some(0));
        assert_eq!(all(Delimited::quoting(b','), &Args::default(), "a;b\n"), Some(0));
        assert_eq!(all(TSV, &Args::default(), "a;b\n"), Some(0));
        let comment = Args { comment: Some(";".to_owned()), ..Args::default() };
        assert_eq!(all(CSV, &comment, "; made by x\na,b\n"), Some(0));
    }

    #[test]
    fn the_first_block_has_the_first_record() {
        let check = |args: &Args, text: &str, is_whole: bool| {
            assert_eq!(Beginning::new(CSV, args).dialect(text.as_bytes(), false).is_some(), is_whole, "{text:?}");
        };
        check(&Args::default(), "# made by x\n", false);
        check(&Args::default(), "a,b\n", false);
        check(&Args::default(), "a,b\n\n", false);
        check(&Args::default(), "a,b\n1,\"2\n", false);
        check(&Args::default(), "a,b\n1,2\n", true);
        check(&Args { no_header: true, ..Args::default() }, "1,2\n", true);
        check(&Args { comment: Some("//".to_owned()), ..Args::default() }, "a,b\n// x\n", false);
    }
}
