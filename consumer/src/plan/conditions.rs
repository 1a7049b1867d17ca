//! Which records a query can do without: the conditions at its start that a producer can test.

use recpipe::{
    Time, Type,
    record::{CompareOp, Condition, Constant},
};

use super::Plan;
use crate::{
    expr::{Expr, Node},
    given::SENDER,
};

/// Conditions on fields of the input: of a record for which one of them does not hold, `plan` does not say a thing, not
/// even an error.
///
/// They are looked for up to the first stage, or the first part of a condition, that may fail or that sees records for
/// another purpose than to take them apart: it must be given what it would have been given.
pub fn conditions(plan: &Plan) -> Vec<Condition> {
    if plan.awaited.iter().any(|field| !field.may_not_come) {
        // Whether such a field came is said at the end: it must not be left out with the records that have it.
        return Vec::new();
    }
    let mut found = Found {
        fields: plan.input.names().map(|name| Some(name).filter(|name| !plan.gives_sender || *name != SENDER)).collect(),
        conditions: Vec::new(),
    };
    for stage in &plan.stages {
        if !stage.operator.narrows(&mut found) {
            break;
        }
    }
    found.conditions
}

/// More than any clock is from UTC.
const MAX_OFFSET_NS: i64 = 26 * 3600 * 1_000_000_000;

/// The conditions that the stages so far have noted, and what their columns are.
#[derive(Debug)]
pub struct Found<'p> {
    /// Of each column, the name of the field of the input that it is, if it is one.
    fields: Vec<Option<&'p str>>,
    conditions: Vec<Condition>,
}

impl<'p> Found<'p> {
    /// Takes what these say; whether all were taken, or the rest may fail.
    pub(crate) fn all(&mut self, conjuncts: &[Expr]) -> bool {
        conjuncts.iter().all(|conjunct| {
            let is_safe = !conjunct.may_fail();
            if is_safe {
                self.one(conjunct);
            }
            is_safe
        })
    }

    fn one(&mut self, condition: &Expr) {
        match condition.node() {
            Node::All(of) => of.iter().for_each(|one| self.one(one)),
            Node::Compare { op, left, right } => match (left.node(), right.node()) {
                (Node::BesideLiteral { value, .. }, Node::Constant(Constant::Time(literal))) => self.near(value, *op, *literal),
                (_, Node::Constant(constant)) => self.add(left, *op, constant.clone()),
                _ => {}
            },
            Node::Between { value, low, high } => {
                self.add(value, CompareOp::Ge, Constant::Int(*low));
                self.add(value, CompareOp::Le, Constant::Int(*high));
            }
            Node::Column(_) => self.add(condition, CompareOp::Eq, Constant::Bool(true)),
            // A null counts as false, and so it is not true either.
            Node::Not(of) => self.add(of, CompareOp::Ne, Constant::Bool(true)),
            _ => {}
        }
    }

    /// `value OP constant`, where the value is a field of the constant's type.
    fn add(&mut self, value: &Expr, op: CompareOp, constant: Constant) {
        let fits = constant.kind() == value.kind() || constant.kind() == Type::Null;
        if let (true, Some(field)) = (fits, self.field(value)) {
            let condition = Condition { field: field.to_owned(), op, constant };
            if !self.conditions.contains(&condition) {
                self.conditions.push(condition);
            }
        }
    }

    /// As [`Found::add`], so wide that whoever looks for times with other offsets sees those that would be on the other side of
    /// the literal with theirs.
    fn near(&mut self, value: &Expr, op: CompareOp, literal: Time) {
        let moved = |by: i64| Constant::Time(Time { nanos: literal.nanos.saturating_add(by), ..literal });
        match op {
            CompareOp::Ge | CompareOp::Gt => self.add(value, CompareOp::Ge, moved(-MAX_OFFSET_NS)),
            CompareOp::Le | CompareOp::Lt => self.add(value, CompareOp::Le, moved(MAX_OFFSET_NS)),
            CompareOp::Eq | CompareOp::Ne => {}
        }
    }

    /// These are the columns from now on; whether none of them may fail.
    pub(crate) fn select(&mut self, columns: &[Expr]) -> bool {
        self.fields = columns.iter().map(|column| self.field(column)).collect();
        !columns.iter().any(Expr::may_fail)
    }

    /// This is the column at that place from now on; whether it cannot fail.
    pub(crate) fn assign(&mut self, place: usize, expr: &Expr) -> bool {
        let field = self.field(expr);
        match self.fields.get_mut(place) {
            Some(known) => *known = field,
            None => self.fields.push(field),
        }
        !expr.may_fail()
    }

    /// From now on there are so many columns, and only for these the conditions of what follows are noted: those of others hold for
    /// records that come from elsewhere, too.
    pub fn keep(&mut self, columns: usize, is_kept: impl Fn(usize) -> bool) {
        self.fields.resize(columns, None);
        self.fields.iter_mut().enumerate().filter(|(place, _)| !is_kept(*place)).for_each(|(_, field)| *field = None);
    }

    fn field(&self, expr: &Expr) -> Option<&'p str> {
        expr.as_column().and_then(|place| self.fields.get(place).copied().flatten())
    }
}

#[cfg(test)]
mod tests {
    use recpipe::{Field, Schema, Type};

    use super::conditions;
    use crate::{
        catalog,
        language::{self, Source},
    };

    #[test]
    fn what_a_query_begins_with() {
        let fields = [
            ("host", Type::Text),
            ("status", Type::Int),
            ("bytes", Type::Int),
            ("took", Type::Float),
            ("secure", Type::Bool),
            ("at", Type::Time),
        ];
        let schema = Schema::new(fields.into_iter().map(|(name, kind)| Field::new(name, kind)).collect()).unwrap();
        let check = |text: &str, expect: &[&str]| {
            let source = Source::from_args(&[text]);
            let plan = language::check(&source, &catalog::parse(&source).unwrap_or_else(|e| panic!("{e}")), &schema);
            let found = conditions(&plan.unwrap_or_else(|e| panic!("{e}")));
            assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), expect, "{text}");
        };
        check("", &[]);
        check("count by host", &[]);
        check("where status == 404 | count by host", &["status == 404"]);
        check("where 404 <= status and host != \"a\"", &["status >= 404", "host != \"a\""]);
        check("where status == 404 | where bytes > 9 | head 1", &["status == 404", "bytes > 9"]);
        check("where status in 400..499", &["status >= 400", "status <= 499"]);
        check("where took in 1.5..2", &["took >= 1.5", "took <= 2.0"]);
        check("where secure and not secure", &["secure == true", "secure != true"]);
        check("where at >= @2008-02-24T00:00Z", &["at >= 2008-02-24T00:00:00+00:00"]);
        // Without an offset, what might be meant is seen too.
        check("where at >= @2008-02-24", &["at >= 2008-02-22T22:00:00+00:00"]);
        check("where @2008-02-24 > at and at != @2008-02-23", &["at <= 2008-02-25T02:00:00+00:00"]);
        check("where host != null and bytes == null", &["host != null", "bytes == null"]);
        check("where status == 1 and status == 1", &["status == 1"]);
        // Beside a number of the other type, what says the same; where nothing does, it is not asked.
        check("where status > 1.5 and took < 3", &["status >= 2", "took < 3.0"]);
        check("where took == 9007199254740993 and status == 1", &["status == 1"]);
        // What has another form is left to the query, and what comes after is asked all the same.
        check("where host =~ /a/ and status == 1", &["status == 1"]);
        check("where status in (1, 2) and bytes == 2", &["bytes == 2"]);
        check("where status == 1 or bytes == 2", &[]);
        check("where status == bytes and bytes != 0", &["bytes != 0"]);
        check("grep /x/ | where bytes != 0", &["bytes != 0"]);
        check("where not (status == 404)", &[]);
        // What may fail is given every record that it would have been given.
        check("where status == 1 and bytes * 2 > 3 and bytes != 0", &["status == 1"]);
        check("where bytes * 2 > 3 | where status == 1", &[]);
        check("where host =~ /a/ or -bytes > 3 | where status == 1", &[]);
        check("let b = bytes * 2 | where status == 1", &[]);
        check("select bytes * 2 as b, status | where status == 1", &[]);
        // A column that is a field, by whatever name.
        check("rename status as host, host as status | where host == 404 and status == \"a\"", &["status == 404", "host == \"a\""]);
        check("drop host | where bytes == 1", &["bytes == 1"]);
        check("let s = status, status = null ?? bytes | where status == 1 and s == 2", &[]);
        check("let s = status, status = bytes | where status == 1 and s == 2", &["bytes == 1", "status == 2"]);
        check("let big = bytes > 9 | where big and status == 1", &["status == 1"]);
        check("select status, bytes | where bytes == 1 | select status | where status == 2", &["bytes == 1", "status == 2"]);
        // What sees the records, or chooses among them.
        check("head 3 | where status == 1", &[]);
        check("skip 3 | where status == 1", &[]);
        check("trace | where status == 1", &[]);
        check("tee [ count ] | where status == 1", &[]);
        check("tee [ where status == 1 ] | null", &[]);
        check("distinct status | where status == 1", &[]);
        check("count by status | where status == 1", &[]);
        check("where secure | trace | where status == 1", &["secure == true"]);
    }
}
