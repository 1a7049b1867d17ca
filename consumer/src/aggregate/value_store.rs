//! One value a group that outlives the batch it came in.

use recpipe::{Column, ColumnBuilder, Error, Time, Type, Value, record::Constant};

use super::other_type;

/// A value or null for each group. Text is copied: a view would keep its whole block alive.
pub(crate) struct ValueStore {
    kind: Type,
    values: HeldValues,
    present: Vec<bool>,
    /// Bytes of text on the heap.
    text_bytes: usize,
}

enum HeldValues {
    Null,
    Bool(Vec<bool>),
    Int(Vec<i64>),
    Float(Vec<f64>),
    Time(Vec<Time>),
    Text(Vec<Vec<u8>>),
    Mixed(Vec<Constant>),
}

impl ValueStore {
    pub(crate) fn new(kind: Type) -> Self {
        let values = match kind {
            Type::Null => HeldValues::Null,
            Type::Mixed => HeldValues::Mixed(Vec::new()),
            Type::Bool => HeldValues::Bool(Vec::new()),
            Type::Int => HeldValues::Int(Vec::new()),
            Type::Float => HeldValues::Float(Vec::new()),
            Type::Time => HeldValues::Time(Vec::new()),
            Type::Text => HeldValues::Text(Vec::new()),
        };
        ValueStore { kind, values, present: Vec::new(), text_bytes: 0 }
    }

    pub(crate) fn resize(&mut self, groups: usize) {
        self.present.resize(groups, false);
        match &mut self.values {
            HeldValues::Null => {}
            HeldValues::Bool(values) => values.resize(groups, false),
            HeldValues::Int(values) => values.resize(groups, 0),
            HeldValues::Float(values) => values.resize(groups, 0.0),
            HeldValues::Time(values) => values.resize(groups, Time { nanos: 0, offset_s: 0 }),
            HeldValues::Text(values) => values.resize_with(groups, Vec::new),
            HeldValues::Mixed(values) => values.resize(groups, Constant::Null),
        }
    }

    /// How many groups there are.
    pub(crate) fn len(&self) -> usize {
        self.present.len()
    }

    #[inline]
    pub(crate) fn get(&self, group: usize) -> Value<'_> {
        if !self.present[group] {
            return Value::Null;
        }
        match &self.values {
            HeldValues::Null => Value::Null,
            HeldValues::Bool(values) => Value::Bool(values[group]),
            HeldValues::Int(values) => Value::Int(values[group].into()),
            HeldValues::Float(values) => Value::Float(values[group]),
            HeldValues::Time(values) => Value::Time(values[group]),
            HeldValues::Text(values) => Value::Text(&values[group]),
            HeldValues::Mixed(values) => values[group].value(),
        }
    }

    /// # Errors
    /// [`Error::Protocol`] when the value is of another type.
    #[inline]
    pub(crate) fn set(&mut self, group: usize, value: Value<'_>) -> Result<(), Error> {
        match (&mut self.values, value) {
            (_, Value::Null) => {
                self.present[group] = false;
                return Ok(());
            }
            (HeldValues::Bool(values), Value::Bool(value)) => values[group] = value,
            (HeldValues::Int(values), Value::Int(value)) => values[group] = i64::try_from(value).map_err(|_| other_type())?,
            (HeldValues::Float(values), Value::Float(value)) => values[group] = value,
            (HeldValues::Time(values), Value::Time(value)) => values[group] = value,
            (HeldValues::Mixed(values), value) => {
                let bytes = |value: &Constant| if let Constant::Text(text) = value { text.len() } else { 0 };
                let held = &mut values[group];
                self.text_bytes -= bytes(held);
                *held = Constant::of(&value);
                self.text_bytes += bytes(held);
            }
            (HeldValues::Text(values), Value::Text(text)) => {
                let held = &mut values[group];
                let before = held.capacity();
                held.clear();
                held.extend_from_slice(text);
                self.text_bytes += held.capacity() - before;
            }
            _ => return Err(other_type()),
        }
        self.present[group] = true;
        Ok(())
    }

    /// The integers and which of them are there, for loops over nothing else.
    pub(crate) fn ints(&mut self) -> Option<(&mut [i64], &mut [bool])> {
        match &mut self.values {
            HeldValues::Int(values) => Some((values, &mut self.present)),
            _ => None,
        }
    }

    /// The values of these groups.
    pub(crate) fn column(&self, groups: &[u32]) -> Result<Column, Error> {
        let mut column = ColumnBuilder::new(self.kind);
        groups.iter().try_for_each(|&group| column.push(self.get(group as usize)))?;
        Ok(column.finish())
    }

    pub(crate) fn kind(&self) -> Type {
        self.kind
    }

    pub(crate) fn bytes(&self) -> usize {
        let each = match &self.values {
            HeldValues::Null => 0,
            HeldValues::Bool(values) => values.capacity(),
            HeldValues::Int(values) => values.capacity() * size_of::<i64>(),
            HeldValues::Float(values) => values.capacity() * size_of::<f64>(),
            HeldValues::Time(values) => values.capacity() * size_of::<Time>(),
            HeldValues::Text(values) => values.capacity() * size_of::<Vec<u8>>(),
            HeldValues::Mixed(values) => values.capacity() * size_of::<Constant>(),
        };
        self.present.capacity() + each + self.text_bytes
    }
}
