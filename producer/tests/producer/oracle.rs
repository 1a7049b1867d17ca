//! Hostile data that Python writes and reads: our records are the same. Skipped, loudly, where there is no python3.

use std::fs;

use recpipe::Value;

use crate::harness::{python, run};

/// A value as `oracle.py` shows it.
fn shown(value: Value<'_>) -> String {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    match value {
        Value::Null => "~".to_owned(),
        Value::Bool(b) => format!("b{b}"),
        Value::Int(n) => format!("i{n}"),
        Value::Float(n) => format!("f{}", hex(&n.to_be_bytes())),
        Value::Text(text) => format!("t{}", hex(text)),
        Value::Time(time) => time.to_string(),
    }
}

/// Whether a field is the wanted one; arrays are compared as what they mean.
fn is_same(value: Value<'_>, want: &str) -> bool {
    match (value, want.strip_prefix('a')) {
        (Value::Text(text), Some(array)) => {
            let parse = |text: &[u8]| serde_json::from_slice::<serde_json::Value>(text).unwrap();
            parse(text) == parse(array.as_bytes())
        }
        (value, _) => shown(value) == want,
    }
}

#[test]
fn python_reads_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let Some(seed) = python("oracle.py", dir.path()) else { return };
    for format in ["csv", "tsv", "json"] {
        for i in 0..12 {
            let path = dir.path().join(format!("{i}.{format}"));
            let outcome = run(&[format, "-q", "--max-errors", "100%", path.to_str().unwrap()]).exits(0);
            let want = fs::read_to_string(format!("{}.want", path.display())).unwrap();
            let stream = outcome.stream();
            let missing = |batch: &recpipe::Batch, row| batch.columns().iter().map(|column| column.is_missing(row)).collect::<Vec<_>>();
            let with_missing = |batch| (0..).map(move |row| missing(batch, row));
            let rows: Vec<_> = stream.batches.iter().flat_map(|batch| batch.rows().zip(with_missing(batch))).collect();
            assert_eq!(rows.len(), want.lines().count(), "{i}.{format} of seed {seed}");
            for (nth, ((row, missing), want)) in rows.iter().zip(want.lines()).enumerate() {
                let cells = row.values().zip(missing);
                let same =
                    want.split('|').zip(cells).all(|(want, (value, missing))| if *missing { want == "-" } else { is_same(value, want) });
                assert!(same, "{i}.{format} of seed {seed}, record {nth}: {row:?} is not {want}");
            }
        }
    }
}
