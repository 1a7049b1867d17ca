//! `json(text, path)`: a value within JSON text, of the type that it is written with.

use std::borrow::Cow;

use recpipe::{ColumnBuilder, Error, Type, Value};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::{
    expr::{Call, Expr, Gives, Rows, ScalarFunction, Values, Vector},
    language::{
        Catalog,
        CheckCall::Values as OfValues,
        FunctionWord,
        signature::{self, Made, need, not_empty},
    },
};

/// `json`
pub(crate) static JSON: FunctionWord = FunctionWord {
    name: "json",
    syntax: "json(TEXT, PATH)",
    doc: "the value at a path of keys and places within JSON text; null if there is none",
    example: "json(user, 'roles.0.name') == 'admin'",
    args: 2..=2,
    check: OfValues(check),
};

fn check(catalog: &Catalog, args: Vec<Expr>) -> Made {
    need(catalog, &args, 0, &[Type::Text])?;
    need(catalog, &args, 1, &[Type::Text])?;
    not_empty(&args, 1, "where to look")?;
    Ok((signature::call(AtPath, args), Type::Mixed))
}

struct AtPath;

impl ScalarFunction for AtPath {
    fn eval(&self, call: &Call<'_>, args: Vec<Vector>) -> Result<Vector, Error> {
        let [text, path] = call.args(args)?;
        let (Values::Text(texts), Values::Text(paths)) = (&text.values, &path.values) else { return call.no_value(&text) };
        let rows = Rows::of(&[&text, &path]);
        let mut column = ColumnBuilder::new(Type::Mixed);
        for row in 0..rows.len() {
            let found =
                if rows.is_null(row) { None } else { std::str::from_utf8(paths.get(row)).ok().and_then(|path| find(texts.get(row), path)) };
            match found {
                Some(found) => found.push_to(&mut column)?,
                None => column.push(Value::Null)?,
            }
        }
        Ok(Vector::from_rows(&column.finish(), None))
    }

    fn gives(&self, _: Type, _: &[Expr]) -> Gives {
        Gives::Any
    }
}

/// What stands at a path, as it is written.
struct Found<'t>(&'t str);

impl Found<'_> {
    /// An object or a list is its text. A whole number beyond 128 bits is text with its digits, as of a field.
    fn push_to(&self, column: &mut ColumnBuilder) -> Result<(), Error> {
        let text = self.0;
        let float = || text.parse().ok().filter(|float: &f64| float.is_finite()).map_or(Value::Null, Value::Float);
        match text.as_bytes().first() {
            Some(b'n') => column.push(Value::Null),
            Some(b't') => column.push(Value::Bool(true)),
            Some(b'f') => column.push(Value::Bool(false)),
            Some(b'"') => match serde_json::from_str::<Text<'_>>(text) {
                Ok(Text(text)) => column.push(Value::Text(text.as_bytes())),
                Err(_) => column.push(Value::Null),
            },
            Some(b'-' | b'0'..=b'9') if text.contains(['.', 'e', 'E']) => column.push(float()),
            Some(b'-' | b'0'..=b'9') => column.push(text.parse().map_or(Value::Text(text.as_bytes()), Value::Int)),
            _ => column.push(Value::Text(text.as_bytes())),
        }
    }
}

/// A string, borrowed where nothing in it is escaped.
#[derive(serde::Deserialize)]
struct Text<'t>(#[serde(borrow)] Cow<'t, str>);

/// The value at this path; `None` where there is none, and where the text as a whole is no JSON.
fn find<'t>(text: &'t [u8], path: &str) -> Option<Found<'t>> {
    let mut json = serde_json::Deserializer::from_slice(text);
    let found = At(path).deserialize(&mut json).ok()?;
    json.end().ok()?;
    found.map(|raw| Found(raw.get()))
}

/// What stands at a path within the value that comes; the empty one is the value itself.
struct At<'p>(&'p str);

impl<'de> DeserializeSeed<'de> for At<'_> {
    type Value = Option<&'de RawValue>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        if self.0.is_empty() { serde::Deserialize::deserialize(json).map(Some) } else { json.deserialize_any(self) }
    }
}

impl At<'_> {
    /// What is left of the path behind this key, which may have points itself.
    fn behind(&self, key: &str) -> Option<At<'_>> {
        let rest = self.0.strip_prefix(key)?;
        if rest.is_empty() { Some(At("")) } else { rest.strip_prefix('.').filter(|rest| !rest.is_empty()).map(At) }
    }
}

impl<'de> Visitor<'de> for At<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("JSON")
    }

    /// Of a key that is there twice, the last counts.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(Text(key)) = map.next_key()? {
            match self.behind(&key) {
                Some(at) => found = map.next_value_seed(at)?.or(found),
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let place = self.0.split('.').next().unwrap_or_default();
        let wanted = place.parse::<usize>().ok().filter(|number| number.to_string() == place);
        let mut at = 0;
        let mut found = None;
        loop {
            if wanted == Some(at)
                && let Some(rest) = self.behind(place)
            {
                match list.next_element_seed(rest)? {
                    Some(value) => found = value,
                    None => return Ok(found),
                }
            } else if list.next_element::<IgnoredAny>()?.is_none() {
                return Ok(found);
            }
            at += 1;
        }
    }

    // Nothing stands within these.

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use recpipe::{ColumnBuilder, Type};

    use super::find;
    use crate::expr::check_values;

    fn check(text: &str, path: &str, expect: &str) {
        let mut column = ColumnBuilder::new(Type::Mixed);
        find(text.as_bytes(), path).unwrap().push_to(&mut column).unwrap();
        assert_eq!(column.finish().value(0).to_string(), expect, "{path} in {text}");
    }

    #[test]
    fn values_of_all_types() {
        let text = r#"{"a":[{"b":7},{"b":8.5}],"s":"x \"y\"","t":true,"n":null,"x.y":{"z":1},"big":123456789012345678901234567890,"o":{"k": [1, 2]}}"#;
        check(text, "a.1.b", "8.5");
        check(text, "a.0", r#"{"b":7}"#);
        check(text, "s", r#"x "y""#);
        check(text, "t", "true");
        check(text, "n", "");
        check(text, "x.y.z", "1");
        check(text, "big", "123456789012345678901234567890");
        check(text, "o.k", "[1, 2]");
        check("[[1],[2,3]]", "1.1", "3");
        check(r#"{"a":1,"a":2}"#, "a", "2");
        check(r#"{"n":1e999}"#, "n", "");
        check(&format!(r#"{{"n":{}}}"#, "9".repeat(50)), "n", &"9".repeat(50));
    }

    #[test]
    fn what_is_not_there() {
        for (text, path) in [
            (r#"{"a":[1]}"#, "a.1"),
            (r#"{"a":[1]}"#, "a.00"),
            (r#"{"a":[1]}"#, "a.-1"),
            (r#"{"a":[1]}"#, "a."),
            (r#"{"a":1}"#, "a.b"),
            (r#"{"a":"b"}"#, "a.b"),
            (r#"{"a":1}"#, "b"),
            (r#"{"a":1} x"#, "a"),
            (r#"{"a":1"#, "a"),
            ("no json", "a"),
            ("", "a"),
            ("7", "a"),
        ] {
            assert!(find(text.as_bytes(), path).is_none(), "{path} in {text}");
        }
        // However deep it is, what is not asked for is passed over; a path has an end.
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(find(deep.as_bytes(), "0.0").is_some() && find(deep.as_bytes(), &["0"; 1000].join(".")).is_none());
        check_values("json(t, 'a')", "null null null null");
        assert!(find(br#"{"a":[1,2]}"#, "a.1").is_some());
    }
}
