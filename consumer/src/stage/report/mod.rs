//! `report`: the questions that are asked of every log, answered in one pass.
//!
//! It is a table of queries (`sections`), of which each gathers for itself, and whose answers come one after the other: a record of each
//! row, with the name of its section.
//!
//! Runs:   in each worker, then merged.  Order: by section.
//! Memory: as the aggregates of all sections.
//! Blocks: nothing comes out before the end.  Stops: no.
//! Errors: those of the aggregates; temporary files that cannot be written.

mod gathered;
mod sections;

use std::sync::Arc;

use recpipe::{Field, Schema, Type};

use self::{
    gathered::Gathered,
    sections::{AGENT, BYTES, DURATION, HOST, LEVEL, REFERRER, REQUEST, Roles, STATUS, USER},
};
use super::{gather::Gathering, let_::put_time_of_log, where_::WhereOp};
use crate::{
    expr::Predicate,
    language::{self, Checked, Checker, Failed, Parsed, Parser, Seen, Source, StageWord, Syntax, Upstream, diagnose::Diagnostic, parsed},
    plan::{About, Operator, Plan, PlanStage, Read, Runs, Start, Target, conditions::Found, partial::Partial},
    span::Span,
};

/// `report`.
pub static WORD: StageWord = StageWord {
    about: About {
        name: "report",
        syntax: "report",
        doc: "days, requests, 404s, hosts, referrers, agents, statuses, latency: in one pass; `| write \"x.html\"`",
        example: "report",
        runs: Runs::WorkersThenMerge,
        memory: "O(keys of all sections)",
        spills: true,
        blocks: true,
        ..About::PLAIN
    },
    parse,
};

/// The column that names the section.
pub(crate) const SECTION: &str = "section";

/// The other columns, in their order; those that no section has are left out.
pub(crate) const COLUMNS: [&str; 9] = ["time", "item", "requests", "visitors", "bytes", "p50", "p90", "p99", "max"];

fn parse(_: &mut Parser<'_>) -> Parsed {
    Ok(parsed(ReportSyntax))
}

#[derive(Debug)]
struct ReportSyntax;

impl Syntax for ReportSyntax {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        put_time_of_log(checker, upstream, span);
        let made = op(checker, span);
        let mut columns = vec![(SECTION.to_owned(), Some(Seen::closed(Type::Text)))];
        if let Ok(made) = &made {
            columns.extend(made.schema.fields().iter().skip(1).map(|field| (field.name.clone(), Some(Seen::of_field(field)))));
        }
        checker.enter_columns(columns);
        upstream.aggregates = None;
        checker.push(upstream, &WORD, span, made);
    }
}

/// How a field is written that has one of these names and fits.
fn written(checker: &Checker<'_>, names: &[&str], fits: impl Fn(Type) -> bool) -> Option<String> {
    let has = |name: &&&str| {
        let place = checker.scope.index_of(name);
        place.and_then(|place| checker.scope.columns[place].1).is_some_and(|seen| fits(seen.kind))
    };
    names.iter().find(has).map(|name| checker.catalog.field(name).into_owned())
}

fn roles(checker: &Checker<'_>) -> Roles {
    let is_number = |kind| matches!(kind, Type::Int | Type::Float);
    let is_text = |kind| kind == Type::Text;
    let times = checker.scope.columns.iter().filter(|(_, seen)| seen.is_some_and(|seen| seen.kind == Type::Time));
    let names: Vec<&str> = ["time"].into_iter().chain(times.map(|(name, _)| name.as_str())).collect();
    Roles {
        host: written(checker, HOST, is_text),
        request: written(checker, REQUEST, is_text),
        status: written(checker, STATUS, |kind| kind == Type::Int),
        bytes: written(checker, BYTES, is_number),
        referrer: written(checker, REFERRER, is_text),
        agent: written(checker, AGENT, is_text),
        duration: written(checker, DURATION, is_number),
        level: written(checker, LEVEL, is_text),
        user: written(checker, USER, is_text),
        time: written(checker, &names, |kind| kind == Type::Time),
    }
}

fn op(checker: &mut Checker<'_>, span: Span) -> Checked<ReportOp> {
    let sections = roles(checker).sections();
    // A total alone is a `count`.
    if sections.len() == 1 {
        let label = "name them with `rename`: host, request, status, bytes, http_referer, http_user_agent, level, duration, time";
        return Err(checker.fail(Diagnostic::new(span, "no field has a name that `report` knows").label(label)));
    }
    let schema = checker.schema(span).ok_or(Failed)?;
    let mut parts = Vec::new();
    for (title, text) in sections {
        let source = Source::from_args(&[text]);
        let plan = language::parse(&source, checker.catalog)
            .and_then(|query| language::check_at(&source, &query, &schema, checker.setting))
            .map_err(|error| error.to_string())
            .and_then(|plan| Part::new(title, plan));
        match plan {
            Ok(part) => parts.push(part),
            Err(why) => return Err(checker.fail(Diagnostic::new(span, format!("`{title}` of `report`: {why}")))),
        }
    }
    let fields = columns(&parts);
    let schema = Schema::new(fields).map(Arc::new).map_err(|error| checker.fail(Diagnostic::new(span, error.to_string())))?;
    Ok(ReportOp { parts: parts.into(), schema })
}

/// The columns of the answer: of one of several types where sections differ.
fn columns(parts: &[Part]) -> Vec<Field> {
    let mut fields = vec![Field::new(SECTION, Type::Text)];
    for name in COLUMNS {
        let kinds: Vec<Type> = parts.iter().filter_map(|part| part.output().field(name)).collect();
        let Some(first) = kinds.first() else { continue };
        fields.push(if kinds.iter().all(|kind| kind == first) { Field::new(name, *first) } else { Field::open(name, Type::Mixed) });
    }
    fields
}

/// A section.
#[derive(Clone, Debug)]
struct Part {
    title: &'static str,
    /// Which records it is of.
    of: Option<Predicate>,
    /// The stage that gathers, and those after it.
    stages: Vec<PlanStage>,
    plan: Plan,
}

/// What a section gives.
struct Given<'p>(&'p Schema);

impl Given<'_> {
    fn field(&self, name: &str) -> Option<Type> {
        self.0.fields().iter().find(|field| field.name == name).map(|field| field.kind)
    }
}

impl Part {
    fn new(title: &'static str, plan: Plan) -> Result<Self, String> {
        let mut stages = plan.stages.clone();
        let of = stages.first().and_then(|first| (&*first.operator as &dyn std::any::Any).downcast_ref::<WhereOp>()).map(|of| of.0.clone());
        if of.is_some() {
            stages.remove(0);
        }
        match stages.first() {
            Some(first) if first.about.runs == Runs::WorkersThenMerge => Ok(Part { title, of, stages, plan }),
            _ => Err("it gathers nothing".to_owned()),
        }
    }

    fn output(&self) -> Given<'_> {
        Given(self.plan.output())
    }

    /// What of the input it reads.
    fn reads(&self) -> Read {
        let mut needed = Read::all_of(self.plan.output());
        for stage in self.plan.stages.iter().rev() {
            needed.late &= stage.output.grows();
            stage.operator.reads(stage, &mut needed);
        }
        needed
    }
}

/// All sections.
#[derive(Clone, Debug)]
struct ReportOp {
    parts: Arc<[Part]>,
    schema: Arc<Schema>,
}

impl Operator for ReportOp {
    fn reads(&self, _: &PlanStage, wanted: &mut Read) {
        wanted.places = self.parts.iter().flat_map(|part| part.reads().places).collect();
        wanted.late = false;
    }

    fn narrows(&self, _: &mut Found<'_>) -> bool {
        false
    }

    fn holders(&self) -> usize {
        self.parts.len()
    }

    fn partial(&self, start: &Start<'_>) -> Option<Box<dyn Partial>> {
        Gathered::new(&self.parts, start).map(|gathered| Box::new(gathered) as Box<dyn Partial>)
    }

    fn start(&self, start: Start<'_>, target: Target) -> Target {
        Gathering::stage(self.partial(&start), start, target)
    }
}
