//! `pickle`: a stream of pickled dicts, as `pickle.dump` writes them one after the other, in protocols 0 to 5.
//!
//! The values of a dict are the fields of a record: `None`, booleans, numbers, text and bytes, and objects of a few classes of Python's
//! library and of numpy, such as `datetime` (`machine/known.rs`). Dicts in it flatten as in `json`, and lists, tuples and sets are JSON text. A
//! list of dicts is a record each; anything else is a record with the field `value`, or with those that `--names` gives to its parts.
//! Text with bytes hidden in it (`surrogateescape`) is those bytes. A pickle is data here: nothing is imported or called, whatever it
//! says ([`machine`]). One that is torn or malformed ends the reading, since where the next begins cannot be known; so does one that is
//! itself a call: such a stream was not written for its data. A dict with an object of any other class, which is named, is a reject.
//!
//! Each value is of the type that it has in Python; an integer that 128 bits do not hold is text with its digits. A record has the fields
//! that its dict has. The fields of the stream are the keys of the samples, and then what comes.

mod cells;
mod fields;
mod json_text;
mod machine;
mod opcode;
mod text;

use std::sync::Arc;

use bytes::Buf;
use recpipe::Exit;
use recpipe::record::{Growing, Schema};
use recpipe::times::Times;

use self::fields::{Fields, Refused};
use self::machine::{Item, Loaded, Machine};
use self::opcode::Pickles;
use super::continuity::Failure;
use super::growing::Learned;
use super::names::{Names, no_fields};
use super::table::Table;
use super::{Args, Format, FormatOption, FormatSpec, Parsed, Parser, Plan, Reject, Start, Unit, Wanted};
use crate::input::block::Block;
use crate::input::boundary::Boundary;

pub(super) const SPEC: FormatSpec = FormatSpec {
    name: "pickle",
    args: &[],
    options: &[FormatOption::Names],
    about: "a stream of pickled dicts, or of anything else, from Python; nothing is ever executed",
    start: Start::Blocks(|args| Ok(Box::new(Pickle::new(args)))),
    fields: "The keys of the dicts, with the types of their values; nested ones flatten to a.b, and lists are text. What is no\n  \
             dict has the field value, or those that --names gives to its parts.",
    sample: "pickle.dump({\"id\": 1}, out)",
};

struct Pickle {
    args: Args,
    learned: Learned,
}

impl Pickle {
    fn new(args: &Args) -> Self {
        Pickle { args: args.clone(), learned: Learned::default() }
    }
}

impl Format for Pickle {
    fn boundary(&self) -> Arc<dyn Boundary> {
        Arc::new(Pickles)
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
        if self.learned.is_over() {
            return Ok(());
        }
        let mut parser = PickleParser::new(Names::of_samples(&self.args));
        let mut rest = first.clone();
        loop {
            self.learned.add(&parser.parse(&rest, &Wanted::all()).batch);
            let Some(at) = parser.stopped_at else { return Ok(()) };
            rest.bytes.advance(at);
        }
    }

    fn plan(&mut self, first: &Block) -> Result<Arc<dyn Plan>, String> {
        let growing = self.learned.growing(&self.args).map_err(|e| format!("{}: {e}", first.source))?;
        Ok(Arc::new(PicklePlan { args: self.args.clone(), growing }))
    }
}

struct PicklePlan {
    args: Args,
    growing: Arc<Growing>,
}

impl Plan for PicklePlan {
    fn growing(&self) -> Option<&Arc<Growing>> {
        Some(&self.growing)
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::new(PickleParser::new(Names::new(self.args.clone(), self.growing.clone())))
    }
}

struct PickleParser {
    /// `--names`.
    given: Vec<String>,
    machine: Machine,
    fields: Fields,
    table: Table,
    failure: Option<Failure>,
    /// The pickle that does not fit with those before it.
    stopped_at: Option<usize>,
}

impl PickleParser {
    fn new(names: Names) -> Self {
        let times = Times { zone: names.args().zone.clone().unwrap_or_default(), before: None };
        PickleParser {
            given: names.args().names.clone(),
            machine: Machine::new(times),
            fields: Fields::new(names),
            table: Table::open(),
            failure: None,
            stopped_at: None,
        }
    }

    /// Fills the table; what is no record.
    fn load(&mut self, bytes: &[u8]) -> Vec<Reject> {
        self.fields.begin(&mut self.table);
        (self.failure, self.stopped_at) = (None, None);
        let (mut rejects, mut at) = (Vec::new(), 0);
        while at < bytes.len() {
            let Loaded { end, item } = match self.machine.load(bytes, at) {
                Ok(loaded) => loaded,
                Err(refused) => {
                    let records_before = self.table.rows() as u32;
                    let what = match refused.is_torn {
                        true => refused.what,
                        false => format!("not a pickle of data: {}", refused.what),
                    };
                    let exit = if refused.is_torn { Exit::Failed } else { Exit::Incomplete };
                    self.failure = Some(Failure { exit, at: refused.at, records_before, what });
                    break;
                }
            };
            let item = self.machine.value(item);
            if let Some(class) = self.machine.class(item) {
                let class = String::from_utf8_lossy(class);
                let what = format!("the pickle would execute {}: refused, as nothing in a pickle is executed", class.escape_debug());
                let records_before = self.table.rows() as u32;
                self.failure = Some(Failure { exit: Exit::Incomplete, at, records_before, what });
                break;
            }
            let added = self.add(item, bytes, at);
            match added {
                Ok(()) => {}
                Err(Refused::Full) => {
                    self.stopped_at = Some(at);
                    break;
                }
                Err(Refused::Reject(why)) => {
                    let records_before = self.table.rows() as u32;
                    let line = records_before + rejects.len() as u32;
                    rejects.push(Reject { line, records_before, start: at as u32, len: (end - at) as u32, why: why.into() });
                }
            }
            at = end;
        }
        rejects
    }

    /// Adds the records of one pickle.
    fn add(&mut self, item: Item, bytes: &[u8], at: usize) -> Result<(), Refused> {
        if let Item::Dict(dict) = item {
            return self.fields.add(&self.machine, dict, bytes, at, &mut self.table);
        }
        if let Some(dicts) = self.dicts(item) {
            if self.table.rows() > 0 {
                // What does not fit of it is taken back with all that is in the batch.
                return Err(Refused::Full);
            }
            for dict in dicts {
                if let Err(refused) = self.fields.add(&self.machine, dict, bytes, at, &mut self.table) {
                    self.fields.begin(&mut self.table);
                    return Err(match refused {
                        Refused::Full => Refused::Reject("a list of more records than one batch may have".to_owned()),
                        refused => refused,
                    });
                }
            }
            return Ok(());
        }
        let cells = cells::of_value(&self.machine, bytes, item, &self.given).map_err(Refused::Reject)?;
        self.fields.add_cells(&self.machine, &cells, at, &mut self.table)
    }

    /// The dicts of a list that has nothing else.
    fn dicts(&self, item: Item) -> Option<Vec<u32>> {
        let Item::List(_) = item else { return None };
        let dict = |part| if let Item::Dict(dict) = self.machine.value(part) { Some(dict) } else { None };
        let dicts: Vec<u32> = self.machine.parts(item)?.into_iter().map(dict).collect::<Option<_>>()?;
        Some(dicts).filter(|dicts| !dicts.is_empty())
    }
}

impl Parser for PickleParser {
    fn parse(&mut self, block: &Block, wanted: &Wanted) -> Parsed {
        let rejects = self.load(&block.bytes);
        let batch = self.table.batch(&block.bytes, &self.fields.schema(), wanted, block.origin());
        Parsed { lines: (batch.len() + rejects.len()) as u32, blank: 0, batch, rejects }
    }

    fn row_start(&self, row: usize) -> usize {
        self.table.row_start(row)
    }

    fn stopped_at(&self) -> Option<usize> {
        self.stopped_at
    }

    fn failure(&mut self) -> Option<Failure> {
        self.failure.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::testing::block;
    use proptest::prelude::*;
    use recpipe::{Type, Value};

    /// `{"a": n, "b": text}` in protocol 4.
    fn pickled(n: u8, text: &str) -> Vec<u8> {
        [b"\x80\x04}\x94(\x8c\x01a\x94K", &[n][..], b"\x8c\x01b\x94\x8c", &[text.len() as u8], text.as_bytes(), b"\x94u."].concat()
    }

    /// The parser that the first block makes, and what it makes of both.
    fn parse(first: &[u8], then: &[u8]) -> (Parsed, Option<Failure>) {
        let mut format = Pickle::new(&Args::default());
        format.sample(&block(first)).unwrap();
        let mut parser = format.plan(&block(first)).unwrap().parser();
        let parsed = parser.parse(&block(then), &Wanted::all());
        (parsed, parser.failure())
    }

    fn schema(parsed: &Parsed) -> String {
        parsed.batch.schema().fields().iter().map(|field| format!("{}:{}", field.name, field.kind)).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn records_and_schema() {
        let two = [pickled(1, "x"), pickled(2, "y")].concat();
        let (parsed, failure) = parse(&two, &two);
        assert_eq!((schema(&parsed).as_str(), failure), ("a:int b:text", None));
        assert_eq!(format!("{:?}", parsed.batch), r#"[{"a": "1", "b": "x"}, {"a": "2", "b": "y"}]"#);
        let (parsed, _) = parse(&two, b"}(U\x01cNU\x01bNU\x01aG?\xf8\0\0\0\0\0\0u.}U\x01aK\x02s.");
        assert_eq!(schema(&parsed), "a:int b:text c:mixed");
        assert_eq!(format!("{:?}", parsed.batch), r#"[{"a": "1.5", "b": "", "c": ""}, {"a": "2", "b": "", "c": ""}]"#);
        let is_missing = |row| parsed.batch.columns().iter().map(|column| column.is_missing(row)).collect::<Vec<_>>();
        assert_eq!([is_missing(0), is_missing(1)], [[false; 3], [false, true, true]]);
        let (parsed, _) = parse(b"}U\x01aNs.", b"}(U\x01aK\x01U\x01aK\x02u.");
        assert_eq!(schema(&parsed), "a:mixed");
        assert_eq!(format!("{:?}", parsed.batch), r#"[{"a": "2"}]"#, "the last value of a key counts");
        let (parsed, _) = parse(&two, b"}(U\x01aK\x01U\x01aU\x01xu.}U\x01a\x8a\x09\0\0\0\0\0\0\0\x80\0s.");
        assert_eq!(schema(&parsed), "a:int b:text");
        assert_eq!(parsed.batch.rows().filter_map(|row| row.get("a")).collect::<Vec<_>>(), [Value::Text(b"x"), Value::Int(1 << 63)]);
    }

    #[test]
    fn what_is_no_record_is_a_reject_that_says_why() {
        let check = |bytes: &[u8], part: &str| {
            let all = [&pickled(1, "x"), bytes, &pickled(2, "y")].concat();
            let (parsed, failure) = parse(&all, &all);
            assert_eq!((parsed.batch.len(), parsed.rejects.len(), failure, parsed.lines), (2, 1, None, 3), "{part}");
            let reject = &parsed.rejects[0];
            assert!(reject.why.contains(part), "{}", reject.why);
            assert_eq!((reject.line, reject.records_before, reject.text(&all)), (1, 1, bytes));
            assert_eq!(schema(&parsed), "a:int b:text", "a reject leaves nothing behind");
        };
        check(b"}U\x01lPx\ns.", "`l` is a reference to something outside");
        check(b"}U\x01d}U\x01e]cos\nsystem\nass.", "`d.e` is a list, and a os.system, which is not read");
        check(b"}(U\x03a.bK\x01U\x01a}U\x01bK\x02su.", "two ways lead to `a.b`");
        check(b"}K\x01K\x01s.", "a key that is not text");
        check(b"}U\x01\xffK\x01s.", "not UTF-8");
        check(b"}U\x04whencnumpy\ndatetime64\n(K\x01tRs.", "`when` is a numpy.datetime64, which is not read");
    }

    #[test]
    fn what_is_no_flat_dict_is_a_record_too() {
        let check = |bytes: &[u8], names: &[&str], want: &str| {
            let names = names.iter().map(ToString::to_string).collect();
            let mut format = Pickle::new(&Args { names, ..Args::default() });
            format.sample(&block(bytes)).unwrap();
            let parsed = format.plan(&block(bytes)).unwrap().parser().parse(&block(bytes), &Wanted::all());
            let rejects = parsed.rejects.iter().map(|reject| reject.why.as_ref()).collect::<Vec<_>>().join("; ");
            assert_eq!(format!("{:?}{rejects}", parsed.batch), want, "{}", bytes.escape_ascii());
        };
        check(b"K\x01.U\x01x.N.", &[], r#"[{"value": "1"}, {"value": "x"}, {"value": ""}]"#);
        check(b"K\x01.", &["n"], r#"[{"n": "1"}]"#);
        check(b"K\x01U\x01x\x86.", &[], r#"[{"value": "[1,\"x\"]"}]"#);
        check(b"K\x01U\x01x\x86.", &["n", "s"], r#"[{"n": "1", "s": "x"}]"#);
        check(b"K\x01.K\x01K\x02K\x03\x87.", &["n", "s"], "[]--names has 2, the pickle 1 value; --names has 2, the pickle 3 values");
        check(b"](K\x01NG?\xf8\0\0\0\0\0\0e.", &[], r#"[{"value": "[1,null,1.5]"}]"#);
        check(
            b"](}U\x01aK\x01s}U\x01aK\x02se.K\x03.",
            &[],
            r#"[{"a": "1", "value": ""}, {"a": "2", "value": ""}, {"a": "", "value": "3"}]"#,
        );
        check(b"}U\x01a}(U\x01bK\x07U\x01c]K\x01aus.", &[], r#"[{"a.b": "7", "a.c": "[1]"}]"#);
        check(b"](K\x01e\x8f(K\x02\x90\x86.", &[], r#"[{"value": "[[1],[2]]"}]"#);
        // Objects whose attributes are all that they are, of whatever class; a namedtuple, whose names are in its class.
        check(b"c__main__\nHit\n)\x81}U\x01nK\x01sb.", &[], r#"[{"n": "1"}]"#);
        check(b"c__main__\nHit\n)\x81N}U\x01nK\x01s\x86b.", &[], r#"[{"n": "1"}]"#);
        check(b"ccopy_reg\n_reconstructor\n(c__main__\nHit\nc__builtin__\nobject\nNtR}U\x01nK\x01sb.", &[], r#"[{"n": "1"}]"#);
        check(b"c__main__\nPoint\nK\x01K\x02\x86\x81.", &["x", "y"], r#"[{"x": "1", "y": "2"}]"#);
        // Of numpy.
        let scalar = b"}U\x01xcnumpy.core.multiarray\nscalar\n(cnumpy\ndtype\n(U\x02i4\x89\x88tR(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tbU\x04\x07\0\0\0tRs.";
        check(scalar, &[], r#"[{"x": "7"}]"#);
        // A list that holds itself, and dicts in dicts without an end.
        check(b"]q\0h\0a.", &[], "[]`value` is a list, and it is nested deeper than 128");
        check(b"}q\0U\x01ah\0s.", &[], "[]dicts are nested deeper than 128");
    }

    #[test]
    fn a_cast_makes_text_of_all_types() {
        let mut format = Pickle::new(&Args { casts: vec![("a".to_owned(), Type::Text)], ..Args::default() });
        let text = b"}U\x01aK\x07s.}U\x01aU\x01xs.}U\x01aG?\xf8\0\0\0\0\0\0s.}U\x01a\x88s.}U\x01aNs.";
        let parsed = format.plan(&block(text)).unwrap().parser().parse(&block(text), &Wanted::all());
        assert_eq!(format!("{:?}", parsed.batch), r#"[{"a": "7"}, {"a": "x"}, {"a": "1.5"}, {"a": "true"}, {"a": ""}]"#);
    }

    #[test]
    fn what_is_no_pickle_ends_the_reading() {
        let check = |bytes: &[u8], at: usize, part: &str| {
            let all = [&pickled(1, "x"), bytes].concat();
            let (parsed, failure) = parse(&all, &all);
            let failure = failure.unwrap();
            // That it is torn says nothing but that the input is not whole.
            let exit = if part.starts_with("the stream ends") { Exit::Failed } else { Exit::Incomplete };
            assert_eq!((parsed.batch.len(), failure.records_before, failure.exit), (1, 1, exit));
            assert!(failure.what.contains(part) && failure.what.contains("pickle"), "{failure:?}");
            assert_eq!(failure.at, pickled(1, "x").len() + at);
        };
        check(b"\x98.", 0, "a buffer that is not in the pickle");
        check(b"\x80\x04}", 3, "the stream ends within a pickle");
        check(b"hello", 0, "does not hold");
        check(b"cposix\nsystem\n(Vtouch owned\ntR.", 0, "would execute posix.system: refused");
        check(b"\xff\xff", 0, "no opcode");
    }

    proptest! {
        // However the stream is cut into blocks, the same records come.
        #[test]
        fn cuts_do_not_show(texts in prop::collection::vec("[a-z.]{0,5}", 1..20), cut in 0_usize..400) {
            let pickles: Vec<_> = texts.iter().enumerate().map(|(n, text)| pickled(n as u8, text)).collect();
            let all = pickles.concat();
            let cut = Pickles.last_end(&all[..cut.min(all.len())]).unwrap_or(0);
            let is_end = (0..=pickles.len()).any(|count| pickles[..count].concat().len() == cut);
            prop_assert!(is_end);
            let rows = |bytes: &[u8]| parse(&all, bytes).0.batch.rows().map(|row| format!("{row:?}")).collect::<Vec<_>>();
            prop_assert_eq!(rows(&all), [rows(&all[..cut]), rows(&all[cut..])].concat());
        }

        #[test]
        fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let (parsed, _) = parse(&bytes, &bytes);
            prop_assert!(parsed.batch.len() + parsed.rejects.len() <= bytes.len());
        }
    }

    #[test]
    fn every_prefix_and_every_byte_changed() {
        let one = b"(dp0\nVa\np1\nI1\nsS'b'\nF1.5\ns.";
        let all = [&pickled(1, "some text")[..], one, &pickled(2, "more")].concat();
        let ends = [pickled(1, "some text").len(), pickled(1, "some text").len() + one.len(), all.len()];
        for at in 0..all.len() {
            let (parsed, failure) = parse(&all[..at], &all[..at]);
            assert_eq!(parsed.batch.len() + parsed.rejects.len(), ends.iter().filter(|end| **end <= at).count());
            assert_eq!(failure.is_some(), at > 0 && !ends.contains(&at), "{at}");
            for changed in 0..=255 {
                let mut all = all.clone();
                all[at] = changed;
                let (parsed, _) = parse(&all, &all);
                assert!(parsed.batch.len() + parsed.rejects.len() <= all.len());
            }
        }
    }
}
