//! `csv` and `tsv`: the first row says what the fields are called.
//!
//! What a row is, and a field, is said by `rows.rs` and `delimited.rs`; what comes before the records by `header.rs`. Of csv, rows with
//! nothing in them are passed over; of tsv with one column, such a row is a record. A name that stands twice gets a number (`a`, `a_2`),
//! a column without a name is called after its place (`_3`). A row that has as many fields as there are names and then one delimiter more,
//! with nothing after it, is read without it (`ends.rs`): each row by itself, so that no row depends on which others are in its file.
//!
//! # Types
//!
//! Cells have none: each is a number or text by its own bytes (`untyped.rs`), and no row is lost for that. Quoted or not makes no difference;
//! a cell with a quote in it is text. [`Args::casts`] says what a field is to be.
//!
//! Before the first byte of the table is looked at, `--skip-lines` are left out, and where lines end in CR alone, it is taken for a newline:
//! where the first 64 KiB have one and no newline.
//!
//! # Several files
//!
//! The fields are those of all headers together, by name; a field that a file does not have is missing in its records. Of a file without
//! records the header counts only if none has any.

mod beginning;
mod delimited;
mod ends;
mod header;
mod rows;

use std::collections::HashMap;
use std::sync::Arc;

use recpipe::record::{Field, Schema, Type};

use self::beginning::Beginning;
use self::delimited::Delimited;
use self::ends::Ends;
use self::header::{Head, head};
use self::rows::{FieldSpan, Row, Rows, Torn, unescape};
use super::names::no_fields;
use super::table::Table;
use super::untyped::{CellReader, Sampled};
use super::{Args, Format, FormatOption, FormatSpec, NumberForm, Parsed, Parser, Plan, Reject, Start, Unit, Wanted};
use crate::input::block::Block;
use crate::input::boundary::Boundary;

pub(super) const CSV: FormatSpec = FormatSpec {
    name: "csv",
    args: &[],
    options: &[
        FormatOption::Names,
        FormatOption::NoHeader,
        FormatOption::SkipLines,
        FormatOption::Comment,
        FormatOption::Delimiter,
        FormatOption::Decimal,
        FormatOption::Thousands,
        FormatOption::Null,
    ],
    about: "comma-separated values; the first row names the fields",
    start: Start::Blocks(|args| Ok(Box::new(Csv::new(args.delimiter.map_or(delimited::CSV, Delimited::quoting), args)))),
    fields: "Those that the first row names; of several files together, by name.",
    sample: "id,price\n1,9.50",
};

pub(super) const TSV: FormatSpec = FormatSpec {
    name: "tsv",
    args: &[],
    options: &[
        FormatOption::Names,
        FormatOption::NoHeader,
        FormatOption::SkipLines,
        FormatOption::Comment,
        FormatOption::Quotes,
        FormatOption::Decimal,
        FormatOption::Thousands,
        FormatOption::Null,
    ],
    about: "tab-separated values, as consumer tsv writes them: no quotes; the first row names the fields",
    start: Start::Blocks(|args| {
        let kind = if args.quotes { Delimited::quoting(b'\t') } else { delimited::TSV };
        Ok(Box::new(Csv::new(kind, args)))
    }),
    fields: "Those that the first row names; of several files together, by name.",
    sample: "id\tprice\n1\t9.50",
};

struct Csv {
    kind: Delimited,
    args: Args,
    /// The columns of all inputs so far, in the order in which they came.
    columns: Vec<(String, Sampled)>,
    /// Those of inputs without records, which count if there are no others.
    empty: Vec<String>,
    /// A plan was made: the types of the columns are settled.
    is_planned: bool,
    /// The fields that are sent.
    schema: Arc<Schema>,
    /// How the rows of all inputs end.
    ends: Arc<Ends>,
}

impl Csv {
    fn new(kind: Delimited, args: &Args) -> Self {
        Csv {
            kind,
            args: args.clone(),
            columns: Vec::new(),
            empty: Vec::new(),
            is_planned: false,
            schema: no_fields(),
            ends: Arc::default(),
        }
    }

    /// The fields by now, with their types.
    fn fields(&self) -> Result<Arc<Schema>, String> {
        let sent = self.columns.iter().filter(|(name, _)| self.args.sends(name));
        let fields = sent.map(|(name, sampled)| Field::open(name.clone(), self.reader(name, *sampled).kind)).collect();
        Schema::new(fields).map(Arc::new).map_err(|e| e.to_string())
    }

    fn reader(&self, name: &str, sampled: Sampled) -> CellReader {
        let (nulls, form) = (self.args.nulls.clone(), self.args.number_form);
        let asked = self.args.casts.iter().find(|(cast, _)| cast == name).map(|(_, kind)| *kind);
        match asked {
            // What is asked to be a number is read by its form; what is none stays text, which the cast rejects.
            Some(Type::Int | Type::Float) if form != NumberForm::default() => sampled.reader(nulls).of_written(form),
            Some(_) => CellReader::text(nulls),
            None => sampled.reader(nulls).of_written(form),
        }
    }

    /// The samples are all there: looks for mistakes in what was typed.
    fn settle(&mut self, first: &Block) -> Result<(), String> {
        if std::mem::replace(&mut self.is_planned, true) {
            return Ok(());
        }
        if self.columns.is_empty() {
            self.columns = self.empty.drain(..).map(|name| (name, Sampled::default())).collect();
        }
        let names: Vec<String> = self.columns.iter().map(|(name, _)| name.clone()).collect();
        self.args.check(&names).map_err(|mistake| format!("{}: {mistake}", first.source))
    }

    /// How the rows of the input are read that begins with this block, and what is before them.
    fn layout(&self, first: &Block) -> Result<(Layout, Head), String> {
        let kind = self.kind.as_of(first.dialect);
        let head = head(kind, &self.args, first)?;
        Ok((Layout { kind, comment: self.args.comment.clone(), columns: head.names.len() }, head))
    }
}

impl Format for Csv {
    fn boundary(&self) -> Arc<dyn Boundary> {
        Arc::new(Beginning::new(self.kind, &self.args))
    }

    fn unit(&self) -> Unit {
        Unit::Row
    }

    fn schema(&self) -> Arc<Schema> {
        self.schema.clone()
    }

    fn known_fields(&self) -> Option<Vec<String>> {
        None
    }

    fn learns(&self) -> bool {
        true
    }

    fn sample(&mut self, first: &Block) -> Result<(), String> {
        let (layout, head) = self.layout(first)?;
        let (rows, sampled) = layout.sampled(&first.bytes[head.bytes..], &self.args);
        if rows == 0 && !self.is_planned {
            let new: Vec<String> = head.names.into_iter().filter(|name| !self.empty.contains(name)).collect();
            self.empty.extend(new);
            return Ok(());
        }
        let places: HashMap<String, usize> = self.columns.iter().enumerate().map(|(place, (name, _))| (name.clone(), place)).collect();
        for (name, sampled) in head.names.into_iter().zip(sampled) {
            match places.get(&name) {
                None => self.columns.push((name, sampled)),
                // What is settled stays.
                Some(&place) if !self.is_planned || self.columns[place].1.is_empty() => self.columns[place].1.join(sampled),
                Some(_) => {}
            }
        }
        Ok(())
    }

    fn plan(&mut self, first: &Block) -> Result<Arc<dyn Plan>, String> {
        let (layout, Head { names, bytes }) = self.layout(first)?;
        if !names.is_empty() {
            self.settle(first)?;
        }
        let mut places: HashMap<&str, usize> = self.columns.iter().enumerate().map(|(place, (name, _))| (name.as_str(), place)).collect();
        let new: Vec<String> = names.iter().filter(|name| !places.contains_key(name.as_str())).cloned().collect();
        if !new.is_empty() || self.schema.is_empty() {
            self.columns.extend(new.into_iter().map(|name| (name, Sampled::default())));
            places = self.columns.iter().enumerate().map(|(place, (name, _))| (name.as_str(), place)).collect();
        }
        let schema = self.fields().map_err(|e| format!("{}: {e}", first.source))?;
        let sent: HashMap<&str, usize> = schema.names().enumerate().map(|(place, name)| (name, place)).collect();
        let column = |name: &String| {
            let field = *sent.get(name.as_str())?;
            Some((field, self.reader(name, self.columns[*places.get(name.as_str())?].1)))
        };
        let columns = names.iter().map(column).collect();
        self.schema = if *schema == *self.schema { self.schema.clone() } else { schema };
        Ok(Arc::new(CsvPlan {
            layout,
            head_bytes: first.start as usize + bytes,
            columns,
            schema: self.schema.clone(),
            ends: self.ends.clone(),
        }))
    }

    fn remark(&self) -> Option<String> {
        self.ends.remark()
    }
}

/// How the rows of an input are read.
#[derive(Debug, Clone)]
struct Layout {
    kind: Delimited,
    comment: Option<String>,
    columns: usize,
}

impl Layout {
    /// Whether a row is no record, and nothing is wrong with it.
    fn passes_over(&self, block: &[u8], row: &Row<'_>) -> bool {
        let is_record = !self.kind.has_quotes() && self.columns == 1;
        row.is_blank() && !is_record || self.comment.as_ref().is_some_and(|comment| block[row.start..].starts_with(comment.as_bytes()))
    }

    /// The fields of a row, without what follows a delimiter that is one too many at its end, or what is wrong with it.
    fn fields<'a>(&self, row: &Row<'a>) -> Result<&'a [FieldSpan], String> {
        let nth = row.fields.len() + 1;
        match row.torn {
            Some(Torn::TextAfter) => return Err(format!("text follows the quote that closes field {nth}")),
            Some(Torn::Open) => {
                return Err(format!("field {nth} begins with a quote, and none before a delimiter or a line end closes it"));
            }
            None => {}
        }
        match row.fields {
            fields if fields.len() == self.columns => Ok(fields),
            // Not `""`, which was written.
            [fields @ .., last] if fields.len() == self.columns && last.start as usize == row.end => Ok(fields),
            fields => {
                let s = if fields.len() == 1 { "" } else { "s" };
                Err(format!("{} field{s} where the header has {}", fields.len(), self.columns))
            }
        }
    }

    /// The number of rows that are records, and what their columns hold.
    fn sampled(&self, block: &[u8], args: &Args) -> (usize, Vec<Sampled>) {
        let (mut rows, mut sampled) = (0, vec![Sampled::default(); self.columns]);
        Rows::default().read(self.kind, block, |row| {
            let Some(fields) = self.fields(&row).ok().filter(|_| !self.passes_over(block, &row)) else { return };
            rows += 1;
            for (sampled, spot) in sampled.iter_mut().zip(fields) {
                let raw = &block[spot.start as usize..][..spot.len as usize];
                if spot.escaped {
                    sampled.add_text();
                } else if !raw.is_empty() && !args.nulls.has(raw) {
                    sampled.add_written(args.number_form, raw);
                }
            }
        });
        (rows, sampled)
    }
}

#[derive(Debug, Clone)]
struct CsvPlan {
    layout: Layout,
    head_bytes: usize,
    /// For each column of the input: its place among the fields, if it is sent, and how its cells are read.
    columns: Vec<Option<(usize, CellReader)>>,
    schema: Arc<Schema>,
    ends: Arc<Ends>,
}

impl Plan for CsvPlan {
    fn head_bytes(&self) -> usize {
        self.head_bytes
    }

    fn parser(&self) -> Box<dyn Parser> {
        let (rows, read) = (Rows::default(), self.columns.clone());
        Box::new(CsvParser { plan: self.clone(), rows, table: Table::open(), wanted: Wanted::all(), read })
    }
}

struct CsvParser {
    plan: CsvPlan,
    rows: Rows,
    table: Table,
    /// What is read of each column, since nobody reads others.
    read: Vec<Option<(usize, CellReader)>>,
    wanted: Wanted,
}

impl Parser for CsvParser {
    fn parse(&mut self, block: &Block, wanted: &Wanted) -> Parsed {
        if !self.wanted.is_same(wanted) {
            self.wanted = wanted.clone();
            let is_read = |(field, _): &(usize, CellReader)| wanted.has(&self.plan.schema.fields()[*field].name);
            self.read = self.plan.columns.iter().map(|column| column.clone().filter(is_read)).collect();
        }
        let CsvParser { plan, rows, table, read, .. } = self;
        let bytes = &block.bytes;
        table.reset(plan.schema.fields().iter().map(|field| field.kind));
        let (mut rejects, mut counted, mut line) = (Vec::new(), 0, 0);
        let (mut trailing, mut first_trailing) = (0, 0);
        rows.read(plan.layout.kind, bytes, |row| {
            if plan.layout.passes_over(bytes, &row) {
                return;
            }
            if let Err(why) = take(&plan.layout, bytes, &row, read, table) {
                line += memchr::memchr_iter(b'\n', &bytes[counted..row.start]).count() as u32;
                counted = row.start;
                let (start, len) = (row.start as u32, (row.end - row.start) as u32);
                rejects.push(Reject { line, records_before: table.rows() as u32, start, len, why: why.into() });
            } else if row.fields.len() > plan.layout.columns {
                if trailing == 0 {
                    first_trailing = row.start;
                }
                trailing += 1;
            }
        });
        plan.ends.count(block, table.rows() as u64, trailing, first_trailing);
        let torn_end = u32::from(bytes.last().is_some_and(|&last| last != b'\n'));
        let lines = memchr::memchr_iter(b'\n', bytes).count() as u32 + torn_end;
        Parsed { batch: table.batch(bytes, &plan.schema, wanted, block.origin()), lines, blank: 0, rejects }
    }

    fn row_start(&self, row: usize) -> usize {
        self.table.row_start(row)
    }
}

/// Adds a row to the table, or says what is wrong with it.
fn take(layout: &Layout, bytes: &[u8], row: &Row<'_>, columns: &[Option<(usize, CellReader)>], table: &mut Table) -> Result<(), String> {
    let fields = layout.fields(row)?;
    table.begin(row.start);
    for (spot, column) in fields.iter().zip(columns) {
        let Some((column, reader)) = column else { continue };
        let raw = &bytes[spot.start as usize..][..spot.len as usize];
        if spot.escaped {
            table.own_text(*column, |own| unescape(layout.kind, raw, own));
        } else {
            reader.put(table, *column, spot.start as usize, raw);
        }
    }
    table.commit();
    Ok(())
}

#[cfg(test)]
mod tests;
