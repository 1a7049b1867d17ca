//! `union "FILE"`: passes on its records, then those of a second stream: a file that is one, or that a `producer` reads.
//!
//! Runs:   in each worker, or once.  Order: kept; the file's records come last.  Memory: O(1).
//! Stops:  when its target does; then the file is not read.
//! Errors: those of the file, whose records so far are answered.

use std::sync::Arc;

use recpipe::{Batch, Error, Flow, Schema, Stage, Time, Type};

use crate::{
    language::{Checked, Checker, Failed, Parsed, Parser, Seen, StageWord, Syntax, Upstream, diagnose::Diagnostic, parsed},
    plan::{About, Operator, Plan, PlanStage, Read, Start, Target, Unite, conditions::Found, partial::Batches},
    span::Span,
};

/// `union`.
pub static WORD: StageWord = StageWord {
    about: About {
        name: "union",
        syntax: "union \"FILE\"",
        doc: "the records so far, then those of a file that producer reads",
        example: "union \"yesterday.rec\"",
        ..About::PLAIN
    },
    parse,
};

fn parse(parser: &mut Parser<'_>) -> Parsed {
    let (path, span) = parser.text("a file of records", WORD.about.example)?;
    Ok(parsed(UnionSyntax { path, span }))
}

/// The file as it was written.
#[derive(Debug)]
struct UnionSyntax {
    path: String,
    span: Span,
}

impl UnionOp {
    /// What comes together of what is in scope and of the file that feeds it, which is in scope from now on.
    pub(super) fn new(checker: &mut Checker<'_>, feed: Plan, path: &str, span: Span) -> Checked<Self> {
        let before = checker.schema(span).ok_or(Failed)?;
        if let Some((ours, theirs)) = before.clash(&feed.input) {
            let what = format!("`{}` is {} here and {} in \"{path}\"", ours.name, ours.kind, theirs.kind);
            let name = checker.catalog.field(&ours.name);
            let label = match theirs.kind {
                Type::Text => format!("write `let {name} = str({name})` before it"),
                Type::Int | Type::Float | Type::Time => format!("write `let {name} = {}({name})` before it", theirs.kind),
                _ => format!("write `rename {name} as …` before it"),
            };
            return Err(checker.fail(Diagnostic::new(span, what).label(label)));
        }
        let united = before.united(&feed.input).map_err(|error| checker.fail(Diagnostic::new(span, error.to_string())))?;
        checker.scope.columns = united.fields().iter().map(|field| (field.name.clone(), Some(Seen::of_field(field)))).collect();
        Ok(UnionOp { before, united: Arc::new(united), feed: [feed] })
    }
}

impl Syntax for UnionSyntax {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        let made = checker.feed(WORD.about.name, &self.path, self.span).and_then(|feed| UnionOp::new(checker, feed, &self.path, self.span));
        checker.push(upstream, &WORD, span, made);
    }
}

/// The records of both, with the fields of both.
#[derive(Clone, Debug)]
pub(super) struct UnionOp {
    /// The columns that come.
    before: Arc<Schema>,
    /// The columns that go on, those that come first.
    united: Arc<Schema>,
    feed: [Plan; 1],
}

impl Operator for UnionOp {
    fn reads(&self, _: &PlanStage, wanted: &mut Read) {
        wanted.places.retain(|&place| place < self.before.len());
    }

    fn narrows(&self, found: &mut Found<'_>) -> bool {
        let kind = |schema: &Schema, place: usize| schema.fields().get(place).map(|field| (field.kind, field.open));
        found.keep(self.united.len(), |place| kind(&self.before, place) == kind(&self.united, place));
        true
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        let [Plan { feed, input, .. }] = &self.feed;
        let fields = input.fields().iter().map(|field| format!("{}:{}", field.name, field.kind)).collect::<Vec<_>>().join(", ");
        feed.iter().map(|feed| ("reads", format!("{}, after the input: {fields}", feed.path.display()))).collect()
    }

    fn inputs(&self) -> &[Plan] {
        &self.feed
    }

    fn start(&self, start: Start<'_>, target: Target) -> Target {
        Box::new(Union { unite: Unite::new(start.output.clone()), rest: start.inputs, has_enough: false, target })
    }
}

/// The running stage.
struct Union {
    unite: Unite,
    /// What is sent at the end.
    rest: Vec<Batches>,
    has_enough: bool,
    target: Target,
}

impl Union {
    fn pass(&mut self, batch: Batch) -> Result<Flow, Error> {
        let flow = self.target.send(batch)?;
        self.has_enough |= flow == Flow::Stop;
        Ok(flow)
    }
}

impl Stage for Union {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        let batch = self.unite.unite(batch)?;
        self.pass(batch)
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.target.flush()
    }

    fn close(&mut self) -> Result<(), Error> {
        let mut rest = std::mem::take(&mut self.rest).into_iter().flatten();
        while !self.has_enough
            && let Some(batch) = rest.next()
        {
            let _: Flow = self.pass(batch?)?;
        }
        self.target.close()
    }

    fn target(&mut self) -> Option<&mut dyn Stage> {
        Some(&mut self.target)
    }

    /// Not true of the second stream, which comes after it.
    fn punctuate(&mut self, _: Time) -> Result<Flow, Error> {
        Ok(Flow::Continue)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use recpipe::{Field, Schema, Type};

    use crate::{
        catalog,
        language::{self, KnownInputs, Setting, Source},
        output,
        plan::{Plan, pushdown},
    };

    fn schema(fields: &[(&str, Type)]) -> Schema {
        Schema::new(fields.iter().map(|(name, kind)| Field::new(*name, *kind)).collect()).unwrap()
    }

    fn plan(text: &str) -> Plan {
        let here = schema(&[("host", Type::Text), ("status", Type::Int), ("later", Type::Null)]);
        let there = Arc::new(schema(&[("status", Type::Int), ("later", Type::Int), ("user", Type::Text)]));
        let inputs = (0..text.len()).map(|at| (at, there.clone())).collect();
        let setting = Setting { inputs: Arc::new(KnownInputs(inputs)), ..Setting::default() };
        let source = Source::from_args(&[text]);
        language::check_at(&source, &catalog::parse(&source).unwrap(), &here, &setting).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn the_producer_is_asked_for_what_its_own_records_need() {
        for (text, columns, conditions) in [
            ("union \"b\" | count by user", &[][..], &[][..]),
            ("union \"b\" | count by user, status", &["status"], &[]),
            ("union \"b\" | where status == 404 | count by host", &["host", "status"], &["status == 404"]),
            // What the other side alone has, or gives a type, says nothing of the records here.
            ("union \"b\" | where user == \"x\" and later == 1 | count", &["later"], &[]),
            ("where status > 1 | union \"b\" | where status > 2 | count", &["status"], &["status > 1", "status > 2"]),
            ("tee [ union \"b\" | where status == 1 | count by host ] | count", &["host", "status"], &[]),
        ] {
            let told = pushdown(&plan(text), &output::default(false), false, false);
            assert_eq!(told.columns.as_deref().unwrap(), columns, "{text}");
            assert_eq!(told.conditions.iter().map(ToString::to_string).collect::<Vec<_>>(), conditions, "{text}");
        }
    }

    #[test]
    fn every_file_of_a_plan_is_found() {
        let mut found = Vec::new();
        let plan = plan("tee [ tee [ union \"a\" | null ] | union \"b\" | null ] | union \"c\" | count | union \"c\"");
        plan.for_each_feed(&mut |_, feed| found.push(feed.path.display().to_string()));
        assert_eq!(found, ["a", "b", "c", "c"]);
    }
}
