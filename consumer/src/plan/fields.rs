//! Which fields of the stream a query reads, and what else a producer is told of what it may leave out.

use std::collections::BTreeSet;

use recpipe::{Schema, record::PlaceField, wire};

use super::{Output, Plan, conditions::conditions};
use crate::expr::Expr;

/// What producers are told: the fields that `plan` reads and the records that it can do without, as far as there is room
/// for it. `default` is the output of a query that names none; see [`wire::Pushdown`] for `holds_state`
/// and `shows`.
pub fn pushdown(plan: &Plan, default: &Output, holds_state: bool, shows: bool) -> wire::Pushdown {
    let places = plan.input.names().any(|name| matches!(PlaceField::named(name), Some(PlaceField::Line | PlaceField::Byte)));
    wire::Pushdown { columns: fields_read(plan, default), holds_state, conditions: conditions(plan), shows, places }.fitting()
}

/// The fields of the input that `plan` reads, by name, in the order of the schema; `None` when it reads them all, those that come
/// later with them. `default` is the output of a query that names none.
pub fn fields_read(plan: &Plan, default: &Output) -> Option<Vec<String>> {
    let Read { places, late } = read(plan, default);
    let all = if plan.input.grows() { late } else { places.len() == plan.input.len() };
    if all {
        return None;
    }
    Some(places.into_iter().map(|place| plan.input.fields()[place].name.clone()).collect())
}

/// Places in a schema.
pub type Places = BTreeSet<usize>;

/// What is read of the records of a schema.
#[derive(Debug, Default)]
pub struct Read {
    /// The columns.
    pub places: Places,
    /// Whether fields that come later are read, too, of a schema that grows.
    pub late: bool,
}

impl Read {
    /// All that there is.
    pub fn all_of(schema: &Schema) -> Self {
        Read { places: (0..schema.len()).collect(), late: schema.grows() }
    }

    /// Adds the columns that these expressions read.
    pub(crate) fn exprs<'e>(&mut self, exprs: impl IntoIterator<Item = &'e Expr>) {
        exprs.into_iter().for_each(|expr| expr.for_each_column(&mut |place| self.places.extend([place])));
    }
}

/// What of its input a plan reads: from the last stage to the first, each is asked what it needs for what is needed of it.
fn read(plan: &Plan, default: &Output) -> Read {
    // Without an output of its own, as if the default stood there.
    let mut needed = plan.sink().unwrap_or(default).sink.reads(plan.output());
    for stage in plan.stages.iter().rev() {
        needed.late &= stage.output.grows();
        for branch in stage.operator.branches() {
            let branch = read(branch, default);
            needed.places.extend(branch.places);
            needed.late |= branch.late;
        }
        stage.operator.reads(stage, &mut needed);
    }
    needed
}

#[cfg(test)]
mod tests {
    use recpipe::{Field, Schema, Type};

    use super::fields_read;
    use crate::{
        catalog,
        language::{self, Source},
        output,
    };

    #[test]
    fn a_query_reads_what_it_names() {
        let fields = [("host", Type::Text), ("request", Type::Text), ("status", Type::Int), ("bytes", Type::Int)];
        let schema = Schema::new(fields.into_iter().map(|(name, kind)| Field::new(name, kind)).collect()).unwrap();
        let check = |text: &str, expect: Option<&[&str]>| {
            let source = Source::from_args(&[text]);
            let plan = language::check(&source, &catalog::parse(&source).unwrap(), &schema).unwrap();
            let names = expect.map(|names| names.iter().map(ToString::to_string).collect());
            assert_eq!(fields_read(&plan, &output::default(false)), names, "{text}");
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
        check("sort -bytes, status | select host", Some(&["host", "status", "bytes"]));
        check("distinct", None);
        check("select host | where host == \"status\" | json", Some(&["host"]));
        check("drop request, host | count by status", Some(&["status"]));
        check("drop request", Some(&["host", "status", "bytes"]));
        check("rename host as h, bytes as host | sum(host) by h", Some(&["host", "bytes"]));
        check("select bytes * 2 as twice, host, status | print \"{host}\"", Some(&["host", "bytes"]));
        check("let host = len(request) | count by host", Some(&["request"]));
        check("grep /x/ | count", Some(&["host", "request"]));
        check("grep \"x\" in host | count", Some(&["host"]));
        check("parse request /(?P<host>.)(?P<new>.)/ | count by host, new", Some(&["request"]));
        check("parse request /(?P<request>.)/ | count by request", Some(&["request"]));
        check("dns host | select host_name", Some(&["host"]));
        check("tee [ count by host ] | sum(bytes)", Some(&["host", "bytes"]));
        check("tee [ print \"{host}\" ] | tee [ tee [ null ] | sum(status) ] | null", Some(&["host", "status"]));
        check("tee [ where status == 1 ] | null", None);
        check("tee [ emit \"x.rec\" ] | null", None);
        check("select host, status | tee [ write \"x.csv\" ] | count", Some(&["host", "status"]));
        check("trace | count", None);
        check("skip 1 | tail 2 | bottom 1 by bytes | select host", Some(&["host", "bytes"]));
    }

    #[test]
    fn fields_that_come_later_are_read_where_they_matter() {
        let fields = ["t", "ms", "msg"].map(|name| Field::open(name, Type::Mixed)).to_vec();
        let schema = Schema::new(fields).unwrap().growing();
        let check = |text: &str, expect: Option<&[&str]>| {
            let source = Source::from_args(&[text]);
            let plan = language::check(&source, &catalog::parse(&source).unwrap(), &schema).unwrap();
            let names = expect.map(|names| names.iter().map(ToString::to_string).collect());
            assert_eq!(fields_read(&plan, &output::default(false)), names, "{text}");
        };
        for all in [
            "",
            "csv",
            "where t > 1 | table",
            "let x = t | emit",
            "drop t, ms, msg | json",
            "rename t as u | tail 3",
            "grep /x/ | count",
            "distinct",
            "distinct | count",
            "sort t | head 3",
            "tee [ select t ] | write \"x.rec\"",
            "tee [ csv ] | count",
            "trace | count",
        ] {
            check(all, None);
        }
        check("count", Some(&[]));
        check("select t, ms, msg", Some(&["t", "ms", "msg"]));
        check("where cause != null | count", Some(&["cause"]));
        check("select t, cause | csv", Some(&["t", "cause"]));
        check("count(cause?) by ms", Some(&["ms", "cause"]));
        check("grep /x/ in msg | count", Some(&["msg"]));
        check("distinct ms", Some(&["ms"]));
        check("where t > 1 | print \"{msg}\"", Some(&["t", "msg"]));
        check("drop cause | select t", Some(&["t"]));
        check("drop cause | null", Some(&[]));
    }
}
