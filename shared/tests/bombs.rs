//! Frames whose numbers lie, or that are all containers: each costs no more than its size in memory, and next to no time.
//!
//! 10 000 of them in each run; `BOMBS` is another number, `BOMBS_SEED` another seed. Their checksums are right, as those of
//! somebody who means harm would be.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{io::Read, sync::Arc, time::Duration};

use peak_alloc::PeakAlloc;
use recpipe::{
    BatchBuilder, Column, Exit, Field, PackedInts, Schema, Time, Type, Value,
    record::{CompareOp, Condition, Constant, Places},
    session::Progress,
    wire::{
        Control, Ending, Header, Hello, Incoming, Kind, Pushdown, Reader, Role, Warning, Writer,
        frame::{self, HEADER_LEN, MAX_PAYLOAD, PREAMBLE_LEN},
    },
};
use rustix::time::{ClockId, clock_gettime};

mod forged;

use forged::{BOOL, FLOAT, INT, TEXT, TIME, VIEWS, WIDE, header, ints};

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

/// What one frame may take beyond what is there before: its payload, and as much again for what is made of it.
const MOST_MEMORY: usize = 2 * MAX_PAYLOAD;
/// And the time on a processor, of the best of three: the machine may have other things to do.
const MOST_TIME: Duration = Duration::from_millis(if cfg!(debug_assertions) { 1000 } else { 30 });

/// The time that this thread has had on a processor.
fn on_processor() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap()
}

/// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }

    /// A number of things: most often few, now and then the most.
    fn size(&mut self, least: u64, most: u64) -> u64 {
        let most_of_these = most >> self.below(40);
        least + if most_of_these > least { self.below(most_of_these - least + 1) } else { 0 }
    }

    /// A number that nobody has as many of: somewhere from 2^16 to 2^64.
    fn huge(&mut self) -> u64 {
        let power = 1_u64 << (16 + self.below(48));
        [power, power - 1, u64::MAX, u64::MAX / 2, power + self.below(power)][self.below(5) as usize]
    }
}

fn schema() -> Arc<Schema> {
    let fields = [("text", Type::Text), ("n", Type::Int), ("f", Type::Float), ("t", Type::Time), ("ok", Type::Bool), ("none", Type::Null)];
    let open = [("id", Type::Int), ("any", Type::Mixed)].map(|(name, kind)| Field::open(name, kind));
    Arc::new(Schema::new(fields.map(|(name, kind)| Field::new(name, kind)).into_iter().chain(open).collect()).unwrap())
}

/// The payload of a schema of so many open fields.
fn open_fields(count: usize) -> Vec<u8> {
    let field = |n: usize| [forged::bytes(format!("{n:x}").as_bytes()), vec![0x86]].concat();
    [vec![0], forged::list(&(0..count).map(field).collect::<Vec<_>>()), vec![0; 4]].concat()
}

/// A frame of each kind as it should be.
fn good() -> Vec<(Kind, u32, Vec<u8>)> {
    let mut builder = BatchBuilder::new(schema());
    for n in 0..20 {
        let time = Value::Time(Time { nanos: n << 40, offset_s: 60 * n as i32 });
        let null = if n % 3 == 0 { Value::Null } else { Value::Int(i128::from(n * n)) };
        let (id, any) = (Value::Int(1 << (3 * n)), [Value::Int(7), Value::Text(b"seven"), time, Value::Null][n as usize % 4]);
        builder
            .push(&[Value::Text(b"some text"), null, Value::Float(n as f64), time, Value::Bool(n % 2 == 0), Value::Null, id, any])
            .unwrap();
    }
    let mut stream = Vec::new();
    let mut writer = Writer::new(&mut stream).unwrap();
    let batch = builder.finish().unwrap();
    let mut columns = batch.columns().to_vec();
    columns[5] = Column::absent(20);
    let batch = batch.with_columns(batch.schema().clone(), columns).unwrap();
    writer.batch(&batch.with_places(Places::Lines(PackedInts::pack(&(0..20_i64).collect::<Vec<_>>())))).unwrap();
    writer.warn(&Warning { exit: Exit::Failed, message: "a message".into() }).unwrap();
    writer.finish(&Ending { exit: Exit::Failed, cause: "a cause".into(), rejected: 3 }).unwrap();
    let progress = Progress { received: 7, done: 5, enough: false, finished: false };
    let token = b"a token".to_vec();
    let hello = Hello { role: Role::Sender, instance: [1; 16], stream: [2; 16], progress, token, can: 1, program: "program".into() };
    let condition = |field: &str, constant| Condition { field: field.into(), op: CompareOp::Ge, constant };
    let conditions = vec![condition("text", Constant::Text(b"some"[..].into())), condition("n", Constant::Int(3))];
    let pushdown = Pushdown { columns: Some(vec!["text".into(), "n".into()]), holds_state: true, conditions, shows: false, places: true };
    for control in [Control::Hello(hello), Control::Pushdown(pushdown), Control::Ack(progress)] {
        stream.extend(control.to_bytes().unwrap());
    }
    let mut frames = Vec::new();
    let mut rest = &stream[PREAMBLE_LEN..];
    while !rest.is_empty() {
        let header = Header::from_bytes(rest[..HEADER_LEN].try_into().unwrap()).unwrap();
        let end = HEADER_LEN + header.payload_len as usize;
        frames.push((header.kind, header.records, rest[HEADER_LEN..end].to_vec()));
        rest = &rest[end..];
    }
    assert_eq!(frames.len(), 7);
    frames
}

/// Reads a frame as either end would, with a schema before it where one is needed, and looks at all that is in it.
fn read(header: &[u8], payload: &[u8], schema: &[u8]) -> Result<(), String> {
    let kind = header[0];
    if kind >= Kind::Hello as u8 {
        let header = Header::from_bytes(header.try_into().unwrap())?;
        return Control::from_frame(&header, &bytes::Bytes::copy_from_slice(payload)).map(drop);
    }
    let before = if kind == Kind::Schema as u8 { &[][..] } else { schema };
    let preamble = frame::preamble();
    let mut reader = Reader::new(preamble.chain(before).chain(header).chain(payload)).map_err(|error| error.to_string())?;
    loop {
        match reader.read().map_err(|error| error.to_string())? {
            Some(Incoming::Batch(raw)) => {
                let batch = raw.decode().map_err(|error| error.to_string())?;
                // A record takes no byte where all are alike: the first and last say as much as a million.
                let some = 1000_usize.div_ceil(batch.schema().len()).min(100);
                let rows = (0..batch.len()).take(some).chain((0..batch.len()).rev().take(some));
                rows.for_each(|row| (0..batch.schema().len()).for_each(|field| drop(batch.row(row).value(field).to_string())));
                return Ok(());
            }
            Some(Incoming::End(_) | Incoming::Warning(_)) => return Ok(()),
            Some(Incoming::Schema(_)) if kind != Kind::Schema as u8 => {}
            Some(Incoming::Schema(_)) | None => return Ok(()),
        }
    }
}

/// What the other end makes of a payload.
struct Bomb {
    kind: Kind,
    records: u32,
    /// How many open fields a batch's schema has; `None` for [`schema`].
    open: Option<usize>,
    /// Whether it is right; `None` where that is a matter of luck.
    is_right: Option<bool>,
}

impl Bomb {
    fn new(kind: Kind, records: u32, is_right: Option<bool>) -> Self {
        Bomb { kind, records, open: None, is_right }
    }

    fn batch(records: u64, columns: u64, is_right: Option<bool>) -> Self {
        Bomb { kind: Kind::Batch, records: records as u32, open: Some(columns as usize), is_right }
    }
}

/// Fills a payload with what makes a bomb of it.
type Make = fn(&mut Random, &[(Kind, u32, Vec<u8>)], &mut Vec<u8>) -> Bomb;

/// The beginning of a batch, up to its columns.
fn begin_batch(payload: &mut Vec<u8>, anchors: Option<Vec<u8>>, columns: u64) {
    // Line, no source, start and end, no lines.
    payload.resize(33, 0);
    payload.extend(forged::optional(anchors));
    payload.extend(columns.to_le_bytes());
}

/// Its end: a block, as large as it may be half of the time.
fn end_batch(random: &mut Random, payload: &mut Vec<u8>) {
    let room = MAX_PAYLOAD - 8 - payload.len();
    let block = if random.below(2) == 0 { room } else { 0 };
    payload.extend((block as u64).to_le_bytes());
    payload.resize(payload.len() + block, b'x');
}

/// The values of a part, all alike, in this form.
fn alike(form: u32, value: i64) -> Vec<u8> {
    let one = || ints(value, 0, b"");
    match form {
        WIDE | TIME | VIEWS => [one(), one()].concat(),
        TEXT => [one(), one(), forged::bytes(b"text")].concat(),
        _ => one(),
    }
}

fn put(payload: &mut [u8], at: usize, number: u64) {
    payload[at..at + 8].copy_from_slice(&number.to_le_bytes());
}

const BOMBS: [(&str, u64, Make); 13] = [
    ("a number somewhere in a good frame is huge", 46, |random, good, payload| {
        let (kind, records, bytes) = &good[random.below(good.len() as u64) as usize];
        payload.extend(bytes);
        for _ in 0..=random.below(2) {
            put(payload, random.below(bytes.len() as u64 - 7) as usize, random.huge());
        }
        Bomb::new(*kind, *records, None)
    }),
    ("the first container is huge", 15, |random, good, payload| {
        // Where the first length stands in each kind of payload.
        let places = [(0, 1), (1, 8), (2, 1), (3, 29), (4, 51), (5, 1)];
        let (frame, at) = places[random.below(6) as usize];
        let (kind, records, bytes) = &good[frame];
        payload.extend(bytes);
        put(payload, at, random.huge());
        Bomb::new(*kind, *records, Some(false))
    }),
    ("more records than there are", 10, |random, good, payload| {
        payload.extend(&good[1].2);
        Bomb::new(Kind::Batch, random.huge() as u32 | 1 << 21, Some(false))
    }),
    ("many fields without a name", 5, |random, _, payload| {
        let fields = random.size(2, (MAX_PAYLOAD as u64 - 13) / 9);
        payload.push(0);
        payload.extend(fields.to_le_bytes());
        payload.resize(13 + fields as usize * 9, 0);
        Bomb::new(Kind::Schema, 0, Some(false))
    }),
    ("many columns of nothing", 5, |random, _, payload| {
        // A column without parts, and without a bitmap of what is missing.
        let columns = random.size(9, (MAX_PAYLOAD as u64 - 50) / 9);
        begin_batch(payload, None, columns);
        payload.resize(payload.len() + columns as usize * 9 + 8, 0);
        Bomb::new(Kind::Batch, random.below(1 << 20) as u32, Some(false))
    }),
    ("many parts in many columns", 3, |random, _, payload| {
        // Without records no two of them have a value in one.
        let columns = if random.below(16) == 0 { 4096 } else { random.size(1, 4096) };
        let records = random.below(2) * random.size(1, 64);
        let parts = 1 + random.below(5) as usize;
        let nulls = vec![0xff; records.div_ceil(8) as usize];
        let nulls = (random.below(2) + records > 0).then_some(&nulls[..]);
        let forms = [TEXT, TIME, FLOAT, if random.below(2) == 0 { WIDE } else { INT }, BOOL];
        let parts: Vec<_> = forms[..parts].iter().map(|&form| forged::part(nulls, form, &alike(form, 0))).collect();
        begin_batch(payload, None, columns);
        let missing = (random.below(2) == 0).then_some(nulls.unwrap_or_default());
        let column = forged::column(missing, &parts);
        (0..columns).for_each(|_| payload.extend(&column));
        end_batch(random, payload);
        Bomb::batch(records, columns, Some(true))
    }),
    ("many parts in one column", 2, |random, _, payload| {
        let part = forged::part(None, BOOL, &alike(BOOL, 1));
        let parts = random.size(6, (MAX_PAYLOAD as u64 - 60) / part.len() as u64);
        begin_batch(payload, None, 1);
        payload.push(0);
        payload.extend(parts.to_le_bytes());
        (0..parts).for_each(|_| payload.extend(&part));
        payload.extend([0; 8]);
        Bomb::batch(random.size(0, 1 << 20), 1, Some(false))
    }),
    ("many columns of many records that are all alike", 2, |random, _, payload| {
        let (columns, records) = (random.size(1, 4096), random.size(1, 1 << 20));
        let form = [BOOL, INT, WIDE, FLOAT, TIME, VIEWS, TEXT][random.below(7) as usize];
        let value = [0, 1, -1, 1 << 61, i64::MIN, i64::MAX][random.below(6) as usize];
        // Anchors that make a view of the block of a start far from it.
        begin_batch(payload, Some(ints(value.wrapping_neg(), 0, b"")), columns);
        let other = if form == FLOAT { TIME } else { FLOAT };
        let parts = [form, other].map(|form| forged::part(None, form, &alike(form, value)));
        let column = forged::column(None, &parts[..1 + random.below(2) as usize]);
        (0..columns).for_each(|_| payload.extend(&column));
        end_batch(random, payload);
        Bomb::batch(records, columns, None)
    }),
    ("wide arrays", 2, |random, _, payload| {
        let records = random.size(0, 1 << 20);
        let widths = [0, 1, 2, 4, 8].map(|width| (width, records * width));
        let array = |random: &mut Random, room: usize| {
            let (width, len) = widths[random.below(5) as usize];
            if len as usize > room { ints(-1, 0, b"") } else { ints(i64::MIN, width as u8, &vec![random.below(256) as u8; len as usize]) }
        };
        let high = array(random, MAX_PAYLOAD - 1000);
        let low = array(random, MAX_PAYLOAD - 1000 - high.len());
        begin_batch(payload, None, 1);
        payload.extend(forged::column(None, &[forged::part(None, WIDE, &[high, low].concat())]));
        end_batch(random, payload);
        Bomb::batch(records, 1, Some(true))
    }),
    ("many bitmaps", 2, |random, _, payload| {
        let records = random.size(100, 1 << 20);
        let len = records.div_ceil(8) as usize;
        let columns = random.size(1, ((MAX_PAYLOAD - 100) / (3 * len + 150)).min(4096) as u64);
        let map = |byte: u8| vec![byte; len];
        // Even rows in one part, odd rows in the other; every fourth in neither, and missing.
        let parts = [forged::part(Some(&map(0x55)), INT, &alike(INT, 1)), forged::part(Some(&map(0xbb)), TEXT, &alike(TEXT, 1))];
        let column = forged::column(Some(&map(0x11)), &parts);
        begin_batch(payload, None, columns);
        (0..columns).for_each(|_| payload.extend(&column));
        end_batch(random, payload);
        Bomb::batch(records, columns, Some(true))
    }),
    ("many columns that are needed", 3, |random, _, payload| {
        let columns = random.size(5000, (MAX_PAYLOAD as u64 - 10) / 8);
        payload.push(1);
        payload.extend(columns.to_le_bytes());
        payload.resize(9 + columns as usize * 8 + 1, 0);
        Bomb::new(Kind::Pushdown, 0, Some(false))
    }),
    ("many conditions", 3, |random, _, payload| {
        // All columns, no state; a condition is no name, the first operator and null.
        let conditions = random.size(5000, (MAX_PAYLOAD as u64 - 10) / 13);
        payload.resize(2, 0);
        payload.extend(conditions.to_le_bytes());
        payload.resize(10 + conditions as usize * 13, 0);
        Bomb::new(Kind::Pushdown, 0, Some(false))
    }),
    ("noise", 2, |random, good, payload| {
        let len = random.size(1, MAX_PAYLOAD as u64);
        let mut noise = random.below(u64::MAX);
        payload.extend((0..len).map(|_| {
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (noise >> 56) as u8
        }));
        Bomb::new(good[random.below(6) as usize].0, 20, None)
    }),
];

#[test]
fn no_frame_takes_more_than_its_size() {
    let number = |name: &str, default| std::env::var(name).ok().map_or(default, |text| text.parse::<u64>().unwrap());
    let (count, mut random) = (number("BOMBS", 10_000), Random(number("BOMBS_SEED", 1)));
    let good = good();
    let schema_frame = |payload: &[u8]| [&header(Kind::Schema, 0, payload).to_bytes()[..], payload].concat();
    let usual = schema_frame(&good[0].2);
    for (kind, records, payload) in &good[..6] {
        let read = read(&header(*kind, *records, payload).to_bytes(), payload, &usual);
        // The End has been moved, and so its totals are wrong.
        assert_eq!(read.is_ok(), *kind != Kind::End, "{kind:?}: {read:?}");
    }
    // What the test itself needs is there before.
    let mut payload = vec![1; MAX_PAYLOAD];
    for (what, percent, make) in BOMBS {
        let (mut most, mut slowest, mut right) = (0, Duration::ZERO, 0);
        for variant in 0..(count * percent).div_ceil(100) {
            payload.clear();
            let Bomb { kind, records, open, is_right } = make(&mut random, &good, &mut payload);
            let schema = open.map_or_else(|| usual.clone(), |open| schema_frame(&open_fields(open)));
            assert!(payload.len() <= MAX_PAYLOAD, "{what}: {}", payload.len());
            let header = header(kind, records, &payload).to_bytes();
            let before = ALLOCATED.current_usage();
            ALLOCATED.reset_peak_usage();
            let mut took = Duration::MAX;
            // A second time only if the first was slow.
            for _ in 0..3 {
                let began = on_processor();
                let read = read(&header, &payload, &schema);
                took = took.min(on_processor() - began);
                assert!(is_right.is_none_or(|right| right == read.is_ok()), "{what}, variant {variant}: {kind:?}: {read:?}");
                if took <= MOST_TIME {
                    right += u64::from(read.is_ok());
                    break;
                }
            }
            slowest = slowest.max(took);
            let grown = ALLOCATED.peak_usage().saturating_sub(before);
            most = most.max(grown);
            assert!(took <= MOST_TIME, "{what}, variant {variant}: {kind:?} of {} bytes took {took:?}", payload.len());
            assert!(grown <= MOST_MEMORY, "{what}, variant {variant}: {kind:?} of {} bytes took {grown}", payload.len());
        }
        recpipe::say!("{what}: {slowest:?}, {} KiB, {right} of them right", most >> 10);
    }
}
