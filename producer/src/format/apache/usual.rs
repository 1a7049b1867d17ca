//! What a usual line is: the two orders of marks ([`crate::simd::pattern`]) that nearly all lines of most logs have.
//!
//! ```text
//! host referrer user [date zone] "GET /path HTTP/1.1" 200 1234⏎      or  200 1234 "referer" "user agent"⏎
//! ```
//!
//! Where nobody asks for the words of the request, it may be anything without an escape.

use super::super::usual;
use super::columns::TEXTS;
use super::{COMMON_FIELDS, FIELDS};
use crate::simd::Separators;
use crate::simd::pattern::{Gap, Kind, Mark, Pattern, Spaces};

/// A usual line has no comma outside of quotes: its host would be a list.
const SEPARATORS: Separators = Separators { space: b' ', opening: b'[', closing: b']', odd: b',', is_odd_beside_spaces: false };

/// Where things are among the places of a line's wanted marks; 0 is the newline before the line.
#[derive(Debug)]
pub(super) struct Usual {
    pub pattern: Pattern,
    pub combined: bool,
    /// The marks before and behind each text that is wanted.
    pub texts: [Option<(usize, usize)>; TEXTS],
    pub(crate) before_status: usize,
    pub(crate) after_bytes: usize,
}

/// A mark, what text ends there, and which one begins.
struct Place(Kind, Gap, Option<usize>, Option<usize>);

impl usual::Usual for Usual {
    const COST: usize = 6;

    fn pattern(&self) -> &Pattern {
        &self.pattern
    }
}

impl Usual {
    /// Common lines and combined ones, for whom reads these of [`FIELDS`].
    pub(super) fn both(fields: &[bool; FIELDS.len()]) -> Option<[Usual; 2]> {
        Some([Usual::new(fields, false)?, Usual::new(fields, true)?])
    }

    fn new(fields: &[bool; FIELDS.len()], combined: bool) -> Option<Usual> {
        use Gap::{Any, Nothing, Text};
        use Kind::{Closing, Newline, Opening, Quote, Space};
        let is_read = |text: usize| fields[if text < COMMON_FIELDS - 2 { text } else { text + 2 }];
        let words = (4..=6).any(is_read);
        let mut line = vec![
            Place(Space, Text, Some(0), Some(1)),
            Place(Space, Text, Some(1), Some(2)),
            Place(Space, Text, Some(2), None),
            Place(Opening, Nothing, None, Some(3)),
            Place(Space, Text, None, None),
            Place(Closing, Text, Some(3), None),
            Place(Space, Nothing, None, None),
        ];
        match words {
            true => line.extend([
                Place(Quote, Nothing, None, Some(4)),
                Place(Space, Text, Some(4), Some(5)),
                Place(Space, Text, Some(5), Some(6)),
                Place(Quote, Text, Some(6), None),
            ]),
            false => line.extend([Place(Quote, Nothing, None, None), Place(Quote, Any, None, None)]),
        }
        let before_status = line.len();
        line.extend([Place(Space, Nothing, None, None), Place(Space, Text, None, None)]);
        let after_bytes = line.len();
        match combined {
            true => line.extend([
                Place(Space, Text, None, None),
                Place(Quote, Nothing, None, Some(7)),
                Place(Quote, Any, Some(7), None),
                Place(Space, Nothing, None, None),
                Place(Quote, Nothing, None, Some(8)),
                Place(Quote, Any, Some(8), None),
                // There may be a carriage return, and nothing else.
                Place(Newline, Any, None, None),
            ]),
            false => line.push(Place(Newline, Text, None, None)),
        }
        let is_wanted = |(i, &Place(kind, _, ends, begins)): (usize, &Place)| {
            let is_side = [ends, begins].into_iter().flatten().any(is_read);
            kind == Newline || i == before_status || i == after_bytes || is_side
        };
        let wanted: Vec<bool> = line.iter().enumerate().map(is_wanted).collect();
        let slot = |i: usize| wanted[..=i].iter().filter(|&&wanted| wanted).count();
        let texts = std::array::from_fn(|text| {
            let begins = line.iter().position(|place| place.3 == Some(text)).map_or(0, slot);
            let ends = line.iter().position(|place| place.2 == Some(text))?;
            is_read(text).then(|| (begins, slot(ends)))
        });
        let marks: Vec<Mark> = line.iter().zip(&wanted).map(|(&Place(kind, gap, ..), &wanted)| Mark { kind, gap, wanted }).collect();
        let spaces = match (words, combined) {
            (false, _) => Spaces::Bare,
            (true, false) => Spaces::All,
            (true, true) => Spaces::In(0),
        };
        let (before_status, after_bytes) = (slot(before_status), slot(after_bytes));
        Some(Usual { pattern: Pattern::new(&marks, spaces, SEPARATORS)?, combined, texts, before_status, after_bytes })
    }
}
