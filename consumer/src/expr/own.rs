//! Functions of one's own, which see one record at a time.

use recpipe::{ColumnBuilder, Error, Type, Value};

use super::{Call, ScalarFunction, Takes, Vector};

/// What a function of one's own gives for the values of one record; `Err` says what is wrong with them. The buffer is empty, and for
/// text.
pub type OfValues = for<'v> fn(&[Value<'v>], &'v mut Vec<u8>) -> Result<Value<'v>, String>;

/// Such a function.
pub(crate) struct Own {
    /// What it gives.
    pub(crate) kind: Type,
    pub(crate) eval: OfValues,
}

impl ScalarFunction for Own {
    fn eval(&self, call: &Call<'_>, args: Vec<Vector>) -> Result<Vector, Error> {
        let name = || call.expr.text();
        let mut results = ColumnBuilder::new(self.kind);
        for row in 0..call.batch.len() {
            let values: Vec<Value<'_>> = args.iter().map(|arg| arg.value(row)).collect();
            if values.iter().any(|value| matches!(value, Value::Null)) {
                results.push(Value::Null)?;
                continue;
            }
            let mut text = Vec::new();
            let value = (self.eval)(&values, &mut text).map_err(|what| Error::Data(format!("`{}`: {what}", name())))?;
            let fits = |kind: Type| kind == self.kind || kind == Type::Null || self.kind == Type::Mixed;
            if !fits(value.kind()) {
                return Err(Error::Data(format!("`{}` gives {}, and is to give {}", name(), value.kind(), self.kind)));
            }
            results.push(value)?;
        }
        Ok(Vector::from_rows(&results.finish(), None))
    }

    fn takes(&self) -> Takes {
        Takes::AllTypes
    }
}
