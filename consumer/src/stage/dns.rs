//! `dns FIELD [as NAME]`: adds or replaces a column of the host names of addresses.
//!
//! Where there is no name, or the text is no address, it is the text itself; null stays null.
//!
//! Runs:   once; a batch waits until its names are known.  Order: kept.
//! Memory: O(distinct addresses), within the bounds of [`crate::resolver::Limits`].
//! Stops:  when its target does.
//! Errors: none of its own: a resolver that does not answer gives no names.

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use recpipe::{Batch, Column, Error, Flow, Schema, Stage, Type};

use super::{
    Target,
    beyond::{self, Beyond},
    relay,
};
use crate::{
    expr::{Operand, Texts, Values, Vector, only_text},
    resolver::Resolver,
};

/// See the module.
pub struct Dns {
    field: usize,
    place: usize,
    beyond: Beyond,
    resolver: Resolver,
    target: Target,
}

impl Dns {
    /// Looks up the addresses in the column `field` of records of `input`; the names are the column `place` of `schema`.
    pub fn new(field: usize, place: usize, input: &Schema, schema: Arc<Schema>, target: Target) -> Self {
        Dns { field, place, beyond: Beyond::new(input, schema), resolver: Resolver::system(), target }
    }

    fn column(&mut self, batch: &Batch) -> Result<Column, Error> {
        let field = Vector::from_column(batch.column(self.field), batch);
        let field = only_text(&field);
        let Values::Text(texts) = &field.values else { return Ok(Column::null(batch.physical_rows())) };
        let rows = (0..batch.len()).map(|row| Some(texts.get(row)).filter(|_| !field.is_null(row)));
        let addresses: Vec<Option<IpAddr>> = rows.clone().map(|text| address(text?)).collect();
        let names = self.resolver.names(addresses.iter().flatten().copied());
        // Each name stands once in the new bytes, however many rows it is for.
        let (mut bytes, mut views, mut places) = (Vec::new(), Vec::with_capacity(batch.len()), HashMap::new());
        for (text, address) in rows.zip(&addresses) {
            let name = address.and_then(|address| names.get(&address)?.as_ref());
            views.push(match (text, name) {
                (_, Some(name)) => match places.get(name) {
                    Some(place) => *place,
                    None => *places.entry(name).or_insert(put(&mut bytes, name.as_bytes())?),
                },
                (Some(text), None) => put(&mut bytes, text)?,
                (None, None) => (0, 0),
            });
        }
        let values = Values::Text(Texts { bytes: bytes.into(), views: Operand::Each(views) });
        Ok(Vector { len: field.len, values, nulls: field.nulls.clone() }.into_column(Type::Text, batch))
    }
}

fn address(text: &[u8]) -> Option<IpAddr> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Appends text: where it begins, and its length.
fn put(bytes: &mut Vec<u8>, text: &[u8]) -> Result<(u32, u32), Error> {
    match (u32::try_from(bytes.len()), u32::try_from(bytes.len() + text.len())) {
        (Ok(start), Ok(end)) => {
            bytes.extend_from_slice(text);
            Ok((start, end - start))
        }
        _ => Err(Error::Data("more than 4 GiB of text in one column of a batch".into())),
    }
}

impl Stage for Dns {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        let column = self.column(&batch)?;
        let mut columns = self.beyond.known(&batch).to_vec();
        beyond::put(&mut columns, self.place, column);
        self.target.send(self.beyond.with_columns(&batch, columns)?)
    }

    relay!();
}
