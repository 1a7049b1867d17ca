//! The fields of a stream whose records may bring further ones at any time.
//!
//! ```text
//! samples ──► Learned ──► Growing: the fields of the samples, and those that were declared
//!                          │  ▲
//!       where a parser begins │ what a block has beyond that, in the order of the input
//! ```
//!
//! Blocks are parsed at once and in any order, so what a block brings is added where they are in order again ([`Growing::grow`]); a parser
//! begins with what there is by then. So the schema of a stream is a function of the input, and there are few of them.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use recpipe::record::{Batch, Field, Schema, Type};

use super::Args;
use super::kinds::Kinds;

/// More fields than this are not kept beyond those of the samples: where each record has a key of its own, each batch would have all
/// those of the records before.
const MOST_LATE: usize = 1024;

/// What the samples show of an open format: the names of the fields, in the order in which they come, and what they hold.
#[derive(Debug, Default)]
pub(super) struct Learned {
    names: Vec<String>,
    kinds: Vec<Kinds>,
    places: HashMap<String, usize>,
    growing: Option<Arc<Growing>>,
}

impl Learned {
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
                    self.kinds.push(Kinds::default());
                    self.names.len() - 1
                }
            };
            self.kinds[place].join(Kinds::of(column));
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
        let learned = self.names.iter().zip(&self.kinds).filter(|(name, _)| args.sends(name));
        let mut fields: Vec<Field> = learned.map(|(name, kinds)| Field::open(name.clone(), kinds.kind())).collect();
        // What is declared exists, whenever it comes.
        let declared = args.fields.iter().flat_map(|names| names.iter()).chain(args.casts.iter().map(|(name, _)| name));
        let mut known: HashSet<&str> = self.names.iter().map(String::as_str).collect();
        fields.extend(declared.filter(|name| known.insert(name)).map(|name| Field::open(name.clone(), Type::Mixed)));
        Schema::new(fields).map(Arc::new).map_err(|e| e.to_string())
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

/// The fields of a stream so far.
#[derive(Debug)]
pub struct Growing {
    /// Those of the samples.
    base: Arc<Schema>,
    now: Mutex<Arc<Schema>>,
}

impl Growing {
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
        let most = Schema::MAX_FIELDS.min(self.base.len() + MOST_LATE);
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
        if let Ok(schema) = Schema::new(all) {
            *now = Arc::new(schema);
        }
        now.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert!(all.len() <= 1 + MOST_LATE && all.index_of(&name).is_some() && all.index_of("a") == Some(0));
        }
        let many: Vec<String> = (0..Schema::MAX_FIELDS).map(|n| format!("m{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(growing.grow(&schema(&many), |_| true).len(), Schema::MAX_FIELDS);
        assert_eq!(growing.grow(&schema(&["a", "z"]), |_| true).names().collect::<Vec<_>>(), ["a", "z"]);
    }

    #[test]
    fn what_is_declared_exists() {
        let mut learned = Learned::default();
        let args =
            Args { fields: Some(["b".to_owned(), "late".to_owned()].into()), casts: vec![("late".into(), Type::Int)], ..Args::default() };
        let batch = Batch::new(schema(&["a", "b"]), vec![recpipe::record::Column::null(1); 2], 1, recpipe::record::Origin::default());
        learned.add(&batch.unwrap());
        assert_eq!(learned.schema(&args).unwrap().names().collect::<Vec<_>>(), ["b", "late"]);
        assert!(!learned.is_over() && learned.growing(&args).is_ok() && learned.is_over());
    }
}
