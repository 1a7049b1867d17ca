//! The constants and networks after `in`, ready to be looked up.

use hashbrown::HashSet;
use recpipe::{Type, record::value::cmp_int_float};

use super::{
    Constant, Network,
    network::{self, Networks},
    vector::{Operand, Values, Vector},
};

/// Constants of one type and, maybe, null; networks beside texts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Set {
    has_null: bool,
    has_true: bool,
    has_false: bool,
    ints: Numbers,
    /// Integers that 64 bits do not hold.
    wide: Vec<i128>,
    floats: Vec<f64>,
    /// In nanoseconds.
    times: Vec<i64>,
    texts: HashSet<Box<[u8]>, foldhash::fast::FixedState>,
    networks: Networks,
}

/// Integers: a few are compared one by one, many are hashed.
#[derive(Clone, Debug, Default)]
struct Numbers {
    all: Vec<i64>,
    hashed: HashSet<i64, foldhash::fast::FixedState>,
}

impl Numbers {
    /// Up to this many, comparing with each is faster than a lookup.
    const FEW: usize = 16;

    fn add(&mut self, value: i64) {
        self.all.push(value);
        self.hashed.insert(value);
    }

    fn lookup(&self, values: &Operand<i64>) -> Operand<bool> {
        match values {
            // One pass for each constant, which vectorises; the other order of the loops does not.
            Operand::Each(values) if self.all.len() <= Self::FEW => {
                let mut found = vec![false; values.len()];
                for one in &self.all {
                    found.iter_mut().zip(values).for_each(|(found, value)| *found |= value == one);
                }
                Operand::Each(found)
            }
            _ => values.map(|value| self.hashed.contains(&value)),
        }
    }
}

impl Set {
    /// The set of these, to be looked up among values of type `kind`, or of any type with [`Type::Mixed`]; what is in a network is in the set.
    pub(crate) fn new(constants: impl IntoIterator<Item = Constant>, networks: Vec<Network>, kind: Type) -> Self {
        let mut set = Set { networks: Networks::new(networks), ..Set::default() };
        for constant in constants {
            match constant {
                Constant::Null => set.has_null = true,
                Constant::Bool(true) => set.has_true = true,
                Constant::Bool(false) => set.has_false = true,
                Constant::Text(text) => {
                    set.texts.insert(text);
                }
                Constant::Time(time) => set.times.push(time.nanos),
                Constant::Int(value) if kind == Type::Mixed => {
                    set.add_int(value);
                    set.add_float_of(value);
                }
                Constant::Float(value) if kind == Type::Mixed => {
                    set.add_int_of(value);
                    set.floats.push(value);
                }
                Constant::Int(value) if kind == Type::Float => set.add_float_of(value),
                Constant::Int(value) => set.add_int(value),
                Constant::Float(value) if kind == Type::Int => set.add_int_of(value),
                Constant::Float(value) => set.floats.push(value),
            }
        }
        set
    }

    fn add_int(&mut self, value: i128) {
        match i64::try_from(value) {
            Ok(value) => self.ints.add(value),
            Err(_) => self.wide.push(value),
        }
    }

    /// The float that is exactly this integer; where none is, no float is in the set.
    fn add_float_of(&mut self, value: i128) {
        let float = value as f64;
        if cmp_int_float(value, float) == Some(std::cmp::Ordering::Equal) {
            self.floats.push(float);
        }
    }

    /// The integer that is exactly this float, if one is.
    fn add_int_of(&mut self, value: f64) {
        let int = value as i128;
        if cmp_int_float(int, value) == Some(std::cmp::Ordering::Equal) {
            self.add_int(int);
        }
    }

    /// Whether each value is in the set.
    pub(crate) fn lookup(&self, vector: &Vector) -> Vector {
        let found = match &vector.values {
            Values::Null => Operand::One(self.has_null),
            Values::Bool(values) => values.map(|value| if value { self.has_true } else { self.has_false }),
            Values::Int(values) => self.ints.lookup(values),
            Values::Wide(values) => values.map(|value| match i64::try_from(value) {
                Ok(value) => self.ints.hashed.contains(&value),
                Err(_) => self.wide.contains(&value),
            }),
            Values::Mixed(parts) => {
                let mut found = vec![false; vector.len];
                for part in parts {
                    let answers = self.lookup(part).truth();
                    (0..vector.len).filter(|&row| !part.is_null(row)).for_each(|row| found[row] = answers.get(row));
                }
                Operand::Each(found)
            }
            Values::Float(values) => values.map(|value| self.floats.contains(&value)),
            Values::Time(values) => values.map(|time| self.times.contains(&time.nanos)),
            Values::Text(texts) => texts.views.map(|view| self.has_text(texts.slice(view))),
        };
        let found = match &vector.nulls {
            None => found,
            Some(nulls) => found.zip(&Operand::Each(nulls.clone()), |found, null| if null { self.has_null } else { found }),
        };
        Vector::bools(vector.len, found)
    }

    fn has_text(&self, text: &[u8]) -> bool {
        let is_listed = !self.texts.is_empty() && self.texts.contains(text);
        is_listed || (!self.networks.is_empty() && network::address(text).is_some_and(|address| self.networks.contains(address)))
    }
}
