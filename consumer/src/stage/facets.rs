//! `facets [N] [of FIELD, …]`: the N commonest values of each field, and how many others there are: each field adds up to the records.
//!
//! Runs:   in each worker, then merged.  Order: of the fields, then the commonest first; of equal ones in the order of values.
//! Memory: O(distinct values of all fields); what goes beyond the budget is in temporary files.
//! Blocks: nothing comes out before the end.  Stops: no.
//! Errors: those of the expressions; temporary files that cannot be written.

use recpipe::{Error, Type, Value};

use super::frequencies::{self, Digest, DigestOp, OfField, Rows, Times, Wanted};
use crate::{
    expr::Constant,
    language::{Checked, Checker, Parsed, Parser, StageWord, Syntax, Upstream, ast::Item, parsed},
    plan::{About, Runs},
    span::Span,
};

/// `facets`.
pub(crate) static WORD: StageWord = StageWord {
    about: About {
        name: "facets",
        syntax: "facets [N] [of EXPR [as NAME], …]",
        doc: "the N commonest values of each field, 10 unless said, and a row `others`",
        example: "facets 5 of status, method",
        runs: Runs::WorkersThenMerge,
        memory: "O(distinct values)",
        spills: true,
        blocks: true,
        ..About::PLAIN
    },
    parse,
};

/// What is said of the last of the stages that it is made of.
static DIGEST: StageWord =
    StageWord { about: About { runs: Runs::Once, memory: "O(N)", spills: false, blocks: false, ..WORD.about }, parse };

/// So many values where it is not said.
const USUAL: u64 = 10;

fn parse(parser: &mut Parser<'_>) -> Parsed {
    let n = if parser.at_stage_end() || parser.at_word("of") { USUAL } else { parser.count("facets")? };
    let of = if parser.take_word("of") { parser.list(Parser::item)? } else { Vec::new() };
    Ok(parsed(FacetsSyntax { n, of }))
}

/// How many values, and of what; all fields where that is not said.
#[derive(Debug)]
struct FacetsSyntax {
    n: u64,
    of: Vec<Item>,
}

const COLUMNS: [(&str, Type); 4] = [("field", Type::Text), ("value", Type::Mixed), ("count", Type::Int), ("percent", Type::Float)];

impl FacetsSyntax {
    fn wanted(&self, checker: &mut Checker<'_>) -> Checked<Wanted> {
        if self.of.is_empty() {
            return Wanted::all(checker);
        }
        let (exprs, columns) = checker.items(&self.of);
        let names = columns.iter().map(|column| column.name.clone()).collect::<Vec<_>>();
        // That a name stands twice is said there.
        let scope = checker.scope.clone();
        checker.enter(columns);
        checker.scope = scope;
        Ok(Wanted { fields: names.into_iter().zip(exprs?).collect(), late: false, inside: None })
    }
}

impl Syntax for FacetsSyntax {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        let wanted = self.wanted(checker);
        let names = frequencies::count(checker, upstream, span, wanted);
        frequencies::enter(checker, &COLUMNS, span);
        let digest = Facets { most: usize::try_from(self.n).unwrap_or(usize::MAX), came: 0, seen: 0, best: Vec::new() };
        checker.push(upstream, &DIGEST, span, names.map(|names| DigestOp { names, digest }));
    }
}

/// The commonest values of a field so far.
#[derive(Clone, Debug)]
struct Facets {
    /// So many are given.
    most: usize,
    /// Values that came.
    came: u64,
    /// Records that have them.
    seen: u64,
    /// The commonest, and some that came after them: how often each came, when, and what it is.
    best: Vec<(u64, u64, Constant)>,
}

impl Facets {
    /// There are never more candidates than this beyond twice as many as are wanted.
    const SLACK: usize = 1024;

    fn add(&mut self, value: Value<'_>, times: u64) {
        self.best.push((times, self.came, Constant::of(&value)));
        self.came += 1;
        self.seen += times;
        if self.best.len() >= self.most.saturating_mul(2).saturating_add(Self::SLACK) {
            self.weigh();
        }
    }

    /// Leaves the commonest, the most common first; of equal ones in the order in which they came.
    fn weigh(&mut self) {
        self.best.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        self.best.truncate(self.most);
    }
}

impl Digest for Facets {
    fn value(&mut self, _: &OfField<'_>, value: Value<'_>, times: Times, _: &mut Rows) -> Result<(), Error> {
        self.add(value, times.all);
        Ok(())
    }

    fn end(mut self, field: &OfField<'_>, nulls: Times, rows: &mut Rows) -> Result<(), Error> {
        if nulls.all > 0 {
            self.add(Value::Null, nulls.all);
        }
        self.weigh();
        let others = self.best.iter().fold(self.seen, |left, (times, ..)| left - times);
        let mut row = |value: Value<'_>, times: u64| {
            let percent = frequencies::share(times, field.records.all, 100.0).map_or(Value::Null, Value::Float);
            rows.push(&[Value::Text(field.name.as_bytes()), value, Value::Int(times.into()), percent])
        };
        self.best.iter().try_for_each(|(times, _, value)| row(value.value(), *times))?;
        if others > 0 { row(Value::Text(b"others"), others) } else { Ok(()) }
    }
}
