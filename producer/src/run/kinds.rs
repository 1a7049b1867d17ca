//! The kinds of rejects of a run: how many there are of each, and the first.

use crate::ledger::count;

/// So many kinds are told apart; what comes after them counts as the last.
const MOST_KINDS: usize = 6;

/// The kinds, in the order of their first rejects.
#[derive(Debug, Default)]
pub(super) struct Kinds(Vec<Kind>);

#[derive(Debug)]
struct Kind {
    /// The reason, and the same without its numbers.
    why: String,
    pattern: String,
    count: u64,
    /// Where the first is, why, and how it looks.
    first: String,
}

impl Kinds {
    /// Takes note of a reject: why it is one, and what is said of it if it is the first of its kind. Reasons are of one kind that differ in
    /// their numbers only.
    pub(super) fn note(&mut self, why: &str, first: impl FnOnce() -> String) {
        if let Some(known) = self.0.iter_mut().find(|kind| kind.why == why) {
            known.count += 1;
            return;
        }
        let pattern = without_numbers(why);
        let is_full = self.0.len() == MOST_KINDS;
        match self.0.iter().position(|kind| kind.pattern == pattern).or(is_full.then_some(MOST_KINDS - 1)) {
            Some(place) => self.0[place].count += 1,
            None => self.0.push(Kind { why: why.to_owned(), pattern, count: 1, first: first() }),
        }
    }

    /// The first of all.
    pub(super) fn first(&self) -> Option<&str> {
        self.0.first().map(|kind| kind.first.as_str())
    }

    /// What is said of the kinds after the first, where what is rejected is called `unit`.
    pub(super) fn others<'k>(&'k self, unit: &'k str) -> impl Iterator<Item = String> + 'k {
        let kinds = self.0.iter().enumerate().skip(1);
        kinds.map(move |(place, Kind { count: of_it, first, .. })| {
            let kind = if place + 1 == MOST_KINDS { "of other kinds" } else { "of another kind" };
            format!("{} {kind}, first: {first}", count(*of_it, unit))
        })
    }
}

fn without_numbers(why: &str) -> String {
    let mut pattern = String::with_capacity(why.len());
    for sign in why.chars() {
        match sign.is_ascii_digit() {
            true if pattern.ends_with('0') => {}
            true => pattern.push('0'),
            false => pattern.push(sign),
        }
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_that_differ_in_numbers_are_of_one_kind() {
        let mut kinds = Kinds::default();
        for (nth, why) in ["2 fields, not 3", "", "12 fields, not 3", "", "bad"].iter().enumerate() {
            kinds.note(why, || format!("line {nth}"));
        }
        assert_eq!(kinds.first(), Some("line 0"));
        let others: Vec<_> = kinds.others("row").collect();
        assert_eq!(others, ["2 rows of another kind, first: line 1", "1 row of another kind, first: line 4"]);
    }

    #[test]
    fn there_are_only_so_many() {
        let mut kinds = Kinds::default();
        (b'a'..=b'z').for_each(|letter| kinds.note(&char::from(letter).to_string(), || char::from(letter).to_string()));
        assert_eq!(kinds.others("row").last().unwrap(), "21 rows of other kinds, first: f");
    }
}
