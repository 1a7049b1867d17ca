//! Hostile data that Python writes and reads: our records are the same. Skipped, loudly, where there is no python3.

use std::fs;
use std::process::Command;

use recpipe::Value;

use crate::harness::run;

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
#[allow(clippy::disallowed_methods, clippy::disallowed_macros)]
fn python_reads_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/producer/oracle.py");
    let seed = std::env::var("ORACLE_SEED").unwrap_or_else(|_| "1".to_owned());
    match Command::new("python3").arg(script).arg(dir.path()).arg(&seed).status() {
        Err(e) => return eprintln!("SKIPPED: python3 cannot be run ({e}); nothing was compared with it"),
        Ok(status) => assert!(status.success(), "{status}"),
    }
    for format in ["csv", "json"] {
        for i in 0..12 {
            let path = dir.path().join(format!("{i}.{format}"));
            let outcome = run(&[format, "-q", "--max-errors", "100%", path.to_str().unwrap()]).exits(0);
            let want = fs::read_to_string(format!("{}.want", path.display())).unwrap();
            let stream = outcome.stream();
            let rows: Vec<_> = stream.batches.iter().flat_map(|batch| batch.rows()).collect();
            assert_eq!(rows.len(), want.lines().count(), "{i}.{format} of seed {seed}");
            for (nth, (row, want)) in rows.iter().zip(want.lines()).enumerate() {
                let same = want.split('|').zip(row.values()).all(|(want, value)| is_same(value, want));
                assert!(same, "{i}.{format} of seed {seed}, record {nth}: {row:?} is not {want}");
            }
        }
    }
}
