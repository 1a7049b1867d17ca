//! Frames whose numbers lie, or that are all containers: each costs no more than its size in memory, and next to no time.
//!
//! 10 000 of them in each run; `BOMBS` is another number, `BOMBS_SEED` another seed. Their checksums are right, as those of
//! somebody who means harm would be.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    io::Read,
    sync::Arc,
    time::{Duration, Instant},
};

use peak_alloc::PeakAlloc;
use recpipe::{
    BatchBuilder, Exit, Field, Schema, Time, Type, Value,
    record::{CompareOp, Condition, Constant},
    session::Progress,
    wire::{
        Control, Ending, Header, Hello, Incoming, Kind, Plan, Reader, Report, Role, Writer,
        frame::{self, HEADER_LEN, MAX_PAYLOAD, PREAMBLE_LEN},
    },
};

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

/// What one frame may take beyond what is there before: its payload, and as much again for what is made of it.
const MEMORY: usize = 2 * MAX_PAYLOAD;
/// And the time, of the best of three: the machine may have other things to do.
const TIME: Duration = Duration::from_millis(if cfg!(debug_assertions) { 300 } else { 10 });

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
    Arc::new(Schema::new(fields.map(|(name, kind)| Field::new(name, kind)).to_vec()).unwrap())
}

/// A frame of each kind as it should be.
fn good() -> Vec<(Kind, u32, Vec<u8>)> {
    let mut builder = BatchBuilder::new(schema());
    for n in 0..20 {
        let time = Value::Time(Time { nanos: n << 40, offset_s: 60 * n as i32 });
        let null = if n % 3 == 0 { Value::Null } else { Value::Int(n * n) };
        builder.push(&[Value::Text(b"some text"), null, Value::Float(n as f64), time, Value::Bool(n % 2 == 0), Value::Null]).unwrap();
    }
    let mut stream = Vec::new();
    let mut writer = Writer::new(&mut stream).unwrap();
    writer.batch(&builder.finish().unwrap()).unwrap();
    writer.report(&Report { exit: Exit::Failed, message: "a message".into() }).unwrap();
    writer.finish(&Ending { exit: Exit::Failed, cause: "a cause".into(), rejected: 3 }).unwrap();
    let progress = Progress { received: 7, done: 5, enough: false, finished: false };
    let token = b"a token".to_vec();
    let hello = Hello { role: Role::Sender, instance: [1; 16], stream: [2; 16], progress, token, can: 1, program: "program".into() };
    let condition = |field: &str, constant| Condition { field: field.into(), op: CompareOp::Ge, constant };
    let conditions = vec![condition("text", Constant::Text(b"some"[..].into())), condition("n", Constant::Int(3))];
    let plan = Plan { columns: Some(vec!["text".into(), "n".into()]), holds_state: true, conditions, shows: false };
    for control in [Control::Hello(hello), Control::Plan(plan), Control::Ack(progress)] {
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

fn header(kind: Kind, records: u32, payload: &[u8]) -> Header {
    let (payload_len, payload_crc) = (payload.len() as u32, crc32c::crc32c(payload));
    let (sequence, schema) = (u64::from(!kind.is_control() && kind != Kind::Schema), 0);
    Header { kind, flags: 0, schema, records, stream: 0, payload_len, sequence, payload_crc }
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
                let rows = (0..batch.len()).take(100).chain((0..batch.len()).rev().take(100));
                rows.for_each(|row| (0..batch.schema().len()).for_each(|field| drop(batch.row(row).value(field).to_string())));
                return Ok(());
            }
            Some(Incoming::End(_) | Incoming::Report(_)) => return Ok(()),
            Some(Incoming::Schema(_)) if kind != Kind::Schema as u8 => {}
            Some(Incoming::Schema(_)) | None => return Ok(()),
        }
    }
}

/// Fills a payload with what makes a bomb of it, and says whether it may be anything else than an error.
type Make = fn(&mut Random, &[(Kind, u32, Vec<u8>)], &mut Vec<u8>) -> (Kind, u32, bool);

fn put(payload: &mut [u8], at: usize, number: u64) {
    payload[at..at + 8].copy_from_slice(&number.to_le_bytes());
}

const BOMBS: [(&str, u64, Make); 8] = [
    ("a number somewhere in a good frame is huge", 57, |random, good, payload| {
        let (kind, records, bytes) = &good[random.below(good.len() as u64) as usize];
        payload.extend(bytes);
        for _ in 0..=random.below(2) {
            put(payload, random.below(bytes.len() as u64 - 7) as usize, random.huge());
        }
        (*kind, *records, true)
    }),
    ("the first container is huge", 15, |random, good, payload| {
        // Where the first length stands in each kind of payload.
        let places = [(0, 0), (1, 0), (2, 1), (3, 29), (4, 51), (5, 1)];
        let (frame, at) = places[random.below(6) as usize];
        let (kind, records, bytes) = &good[frame];
        payload.extend(bytes);
        put(payload, at, random.huge());
        (*kind, *records, false)
    }),
    ("more records than there are", 10, |random, good, payload| {
        payload.extend(&good[1].2);
        (Kind::Batch, random.huge() as u32 | 1 << 21, false)
    }),
    ("many fields without a name", 5, |random, _, payload| {
        let fields = random.size(2, (MAX_PAYLOAD as u64 - 8) / 9);
        payload.extend(fields.to_le_bytes());
        payload.resize(8 + fields as usize * 9, 0);
        (Kind::Schema, 0, false)
    }),
    ("many columns of nothing", 5, |random, _, payload| {
        // No source, no anchors; a column is no nulls and the first of the forms; no block.
        let columns = random.size(7, (MAX_PAYLOAD as u64 - 41) / 5);
        payload.resize(25, 0);
        payload.extend(columns.to_le_bytes());
        payload.resize(33 + columns as usize * 5 + 8, 0);
        (Kind::Batch, random.below(1 << 20) as u32, false)
    }),
    ("many columns that are needed", 3, |random, _, payload| {
        let columns = random.size(5000, (MAX_PAYLOAD as u64 - 10) / 8);
        payload.push(1);
        payload.extend(columns.to_le_bytes());
        payload.resize(9 + columns as usize * 8 + 1, 0);
        (Kind::Plan, 0, false)
    }),
    ("many conditions", 3, |random, _, payload| {
        // All columns, no state; a condition is no name, the first operator and null.
        let conditions = random.size(5000, (MAX_PAYLOAD as u64 - 10) / 13);
        payload.resize(2, 0);
        payload.extend(conditions.to_le_bytes());
        payload.resize(10 + conditions as usize * 13, 0);
        (Kind::Plan, 0, false)
    }),
    ("noise", 2, |random, good, payload| {
        let len = random.size(1, MAX_PAYLOAD as u64);
        let mut noise = random.below(u64::MAX);
        payload.extend((0..len).map(|_| {
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (noise >> 56) as u8
        }));
        (good[random.below(6) as usize].0, 20, true)
    }),
];

#[test]
fn no_frame_takes_more_than_its_size() {
    let number = |name: &str, default| std::env::var(name).ok().map_or(default, |text| text.parse::<u64>().unwrap());
    let (count, mut random) = (number("BOMBS", 10_000), Random(number("BOMBS_SEED", 1)));
    let good = good();
    let schema = [&header(Kind::Schema, 0, &good[0].2).to_bytes()[..], &good[0].2].concat();
    for (kind, records, payload) in &good[..6] {
        let read = read(&header(*kind, *records, payload).to_bytes(), payload, &schema);
        // The End has been moved, and so its totals are wrong.
        assert_eq!(read.is_ok(), *kind != Kind::End, "{kind:?}: {read:?}");
    }
    // What the test itself needs is there before.
    let mut payload = vec![1; MAX_PAYLOAD];
    for (what, percent, make) in BOMBS {
        let (mut most, mut slowest) = (0, Duration::ZERO);
        for variant in 0..(count * percent).div_ceil(100) {
            payload.clear();
            let (kind, records, may_be_good) = make(&mut random, &good, &mut payload);
            assert!(payload.len() <= MAX_PAYLOAD, "{what}: {}", payload.len());
            let header = header(kind, records, &payload).to_bytes();
            let before = ALLOCATED.current_usage();
            ALLOCATED.reset_peak_usage();
            let took = (0..3).map(|_| {
                let began = Instant::now();
                let read = read(&header, &payload, &schema);
                let took = began.elapsed();
                assert!(may_be_good || read.is_err(), "{what}, variant {variant}: {kind:?} is taken for good");
                took
            });
            // A second time only if the first was slow.
            let took = took
                .scan(true, |goes_on, took| {
                    goes_on.then(|| {
                        *goes_on = took > TIME;
                        took
                    })
                })
                .min()
                .unwrap();
            slowest = slowest.max(took);
            let grown = ALLOCATED.peak_usage().saturating_sub(before);
            most = most.max(grown);
            assert!(took <= TIME, "{what}, variant {variant}: {kind:?} of {} bytes took {took:?}", payload.len());
            assert!(grown <= MEMORY, "{what}, variant {variant}: {kind:?} of {} bytes took {grown}", payload.len());
        }
        recpipe::say!("{what}: {slowest:?}, {} KiB", most >> 10);
    }
}
