//! `csv` and `tsv`: the first row says what the fields are called.
//!
//! What a row is, and a field, is said by `rows.rs` and `delimited.rs`. Of csv, rows with nothing in them are passed over; of tsv
//! with one column, such a row is a record. A byte order mark is passed over. A name that stands twice gets a number (`a`, `a_2`), a
//! column without a name is called after its place (`_3`). Where the first record has one field more than there are names, and
//! nothing in it, each line ends with a delimiter too many, and that last field is none.
//!
//! # Types
//!
//! They are guessed from the first block of the input in which a column first appears: an int or a float if everything there that is not
//! empty clearly is one (`number.rs`), otherwise text; [`Args::casts`] says so instead. An empty field is null as a number, and
//! an empty text as text. A later value that does not fit makes its row a reject, which names the column: a number that
//! silently became null would be a wrong answer.

mod delimited;
mod header;
mod number;
mod rows;

use std::collections::HashMap;
use std::sync::Arc;

use recpipe::record::{Field, Schema, Type};

use self::delimited::Delimited;
use self::header::{Head, head};
use self::rows::{Row, Rows, Spot, unescape};
use super::table::Table;
use super::{Args, Format, FormatOption, FormatSpec, Parsed, Parser, Plan, Reject, Start, Unit, Wanted};
use crate::input::block::Block;
use crate::input::boundary::Boundary;

pub(super) const CSV: FormatSpec = FormatSpec {
    name: "csv",
    args: &[],
    options: &[FormatOption::Names, FormatOption::NoHeader, FormatOption::Comment, FormatOption::Delimiter],
    about: "comma-separated values; the first row names the fields",
    start: Start::Blocks(|args| Ok(Box::new(Csv::new(args.delimiter.map_or(delimited::CSV, Delimited::quoting), args)))),
};

pub(super) const TSV: FormatSpec = FormatSpec {
    name: "tsv",
    args: &[],
    options: &[FormatOption::Names, FormatOption::NoHeader, FormatOption::Comment],
    about: "tab-separated values, as consumer tsv writes them: no quotes; the first row names the fields",
    start: Start::Blocks(|args| Ok(Box::new(Csv::new(delimited::TSV, args)))),
};

struct Csv {
    kind: Delimited,
    args: Args,
    /// The types of all columns so far: they hold for the inputs to come.
    types: HashMap<String, Type>,
    /// The fields of the last input.
    schema: Arc<Schema>,
}

impl Csv {
    fn new(kind: Delimited, args: &Args) -> Self {
        Csv { kind, args: args.clone(), types: HashMap::new(), schema: empty() }
    }
}

fn empty() -> Arc<Schema> {
    Arc::new(Schema::new(Vec::new()).unwrap_or_else(|_| unreachable!("no fields")))
}

impl Format for Csv {
    fn boundary(&self) -> Arc<dyn Boundary> {
        Arc::new(self.kind)
    }

    fn unit(&self) -> Unit {
        Unit::ROW
    }

    fn schema(&self) -> Arc<Schema> {
        self.schema.clone()
    }

    fn known_fields(&self) -> Option<Vec<String>> {
        None
    }

    fn plan(&mut self, first: &Block) -> Result<Arc<dyn Plan>, String> {
        let kind = self.kind.as_of(first.dialect);
        let Head { names, bytes: head_bytes } = head(kind, &self.args, first)?;
        if self.types.is_empty() {
            self.args.check(&names).map_err(|mistake| format!("{}: {mistake}", first.source))?;
        }
        let trails = trails(kind, &self.args, &first.bytes[head_bytes..], names.len());
        let guessed = guess(kind, &first.bytes[head_bytes..], names.len(), trails);
        let (mut columns, mut fields) = (Vec::new(), Vec::new());
        for (name, guessed) in names.into_iter().zip(guessed) {
            if !self.args.sends(&name) {
                columns.push(None);
                continue;
            }
            let known = self.types.get(&name).copied();
            let kind = if self.args.is_cast(&name) { Type::Text } else { known.unwrap_or(guessed) };
            if known.is_none() {
                self.types.insert(name.clone(), kind);
            }
            columns.push(Some((fields.len(), kind)));
            fields.push(Field::new(name, kind));
        }
        let schema = Schema::new(fields).map_err(|e| format!("{}: {e}", first.source))?;
        self.schema = Arc::new(schema);
        let comment = self.args.comment.clone();
        Ok(Arc::new(CsvPlan { kind, comment, head_bytes, columns, trails, schema: self.schema.clone() }))
    }
}

/// Whether the first record has an empty field more than there are names.
fn trails(kind: Delimited, args: &Args, block: &[u8], columns: usize) -> bool {
    let mut first = None;
    Rows::default().read(kind, block, |row| {
        if first.is_none() && !row.is_blank() && !args.is_comment(&block[row.start..]) {
            first = Some(!row.is_torn && row.fields.len() == columns + 1 && row.fields.last().is_some_and(|spot| spot.len == 0));
        }
    });
    first.unwrap_or(false)
}

/// The fields, without an empty one that is too many if each line `trails` a delimiter.
fn without_trail(fields: &[Spot], trails: bool, columns: usize) -> &[Spot] {
    match fields {
        [fields @ .., last] if trails && last.len == 0 && fields.len() == columns => fields,
        fields => fields,
    }
}

/// The types that the columns seem to have.
fn guess(kind: Delimited, block: &[u8], columns: usize, trails: bool) -> Vec<Type> {
    // Null: nothing but empty fields so far.
    let mut types = vec![Type::Null; columns];
    Rows::default().read(kind, block, |row| {
        let fields = without_trail(row.fields, trails, columns);
        if row.is_torn || fields.len() != columns {
            return;
        }
        for (guess, spot) in types.iter_mut().zip(fields) {
            let raw = &block[spot.start as usize..][..spot.len as usize];
            if *guess == Type::Text || raw.is_empty() {
                continue;
            }
            *guess = match *guess {
                _ if spot.escaped => Type::Text,
                Type::Null | Type::Int if number::int(raw).is_some() => Type::Int,
                _ if number::float(raw).is_some() => Type::Float,
                _ => Type::Text,
            };
        }
    });
    types.into_iter().map(|guess| if guess == Type::Null { Type::Text } else { guess }).collect()
}

#[derive(Debug, Clone)]
struct CsvPlan {
    kind: Delimited,
    comment: Option<String>,
    head_bytes: usize,
    /// Each row ends with a delimiter too many.
    trails: bool,
    /// For each column of the input: its place among the fields and its type, if it is sent.
    columns: Vec<Option<(usize, Type)>>,
    schema: Arc<Schema>,
}

impl Plan for CsvPlan {
    fn head_bytes(&self) -> usize {
        self.head_bytes
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::new(CsvParser { plan: self.clone(), rows: Rows::default(), table: Table::default() })
    }
}

struct CsvParser {
    plan: CsvPlan,
    rows: Rows,
    table: Table,
}

impl Parser for CsvParser {
    fn parse(&mut self, block: &Block, wanted: &Wanted) -> Parsed {
        let CsvParser { plan, rows, table } = self;
        let bytes = &block.bytes;
        table.reset(plan.schema.fields().iter().map(|field| field.kind));
        let (mut rejects, mut counted, mut line) = (Vec::new(), 0, 0);
        rows.read(plan.kind, bytes, |row| {
            if plan.passes_over(bytes, &row) {
                return;
            }
            if let Err(why) = plan.take(bytes, &row, table) {
                line += memchr::memchr_iter(b'\n', &bytes[counted..row.start]).count() as u32;
                counted = row.start;
                let (start, len) = (row.start as u32, (row.end - row.start) as u32);
                rejects.push(Reject { line, records_before: table.rows() as u32, start, len, why: why.into() });
            }
        });
        let torn_end = u32::from(bytes.last().is_some_and(|&last| last != b'\n'));
        let lines = memchr::memchr_iter(b'\n', bytes).count() as u32 + torn_end;
        Parsed { batch: table.batch(bytes, &plan.schema, wanted, block.origin()), lines, blank: 0, rejects }
    }

    fn row_start(&self, row: usize) -> usize {
        self.table.row_start(row)
    }
}

impl CsvPlan {
    /// Whether a row is no record, and nothing is wrong with it.
    fn passes_over(&self, bytes: &[u8], row: &Row<'_>) -> bool {
        let is_record = !self.kind.has_quotes() && self.columns.len() == 1;
        row.is_blank() && !is_record || self.comment.as_ref().is_some_and(|comment| bytes[row.start..].starts_with(comment.as_bytes()))
    }

    /// Adds a row to the table, or says what is wrong with it.
    fn take(&self, bytes: &[u8], row: &Row<'_>, table: &mut Table) -> Result<(), String> {
        if row.is_torn {
            let nth = row.fields.len() + 1;
            return Err(format!("field {nth} begins with a quote, and none before a delimiter or a line end closes it"));
        }
        let fields = without_trail(row.fields, self.trails, self.columns.len());
        if fields.len() != self.columns.len() {
            return Err(format!("{} fields where the header has {}", row.fields.len(), self.columns.len()));
        }
        table.begin(row.start);
        for (spot, column) in fields.iter().zip(&self.columns) {
            let &Some((column, kind)) = column else { continue };
            let (start, len) = (spot.start as usize, spot.len as usize);
            let raw = &bytes[start..][..len];
            let number = match kind {
                Type::Int if !spot.escaped => number::int(raw),
                Type::Float if !spot.escaped => number::float(raw).map(|float| float.to_bits() as i64),
                Type::Int | Type::Float => None,
                _ if spot.escaped => {
                    table.own_text(column, |own| unescape(self.kind, raw, own));
                    continue;
                }
                _ => {
                    table.text(column, start, len);
                    continue;
                }
            };
            match number {
                Some(number) => table.number(column, number),
                None if raw.is_empty() => table.null(column),
                None => {
                    table.cancel(table.columns());
                    let name = self.schema.fields()[column].name.escape_debug();
                    return Err(format!("`{name}` is not {kind} as it was at first (--cast {name}=str takes all)"));
                }
            }
        }
        table.commit();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::block;
    use super::*;
    use proptest::prelude::*;

    /// Reads `text` in blocks cut at these places (moved to the next end of a row): the schema, the records and the rejects.
    fn read(args: &Args, text: &[u8], cuts: &[usize]) -> Result<(String, Vec<String>, Vec<String>), String> {
        let whole = block(text);
        let plan = Csv::new(delimited::CSV, args).plan(&whole)?;
        let mut parser = plan.parser();
        let body = &text[plan.head_bytes()..];
        let (mut ends, mut at) = (Vec::new(), 0);
        while at < body.len() {
            at += delimited::CSV.end_in_block(&body[at..]);
            ends.push(at);
        }
        let (mut from, mut records, mut rejects, mut line) = (0, Vec::new(), Vec::new(), 0);
        let mut schema = String::new();
        for cut in cuts.iter().copied().chain([usize::MAX]) {
            if cut < from || from == body.len() && from > 0 {
                continue;
            }
            let to = if cut >= body.len() { body.len() } else { ends.iter().copied().find(|&end| end >= cut).unwrap_or(body.len()) };
            let piece = block(&body[from..to]);
            let parsed = parser.parse(&piece, &Wanted::all());
            let fields = parsed.batch.schema().fields();
            schema = fields.iter().map(|f| format!("{} {}", f.name, f.kind)).collect::<Vec<_>>().join(", ");
            records.extend(parsed.batch.rows().map(|row| row.values().map(|v| format!("{v:?}")).collect::<Vec<_>>().join(" ")));
            rejects.extend(
                parsed.rejects.iter().map(|r| format!("{} {} {:?}", line + r.line, r.why, String::from_utf8_lossy(r.text(&piece.bytes)))),
            );
            line += parsed.lines;
            from = to;
        }
        Ok((schema, records, rejects))
    }

    fn schema(text: &str) -> String {
        read(&Args::default(), text.as_bytes(), &[]).unwrap().0
    }

    #[test]
    fn types_are_guessed() {
        assert_eq!(schema("i,f,m,t,e,z\n1,1.5,1,x,,01\n,2e3,2.5,1,,2\n-7,,3,,,3\n"), "i int, f float, m float, t text, e text, z text");
        assert_eq!(schema("a"), "a text");
        let args = Args { casts: vec![("a".to_owned(), Type::Text)], ..Args::default() };
        assert_eq!(read(&args, b"a,b\n1,2\n", &[]).unwrap().0, "a text, b int");
        let args = Args { fields: Some(["b".to_owned()].into()), ..Args::default() };
        assert_eq!(read(&args, b"a,b\n1,2\n", &[]).unwrap().0, "b int");
        let args = Args { fields: Some(["bb".to_owned()].into()), ..Args::default() };
        assert!(read(&args, b"a,b\n1,2\n", &[]).unwrap_err().contains("did you mean `b`?"));
        assert!(read(&Args::default(), b"\"a,b\n1,2\n", &[]).unwrap_err().contains("not closed"));
    }

    #[test]
    fn rows_that_do_not_fit_are_rejects_with_a_reason() {
        // What fits is decided by the first block.
        let text = b"a,b\n1,x\n2\n\n3,y,z\n4,\"q\n";
        let (_, records, rejects) = read(&Args::default(), text, &[]).unwrap();
        assert_eq!(records, ["Int(1) Text([120])"]);
        assert_eq!(
            rejects,
            [
                "1 1 fields where the header has 2 \"2\"",
                "3 3 fields where the header has 2 \"3,y,z\"",
                "4 field 2 begins with a quote, and none before a delimiter or a line end closes it \"4,\\\"q\""
            ]
        );
        let mut csv = Csv::new(delimited::CSV, &Args::default());
        let plan = csv.plan(&block(b"a,b\n1,x\n")).unwrap();
        let later = block(b"2,x\ny,z\n\n\"\",\"a\"\"b\"\n");
        let parsed = plan.parser().parse(&later, &Wanted::all());
        assert_eq!(format!("{:?}", parsed.batch.row(1).get("a")), "Some(Null)");
        assert_eq!(parsed.batch.row(1).get("b"), Some(recpipe::Value::Text(b"a\"b")));
        assert_eq!(parsed.rejects[0].why, "`a` is not int as it was at first (--cast a=str takes all)");
        // And the types hold for the inputs to come.
        let other = csv.plan(&block(b"c,a\n1,x\n")).unwrap().parser().parse(&block(b"1,x\n"), &Wanted::all());
        assert_eq!((other.batch.len(), other.rejects.len()), (0, 1));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        #[test]
        fn however_it_is_cut_it_gives_the_same(
            body in proptest::collection::vec(prop_oneof![3 => Just(b'1'), 1 => Just(b'x'), 3 => Just(b','), 2 => Just(b'"'), 3 => Just(b'\n'), 1 => Just(b'\r')], 0..80),
            mut cuts in proptest::collection::vec(0..80_usize, 0..6),
        ) {
            let text = [b"a,b\n", &body[..]].concat();
            cuts.sort_unstable();
            prop_assert_eq!(read(&Args::default(), &text, &cuts).unwrap(), read(&Args::default(), &text, &[]).unwrap());
        }
    }
}
