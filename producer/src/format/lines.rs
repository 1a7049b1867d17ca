//! `lines`: one field, `line`, without its line end.

use std::sync::Arc;

use recpipe::record::{Field, Schema, Type};

use super::table::Table;
use super::{Format, FormatSpec, Parsed, Parser, Plan, Start, Wanted};
use crate::input::block::Block;

pub(super) const SPEC: FormatSpec = FormatSpec {
    name: "lines",
    args: &[],
    options: &[],
    about: "any text: one field, `line`",
    start: Start::Blocks(|_| Ok(Box::new(Lines::new()))),
    fields: "line",
    sample: "anything",
};

/// The format, and its plan: there is nothing to learn from the input.
#[derive(Debug, Clone)]
struct Lines {
    schema: Arc<Schema>,
}

impl Lines {
    fn new() -> Self {
        let schema = Schema::new(vec![Field::new("line", Type::Text)]);
        Lines { schema: Arc::new(schema.unwrap_or_else(|_| unreachable!("one short name"))) }
    }
}

impl Format for Lines {
    fn schema(&self) -> Arc<Schema> {
        self.schema.clone()
    }

    fn plan(&mut self, _: &Block) -> Result<Arc<dyn Plan>, String> {
        Ok(Arc::new(self.clone()))
    }
}

impl Plan for Lines {
    fn parser(&self) -> Box<dyn Parser> {
        Box::new(LinesParser { schema: self.schema.clone(), table: Table::default() })
    }
}

struct LinesParser {
    schema: Arc<Schema>,
    table: Table,
}

impl Parser for LinesParser {
    fn parse(&mut self, block: &Block, wanted: &Wanted) -> Parsed {
        self.table.reset([Type::Text]);
        for (start, line) in lines(&block.bytes) {
            self.table.begin(start);
            self.table.text(0, start, line.len());
            self.table.commit();
        }
        let batch = self.table.batch(&block.bytes, &self.schema, wanted, block.origin());
        Parsed { lines: batch.len() as u32, blank: 0, batch, rejects: Vec::new() }
    }

    fn row_start(&self, row: usize) -> usize {
        self.table.row_start(row)
    }
}

/// The lines of a block, each with its start, without `\n` or `\r\n`.
pub(super) fn lines(block: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut start = 0;
    let ends = memchr::memchr_iter(b'\n', block).chain((block.last().is_some_and(|&last| last != b'\n')).then_some(block.len()));
    ends.map(move |end| {
        let line = &block[start..end];
        let at = std::mem::replace(&mut start, end + 1);
        (at, line.strip_suffix(b"\r").unwrap_or(line))
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{block, texts};
    use super::*;

    #[test]
    fn any_line_is_a_record() {
        let check = |text: &[u8], want: &[&[u8]]| {
            let block = block(text);
            let parsed = Lines::new().plan(&block).unwrap().parser().parse(&block, &Wanted::all());
            assert_eq!(texts(&parsed.batch, "line"), want, "{text:?}");
            assert_eq!(parsed.lines as usize, want.len());
        };
        check(b"", &[]);
        check(b"a\r\nb", &[b"a", b"b"]);
        check(b"\n\n", &[b"", b""]);
        check(b"a\xff\xfe\0b\rc\r\r\n", &[b"a\xff\xfe\0b\rc\r"]);
    }
}
