//! Gives the batches of a stream the fields that the plan was made for.

use std::sync::Arc;

use recpipe::{Batch, Error, Field, Schema};

/// Brings batches of any later schema into the form that the stages know: first the columns of the plan's input, in their order,
/// null where the batch has none; then, where that schema grows, what else the batch has.
pub struct Unite {
    schema: Arc<Schema>,
    /// What the batch before had, and what was made of it: nearly all have the same.
    last: Option<(Arc<Schema>, Arc<Schema>)>,
}

impl Unite {
    /// For a plan whose input this is.
    pub fn new(schema: Arc<Schema>) -> Self {
        Unite { schema, last: None }
    }

    /// The batch in that form.
    ///
    /// # Errors
    /// [`Error::Schema`] when a field that is of one type has another, or there are too many fields.
    pub fn unite(&mut self, batch: Batch) -> Result<Batch, Error> {
        let to = match &self.last {
            Some((from, to)) if Arc::ptr_eq(from, batch.schema()) => to.clone(),
            _ => {
                let to = if **batch.schema() == *self.schema { batch.schema().clone() } else { self.extended(batch.schema())? };
                self.last = Some((batch.schema().clone(), to.clone()));
                to
            }
        };
        if Arc::ptr_eq(&to, batch.schema()) {
            return Ok(batch);
        }
        batch.with_fields_of(&to).map_err(|error| {
            Error::Schema(format!("a field has one type at the start of the stream and another later: {error}; use `--cast` there"))
        })
    }

    fn extended(&self, schema: &Schema) -> Result<Arc<Schema>, Error> {
        if !self.schema.grows() {
            return Ok(self.schema.clone());
        }
        // Whoever sends them, nothing is known of the values of others.
        let late = schema.fields().iter().filter(|field| self.schema.index_of(&field.name).is_none());
        let late: Vec<Field> = late.map(|field| Field::open(&field.name, field.kind)).collect();
        if late.is_empty() {
            return Ok(self.schema.clone());
        }
        Ok(Arc::new(self.schema.with_fields(self.schema.fields().iter().cloned().chain(late).collect())?))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use recpipe::{Batch, BatchBuilder, Field, Schema, Type, Value};

    use super::Unite;

    fn batch(fields: &[Field], values: &[Value<'_>]) -> Batch {
        let mut builder = BatchBuilder::new(Arc::new(Schema::new(fields.to_vec()).unwrap()));
        builder.push(values).unwrap();
        builder.finish().unwrap()
    }

    fn names(batch: &Batch) -> String {
        batch.schema().names().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn late_fields_stand_behind_those_that_the_plan_knows() {
        let schema = Schema::new(vec![Field::open("a", Type::Int), Field::open("awaited", Type::Mixed)]).unwrap();
        let mut unite = Unite::new(Arc::new(schema.clone().growing()));
        let first = batch(&[Field::open("a", Type::Int)], &[Value::Int(1)]);
        let later = batch(
            &[Field::open("x", Type::Mixed), Field::open("awaited", Type::Text), Field::new("y", Type::Int), Field::open("a", Type::Int)],
            &[Value::Bool(true), Value::Text(b"there"), Value::Int(7), Value::Text(b"word")],
        );
        for _ in 0..2 {
            let united = unite.unite(first.clone()).unwrap();
            assert_eq!(names(&united), "a awaited");
            assert!(united.column(1).is_missing(0) && united.schema().grows());
            let united = unite.unite(later.clone()).unwrap();
            assert_eq!(names(&united), "a awaited x y");
            assert_eq!(
                united.row(0).values().collect::<Vec<_>>(),
                [Value::Text(b"word"), Value::Text(b"there"), Value::Bool(true), Value::Int(7)]
            );
            assert!(united.schema().fields().iter().all(|field| field.open));
        }
        // A closed stream has no more than was said.
        let mut unite = Unite::new(Arc::new(schema));
        let united = unite.unite(later).unwrap();
        assert_eq!(names(&united), "a awaited");
        assert!(!unite.unite(first).unwrap().column(1).is_missing(0));
    }

    #[test]
    fn a_closed_field_keeps_its_type() {
        let mut unite = Unite::new(Arc::new(Schema::new(vec![Field::new("a", Type::Int)]).unwrap()));
        assert!(unite.unite(batch(&[Field::new("a", Type::Int)], &[Value::Int(1)])).is_ok());
        let error = unite.unite(batch(&[Field::new("a", Type::Text)], &[Value::Text(b"x")])).unwrap_err().to_string();
        assert!(error.contains("one type at the start of the stream") && error.contains("`a`"), "{error}");
    }
}
