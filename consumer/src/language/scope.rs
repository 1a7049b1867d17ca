//! What is known of the columns at one place of the query.

use recpipe::{Field, Type};

use crate::{expr::Expr, plan::Aggregate};

/// The columns at one place of the query. The type of one whose expression is wrong is not known, and using it is no
/// further error.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    pub(crate) columns: Vec<(String, Option<Seen>)>,
    /// Where further fields may come from: the records are still those of an input whose schema grows, or of a stage that reads
    /// fields out of texts.
    pub(crate) input: Option<Growth>,
}

/// Where fields may come from that are not known, the last first.
#[derive(Clone, Debug)]
pub(crate) struct Growth(pub(crate) Vec<Spring>);

/// One such place.
#[derive(Clone, Debug)]
pub(crate) struct Spring {
    /// Where the stage stands in the query that makes them; `None` for the input.
    pub(crate) stage: Option<usize>,
    /// What their names begin with.
    pub(crate) prefix: String,
    /// The names that are known of it: a later stage may have taken them away.
    pub(crate) known: Vec<String>,
}

impl Growth {
    /// Of an input that has these fields so far.
    pub(crate) fn of_input<'n>(names: impl Iterator<Item = &'n str>) -> Self {
        Growth(vec![Spring { stage: None, prefix: String::new(), known: names.map(str::to_owned).collect() }])
    }

    /// Of a stage at this place of the query, which makes fields of any names but these.
    pub(crate) fn of_stage<'n>(stage: usize, known: impl Iterator<Item = &'n str>) -> Self {
        Growth(vec![Spring { stage: Some(stage), prefix: String::new(), known: known.map(str::to_owned).collect() }])
    }

    /// Where a field of this name may come from.
    pub(crate) fn spring_of(&self, name: &str) -> Option<&Spring> {
        let spring = self.0.iter().find(|spring| name.starts_with(&spring.prefix))?;
        (!spring.known.iter().any(|known| known == name)).then_some(spring)
    }
}

/// What is known of the values of a column: as of a [`recpipe::Field`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) kind: Type,
    pub(crate) open: bool,
}

impl Seen {
    /// Of values that are all of this type.
    pub(crate) fn closed(kind: Type) -> Self {
        Seen { kind, open: false }
    }

    pub(crate) fn of_field(field: &Field) -> Self {
        Seen { kind: field.kind, open: field.open }
    }

    pub(crate) fn of_aggregate(aggregate: &Aggregate) -> Self {
        Seen { kind: aggregate.kind, open: aggregate.is_open() }
    }

    pub(crate) fn of_expr(expr: &Expr) -> Self {
        Seen { kind: expr.kind(), open: expr.is_open() }
    }

    pub(crate) fn field(self, name: &str) -> Field {
        if self.open { Field::open(name, self.kind) } else { Field::new(name, self.kind) }
    }
}

impl Scope {
    /// Whether records may have fields beyond the columns.
    pub(crate) fn grows(&self) -> bool {
        self.input.is_some()
    }

    pub(crate) fn index_of(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|(column, _)| column == name)
    }

    /// Gives the column of this name this type: the one that there is, else a new one. Its place.
    pub(crate) fn put(&mut self, name: String, seen: Option<Seen>) -> usize {
        match self.index_of(&name) {
            Some(place) => {
                self.columns[place].1 = seen;
                place
            }
            None => {
                self.columns.push((name, seen));
                self.columns.len() - 1
            }
        }
    }

    /// The column whose name differs from this in nothing but blanks: `f(a,b)` for `f(a, b)`.
    pub(crate) fn index_of_written(&self, name: &str) -> Option<usize> {
        let same = |column: &str| column.chars().filter(|c| !c.is_whitespace()).eq(name.chars().filter(|c| !c.is_whitespace()));
        self.index_of(name).or_else(|| self.columns.iter().position(|(column, _)| same(column)))
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|(name, _)| name.as_str())
    }
}
