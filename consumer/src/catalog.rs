//! The one list of the words: what is not in it is no word of the language, which is handed it.

use std::sync::{Arc, LazyLock};

use crate::{
    aggregate, function,
    language::{self, AggregateWord, Catalog, FileWord, FunctionWord, Query, QueryError, Source, StageWord},
    output, stage,
};

/// The words of this program: [`Catalog::builtin`].
pub static CATALOG: LazyLock<Arc<Catalog>> = LazyLock::new(|| Arc::new(Catalog::builtin()));

impl Catalog {
    /// The words of this program, of each kind in the order in which help shows them.
    pub fn builtin() -> Self {
        let Words { stages, files, aggregates, functions } = WORDS;
        Catalog {
            stages: stages.into(),
            of_aggregate: &stage::stats::WORD,
            parse_of_aggregate: stage::stats::parse_from,
            files: files.into(),
            aggregates: aggregates.into(),
            folds: Vec::new(),
            functions: functions.into(),
        }
    }
}

/// The rows of the catalog.
struct Words {
    stages: &'static [&'static StageWord],
    files: &'static [&'static FileWord],
    aggregates: &'static [&'static AggregateWord],
    functions: &'static [&'static FunctionWord],
}

/// All words, of each kind in the order in which help shows them.
static WORDS: Words = Words {
    stages: &[
        &stage::where_::WORD,
        &stage::grep::WORD,
        &stage::select::WORD,
        &stage::drop::WORD,
        &stage::rename::WORD,
        &stage::let_::WORD,
        &stage::fill::WORD,
        &stage::parse::WORD,
        &stage::unroll::WORD,
        &stage::head::WORD,
        &stage::tail::WORD,
        &stage::skip::WORD,
        &stage::sample::WORD,
        &stage::distinct::WORD,
        &stage::stats::WORD,
        &stage::sort::WORD,
        &stage::top::TOP,
        &stage::top::BOTTOM,
        &stage::session::WORD,
        &stage::slack::WORD,
        &stage::describe::WORD,
        &stage::facets::WORD,
        &stage::patterns::WORD,
        &stage::compare::WORD,
        &stage::pivot::WORD,
        &stage::unpivot::WORD,
        &stage::report::WORD,
        &stage::expect::WORD,
        &stage::dns::WORD,
        &stage::tee::WORD,
        &stage::union::WORD,
        &stage::lookup::WORD,
        &stage::join::WORD,
        &stage::pipe::WORD,
        &stage::trace::WORD,
        &stage::colour::WORD,
        &output::print::WORD,
        &output::table::WORD,
        &output::record::WORD,
        &output::json::WORD,
        &output::csv::WORD,
        &output::tsv::WORD,
        &output::markdown::WORD,
        &output::pickle::WORD,
        #[cfg(feature = "arrow")]
        &output::arrow::WORD,
        &output::chart::WORD,
        &output::write::WORD,
        &output::emit::WORD,
        &output::null::WORD,
    ],
    files: &[
        &output::json::FILE,
        &output::csv::FILE,
        &output::tsv::FILE,
        &output::markdown::FILE,
        &output::print::FILE,
        &output::emit::FILE,
        &output::pickle::FILE,
        &output::picture::SVG,
        &output::picture::HTML,
        #[cfg(feature = "arrow")]
        &output::arrow::FILE,
        #[cfg(feature = "arrow")]
        &output::columnar::ARROW,
        #[cfg(feature = "arrow")]
        &output::columnar::PARQUET,
        #[cfg(feature = "sqlite")]
        &output::sqlite::FILE,
    ],
    aggregates: &[
        &aggregate::count::COUNT,
        &aggregate::sum::SUM,
        &aggregate::sum::AVG,
        &aggregate::min_max::MIN,
        &aggregate::min_max::MAX,
        &aggregate::arg_best::ARGMIN,
        &aggregate::arg_best::ARGMAX,
        &aggregate::first_last::FIRST,
        &aggregate::first_last::LAST,
        &aggregate::mode::MODE,
        &aggregate::stdev::STDEV,
        &aggregate::stdev::VAR,
        &aggregate::corr::CORR,
        &aggregate::quantile::MEDIAN,
        &aggregate::quantile::PERCENTILE,
        &aggregate::quantile::PERCENTILE_OF,
        &aggregate::quantile::QUANTILE,
        &aggregate::distinct::DISTINCT,
        &aggregate::approx_distinct::WORD,
        &aggregate::distinct::SET,
        &aggregate::list::LIST,
    ],
    functions: &[
        &function::slice::LEN,
        &function::case::LOWER,
        &function::case::UPPER,
        &function::slice::TRIM,
        &function::slice::SUBSTR,
        &function::replace::REPLACE,
        &function::slice::SPLIT,
        &function::ends::LEFT,
        &function::ends::RIGHT,
        &function::pad::PADLEFT,
        &function::pad::PADRIGHT,
        &function::pad::PAD,
        &function::concat::CONCAT,
        &function::extract::EXTRACT,
        &function::json::JSON,
        &function::mask::MASK,
        &function::find::CONTAINS,
        &function::find::STARTSWITH,
        &function::find::ENDSWITH,
        &function::cast::INT,
        &function::cast::FLOAT,
        &function::cast::STR,
        &function::time::TIME,
        &function::now::NOW,
        &function::bin::BIN,
        &function::local::LOCAL,
        &function::duration::DURATION,
        &function::calendar::YEAR,
        &function::calendar::MONTH,
        &function::calendar::DAY,
        &function::calendar::HOUR,
        &function::calendar::MINUTE,
        &function::calendar::WEEKDAY,
        &function::calendar::EPOCH,
        &function::strftime::STRFTIME,
        &function::choice::IF,
        &function::choice::CASE,
        &function::choice::COALESCE,
        &function::round::ABS,
        &function::round::FLOOR,
        &function::round::CEIL,
        &function::round::ROUND,
        &function::numeric::SQRT,
        &function::numeric::LOG,
        &function::numeric::LOG2,
        &function::numeric::LOG10,
        &function::numeric::EXP,
        &function::numeric::POW,
        &function::extreme::MIN,
        &function::extreme::MAX,
        &function::url::PATH,
        &function::url::QUERY,
        &function::url::EXT,
        &function::url::URLDECODE,
        &function::network::NETWORK,
        &function::hash::HASH,
        &stage::window::prev::PREV,
        &stage::window::number::NUMBER,
        &stage::window::total::TOTAL,
    ],
};

/// Parses a query in these words.
///
/// # Errors
/// As for [`language::parse()`].
pub fn parse(source: &Source) -> Result<Query, QueryError> {
    language::parse(source, &CATALOG)
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, sync::Arc};

    use super::{CATALOG, parse};
    use crate::language::{KnownInputs, Setting, Source, check_at, tests::log_schema};

    fn check_example(query: String) {
        let source = Source::from_args(&[query]);
        let parsed = parse(&source).unwrap_or_else(|error| panic!("{error}"));
        // A file that an example names has records like those of the stream.
        let inputs = (0..source.text().len()).map(|at| (at, Arc::new(log_schema()))).collect();
        let setting = Setting { inputs: Arc::new(KnownInputs(inputs)), ..Setting::default() };
        check_at(&source, &parsed, &log_schema(), &setting).unwrap_or_else(|error| panic!("{error}"));
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
        for row in &CATALOG.aggregates {
            assert!(row.example.starts_with(row.name), "{}", row.name);
            check_example(row.example.to_owned());
        }
        for row in &CATALOG.functions {
            assert!(row.example.contains(&format!("{}(", row.name)), "{}", row.name);
            check_example(if row.example.starts_with("let ") { row.example.to_owned() } else { format!("where {}", row.example) });
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
