//! `parse FIELD REGEX`: adds or replaces a text column for each named group.
//!
//! Runs:   in each worker.  Order: kept.  Memory: O(1); the texts are views into the field's own bytes, not copies.
//! Stops:  when its target does.
//! Errors: none of its own: where the regex does not match, or a group takes no part in the match, the column is null.

use recpipe::{Batch, Column, Error, Flow, Schema, Stage, Type};

use super::{
    Target,
    beyond::{Beyond, put},
    relay,
};
use crate::{
    expr::{Operand, Texts, Values, Vector, only_text},
    plan,
};

/// See the module.
pub struct Parse {
    plan: plan::Parse,
    beyond: Beyond,
    target: Target,
}

impl Parse {
    /// Takes a field of records of `input` apart as `plan` says.
    pub fn new(plan: plan::Parse, input: &Schema, target: Target) -> Self {
        Parse { beyond: Beyond::new(input, plan.schema.clone()), plan, target }
    }

    /// A column for each named group.
    fn columns(&self, batch: &Batch) -> Vec<Column> {
        let rows = batch.len();
        let field = Vector::from_column(batch.column(self.plan.field), batch);
        let field = only_text(&field);
        let Values::Text(texts) = &field.values else {
            return vec![Column::null(batch.physical_rows()); self.plan.groups.len()];
        };
        let mut found = vec![(vec![(0, 0); rows], vec![true; rows]); self.plan.groups.len()];
        let mut places = self.plan.regex.capture_locations();
        for row in (0..rows).filter(|&row| !field.is_null(row)) {
            let (start, len) = texts.views.get(row);
            if self.plan.regex.captures_read(&mut places, texts.slice((start, len))).is_none() {
                continue;
            }
            for ((views, nulls), (group, _)) in found.iter_mut().zip(&self.plan.groups) {
                if let Some((from, to)) = places.get(*group) {
                    // Both lie within the text, whose length is a `u32`.
                    (views[row], nulls[row]) = ((start + from as u32, (to - from) as u32), false);
                }
            }
        }
        let column = |(views, nulls)| {
            let values = Values::Text(Texts { bytes: texts.bytes.clone(), views: Operand::Each(views) });
            Vector { len: rows, values, nulls: Some(nulls).filter(|nulls: &Vec<bool>| nulls.contains(&true)) }
                .into_column(Type::Text, batch)
        };
        found.into_iter().map(column).collect()
    }
}

impl Stage for Parse {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        let mut columns = self.beyond.known(&batch).to_vec();
        for ((_, place), column) in self.plan.groups.iter().zip(self.columns(&batch)) {
            put(&mut columns, *place, column);
        }
        self.target.send(self.beyond.with_columns(&batch, columns)?)
    }

    relay!();
}
