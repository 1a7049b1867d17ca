//! A query from any text: lexed, parsed, checked against the fields of a log, and run over a few records.
//!
//! The laws: nothing panics; a mistake is rendered with a caret, within the text; and a query that is accepted is
//! answered, or ends with an error that says why. Queries that write files or ask a resolver are not run.

use std::{
    io::{self, Write},
    sync::{Arc, LazyLock},
};

use recpipe::{
    BatchBuilder, Field, Schema, Time, Type, Value,
    wire::{Ending, Reader, Writer},
};
use recpipe_consumer::{
    catalog,
    execute::{self, Options},
    language::{self, QueryError, Source, diagnose::Style},
    output,
    plan::{Effect, Plan, PlanStage},
    writer::Printer,
};

/// Longer queries say nothing new, and take long.
const MAX_BYTES: usize = 4096;

/// Output beyond this is not looked at: a template may make each record wide.
struct Discard;

impl Write for Discard {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

static SCHEMA: LazyLock<Arc<Schema>> = LazyLock::new(|| {
    let text = ["host", "referrer", "user", "datetime", "method", "request", "proto"].map(|name| Field::new(name, Type::Text));
    let numbers = ["status", "bytes"].map(|name| Field::new(name, Type::Int));
    let more = [Field::new("share", Type::Float), Field::new("ok", Type::Bool), Field::new("at", Type::Time)];
    Arc::new(Schema::new(text.into_iter().chain(numbers).chain(more).collect()).unwrap_or_else(|error| panic!("{error}")))
});

/// Two batches with numbers at the edges, nulls, and text that is not UTF-8.
static STREAM: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let rows: [(&[u8], i64, i64, f64); 6] = [
        (b"/ply/ply.html", 200, 97_238, 0.5),
        (b"", 404, 0, -0.0),
        (b"\xff\xfe", -1, i64::MAX, f64::INFINITY),
        ("/ü.é?x=日本&y=%41".as_bytes(), 0, i64::MIN, f64::NAN),
        (b"24/Feb/2008:00:08:59 -0600", 500, 12, 1e300),
        (b" -7 ", 200, 97_238, 2.5),
    ];
    let mut stream = Vec::new();
    let wrote = Writer::new(&mut stream).and_then(|mut writer| {
        for part in rows.chunks(4) {
            let mut builder = BatchBuilder::new(SCHEMA.clone());
            for (text, status, bytes, share) in part {
                let text = Value::Text(text);
                let maybe = if *status == 404 { Value::Null } else { text };
                let row = [
                    text,
                    text,
                    maybe,
                    text,
                    maybe,
                    text,
                    maybe,
                    Value::Int((*status).into()),
                    Value::Int((*bytes).into()),
                    Value::Float(*share),
                    Value::Bool(*status == 200),
                    Value::Time(Time { nanos: *bytes, offset_s: *status as i32 * 60 }),
                ];
                builder.push(&row)?;
            }
            writer.batch(&builder.finish()?)?;
        }
        writer.finish(&Ending::default()).map(drop)
    });
    wrote.unwrap_or_else(|error| panic!("{error}"));
    stream
});

/// Whether running it touches nothing but the records: no file, no resolver, no stderr.
fn is_harmless(plan: &Plan) -> bool {
    let harmless = |stage: &PlanStage| stage.operator.effect() == Effect::None && stage.operator.branches().iter().all(is_harmless);
    !plan.uses().elsewhere && plan.stages.iter().all(harmless)
}

/// That a mistake can be shown, with and without colour.
fn shown(error: &QueryError) {
    assert!(!error.diagnostics().is_empty());
    let plain = error.to_string();
    assert!(plain.starts_with("error: ") && plain.contains('^'), "{plain}");
    assert!(!plain.contains('\x1b') && !plain.chars().any(|c| c.is_control() && c != '\n'), "{plain:?}");
    let style = Style { error: "<", mark: "<", off: ">" };
    assert!(error.render(&style).contains("<error>"));
}

/// Checks them for these bytes.
pub fn check(data: &[u8]) {
    let Some((&how, text)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    if text.len() > MAX_BYTES {
        return;
    }
    let source = match how % 2 {
        0 => Source::from_args(&text.split('\0').collect::<Vec<_>>()),
        _ => Source::from_file("report.q", text),
    };
    let query = match catalog::parse(&source) {
        Ok(query) => query,
        Err(error) => return shown(&error),
    };
    let plan = match language::check(&source, &query, &SCHEMA) {
        Ok(plan) => plan,
        Err(error) => return shown(&error),
    };
    if !is_harmless(&plan) {
        return;
    }
    // The schema frame has been read when a plan is run.
    let mut reader = Reader::new(&STREAM[..]).unwrap_or_else(|error| panic!("{error}"));
    reader.read().unwrap_or_else(|error| panic!("{error}"));
    let options = Options {
        threads: 1,
        processes: None,
        unordered: false,
        default_output: output::default(how % 3 == 0),
        stopper: None,
        quiet: true,
        memory: Default::default(),
        calling: Default::default(),
        left_out: Default::default(),
    };
    let outcome = execute::run(&mut reader, execute::Feeds::new(), &plan, &options, Printer::new(Box::new(Discard), how % 7 == 0));
    match outcome.error {
        Some(error) => assert!(!error.to_string().is_empty()),
        None => assert!(outcome.ending.is_some() || outcome.stopped, "neither an end nor an error"),
    }
}
