//! `struct FORMAT`: binary records of a fixed size, described as Python's `struct` does (`<8sffi`).
//!
//! Integers are `int`, floating-point numbers of any size `float`, `?` is `bool`, and `s`, `p` and `c` are text, `s` without
//! the NULs at its end. The fields are named with `--names`, or else `f0`, `f1` and so on; padding has no name.
//!
//! A last record that ends too early is an error that names the byte: the input is not whole. The records before it count. An input
//! that is shorter than a record is a reject.

mod columns;
mod layout;

use std::sync::Arc;

use recpipe::Exit;
use recpipe::record::{Batch, Schema};

use self::columns::Records;
use self::layout::Layout;
use super::continuity::Failure;
use super::{Args, Format, FormatOption, FormatSpec, Parsed, Parser, Plan, Reject, Start, Unit, Wanted};
use crate::input::block::Block;
use crate::input::boundary::{Boundary, Resume};
use crate::input::content::Content;

pub(super) const SPEC: FormatSpec = FormatSpec {
    name: "struct",
    args: &["FORMAT"],
    options: &[FormatOption::Names],
    about: "binary records of a fixed size, in Python's notation: '<8sffi'",
    start: Start::Blocks(|args| Ok(Box::new(Struct::new(args)?))),
    fields: "f0 f1 …, or --names: int, float, bool and text, as the letters say.",
    sample: "<8sffi",
};

/// The format, and its plan: there is nothing to learn from the input.
#[derive(Debug, Clone)]
struct Struct {
    layout: Arc<Layout>,
    schema: Arc<Schema>,
}

impl Struct {
    fn new(args: &Args) -> Result<Self, String> {
        let layout = Layout::parse(args.get(0))?;
        let (fields, names) = (layout.items.len(), args.names.len());
        if names > 0 && names != fields {
            let plural = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
            return Err(format!("--names has {}, `{}` has {}", plural(names, "name"), args.get(0), plural(fields, "field")));
        }
        let name = |nth: usize| args.names.get(nth).cloned().unwrap_or_else(|| format!("f{nth}"));
        let fields = layout.items.iter().enumerate().map(|(nth, item)| item.code.field(name(nth))).collect();
        let schema = Schema::new(fields).map_err(|e| format!("--names: {e}"))?;
        Ok(Struct { layout: Arc::new(layout), schema: Arc::new(schema) })
    }
}

impl Format for Struct {
    fn boundary(&self) -> Arc<dyn Boundary> {
        Arc::new(Fixed { record_bytes: self.layout.record_bytes })
    }

    fn unit(&self) -> Unit {
        Unit::Record
    }

    fn schema(&self) -> Arc<Schema> {
        self.schema.clone()
    }

    fn plan(&mut self, _: &Block) -> Result<Arc<dyn Plan>, String> {
        Ok(Arc::new(self.clone()))
    }
}

impl Plan for Struct {
    fn parser(&self) -> Box<dyn Parser> {
        Box::new(StructParser { format: self.clone(), failure: None })
    }
}

struct StructParser {
    format: Struct,
    failure: Option<Failure>,
}

impl Parser for StructParser {
    fn parse(&mut self, block: &Block, wanted: &Wanted) -> Parsed {
        let Struct { layout, schema } = &self.format;
        let records = Records::new(layout, &block.bytes);
        let (rows, torn) = (records.rows(), records.torn());
        // All that there is: nothing says that these are records of this kind at all.
        let is_alone = block.is_first && rows == 0 && !torn.is_empty();
        let reject = is_alone.then(|| Reject {
            line: 0,
            records_before: 0,
            start: 0,
            len: torn.len() as u32,
            why: format!("a torn record of {} bytes; {} make a record", torn.len(), layout.record_bytes).into(),
        });
        self.failure = (!torn.is_empty() && !is_alone).then(|| Failure {
            exit: Exit::Failed,
            at: rows * layout.record_bytes,
            records_before: rows as u32,
            what: format!("the input ends within a record: {} bytes of {}", torn.len(), layout.record_bytes),
        });
        let sent: Vec<bool> = schema.names().map(|name| wanted.has(name)).collect();
        let views = Records::views_pay(layout, &sent);
        let columns = layout.items.iter().zip(&sent).filter(|(_, sent)| **sent).map(|(item, _)| records.column(item, views)).collect();
        let batch = Batch::new(wanted.of(schema), columns, rows, block.origin());
        let batch = batch.unwrap_or_else(|_| unreachable!("the columns are the schema's, and a block has fewer rows than a batch may"));
        Parsed { batch, lines: rows as u32 + u32::from(is_alone), blank: 0, rejects: reject.into_iter().collect() }
    }

    fn row_start(&self, row: usize) -> usize {
        row * self.format.layout.record_bytes
    }

    fn failure(&mut self) -> Option<Failure> {
        self.failure.take()
    }
}

/// Records that are all of the same size.
#[derive(Debug)]
struct Fixed {
    record_bytes: usize,
}

impl Boundary for Fixed {
    fn content(&self) -> Content {
        Content::Bytes
    }

    fn last_end(&self, bytes: &[u8]) -> Option<usize> {
        Some(bytes.len() - bytes.len() % self.record_bytes).filter(|end| *end > 0)
    }

    fn first_end(&self, bytes: &[u8], from: usize) -> Option<usize> {
        Some((from + 1).next_multiple_of(self.record_bytes)).filter(|end| *end <= bytes.len())
    }

    /// No record is too long: the largest is smaller than a block.
    fn resume(&self, _: &[u8]) -> Resume {
        Resume::At(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::testing::block;
    use proptest::prelude::*;

    fn format(text: &str, names: &[&str]) -> Result<Struct, String> {
        let names = names.iter().map(ToString::to_string).collect();
        Struct::new(&Args { positional: vec![text.to_owned()], names, ..Args::default() })
    }

    fn parse(format: &Struct, bytes: &[u8], wanted: &Wanted) -> Parsed {
        format.parser().parse(&block(bytes), wanted)
    }

    #[test]
    fn names_are_given_or_made() {
        assert_eq!(format("<ib", &[]).unwrap().schema.names().collect::<Vec<_>>(), ["f0", "f1"]);
        assert_eq!(format("<ixb", &["a", "b"]).unwrap().schema.names().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(format("<3ib", &["a"]).unwrap_err(), "--names has 1 name, `<3ib` has 4 fields");
        assert!(format("<ib", &["a", "a"]).unwrap_err().contains("stands twice"));
    }

    #[test]
    fn what_is_no_record_ends_the_input() {
        let format = format("<BQ", &["n", "big"]).unwrap();
        let record = |n: u8, top: u8| [n, 1, 0, 0, 0, 0, 0, 0, top];
        let bytes = [&record(0, 0x80)[..], &record(1, 0x7f), &[9, 9]].concat();
        let mut parser = format.parser();
        let parsed = parser.parse(&block(&bytes), &Wanted::all());
        assert_eq!(
            format!("{:?}", parsed.batch),
            r#"[{"n": "0", "big": "9223372036854775809"}, {"n": "1", "big": "9151314442816847873"}]"#
        );
        assert!(format.schema.fields()[1].open && !format.schema.fields()[0].open);
        let Failure { exit, at, records_before, what } = parser.failure().unwrap();
        assert_eq!((exit, at, records_before), (Exit::Failed, 18, 2));
        assert_eq!(what, "the input ends within a record: 2 bytes of 9");
        assert_eq!((parsed.lines, parser.row_start(0), parser.row_start(1)), (2, 0, 9));
    }

    #[test]
    fn blocks_are_cut_at_multiples() {
        let fixed = Fixed { record_bytes: 20 };
        assert_eq!([0, 19, 20, 59].map(|len| fixed.last_end(&vec![0; len])), [None, None, Some(20), Some(40)]);
        assert_eq!([0, 19, 20].map(|from| fixed.first_end(&[0; 40], from)), [Some(20), Some(20), Some(40)]);
        assert_eq!(fixed.first_end(&[0; 40], 40), None);
    }

    proptest! {
        // Any bytes, cut anywhere at a record's end, are the same records; fields that are not wanted change no other.
        #[test]
        fn cuts_do_not_show(bytes in prop::collection::vec(any::<u8>(), 0..400), cut in 0_usize..400) {
            let format = format(">HxQ3sf", &[]).unwrap();
            let shown = |parsed: &Parsed| parsed.batch.rows().map(|row| format!("{row:?}")).collect::<Vec<_>>();
            let whole = parse(&format, &bytes, &Wanted::all());
            let cut = cut.min(bytes.len()) / format.layout.record_bytes * format.layout.record_bytes;
            let parts = [&bytes[..cut], &bytes[cut..]].map(|part| parse(&format, part, &Wanted::all()));
            prop_assert_eq!(shown(&whole), parts.iter().flat_map(shown).collect::<Vec<_>>());
            let some = parse(&format, &bytes, &Wanted::only(vec!["f2".into()]));
            prop_assert_eq!(some.batch.len(), whole.batch.len());
            for (some, whole) in some.batch.rows().zip(whole.batch.rows()) {
                prop_assert_eq!(some.get("f2"), whole.get("f2"));
            }
        }
    }
}
