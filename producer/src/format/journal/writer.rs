//! Writes journal files for tests, as journald does, in each of its forms.

use std::collections::HashMap;

use super::hash::hash;
use super::header::Header;

const HEADER_BYTES: usize = 272;
const XZ: u8 = 1;
const LZ4: u8 = 2;

/// Texts of so many bytes are compressed, where texts are.
const COMPRESSED_FROM: usize = 512;

/// What a flag says that a text is packed by.
pub(super) fn pack(flags: u8, text: &[u8]) -> Vec<u8> {
    match flags {
        XZ => {
            let mut packed = Vec::new();
            let mut encoder = liblzma::read::XzEncoder::new(text, 1);
            std::io::Read::read_to_end(&mut encoder, &mut packed).unwrap();
            packed
        }
        LZ4 => [&(text.len() as u64).to_le_bytes()[..], &lz4_flex::block::compress(text)].concat(),
        _ => zstd::bulk::compress(text, 3).unwrap(),
    }
}

/// An array of entries that has room still, and how many entries are in the chain.
#[derive(Clone, Copy, Default)]
struct Tail {
    array: usize,
    room: usize,
    used: usize,
    entries: usize,
}

/// Writes one file.
#[derive(Clone)]
pub(super) struct Writer {
    bytes: Vec<u8>,
    is_compact: bool,
    packs: u8,
    data: HashMap<Vec<u8>, (usize, Tail)>,
    fields: HashMap<Vec<u8>, usize>,
    every: Tail,
    entries: u64,
}

impl Writer {
    /// Eight bytes for each place, keyed hashes.
    pub(super) fn regular() -> Self {
        Writer::new(1 << 2, 0)
    }

    /// Four bytes for each place.
    pub(super) fn compact() -> Self {
        Writer::new(1 << 2 | 1 << 4, 0)
    }

    /// As before systemd 246: without keyed hashes.
    pub(super) fn old() -> Self {
        Writer::new(0, 0)
    }

    fn new(flags: u32, packs: u8) -> Self {
        let mut bytes = vec![0; HEADER_BYTES];
        bytes[..8].copy_from_slice(super::header::MAGIC);
        bytes[12..16].copy_from_slice(&flags.to_le_bytes());
        // As of a program that writes to it still, or was stopped.
        bytes[16] = 1;
        for (at, seed) in [(24, 0x11_u8), (40, 0x22), (72, 0x33)] {
            (0..16).for_each(|n| bytes[at + n] = seed.wrapping_mul(n as u8 + 1));
        }
        put(&mut bytes, 88, HEADER_BYTES as u64);
        let is_compact = flags & 1 << 4 != 0;
        let writer = Writer { bytes, is_compact, packs, data: HashMap::new(), fields: HashMap::new(), every: Tail::default(), entries: 0 };
        writer.buckets(17)
    }

    /// Long texts are compressed so.
    pub(super) fn packing(mut self, flags: u8) -> Self {
        self.packs = flags;
        self.bytes[12] |= match flags {
            XZ => 1,
            LZ4 => 2,
            _ => 8,
        };
        self
    }

    /// With so many buckets; before the first entry.
    pub(super) fn buckets(mut self, buckets: usize) -> Self {
        self.bytes.truncate(HEADER_BYTES);
        for (kind, at) in [(4, 104), (5, 120)] {
            let table = self.object(kind, 16 * buckets);
            put(&mut self.bytes, at, table as u64 + 16);
            put(&mut self.bytes, at + 8, 16 * buckets as u64);
        }
        self
    }

    /// The writer that the numbers of the entries are of, and the file.
    pub(super) fn ids(mut self, seqnum_id: u8, file_id: u8) -> Self {
        self.bytes[72..88].fill(seqnum_id);
        self.bytes[24..40].fill(file_id);
        self
    }

    /// Adds an entry, of this moment in microseconds and these data.
    pub(super) fn entry(mut self, realtime: u64, data: &[&str]) -> Self {
        self.add(realtime, self.entries + 1, &data.iter().map(|text| text.as_bytes()).collect::<Vec<_>>());
        self
    }

    /// The same with any bytes, and this number.
    pub(super) fn add(&mut self, realtime: u64, seqnum: u64, data: &[&[u8]]) {
        let mut places: Vec<usize> = data.iter().map(|text| self.datum(text)).collect();
        places.sort_unstable();
        places.dedup();
        let width = if self.is_compact { 4 } else { 16 };
        let at = self.object(3, 48 + width * places.len());
        put(&mut self.bytes, at + 16, seqnum);
        put(&mut self.bytes, at + 24, realtime);
        put(&mut self.bytes, at + 32, realtime);
        let boot =
            data.iter().find_map(|text| text.strip_prefix(b"_BOOT_ID=")).and_then(|id| super::terms::id(std::str::from_utf8(id).ok()?));
        self.bytes[at + 40..at + 56].copy_from_slice(&boot.unwrap_or_default());
        for (nth, place) in places.iter().enumerate() {
            self.bytes[at + 64 + nth * width..][..4].copy_from_slice(&(*place as u32).to_le_bytes());
        }
        let mut every = self.every;
        self.append(&mut every, at, 176);
        self.every = every;
        for place in places {
            let key = self.data.iter().find(|(_, (at, _))| *at == place).map(|(key, _)| key.clone()).unwrap();
            let mut tail = self.data[&key].1;
            if get(&self.bytes, place + 40) == 0 {
                put(&mut self.bytes, place + 40, at as u64);
            } else {
                self.append(&mut tail, at, place + 48);
            }
            let entries = get(&self.bytes, place + 56) + 1;
            put(&mut self.bytes, place + 56, entries);
            self.data.insert(key, (place, tail));
        }
        if self.entries == 0 {
            put(&mut self.bytes, 168, seqnum);
            put(&mut self.bytes, 184, realtime);
        }
        self.entries += 1;
        put(&mut self.bytes, 160, seqnum);
        put(&mut self.bytes, 192, realtime);
    }

    /// The file.
    pub(super) fn finish(&self) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        put(&mut bytes, 96, (self.bytes.len() - HEADER_BYTES) as u64);
        put(&mut bytes, 152, self.entries);
        bytes
    }

    fn header(&self) -> Header {
        Header::read(&self.bytes).unwrap()
    }

    /// Appends an object with a body of so many bytes; where it begins.
    fn object(&mut self, kind: u8, body: usize) -> usize {
        let at = self.bytes.len();
        self.bytes.resize((at + 16 + body).next_multiple_of(8), 0);
        self.bytes[at] = kind;
        put(&mut self.bytes, at + 8, 16 + body as u64);
        put(&mut self.bytes, 136, at as u64);
        at
    }

    /// Appends the object at `at` to its bucket in the table whose place stands in the header at `table`.
    fn hashed(&mut self, at: usize, hash: u64, table: usize) {
        let (first, buckets) = (get(&self.bytes, table) as usize, get(&self.bytes, table + 8) / 16);
        put(&mut self.bytes, at + 16, hash);
        let bucket = first + (hash % buckets * 16) as usize;
        match get(&self.bytes, bucket + 8) as usize {
            0 => put(&mut self.bytes, bucket, at as u64),
            last => put(&mut self.bytes, last + 24, at as u64),
        }
        put(&mut self.bytes, bucket + 8, at as u64);
    }

    fn datum(&mut self, text: &[u8]) -> usize {
        if let Some((at, _)) = self.data.get(text) {
            return *at;
        }
        let packs = if text.len() >= COMPRESSED_FROM { self.packs } else { 0 };
        let stored = if packs == 0 { text.to_vec() } else { pack(packs, text) };
        let before = if self.is_compact { 72 } else { 64 };
        let hash_of_text = hash(&self.header(), text);
        let at = self.object(1, before - 16 + stored.len());
        self.bytes[at + 1] = packs;
        self.bytes[at + before..][..stored.len()].copy_from_slice(&stored);
        self.hashed(at, hash_of_text, 104);
        let name = text.split(|byte| *byte == b'=').next().unwrap_or_default().to_vec();
        let field = match self.fields.get(&name) {
            Some(field) => *field,
            None => {
                let hash_of_name = hash(&self.header(), &name);
                let field = self.object(2, 24 + name.len());
                self.bytes[field + 40..][..name.len()].copy_from_slice(&name);
                self.hashed(field, hash_of_name, 120);
                self.fields.insert(name, field);
                field
            }
        };
        let head = get(&self.bytes, field + 32);
        put(&mut self.bytes, at + 32, head);
        put(&mut self.bytes, field + 32, at as u64);
        self.data.insert(text.to_vec(), (at, Tail::default()));
        at
    }

    /// Appends an entry to a chain whose first array's place stands at `link`.
    fn append(&mut self, tail: &mut Tail, entry: usize, link: usize) {
        let width = if self.is_compact { 4 } else { 8 };
        if tail.used == tail.room {
            let room = ((tail.entries + 1) * 2).max(4);
            let array = self.object(6, 8 + width * room);
            put(&mut self.bytes, if tail.array == 0 { link } else { tail.array + 16 }, array as u64);
            (tail.array, tail.room, tail.used) = (array, room, 0);
        }
        self.bytes[tail.array + 24 + tail.used * width..][..width].copy_from_slice(&(entry as u64).to_le_bytes()[..width]);
        tail.used += 1;
        tail.entries += 1;
    }
}

fn put(bytes: &mut [u8], at: usize, number: u64) {
    bytes[at..at + 8].copy_from_slice(&number.to_le_bytes());
}

fn get(bytes: &[u8], at: usize) -> u64 {
    super::header::u64_at(bytes, at)
}
