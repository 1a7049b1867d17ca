//! `csv` and `tsv`, beside a reader that does one byte after the other what the documentation says.
//!
//! With all fields as text, the records are its rows that have as many fields as the header, and the others are rejects. A cell
//! that is a number is what Rust reads in the same text, and what is no number is that text.

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
    let format = if options.is_multiple_of(4) { "tsv" } else { "csv" };
    let case = |args| Case { format, args, bytes: from.0 };
    let guessing = case(Args::default());
    let Some(typed) = guessing.check(how) else { return };
    let casts = typed.names.iter().map(|name| (name.clone(), Type::Text)).collect();
    let as_text = case(Args { casts, ..Args::default() });
    // The types are guessed from all of it, so that no record is refused for them.
    let Ok(plan) = as_text.plan() else { panic!("a header that was read cannot be read again") };
    let texts = as_text.read_by(&plan, Cut::WHOLE, &Wanted::all());
    compare_types(&typed, &texts);
    let kind = match (format, as_text.dialect()) {
        ("tsv", _) => Kind { delimiter: b'\t', has_quotes: false },
        (_, 0) => Kind { delimiter: b',', has_quotes: true },
        (_, delimiter) => Kind { delimiter, has_quotes: true },
    };
    compare_rows(&texts, &from.0[plan.head_bytes()..], kind);
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

fn compare_rows(texts: &Outcome, body: &[u8], kind: Kind) {
    let (mut records, mut rejects) = (texts.rows.iter(), texts.rejects.iter());
    let mut rest = body;
    while !rest.is_empty() {
        let Read { fields, is_blank, end } = read(rest, kind);
        let line = &rest[..end];
        rest = &rest[end..];
        let columns = texts.names.len();
        if is_blank && (kind.has_quotes || columns != 1) {
            continue;
        }
        let Some(mut row) = fields else {
            let is_said = |why: &str| why.contains("begins with a quote, and none") || why.contains("text follows the quote");
            assert!(rejects.next().is_some_and(|reject| is_said(&reject.why)), "a torn row is no reject");
            continue;
        };
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let ends_with_delimiter = line.strip_suffix(b"\r").unwrap_or(line).last() == Some(&kind.delimiter);
        if row.len() == columns + 1 && ends_with_delimiter && row.last().is_some_and(Vec::is_empty) {
            row.pop();
        }
        if row.len() != columns {
            assert!(rejects.next().is_some_and(|reject| reject.why.contains(" where the header has ")), "{row:?}");
            continue;
        }
        let Some(record) = records.next() else { panic!("{row:?} is no record") };
        assert_eq!(record.iter().map(|(_, cell)| cell.clone()).collect::<Vec<_>>(), row.into_iter().map(Cell::Text).collect::<Vec<_>>());
    }
    assert_eq!((records.len(), rejects.len()), (0, 0), "more than there are rows");
}

/// How a row is read.
#[derive(Debug, Clone, Copy)]
struct Kind {
    delimiter: u8,
    /// Of csv; tsv has backslashes instead.
    has_quotes: bool,
}

/// A row; without fields it is torn.
struct Read {
    fields: Option<Vec<Vec<u8>>>,
    is_blank: bool,
    end: usize,
}

/// The first row, as the documentation says it, one byte after the other.
fn read(text: &[u8], kind: Kind) -> Read {
    let line_end = |from: usize| text[from..].iter().position(|&byte| byte == b'\n').map_or(text.len(), |len| from + len + 1);
    let is_line_end = |at: usize| matches!(&text[at..], [] | [b'\n', ..] | [b'\r'] | [b'\r', b'\n', ..]);
    let (mut fields, mut at) = (Vec::new(), 0);
    loop {
        let blanks = text[at..].iter().take_while(|&&byte| byte == b' ').count();
        let mut field = Vec::new();
        if kind.has_quotes && text.get(at + blanks) == Some(&b'"') {
            let open = at + blanks;
            let torn = Read { fields: None, is_blank: false, end: line_end(open) };
            at = open + 1;
            loop {
                match &text[at..] {
                    [] => return torn,
                    [b'"', b'"', ..] => at += 1,
                    [b'"', ..] => break,
                    _ => {}
                }
                field.push(text[at]);
                at += 1;
            }
            at += 1;
            let lines = text[open..at].iter().filter(|&&byte| byte == b'\n').count();
            if lines > 1000 || !(is_line_end(at) || text[at] == kind.delimiter) {
                return torn;
            }
        } else {
            while !is_line_end(at) && text[at] != kind.delimiter {
                let escaped = match &text[at..] {
                    [b'\\', b't', ..] => Some(b'\t'),
                    [b'\\', b'n', ..] => Some(b'\n'),
                    [b'\\', b'r', ..] => Some(b'\r'),
                    [b'\\', b'\\', ..] => Some(b'\\'),
                    _ => None,
                }
                .filter(|_| !kind.has_quotes);
                field.push(escaped.unwrap_or(text[at]));
                at += 1 + usize::from(escaped.is_some());
            }
        }
        fields.push(field);
        if is_line_end(at) {
            return Read { fields: Some(fields), is_blank: at == 0, end: line_end(at) };
        }
        at += 1;
    }
}
