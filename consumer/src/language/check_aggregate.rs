//! Checks the uses of aggregates.

use super::{
    ast,
    check::NewColumn,
    check_expr::{Checked, Checker},
    diagnose::Diagnostic,
    scope::Seen,
    signature::{CheckedAggregate, Mistake},
};
use crate::{
    expr::{Constant, Expr, Node},
    plan::{Aggregate, Takes},
};

impl Checker<'_> {
    /// The column that an aggregate makes: called as given, else as it is written.
    pub(crate) fn aggregate_column(&self, ast: &ast::Aggregate, checked: &Checked<Aggregate>) -> NewColumn {
        let span = ast.name.as_ref().map_or(ast.span, |name| name.span);
        NewColumn { name: self.aggregate_name(ast), span, seen: checked.as_ref().ok().map(Seen::of_aggregate) }
    }

    fn aggregate_name(&self, ast: &ast::Aggregate) -> String {
        match &ast.name {
            Some(name) => name.text.clone(),
            None if ast.args.is_empty() && ast.condition.is_none() => ast.written.clone(),
            None => self.text(ast.span),
        }
    }

    /// An aggregate and its arguments.
    pub(crate) fn aggregate(&mut self, ast: &ast::Aggregate) -> Checked<Aggregate> {
        let word = ast.word;
        let args = self.each(&ast.args, Self::expr);
        let condition = ast.condition.as_deref().map(|condition| self.condition(condition)).transpose();
        if !word.args.contains(&ast.args.len()) {
            let what =
                format!("`{}` is given {} {}", ast.written, ast.args.len(), if ast.args.len() == 1 { "argument" } else { "arguments" });
            return Err(self.fail(Diagnostic::new(ast.span, what).label(format!("it is written `{}`", word.syntax))));
        }
        let (mut args, mut condition) = (args?, condition?);
        if args.is_empty() {
            // Of no values in particular: the records of which it is true.
            args.extend(condition.take());
        }
        let checked = (word.check)(self.catalog, &ast.written, args).map_err(|Mistake { arg, what, label }| {
            let place = ast.args.get(arg).map_or(ast.span, |arg| arg.span);
            self.fail(Diagnostic::new(place, what).label(label))
        })?;
        let CheckedAggregate { function, mut args, kind } = checked;
        let places = ast.args.iter().map(|arg| arg.span);
        args = match function.takes() {
            Takes::Any => args,
            Takes::Numbers => args.into_iter().zip(places).map(|(arg, place)| self.numbers(arg, false, place)).collect(),
            Takes::NumbersFirst => args.into_iter().zip(places).map(|(arg, place)| self.beside_numbers(arg, place)).collect(),
        };
        if let Some(condition) = condition {
            // Every aggregate leaves null out.
            let only = |arg: Expr| {
                let (kind, text) = (arg.kind(), arg.text().to_owned());
                Expr::new(Node::Case(vec![condition.clone(), arg, Expr::constant(Constant::Null, "null")]), kind, text)
            };
            args = args.into_iter().map(only).collect();
        }
        Ok(Aggregate { function, args, kind, name: self.aggregate_name(ast) })
    }
}
