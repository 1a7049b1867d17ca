//! `--explain`: what a query would do, and where, without a record of data.

use std::fmt::Write;

use recpipe::Schema;

use crate::{
    catalog::CATALOG,
    execute::cut::{Cut, Prepared},
    memory::Memory,
    plan::{About, Output, Plan, PlanOutput, PlanStage, Runs},
    writer::Notes,
};

/// The plan in words: what is asked of the producer; then of each stage where it runs, whether it blocks, what its memory
/// grows with, and the fields that it gives. `default` is the output of a query that names none.
pub fn explain(plan: &Plan, default: &Output) -> String {
    let mut text = format!("input: {}\n", fields(&plan.input));
    text += &openness(plan);
    let advice = crate::plan::pushdown(plan, default, false, false);
    let mut asked = match advice.columns {
        None if plan.input.grows() => "every field is read, and those that come later".to_owned(),
        None => "every field is read".to_owned(),
        Some(read) if read.is_empty() => format!("none of {} fields is read", plan.input.len()),
        Some(read) => format!("{} of {} fields are read: {}", read.len(), plan.input.len(), read.join(", ")),
    };
    if !advice.conditions.is_empty() {
        let conditions: Vec<String> = advice.conditions.iter().map(ToString::to_string).collect();
        asked += &format!("; only records where {}", conditions.join(" and "));
    }
    // Writing to a string cannot fail.
    let _ = writeln!(text, "asked of the producer: {asked}");
    // Neither memory nor the number of workers moves the cut.
    let cut = Cut::new(plan, default, Prepared::new(plan, &Memory::default(), 1), 1, Notes::default());
    for (place, stage) in plan.stages.iter().enumerate() {
        let runs = match cut.runs(place) {
            Runs::EachWorker => "in each worker",
            Runs::WorkersThenMerge => "in each worker, then merged",
            Runs::Once => "once",
        };
        describe(&mut text, stage, runs, default, "");
    }
    let runs = if cut.lines_are_made_by_workers() { "lines are made in each worker, and written once, in order" } else { "once" };
    describe_output(&mut text, plan, runs, ("query", default), "");
    text
}

fn describe(text: &mut String, stage: &PlanStage, runs: &str, default: &Output, indent: &str) {
    let branches = stage.operator.branches();
    // The stages of a branch are described below it.
    let written = if branches.is_empty() { stage.text.clone() } else { format!("{} [", stage.about.name) };
    let _ = writeln!(text, "\n{indent}{}\n{indent}    runs:   {runs}", heading(&written, stage.about));
    if stage.about.blocks {
        let _ = writeln!(text, "{indent}    blocks: nothing comes out before the end of the input");
    }
    if stage.operator.takes().is_some() {
        let _ = writeln!(text, "{indent}    stops:  the source, when it has enough");
    }
    let _ = writeln!(text, "{indent}    memory: {}", stage.about.keeps());
    for (name, fact) in stage.operator.facts() {
        let _ = writeln!(text, "{indent}    {:8}{fact}", format!("{name}:"));
    }
    for branch in branches {
        let inner = format!("{indent}    ");
        for stage in &branch.stages {
            describe(text, stage, "once", default, &inner);
        }
        describe_output(text, branch, "once", ("branch", default), &inner);
    }
    if !branches.is_empty() {
        return;
    }
    if stage.output == stage.input {
        let _ = writeln!(text, "{indent}    gives:  the same fields");
    } else {
        let _ = writeln!(text, "{indent}    gives:  {}", fields(&stage.output));
    }
}

/// The output of a query or a branch, as `whose` says: its own, or the default.
fn describe_output(text: &mut String, plan: &Plan, runs: &str, (whose, default): (&str, &Output), indent: &str) {
    match &plan.sink {
        Some(PlanOutput { output: Output { about, .. }, text: written, .. }) => {
            let _ = writeln!(text, "\n{indent}{}\n{indent}    runs:   {runs}", heading(written, about));
            let _ = writeln!(text, "{indent}    memory: {}", about.keeps());
        }
        None => {
            let name = default.about.name;
            let _ = writeln!(text, "\n{indent}{name} (where the {whose} names no output)\n{indent}    runs:   {runs}");
        }
    }
}

/// How a stage is written in the query. A stage that another word stands for (`top 3 host` counts first) says which.
fn heading(written: &str, about: &About) -> String {
    let word = written.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
    let stands_for = about.names().any(|name| name == word);
    if stands_for { written.to_owned() } else { format!("{}: {written}", about.name) }
}

fn fields(schema: &Schema) -> String {
    let fields = schema.fields().iter().map(|field| format!("{}:{}", field.name, field.kind)).collect::<Vec<_>>().join(", ");
    if schema.grows() { format!("{fields}, and those that come later") } else { fields }
}

/// What may still come of the input, which a sample does not tell.
fn openness(plan: &Plan) -> String {
    let open: Vec<&str> = plan.input.fields().iter().filter(|field| field.open).map(|field| field.name.as_str()).collect();
    let mut text = String::new();
    if !open.is_empty() {
        let which = if open.len() == plan.input.len() { "every field".to_owned() } else { CATALOG.fields(open) };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "    open: in {which}, values of other types than those of the sample may come");
    }
    if !plan.awaited.is_empty() {
        let awaited = CATALOG.fields(plan.awaited.iter().map(|field| field.name.as_str()));
        let _ = writeln!(text, "    awaited: {awaited}; not among the first records, null until it comes");
    }
    text
}
