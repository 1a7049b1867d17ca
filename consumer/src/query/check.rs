//! From a [`Query`] to a [`Plan`]: the schema flows from stage to stage, and every name and type is checked on the way.

use std::sync::Arc;

use recpipe::{Field, Schema, Time, Type, times::Zone, transport::Url};

use super::{
    ast::{self, Query, StageKind},
    check_expr::{Checked, Checker, Failed, Scope, Seen},
    cure,
    diagnose::{Diagnostic, QueryError, Source, Span},
    functions::{self, Mistake},
    plan::{self, Aggregate, AggregateFunction, Assignment, Output, Piece, Plan, PlanStage, Step},
    template::{Part, Template},
    words,
};
use crate::{
    expr::{Expr, Predicate},
    left_out::LeftOut,
    sort::SortKey,
};

/// Checks a query against the schema of its stream.
///
/// # Errors
/// Everything that does not fit, all at once.
pub fn check(source: &Source, query: &Query, schema: &Schema) -> Result<Plan, QueryError> {
    check_at(source, query, schema, &Setting::default())
}

/// What a query is checked in: one for the whole run, however many check it.
#[derive(Clone, Debug)]
pub struct Setting {
    /// What `now()` is.
    pub now: Time,
    /// Where times are shown and cut, and where those without offset are.
    pub zone: Option<Zone>,
    /// Where expressions note the values that they leave out.
    pub left_out: LeftOut,
}

impl Default for Setting {
    fn default() -> Self {
        Setting { now: Time::now(), zone: None, left_out: LeftOut::default() }
    }
}

/// As [`check`], in this setting.
///
/// # Errors
/// As [`check`].
pub fn check_at(source: &Source, query: &Query, schema: &Schema, setting: &Setting) -> Result<Plan, QueryError> {
    let (mut input, mut awaited) = (schema.clone(), Vec::new());
    // What is awaited has a place among the fields of the input, which is known only when all of the query was seen: again.
    let (mut checker, flow) = loop {
        let scope = Scope {
            columns: input.fields().iter().map(|field| (field.name.clone(), Some(Seen::of_field(field)))).collect(),
            input: input.grows().then(|| input.names().map(str::to_owned).collect()),
        };
        let mut checker = Checker { source, scope, found: Vec::new(), awaited: Vec::new(), setting };
        let mut flow = Flow { input: Arc::new(input.clone()), stages: Vec::new(), aggregates: None };
        for stage in &query.stages {
            checker.stage(stage, &mut flow);
        }
        if checker.awaited.is_empty() {
            break (checker, flow);
        }
        let fields = checker.awaited.iter().map(|field| Field::open(&field.name, Type::Mixed));
        match Schema::new(input.fields().iter().cloned().chain(fields).collect()) {
            Ok(extended) => input = extended.growing(),
            Err(error) => {
                checker.fail(Diagnostic::new(Span::default(), error.to_string()));
                break (checker, flow);
            }
        }
        awaited.append(&mut checker.awaited);
    };
    let plan = Plan { input: Arc::new(input), awaited, zone: setting.zone.clone(), stages: flow.stages };
    if checker.found.is_empty() {
        checker.outputs(&plan);
    }
    if checker.found.is_empty() { Ok(plan) } else { Err(QueryError::new(source, checker.found)) }
}

/// What the stages so far have made.
pub(super) struct Flow {
    /// What the first of them takes.
    input: Arc<Schema>,
    stages: Vec<PlanStage>,
    /// The columns that the last `stats` made and that are still there.
    pub(super) aggregates: Option<Vec<String>>,
}

/// A column to be: its name, where the name or its expression stands, and its type unless the expression is wrong.
struct NewColumn {
    name: String,
    span: Span,
    seen: Option<Seen>,
}

impl Checker<'_> {
    fn stage(&mut self, stage: &ast::Stage, flow: &mut Flow) {
        let span = stage.span;
        match &stage.kind {
            StageKind::Where(condition) => {
                let step = self.condition(condition).map(|condition| Step::Where(Predicate::new(condition)));
                self.push(flow, "where", span, step);
            }
            StageKind::Grep { pattern, field } => {
                let step = self.grep(pattern, field.as_ref(), span).map(|condition| Step::Where(Predicate::new(condition)));
                self.push(flow, "grep", span, step);
            }
            StageKind::Select(items) => {
                let (exprs, columns) = self.items(items);
                flow.aggregates = None;
                self.enter(columns);
                self.push(flow, "select", span, exprs.map(Step::Select));
            }
            StageKind::Drop(fields) => {
                let step = self.drop(fields, flow).map(Step::Select);
                self.push(flow, "drop", span, step);
            }
            StageKind::Rename(pairs) => {
                let step = self.rename(pairs, flow).map(Step::Select);
                self.push(flow, "rename", span, step);
            }
            StageKind::Parse { field, pattern } => {
                let step = self.parse(field, pattern).map(Step::Parse);
                self.push(flow, "parse", span, step);
            }
            StageKind::Let(items) => {
                let assignments = self.assignments(items);
                self.push(flow, "let", span, assignments.map(Step::Let));
            }
            StageKind::Head(n) => self.push(flow, "head", span, Ok(Step::Head(*n))),
            StageKind::Tail(n) => self.push(flow, "tail", span, Ok(Step::Tail(*n))),
            StageKind::Skip(n) => self.push(flow, "skip", span, Ok(Step::Skip(*n))),
            StageKind::Distinct(items) if items.is_empty() => {
                let all: Vec<_> = (0..self.scope.columns.len()).collect();
                let exprs = self.each(&all, |checker, &place| checker.column_at(place));
                self.push(flow, "distinct", span, exprs.map(Step::Distinct));
            }
            StageKind::Distinct(items) => {
                let (exprs, columns) = self.items(items);
                flow.aggregates = None;
                self.enter(columns);
                self.push(flow, "distinct", span, exprs.map(Step::Distinct));
            }
            StageKind::Stats { aggregates, keys } => self.stats(aggregates, keys, flow, span),
            StageKind::Sort(items) => {
                let keys =
                    self.each(items, |checker, item| Ok(SortKey { expr: checker.of_records(&item.expr)?, descending: item.descending }));
                self.push(flow, "sort", span, keys.map(Step::Sort));
            }
            StageKind::Top { direction, n, by, keys } => {
                if !keys.is_empty() {
                    self.count_by(keys, flow, span);
                }
                let by = match by {
                    Some(by) => self.of_records(by).map(|expr| self.beside_numbers(expr, by.span)),
                    None => self.single_aggregate(flow, direction.word(), span),
                };
                self.push(flow, direction.word(), span, by.map(|by| Step::Top { direction: *direction, n: *n, by }));
            }
            StageKind::Dns { field, name } => {
                let step = self.dns(field, name.as_ref());
                self.push(flow, "dns", span, step);
            }
            StageKind::Tee(stages) => {
                let step = self.branch(stages, flow, span).map(Step::Tee);
                self.push(flow, "tee", span, step);
            }
            StageKind::Trace(label) => {
                let label = label.clone().unwrap_or_else(|| "trace".to_owned());
                self.push(flow, "trace", span, Ok(Step::Trace(label)));
            }
            StageKind::Output(output) => self.output(output, flow, span),
        }
    }

    /// The plan of a branch; what it does to the columns is not seen after it.
    fn branch(&mut self, stages: &[ast::Stage], flow: &Flow, span: Span) -> Checked<Plan> {
        let known = self.schema(span);
        // Mistakes are found all the same.
        let input = known.clone().unwrap_or_else(|| flow.input.clone());
        let scope = self.scope.clone();
        let mut branch = Flow { input, stages: Vec::new(), aggregates: flow.aggregates.clone() };
        for stage in stages {
            self.stage(stage, &mut branch);
        }
        self.scope = scope;
        Ok(Plan { input: known.ok_or(Failed)?, awaited: Vec::new(), zone: None, stages: branch.stages })
    }

    /// Adds a stage that gives what is now in scope. A wrong one leaves a gap: there will be no plan anyway.
    fn push(&mut self, flow: &mut Flow, name: &str, span: Span, step: Checked<Step>) {
        let (Ok(step), Some(word)) = (step, words::stage(name)) else { return };
        let Some(output) = self.schema(span) else { return };
        let input = flow.stages.last().map_or(&flow.input, |before| &before.output).clone();
        flow.stages.push(PlanStage { step, word, input, output, span, text: self.text(span) });
    }

    /// What is in scope, as a schema; `None` while a column's type is unknown.
    pub(super) fn schema(&mut self, span: Span) -> Option<Arc<Schema>> {
        let fields: Option<Vec<_>> = self.scope.columns.iter().map(|(name, seen)| Some((*seen)?.field(name))).collect();
        match Schema::new(fields?) {
            Ok(schema) => Some(Arc::new(if self.scope.input.is_some() { schema.growing() } else { schema })),
            Err(error) => {
                self.fail(Diagnostic::new(span, error.to_string()));
                None
            }
        }
    }

    /// Makes these columns the only ones in scope; a name that stands twice is a mistake.
    fn enter(&mut self, columns: Vec<NewColumn>) {
        self.scope.columns.clear();
        self.scope.input = None;
        for NewColumn { name, span, seen } in columns {
            if self.scope.index_of(&name).is_some() {
                let found = Diagnostic::new(span, format!("two columns are named `{name}`")).label("name it with `as`");
                self.fail(found);
            } else {
                self.scope.columns.push((name, seen));
            }
        }
    }

    fn items(&mut self, items: &[ast::Item]) -> (Checked<Vec<Expr>>, Vec<NewColumn>) {
        let exprs: Vec<_> =
            items.iter().map(|item| if item.name.is_some() { self.expr(&item.expr) } else { self.of_records(&item.expr) }).collect();
        let columns = items.iter().zip(&exprs).map(|(item, expr)| self.column(item.name.as_ref(), &item.expr, expr)).collect();
        (exprs.into_iter().collect(), columns)
    }

    /// The column that an expression makes: called as given, else as the field it is, else as it is written.
    fn column(&self, name: Option<&ast::Ident>, ast: &ast::Expr, expr: &Checked<Expr>) -> NewColumn {
        let seen = expr.as_ref().ok().map(Seen::of_expr);
        let (name, span) = match (name, &ast.kind, expr) {
            (Some(name), ..) => (name.text.clone(), name.span),
            (None, _, Ok(expr)) if expr.as_column().is_some() => (expr.text().to_owned(), ast.span),
            (None, ast::ExprKind::Field(name), _) => (name.text.clone(), ast.span),
            _ => (self.text(ast.span), ast.span),
        };
        NewColumn { name, span, seen }
    }

    fn assignments(&mut self, items: &[ast::Item]) -> Checked<Vec<Assignment>> {
        self.each(items, |checker, item| {
            let expr = checker.expr(&item.expr);
            let column = checker.column(item.name.as_ref(), &item.expr, &expr);
            let place = checker.scope.put(column.name, column.seen);
            let schema = checker.schema(column.span).ok_or(Failed)?;
            Ok(Assignment { place, expr: expr?, schema })
        })
    }

    fn stats(&mut self, aggregates: &[ast::Aggregate], keys: &[ast::Item], flow: &mut Flow, span: Span) {
        let (keys, mut columns) = self.items(keys);
        let checked: Vec<_> = aggregates.iter().map(|aggregate| self.aggregate(aggregate)).collect();
        let made: Vec<_> = aggregates.iter().zip(&checked).map(|(ast, checked)| self.aggregate_column(ast, checked)).collect();
        flow.aggregates = Some(made.iter().map(|column| column.name.clone()).collect());
        columns.extend(made);
        self.enter(columns);
        let aggregates: Checked<Vec<_>> = checked.into_iter().collect();
        let step = keys.and_then(|keys| Ok(Step::Stats { keys, aggregates: aggregates? }));
        self.push(flow, "stats", span, step);
    }

    fn aggregate_column(&self, ast: &ast::Aggregate, checked: &Checked<Aggregate>) -> NewColumn {
        let span = ast.name.as_ref().map_or(ast.span, |name| name.span);
        NewColumn { name: self.aggregate_name(ast), span, seen: checked.as_ref().ok().map(Aggregate::seen) }
    }

    fn aggregate_name(&self, ast: &ast::Aggregate) -> String {
        match &ast.name {
            Some(name) => name.text.clone(),
            None if ast.args.is_empty() => ast.written.clone(),
            None => self.text(ast.span),
        }
    }

    fn aggregate(&mut self, ast: &ast::Aggregate) -> Checked<Aggregate> {
        let word = ast.word;
        let args = self.each(&ast.args, Self::expr);
        if !word.args.contains(&ast.args.len()) {
            let what =
                format!("`{}` is given {} {}", ast.written, ast.args.len(), if ast.args.len() == 1 { "argument" } else { "arguments" });
            return Err(self.fail(Diagnostic::new(ast.span, what).label(format!("it is written `{}`", word.syntax))));
        }
        let mut args = args?;
        let (function, kind) = (word.check)(&ast.written, &args).map_err(|Mistake { arg, what, label }| {
            let place = ast.args.get(arg).map_or(ast.span, |arg| arg.span);
            self.fail(Diagnostic::new(place, what).label(label))
        })?;
        if let AggregateFunction::Quantile(_) = function {
            // The share is in the function, not a value of each record.
            args.truncate(1);
        }
        if let (true, Some(place)) = (function.takes_numbers(), ast.args.first().map(|arg| arg.span)) {
            args = args.into_iter().map(|arg| self.numbers(arg, false, place)).collect();
        }
        if let (AggregateFunction::Min | AggregateFunction::Max, Some(place)) = (function, ast.args.first().map(|arg| arg.span)) {
            args = args.into_iter().map(|arg| self.beside_numbers(arg, place)).collect();
        }
        Ok(Aggregate { function, args, kind, name: self.aggregate_name(ast) })
    }

    /// The `count by KEY, …` that `top N KEY, …` begins with.
    fn count_by(&mut self, keys: &[ast::Item], flow: &mut Flow, span: Span) {
        let (keys, mut columns) = self.items(keys);
        let count = Aggregate { function: AggregateFunction::Count, args: Vec::new(), kind: Type::Int, name: "count".to_owned() };
        columns.push(NewColumn { name: count.name.clone(), span, seen: Some(Seen::closed(count.kind)) });
        flow.aggregates = Some(vec![count.name.clone()]);
        self.enter(columns);
        self.push(flow, "stats", span, keys.map(|keys| Step::Stats { keys, aggregates: vec![count] }));
    }

    /// What `top N`, or `bottom N`, compares when it does not say.
    fn single_aggregate(&mut self, flow: &Flow, word: &str, span: Span) -> Checked<Expr> {
        let n = self.source.slice(span).split_whitespace().nth(1).unwrap_or("N").to_owned();
        match flow.aggregates.as_deref() {
            Some([only]) => {
                let only = ast::Ident { text: only.clone(), span, may_come: false };
                self.field(&only)
            }
            aggregates => {
                let candidates: Vec<_> = match aggregates {
                    Some(aggregates) => aggregates.to_vec(),
                    None => {
                        let is_number =
                            |seen: &Option<Seen>| seen.is_some_and(|seen| matches!(seen.kind, Type::Int | Type::Float | Type::Time));
                        self.scope.columns.iter().filter(|(_, seen)| is_number(seen)).map(|(name, _)| name.clone()).collect()
                    }
                };
                let first = candidates.first().map_or("EXPR".into(), |name| cure::field(name));
                let found = Diagnostic::new(span, format!("`{word}` does not say what is compared"))
                    .label(format!("write `{word} {n} by {first}`"));
                let found = if candidates.is_empty() {
                    found
                } else {
                    found.help(format!("candidates: {}", cure::fields(candidates.iter().map(String::as_str))))
                };
                Err(self.fail(found))
            }
        }
    }

    fn output(&mut self, output: &ast::Output, flow: &mut Flow, span: Span) {
        let (name, output) = match output {
            ast::Output::Print(None) => ("print", Ok(Output::Print(None))),
            ast::Output::Print(Some(template)) => ("print", self.template(template).map(|pieces| Output::Print(Some(pieces)))),
            ast::Output::Json => ("json", Ok(Output::Json)),
            ast::Output::Csv => ("csv", Ok(Output::Csv)),
            ast::Output::Tsv => ("tsv", Ok(Output::Tsv)),
            ast::Output::Arrow => ("arrow", Ok(Output::Arrow)),
            ast::Output::Table => ("table", Ok(Output::Table)),
            ast::Output::Write(path) => {
                let write = |output: &Output| Output::Write { path: path.into(), output: Box::new(output.clone()) };
                ("write", plan::extension(path).map(write).ok_or(Failed))
            }
            ast::Output::Emit(Url::Stdio) => ("emit", Ok(Output::Emit)),
            ast::Output::Emit(Url::File(path)) => ("emit", Ok(Output::Write { path: path.clone(), output: Box::new(Output::Emit) })),
            ast::Output::Emit(url) => ("emit", Ok(Output::EmitTo(url.clone()))),
            ast::Output::Chart(value) => ("chart", self.chart(value.as_ref(), flow, span).map(Output::Chart)),
            ast::Output::Null => ("null", Ok(Output::Null)),
        };
        self.push(flow, name, span, output.map(Step::Output));
    }

    /// The place of what `chart` draws: the column it names, or the only one that it can be.
    fn chart(&mut self, value: Option<&ast::Expr>, flow: &Flow, span: Span) -> Checked<usize> {
        let is_number = |kind: Option<Type>| matches!(kind, Some(Type::Int | Type::Float));
        if let Some(value) = value {
            let expr = self.expr(value)?;
            return match expr.as_column() {
                Some(place) if is_number(Some(expr.kind())) || expr.kind() == Type::Mixed => Ok(place),
                Some(_) => {
                    let what = format!("`{}` is {}; `chart` draws numbers", expr.text(), functions::name(expr.kind()));
                    let mend = match expr.kind() {
                        Type::Text => format!("make it one before: `let x = float({})`", cure::written(&expr)),
                        Type::Bool => format!("make it one before: `let x = int({})`", cure::written(&expr)),
                        _ => "name a column of numbers; the others are the labels".to_owned(),
                    };
                    Err(self.fail(Diagnostic::new(value.span, what).label(mend)))
                }
                None => {
                    let mend = format!("make it one before: `let x = {}`", self.source.slice(value.span));
                    Err(self.fail(Diagnostic::new(value.span, "`chart` draws a column").label(mend)))
                }
            };
        }
        let columns = &self.scope.columns;
        let is_made = |name: &str| flow.aggregates.as_ref().is_none_or(|made| made.iter().any(|made| made == name));
        let of = |fits: &dyn Fn(Option<Type>) -> bool| -> Vec<usize> {
            (0..columns.len()).filter(|&place| fits(columns[place].1.map(|seen| seen.kind)) && is_made(&columns[place].0)).collect()
        };
        let numbers = of(&is_number);
        // Where none is nothing but numbers, those that may have some.
        let numbers = if numbers.is_empty() { of(&|kind| kind == Some(Type::Mixed)) } else { numbers };
        if let [only] = numbers[..] {
            return Ok(only);
        }
        let names: Vec<_> = numbers.iter().map(|&place| columns[place].0.clone()).collect();
        let found = Diagnostic::new(span, "`chart` does not say what is drawn");
        Err(self.fail(match names.first() {
            Some(first) => {
                let candidates = cure::fields(names.iter().map(String::as_str));
                found.label(format!("write `chart {}`", cure::field(first))).help(format!("candidates: {candidates}"))
            }
            None => found.label("no column is a number; as in `count by host | chart`"),
        }))
    }

    fn template(&mut self, template: &Template) -> Checked<Vec<Piece>> {
        self.each(&template.parts, |checker, part| match part {
            Part::Text(text) => Ok(Piece::Text(text.clone())),
            Part::Field { name, span, format, format_span } => {
                let column = match checker.scope.index_of_written(name) {
                    Some(place) => checker.column_at(place),
                    None => checker.field(&ast::Ident { text: name.clone(), span: *span, may_come: false }),
                }?;
                if let Err(wrong) = format.fits(column.kind(), column.text()) {
                    return Err(checker.fail(Diagnostic::new(*format_span, wrong.what).label(wrong.mend)));
                }
                Ok(Piece::Column { place: column.as_column().ok_or(Failed)?, format: format.clone() })
            }
        })
    }
}
