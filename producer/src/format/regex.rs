//! `regex PATTERN`: one field for each named group of the pattern. A line that does not match is no record.
//!
//! A group that took no part in the match is null. What one matched is a number or text by its own bytes (`untyped.rs`). The pattern is matched against the line without its line end, and need not
//! match all of it. Bytes that are not UTF-8 match no `.`; `(?-u:.)` takes any byte.

use std::sync::Arc;

use recpipe::record::{Field, Schema, Type};
use regex::bytes::{CaptureLocations, Regex};

use super::lines::lines;
use super::table::Table;
use super::untyped::{CellReader, Sampled};
use super::{Args, Format, FormatOption, FormatSpec, Parsed, Parser, Plan, Reject, Start, Wanted};
use crate::input::block::Block;

pub(super) const SPEC: FormatSpec = FormatSpec {
    name: "regex",
    args: &["PATTERN"],
    options: &[FormatOption::Null],
    about: "one field for each named group, `(?P<name>…)`, of the lines that match",
    start: Start::Blocks(|args| Ok(Box::new(Groups::new(args)?))),
    fields: "One for each named group, such as (?P<host>\\S+).",
    sample: "10.0.0.1 GET",
};

/// The format, and its plan.
#[derive(Debug, Clone)]
struct Groups {
    args: Args,
    pattern: Regex,
    schema: Arc<Schema>,
    /// The numbers of the named groups, and how they are read.
    groups: Vec<(usize, CellReader)>,
    sampled: Vec<Sampled>,
    /// A plan was made: the types are settled.
    is_planned: bool,
}

impl Groups {
    fn new(args: &Args) -> Result<Self, String> {
        let pattern = Regex::new(args.get(0)).map_err(|e| e.to_string())?;
        let named: Vec<_> = pattern.capture_names().enumerate().filter_map(|(group, name)| Some((group, name?))).collect();
        if named.is_empty() {
            return Err("the pattern has no named group, such as (?P<host>\\S+); the groups are the fields".to_owned());
        }
        let schema = Schema::new(named.iter().map(|(_, name)| Field::open(*name, Type::Mixed)).collect()).map_err(|e| e.to_string())?;
        let groups: Vec<_> = named.iter().map(|(group, _)| (*group, CellReader::text(args.nulls.clone()))).collect();
        let sampled = vec![Sampled::default(); groups.len()];
        let mut format = Groups { args: args.clone(), schema: Arc::new(schema), groups, sampled, is_planned: false, pattern };
        format.read_by_sample()?;
        Ok(format)
    }

    /// Reads the groups as the samples so far say.
    fn read_by_sample(&mut self) -> Result<(), String> {
        let mut fields = Vec::with_capacity(self.groups.len());
        for ((_, reader), (field, sampled)) in self.groups.iter_mut().zip(self.schema.fields().iter().zip(&self.sampled)) {
            let nulls = self.args.nulls.clone();
            *reader = if self.args.is_cast(&field.name) { CellReader::text(nulls) } else { sampled.reader(nulls) };
            fields.push(Field::open(field.name.clone(), reader.kind));
        }
        self.schema = Arc::new(Schema::new(fields).map_err(|e| e.to_string())?);
        Ok(())
    }
}

impl Format for Groups {
    fn schema(&self) -> Arc<Schema> {
        self.schema.clone()
    }

    fn learns(&self) -> bool {
        true
    }

    fn sample(&mut self, first: &Block) -> Result<(), String> {
        if self.is_planned {
            return Ok(());
        }
        let mut at = self.pattern.capture_locations();
        for (_, line) in lines(&first.bytes) {
            if self.pattern.captures_read(&mut at, line).is_none() {
                continue;
            }
            for ((group, _), sampled) in self.groups.iter().zip(&mut self.sampled) {
                let text = at.get(*group).map_or(&[][..], |(from, to)| &line[from..to]);
                if !text.is_empty() && !self.args.nulls.has(text) {
                    sampled.add(text);
                }
            }
        }
        self.read_by_sample()
    }

    fn plan(&mut self, _: &Block) -> Result<Arc<dyn Plan>, String> {
        // A sample without any match has decided nothing.
        self.is_planned = self.sampled.iter().any(|sampled| !sampled.is_empty());
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
        let Groups { pattern, schema, groups, .. } = &self.format;
        self.table.reset(groups.iter().map(|(_, reader)| reader.kind));
        let (mut count, mut rejects) = (0, Vec::new());
        for (start, line) in lines(&block.bytes) {
            if pattern.captures_read(&mut self.at, line).is_some() {
                self.table.begin(start);
                for (column, (group, reader)) in groups.iter().enumerate() {
                    match self.at.get(*group) {
                        Some((from, to)) => reader.put(&mut self.table, column, start + from, &line[from..to]),
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
        assert_eq!(parsed.batch.row(2).get("n"), Some(recpipe::Value::Int(22)));
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
