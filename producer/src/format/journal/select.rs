//! Finds the entries of a file that have what is asked of them, one after the other, by the arrays that lead from data to their entries.

use super::chain::Chain;
use super::file::JournalFile;
use super::header::{Damage, u64_at};
use super::object::{Kind, data_bytes};
use super::pages::Pages;
use super::terms::Query;

/// Goes through the entries that are an answer. What is sought lies further on each time.
#[derive(Debug)]
pub(super) enum Cursor {
    /// All entries: the number of the next.
    Every { chain: Chain, next: u64 },
    /// Those of a datum: the first by itself, the others in a chain.
    Datum { first: u64, chain: Chain, next: u64 },
    /// Those of all of these; of at least one.
    All(Vec<Cursor>),
    /// Those of one of these.
    Any(Vec<Cursor>),
}

impl Cursor {
    /// The answers of a query, in a file whose entries are those of `every`.
    ///
    /// # Errors
    /// What leads to them is damaged.
    pub(super) fn new(query: &Query, every: &Chain, file: &JournalFile, pages: &mut Pages) -> Result<Self, Damage> {
        let mut all = |queries: &[Query]| queries.iter().map(|query| Cursor::new(query, every, file, pages)).collect::<Result<Vec<_>, _>>();
        Ok(match query {
            Query::All(queries) if queries.is_empty() => Cursor::Every { chain: every.clone(), next: 0 },
            Query::All(queries) => Cursor::All(all(queries)?),
            Query::Any(queries) => Cursor::Any(all(queries)?),
            Query::Has(at) => {
                pages.head(file, *at, Kind::Data, data_bytes(file.header.is_compact))?;
                let fixed = pages.bytes(file, *at, 64)?;
                let (first, array, entries) = (u64_at(fixed, 40), u64_at(fixed, 48), u64_at(fixed, 56));
                if entries == 0 {
                    return Ok(Cursor::Any(Vec::new()));
                }
                Cursor::Datum { first, chain: Chain::new(pages, file, array, entries - 1)?, next: 0 }
            }
        })
    }

    /// Where the first answer begins, at `least` or behind it.
    ///
    /// # Errors
    /// What leads to it is damaged.
    pub(super) fn seek(&mut self, pages: &mut Pages, file: &JournalFile, least: u64) -> Result<Option<u64>, Damage> {
        match self {
            Cursor::Datum { first, .. } if *first >= least => Ok(Some(*first)),
            Cursor::Every { chain, next } | Cursor::Datum { chain, next, .. } => {
                *next = chain.seek(pages, file, *next, least)?;
                chain.get(pages, file, *next)
            }
            Cursor::Any(any) => {
                let mut nearest: Option<u64> = None;
                for cursor in any {
                    let found = cursor.seek(pages, file, least)?;
                    nearest = nearest.into_iter().chain(found).min();
                }
                Ok(nearest)
            }
            Cursor::All(all) => {
                let (mut at, mut agreed) = (least, 0);
                // Each in turn is asked for what lies no nearer than the farthest so far, until all have the same.
                for nth in (0..all.len()).cycle() {
                    let Some(found) = all[nth].seek(pages, file, at)? else { return Ok(None) };
                    agreed = if found == at && agreed > 0 { agreed + 1 } else { 1 };
                    at = found;
                    if agreed == all.len() {
                        break;
                    }
                }
                Ok(Some(at))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::terms::Term;
    use super::super::testing::{on_disk, shapes};
    use super::super::unpack::Unpacker;
    use super::super::writer::Writer;
    use super::*;

    fn term() -> impl Strategy<Value = Term> {
        let has = (prop::sample::select(vec!["A", "B", "C"]), 0..4_u8).prop_map(|(f, n)| Term::Has(format!("{f}={n}").into_bytes()));
        has.prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Term::All),
                prop::collection::vec(inner, 0..3).prop_map(Term::Any)
            ]
        })
    }

    fn holds(term: &Term, data: &[String]) -> bool {
        match term {
            Term::Has(text) => data.iter().any(|datum| datum.as_bytes() == text),
            Term::All(all) => all.iter().all(|term| holds(term, data)),
            Term::Any(any) => any.iter().any(|term| holds(term, data)),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn the_answers_are_those_of_a_look_at_every_entry(
            entries in prop::collection::vec((0..3_u8, 0..3_u8, 0..3_u8), 0..60), shape in 0..shapes().len(), term in term(),
        ) {
            let data = |&(a, b, c): &(u8, u8, u8)| vec![format!("A={a}"), format!("B={b}"), format!("C={c}"), format!("A={}", c + 1)];
            let mut writer: Writer = shapes().swap_remove(shape).1;
            for (nth, entry) in entries.iter().enumerate() {
                writer = writer.entry(nth as u64, &data(entry).iter().map(String::as_str).collect::<Vec<_>>());
            }
            let (file, mut pages) = (on_disk(&writer.finish()), Pages::default());
            let every = Chain::new(&mut pages, &file, file.header.entry_array, file.header.entries).unwrap();
            let query = term.in_file(&file, &mut pages, &mut Unpacker::default()).unwrap();
            let mut cursor = Cursor::new(&query, &every, &file, &mut pages).unwrap();
            let (mut found, mut least) = (Vec::new(), 0);
            while let Some(at) = cursor.seek(&mut pages, &file, least).unwrap() {
                found.push(at);
                least = at + 1;
            }
            let mut want = Vec::new();
            for (nth, entry) in entries.iter().enumerate() {
                if holds(&term, &data(entry)) {
                    want.push(every.get(&mut pages, &file, nth as u64).unwrap().unwrap());
                }
            }
            prop_assert_eq!(found, want);
        }
    }
}
