//! Expressions over aggregates of all records: `count(status >= 500) < 10`.

use super::{
    Catalog,
    ast::{self, Choice, Expr, ExprKind, Ident},
    check_expr::squeeze,
    diagnose::Source,
};

/// The aggregates that an expression names, each once, and the expression over the columns that they make.
pub(crate) fn over_aggregates(source: &Source, catalog: &Catalog, expr: &Expr) -> (Vec<ast::Aggregate>, Expr) {
    let (mut found, mut over) = (Vec::new(), expr.clone());
    Lift { source, catalog, found: &mut found }.expr(&mut over);
    (found, over)
}

/// Puts columns in the place of aggregates.
struct Lift<'l> {
    source: &'l Source,
    catalog: &'l Catalog,
    found: &'l mut Vec<ast::Aggregate>,
}

impl Lift<'_> {
    fn expr(&mut self, expr: &mut Expr) {
        let aggregate = match &expr.kind {
            ExprKind::Field(name) => {
                self.catalog.aggregate(&name.text).filter(|word| word.args.contains(&0)).map(|word| (word, name, &[][..]))
            }
            ExprKind::Call { name, args } => {
                // `min(a, b)` is of one record, `min(a)` of all.
                let is_function = self.catalog.function(&name.text).is_some_and(|word| word.args.contains(&args.len()));
                self.catalog.aggregate(&name.text).filter(|_| !is_function).map(|word| (word, name, &args[..]))
            }
            _ => None,
        };
        if let Some((word, name, args)) = aggregate {
            let text = squeeze(self.source.slice(expr.span));
            let as_name = Ident { text, span: expr.span, may_come: false };
            if !self.found.iter().any(|known| known.name.as_ref().is_some_and(|name| name.text == as_name.text)) {
                let (written, args) = (name.text.clone(), args.to_vec());
                self.found.push(ast::Aggregate { word, written, args, name: Some(as_name.clone()), span: expr.span });
            }
            *expr = Expr { kind: ExprKind::Field(as_name), span: expr.span, depth: 1 };
            return;
        }
        match &mut expr.kind {
            ExprKind::Literal(_) | ExprKind::Field(_) => {}
            ExprKind::Not(of) | ExprKind::Negate(of) => self.expr(of),
            ExprKind::All(of) | ExprKind::Any(of) | ExprKind::Call { args: of, .. } => of.iter_mut().for_each(|of| self.expr(of)),
            ExprKind::Binary { left, right, .. } => {
                self.expr(left);
                self.expr(right);
            }
            ExprKind::In { value, choices } => {
                self.expr(value);
                choices.iter_mut().for_each(|choice| match choice {
                    Choice::One(one) => self.expr(one),
                    Choice::Range(low, high) => {
                        self.expr(low);
                        self.expr(high);
                    }
                });
            }
        }
    }
}
