//! `csv` and `tsv`, beside the crate `csv-core`.
//!
//! With all fields as text, the records are the rows of csv-core that have as many fields as the header, and the others are
//! rejects. Where types are guessed, a number is what Rust reads in the same text, and what has become no number is that text.

use csv_core::{ReadRecordResult, ReaderBuilder, Terminator};
use recpipe::Type;
use recpipe_producer::format::{Args, Wanted};

use crate::{
    blocks::{Case, Cell, Cut, Outcome, Row},
    bytes::Bytes,
};

/// Longer inputs say nothing new.
const MAX_BYTES: usize = 1 << 14;

/// Checks them for these bytes.
pub fn check(data: &[u8]) {
    let mut from = Bytes(data);
    let (options, how) = (from.byte(), [from.byte(), from.byte(), from.byte()]);
    if from.0.is_empty() || from.0.len() > MAX_BYTES {
        return;
    }
    let (format, delimiter) = if options.is_multiple_of(4) { ("tsv", b'\t') } else { ("csv", b',') };
    let case = |args| Case { format, args, bytes: from.0 };
    let guessing = case(Args::default());
    // What comes after the header is read by itself by the oracle, which would take a mark off.
    if guessing.plan().is_ok_and(|plan| from.0[plan.head_bytes()..].starts_with(b"\xef\xbb\xbf")) {
        return;
    }
    let Some(typed) = guessing.check(how) else { return };
    let casts = typed.names.iter().map(|name| (name.clone(), Type::Text)).collect();
    let as_text = case(Args { casts, ..Args::default() });
    // The types are guessed from all of it, so that no record is refused for them.
    let Ok(plan) = as_text.plan() else { panic!("a header that was read cannot be read again") };
    let texts = as_text.read_by(&plan, Cut::WHOLE, &Wanted::all());
    compare_types(&typed, &texts);
    compare_rows(&texts, &from.0[plan.head_bytes()..], delimiter);
    // A column alone is as it is among the others.
    if let Some(name) = typed.names.get(usize::from(options) / 4) {
        let alone = case(Args { fields: Some([name.clone()].into()), ..Args::default() });
        let read = alone.plan().map(|plan| alone.read_by(&plan, Cut::WHOLE, &Wanted::all()));
        let Ok(alone) = read else { panic!("a field that is there was refused") };
        let only = |row: &Row| row.iter().filter(|(field, _)| field == name).cloned().collect::<Vec<_>>();
        assert_eq!(alone.rows, typed.rows.iter().map(only).collect::<Vec<_>>());
        assert_eq!(alone.rejects, typed.rejects);
    }
}

fn compare_types(typed: &Outcome, texts: &Outcome) {
    assert_eq!(typed.rejects, texts.rejects);
    assert_eq!(typed.rows.len(), texts.rows.len());
    for (typed, texts) in typed.rows.iter().zip(&texts.rows) {
        for (name, text) in texts {
            let Cell::Text(bytes) = text else { panic!("{text:?} was to be text") };
            let text = std::str::from_utf8(bytes).unwrap_or("no number");
            match typed.iter().find(|(field, _)| field == name).map(|(_, cell)| cell) {
                None => assert!(bytes.is_empty(), "{name}: {text:?} is null"),
                Some(Cell::Text(same)) => assert_eq!(same, bytes, "{name}"),
                Some(Cell::Int(n)) => assert_eq!(n.to_string(), text, "{name}"),
                Some(Cell::Float(bits)) => assert_eq!(text.parse::<f64>().map(f64::to_bits), Ok(*bits), "{name}"),
                Some(Cell::Bool(value)) => panic!("{name}: {text:?} is {value}"),
            }
        }
    }
}

fn compare_rows(texts: &Outcome, body: &[u8], delimiter: u8) {
    let torn = texts.rejects.last().filter(|reject| reject.why == "a quote is not closed").map(|_| 1);
    let mut rows = rows(body, delimiter);
    rows.truncate(texts.rows.len() + texts.rejects.len() - torn.unwrap_or(0));
    let (mut records, mut rejects) = (texts.rows.iter(), texts.rejects.iter());
    for row in &rows {
        if row.len() != texts.names.len() {
            assert!(rejects.next().is_some_and(|reject| reject.why.starts_with(&format!("{} fields where", row.len()))), "{row:?}");
            continue;
        }
        let Some(record) = records.next() else { panic!("{row:?} is no record") };
        assert_eq!(
            record.iter().map(|(_, cell)| cell.clone()).collect::<Vec<_>>(),
            row.iter().cloned().map(Cell::Text).collect::<Vec<_>>()
        );
    }
    assert_eq!((records.len(), rejects.len()), (0, torn.unwrap_or(0)), "more than {} rows", rows.len());
}

/// The rows as csv-core has them, but that a carriage return before the end of a line is part of that end.
fn rows(text: &[u8], delimiter: u8) -> Vec<Vec<Vec<u8>>> {
    let mut reader = ReaderBuilder::new().delimiter(delimiter).terminator(Terminator::Any(b'\n')).build();
    let (mut rows, mut rest, mut out, mut ends) = (Vec::new(), text, vec![0; text.len() + 1], vec![0; text.len() + 2]);
    loop {
        let (before, mut outlen, mut endlen) = (rest, 0, 0);
        loop {
            let (result, read, wrote, ended) = reader.read_record(rest, &mut out[outlen..], &mut ends[endlen..]);
            rest = &rest[read..];
            (outlen, endlen) = (outlen + wrote, endlen + ended);
            match result {
                ReadRecordResult::End => return rows,
                ReadRecordResult::Record => break,
                _ => {}
            }
        }
        let mut from = 0;
        let fields = ends[..endlen].iter().map(|&end| out[std::mem::replace(&mut from, end)..end].to_vec());
        let mut row: Vec<Vec<u8>> = fields.collect();
        let line = &before[..before.len() - rest.len()];
        // It passes over empty lines.
        let line = &line[line.iter().take_while(|&&byte| byte == b'\n').count()..];
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        if line.ends_with(b"\r") {
            row.last_mut().and_then(Vec::pop);
        }
        if line != b"\r" {
            rows.push(row);
        }
    }
}
