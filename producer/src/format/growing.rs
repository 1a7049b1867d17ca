//! The fields of a stream whose records may bring further ones at any time.
//!
//! ```text
//! samples ──► Learned ──► Growing: the fields of the samples, and those that were declared
//!                          │  ▲
//!       where a parser begins │ what a block has beyond that, in the order of the input
//! ```
//!
//! Blocks are parsed at once and in any order, so what a block brings is added where they are in order again ([`Growing::grow`]); a parser
//! begins with what there is by then.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use recpipe::record::{Batch, Field, Growing, Schema, Type};

use super::Args;
use super::type_set::TypeSet;

/// Where the samples have many different fields, so many of them are fields of all blocks.
const MOST_OF_ALL_BLOCKS: usize = 2048;

/// What the samples show of an open format: the names of the fields, in the order in which they come, and what they hold.
#[derive(Debug, Default)]
pub(super) struct Learned {
    names: Vec<String>,
    kinds: Vec<TypeSet>,
    places: HashMap<String, usize>,
    growing: Option<Arc<Growing>>,
    /// Records have no fields but those that are declared.
    is_closed: bool,
}

impl Learned {
    /// Of records that have no fields but those that are declared.
    pub(super) fn closed() -> Self {
        Learned { is_closed: true, ..Learned::default() }
    }

    /// A field that there is whatever the samples show, and the type of its values, if it is known.
    pub(super) fn declare(&mut self, name: &str, kind: Option<Type>) {
        let mut kinds = TypeSet::default();
        kind.into_iter().for_each(|kind| kinds.add(kind));
        self.places.insert(name.to_owned(), self.names.len());
        self.names.push(name.to_owned());
        self.kinds.push(kinds);
    }

    /// Learns from the records of a sample. What comes after the first plan was made decides nothing any more.
    pub(super) fn add(&mut self, batch: &Batch) {
        for (name, column) in batch.schema().names().zip(batch.columns()) {
            let place = match self.places.get(name) {
                Some(place) => *place,
                // Room for those to come.
                None if self.names.len() >= Schema::MAX_FIELDS / 2 => continue,
                None => {
                    self.places.insert(name.to_owned(), self.names.len());
                    self.names.push(name.to_owned());
                    self.kinds.push(TypeSet::default());
                    self.names.len() - 1
                }
            };
            self.kinds[place].join(TypeSet::of(column));
        }
    }

    /// Whether there are fields to learn still.
    pub(super) fn is_over(&self) -> bool {
        self.growing.is_some()
    }

    /// The fields so far, as they would be sent.
    ///
    /// # Errors
    /// There are too many.
    pub(super) fn schema(&self, args: &Args) -> Result<Arc<Schema>, String> {
        if let Some(growing) = &self.growing {
            return Ok(growing.schema());
        }
        // Every block has these, whatever is in it: one that has others names them itself.
        let most = if self.names.len() > 2 * MOST_OF_ALL_BLOCKS { MOST_OF_ALL_BLOCKS } else { self.names.len() };
        let learned = self.names[..most].iter().zip(&self.kinds).filter(|(name, _)| args.sends(name));
        let mut fields: Vec<Field> = learned.map(|(name, kinds)| Field::open(name.clone(), kinds.kind())).collect();
        // What is declared exists, whenever it comes.
        let declared = args.fields.iter().flat_map(|names| names.iter()).chain(args.casts.iter().map(|(name, _)| name));
        let mut known: HashSet<&str> = self.names[..most].iter().map(String::as_str).collect();
        fields.extend(declared.filter(|name| known.insert(name)).map(|name| Field::open(name.clone(), Type::Mixed)));
        let schema = Schema::new(fields).map_err(|e| e.to_string())?;
        // Of fields that were named, no others are sent.
        Ok(Arc::new(if args.fields.is_some() || self.is_closed { schema } else { schema.growing() }))
    }

    /// The fields of the stream, from now on.
    ///
    /// # Errors
    /// There are too many.
    pub(super) fn growing(&mut self, args: &Args) -> Result<Arc<Growing>, String> {
        let schema = self.schema(args)?;
        Ok(self.growing.get_or_insert_with(|| Arc::new(Growing::new(schema))).clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(names: &[&str]) -> Arc<Schema> {
        Arc::new(Schema::new(names.iter().map(|name| Field::open(*name, Type::Mixed)).collect()).unwrap())
    }

    #[test]
    fn what_is_declared_exists() {
        let mut learned = Learned::default();
        let args =
            Args { fields: Some(["b".to_owned(), "late".to_owned()].into()), casts: vec![("late".into(), Type::Int)], ..Args::default() };
        let batch = Batch::new(schema(&["a", "b"]), vec![recpipe::record::Column::null(1); 2], 1, recpipe::record::Origin::default());
        learned.add(&batch.unwrap());
        assert_eq!(learned.schema(&args).unwrap().names().collect::<Vec<_>>(), ["b", "late"]);
        assert!(!learned.schema(&args).unwrap().grows() && learned.schema(&Args::default()).unwrap().grows());
        assert!(!learned.is_over() && learned.growing(&args).is_ok() && learned.is_over());
    }
}
