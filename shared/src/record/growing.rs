//! The fields of a stream in which further ones may come at any time.
//!
//! They are added in the order of the stream. So its schema, which only grows, is a function of what is in it, and there are few of
//! them.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use super::{Field, Schema};

/// The fields of a stream so far.
#[derive(Debug)]
pub struct Growing {
    /// Those that there are to begin with.
    base: Arc<Schema>,
    now: Mutex<Arc<Schema>>,
}

impl Growing {
    /// More fields than this are not kept beyond those that there are to begin with: where each record has a key of its own, each batch
    /// would have all those of the records before.
    pub const MOST_LATE: usize = 1024;

    /// A stream that has these to begin with.
    pub fn new(base: Arc<Schema>) -> Self {
        Growing { now: Mutex::new(base.clone()), base }
    }

    /// All fields so far.
    pub fn schema(&self) -> Arc<Schema> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The next batch has these fields, to be called in the order of the input; `is_used` answers whether a record of it has one.
    /// All fields from then on: those before, and the new ones. Where that would be too many, those that came late are
    /// forgotten.
    pub fn grow(&self, fields: &Schema, is_used: impl Fn(usize) -> bool) -> Arc<Schema> {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        if *fields == **now {
            return now.clone();
        }
        let known: HashSet<&str> = now.names().collect();
        let new: Vec<Field> = fields.fields().iter().filter(|field| !known.contains(field.name.as_str())).cloned().collect();
        if new.is_empty() {
            return now.clone();
        }
        let most = Schema::MAX_FIELDS.min(self.base.len() + Self::MOST_LATE);
        let mut all: Vec<Field> = now.fields().to_vec();
        if all.len() + new.len() <= most {
            all.extend(new);
        } else {
            let used = |base: &[Field]| -> Vec<Field> {
                let names: HashSet<&str> = base.iter().map(|field| field.name.as_str()).collect();
                let own =
                    fields.fields().iter().enumerate().filter(|(place, field)| is_used(*place) && !names.contains(field.name.as_str()));
                base.iter().cloned().chain(own.map(|(_, field)| field.clone())).collect()
            };
            all = used(self.base.fields());
            if all.len() > Schema::MAX_FIELDS {
                all = used(&[]);
            }
        }
        // The names differ, and a batch has no more fields than a schema may.
        if let Ok(schema) = self.base.with_fields(all) {
            *now = Arc::new(schema);
        }
        now.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::Growing;
    use crate::record::{Field, Schema, Type};

    fn schema(names: &[&str]) -> Arc<Schema> {
        Arc::new(Schema::new(names.iter().map(|name| Field::open(*name, Type::Mixed)).collect()).unwrap())
    }

    #[test]
    fn fields_are_added_in_the_order_of_the_input() {
        let growing = Growing::new(schema(&["a", "b"]));
        let grow = |names: &[&str]| growing.grow(&schema(names), |_| true).names().collect::<Vec<_>>().join(" ");
        assert_eq!(grow(&["a", "b"]), "a b");
        assert_eq!(grow(&["b"]), "a b");
        assert_eq!(grow(&["a", "b", "c"]), "a b c");
        assert_eq!(grow(&["a", "d", "c", "e"]), "a b c d e");
        assert_eq!(growing.schema().len(), 5);
    }

    #[test]
    fn there_are_never_too_many() {
        let growing = Growing::new(schema(&["a"]));
        for n in 0..5000 {
            let name = format!("k{n}");
            let all = growing.grow(&schema(&["a", "old", &name]), |place| place != 1);
            assert!(all.len() <= 1 + Growing::MOST_LATE && all.index_of(&name).is_some() && all.index_of("a") == Some(0));
        }
        let many: Vec<String> = (0..Schema::MAX_FIELDS).map(|n| format!("m{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(growing.grow(&schema(&many), |_| true).len(), Schema::MAX_FIELDS);
        assert_eq!(growing.grow(&schema(&["a", "z"]), |_| true).names().collect::<Vec<_>>(), ["a", "z"]);
    }
}
