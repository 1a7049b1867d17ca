//! Which fields of the stream a query reads: what a producer may leave out.

use std::collections::BTreeSet;

use super::plan::{Output, Piece, Plan, Step};
use crate::expr::Expr;

/// The fields of the input that `plan` reads, by name, in the order of the schema; `None` when it reads them all.
/// `default` is the output of a query that names none.
pub fn fields_read(plan: &Plan, default: &Output) -> Option<Vec<String>> {
    let mut read = Read { fields: plan.input.len(), places: BTreeSet::new() };
    let is_all = read.stages(plan, default);
    if is_all || read.places.len() == read.fields {
        return None;
    }
    Some(read.places.iter().map(|&place| plan.input.fields()[place].name.clone()).collect())
}

/// Until a stage makes columns of its own, a place below `fields` is that of a field of the stream. (A field that a `let`
/// has replaced still counts: it costs little and seldom happens.)
struct Read {
    fields: usize,
    places: BTreeSet<usize>,
}

impl Read {
    /// Whether all fields are read.
    fn stages(&mut self, plan: &Plan, default: &Output) -> bool {
        for stage in &plan.stages {
            match &stage.step {
                Step::Where(predicate) => self.exprs(predicate.conjuncts()),
                Step::Let(assignments) => assignments.iter().for_each(|assignment| self.expr(&assignment.expr)),
                Step::Top { by, .. } => self.expr(by),
                Step::Head(_) => {}
                Step::Select(columns) | Step::Distinct(columns) => {
                    self.exprs(columns);
                    return false;
                }
                Step::Stats { keys, aggregates } => {
                    self.exprs(keys);
                    aggregates.iter().for_each(|aggregate| self.exprs(&aggregate.args));
                    return false;
                }
                Step::Output(output) => return self.output(output),
            }
        }
        self.output(default)
    }

    fn output(&mut self, output: &Output) -> bool {
        match output {
            Output::Null => false,
            Output::Print(Some(pieces)) => {
                for piece in pieces {
                    if let Piece::Column { place, .. } = piece {
                        self.place(*place);
                    }
                }
                false
            }
            Output::Print(None) | Output::Json | Output::Csv | Output::Tsv | Output::Arrow | Output::Table | Output::Chart(_) => true,
        }
    }

    fn exprs(&mut self, exprs: &[Expr]) {
        exprs.iter().for_each(|expr| self.expr(expr));
    }

    fn expr(&mut self, expr: &Expr) {
        expr.for_each_column(&mut |place| self.place(place));
    }

    fn place(&mut self, place: usize) {
        if place < self.fields {
            self.places.insert(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use recpipe::{Field, Schema, Type};

    use super::fields_read;
    use crate::query::{self, Source, plan::Output};

    #[test]
    fn a_query_reads_what_it_names() {
        let fields = [("host", Type::Text), ("request", Type::Text), ("status", Type::Int), ("bytes", Type::Int)];
        let schema = Schema::new(fields.into_iter().map(|(name, kind)| Field::new(name, kind)).collect()).unwrap();
        let check = |text: &str, expect: Option<&[&str]>| {
            let source = Source::from_args(&[text]);
            let plan = query::check(&source, &query::parse(&source).unwrap(), &schema).unwrap();
            let names = expect.map(|names| names.iter().map(ToString::to_string).collect());
            assert_eq!(fields_read(&plan, &Output::Json), names, "{text}");
        };
        check("", None);
        check("where status == 404", None);
        check("head 3 | csv", None);
        check("null", Some(&[]));
        check("count", Some(&[]));
        check("sum(bytes)", Some(&["bytes"]));
        check("where status == 404 | distinct request | count", Some(&["request", "status"]));
        check("count by host | top 10", Some(&["host"]));
        check("stats count(status > 1), max(bytes) by if(status == 1, host, request)", None);
        check("let b = bytes * 2 | where b > 3 | print \"{host} {b}\"", Some(&["host", "bytes"]));
        check("let b = bytes * 2 | select b", Some(&["bytes"]));
        check("top 2 by bytes | select host", Some(&["host", "bytes"]));
        check("distinct", None);
        check("select host | where host == \"status\" | json", Some(&["host"]));
    }
}
