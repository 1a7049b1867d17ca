//! `xml ELEMENT`: one record for each `<ELEMENT>`, wherever it stands in the document; what lies around is passed over.
//!
//! ```text
//! <bus id="7">                        @id          7
//!   <route>22</route>                 route        22
//!   <stop at="9"><n>Clark</n></stop>  stop.@at     9          stop.n   Clark
//! </bus>
//! ```
//!
//! - Fields are text; a child that is not there is missing, one that is empty is empty. White space is kept as it is.
//! - Several children of one name are one field: a JSON list, in the order of the document, of all that each of them holds
//!   (`tree.rs`). What belongs to one child is never put together with what belongs to another.
//! - Text that stands in the element itself is `#text`. Next to children, white space is no text.
//! - An `<ELEMENT>` within an `<ELEMENT>` is a child like any other.
//! - Names are as they stand in the tags, with the prefix of their namespace.
//! - The five predefined entities and numbers are resolved; document types are passed over, so no other entity is known, nothing
//!   is fetched, and nothing can grow.
//!
//! A document is read in the encoding that it declares; where that is UTF-8, bytes that are not pass through. Several documents may follow each other. A document that is malformed
//! or torn is an error that names the byte; the records before it count, and the rest of the input is not read.
//!
//! The fields are those of the samples; a record with others adds them.

mod boundary;
mod columns;
mod gap;
mod markup;
mod record;
mod text;
mod tree;

use std::sync::Arc;

use recpipe::Exit;
use recpipe::record::{Growing, Schema};

use self::boundary::Ends;
use self::columns::Columns;
use self::gap::{Gap, gap};
use self::markup::Malformed;
use self::record::Records;
use super::continuity::{Continuity, Failure};
use super::growing::Learned;
use super::names::no_fields;
use super::{Args, Format, FormatSpec, Parsed, Parser, Plan, Start, Unit, Wanted};
use crate::input::block::Block;
use crate::input::boundary::Boundary;

pub(super) const SPEC: FormatSpec = FormatSpec {
    name: "xml",
    args: &["ELEMENT"],
    options: &[],
    about: "a record for each <ELEMENT>; its children and @attributes are fields",
    start: Start::Blocks(|args| Ok(Box::new(Xml::new(args)?))),
    fields: "The texts of children and @attributes, by their paths; all of them text. What is repeated is a JSON list.",
    sample: r#"<bus id="7"><route>22</route></bus>"#,
};

struct Xml {
    ends: Arc<Ends>,
    element: Arc<[u8]>,
    args: Args,
    learned: Learned,
}

impl Xml {
    fn new(args: &Args) -> Result<Self, String> {
        let element = args.get(0).trim_start_matches('<').trim_end_matches('>');
        if !markup::is_name(element.as_bytes()) {
            return Err(format!("`{}` is not the name of an element", args.get(0)));
        }
        Ok(Xml { ends: Arc::new(Ends::new(element)), element: element.as_bytes().into(), args: args.clone(), learned: Learned::default() })
    }
}

impl Format for Xml {
    fn boundary(&self) -> Arc<dyn Boundary> {
        self.ends.clone()
    }

    fn unit(&self) -> Unit {
        Unit::Record
    }

    fn schema(&self) -> Arc<Schema> {
        self.learned.schema(&self.args).unwrap_or_else(|_| no_fields())
    }

    fn known_fields(&self) -> Option<Vec<String>> {
        None
    }

    fn learns(&self) -> bool {
        true
    }

    fn sample(&mut self, first: &Block) -> Result<(), String> {
        if !self.learned.is_over() {
            let mut parser = XmlParser::new(self.element.clone(), Arc::new(Growing::new(no_fields())));
            self.learned.add(&parser.parse(first, &Wanted::all()).batch);
        }
        Ok(())
    }

    fn plan(&mut self, first: &Block) -> Result<Arc<dyn Plan>, String> {
        let growing = self.learned.growing(&self.args).map_err(|e| format!("{}: {e}", first.source))?;
        Ok(Arc::new(XmlPlan { element: self.element.clone(), growing }))
    }
}

struct XmlPlan {
    element: Arc<[u8]>,
    growing: Arc<Growing>,
}

impl Plan for XmlPlan {
    fn growing(&self) -> Option<&Arc<Growing>> {
        Some(&self.growing)
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::new(XmlParser::new(self.element.clone(), self.growing.clone()))
    }
}

struct XmlParser {
    element: Arc<[u8]>,
    growing: Arc<Growing>,
    columns: Columns,
    records: Records,
    starts: Vec<u32>,
    continuity: Continuity,
    failure: Option<Failure>,
}

impl XmlParser {
    fn new(element: Arc<[u8]>, growing: Arc<Growing>) -> Self {
        let (columns, records, starts) = (Columns::new(), Records::default(), Vec::new());
        XmlParser { element, growing, columns, records, starts, continuity: Continuity::default(), failure: None }
    }

    /// Fills the columns.
    fn read(&mut self, block: &Block, wanted: &Wanted) {
        self.columns.begin(self.growing.schema());
        self.columns.want(wanted);
        self.starts.clear();
        self.continuity = Continuity::default();
        let ended = head(block).and_then(|()| self.pieces(&block.bytes, wanted));
        let records_before = self.columns.rows() as u32;
        self.failure = ended.err().map(|e| Failure { exit: Exit::Failed, at: e.at, records_before, what: e.what.into_owned() });
    }

    /// Takes one thing after the other, up to the end of the block.
    fn pieces(&mut self, bytes: &[u8], wanted: &Wanted) -> Result<(), Malformed> {
        let mut at = 0;
        loop {
            let rows = self.columns.rows() as u32;
            let placed = |at| move |what: String| Malformed::new(at, what);
            at = match gap(bytes, at, &self.element)? {
                Gap::Record(start) => {
                    self.starts.push(start as u32);
                    self.records.record(bytes, start, &mut self.columns, wanted)?
                }
                Gap::Open(name, tag) => {
                    self.continuity.open(&bytes[name]).map_err(placed(tag.start))?;
                    tag.end
                }
                Gap::Close(name, tag) => {
                    self.continuity.close(&bytes[name], tag.start, rows).map_err(placed(tag.start))?;
                    tag.end
                }
                Gap::Text(text) => {
                    self.continuity.text(text.start, rows);
                    text.end
                }
                Gap::Nothing(end) => end,
                Gap::Done => return Ok(()),
                Gap::Incomplete(from) => return Err(Malformed::new(from, "the document ends within a tag")),
            };
        }
    }
}

/// Whether the document is in an encoding that is read, which its first block tells.
fn head(block: &Block) -> Result<(), Malformed> {
    if !block.is_first {
        return Ok(());
    }
    // A known one was made UTF-8 when it was read.
    match declared(&block.bytes).filter(|name| encoding_rs::Encoding::for_label(name.as_bytes()).is_none()) {
        None => Ok(()),
        Some(name) => {
            let what = format!("the document is in {name}, which is not known; made UTF-8, and without the declaration, it could be read");
            Err(Malformed::new(0, what))
        }
    }
}

/// The encoding that an XML declaration names.
fn declared(bytes: &[u8]) -> Option<String> {
    let inner = bytes.strip_prefix(b"<?xml")?;
    let declaration = &inner[..memchr::memmem::find(inner, b"?>")?];
    let value = &declaration[memchr::memmem::find(declaration, b"encoding")? + 8..];
    let quoted = value.trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let (quote, rest) = quoted.split_first()?;
    let name = &rest[..memchr::memchr(*quote, rest)?];
    let is_plain = name.len() < 40 && name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(byte));
    Some(if is_plain { String::from_utf8_lossy(name).into_owned() } else { "an unknown encoding".to_owned() })
}

impl Parser for XmlParser {
    fn parse(&mut self, block: &Block, wanted: &Wanted) -> Parsed {
        self.read(block, wanted);
        let batch = self.columns.batch(&self.columns.schema(), wanted, block.origin());
        Parsed { lines: batch.len() as u32, blank: 0, batch, rejects: Vec::new() }
    }

    fn row_start(&self, row: usize) -> usize {
        self.starts.get(row).map_or(0, |start| *start as usize)
    }

    fn failure(&mut self) -> Option<Failure> {
        self.failure.take()
    }

    fn continuity(&mut self) -> Option<Continuity> {
        Some(std::mem::take(&mut self.continuity))
    }
}

#[cfg(test)]
mod tests;
