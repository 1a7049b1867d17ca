//! `apache`: lines of web server logs, in the Common Log Format or the combined one, told apart by themselves.
//!
//! ```text
//! host referrer user [datetime] "method request proto" status bytes
//! host referrer user [datetime] "method request proto" status bytes "http_referer" "http_user_agent"
//! ```
//!
//! The first nine names are the seeds' (`referrer` is what RFC 1413 calls ident). What exactly is a record, and what the
//! fields are of a line that is not quite so, is said by `regex.rs`, which is the specification; `fast.rs` takes the usual
//! line apart without it and hands it every other.
//!
//! # Which schema
//!
//! A stream begins with eleven fields if any line of the first block that has records is combined, otherwise with nine: a common log
//! has no fields that are always null, and a query for `http_referer` on it is told so before data flows. A stream of
//! eleven stays so, with the two null where a line is common. In a stream of nine, a block that has combined lines makes
//! a batch of eleven, announced by a schema of its own: such fields are not lost, but whoever reads only the first schema
//! does not know of them. Which of the two a batch has is a function of that first block and of its own, never of timing.

mod columns;
mod fast;
mod regex;

use std::sync::Arc;

use recpipe::record::{Field, Origin, Schema, Type};

use self::columns::Columns;
use super::{Format, FormatSpec, Parsed, Parser, Plan, Start, Wanted};
use crate::input::block::Block;

pub(super) const SPEC: FormatSpec = FormatSpec {
    name: "apache",
    args: &[],
    options: &[],
    about: "web server logs, common or combined, told apart by themselves",
    start: Start::Blocks(|_| Ok(Box::new(Apache::new()))),
};

/// The fields in their order; a field's place here is its place in every array of this format.
const FIELDS: [(&str, Type); 11] = [
    ("host", Type::Text),
    ("referrer", Type::Text),
    ("user", Type::Text),
    ("datetime", Type::Text),
    ("method", Type::Text),
    ("request", Type::Text),
    ("proto", Type::Text),
    ("status", Type::Int),
    ("bytes", Type::Int),
    ("http_referer", Type::Text),
    ("http_user_agent", Type::Text),
];

/// How many of [`FIELDS`] a common line has.
const COMMON_FIELDS: usize = 9;

/// The two schemas a batch may have.
#[derive(Debug, Clone)]
struct Schemas {
    common: Arc<Schema>,
    combined: Arc<Schema>,
}

impl Schemas {
    fn new() -> Self {
        let of = |fields: &[(&str, Type)]| {
            let fields = fields.iter().map(|(name, kind)| Field::new(*name, *kind)).collect();
            Arc::new(Schema::new(fields).unwrap_or_else(|_| unreachable!("the names are few, short and differ")))
        };
        Schemas { common: of(&FIELDS[..COMMON_FIELDS]), combined: of(&FIELDS) }
    }
}

struct Apache {
    schemas: Schemas,
    plan: Option<Arc<ApachePlan>>,
}

impl Apache {
    fn new() -> Self {
        Apache { schemas: Schemas::new(), plan: None }
    }
}

impl Format for Apache {
    fn schema(&self) -> Arc<Schema> {
        self.schemas.common.clone()
    }

    fn known_fields(&self) -> Option<Vec<String>> {
        Some(FIELDS.iter().map(|(name, _)| (*name).to_owned()).collect())
    }

    fn plan(&mut self, first: &Block) -> Result<Arc<dyn Plan>, String> {
        if let Some(plan) = &self.plan {
            return Ok(plan.clone());
        }
        let mut columns = Columns::default();
        fast::parse(&first.bytes, &mut columns, &mut Vec::new());
        let plan = Arc::new(ApachePlan { schemas: self.schemas.clone(), combined: columns.has_combined() });
        if columns.rows() > 0 {
            self.plan = Some(plan.clone());
        }
        Ok(plan)
    }
}

#[derive(Debug, Clone)]
struct ApachePlan {
    schemas: Schemas,
    combined: bool,
}

impl Plan for ApachePlan {
    fn parser(&self) -> Box<dyn Parser> {
        let sent = Sent::new(&self.schemas, Wanted::all());
        Box::new(ApacheParser { plan: self.clone(), sent, columns: Columns::default(), marks: Vec::new() })
    }
}

/// What is sent, as long as the same is wanted.
struct Sent {
    wanted: Wanted,
    /// Which of [`FIELDS`].
    fields: [bool; FIELDS.len()],
    /// The two schemas with these fields.
    schemas: Schemas,
}

impl Sent {
    fn new(schemas: &Schemas, wanted: Wanted) -> Self {
        Sent {
            fields: FIELDS.map(|(name, _)| wanted.has(name)),
            schemas: Schemas { common: wanted.of(&schemas.common), combined: wanted.of(&schemas.combined) },
            wanted,
        }
    }
}

/// Keeps its arrays from block to block.
struct ApacheParser {
    plan: ApachePlan,
    sent: Sent,
    columns: Columns,
    marks: Vec<u32>,
}

impl Parser for ApacheParser {
    fn parse(&mut self, block: &Block, wanted: &Wanted) -> Parsed {
        if !self.sent.wanted.is_same(wanted) {
            self.sent = Sent::new(&self.plan.schemas, wanted.clone());
        }
        let (lines, rejects) = fast::parse(&block.bytes, &mut self.columns, &mut self.marks);
        let combined = self.plan.combined || self.columns.has_combined();
        let (schema, fields) = match combined {
            true => (&self.sent.schemas.combined, &self.sent.fields[..]),
            false => (&self.sent.schemas.common, &self.sent.fields[..COMMON_FIELDS]),
        };
        let origin = Origin { source: block.source.clone(), start: block.start, end: block.end, order: 0 };
        Parsed { batch: self.columns.batch(&block.bytes, schema, fields, origin), lines, blank: 0, rejects }
    }

    fn row_start(&self, row: usize) -> usize {
        self.columns.anchor(row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::block::Part;
    use proptest::prelude::*;

    const LINES: [&str; 6] = [
        "a - - [d z] \"GET / HTTP/1.1\" 200 5",
        "b - - [d z] \"GET /x HTTP/1.1\" 404 - \"r\" \"u a\"",
        "bad",
        "",
        "c - \"q u\" [d z] \"-\" 408 0\r",
        "d - - [d z] \"GET /\\\" HTTP/1.1\" 200 77 \"r\" \"a\" more",
    ];

    fn block(text: &str) -> Block {
        Block { bytes: text.to_owned().into(), source: "f".into(), start: 0, end: text.len() as u64, part: Part::Whole, dialect: 0 }
    }

    /// Records and rejects, with every field by name, and the line numbers of the rejects.
    fn read(parsed: &Parsed, block: &Block, line: &mut u32, into: &mut Vec<String>) {
        into.extend(
            parsed.batch.rows().map(|row| FIELDS.map(|(name, _)| format!("{:?}", row.get(name).unwrap_or(recpipe::Value::Null))).join(" ")),
        );
        into.extend(parsed.rejects.iter().map(|r| format!("!{} {:?}", *line + r.line, r.text(&block.bytes))));
        *line += parsed.lines;
    }

    proptest! {
        #[test]
        fn however_the_lines_are_put_into_blocks_they_give_the_same_records(picked in proptest::collection::vec((0..LINES.len(), any::<bool>()), 1..40)) {
            let plan = Apache::new().plan(&block(LINES[1])).unwrap();
            let (mut parser, mut whole, mut pieces) = (plan.parser(), Vec::new(), Vec::new());
            let text: String = picked.iter().map(|(i, _)| format!("{}\n", LINES[*i])).collect();
            let all = block(&text);
            read(&parser.parse(&all, &Wanted::all()), &all, &mut 0, &mut whole);
            let (mut piece, mut line) = (String::new(), 0);
            for (n, (i, cut)) in picked.iter().enumerate() {
                piece += &format!("{}\n", LINES[*i]);
                if *cut || n + 1 == picked.len() {
                    let cut = block(&std::mem::take(&mut piece));
                    read(&parser.parse(&cut, &Wanted::all()), &cut, &mut line, &mut pieces);
                }
            }
            whole.sort();
            pieces.sort();
            prop_assert_eq!(whole, pieces);
            prop_assert_eq!(line as usize, picked.len());
        }
    }

    #[test]
    fn the_schema_is_decided_by_the_first_block_and_a_batchs_own() {
        let fields = |first: &str, then: &str| {
            let mut format = Apache::new();
            let mut parser = format.plan(&block(first)).unwrap().parser();
            let (first, then) = (parser.parse(&block(first), &Wanted::all()), parser.parse(&block(then), &Wanted::all()));
            (first.batch.schema().len(), then.batch.schema().len())
        };
        assert_eq!(fields(LINES[0], LINES[0]), (9, 9));
        assert_eq!(fields(LINES[0], LINES[1]), (9, 11));
        assert_eq!(fields(LINES[1], LINES[0]), (11, 11));
        assert_eq!(fields(LINES[2], LINES[2]), (9, 9));
        let mut format = Apache::new();
        format.plan(&block(LINES[1])).unwrap();
        assert_eq!(
            format.plan(&block(LINES[0])).unwrap().parser().parse(&block(LINES[0]), &Wanted::all()).batch.schema().len(),
            11,
            "a stream stays as it began"
        );
    }

    #[test]
    fn rejects_know_how_many_records_came_before() {
        let text = LINES.join("\n");
        let parsed = Apache::new().plan(&block(&text)).unwrap().parser().parse(&block(&text), &Wanted::all());
        assert_eq!(parsed.rejects.iter().map(|r| (r.line, r.records_before)).collect::<Vec<_>>(), [(2, 2), (3, 2)]);
        assert_eq!((parsed.lines, parsed.batch.len()), (6, 4));
    }
}
