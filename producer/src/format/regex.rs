//! `regex PATTERN`: one field for each named group of the pattern. A line that does not match is no record.
//!
//! A group that took no part in the match is null. The pattern is matched against the line without its line end, and need not
//! match all of it. Bytes that are not UTF-8 match no `.`; `(?-u:.)` takes any byte.

use std::sync::Arc;

use recpipe::record::{Field, Schema, Type};
use regex::bytes::{CaptureLocations, Regex};

use super::lines::lines;
use super::table::Table;
use super::{Args, Format, FormatSpec, Parsed, Parser, Plan, Reject, Start, Wanted};
use crate::input::block::Block;

pub(super) const SPEC: FormatSpec = FormatSpec {
    name: "regex",
    args: &["PATTERN"],
    options: &[],
    about: "one field for each named group, `(?P<name>…)`, of the lines that match",
    start: Start::Blocks(|args| Ok(Box::new(Groups::new(args)?))),
};

/// The format, and its plan.
#[derive(Debug, Clone)]
struct Groups {
    pattern: Regex,
    schema: Arc<Schema>,
    /// The numbers of the named groups.
    groups: Vec<usize>,
}

impl Groups {
    fn new(args: &Args) -> Result<Self, String> {
        let pattern = Regex::new(args.get(0)).map_err(|e| e.to_string())?;
        let named: Vec<_> = pattern.capture_names().enumerate().filter_map(|(group, name)| Some((group, name?))).collect();
        if named.is_empty() {
            return Err("the pattern has no named group, such as (?P<host>\\S+); the groups are the fields".to_owned());
        }
        let schema = Schema::new(named.iter().map(|(_, name)| Field::new(*name, Type::Text)).collect()).map_err(|e| e.to_string())?;
        let groups = named.iter().map(|(group, _)| *group).collect();
        Ok(Groups { schema: Arc::new(schema), groups, pattern })
    }
}

impl Format for Groups {
    fn schema(&self) -> Arc<Schema> {
        self.schema.clone()
    }

    fn plan(&mut self, _: &Block) -> Result<Arc<dyn Plan>, String> {
        Ok(Arc::new(self.clone()))
    }
}

impl Plan for Groups {
    fn parser(&self) -> Box<dyn Parser> {
        // A clone of the regex has scratch space of its own: threads that share one wait for each other.
        Box::new(RegexParser { at: self.pattern.capture_locations(), format: self.clone(), table: Table::default() })
    }
}

struct RegexParser {
    format: Groups,
    at: CaptureLocations,
    table: Table,
}

impl Parser for RegexParser {
    fn parse(&mut self, block: &Block, wanted: &Wanted) -> Parsed {
        let Groups { pattern, schema, groups } = &self.format;
        self.table.reset(groups.iter().map(|_| Type::Text));
        let (mut count, mut rejects) = (0, Vec::new());
        for (start, line) in lines(&block.bytes) {
            if pattern.captures_read(&mut self.at, line).is_some() {
                self.table.begin(start);
                for (column, &group) in groups.iter().enumerate() {
                    match self.at.get(group) {
                        Some((from, to)) => self.table.text(column, start + from, to - from),
                        None => self.table.null(column),
                    }
                }
                self.table.commit();
            } else {
                let (start, len, records_before) = (start as u32, line.len() as u32, self.table.rows() as u32);
                rejects.push(Reject { line: count, records_before, start, len, why: "does not match".into() });
            }
            count += 1;
        }
        Parsed { batch: self.table.batch(&block.bytes, schema, wanted, block.origin()), lines: count, blank: 0, rejects }
    }

    fn row_start(&self, row: usize) -> usize {
        self.table.row_start(row)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{block, texts};
    use super::*;

    fn start(pattern: &str) -> Result<Groups, String> {
        Groups::new(&Args { positional: vec![pattern.to_owned()], ..Args::default() })
    }

    #[test]
    fn groups_are_fields() {
        let block = block(b"a=1\nnothing\r\nb=\r\nxx c=22 yy");
        let parsed = start(r"(?P<key>\w)=(?P<n>\d+)?").unwrap().plan(&block).unwrap().parser().parse(&block, &Wanted::all());
        assert_eq!(texts(&parsed.batch, "key"), [b"a", b"b", b"c"]);
        assert_eq!(parsed.batch.row(1).get("n"), Some(recpipe::Value::Null));
        assert_eq!(parsed.batch.row(2).get("n"), Some(recpipe::Value::Text(b"22")));
        assert_eq!(
            parsed.rejects.iter().map(|r| (r.line, r.records_before, r.text(&block.bytes))).collect::<Vec<_>>(),
            [(1, 1, &b"nothing"[..])]
        );
    }

    #[test]
    fn a_pattern_needs_named_groups() {
        assert!(start("(a)(b)").unwrap_err().contains("(?P<host>"));
        assert!(start("(").is_err());
    }
}
