//! What is asked of a record by a look at one of its fields.

use std::fmt;

use super::{
    Batch, CompareOp, Constant, Type,
    compare::compare_column,
    vector::{Operand, Vector},
};

/// `field OP constant`.
///
/// Whoever takes its records apart by such conditions alone does it as a query's `where` would: both are
/// [`compare_column`].
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// The name of the field.
    pub field: String,
    /// How the two are compared.
    pub op: CompareOp,
    /// What the field is compared with: of the type of a closed field, or null.
    pub constant: Constant,
}

impl Condition {
    /// For which records of the batch it holds, in order. `None` where it says nothing: there is no such field, or it is
    /// of another type.
    pub fn test(&self, batch: &Batch) -> Option<Operand<bool>> {
        let place = batch.schema().index_of(&self.field)?;
        let (kind, field) = (self.constant.kind(), &batch.schema().fields()[place]);
        let fits = kind == Type::Null || field.open || kind == field.kind;
        fits.then(|| compare_column(self.op, batch, place, &self.constant)).map(Vector::truth)
    }

    /// The records for which all of these hold, as far as they say anything.
    pub fn filter(all: &[Condition], batch: &Batch) -> Batch {
        let mut left = batch.clone();
        for condition in all {
            if left.is_empty() {
                break;
            }
            if let Some(truth) = condition.test(&left) {
                left = truth.filter(left);
            }
        }
        left
    }
}

/// For people.
impl fmt::Display for Condition {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {} {}", self.field, self.op.symbol(), self.constant)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::Condition;
    use crate::record::{Batch, BatchBuilder, CompareOp, Constant, Field, Schema, Time, Type, Value};

    fn batch() -> Batch {
        let fields = [("i", Type::Int), ("f", Type::Float), ("t", Type::Text), ("b", Type::Bool), ("m", Type::Time)];
        let schema = Schema::new(fields.map(|(name, kind)| Field::new(name, kind)).to_vec()).unwrap();
        let mut builder = BatchBuilder::new(Arc::new(schema));
        let time = |nanos| Value::Time(Time { nanos, offset_s: 60 * nanos as i32 });
        for row in [
            [Value::Int(1), Value::Float(f64::NAN), Value::Text(b"a"), Value::Bool(true), time(1)],
            [Value::Null; 5],
            [Value::Int(i128::from(i64::MAX)), Value::Float(-0.0), Value::Text(b"\xff"), Value::Bool(false), time(2)],
        ] {
            builder.push(&row).unwrap();
        }
        builder.finish().unwrap()
    }

    fn kept(conditions: &[(&str, CompareOp, Constant)]) -> Vec<usize> {
        let conditions: Vec<_> = conditions
            .iter()
            .map(|(field, op, constant)| Condition { field: (*field).into(), op: *op, constant: constant.clone() })
            .collect();
        let left = Condition::filter(&conditions, &batch());
        (0..left.len()).map(|row| left.physical(row)).collect()
    }

    #[test]
    fn keeps_what_it_holds_for() {
        use CompareOp::{Eq, Ge, Gt, Le, Lt, Ne};
        let check = |field: &str, op, constant, expect: &[usize]| assert_eq!(kept(&[(field, op, constant)]), expect, "{field} {op:?}");
        check("i", Eq, Constant::Int(1), &[0]);
        check("i", Ne, Constant::Int(1), &[1, 2]);
        check("i", Le, Constant::Int(i128::from(i64::MAX)), &[0, 2]);
        check("f", Eq, Constant::Float(0.0), &[2]);
        check("f", Ne, Constant::Float(0.0), &[0, 1]);
        check("f", Lt, Constant::Float(1.0), &[2]);
        check("t", Gt, Constant::Text(b"a"[..].into()), &[2]);
        check("b", Ne, Constant::Bool(true), &[1, 2]);
        check("m", Ge, Constant::Time(Time { nanos: 2, offset_s: 0 }), &[2]);
        check("t", Ne, Constant::Null, &[0, 2]);
        check("t", Eq, Constant::Null, &[1]);
    }

    #[test]
    fn what_it_cannot_say_it_leaves() {
        let check = |field, constant| assert_eq!(kept(&[(field, CompareOp::Eq, constant)]), [0, 1, 2]);
        check("no such field", Constant::Int(1));
        check("i", Constant::Float(1.0));
        check("f", Constant::Int(1));
        check("t", Constant::Bool(true));
        assert_eq!(kept(&[]), [0, 1, 2]);
    }

    #[test]
    fn all_must_hold() {
        let one = ("i", CompareOp::Ne, Constant::Null);
        assert_eq!(kept(&[one.clone(), ("t", CompareOp::Eq, Constant::Text(b"a"[..].into()))]), [0]);
        assert_eq!(kept(&[one.clone(), ("i", CompareOp::Eq, Constant::Null), one]), [0; 0]);
    }

    #[test]
    fn shown_to_people() {
        let shown = |field: &str, op, constant| Condition { field: field.into(), op, constant }.to_string();
        assert_eq!(shown("status", CompareOp::Ge, Constant::Int(400)), "status >= 400");
        assert_eq!(shown("host", CompareOp::Ne, Constant::Text(b"a\"\n"[..].into())), r#"host != "a\"\n""#);
        assert_eq!(shown("f", CompareOp::Eq, Constant::Float(2.0)), "f == 2.0");
    }
}
