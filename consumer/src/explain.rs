//! `--explain`: what a query would do, and where, without a record of data.

use std::fmt::Write;

use recpipe::Schema;

use crate::{
    catalog::CATALOG,
    memory::Memory,
    plan::{Output, Plan, PlanStage, Runs, Step},
    split::Split,
    writer::Notes,
};

/// The plan in words: what is asked of the producer; then of each stage where it runs, whether it blocks, what its memory
/// grows with, and the fields that it gives. `default` is the output of a query that names none.
pub fn explain(plan: &Plan, default: &Output) -> String {
    let mut text = format!("input: {}\n", fields(&plan.input));
    text += &openness(plan);
    let advice = crate::plan::advice(plan, default, false, false);
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
    let split = Split::new(plan, default, &Memory::default(), 1, Notes::default());
    for (place, stage) in plan.stages.iter().enumerate() {
        let mut runs = match split.runs(place) {
            Runs::EachWorker => "in each worker",
            Runs::WorkersThenMerge => "in each worker, then merged",
            Runs::Once => "once",
        };
        if stage.about.output && split.lines_are_made_by_workers() {
            runs = "lines are made in each worker, and written once, in order";
        }
        describe(&mut text, stage, runs, default, "");
    }
    if plan.sink().is_none() {
        let runs = if split.lines_are_made_by_workers() { "lines are made in each worker, and written once, in order" } else { "once" };
        let _ = writeln!(text, "\n{} (where the query names no output)\n    runs:   {runs}", default_name(default));
    }
    text
}

fn describe(text: &mut String, stage: &PlanStage, runs: &str, default: &Output, indent: &str) {
    let _ = writeln!(text, "\n{indent}{}\n{indent}    runs:   {runs}", heading(stage));
    if stage.about.blocks {
        let _ = writeln!(text, "{indent}    blocks: nothing comes out before the end of the input");
    }
    if let Step::Head(_) = stage.step {
        let _ = writeln!(text, "{indent}    stops:  the source, when it has enough");
    }
    let _ = writeln!(text, "{indent}    memory: {}", stage.about.memory);
    if let Step::Stats { aggregates, .. } = &stage.step
        && let Some(exactness) = aggregates.iter().find_map(|aggregate| aggregate.function.exactness())
    {
        let _ = writeln!(text, "{indent}    exact:  {exactness}");
    }
    match &stage.step {
        Step::Tee(branch) => {
            let inner = format!("{indent}    ");
            for stage in &branch.stages {
                describe(text, stage, "once", default, &inner);
            }
            if branch.sink().is_none() {
                let _ = writeln!(text, "\n{inner}{} (where the branch names no output)\n{inner}    runs:   once", default_name(default));
            }
        }
        Step::Output(_) => {}
        _ if stage.output == stage.input => {
            let _ = writeln!(text, "{indent}    gives:  the same fields");
        }
        _ => {
            let _ = writeln!(text, "{indent}    gives:  {}", fields(&stage.output));
        }
    }
}

/// How a stage is written in the query. A stage that another word stands for (`top 3 host` counts first) says which.
fn heading(stage: &PlanStage) -> String {
    let is_branch = matches!(stage.step, Step::Tee(_));
    let written = if is_branch { "tee [" } else { &stage.text };
    let word = written.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
    let stands_for = stage.about.names().any(|name| name == word);
    if stands_for { written.to_owned() } else { format!("{}: {written}", stage.about.name) }
}

fn default_name(output: &Output) -> &'static str {
    if *output == Output::Table { "table" } else { "json" }
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
