//! What a format makes of some bytes, read in blocks as the program reads them, and the laws that hold for every format:
//!
//! - where the input is cut does not show, nor do the sizes of reads, nor what a parser was used for before;
//! - every unit is a record, a reject or blank, and what is told of a reject's place is true;
//! - what nobody reads changes nothing else;
//! - a batch keeps the limits of batches, and survives being written and read again.

use std::{io, sync::Arc};

use recpipe::{
    Batch, Schema, Value,
    record::Pool,
    wire::{Ending, Incoming, Reader, Writer},
};
use recpipe_producer::{
    format::{Args, FORMATS, Format, Parsed, Parser, Plan, Start, Unit, Wanted, continuity::Nesting},
    input::{
        block::{Block, Cutter, Feed, Part},
        boundary::{Boundary, Dialect, Resume},
        content::Content,
    },
};

/// A value that is compared with others. Floats by their bits, but that one NaN is as good as another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i128),
    /// The bits of a float.
    Float(u64),
    /// Bytes.
    Text(Vec<u8>),
}

impl Cell {
    /// A float.
    pub fn float(value: f64) -> Self {
        Cell::Float(if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() })
    }
}

/// The fields of a record that are not null, in order.
pub type Row = Vec<(String, Cell)>;

/// Something that is no record, by its place in the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// The number of its line or record.
    pub line: u64,
    /// Its first byte.
    pub start: u64,
    /// How many bytes it has.
    pub len: u64,
    /// How many records come before it.
    pub records_before: u64,
    /// What is wrong.
    pub why: String,
}

/// What became of an input.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The names of the fields of the last block.
    pub names: Vec<String>,
    /// The records.
    pub rows: Vec<Row>,
    /// What is none.
    pub rejects: Vec<Rejected>,
    /// Where records begin that were too long.
    pub long: Vec<u64>,
    /// Why nothing more could be read, and where.
    pub failure: Option<(u64, String)>,
}

/// How an input is cut.
#[derive(Debug, Clone, Copy)]
pub struct Cut<'a> {
    /// The size of a block.
    pub block_bytes: usize,
    /// How much each read brings, over and over, less one; all at once without any.
    pub reads: &'a [u8],
    /// The longest record, where it is not the format's.
    pub max_bytes: Option<usize>,
    /// After each read there is nothing more just now, so that what is there is given out.
    pub is_live: bool,
}

impl Cut<'static> {
    /// One block. (A block for a small input has a buffer of its size: a large one takes longer to be zeroed than to be parsed.)
    pub const WHOLE: Self = Cut { block_bytes: usize::MAX, reads: &[], max_bytes: None, is_live: false };
}

/// Gives bytes in pieces.
#[derive(Debug)]
struct Pieces<'a> {
    bytes: &'a [u8],
    sizes: &'a [u8],
    turn: usize,
    is_live: bool,
}

impl Feed for Pieces<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let size = self.sizes.get(self.turn % self.sizes.len().max(1)).map_or(usize::MAX, |&size| usize::from(size) + 1);
        self.turn += 1;
        let (now, later) = self.bytes.split_at(size.min(into.len()).min(self.bytes.len()));
        into[..now.len()].copy_from_slice(now);
        self.bytes = later;
        Ok(now.len())
    }

    fn is_idle(&self) -> bool {
        self.is_live
    }
}

/// A boundary with another limit, so that records need not be long to be too long.
#[derive(Debug)]
struct Short(Arc<dyn Boundary>, usize);

impl Boundary for Short {
    fn content(&self) -> Content {
        self.0.content()
    }

    fn last_end(&self, bytes: &[u8]) -> Option<usize> {
        self.0.last_end(bytes)
    }

    fn first_end(&self, bytes: &[u8], from: usize) -> Option<usize> {
        self.0.first_end(bytes, from)
    }

    fn resume(&self, bytes: &[u8]) -> Resume {
        self.0.resume(bytes)
    }

    fn are_lines(&self, bytes: &[u8]) -> bool {
        self.0.are_lines(bytes)
    }

    fn dialect(&self, bytes: &[u8], is_all: bool) -> Option<Dialect> {
        self.0.dialect(bytes, is_all)
    }

    fn of(&self, dialect: Dialect) -> Option<Arc<dyn Boundary>> {
        Some(Arc::new(Short(self.0.of(dialect)?, self.1)))
    }

    fn max_bytes(&self) -> usize {
        self.1
    }
}

/// Bytes that are read as a format.
#[derive(Debug)]
pub struct Case<'a> {
    /// The format's name.
    pub format: &'static str,
    /// What was typed for it.
    pub args: Args,
    /// The input.
    pub bytes: &'a [u8],
}

impl Case<'_> {
    fn start(&self) -> Result<Box<dyn Format>, String> {
        let Some(spec) = FORMATS.iter().find(|spec| spec.name == self.format) else { panic!("there is no format `{}`", self.format) };
        let Start::Blocks(start) = spec.start else { panic!("`{}` reads no blocks", self.format) };
        start(&self.args)
    }

    /// How the input is written, as the format numbers its dialects.
    pub fn dialect(&self) -> Dialect {
        let boundary = self.start().map_or_else(|why| panic!("{why}"), |format| format.boundary());
        let Some(dialect) = boundary.dialect(self.bytes, true) else { panic!("there is no more to be seen") };
        dialect
    }

    /// The whole input.
    fn block(&self) -> Block {
        let dialect = self.dialect();
        let bytes = self.bytes.to_vec().into();
        Block {
            bytes,
            source: "fuzz".into(),
            start: 0,
            end: self.bytes.len() as u64,
            part: Part::Whole,
            is_first: true,
            dialect,
            mark_lines: Some(0),
        }
    }

    /// The plan that the whole input makes.
    ///
    /// # Errors
    /// What was typed does not fit the input, or is wrong.
    pub fn plan(&self) -> Result<Arc<dyn Plan>, String> {
        self.learned()?.plan(&self.block())
    }

    /// The format, that has seen the whole input as a sample.
    fn learned(&self) -> Result<Box<dyn Format>, String> {
        let mut format = self.start()?;
        format.sample(&self.block())?;
        Ok(format)
    }

    /// Reads as the program does: a sample is looked at, and the first block makes the plan.
    ///
    /// # Errors
    /// As [`Case::plan`].
    pub fn read(&self, cut: Cut<'_>) -> Result<Outcome, String> {
        let mut format = self.learned()?;
        let (boundary, unit) = (format.boundary(), format.unit());
        let mut reading = Reading::new(boundary, unit);
        reading.blocks(self.bytes, 0, cut, &Wanted::all(), |block| format.plan(block))
    }

    /// Reads by this plan.
    pub fn read_by(&self, plan: &Arc<dyn Plan>, cut: Cut<'_>, wanted: &Wanted) -> Outcome {
        let format = self.start().unwrap_or_else(|why| panic!("what could be started once could not again: {why}"));
        let head = plan.head_bytes().min(self.bytes.len());
        let boundary = format.boundary();
        // What comes after the head says nothing of how the input is written.
        let boundary = boundary.of(self.dialect()).unwrap_or(boundary);
        let mut reading = Reading::new(boundary, format.unit());
        let read = reading.blocks(self.bytes, head, cut, wanted, |_| Ok(plan.clone()));
        read.unwrap_or_else(|why| panic!("{why}"))
    }

    /// Checks laws of all formats, one group at a time; what the input holds, by the plan that the whole of it makes. `how`
    /// chooses the laws and the cuts.
    pub fn check(&self, how: [u8; 3]) -> Option<Outcome> {
        let plan = match self.plan() {
            Ok(plan) => plan,
            Err(why) => {
                assert!(!why.is_empty());
                return None;
            }
        };
        let whole = self.read_by(&plan, Cut::WHOLE, &Wanted::all());
        let block_bytes = usize::from(how[0]) + 1;
        // With records that are too long, where any may be.
        let max_bytes = Some(usize::from(how[1]) + 16).filter(|_| self.format != "struct");
        // As the cutter wants it.
        let short = Cut { block_bytes: block_bytes.min(max_bytes.map_or(usize::MAX, |max_bytes| max_bytes / 2)), max_bytes, ..Cut::WHOLE };
        let reads = &[how[1] % 32, how[2]];
        match how[2] % 6 {
            0 => self.check_cut(&plan, &whole, Cut { block_bytes, ..Cut::WHOLE }),
            1 => self.check_wanted(&plan, &whole, how[1]),
            // As the program does it.
            2 => assert_eq!(self.read(short), self.read(Cut { reads, ..short }), "reads show in {short:?}"),
            3 => {
                let cut = Cut { block_bytes, ..Cut::WHOLE };
                assert_eq!(self.read(cut), self.read(Cut { reads, ..cut }), "reads show in {cut:?}");
            }
            4 => self.check_cut(&plan, &whole, Cut { reads, is_live: true, ..Cut::WHOLE }),
            _ => {
                let whole = self.read_by(&plan, short, &Wanted::all());
                let live = Cut { reads, is_live: true, ..short };
                assert_eq!(self.read_by(&plan, live, &Wanted::all()).long, whole.long, "{live:?}");
                self.check_cut(&plan, &whole, live);
            }
        }
        Some(whole)
    }

    /// Cuts do not show. (Which of several mistakes is told may differ; that there is one may not.)
    fn check_cut(&self, plan: &Arc<dyn Plan>, whole: &Outcome, cut: Cut<'_>) {
        let parts = self.read_by(plan, cut, &Wanted::all());
        assert_eq!((&parts.rows, &parts.rejects), (&whole.rows, &whole.rejects), "{cut:?}");
        assert_eq!(parts.failure.is_some(), whole.failure.is_some(), "{cut:?}: {:?} and {:?}", parts.failure, whole.failure);
    }

    /// What nobody reads changes nothing else.
    fn check_wanted(&self, plan: &Arc<dyn Plan>, whole: &Outcome, which: u8) {
        let names = whole.names.iter().enumerate().filter(|(i, _)| which >> (i % 8) & 1 == 1).map(|(_, name)| name.clone());
        let few: Vec<String> = names.collect();
        let less = self.read_by(plan, Cut::WHOLE, &Wanted::only(few.clone()));
        let rest = |row: &Row| row.iter().filter(|(name, _)| few.contains(name)).cloned().collect::<Row>();
        assert_eq!(less.rows, whole.rows.iter().map(rest).collect::<Vec<_>>(), "only {few:?}");
        assert_eq!((&less.rejects, &less.failure), (&whole.rejects, &whole.failure), "only {few:?}");
    }
}

/// The reading of one input.
struct Reading {
    boundary: Arc<dyn Boundary>,
    unit: Unit,
    line: u64,
    nesting: Nesting,
    /// There is one block.
    is_whole: bool,
    outcome: Outcome,
}

impl Reading {
    fn new(boundary: Arc<dyn Boundary>, unit: Unit) -> Self {
        Reading { boundary, unit, line: 0, nesting: Nesting::default(), is_whole: false, outcome: Outcome::default() }
    }

    /// Reads what comes after the first `head` bytes.
    fn blocks(
        &mut self,
        bytes: &[u8],
        head: usize,
        cut: Cut<'_>,
        wanted: &Wanted,
        mut plan: impl FnMut(&Block) -> Result<Arc<dyn Plan>, String>,
    ) -> Result<Outcome, String> {
        let boundary: Arc<dyn Boundary> = match cut.max_bytes {
            Some(max_bytes) => Arc::new(Short(self.boundary.clone(), max_bytes)),
            None => self.boundary.clone(),
        };
        let max_bytes = boundary.max_bytes();
        let feed = Pieces { bytes: &bytes[head..], sizes: cut.reads, turn: 0, is_live: cut.is_live };
        let mut cutter = Cutter::new(feed, boundary, Pool::new(), cut.block_bytes.min(bytes.len() + 1));
        let (source, mut at) = ("fuzz".into(), head);
        let mut parser: Option<Box<dyn Parser>> = None;
        self.line = newlines(&bytes[..head]);
        self.is_whole = cut.block_bytes > bytes.len();
        while let Some(next) = cutter.next_block().unwrap_or_else(|error| panic!("{error}")) {
            let mut block = next.of(&source);
            block.start += head as u64;
            block.end += head as u64;
            block.is_first &= head == 0;
            assert!(!block.bytes.is_empty() && block.start as usize == at && block.end as usize == at + block.bytes.len());
            assert_eq!(block.bytes, &bytes[at..block.end as usize]);
            at = block.end as usize;
            if block.part != Part::Whole {
                self.long(&block, max_bytes);
                continue;
            }
            let parser = match &mut parser {
                Some(parser) => parser,
                none => {
                    let plan = plan(&block)?;
                    if head == 0 {
                        let len = plan.head_bytes().saturating_sub(block.start as usize).min(block.bytes.len());
                        self.line += newlines(&block.bytes.split_to(len));
                        block.start += len as u64;
                    }
                    none.insert(plan.parser())
                }
            };
            if self.parse(&block, &mut **parser, wanted) {
                return Ok(std::mem::take(&mut self.outcome));
            }
        }
        assert_eq!(at, bytes.len(), "the blocks put together are the input");
        if let (None, Some(what)) = (&self.outcome.failure, self.nesting.at_end()) {
            self.outcome.failure = Some((at as u64, what));
        }
        Ok(std::mem::take(&mut self.outcome))
    }

    fn long(&mut self, block: &Block, max_bytes: usize) {
        let is_start = block.part == Part::LongStart;
        if is_start {
            assert!(block.bytes.len() > max_bytes);
            self.outcome.long.push(block.start);
        }
        self.line += if self.unit.has_lines() { newlines(&block.bytes) } else { u64::from(is_start) };
    }

    /// Whether the reading ends here.
    fn parse(&mut self, block: &Block, parser: &mut dyn Parser, wanted: &Wanted) -> bool {
        let mut left = block.clone();
        loop {
            let parsed = parser.parse(&left, wanted);
            let Some(at) = parser.stopped_at() else { return self.take(&left, parsed, parser) };
            // More than one batch holds.
            assert!(at > 0 && at < left.bytes.len(), "a block of which nothing is parsed");
            let part = Block { bytes: left.bytes.split_to(at), end: left.start + at as u64, ..left.clone() };
            (left.start, left.is_first) = (part.end, false);
            let parsed = parser.parse(&part, wanted);
            assert_eq!(parser.stopped_at(), None, "what was before it makes a batch");
            if self.take(&part, parsed, parser) {
                return true;
            }
        }
    }

    fn take(&mut self, block: &Block, parsed: Parsed, parser: &mut dyn Parser) -> bool {
        let Parsed { batch, lines, blank, rejects } = parsed;
        let (records, bytes) = (batch.len(), &block.bytes[..]);
        // The ledger.
        let (lines, units) = (lines as usize, records + rejects.len() + blank as usize);
        match self.unit {
            Unit::Line => {
                assert_eq!((lines, lines), (units, newlines(bytes) as usize + usize::from(!bytes.is_empty() && !bytes.ends_with(b"\n"))))
            }
            Unit::Record => assert_eq!(lines, units),
            // A block may end within a line.
            _ => assert!([0, usize::from(!bytes.ends_with(b"\n"))].contains(&(lines - newlines(bytes) as usize))),
        }
        // The places.
        let starts: Vec<usize> = (0..records).map(|row| parser.row_start(row)).collect();
        assert!(starts.is_sorted_by(|a, b| a < b) && starts.last().is_none_or(|&start| start < bytes.len()), "{starts:?}");
        let mut least = 0;
        for reject in &rejects {
            let (start, end, before) = (reject.start as usize, (reject.start + reject.len) as usize, reject.records_before as usize);
            assert!(start >= least && end <= bytes.len() && before <= records, "{reject:?}");
            assert!(
                starts[..before].iter().all(|&earlier| earlier < start) && starts[before..].iter().all(|&later| later > start),
                "{reject:?}"
            );
            least = end;
            match self.unit.has_lines() {
                true => assert_eq!(u64::from(reject.line), newlines(&bytes[..start])),
                false => assert!((reject.line as usize) < lines),
            }
        }
        // The limits, and the way through a pipe.
        assert!(records <= Batch::MAX_ROWS && batch.schema().len() <= Schema::MAX_FIELDS);
        let mut rows: Vec<Row> = batch.rows().map(|row| cells(batch.schema(), row.values())).collect();
        if self.is_whole {
            assert_eq!(piped(&batch), rows, "what is written is read");
        }
        let mut failure = parser.failure();
        if let Some(misfit) = parser.continuity().and_then(|continuity| self.nesting.follow(continuity).err()) {
            rows.truncate(misfit.records_before as usize);
            failure = Some(misfit);
        }
        if let Some(failure) = &failure {
            assert!(failure.at <= bytes.len() && !failure.what.is_empty() && failure.records_before as usize <= records, "{failure:?}");
        }
        let before = self.outcome.rows.len() as u64;
        self.outcome.rejects.extend(rejects.into_iter().map(|reject| Rejected {
            line: self.line + u64::from(reject.line),
            start: block.start + u64::from(reject.start),
            len: u64::from(reject.len),
            records_before: before + u64::from(reject.records_before),
            why: reject.why.into_owned(),
        }));
        self.outcome.rows.extend(rows);
        self.outcome.names = batch.schema().names().map(str::to_owned).collect();
        self.line += lines as u64;
        self.outcome.failure = failure.map(|failure| (block.start + failure.at as u64, failure.what));
        self.outcome.failure.is_some()
    }
}

fn newlines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|&&byte| byte == b'\n').count() as u64
}

/// The fields that are not null.
fn cells<'a>(schema: &Schema, values: impl Iterator<Item = Value<'a>>) -> Row {
    let owned = |value| match value {
        Value::Null => None,
        Value::Bool(value) => Some(Cell::Bool(value)),
        Value::Int(value) => Some(Cell::Int(value)),
        Value::Float(value) => Some(Cell::float(value)),
        Value::Text(text) => Some(Cell::Text(text.to_vec())),
        Value::Time(_) => panic!("no format makes times"),
    };
    schema.names().zip(values).filter_map(|(name, value)| Some((name.to_owned(), owned(value)?))).collect()
}

/// The records, written and read again.
fn piped(batch: &Batch) -> Vec<Row> {
    if batch.is_empty() {
        return Vec::new();
    }
    let mut stream = Vec::new();
    let wrote = Writer::new(&mut stream).and_then(|mut writer| {
        writer.batch(batch)?;
        writer.finish(&Ending::default()).map(drop)
    });
    wrote.unwrap_or_else(|error| panic!("a batch cannot be written: {error}"));
    let (mut reader, mut rows) = (Reader::new(&stream[..]).unwrap_or_else(|error| panic!("{error}")), Vec::new());
    while let Some(incoming) = reader.read().unwrap_or_else(|error| panic!("a batch that was written cannot be read: {error}")) {
        if let Incoming::Batch(raw) = incoming {
            let batch = raw.decode().unwrap_or_else(|error| panic!("a batch that was written cannot be decoded: {error}"));
            rows.extend(batch.rows().map(|row| cells(batch.schema(), row.values())));
        }
    }
    rows
}
