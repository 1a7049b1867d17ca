//! `json`, beside the crate `serde_json`.
//!
//! A line that serde_json takes for an object is a record with what serde_json reads in it, flattened. What serde_json refuses is a reject, but for bytes that are not UTF-8, control
//! characters in strings and halves of surrogate pairs, which pass. A reject leaves nothing behind.

use std::fmt;

use recpipe_producer::format::{Args, Wanted};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::{
    blocks::{Case, Cell, Cut, Outcome, Row},
    bytes::Bytes,
};

/// Longer inputs say nothing new.
const MAX_BYTES: usize = 1 << 14;

/// Checks them for these bytes.
pub fn check(data: &[u8]) {
    let mut from = Bytes(data);
    let how = [from.byte(), from.byte(), from.byte()];
    if from.0.is_empty() || from.0.len() > MAX_BYTES {
        return;
    }
    let Some(whole) = case(from.0).check(how) else { return };
    if case(from.0).dialect() != 0 {
        return;
    }
    compare(&whole, from.0);
    rearranged(&whole, from.0);
    if !whole.rejects.is_empty() {
        let mut without = from.0.to_vec();
        for reject in whole.rejects.iter().rev() {
            let start = reject.start as usize;
            let len = without[start..].iter().position(|&byte| byte == b'\n').map_or(without.len() - start, |len| len + 1);
            without.drain(start..start + len);
        }
        let rows = case(&without).read(Cut::WHOLE).map(|outcome| outcome.rows);
        let rows = rows.unwrap_or_else(|why| panic!("{why}"));
        assert_eq!(rows.len(), whole.rows.len(), "a reject leaves something behind");
        for (row, was) in rows.iter().zip(&whole.rows) {
            assert_eq!(sorted(row), sorted(was), "beside rejects");
        }
    }
    // Lines that are too long are passed over, and no others.
    let max_bytes = usize::from(how[1]) + 1;
    if let Ok(plan) = case(from.0).plan() {
        let short = Cut { block_bytes: 1, max_bytes: Some(max_bytes), ..Cut::WHOLE };
        let short = case(from.0).read_by(&plan, short, &Wanted::all());
        let mut at = 0;
        let mut long = Vec::new();
        for line in from.0.split_inclusive(|&byte| byte == b'\n') {
            let is_long = line.strip_suffix(b"\n").unwrap_or(line).len() > max_bytes;
            if is_long {
                long.push(at as u64..(at + line.len()) as u64);
            }
            at += line.len();
        }
        assert_eq!(short.long, long.iter().map(|range| range.start).collect::<Vec<_>>());
        let rejects = whole.rejects.iter().filter(|reject| !long.iter().any(|range| range.contains(&reject.start)));
        let told = |reject: &crate::blocks::Rejected| (reject.line, reject.start, reject.why.clone());
        assert_eq!(short.rejects.iter().map(told).collect::<Vec<_>>(), rejects.map(told).collect::<Vec<_>>());
    }
}

/// The same objects in an array, over lines, or side by side are the same records.
fn rearranged(whole: &Outcome, bytes: &[u8]) {
    let mut objects = Vec::new();
    let mut rejects = whole.rejects.iter().peekable();
    for (nth, line) in bytes.split(|&byte| byte == b'\n').enumerate() {
        let is_reject = rejects.next_if(|reject| reject.line == nth as u64).is_some();
        if !is_reject && !line.trim_ascii().is_empty() {
            objects.push(line.trim_ascii());
        }
    }
    let ways: [(&[u8], &[u8], &[u8]); 3] = [(b"[", b",", b"]"), (b"[\n  ", b",\n  ", b"\n]\n"), (b"\x1e", b"", b"\n")];
    for (before, between, after) in ways {
        let bytes = [before, &objects.join(between), after].concat();
        let read = case(&bytes).read(Cut { block_bytes: 64, ..Cut::WHOLE });
        let Ok(Outcome { rows, rejects, failure, .. }) = read else { panic!("it could be read before") };
        assert!(failure.is_none() && rejects.is_empty(), "{rejects:?} {failure:?}");
        assert_eq!(rows.iter().map(sorted).collect::<Vec<_>>(), whole.rows.iter().map(sorted).collect::<Vec<_>>());
    }
}

fn case(bytes: &[u8]) -> Case<'_> {
    Case { format: "json", args: Args::default(), bytes }
}

fn sorted(row: &Row) -> Row {
    let mut row = row.clone();
    row.sort_by(|(one, _), (other, _)| one.cmp(other));
    row
}

fn compare(whole: &Outcome, body: &[u8]) {
    let (mut records, mut rejects) = (whole.rows.iter(), whole.rejects.iter().peekable());
    for (nth, line) in body.split(|&byte| byte == b'\n').enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let shown = String::from_utf8_lossy(line);
        let theirs = std::str::from_utf8(line).map_err(|_| "not UTF-8".to_owned());
        let theirs = theirs.and_then(|line| serde_json::from_str(line).map_err(|error: serde_json::Error| error.to_string()));
        if let Some(reject) = rejects.next_if(|reject| reject.line == nth as u64) {
            // What it might be refused for though it is JSON.
            let beyond = ["nested deeper than 128", "a key of more than", "different keys", "stands there twice"];
            let is_ours = beyond.iter().any(|part| reject.why.contains(part));
            assert!(is_ours || !matches!(theirs, Ok(Tree::Object(_))), "{shown}: {}", reject.why);
            continue;
        }
        let Some(record) = records.next() else { panic!("{shown} is neither a record nor a reject") };
        match theirs {
            Ok(Tree::Object(members)) => {
                let mut flat = Vec::new();
                flatten("", members, &mut flat);
                assert!(is_same(record, &flat), "{shown} is {flat:?}, and was read as {record:?}");
            }
            Ok(other) => panic!("{shown} is a record: {other:?}"),
            Err(why) => {
                let passes = [
                    "not UTF-8",
                    "control character",
                    "surrogate",
                    "unexpected end of hex escape",
                    "recursion limit",
                    "number out of range",
                ];
                let is_python = shown.contains("NaN") || shown.contains("Infinity");
                assert!(is_python || passes.iter().any(|part| why.contains(part)), "{shown} is a record: {why}");
            }
        }
    }
    assert_eq!((records.len(), rejects.len()), (0, 0), "more than there are lines");
}

/// Whether the record has what the line says, the last of each path.
fn is_same(record: &Row, flat: &[(String, Tree)]) -> bool {
    let mut paths: Vec<&str> = flat.iter().map(|(path, _)| path.as_str()).collect();
    paths.sort_unstable();
    paths.dedup();
    let said = |path: &str| flat.iter().rev().find(|(other, _)| other == path).map_or(&Tree::Null, |(_, tree)| tree);
    let has = |path: &&str| {
        let cell = record.iter().find(|(name, _)| name == path).map(|(_, cell)| cell);
        match (said(path), cell) {
            (Tree::Null, None) => true,
            (Tree::Bool(one), Some(Cell::Bool(other))) => one == other,
            (Tree::Int(one), Some(Cell::Int(other))) => one == other,
            // It makes floats of whole numbers that 64 bits do not hold.
            (Tree::Float(one), Some(Cell::Int(other))) if i64::try_from(*other).is_err() => *other as f64 == *one,
            (Tree::Float(one), Some(Cell::Text(digits))) => {
                let digits = std::str::from_utf8(digits).unwrap_or_default();
                digits.trim_start_matches('-').bytes().all(|byte| byte.is_ascii_digit()) && digits.parse::<f64>() == Ok(*one)
            }
            // serde_json reads `-0` as it does `-0.0`; here it is the integer 0.
            (Tree::Float(one), Some(cell)) if one.to_bits() == (-0.0_f64).to_bits() => {
                [Cell::Int(0), Cell::float(0.0), Cell::float(-0.0)].contains(cell)
            }
            (Tree::Float(one), Some(Cell::Float(other))) => one.to_bits() == *other,
            (Tree::Text(one), Some(Cell::Text(other))) => one.as_bytes() == other,
            (tree @ Tree::Array(_), Some(Cell::Text(other))) => serde_json::from_slice::<Tree>(other).is_ok_and(|other| other == *tree),
            _ => false,
        }
    };
    paths.iter().all(has) && record.iter().all(|(name, _)| paths.contains(&name.as_str()))
}

fn flatten(prefix: &str, members: Vec<(String, Tree)>, into: &mut Vec<(String, Tree)>) {
    for (key, value) in members {
        let path = if prefix.is_empty() { key } else { format!("{prefix}.{key}") };
        match value {
            Tree::Object(members) => flatten(&path, members, into),
            value => into.push((path, value)),
        }
    }
}

/// JSON as it stands: members in their order, and twice where they stand twice.
#[derive(Debug, PartialEq)]
enum Tree {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(String),
    Array(Vec<Tree>),
    Object(Vec<(String, Tree)>),
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Trees)
    }
}

struct Trees;

impl<'de> Visitor<'de> for Trees {
    type Value = Tree;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Int(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::Int(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
        Ok(Tree::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tree, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element()? {
            array.push(item);
        }
        Ok(Tree::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Tree, A::Error> {
        let mut object = Vec::new();
        while let Some(member) = members.next_entry()? {
            object.push(member);
        }
        Ok(Tree::Object(object))
    }
}
