//! What comes before the first record: the names of the fields, and comments.

use std::collections::{HashMap, HashSet};

use super::delimited::Delimited;
use super::rows::{Rows, field_text};
use crate::format::Args;
use crate::input::block::Block;
use crate::input::boundary::Boundary;

/// The head of an input.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// What the fields are called, each name once.
    pub names: Vec<String>,
    /// How many bytes are no records.
    pub bytes: usize,
}

/// Reads the head of the input that begins with this block.
///
/// Lines before it that begin with `#` are comments where the line after them has another number of fields. `# a,b` before `1,2`
/// may be one or the names: that is not guessed at.
///
/// # Errors
///
/// It has none, or `--names` does not fit it.
pub(super) fn head(kind: Delimited, args: &Args, first: &Block) -> Result<Head, String> {
    let bytes = &first.bytes;
    if !first.is_first {
        return Err(format!("{}: the header is longer than {} bytes", first.source, kind.max_bytes()));
    }
    let mut at = 0;
    let mut comment = None;
    let (start, row) = loop {
        let rest = &bytes[at..];
        if rest.is_empty() {
            break (at, Vec::new());
        }
        let end = kind.end_in_block(rest);
        let Some(names) = names(kind, &rest[..end]).map_err(|what| format!("{}: {what}", first.source))? else {
            at += end;
            continue;
        };
        if args.is_comment(rest) || (args.comment.is_none() && rest[0] == b'#' && is_before(kind, &rest[end..], names.len())) {
            at += end;
            comment = Some(names.len());
            continue;
        }
        let is_doubtful = args.comment.is_none() && !args.no_header && (rest.starts_with(b"# ") || comment == Some(names.len()));
        if is_doubtful && rest[0] == b'#' && end < rest.len() {
            let shown = String::from_utf8_lossy(&rest[..end.min(60)]).trim_end().escape_debug().to_string();
            return Err(format!(
                "{}: `{shown}` may be a comment or the names of the fields: --comment '#' passes over it; --names a,b --no-header --comment '#' names them",
                first.source
            ));
        }
        break (
            at,
            if args.no_header {
                names.iter().map(|_| String::new()).collect()
            } else {
                at += end;
                names
            },
        );
    };
    let names = match (args.names.len(), row.len()) {
        (0, _) => row,
        (given, found) if given == found || found == 0 => args.names.clone(),
        (given, found) => return Err(format!("{}: --names has {given}, the first row has {found}", first.source)),
    };
    Ok(Head { names: unique(names), bytes: if args.no_header { start } else { at } })
}

/// Whether the first line of these that is no comment has another number of fields.
fn is_before(kind: Delimited, mut rest: &[u8], fields: usize) -> bool {
    while !rest.is_empty() {
        let (row, after) = rest.split_at(kind.end_in_block(rest));
        match names(kind, row) {
            Ok(Some(names)) if row[0] != b'#' => return names.len() != fields,
            _ => rest = after,
        }
    }
    false
}

/// The fields of a row as names; `None` of one with nothing in it.
fn names(kind: Delimited, row: &[u8]) -> Result<Option<Vec<String>>, String> {
    let (mut names, mut is_torn) = (None, false);
    Rows::default().read(kind, row, |found| {
        is_torn = found.torn.is_some();
        if !found.is_blank() || !kind.has_quotes() {
            names = Some(
                found.fields.iter().map(|field| String::from_utf8_lossy(&field_text(kind, row, *field)).into_owned()).collect::<Vec<_>>(),
            );
        }
    });
    if is_torn {
        return Err("a quote in the header is not closed, or text follows its close".to_owned());
    }
    Ok(names)
}

/// Names, each once.
fn unique(names: Vec<String>) -> Vec<String> {
    let mut taken: HashSet<String> = names.iter().cloned().collect();
    // How often each name has stood so far; the next number is found from there on, so that many of one name take no longer.
    let mut counts: HashMap<String, usize> = HashMap::new();
    let mut unique = Vec::with_capacity(names.len());
    for (place, name) in names.into_iter().enumerate() {
        let count = counts.entry(name.clone()).or_insert(0);
        *count += 1;
        if *count == 1 && !name.is_empty() {
            unique.push(name);
            continue;
        }
        let mut candidate = if name.is_empty() { format!("_{}", place + 1) } else { format!("{name}_{count}") };
        while !taken.insert(candidate.clone()) {
            *count += 1;
            candidate = format!("{name}_{count}");
        }
        unique.push(candidate);
    }
    unique
}

#[cfg(test)]
mod tests {
    use super::super::delimited::{CSV, TSV};
    use super::*;
    use crate::format::testing::block;

    fn read(kind: Delimited, args: &Args, text: &str) -> Result<(String, usize), String> {
        head(kind, args, &block(text.as_bytes())).map(|head| (head.names.join("|"), head.bytes))
    }

    #[test]
    fn names_come_first() {
        let check =
            |text: &str, names: &str, bytes| assert_eq!(read(CSV, &Args::default(), text), Ok((names.to_owned(), bytes)), "{text:?}");
        check("a,b\n1,2\n", "a|b", 4);
        check("\r\n\"a b\",a,a,,a_2\r\n1\n", "a b|a|a_3|_4|a_2", 18);
        check("", "", 0);
        check("\n\n", "", 2);
        check("a", "a", 1);
        check("# made by probe 7\nid,v\n1,2\n", "id|v", 23);
        check("#CHROM,POS\n1,2\n", "#CHROM|POS", 11);
        check("# a\n# b\n\nid,v\n", "id|v", 14);
        assert_eq!(read(TSV, &Args::default(), "\\ta\tb\n"), Ok(("\ta|b".to_owned(), 6)));
        assert_eq!(read(TSV, &Args::default(), "\n1\n"), Ok(("_1".to_owned(), 1)), "a column without a name");
    }

    #[test]
    fn names_are_given() {
        let args = |names: &str, no_header| {
            let names = names.split_terminator(',').map(str::to_owned).collect();
            Args { names, no_header, ..Args::default() }
        };
        assert_eq!(read(CSV, &args("x,y", false), "a,b\n1,2\n"), Ok(("x|y".to_owned(), 4)));
        assert_eq!(read(CSV, &args("x,y", true), "\n1,2\n"), Ok(("x|y".to_owned(), 1)));
        assert_eq!(read(CSV, &args("", true), "1,2\n"), Ok(("_1|_2".to_owned(), 0)));
        assert_eq!(read(CSV, &args("x", true), ""), Ok(("x".to_owned(), 0)));
        assert!(read(CSV, &args("x", true), "1,2\n").unwrap_err().contains("--names has 1, the first row has 2"));
        let comment = Args { comment: Some("#".to_owned()), ..args("", false) };
        assert_eq!(read(CSV, &comment, "# a,b\n1,2\n"), Ok(("1|2".to_owned(), 10)));
    }

    #[test]
    fn what_is_no_header_is_said() {
        let check = |text: &str, part: &str| {
            let message = read(CSV, &Args::default(), text).unwrap_err();
            assert!(message.contains(part), "{message}");
        };
        check("\"a,b\n1,2\n", "not closed");
        check("# a,b\n1,2\n", "may be a comment or the names");
        check("# one\n# a,b\n1,2\n", "`# a,b` may be");
    }
}
