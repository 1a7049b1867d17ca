//! Checks the stages whose columns are named one by one: `grep`, `drop`, `rename`, `parse`, `dns`.

use recpipe::Type;

use super::{
    ast::{Ident, Pattern},
    check::Flow,
    check_expr::{Checked, Checker, Failed, Seen},
    diagnose::Diagnostic,
    signature::name,
};
use crate::{
    expr::{Expr, Node},
    plan::{Parse, Step},
    span::Span,
};

impl Checker<'_> {
    /// `grep`: the condition that the regex matches in the field, or in any text field, one that comes later with them.
    pub(super) fn grep(&mut self, pattern: &Pattern, field: Option<&Ident>, span: Span) -> Checked<Expr> {
        let regex = self.regex(&pattern.text, pattern.ignore_case, pattern.span, 1);
        if field.is_none() && self.scope.input.is_some() {
            let text = self.text(span);
            return Ok(Expr::new(Node::MatchesAny(regex?), Type::Bool, text));
        }
        let columns = match field {
            Some(field) => self.text_field(field).map(|column| vec![column]),
            None => self.text_fields(span),
        };
        let (regex, columns) = (regex?, columns?);
        let text = self.text(span);
        let matches = |column| Expr::new(Node::Matches { value: Box::new(column), regex: regex.clone() }, Type::Bool, text.clone());
        let mut tests: Vec<_> = columns.into_iter().map(matches).collect();
        match tests.pop() {
            Some(only) if tests.is_empty() => Ok(only),
            last => {
                tests.extend(last);
                Ok(Expr::new(Node::Any(tests), Type::Bool, text))
            }
        }
    }

    /// The field, which must be text.
    pub(super) fn text_field(&mut self, field: &Ident) -> Checked<Expr> {
        let column = self.field(field)?;
        match column.kind() {
            Type::Text | Type::Null | Type::Mixed => Ok(column),
            kind => {
                let what = format!("`{}` is {}; text is needed here", field.text, name(kind));
                let written = self.source.slice(field.span);
                let label = format!("make it text first: `let {written} = str({written})`");
                Err(self.fail(Diagnostic::new(field.span, what).label(label)))
            }
        }
    }

    fn text_fields(&mut self, span: Span) -> Checked<Vec<Expr>> {
        let seen: Option<Vec<Seen>> = self.scope.columns.iter().map(|(_, seen)| *seen).collect();
        let places: Vec<_> =
            seen.ok_or(Failed)?.iter().enumerate().filter(|(_, seen)| seen.open || seen.kind == Type::Text).map(|(i, _)| i).collect();
        if places.is_empty() {
            let found = Diagnostic::new(span, "no field here is text").label("make one first: `let x = str(…)`");
            return Err(self.fail(found));
        }
        self.each(&places, |checker, &place| checker.column_at(place))
    }

    /// `drop`: the columns that stay.
    pub(super) fn drop(&mut self, fields: &[Ident], flow: &mut Flow) -> Checked<Vec<Expr>> {
        let dropped = self.each(fields, |checker, field| checker.field(field));
        let gone: Vec<_> = dropped.as_deref().unwrap_or_default().iter().filter_map(Expr::as_column).collect();
        let stay: Vec<_> = (0..self.scope.columns.len()).filter(|place| !gone.contains(place)).collect();
        let exprs = self.each(&stay, |checker, &place| checker.column_at(place));
        if let Some(aggregates) = &mut flow.aggregates {
            aggregates.retain(|name| fields.iter().all(|field| field.text != *name));
        }
        self.scope.columns = stay.iter().map(|&place| self.scope.columns[place].clone()).collect();
        dropped?;
        exprs
    }

    /// `rename`: all columns, which are then in scope by their new names. All are renamed at once, so two may change
    /// places.
    pub(super) fn rename(&mut self, pairs: &[(Ident, Ident)], flow: &mut Flow) -> Checked<Vec<Expr>> {
        let all: Vec<_> = (0..self.scope.columns.len()).collect();
        let exprs = self.each(&all, |checker, &place| checker.column_at(place));
        let places = self.each(pairs, |checker, (old, _)| checker.field(old)?.as_column().ok_or(Failed));
        let Ok(places) = places else {
            // The new names are no further mistakes, nor are they awaited with the old ones.
            for (_, new) in pairs {
                self.scope.put(new.text.clone(), None);
            }
            return Err(Failed);
        };
        let mut names: Vec<_> = self.scope.names().map(str::to_owned).collect();
        for ((_, new), place) in pairs.iter().zip(places) {
            for aggregate in flow.aggregates.iter_mut().flatten().filter(|aggregate| **aggregate == self.scope.columns[place].0) {
                new.text.clone_into(aggregate);
            }
            new.text.clone_into(&mut names[place]);
        }
        for (_, new) in pairs {
            if names.iter().filter(|name| **name == new.text).count() > 1 {
                let found = Diagnostic::new(new.span, format!("two columns are named `{}`", new.text));
                return Err(self.fail(found.label("drop or rename the other")));
            }
        }
        for (column, name) in self.scope.columns.iter_mut().zip(names) {
            column.0 = name;
        }
        exprs
    }

    /// `dns`: the column of the names, which is then in scope.
    pub(super) fn dns(&mut self, field: &Ident, name: Option<&Ident>) -> Checked<Step> {
        let column = self.text_field(field);
        let name = name.map_or_else(|| format!("{}_name", field.text), |name| name.text.clone());
        let place = self.scope.put(name, Some(Seen::closed(Type::Text)));
        Ok(Step::Dns { field: column?.as_column().ok_or(Failed)?, place })
    }

    /// `parse`: the named groups, which are then columns in scope.
    pub(super) fn parse(&mut self, field: &Ident, pattern: &Pattern) -> Checked<Parse> {
        let column = self.text_field(field);
        let regex = self.regex(&pattern.text, pattern.ignore_case, pattern.span, 1);
        let regex = regex?;
        let names: Vec<_> = regex.capture_names().enumerate().filter_map(|(i, name)| Some((i, name?.to_owned()))).collect();
        if names.is_empty() {
            let found = Diagnostic::new(pattern.span, "this regex names no groups").label("write `(?P<name>…)` around what is wanted");
            return Err(self.fail(found));
        }
        let groups = names.into_iter().map(|(group, name)| (group, self.scope.put(name, Some(Seen::closed(Type::Text))))).collect();
        let field = column?.as_column().ok_or(Failed)?;
        let schema = self.schema(pattern.span).ok_or(Failed)?;
        Ok(Parse { field, regex, groups, schema })
    }
}
