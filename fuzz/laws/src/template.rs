//! Templates: any text as one, read of any line; and templates that are put together here, beside the regular expression that each stands
//! for.
//!
//! The laws: nothing panics; places lie in the text; and a template says what its expression says.

use recpipe::template::{Found, Template};
use recpipe::times::Times;
use regex::bytes::Regex;

use crate::bytes::Bytes;

/// See the module.
pub fn check(data: &[u8]) {
    let mut from = Bytes(data);
    if from.once_in(2) {
        let text = usize::from(from.byte());
        let (text, line) = (String::from_utf8_lossy(from.take(text)), from.0);
        let Ok(template) = Template::parse(&text) else { return };
        template.begins(line, &Times::default());
        read(&template, line);
    } else {
        put_together(from);
    }
}

/// What is found; `None` where the line does not fit.
fn read(template: &Template, line: &[u8]) -> Option<Vec<Found>> {
    let mut found = Vec::new();
    let fits = template.read(line, &Times::default(), &mut found);
    assert_eq!(found.len(), template.fields().len());
    for found in found.iter().filter(|_| fits) {
        if let Found::Span { start, len } = found {
            assert!(start.checked_add(*len).is_some_and(|end| end <= line.len()), "{start} + {len} of {}", line.len());
        }
    }
    fits.then_some(found)
}

/// The letters of lines: few, so that they often fit.
const LETTERS: &[u8] = b"ab,[ \"\\\n0-9-";

fn put_together(mut from: Bytes<'_>) {
    let (mut text, mut pattern, mut is_int) = (String::new(), "^".to_owned(), Vec::new());
    for nth in 0..=from.below(4) {
        let (field, part, kept) = match from.below(5) {
            0 => (format!("{{f{nth}:int}}"), "(-?[0-9]+|-|)", Some(true)),
            1 => ("{}".to_owned(), r"(?:[^\n]*?)", None),
            2 => (format!("\"{{f{nth}}}\""), r#""((?:\\[^\n]|[^\\\n])*?)""#, Some(false)),
            _ => (format!("{{f{nth}}}"), r"([^\n]*?)", Some(false)),
        };
        let literal = [" ", ",", " a ", "ab", " \"", ", ", "["][from.below(7)];
        text += &field;
        text += literal;
        pattern += part;
        literal.split_inclusive(' ').for_each(|part| {
            pattern += &regex::escape(part.trim_end_matches(' '));
            pattern += if part.ends_with(' ') { r"[ \t]+" } else { "" };
        });
        is_int.extend(kept);
    }
    if from.once_in(3) {
        text += "{rest*}";
        pattern += r"((?s:.)*?)";
        is_int.push(false);
    }
    let line: Vec<u8> = from.0.iter().map(|byte| LETTERS[usize::from(*byte) % LETTERS.len()]).collect();
    // A run of blanks is one blank to the expression, which may give some of it back: a template does not.
    if line.windows(2).any(|two| two == b"  ") {
        return;
    }
    // One that throws all of it away is none.
    let Ok(template) = Template::parse(&text) else { return };
    let Ok(regex) = Regex::new(&(pattern + "$")) else { panic!("the expression of {text}") };
    let want = regex.captures(&line).map(|captures| {
        let groups = captures.iter().skip(1).zip(&is_int);
        let found = groups.map(|(group, is_int)| match group {
            None => panic!("every group is in every line that fits"),
            Some(group) if *is_int => {
                std::str::from_utf8(group.as_bytes()).ok().and_then(|text| text.parse().ok()).map_or(Found::Null, Found::Int)
            }
            Some(group) => Found::Span { start: group.start(), len: group.len() },
        });
        found.collect::<Vec<_>>()
    });
    // A number that 64 bits do not hold is none, to a template.
    let is_wide = want.iter().flatten().zip(&is_int).any(|(found, is_int)| *is_int && *found == Found::Null);
    let found = read(&template, &line);
    if !(is_wide && found.is_none()) {
        assert_eq!(found, want, "{text} of {:?}", String::from_utf8_lossy(&line));
    }
}
