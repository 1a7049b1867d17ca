//! Databases in MaxMind's format: what is known of networks, as a tree of maps and lists.

use std::{net::IpAddr, path::Path};

use bytes::Bytes;
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use maxminddb::{Reader, WithinOptions};
use recpipe::{Column, ColumnBuilder, Error, Field, Schema, Type, Value, transport::file};
use serde_json::Value as Json;

use super::NONE;
use crate::expr::{Values, Vector, address};

/// A database. A field is named by its path: `country.iso_code`, `subdivisions.0.names.en`.
pub struct Database {
    reader: Reader<Bytes>,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Database").field("type", &self.reader.metadata().database_type).finish_non_exhaustive()
    }
}

/// The fields of so many records are known before the first is looked for.
const SAMPLE: usize = 20_000;
/// So many networks are looked at for them: several have one record.
const SAMPLE_NETWORKS: usize = 200_000;
/// Maps in maps, and lists, are followed so far.
const DEEPEST: usize = 8;
/// No more elements of a list have fields of their own.
const MOST_ELEMENTS: usize = 4;

/// What stands for a whole map, where it has one of these: that of a country, of a continent, or a name.
const SHORT: [&[&str]; 3] = [&["iso_code"], &["code"], &["names", "en"]];

impl Database {
    /// Whether a file of this name is one.
    pub fn is_named(path: &str) -> bool {
        Path::new(path).extension().is_some_and(|end| end.eq_ignore_ascii_case("mmdb"))
    }

    /// The bytes of a file, which are fewer than `largest`.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file; [`Error::Usage`] when there are more bytes.
    pub fn read(path: &Path, largest: usize) -> Result<Bytes, Error> {
        let failed = |error| Error::io(format!("cannot read {}", path.display()), error);
        let mut bytes = Vec::new();
        let most = largest as u64;
        std::io::Read::read_to_end(&mut std::io::Read::take(file::open(path)?, most + 1), &mut bytes).map_err(failed)?;
        if bytes.len() as u64 > most {
            let what = format!("{} has more than {largest} bytes, and a database is held in memory", path.display());
            return Err(Error::Usage(format!("{what}; `--memory SIZE` lets it have more")));
        }
        Ok(bytes.into())
    }

    /// The database of these bytes.
    ///
    /// # Errors
    /// [`Error::Data`] when it is none.
    pub fn open(bytes: Bytes) -> Result<Self, Error> {
        let none = |error| Error::Data(format!("this is no database in MaxMind's format: {error}"));
        Ok(Database { reader: Reader::from_source(bytes).map_err(none)? })
    }

    /// The fields of its first records, those of maps within maps with them; a map's own name stands for its code or name.
    ///
    /// # Errors
    /// [`Error::Data`] when it is damaged; [`Error::Schema`] when there are too many fields.
    pub fn schema(&self) -> Result<Schema, Error> {
        let mut seen = HashMap::<usize, (), FixedState>::default();
        let mut fields: Vec<(String, Type)> = Vec::new();
        let mut places = HashMap::<String, usize, FixedState>::default();
        for network in self.reader.networks(WithinOptions::default()).map_err(damaged)?.take(SAMPLE_NETWORKS) {
            let network = network.map_err(damaged)?;
            if network.offset().is_none_or(|offset| seen.insert(offset, ()).is_some()) {
                continue;
            }
            if let Some(json) = network.decode::<Json>().map_err(damaged)? {
                leaves(&json, String::new(), 0, &mut |path, kind| match places.get(path) {
                    Some(&place) if fields[place].1 != kind => fields[place].1 = Type::Mixed,
                    Some(_) => {}
                    None => {
                        places.insert(path.to_owned(), fields.len());
                        fields.push((path.to_owned(), kind));
                    }
                });
            }
            if seen.len() >= SAMPLE {
                break;
            }
        }
        fields.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        Schema::new(fields.into_iter().map(|(name, kind)| Field::open(name, kind)).collect())
    }

    /// Whether a field is added where none is named: one that is not said otherwise by another, nor a name in another language.
    pub fn is_plain(name: &str, schema: &Schema) -> bool {
        let is_whole = schema.names().any(|other| other.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')));
        let language = name.split_once("names.").map_or("en", |(_, language)| language);
        !is_whole && language == "en"
    }

    /// What is known of each of `len` addresses: a row of the columns for each, [`NONE`] where nothing is, and the columns of these
    /// fields, with a row of nulls at the end.
    ///
    /// # Errors
    /// [`Error::Data`] when the database is damaged.
    pub fn find(&self, addresses: &Vector, len: usize, fields: &[&str]) -> Result<(Vec<u32>, Vec<Column>), Error> {
        let mut columns: Vec<ColumnBuilder> = fields.iter().map(|_| ColumnBuilder::new(Type::Mixed)).collect();
        let mut places = HashMap::<usize, u32, FixedState>::default();
        let texts = addresses.parts().iter().find_map(|part| match &part.values {
            Values::Text(texts) => Some((part, texts)),
            _ => None,
        });
        let mut last: (&[u8], u32) = (b"", NONE);
        let mut rows = Vec::with_capacity(len);
        for row in 0..len {
            let text = texts.filter(|(part, _)| !part.is_null(row)).map_or(&b""[..], |(_, texts)| texts.get(row));
            if text != last.0 {
                let found = address(text).map(|address| self.row(address, fields, &mut columns, &mut places)).transpose()?;
                last = (text, found.unwrap_or(NONE));
            }
            rows.push(last.1);
        }
        columns.iter_mut().try_for_each(|column| column.push(Value::Null))?;
        Ok((rows, columns.iter_mut().map(ColumnBuilder::finish).collect()))
    }

    /// The row of an address, which is added where it is not there yet.
    fn row(
        &self,
        address: IpAddr,
        fields: &[&str],
        columns: &mut [ColumnBuilder],
        places: &mut HashMap<usize, u32, FixedState>,
    ) -> Result<u32, Error> {
        if address.is_ipv6() && self.reader.metadata().ip_version == 4 {
            return Ok(NONE);
        }
        let found = self.reader.lookup(address).map_err(damaged)?;
        let Some(offset) = found.offset() else { return Ok(NONE) };
        if let Some(&row) = places.get(&offset) {
            return Ok(row);
        }
        let json = found.decode::<Json>().map_err(damaged)?.unwrap_or(Json::Null);
        let row = places.len() as u32;
        for (field, column) in fields.iter().zip(columns) {
            push(at(&json, field), column)?;
        }
        places.insert(offset, row);
        Ok(row)
    }
}

fn damaged(error: maxminddb::MaxMindDbError) -> Error {
    Error::Data(format!("the database is damaged: {error}"))
}

/// Calls `each` with the path of each value, and with those of the maps and lists that it is in.
fn leaves(json: &Json, path: String, depth: usize, each: &mut impl FnMut(&str, Type)) {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match json {
        Json::Object(map) if depth < DEEPEST => {
            if depth > 0 {
                each(&path, Type::Text);
            }
            map.iter().for_each(|(name, value)| leaves(value, below(name), depth + 1, each));
        }
        Json::Array(list) if depth < DEEPEST => {
            each(&path, Type::Text);
            list.iter().take(MOST_ELEMENTS).enumerate().for_each(|(i, value)| leaves(value, below(&i.to_string()), depth + 1, each));
        }
        Json::Null => {}
        Json::Bool(_) => each(&path, Type::Bool),
        Json::Number(number) if number.is_f64() => each(&path, Type::Float),
        Json::Number(_) => each(&path, Type::Int),
        _ => each(&path, Type::Text),
    }
}

/// What is at a path.
fn at<'j>(json: &'j Json, path: &str) -> &'j Json {
    path.split('.').fold(json, |json, step| match json {
        Json::Array(list) => step.parse::<usize>().ok().and_then(|i| list.get(i)).unwrap_or(&Json::Null),
        _ => json.get(step).unwrap_or(&Json::Null),
    })
}

fn push(json: &Json, column: &mut ColumnBuilder) -> Result<(), Error> {
    match json {
        Json::Null => column.push(Value::Null),
        Json::Bool(value) => column.push(Value::Bool(*value)),
        Json::String(text) => column.push(Value::Text(text.as_bytes())),
        Json::Number(number) => match (number.as_i128(), number.as_f64()) {
            (Some(int), _) => column.push(Value::Int(int)),
            (None, Some(float)) => column.push(Value::Float(float)),
            (None, None) => column.push(Value::Null),
        },
        Json::Object(map) => {
            let short = SHORT.iter().find_map(|path| {
                let (first, rest) = path.split_first()?;
                rest.iter().try_fold(map.get(*first)?, |json, step| json.get(step)).filter(|json| json.is_string())
            });
            match short {
                Some(short) => push(short, column),
                None => column.push(Value::Text(json.to_string().as_bytes())),
            }
        }
        Json::Array(_) => column.push(Value::Text(json.to_string().as_bytes())),
    }
}
