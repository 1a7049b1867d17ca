//! `--set NAME=VALUE`: fields that have one value in all records, behind those of the format.
//!
//! A name that the input has already is a mistake in what was typed, wherever in the input the field comes: to replace it in silence
//! would be a wrong answer that looks right, and to give way to it would make the field mean two things.

use recpipe::record::{Batch, Column, Field, PlaceField, Schema, Text, Type};
use recpipe::record::{PackedInts, column::Values};

use super::cast;
use crate::dating::Dating;

/// A field that has one value in all records.
#[derive(Clone, Debug)]
pub struct Constant {
    /// How it is called, and its type.
    pub(super) field: Field,
    /// A row with its value.
    value: Column,
}

impl Constant {
    /// Reads what was typed: `NAME=VALUE` for text, or as `--cast` has it for this name. A VALUE of `$VARIABLE` is the value of that
    /// variable, and `$$` at its beginning a `$`.
    ///
    /// # Errors
    /// What is wrong with it.
    ///
    /// # Examples
    /// ```
    /// use recpipe_producer::{dating::Dating, run::constants::Constant};
    ///
    /// assert!(Constant::new("host=web1", &[], &Dating::default()).is_ok());
    /// assert!(Constant::new("_line=7", &[], &Dating::default()).is_err());
    /// ```
    pub fn new(typed: &str, casts: &[(String, Type)], dating: &Dating) -> Result<Self, String> {
        let name_and_value = typed.split_once('=').filter(|(name, _)| !name.is_empty());
        let Some((name, value)) = name_and_value else { return Err(format!("--set: `{typed}` is not NAME=VALUE")) };
        if PlaceField::named(name).is_some() {
            return Err(format!("--set: `{name}` is where a record stands in its input; choose another name"));
        }
        let value = expanded(value, |variable| std::env::var_os(variable).map(std::os::unix::ffi::OsStringExt::into_vec))
            .map_err(|what| format!("--set {name}: {what}"))?;
        let text = Column::text(Text::collect(std::iter::once(&value[..])));
        let kind = casts.iter().find(|(cast, _)| cast == name).map_or(Type::Text, |(_, kind)| *kind);
        let value = match cast::cast(&text, kind, &mut dating.reader(name, &"".into())) {
            None => text,
            Some((value, bad)) if bad.is_empty() => value,
            Some((_, bad)) => return Err(format!("--set {name}: {}", cast::why(name, kind, bad[0].1))),
        };
        let field = Field::new(name, kind);
        // No name is too long for a schema but this is where one is found.
        Schema::new(vec![field.clone()]).map_err(|error| format!("--set {name}: {error}"))?;
        Ok(Constant { field, value })
    }

    /// A column of so many rows.
    fn column(&self, rows: usize) -> Column {
        if let (Values::Text(text), None) = (self.value.values(), self.value.nulls()) {
            let bytes = bytes::Bytes::copy_from_slice(text.get(0));
            let (starts, lens) = (PackedInts::constant(0, rows), PackedInts::constant(bytes.len() as i64, rows));
            if let Some(text) = Text::new(bytes, None, starts, lens) {
                return Column::text(text);
            }
        }
        self.value.pick(&vec![0; rows])
    }
}

/// All of `--set`: each name once.
///
/// # Errors
/// What is wrong with one of them.
pub fn constants(typed: &[String], casts: &[(String, Type)], dating: &Dating) -> Result<Vec<Constant>, String> {
    let mut all: Vec<Constant> = Vec::new();
    for typed in typed {
        let constant = Constant::new(typed, casts, dating)?;
        if all.iter().any(|other| other.field.name == constant.field.name) {
            return Err(format!("--set: `{}` stands twice", constant.field.name));
        }
        all.push(constant);
    }
    Ok(all)
}

/// The batch with these fields behind its own.
///
/// # Errors
/// It has one of them already, or no room for them.
pub(super) fn with_constants<'c>(batch: &Batch, constants: impl Iterator<Item = &'c Constant>) -> Result<Batch, String> {
    let (mut fields, mut columns) = (batch.schema().fields().to_vec(), batch.columns().to_vec());
    for constant in constants {
        fields.push(constant.field.clone());
        columns.push(constant.column(batch.physical_rows()));
    }
    let schema = batch.schema().with_fields(fields).map_err(|error| format!("--set: {error}"))?;
    batch.with_columns(schema.into(), columns).map_err(|error| format!("--set: {error}"))
}

/// The value that was typed, or that of the variable that it names.
fn expanded(typed: &str, variable: impl Fn(&str) -> Option<Vec<u8>>) -> Result<Vec<u8>, String> {
    let Some(name) = typed.strip_prefix('$') else { return Ok(typed.into()) };
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    match variable(name).filter(|_| is_name) {
        Some(value) => Ok(value),
        // Shells know it and do not export it.
        None if name == "HOSTNAME" => Ok(rustix::system::uname().nodename().to_bytes().to_vec()),
        None if is_name => Err(format!("there is no variable {name} in the environment (`$${name}` stands for the text ${name})")),
        None => Ok(name.strip_prefix('$').map_or(typed, |_| name).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_value_may_be_a_variable() {
        let known = |name: &str| (name == "ROLE" || name == "HOSTNAME").then(|| b"db".to_vec());
        let check = |typed: &str, expect: Result<&str, &str>| {
            let found = expanded(typed, known).map(|value| String::from_utf8(value).unwrap());
            match expect {
                Ok(value) => assert_eq!(found.as_deref(), Ok(value), "{typed}"),
                Err(part) => assert!(found.unwrap_err().contains(part), "{typed}"),
            }
        };
        check("web1", Ok("web1"));
        check("", Ok(""));
        check("$ROLE", Ok("db"));
        check("$HOSTNAME", Ok("db"));
        check("a$ROLE", Ok("a$ROLE"));
        check("$5", Ok("$5"));
        check("$ROLE/x", Ok("$ROLE/x"));
        check("$$ROLE", Ok("$ROLE"));
        check("$", Ok("$"));
        check("$NONE", Err("no variable NONE"));
        let host = expanded("$HOSTNAME", |_| None).unwrap();
        assert!(!host.is_empty());
    }

    #[test]
    fn a_constant_has_one_type_and_one_value() {
        let casts = [("n".to_owned(), Type::Int), ("t".to_owned(), Type::Time), ("gap".to_owned(), Type::Float)];
        let made = |typed: &str| Constant::new(typed, &casts, &Dating::default());
        let shown = |typed: &str| {
            let constant = made(typed).unwrap();
            let column = constant.column(3);
            assert_eq!(column.len(), 3);
            assert!(column.fits(&constant.field), "{typed}");
            format!("{} {}", constant.field.kind, column.value(2))
        };
        assert_eq!(shown("host=web1"), "text web1");
        assert_eq!(shown("a=b=c"), "text b=c");
        assert_eq!(shown("empty="), "text ");
        assert_eq!(shown("n= 7"), "int 7");
        assert_eq!(shown("t=2026-03-01"), "time 2026-03-01T00:00:00+00:00");
        assert_eq!(shown("gap=-"), "float ");
        for (bad, part) in [("n=x", "`n` is not an int"), ("host", "not NAME=VALUE"), ("=x", "not NAME=VALUE"), ("_file=x", "_file")] {
            assert!(made(bad).unwrap_err().contains(part), "{bad}");
        }
        let twice = ["a=1", "a=2"].map(str::to_owned);
        assert!(constants(&twice, &[], &Dating::default()).unwrap_err().contains("stands twice"));
    }
}
