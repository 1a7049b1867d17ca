//! The fields of several streams as those of one.

use recpipe::{Error, Schema};

/// The fields of both, those of the first first: see [`Schema::united`].
///
/// # Errors
/// When a field of one type each has two: who says which.
pub fn unite(first: &Schema, first_peer: &str, second: &Schema, second_peer: &str) -> Result<Schema, Error> {
    match first.clash(second) {
        None => first.united(second),
        Some((one, other)) => Err(Error::Schema(format!(
            "field `{}` is {} from {first_peer} and {} from {second_peer}; use `--cast` with one of the producers",
            one.name, one.kind, other.kind
        ))),
    }
}

#[cfg(test)]
mod tests {
    use recpipe::{Field, Type};

    use super::*;

    fn schema(fields: &[(&str, Type)]) -> Schema {
        Schema::new(fields.iter().map(|(name, kind)| Field::new(*name, *kind)).collect()).unwrap()
    }

    #[test]
    fn fields_are_united_by_name() {
        let a = schema(&[("host", Type::Text), ("n", Type::Null)]);
        let b = schema(&[("n", Type::Int), ("host", Type::Text), ("x", Type::Float)]);
        assert_eq!(unite(&a, "a", &b, "b").unwrap(), schema(&[("host", Type::Text), ("n", Type::Int), ("x", Type::Float)]));
        let open = |kind| Schema::new(vec![Field::open("n", kind)]).unwrap().growing();
        assert_eq!(unite(&open(Type::Int), "a", &open(Type::Text), "b").unwrap(), open(Type::Mixed));
        assert_eq!(unite(&open(Type::Int), "a", &schema(&[("n", Type::Int)]), "b").unwrap(), open(Type::Int));
        assert_eq!(unite(&schema(&[("n", Type::Text)]), "a", &open(Type::Int), "b").unwrap(), open(Type::Mixed));
        let error = unite(&schema(&[("n", Type::Int)]), "tcp://a", &schema(&[("n", Type::Text)]), "tcp://b").unwrap_err().to_string();
        assert!(error.contains("`n`") && error.contains("tcp://a") && error.contains("tcp://b"), "{error}");
    }
}
