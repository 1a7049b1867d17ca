//! `cri`: the logs of containers as Kubernetes has them, `2026-03-12T02:10:11.123456789Z stdout F message`.
//!
//! A message that is too long for a line comes in parts (`P`), the last of which is `F`. The parts of a stream are joined; those of the
//! other stream may stand between them. A block ends where no message is open. What the parts of a message that has no last part hold is
//! a record, too, with the time of its first part.

use std::ops::Range;
use std::sync::Arc;

use memchr::memchr;
use recpipe::record::{Field, Schema, Type};

use super::super::lines::lines;
use super::super::table::Table;
use super::super::{Args, Format, FormatSpec, Parsed, Parser, Plan, Reject, Start, Unit, Wanted};
use crate::dating::{Dating, Seen};
use crate::input::block::Block;
use crate::input::boundary::{Boundary, MAX_RECORD_BYTES, Resume};
use crate::input::clock::Clock;

pub(in super::super) const SPEC: FormatSpec = FormatSpec {
    name: "cri",
    args: &[],
    options: &[],
    about: "containers' logs as Kubernetes has them; parts of a message are joined",
    start: Start::Blocks(|args| Ok(Box::new(Cri::new(args)))),
    fields: "time:time stream message. A message that comes in parts (P) has the time of its first part.",
    sample: "2026-03-12T02:10:11.123456789Z stdout F order paid",
};

const FIELDS: [(&str, Type); 3] = [("time", Type::Time), ("stream", Type::Text), ("message", Type::Text)];
const TIME: usize = 0;
const STREAM: usize = 1;
const MESSAGE: usize = 2;

/// A line taken apart.
struct Line {
    time: Range<usize>,
    is_stderr: bool,
    is_last: bool,
    message: Range<usize>,
}

/// `time stream tags message`; of the tags, between colons, the first is `P` or `F`.
fn line(text: &[u8]) -> Option<Line> {
    let time = memchr(b' ', text)?;
    let rest = &text[time + 1..];
    let is_stderr = rest.starts_with(b"stderr ");
    (is_stderr || rest.starts_with(b"stdout ")).then_some(())?;
    let tags = time + 8;
    let len = memchr(b' ', &text[tags..]).unwrap_or(text.len() - tags);
    let is_last = match &text[tags..tags + len] {
        [b'F'] | [b'F', b':', ..] => true,
        [b'P'] | [b'P', b':', ..] => false,
        _ => return None,
    };
    (time > 0).then_some(Line { time: 0..time, is_stderr, is_last, message: (tags + len + 1).min(text.len())..text.len() })
}

/// Records end where no message is open.
#[derive(Debug)]
struct Messages;

impl Messages {
    /// The ends of records among whole lines.
    fn ends(bytes: &[u8]) -> impl Iterator<Item = usize> + '_ {
        let (mut at, mut open) = (0, [false; 2]);
        std::iter::from_fn(move || {
            loop {
                let newline = at + memchr(b'\n', &bytes[at..])?;
                if let Some(line) = line(&bytes[at..newline]) {
                    open[usize::from(line.is_stderr)] = !line.is_last;
                }
                at = newline + 1;
                if open == [false; 2] {
                    return Some(at);
                }
            }
        })
    }
}

impl Boundary for Messages {
    fn last_end(&self, bytes: &[u8]) -> Option<usize> {
        Messages::ends(bytes).last()
    }

    fn first_end(&self, bytes: &[u8], from: usize) -> Option<usize> {
        Messages::ends(bytes).find(|end| *end > from)
    }

    fn end_in_block(&self, block: &[u8]) -> usize {
        Messages::ends(block).next().unwrap_or(block.len())
    }

    fn resume(&self, bytes: &[u8]) -> Resume {
        memchr(b'\n', bytes).map_or(Resume::NotWithin(bytes.len()), |newline| Resume::At(newline + 1))
    }

    fn max_bytes(&self) -> usize {
        MAX_RECORD_BYTES
    }
}

/// The format, and its plan: there is nothing to learn from the input.
#[derive(Debug, Clone)]
struct Cri {
    schema: Arc<Schema>,
    dating: Arc<Dating>,
}

impl Cri {
    fn new(args: &Args) -> Self {
        let schema = Schema::new(FIELDS.iter().map(|(name, kind)| Field::new(*name, *kind)).collect());
        Cri { schema: Arc::new(schema.unwrap_or_else(|_| unreachable!("three short names"))), dating: args.dating.clone() }
    }
}

impl Format for Cri {
    fn boundary(&self) -> Arc<dyn Boundary> {
        Arc::new(Messages)
    }

    fn unit(&self) -> Unit {
        Unit::Row
    }

    fn schema(&self) -> Arc<Schema> {
        self.schema.clone()
    }

    fn clock(&self) -> Option<Arc<dyn Clock>> {
        Some(Arc::new(MessageClock))
    }

    fn plan(&mut self, _: &Block) -> Result<Arc<dyn Plan>, String> {
        Ok(Arc::new(self.clone()))
    }
}

/// When the message was written whose first part a line is: a reading that began in the middle would take another part for it.
#[derive(Debug)]
struct MessageClock;

impl Clock for MessageClock {
    fn stamp<'r>(&self, record: &'r [u8]) -> Option<&'r [u8]> {
        let text = &record[..memchr(b'\n', record).unwrap_or(record.len())];
        line(text.strip_suffix(b"\r").unwrap_or(text)).map(|line| &record[line.time])
    }

    fn begins_anywhere(&self) -> bool {
        false
    }
}

impl Plan for Cri {
    fn parser(&self) -> Box<dyn Parser> {
        Box::new(CriParser { format: self.clone(), table: Table::default() })
    }
}

struct CriParser {
    format: Cri,
    table: Table,
}

/// A message that is open: the place of its first line, its time, and the parts.
struct Open {
    start: usize,
    time: recpipe::times::Read,
    parts: Vec<Range<usize>>,
}

impl CriParser {
    fn record(&mut self, bytes: &[u8], open: &Open, is_stderr: bool, seen: &mut Seen) {
        seen.add(open.time.time, open.time.is_local);
        self.table.begin(open.start);
        self.table.time(TIME, open.time.time);
        self.table.own_text(STREAM, |own| own.extend_from_slice(if is_stderr { b"stderr" } else { b"stdout" }));
        match &open.parts[..] {
            [part] => self.table.text(MESSAGE, part.start, part.len()),
            parts => self.table.own_text(MESSAGE, |own| parts.iter().for_each(|part| own.extend_from_slice(&bytes[part.clone()]))),
        }
        self.table.commit();
    }
}

impl Parser for CriParser {
    fn parse(&mut self, block: &Block, wanted: &Wanted) -> Parsed {
        let bytes = &block.bytes[..];
        let times = self.format.dating.times(&block.source);
        self.table.reset(FIELDS.map(|(_, kind)| kind));
        let (mut count, mut rejects, mut seen) = (0, Vec::new(), Seen::default());
        let mut open: [Option<Open>; 2] = [None, None];
        for (start, text) in lines(bytes) {
            let found = line(text).and_then(|line| Some((times.read(&text[line.time.clone()]).ok()?, line)));
            match found {
                None => {
                    let (start, len, records_before) = (start as u32, text.len() as u32, self.table.rows() as u32);
                    rejects.push(Reject {
                        line: count,
                        records_before,
                        start,
                        len,
                        why: "it is no `time stdout|stderr F|P message`".into(),
                    });
                }
                Some((time, line)) => {
                    let which = usize::from(line.is_stderr);
                    let message = open[which].get_or_insert_with(|| Open { start, time, parts: Vec::new() });
                    message.parts.push(start + line.message.start..start + line.message.end);
                    if line.is_last
                        && let Some(message) = open[which].take()
                    {
                        self.record(bytes, &message, line.is_stderr, &mut seen);
                    }
                }
            }
            count += 1;
        }
        // What has no last part, in the order in which it began.
        let mut torn: Vec<(bool, Open)> =
            open.into_iter().zip([false, true]).filter_map(|(open, is_stderr)| Some((is_stderr, open?))).collect();
        torn.sort_by_key(|(_, open)| open.start);
        for (is_stderr, message) in torn {
            self.record(bytes, &message, is_stderr, &mut seen);
        }
        self.format.dating.note(&seen);
        Parsed { batch: self.table.batch(&block.bytes, &self.format.schema, wanted, block.origin()), lines: count, blank: 0, rejects }
    }

    fn row_start(&self, row: usize) -> usize {
        self.table.row_start(row)
    }
}
