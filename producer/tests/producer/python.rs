//! Binary records, pickles and XML that Python writes and reads: our records are the same. Skipped, loudly, where there is no python3.

use std::fs;

use recpipe::Value;

use crate::harness::{python, run};

/// A value as `python.py` shows it.
fn shown(value: Value<'_>) -> String {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    match value {
        Value::Bool(b) => format!("b{}", u8::from(b)),
        Value::Int(n) => format!("i{n}"),
        Value::Float(n) if n.is_nan() => "fnan".to_owned(),
        Value::Float(n) => format!("f{}", hex(&n.to_be_bytes())),
        Value::Text(text) => format!("t{}", hex(text)),
        Value::Null | Value::Time(_) => value.to_string(),
    }
}

#[test]
fn python_reads_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let Some(seed) = python("python.py", dir.path()) else { return };
    let mut compared = 0;
    for entry in fs::read_dir(dir.path()).unwrap() {
        let path = entry.unwrap().path().to_str().unwrap().to_owned();
        let Some(data) = path.strip_suffix(".args") else { continue };
        let args = fs::read_to_string(&path).unwrap();
        let args: Vec<&str> = args.lines().chain(["-q", data]).collect();
        let outcome = run(&args);
        // Some of them end within a record.
        let ends_within = outcome.stderr.contains("the input ends within a record");
        let stream = outcome.exits(i32::from(ends_within)).stream();
        let want = fs::read_to_string(format!("{data}.want")).unwrap();
        let rows: Vec<_> = stream.batches.iter().flat_map(|batch| batch.rows().map(move |row| (batch.schema(), row))).collect();
        assert_eq!(rows.len(), want.lines().count(), "{args:?} of seed {seed}");
        for (nth, ((schema, row), want)) in rows.iter().zip(want.lines()).enumerate() {
            let values = schema.names().zip(row.values()).filter(|(_, value)| !matches!(value, Value::Null));
            let mut fields: Vec<_> = values.map(|(name, value)| (name, shown(value))).collect();
            fields.sort();
            let fields: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
            assert_eq!(fields.join(" "), want, "{args:?} of seed {seed}, record {nth}");
        }
        compared += 1;
    }
    assert!(compared > 50, "{compared} files were compared");
}
