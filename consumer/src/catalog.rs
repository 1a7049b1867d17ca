//! The one list of the words: what is not in it is no word of the language, which is handed it.

use crate::{
    aggregate::{arg_best, count, distinct, first_last, list, min_max, quantile, stdev, sum},
    function::{bin, calendar, case, cast, choice, extreme, find, hash, now, replace, round, slice, strftime, time, url},
    language::{self, AggregateWord, Catalog, FunctionWord, Query, QueryError, Source, words::STAGES},
};

/// All words.
pub static CATALOG: Catalog = Catalog { stages: STAGES, aggregates: AGGREGATES, functions: FUNCTIONS };

// Each in the order in which help shows them.

static AGGREGATES: &[&AggregateWord] = &[
    &count::COUNT,
    &sum::SUM,
    &sum::AVG,
    &min_max::MIN,
    &min_max::MAX,
    &arg_best::ARGMIN,
    &arg_best::ARGMAX,
    &first_last::FIRST,
    &first_last::LAST,
    &stdev::STDEV,
    &quantile::MEDIAN,
    &quantile::PERCENTILE,
    &quantile::QUANTILE,
    &distinct::DISTINCT,
    &distinct::SET,
    &list::LIST,
];

static FUNCTIONS: &[&FunctionWord] = &[
    &slice::LEN,
    &case::LOWER,
    &case::UPPER,
    &slice::TRIM,
    &slice::SUBSTR,
    &replace::REPLACE,
    &slice::SPLIT,
    &find::CONTAINS,
    &find::STARTSWITH,
    &find::ENDSWITH,
    &cast::INT,
    &cast::FLOAT,
    &cast::STR,
    &time::TIME,
    &now::NOW,
    &bin::BIN,
    &calendar::YEAR,
    &calendar::MONTH,
    &calendar::DAY,
    &calendar::HOUR,
    &calendar::MINUTE,
    &calendar::WEEKDAY,
    &calendar::EPOCH,
    &strftime::STRFTIME,
    &choice::IF,
    &choice::COALESCE,
    &round::ABS,
    &round::FLOOR,
    &round::CEIL,
    &round::ROUND,
    &extreme::MIN,
    &extreme::MAX,
    &url::PATH,
    &url::QUERY,
    &url::EXT,
    &hash::HASH,
];

/// Parses a query in these words.
///
/// # Errors
/// As for [`language::parse()`].
pub fn parse(source: &Source) -> Result<Query, QueryError> {
    language::parse(source, &CATALOG)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{CATALOG, parse};
    use crate::language::{Source, check, tests::log_schema};

    fn check_example(query: String) {
        let source = Source::from_args(&[query]);
        let parsed = parse(&source).unwrap_or_else(|error| panic!("{error}"));
        check(&source, &parsed, &log_schema()).unwrap_or_else(|error| panic!("{error}"));
    }

    #[test]
    fn names_are_unique() {
        let check = |names: Vec<&str>| {
            let unique: HashSet<_> = names.iter().collect();
            assert_eq!(unique.len(), names.len(), "{names:?}");
        };
        check(CATALOG.stages.iter().flat_map(|row| row.about.names()).collect());
        check(CATALOG.aggregates.iter().map(|row| row.name).collect());
        check(CATALOG.functions.iter().map(|row| row.name).collect());
    }

    #[test]
    fn every_example_uses_its_word_and_is_a_valid_query() {
        for row in CATALOG.stages.iter().map(|row| &row.about) {
            assert!(row.example.starts_with(row.name), "{}", row.name);
            check_example(row.example.to_owned());
        }
        for row in CATALOG.aggregates {
            assert!(row.example.starts_with(row.name), "{}", row.name);
            check_example(row.example.to_owned());
        }
        for row in CATALOG.functions {
            assert!(row.example.contains(&format!("{}(", row.name)), "{}", row.name);
            check_example(format!("where {}", row.example));
        }
    }

    #[test]
    fn every_row_says_what_it_is() {
        let check = |name: &str, syntax: &str, doc: &str| {
            assert!(syntax.contains(name), "{name}");
            assert!(!doc.is_empty() && !doc.contains('\n') && doc.len() <= 100, "{name}");
        };
        CATALOG.stages.iter().map(|row| &row.about).for_each(|row| check(row.name, row.syntax, row.doc));
        CATALOG.aggregates.iter().for_each(|row| check(row.name, row.syntax, row.doc));
        CATALOG.functions.iter().for_each(|row| check(row.name, row.syntax, row.doc));
    }
}
