//! From a [`Query`] to a [`Plan`]: the schema flows from stage to stage, and every name and type is checked on the way.

use std::{
    collections::BTreeMap,
    fmt::{self, Debug},
    sync::Arc,
};

use recpipe::{Field, Schema, Time, Type, times::Zone};

use super::{
    StageWord,
    ast::{self, Query},
    check_expr::{Checked, Checker, Failed},
    diagnose::{Diagnostic, QueryError, Source},
    open::Opens,
    parse,
    scope::{Growth, Scope, Seen},
    signature, translate,
};
use crate::{
    expr::Expr,
    given::Given,
    left_out::LeftOut,
    plan::{Feed, Operator, Output, Plan, PlanOutput, PlanStage, Sink},
    span::Span,
    unmet::Unmet,
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
    /// Where `expect` notes what does not hold.
    pub unmet: Unmet,
    /// The files that the query reads besides its stream.
    pub inputs: Arc<dyn Inputs>,
    /// Whether records come that were not there when the stream began.
    pub live: bool,
    /// Whether the records have senders that have names.
    pub has_senders: bool,
    /// Whether the field `sender` of the stream is the one that says who sent a record, which a plan before this one gave it.
    pub gives_sender: bool,
}

/// Tells the fields of the files that a query reads besides its stream.
pub trait Inputs: Debug + Send + Sync {
    /// Those of the records of this file, which the stage `word` of the query names at this place. It is asked once more
    /// where the query is checked once more.
    ///
    /// # Errors
    /// Why they cannot be told, for people.
    fn schema(&self, at: usize, word: &str, path: &str) -> Result<Arc<Schema>, String>;

    /// What is in this file of values, which the query names at this place; likewise.
    ///
    /// # Errors
    /// Why it cannot be read, for people.
    fn text(&self, at: usize, path: &str) -> Result<Arc<[u8]>, String> {
        let _ = at;
        Err(format!("\"{path}\" cannot be read here"))
    }
}

/// Files whose fields are known, by the places where the query names them; there are no others.
#[derive(Clone, Debug, Default)]
pub struct KnownInputs(pub BTreeMap<usize, Arc<Schema>>);

impl Inputs for KnownInputs {
    fn schema(&self, at: usize, _: &str, path: &str) -> Result<Arc<Schema>, String> {
        self.0.get(&at).cloned().ok_or_else(|| format!("\"{path}\" cannot be read here"))
    }
}

impl Default for Setting {
    fn default() -> Self {
        let inputs = Arc::new(KnownInputs::default());
        Setting {
            now: Time::now(),
            zone: None,
            left_out: LeftOut::default(),
            unmet: Unmet::default(),
            inputs,
            live: false,
            has_senders: false,
            gives_sender: false,
        }
    }
}

/// As [`check`], in this setting.
///
/// # Errors
/// As [`check`].
pub fn check_at(source: &Source, query: &Query, schema: &Schema, setting: &Setting) -> Result<Plan, QueryError> {
    checked(source, query, schema, setting).map_err(|error| translated(error, source, query, schema, setting))
}

/// The error that says how the first wrong stage is written, if that is known.
fn translated(error: QueryError, source: &Source, query: &Query, schema: &Schema, setting: &Setting) -> QueryError {
    let is_in = |span: Span, found: &Diagnostic| span.start <= found.span.start && found.span.end <= span.end;
    let is_wrong = |stage: &&ast::Stage| error.diagnostics().iter().any(|found| is_in(stage.span, found));
    let Some(wrong) = query.stages.iter().find(is_wrong) else { return error };
    let before: String =
        query.stages.iter().take_while(|stage| stage.span != wrong.span).map(|stage| format!("{} | ", source.slice(stage.span))).collect();
    // No file is opened for it.
    let setting = Setting { inputs: Arc::new(KnownInputs::default()), left_out: LeftOut::default(), ..setting.clone() };
    let is_right = |text: &str| {
        let source = Source::from_args(&[format!("{before}{text}")]);
        parse::parse(&source, &query.catalog).is_ok_and(|query| checked(&source, &query, schema, &setting).is_ok())
    };
    let Some(instead) = translate::translated(source.slice(wrong.span), is_right) else { return error };
    let mut diagnostics = error.diagnostics().to_vec();
    if let Some(found) = diagnostics.iter_mut().find(|found| is_in(wrong.span, found)) {
        found.label = format!("write `{instead}`");
    }
    QueryError::new(source, diagnostics)
}

/// The given fields that are among those of the stream when it is looked at first.
fn given_before(setting: &Setting) -> Vec<Given> {
    if setting.gives_sender { vec![Given::Sender] } else { Vec::new() }
}

fn checked(source: &Source, query: &Query, schema: &Schema, setting: &Setting) -> Result<Plan, QueryError> {
    let (mut input, mut awaited, mut opens, mut given) = (schema.clone(), Vec::new(), Opens::default(), given_before(setting));
    // What is awaited has a place among the fields of the input, which is known only when all of the query was seen: again.
    let (mut checker, upstream) = loop {
        let scope = Scope {
            columns: input.fields().iter().map(|field| (field.name.clone(), Some(Seen::of_field(field)))).collect(),
            input: input.grows().then(|| Growth::of_input(input.names())),
        };
        let mut checker = Checker {
            source,
            scope,
            found: Vec::new(),
            awaited: Vec::new(),
            opens,
            given,
            more_given: Vec::new(),
            windows: None,
            setting,
            catalog: &query.catalog,
            made: BTreeMap::new(),
        };
        let mut upstream =
            Upstream { input: Arc::new(input.clone()), stages: Vec::new(), sink: None, aggregates: None, passes: false, is_behind: false };
        for stage in &query.stages {
            stage.syntax.check(&mut checker, &mut upstream, stage.span);
        }
        let has_given = checker.more_given.is_empty();
        if checker.awaited.is_empty() && has_given && !checker.opens.have_more() {
            break (checker, upstream);
        }
        let fields = checker.more_given.iter().filter(|given| input.index_of(given.name()).is_none()).map(|given| given.field());
        match input.with_fields(input.fields().iter().cloned().chain(fields).collect()) {
            Ok(extended) => input = extended,
            Err(error) => {
                checker.fail(Diagnostic::new(Span::default(), error.to_string()));
                break (checker, upstream);
            }
        }
        if !checker.awaited.is_empty() {
            let fields = checker.awaited.iter().map(|field| Field::open(&field.name, Type::Mixed));
            match Schema::new(input.fields().iter().cloned().chain(fields).collect()) {
                Ok(extended) => input = extended.growing(),
                Err(error) => {
                    checker.fail(Diagnostic::new(Span::default(), error.to_string()));
                    break (checker, upstream);
                }
            }
        }
        awaited.append(&mut checker.awaited);
        checker.given.append(&mut checker.more_given);
        (opens, given) = (checker.opens, checker.given);
    };
    let gives_sender = checker.given.contains(&Given::Sender);
    let plan = Plan {
        input: Arc::new(input),
        awaited,
        zone: setting.zone.clone(),
        stages: upstream.stages,
        sink: upstream.sink,
        feed: None,
        live: setting.live,
        gives_sender,
    };
    if checker.found.is_empty() {
        checker.outputs(&plan);
    }
    if checker.found.is_empty() { Ok(plan) } else { Err(QueryError::new(source, checker.found)) }
}

/// What the stages so far have made.
pub struct Upstream {
    /// What the first of them takes.
    input: Arc<Schema>,
    stages: Vec<PlanStage>,
    sink: Option<PlanOutput>,
    /// The columns that the last `stats` made and that are still there.
    pub(crate) aggregates: Option<Vec<String>>,
    /// Whether a stage gives results as time passes.
    pub(crate) passes: bool,
    /// Of a branch, whether a stage before it gives nothing before the end of the input.
    is_behind: bool,
}

/// A column to be: its name, where the name or its expression stands, and its type unless the expression is wrong.
pub(crate) struct NewColumn {
    pub(crate) name: String,
    pub(crate) span: Span,
    pub(crate) seen: Option<Seen>,
}

impl fmt::Debug for Upstream {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Upstream").field("input", &self.input).field("stages", &self.stages).finish_non_exhaustive()
    }
}

impl Upstream {
    /// Whether one of the stages gives nothing before the end of the input.
    pub(crate) fn waits(&self) -> bool {
        self.is_behind || self.stages.iter().any(|stage| stage.about.blocks)
    }

    /// The word of the last stage.
    pub(crate) fn last_word(&self) -> Option<&'static str> {
        self.stages.last().map(|stage| stage.about.name)
    }

    /// The output that stands here, which is then no longer one.
    pub(crate) fn take_output(&mut self) -> Option<PlanOutput> {
        self.sink.take()
    }

    /// Whether what comes are results that are given one after the other, as time passes.
    pub(crate) fn gives_early(&self) -> bool {
        self.passes && !self.waits()
    }
}

impl Checker<'_> {
    /// The plan of a branch; what it does to the columns is not seen after it.
    pub(crate) fn branch(&mut self, stages: &[ast::Stage], upstream: &Upstream, span: Span) -> Checked<Plan> {
        let known = self.schema(span);
        // Mistakes are found all the same.
        let input = known.clone().unwrap_or_else(|| upstream.input.clone());
        let scope = self.scope.clone();
        let (aggregates, passes, is_behind) = (upstream.aggregates.clone(), upstream.gives_early(), upstream.waits());
        let mut branch = Upstream { input, stages: Vec::new(), sink: None, aggregates, passes, is_behind };
        for stage in stages {
            stage.syntax.check(self, &mut branch, stage.span);
        }
        self.scope = scope;
        let live = self.setting.live;
        Ok(Plan {
            input: known.ok_or(Failed)?,
            awaited: Vec::new(),
            zone: None,
            stages: branch.stages,
            sink: branch.sink,
            feed: None,
            live,
            gives_sender: false,
        })
    }

    /// The plan that gives the records of a file, which the stage `word` names at this place.
    pub(crate) fn feed(&mut self, word: &str, path: &str, span: Span) -> Checked<Plan> {
        match self.setting.inputs.schema(span.start, word, path) {
            Ok(input) => {
                let feed = Some(Feed { path: path.into(), at: span.start });
                Ok(Plan {
                    input,
                    awaited: Vec::new(),
                    zone: self.setting.zone.clone(),
                    stages: Vec::new(),
                    sink: None,
                    feed,
                    live: false,
                    gives_sender: false,
                })
            }
            Err(why) => Err(self.fail(Diagnostic::new(span, why))),
        }
    }

    /// What is checked among the fields of another input, which are in scope only for it.
    pub(crate) fn among<T>(&mut self, fields: &Schema, check: impl FnOnce(&mut Self) -> T) -> T {
        let columns = fields.fields().iter().map(|field| (field.name.clone(), Some(Seen::of_field(field)))).collect();
        let scope = std::mem::replace(&mut self.scope, Scope { columns, input: None });
        let checked = check(self);
        self.scope = scope;
        checked
    }

    /// Adds a stage that gives what is now in scope. A wrong one leaves a gap: there will be no plan anyway.
    pub fn push(&mut self, upstream: &mut Upstream, word: &'static StageWord, span: Span, made: Checked<impl Operator>) {
        let Ok(operator) = made else { return };
        let Some(output) = self.schema(span) else { return };
        let input = upstream.stages.last().map_or(&upstream.input, |before| &before.output).clone();
        let operator = Arc::new(operator);
        upstream.stages.push(PlanStage { operator, about: &word.about, input, output, span, text: self.text(span) });
    }

    /// Says where the answer goes.
    pub(crate) fn push_output(&mut self, upstream: &mut Upstream, word: &'static StageWord, span: Span, made: Checked<Arc<dyn Sink>>) {
        let Ok(sink) = made else { return };
        if self.schema(span).is_some() {
            let output = Output { about: &word.about, sink };
            upstream.sink = Some(PlanOutput { output, span, text: self.text(span) });
        }
    }

    /// The field, which must be text.
    pub(crate) fn text_field(&mut self, field: &ast::Ident) -> Checked<Expr> {
        let column = self.field(field)?;
        match column.kind() {
            Type::Text | Type::Null | Type::Mixed => Ok(column),
            kind => {
                let what = format!("`{}` is {}; text is needed here", field.text, signature::name(kind));
                let written = self.source.slice(field.span);
                let label = format!("make it text first: `let {written} = str({written})`");
                Err(self.fail(Diagnostic::new(field.span, what).label(label)))
            }
        }
    }

    /// What is in scope, as a schema; `None` while a column's type is unknown.
    pub(crate) fn schema(&mut self, span: Span) -> Option<Arc<Schema>> {
        let fields: Option<Vec<_>> = self.scope.columns.iter().map(|(name, seen)| Some((*seen)?.field(name))).collect();
        match Schema::new(fields?) {
            Ok(schema) => Some(Arc::new(if self.scope.grows() { schema.growing() } else { schema })),
            Err(error) => {
                self.fail(Diagnostic::new(span, error.to_string()));
                None
            }
        }
    }

    /// Makes these columns the only ones in scope; a name that stands twice is a mistake.
    pub(crate) fn enter_columns(&mut self, columns: Vec<(String, Option<Seen>)>) {
        self.scope = Scope { columns, input: None };
    }

    /// As [`Checker::enter_columns`], of what the query names, where no two may be named alike.
    pub(crate) fn enter(&mut self, columns: Vec<NewColumn>) {
        self.scope = Scope::default();
        for NewColumn { name, span, seen } in columns {
            if self.scope.index_of(&name).is_some() {
                let found = Diagnostic::new(span, format!("two columns are named `{name}`")).label("name it with `as`");
                self.fail(found);
            } else {
                self.scope.columns.push((name, seen));
            }
        }
    }

    /// The columns that these make, and their expressions.
    pub(crate) fn items(&mut self, items: &[ast::Item]) -> (Checked<Vec<Expr>>, Vec<NewColumn>) {
        let exprs: Vec<_> =
            items.iter().map(|item| if item.name.is_some() { self.expr(&item.expr) } else { self.of_records(&item.expr) }).collect();
        let columns = items.iter().zip(&exprs).map(|(item, expr)| self.column(item.name.as_ref(), &item.expr, expr)).collect();
        (exprs.into_iter().collect(), columns)
    }

    /// The column that an expression makes: called as given, else as the field it is, else as it is written.
    pub(crate) fn column(&self, name: Option<&ast::Ident>, ast: &ast::Expr, expr: &Checked<Expr>) -> NewColumn {
        let seen = expr.as_ref().ok().map(Seen::of_expr);
        let (name, span) = match (name, &ast.kind, expr) {
            (Some(name), ..) => (name.text.clone(), name.span),
            (None, _, Ok(expr)) if expr.as_column().is_some() => (expr.text().to_owned(), ast.span),
            (None, ast::ExprKind::Field(name), _) => (name.text.clone(), ast.span),
            _ => (self.text(ast.span), ast.span),
        };
        NewColumn { name, span, seen }
    }
}
