//! `apache`: lines of web server logs, in the Common Log Format or the combined one, told apart by themselves.
//!
//! ```text
//! host referrer user [datetime] "method request proto" status bytes
//! host referrer user [datetime] "method request proto" status bytes "http_referer" "http_user_agent"
//! ```
//!
//! The first nine names are the seeds' (`referrer` is what RFC 1413 calls ident). What only some servers write is kept, too: the
//! virtual host before the host is `vhost`, a list of addresses in its place is `forwarded_for`, whatever stands at the end is `extra`.
//! What exactly is a record, and what the fields are of a line that is not quite so, is said by `regex.rs`, which is the
//! specification; `fast.rs` takes the usual line apart without it and hands it every other.
//!
//! All records have all fields, whatever lines there are: a schema that depended on the lines would depend on how they come. A
//! field that a line does not have is null.

mod clock;
mod columns;
mod fast;
mod regex;
mod usual;

use std::sync::Arc;

use recpipe::record::{Field, Schema, Type};

use self::clock::LineClock;
use self::columns::Columns;
use self::fast::{Room, Way};
use self::usual::Usual;
use super::{Format, FormatSpec, Parsed, Parser, Plan, Start, Wanted};
use crate::input::block::Block;
use crate::input::clock::Clock;

pub(super) const SPEC: FormatSpec = FormatSpec {
    name: "apache",
    args: &[],
    options: &[],
    about: "web server logs, common or combined, told apart by themselves",
    start: Start::Blocks(|_| Ok(Box::new(Apache::new()))),
    fields: "host referrer user datetime method request proto status:int bytes:int, and where a line has them http_referer and\n  \
              http_user_agent (the combined form), vhost, forwarded_for, and extra for what stands at the end;\n  time, typed, in a query.",
    sample: r#"10.0.0.1 - - [24/Feb/2008:00:08:59 -0600] "GET /a HTTP/1.1" 200 2326"#,
};

/// The fields in their order; a field's place here is its place in every array of this format.
const FIELDS: [(&str, Type); 14] = [
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
    ("vhost", Type::Text),
    ("forwarded_for", Type::Text),
    ("extra", Type::Text),
];

/// How many of [`FIELDS`] a common line has.
const COMMON_FIELDS: usize = 9;

fn schema() -> Arc<Schema> {
    let fields = FIELDS.iter().map(|(name, kind)| Field::new(*name, *kind)).collect();
    Arc::new(Schema::new(fields).unwrap_or_else(|_| unreachable!("the names are few, short and differ")))
}

/// The format, and its plan: there is nothing to learn from the input.
#[derive(Debug, Clone)]
struct Apache {
    schema: Arc<Schema>,
}

impl Apache {
    fn new() -> Self {
        Apache { schema: schema() }
    }
}

impl Format for Apache {
    fn schema(&self) -> Arc<Schema> {
        self.schema.clone()
    }

    fn plan(&mut self, _: &Block) -> Result<Arc<dyn Plan>, String> {
        Ok(Arc::new(self.clone()))
    }

    fn clock(&self) -> Option<Arc<dyn Clock>> {
        Some(Arc::new(LineClock))
    }
}

impl Plan for Apache {
    fn parser(&self) -> Box<dyn Parser> {
        let sent = Sent::new(&self.schema, Wanted::all());
        Box::new(ApacheParser { schema: self.schema.clone(), sent, columns: Columns::default(), room: Room::default() })
    }
}

/// What is sent, as long as the same is wanted.
struct Sent {
    wanted: Wanted,
    /// Which of [`FIELDS`].
    fields: [bool; FIELDS.len()],
    /// The schema with these fields.
    schema: Arc<Schema>,
    /// How usual lines are read that have these fields, where that is faster than mark by mark.
    usual: Option<[Usual; 2]>,
}

impl Sent {
    fn new(schema: &Arc<Schema>, wanted: Wanted) -> Self {
        let fields = FIELDS.map(|(name, _)| wanted.has(name));
        let usual = (Way::here() == Way::Pattern).then(|| Usual::both(&fields)).flatten();
        Sent { fields, schema: wanted.of(schema), usual, wanted }
    }
}

/// Keeps its arrays from block to block.
struct ApacheParser {
    schema: Arc<Schema>,
    sent: Sent,
    columns: Columns,
    room: Room,
}

impl Parser for ApacheParser {
    fn parse(&mut self, block: &Block, wanted: &Wanted) -> Parsed {
        if !self.sent.wanted.is_same(wanted) {
            self.sent = Sent::new(&self.schema, wanted.clone());
        }
        let (lines, rejects) = fast::parse(&block.bytes, &mut self.columns, &mut self.room, (&self.sent.fields, self.sent.usual.as_ref()));
        let batch = self.columns.batch(&block.bytes, &self.sent.schema, &self.sent.fields, block.origin());
        Parsed { batch, lines, blank: 0, rejects }
    }

    fn row_start(&self, row: usize) -> usize {
        self.columns.anchor(row)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;
    use proptest::prelude::*;

    const LINES: [&str; 8] = [
        "a - - [d z] \"GET / HTTP/1.1\" 200 5",
        "b - - [d z] \"GET /x HTTP/1.1\" 404 - \"r\" \"u a\"",
        "bad",
        "",
        "c - \"q u\" [d z] \"-\" 408 0\r",
        "d - - [d z] \"GET /\\\" HTTP/1.1\" 200 77 \"r\" \"a\" more",
        "v:80 e - - [d z] \"GET / HTTP/1.1\" 200 1",
        "e, f - jo ann [d z] \"GET / HTTP/1.1\" - 1",
    ];

    fn block(text: &str) -> Block {
        testing::block(text.as_bytes())
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
    fn all_records_have_all_fields() {
        for line in LINES {
            let mut format = Apache::new();
            let parsed = format.plan(&block(LINES[1])).unwrap().parser().parse(&block(line), &Wanted::all());
            assert_eq!(parsed.batch.schema(), &format.schema(), "{line}");
            assert_eq!(parsed.batch.schema().len(), FIELDS.len());
        }
    }

    #[test]
    fn the_clock_of_a_line_is_its_date() {
        for line in LINES.iter().chain(&[
            "[::1]:80 a - - [d z] \"-\" 408 0",
            "a - - [x\" [d z] \"GET / HTTP/1.1\" 200 1",
            "a - x[y [d z] \"- [d] \" 408 0",
        ]) {
            let parsed = Apache::new().plan(&block(LINES[1])).unwrap().parser().parse(&block(line), &Wanted::all());
            let texts = testing::texts(&parsed.batch, "datetime");
            assert!(texts.iter().all(|text| LineClock.stamp(line.as_bytes()) == Some(text)), "{line}");
        }
        assert_eq!(LineClock.stamp(b"no date\na - - [d z] \"\""), None);
    }

    #[test]
    fn rejects_know_how_many_records_came_before() {
        let text = LINES.join("\n");
        let parsed = Apache::new().plan(&block(&text)).unwrap().parser().parse(&block(&text), &Wanted::all());
        assert_eq!(parsed.rejects.iter().map(|r| (r.line, r.records_before)).collect::<Vec<_>>(), [(2, 2), (3, 2)]);
        assert_eq!((parsed.lines, parsed.batch.len()), (8, 6));
    }
}
