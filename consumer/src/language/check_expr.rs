//! Checks expressions: names become columns, every operation gets operands of types that it can take.

use std::{collections::BTreeMap, fmt, sync::Arc};

use recpipe::Type;

use super::{
    Catalog,
    ast::{self, ArithmeticOp, BinaryOp, Choice, CompareOp, ExprKind, Literal},
    check::Setting,
    check_window::Windows,
    diagnose::{Diagnostic, Source, nearest},
    hints,
    open::Opens,
    scope::Scope,
    signature::{self, common, name},
    token::{Kind, Lexer},
};
use crate::{
    expr::{self, Constant, Expr, Gives, Node, Set},
    given::Given,
    left_out::{Counter, Why},
    plan::Awaited,
    span::Span,
};

/// What was wrong has been reported, or follows from what has.
#[derive(Clone, Copy, Debug)]
pub struct Failed;

/// What checking gives; that it failed, the [`Checker`] has taken note of.
pub type Checked<T> = Result<T, Failed>;

/// What checking needs to know and what it has found.
pub struct Checker<'q> {
    pub(crate) source: &'q Source,
    pub(crate) scope: Scope,
    pub(crate) found: Vec<Diagnostic>,
    /// Fields that were named, and that may come.
    pub(crate) awaited: Vec<Awaited>,
    /// The same of those that stages read out of texts.
    pub(crate) opens: Opens,
    /// Which fields that every record has are named, and are among those of the stream by now.
    pub(crate) given: Vec<Given>,
    /// Those that are named, and are not.
    pub(crate) more_given: Vec<Given>,
    /// What the expression that is being checked needs computed of other records, where it may.
    pub(crate) windows: Option<Windows>,
    pub(crate) setting: &'q Setting,
    pub(crate) catalog: &'q Arc<Catalog>,
    /// The columns of the aggregates that are calculated with, by where these stand.
    pub(crate) made: BTreeMap<usize, usize>,
}

impl fmt::Debug for Checker<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Checker").field("found", &self.found).finish_non_exhaustive()
    }
}

impl Checker<'_> {
    /// Takes note of a mistake.
    pub fn fail(&mut self, mut found: Diagnostic) -> Failed {
        if let Some(name) = self.quoted_field(found.span) {
            found.label = format!("the field is written `{}`", self.catalog.field(name));
        }
        self.found.push(found);
        Failed
    }

    /// The field whose name stands here as text, in quotes.
    fn quoted_field(&self, span: Span) -> Option<&str> {
        let written = self.source.slice(span);
        let quoted = |quote| written.strip_prefix(quote)?.strip_suffix(quote);
        let name = quoted('"').or_else(|| quoted('\''))?;
        self.scope.names().find(|field| *field == name)
    }

    /// An expression that is to be something of each record. Text is the same in all: where it is the name of a field, that is
    /// what was meant.
    pub(crate) fn of_records(&mut self, ast: &ast::Expr) -> Checked<Expr> {
        match self.quoted_field(ast.span) {
            Some(_) => Err(self.fail(Diagnostic::new(ast.span, "this is text, not a field"))),
            None => self.expr(ast),
        }
    }

    /// How a part of the query is named: its text, blanks made uniform.
    pub(crate) fn text(&self, span: Span) -> String {
        squeeze(self.source.slice(span))
    }

    /// An expression of any type.
    pub(crate) fn expr(&mut self, ast: &ast::Expr) -> Checked<Expr> {
        let span = ast.span;
        match &ast.kind {
            ExprKind::Literal(literal) => self.literal(literal, span),
            ExprKind::Field(field) => self.field(field),
            ExprKind::Not(of) => {
                let of = self.condition(of)?;
                Ok(self.made(Node::Not(Box::new(of)), Type::Bool, span))
            }
            ExprKind::All(of) => {
                let of = self.each(of, Self::condition)?;
                Ok(self.made(Node::All(of), Type::Bool, span))
            }
            ExprKind::Any(of) => {
                let of = self.each(of, Self::condition)?;
                Ok(self.made(Node::Any(of), Type::Bool, span))
            }
            ExprKind::Negate(of) => {
                let place = of.span;
                let of = self.expr(of)?;
                self.number(&of, place, "-")?;
                let kind = of.kind();
                let of = self.numbers(of, false, place);
                Ok(self.made(Node::Negate(Box::new(of)), kind, span))
            }
            ExprKind::Binary { op, op_span, left, right } => self.binary(*op, *op_span, left, right, span),
            ExprKind::In { value, choices } => self.membership(value, choices, span),
            ExprKind::InFile { value, path, path_span } => self.in_file(value, path, *path_span, span),
            ExprKind::Call { name, args } => self.call(name, args, span),
            ExprKind::Aggregate(aggregate) => {
                let place = *self.made.get(&aggregate.span.start).ok_or(Failed)?;
                Ok(self.column_at(place)?.called(self.text(span)))
            }
            ExprKind::Framed { aggregate, last } => self.framed(aggregate, *last, span),
        }
    }

    /// An expression that is true or false.
    pub(crate) fn condition(&mut self, ast: &ast::Expr) -> Checked<Expr> {
        let expr = self.expr(ast)?;
        match expr.kind() {
            Type::Bool | Type::Null | Type::Mixed => Ok(expr),
            kind => {
                let what = format!("`{}` is {}, not true or false", expr.text(), name(kind));
                Err(self.fail(Diagnostic::new(ast.span, what).label(self.catalog.cast(&expr, Type::Bool))))
            }
        }
    }

    /// All of them, so that the mistakes of all are found.
    pub(crate) fn each<A, T>(&mut self, all: &[A], check: impl Fn(&mut Self, &A) -> Checked<T>) -> Checked<Vec<T>> {
        let checked: Vec<_> = all.iter().map(|one| check(self, one)).collect();
        checked.into_iter().collect()
    }

    fn both(&mut self, left: &ast::Expr, right: &ast::Expr) -> Checked<(Expr, Expr)> {
        let (left, right) = (self.expr(left), self.expr(right));
        Ok((left?, right?))
    }

    pub(crate) fn made(&self, node: Node, kind: Type, span: Span) -> Expr {
        Expr::new(node, kind, self.text(span))
    }

    fn literal(&mut self, literal: &Literal, span: Span) -> Checked<Expr> {
        let value = match literal {
            Literal::Null => Constant::Null,
            Literal::Bool(value) => Constant::Bool(*value),
            Literal::Int(value) => Constant::Int(*value),
            Literal::Float(value) => Constant::Float(*value),
            Literal::Time(value) => self.constant_time(*value),
            Literal::LocalTime(utc) => self.local_time(*utc, span)?,
            Literal::Months(_) => {
                let found = Diagnostic::new(span, "a month or a year has no length of its own: it stands in `bin` only");
                return Err(self.fail(found.label("30 days are `30d`")));
            }
            Literal::Text(text) => Constant::Text(text.as_bytes().into()),
            Literal::Regex { .. } => {
                return Err(self.fail(
                    Diagnostic::new(span, "a regex stands after `=~`, after `!~`, in `extract` and in `replace`")
                        .label("text is written in quotes"),
                ));
            }
            Literal::Network(_) => {
                let found = Diagnostic::new(span, "a network stands only after `in`, by itself or in a list");
                return Err(self.fail(found.label("text is written in quotes")));
            }
        };
        Ok(Expr::constant(value, self.text(span)))
    }

    /// The column of this name.
    ///
    /// One that is not there is awaited where it may come: then the query is checked once more, with it.
    pub(crate) fn field(&mut self, field: &ast::Ident) -> Checked<Expr> {
        let ast::Ident { text, span, may_come } = field;
        if let Some(place) = self.scope.index_of(text) {
            return self.column_at(place);
        }
        if self.scope.input.is_none() && self.is_time_of_log(text) {
            return self.time_of_log(*span);
        }
        if let Some(given) = self.new_given(text) {
            if !self.more_given.contains(&given) {
                self.more_given.push(given);
            }
            return Err(Failed);
        }
        let spring = self.scope.input.as_ref().and_then(|input| input.spring_of(text)).map(|spring| spring.stage);
        let mut found = self.unknown_field(text, *span);
        if let Some(stage) = spring.filter(|stage| *may_come || stage.is_some() || found.label.is_empty()) {
            let awaited = Awaited { name: text.clone(), may_not_come: *may_come };
            match stage {
                Some(stage) => self.opens.want(stage, awaited),
                None if self.awaited.iter().all(|known| known.name != *text) => self.awaited.push(awaited),
                None => {}
            }
            return Err(Failed);
        }
        if spring.is_some() {
            let written = self.source.slice(*span);
            found = found.help(format!(
                "a field that comes later in the stream is written `{written}?`, or named by the producer's `--fields` or `--cast`"
            ));
        }
        Err(self.fail(found))
    }

    /// The field that every record has and that is called so, where none is yet.
    fn new_given(&self, name: &str) -> Option<Given> {
        Given::named(name, self.setting.has_senders).filter(|given| !self.given.contains(given))
    }

    /// Whether this column says where a record comes from, and is no part of what it says.
    pub(crate) fn is_given(&self, name: &str) -> bool {
        Given::named(name, self.given.contains(&Given::Sender)).is_some()
    }

    /// The column at this place.
    pub(crate) fn column_at(&self, place: usize) -> Checked<Expr> {
        let (name, seen) = self.scope.columns.get(place).ok_or(Failed)?;
        Ok(Expr::field(place, &seen.ok_or(Failed)?.field(name)))
    }

    fn unknown_field(&self, field: &str, span: Span) -> Diagnostic {
        const SHOWN: usize = 60;
        let mut fields = match self.scope.columns.is_empty() {
            true => "there are no fields here".to_owned(),
            false => format!("fields: {}", self.catalog.fields(self.scope.names().take(SHOWN))),
        };
        if self.scope.columns.len() > SHOWN {
            fields += &format!(", and {} more", self.scope.columns.len() - SHOWN);
        }
        // A name that was read as something else, for want of backticks.
        let rest = self.source.text().get(span.start..).unwrap_or_default();
        let whole = self.scope.names().filter(|name| rest.starts_with(name)).max_by_key(|name| name.len());
        let in_other_case = || self.scope.names().find(|name| name.eq_ignore_ascii_case(field));
        // Where fields come at any time, it may be one of them.
        let comes_in = self.scope.input.as_ref().is_some_and(|input| input.spring_of(field).is_some());
        let of_logs = || hints::field_of_logs(field).filter(|_| !comes_in).and_then(|name| self.scope.names().find(|known| *known == name));
        let meant = whole.or_else(in_other_case).or_else(of_logs).or_else(|| nearest(field, self.scope.names()));
        let label = meant.map(|name| format!("did you mean `{}`?", self.catalog.field(name))).unwrap_or_default();
        Diagnostic::new(span, format!("unknown field `{field}`")).label(label).help(fields)
    }

    fn binary(&mut self, op: BinaryOp, op_span: Span, left: &ast::Expr, right: &ast::Expr, span: Span) -> Checked<Expr> {
        match op {
            BinaryOp::Compare(op) => {
                let (checked_left, checked_right) = self.operands(left, right)?;
                self.comparable(&checked_left, &checked_right, op.symbol(), op_span)?;
                let (beside_left, beside_right) = (self.beside(checked_left, right), self.beside(checked_right, left));
                Ok(self.made(expr::compare_node(op, beside_left, beside_right), Type::Bool, span))
            }
            BinaryOp::Matches { negated } => self.matches(left, right, negated, span),
            BinaryOp::Find(op) => {
                let spans = [left.span, right.span];
                let (left, right) = self.operands(left, right)?;
                let made = signature::find(self.catalog, op, vec![left, right]);
                self.finish_call(made, &spans, span)
            }
            BinaryOp::Coalesce => {
                let spans = [left.span, right.span];
                let (left, right) = self.both(left, right)?;
                self.finish_call(signature::coalesce(self.catalog, vec![left, right]), &spans, span)
            }
            BinaryOp::Arithmetic(op) => {
                let spans = [left.span, op_span, right.span];
                let (left, right) = self.both(left, right)?;
                let kind = self.arithmetic(op, &left, &right, spans)?;
                if kind == Type::Text {
                    let node = Node::Arithmetic { op, left: Box::new(left), right: Box::new(right) };
                    return Ok(self.made(node, kind, span));
                }
                let times = matches!(op, ArithmeticOp::Add | ArithmeticOp::Sub);
                let (left, right) = (self.numbers(left, times, spans[0]), self.numbers(right, times, spans[2]));
                Ok(self.in_zone(Node::Arithmetic { op, left: Box::new(left), right: Box::new(right) }, kind, span))
            }
        }
    }

    /// The operands of a comparison. An unknown bare word on the right is most likely text without its quotes.
    fn operands(&mut self, left: &ast::Expr, right: &ast::Expr) -> Checked<(Expr, Expr)> {
        let left = if matches!(right.kind, ExprKind::Literal(_)) { self.of_records(left) } else { self.expr(left) };
        if let ExprKind::Field(word) = &right.kind
            && self.scope.index_of(&word.text).is_none()
            && !word.may_come
            && !self.is_time_of_log(&word.text)
            && self.new_given(&word.text).is_none()
        {
            let mut found = self.unknown_field(&word.text, right.span);
            if found.label.is_empty() {
                found.label = format!("text is written in quotes: \"{}\"", word.text);
            }
            return Err(self.fail(found));
        }
        let right = self.expr(right);
        Ok((left?, right?))
    }

    /// An expression where numbers are needed, or times with `times`: of one that may have other values, those are left out,
    /// and noted.
    pub(crate) fn numbers(&self, expr: Expr, times: bool, span: Span) -> Expr {
        if !may_have_others(&expr) {
            return expr;
        }
        let counter = self.no_numbers(&expr, Why::NoNumber, span);
        let (kind, name) = (expr.kind(), expr.text().to_owned());
        Expr::new(Node::Numbers { value: Box::new(expr), times, counter }, kind, name)
    }

    /// An expression of which the numbers count where there are any: values beside them are noted.
    pub(crate) fn beside_numbers(&self, expr: Expr, span: Span) -> Expr {
        if !may_have_others(&expr) {
            return expr;
        }
        let counter = self.no_numbers(&expr, Why::BesideNumbers, span);
        let (kind, name) = (expr.kind(), expr.text().to_owned());
        Expr::new(Node::BesideNumbers { value: Box::new(expr), counter }, kind, name)
    }

    /// Counts the values of an expression that are no numbers.
    fn no_numbers(&self, expr: &Expr, why: Why, span: Span) -> Counter {
        let text = self.text(span);
        let cast =
            if expr.as_column().is_some() { format!(", or give the producer `--cast '{}=float'`", expr.text()) } else { String::new() };
        let cure = format!("with `float({text})` such text counts as null{cast}");
        self.setting.left_out.counter(span.start, expr.text(), why, cure)
    }

    fn comparable(&mut self, left: &Expr, right: &Expr, symbol: &str, span: Span) -> Checked<()> {
        if common(left.kind(), right.kind()).is_some() {
            return Ok(());
        }
        let what =
            format!("`{}` is {}, `{}` is {}: these cannot be compared", left.text(), name(left.kind()), right.text(), name(right.kind()));
        // The cast belongs to the side that is not a constant; a constant is written differently.
        let (constant, other) = if matches!(left.node(), Node::Constant(_)) { (left, right) } else { (right, left) };
        let label = match (self.catalog.cast(other, constant.kind()), constant.node()) {
            (_, Node::Constant(Constant::Text(text))) if matches!(other.kind(), Type::Int | Type::Float) => {
                let text = String::from_utf8_lossy(text);
                let (field, text) = (self.catalog.written(other), text.trim());
                match text.parse::<f64>() {
                    Ok(_) if symbol == "in" => format!("write `{text}`"),
                    Ok(_) if std::ptr::eq(constant, left) => format!("write `{text} {symbol} {field}`"),
                    Ok(_) => format!("write `{field} {symbol} {text}`"),
                    Err(_) => format!("write `str({field})`"),
                }
            }
            (_, Node::Constant(Constant::Text(text))) if other.kind() == Type::Time => {
                let literal = format!("@{}", String::from_utf8_lossy(text).replacen(' ', "T", 1));
                let is_time = matches!(Lexer::new(&literal, 0, literal.len()).token().kind, Kind::Time(_) | Kind::LocalTime(_));
                if is_time { format!("a time is written `{literal}`") } else { "a time is written `@2026-11-20T10:00Z`".to_owned() }
            }
            (cast, _) => cast,
        };
        Err(self.fail(Diagnostic::new(span, what).label(label)))
    }

    fn membership(&mut self, value: &ast::Expr, choices: &[Choice], span: Span) -> Checked<Expr> {
        let checked = self.of_records(value);
        let mut constants = Vec::new();
        let mut networks = Vec::new();
        let mut tests = Vec::new();
        let mut failed = false;
        for choice in choices {
            match (choice, &checked) {
                (Choice::One(ast::Expr { kind: ExprKind::Literal(Literal::Network(network)), span, .. }), checked) => {
                    networks.push(*network);
                    if let Ok(value) = checked
                        && !matches!(value.kind(), Type::Text | Type::Null | Type::Mixed)
                    {
                        let what = format!("`{}` is {}; a network has addresses, which are text", value.text(), name(value.kind()));
                        self.fail(Diagnostic::new(*span, what).label(self.catalog.cast(value, Type::Text)));
                        failed = true;
                    }
                }
                (Choice::One(one), Ok(value)) => {
                    match self.expr(one).and_then(|one| self.comparable(value, &one, "in", span_of(choice)).map(|()| one)) {
                        Ok(one) => match one.node() {
                            Node::Constant(constant) => constants.push(constant.clone()),
                            _ => tests.push(self.made(expr::compare_node(CompareOp::Eq, value.clone(), one), Type::Bool, span)),
                        },
                        Err(Failed) => failed = true,
                    }
                }
                (Choice::Range(low, high), Ok(value)) => match self.range(value, low, high, span) {
                    Ok(test) => tests.push(test),
                    Err(Failed) => failed = true,
                },
                (Choice::One(one), Err(Failed)) => drop(self.expr(one)),
                (Choice::Range(low, high), Err(Failed)) => drop(self.both(low, high)),
            }
        }
        let value = checked?;
        if failed {
            return Err(Failed);
        }
        if !constants.is_empty() || !networks.is_empty() || tests.is_empty() {
            let set = Set::new(constants, networks, value.storage());
            tests.insert(0, self.made(Node::In { value: Box::new(value), set: set.into() }, Type::Bool, span));
        }
        match <[Expr; 1]>::try_from(tests) {
            Ok([only]) => Ok(only),
            Err(tests) => Ok(self.made(Node::Any(tests), Type::Bool, span)),
        }
    }

    fn range(&mut self, value: &Expr, low: &ast::Expr, high: &ast::Expr, span: Span) -> Checked<Expr> {
        let place = low.span.to(high.span);
        let value = &self.beside(self.beside(value.clone(), low), high);
        let (low, high) = self.both(low, high)?;
        self.comparable(value, &low, "in", place)?;
        self.comparable(value, &high, "in", place)?;
        if let (Node::Constant(low_value), Node::Constant(high_value)) = (low.node(), high.node()) {
            let empty = match (low_value, high_value) {
                (Constant::Int(low), Constant::Int(high)) => low > high,
                (Constant::Float(low), Constant::Float(high)) => low > high,
                (Constant::Text(low), Constant::Text(high)) => low > high,
                (Constant::Time(low), Constant::Time(high)) => low > high,
                _ => false,
            };
            if empty {
                let label = format!("write `{}..{}`", high.text(), low.text());
                return Err(self.fail(Diagnostic::new(place, "nothing is in this range").label(label)));
            }
            if let (Type::Int, Constant::Int(low), Constant::Int(high)) = (value.storage(), low_value, high_value) {
                let node = Node::Between { value: Box::new(value.clone()), low: *low, high: *high };
                return Ok(self.made(node, Type::Bool, span));
            }
        }
        let low = self.made(expr::compare_node(CompareOp::Ge, value.clone(), low), Type::Bool, span);
        let high = self.made(expr::compare_node(CompareOp::Le, value.clone(), high), Type::Bool, span);
        Ok(self.made(Node::All(vec![low, high]), Type::Bool, span))
    }
}

fn span_of(choice: &Choice) -> Span {
    match choice {
        Choice::One(one) => one.span,
        Choice::Range(low, high) => low.span.to(high.span),
    }
}

/// Blanks between words become one, and none stands beside a bracket or before a comma; text in quotes stays.
pub(crate) fn squeeze(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut quote, mut escaped, mut blank) = (None, false, false);
    for c in text.chars() {
        if let Some(open) = quote {
            out.push(c);
            if !escaped && c == open {
                quote = None;
            }
            escaped = c == '\\' && !escaped;
            continue;
        }
        if c.is_whitespace() {
            blank = true;
            continue;
        }
        let sticks = matches!(c, ')' | ',') || out.ends_with('(');
        if std::mem::take(&mut blank) && !out.is_empty() && !sticks {
            out.push(' ');
        }
        if matches!(c, '"' | '\'' | '`') {
            quote = Some(c);
        }
        out.push(c);
    }
    out
}

/// Whether an expression may have values that are no numbers, beside those that are.
fn may_have_others(expr: &Expr) -> bool {
    let only_numbers = match expr.node() {
        Node::Numbers { .. } | Node::Negate(_) | Node::Constant(_) => true,
        // Of a time and a number, these give a time.
        Node::Arithmetic { op: ArithmeticOp::Add | ArithmeticOp::Sub, .. } => !expr.takes_open(),
        Node::Arithmetic { .. } => true,
        Node::Call(function, args) => function.gives(expr.kind(), args) == Gives::Numbers,
        _ => false,
    };
    expr.is_open() && !only_numbers
}
