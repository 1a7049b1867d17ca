//! Lists, maps and structs in lists as text: JSON. Times, and what else JSON has no word for, are text.

use std::io::Write;

use arrow_array::{Array, ArrayRef, cast::AsArray};
use arrow_schema::DataType;

use super::super::json_string;
use super::cell::{Cell, Zones, cell};

/// The text of one value is no longer.
const MAX_BYTES: usize = 16 << 20;

/// Appends the value of a row.
///
/// # Errors
/// It is damaged, or too long.
pub(super) fn write(array: &ArrayRef, row: usize, zones: &Zones, out: &mut Vec<u8>) -> Result<(), String> {
    if out.len() > MAX_BYTES {
        return Err(format!("a list has more than {MAX_BYTES} bytes as text"));
    }
    if array.is_null(row) {
        out.extend_from_slice(b"null");
        return Ok(());
    }
    match array.data_type() {
        DataType::List(_) => list(&array.as_list::<i32>().value(row), zones, out),
        DataType::LargeList(_) => list(&array.as_list::<i64>().value(row), zones, out),
        DataType::FixedSizeList(..) => list(&array.as_fixed_size_list().value(row), zones, out),
        DataType::Struct(fields) => {
            let columns = array.as_struct().columns();
            object(fields.iter().map(|field| field.name().as_bytes()).zip(columns).map(|(name, column)| (name, column, row)), zones, out)
        }
        DataType::Map(..) => {
            let entries = array.as_map().value(row);
            let (Some(keys), Some(values)) = (entries.columns().first(), entries.columns().get(1)) else {
                return Err("a map without keys and values".to_owned());
            };
            out.push(b'{');
            for entry in 0..entries.len() {
                if entry > 0 {
                    out.push(b',');
                }
                let mut key = Vec::new();
                write(keys, entry, zones, &mut key)?;
                // A key is text, whatever it is.
                if key.first() == Some(&b'"') {
                    out.extend_from_slice(&key)
                } else {
                    json_string::push(&key, out)
                }
                out.push(b':');
                write(values, entry, zones, out)?;
            }
            out.push(b'}');
            Ok(())
        }
        _ => scalar(array, row, zones, out),
    }
}

fn list(values: &ArrayRef, zones: &Zones, out: &mut Vec<u8>) -> Result<(), String> {
    out.push(b'[');
    for row in 0..values.len() {
        if row > 0 {
            out.push(b',');
        }
        write(values, row, zones, out)?;
    }
    out.push(b']');
    Ok(())
}

fn object<'a>(fields: impl Iterator<Item = (&'a [u8], &'a ArrayRef, usize)>, zones: &Zones, out: &mut Vec<u8>) -> Result<(), String> {
    out.push(b'{');
    for (nth, (name, column, row)) in fields.enumerate() {
        if nth > 0 {
            out.push(b',');
        }
        json_string::push(name, out);
        out.push(b':');
        write(column, row, zones, out)?;
    }
    out.push(b'}');
    Ok(())
}

fn scalar(array: &ArrayRef, row: usize, zones: &Zones, out: &mut Vec<u8>) -> Result<(), String> {
    let mut own = Vec::new();
    // Writing to a vector does not fail.
    match cell(array, row, zones, &mut own)? {
        Cell::Null | Cell::Beyond => out.extend_from_slice(b"null"),
        Cell::Bool(value) => drop(write!(out, "{value}")),
        Cell::Int(value) => drop(write!(out, "{value}")),
        Cell::Float(value) if value.is_nan() => out.extend_from_slice(b"NaN"),
        Cell::Float(value) if value.is_infinite() => drop(write!(out, "{}Infinity", if value < 0.0 { "-" } else { "" })),
        Cell::Float(value) => drop(write!(out, "{value:?}")),
        Cell::Time(time) => drop(write!(out, "\"{time}\"")),
        Cell::Text(value) => json_string::push(value, out),
        // Of a dictionary it may be a list.
        Cell::Own if matches!(own.first(), Some(b'[' | b'{')) => out.extend_from_slice(&own),
        Cell::Own => json_string::push(&own, out),
    }
    Ok(())
}
