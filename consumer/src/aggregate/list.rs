//! `list(x)`: all values that are not null, in the order of the input, as [`json`] text.

use recpipe::{Column, ColumnBuilder, Error, Type, Value};

use super::{
    cell, json, other_type,
    state::{self, CorruptState, take},
};
use crate::{
    expr::{Values, Vector},
    language::{AggregateWord, signature::CheckedAggregate},
    plan::{Accumulator, Aggregate, AggregateFunction, Groups},
};

/// `list`
pub(crate) static LIST: AggregateWord = AggregateWord {
    name: "list",
    syntax: "list(EXPR)",
    doc: "all values in the order of the input, as a JSON array",
    example: "list(status) by host",
    args: 1..=1,
    family: None,
    check: |_, _, args| Ok(CheckedAggregate::new(InOrder, args, Type::Text)),
};

struct InOrder;

impl AggregateFunction for InOrder {
    fn accumulator(&self, aggregate: &Aggregate) -> Box<dyn Accumulator> {
        Box::new(List { kind: aggregate.arg(0), lists: Vec::new(), list_bytes: 0 })
    }
}

/// The values of all groups.
struct List {
    kind: Type,
    /// A group's values, each after its position; sorted at the end, since other workers have what lies between.
    lists: Vec<Vec<u8>>,
    list_bytes: usize,
}

impl Accumulator for List {
    fn resize(&mut self, groups: usize) {
        self.lists.resize_with(groups, Vec::new);
    }

    fn add(&mut self, groups: &Groups<'_>, args: &[Vector], position: u64) -> Result<(), Error> {
        let [input] = args else { return Err(other_type()) };
        if matches!(input.values, Values::Null) {
            return Ok(());
        }
        if self.kind != Type::Mixed && input.kind() != self.kind {
            return Err(other_type());
        }
        let kind = self.kind;
        groups.for_each(|row, group| {
            if !input.is_null(row) {
                let list = &mut self.lists[group];
                let before = list.capacity();
                list.extend_from_slice(&(position + row as u64).to_le_bytes());
                cell::write(kind, input.value(row), list);
                self.list_bytes += list.capacity() - before;
            }
        });
        Ok(())
    }

    fn state(&self, groups: &[u32]) -> Result<Vec<Column>, Error> {
        let mut column = ColumnBuilder::new(Type::Text);
        groups.iter().try_for_each(|&group| column.push(Value::Text(&self.lists[group as usize])))?;
        Ok(vec![column.finish()])
    }

    fn merge_state(&mut self, state: &[Column], into: &[u32]) -> Result<(), Error> {
        let lists = state::column(state, 0, Type::Text, into.len())?;
        for (row, &group) in into.iter().enumerate() {
            let bytes = state::bytes(lists, row)?;
            read(self.kind, bytes, |_, _| ())?;
            let list = &mut self.lists[group as usize];
            let before = list.capacity();
            list.extend_from_slice(bytes);
            self.list_bytes += list.capacity() - before;
        }
        Ok(())
    }

    fn finish(&self, groups: &[u32]) -> Result<Column, Error> {
        let mut column = ColumnBuilder::new(Type::Text);
        for &group in groups {
            let mut values = Vec::new();
            read(self.kind, &self.lists[group as usize], |position, value| values.push((position, value)))?;
            values.sort_by_key(|&(position, _)| position);
            column.push(Value::Text(&json::array(values.into_iter().map(|(_, value)| value))))?;
        }
        Ok(column.finish())
    }

    fn bytes(&self) -> usize {
        self.lists.capacity() * size_of::<Vec<u8>>() + self.list_bytes
    }
}

fn read<'a>(kind: Type, mut bytes: &'a [u8], mut each: impl FnMut(u64, Value<'a>)) -> Result<(), CorruptState> {
    while !bytes.is_empty() {
        let position = u64::from_le_bytes(take(&mut bytes)?);
        each(position, cell::read(kind, &mut bytes)?);
    }
    Ok(())
}
