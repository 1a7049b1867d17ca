//! Which fields somebody reads.

use std::sync::Arc;

use recpipe::record::{Field, Schema};

/// The fields that are read of the records; the others may be left out.
///
/// It is advice, from the consumers at the other ends: who parses may send more, never less. Cloning shares.
#[derive(Debug, Clone, Default)]
pub struct Wanted(Option<Arc<[String]>>);

impl Wanted {
    /// All fields.
    pub fn all() -> Self {
        Wanted(None)
    }

    /// The fields of these names.
    pub fn only(names: Vec<String>) -> Self {
        Wanted(Some(names.into()))
    }

    /// Their names; `None` for all.
    pub fn names(&self) -> Option<&[String]> {
        self.0.as_deref()
    }

    /// Whether the field of this name is read.
    pub fn has(&self, name: &str) -> bool {
        self.0.as_ref().is_none_or(|names| names.iter().any(|wanted| wanted == name))
    }

    /// Whether this is the same advice: made from one another by cloning.
    pub(crate) fn is_same(&self, other: &Wanted) -> bool {
        match (&self.0, &other.0) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            (a, b) => a.is_none() && b.is_none(),
        }
    }

    /// The schema without the fields that nobody reads.
    pub fn of(&self, schema: &Arc<Schema>) -> Arc<Schema> {
        let fields: Vec<Field> = schema.fields().iter().filter(|field| self.has(&field.name)).cloned().collect();
        if fields.len() == schema.len() {
            return schema.clone();
        }
        // Some fields of a schema are a schema: their names differ as before.
        schema.with_fields(fields).map_or_else(|_| schema.clone(), Arc::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use recpipe::record::Type;

    #[test]
    fn leaves_out_what_nobody_reads() {
        let schema = Arc::new(Schema::new(["a", "b", "c"].map(|name| Field::new(name, Type::Int)).to_vec()).unwrap());
        let check = |wanted: &Wanted, names: &[&str]| assert_eq!(wanted.of(&schema).names().collect::<Vec<_>>(), names);
        check(&Wanted::all(), &["a", "b", "c"]);
        check(&Wanted::only(vec!["c".into(), "zzz".into(), "a".into()]), &["a", "c"]);
        check(&Wanted::only(vec![]), &[]);
        let some = Wanted::only(vec!["a".into()]);
        assert!(some.is_same(&some.clone()) && !some.is_same(&Wanted::all()) && !some.is_same(&Wanted::only(vec!["a".into()])));
    }
}
