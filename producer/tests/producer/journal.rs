//! `journal`: what systemd's own programs write, as `journalctl` reads it; and what is no journal.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{run, run_on};

/// Entries in the form that `systemd-journal-remote` takes.
fn export(which: impl Iterator<Item = u64>) -> Vec<u8> {
    let mut text = Vec::new();
    for n in which {
        let message = match n % 50 {
            7 => format!("entry {n}\nsecond line"),
            9 => format!("entry {n} {}", "abcd efgh ".repeat(400)),
            _ => format!("entry {n}"),
        };
        let mut fields = vec![
            ("__REALTIME_TIMESTAMP", (1_773_281_411_000_001 + n * 1_000_003).to_string()),
            ("__MONOTONIC_TIMESTAMP", (5_000_000 + n * 1_000_003).to_string()),
            ("_BOOT_ID", format!("{:032x}", if n < 100 { 0xabc } else { 0xdef })),
            ("_HOSTNAME", "web1".to_owned()),
            ("_SYSTEMD_UNIT", format!("{}.service", ["ssh", "cron", "shop"][n as usize % 3])),
            ("PRIORITY", (3 + n % 4).to_string()),
            ("ORDER_ID", n.to_string()),
            ("MESSAGE", message),
        ];
        if n % 10 != 4 {
            fields.push(("_PID", (800 + n % 3).to_string()));
        }
        if n % 20 == 5 {
            fields.push(("ORDER_ID", format!("{n}-again")));
        }
        for (name, value) in fields {
            text.extend_from_slice(name.as_bytes());
            if value.contains('\n') {
                text.push(b'\n');
                text.extend_from_slice(&(value.len() as u64).to_le_bytes());
            } else {
                text.push(b'=');
            }
            text.extend_from_slice(value.as_bytes());
            text.push(b'\n');
        }
        text.push(b'\n');
    }
    text
}

/// Has systemd write a journal of these entries; `None` (said aloud) where there is no systemd.
#[allow(clippy::disallowed_macros)]
fn written(dir: &Path, name: &str, entries: &[u8], settings: &[(&str, &str)]) -> Option<PathBuf> {
    let (path, input) = (dir.join(name), dir.join("export"));
    fs::write(&input, entries).unwrap();
    for program in ["systemd-journal-remote", "/lib/systemd/systemd-journal-remote", "/usr/lib/systemd/systemd-journal-remote"] {
        let mut command = e2e::process::fresh(program);
        let written = command.envs(settings.iter().copied()).arg("-o").arg(&path).arg(&input).output();
        if written.is_ok_and(|written| written.status.success()) && e2e::process::fresh("journalctl").arg("--version").output().is_ok() {
            return Some(path);
        }
    }
    eprintln!(
        "SKIPPED: there is no systemd-journal-remote or no journalctl (Debian: systemd-journal-remote); nothing was compared with them"
    );
    None
}

/// What `journalctl` says of these files, in the names of `producer`.
fn oracle(arguments: &[&str]) -> Vec<BTreeMap<String, String>> {
    let mut command: Command = e2e::process::fresh("journalctl");
    let said = command.args(["-o", "json", "--all", "--no-pager"]).args(arguments).output().unwrap();
    let text = String::from_utf8(said.stdout).unwrap();
    let record = |line: &str| {
        let record: BTreeMap<String, serde_json::Value> = serde_json::from_str(line).unwrap();
        let renamed = |name: &str| match name {
            "_SYSTEMD_UNIT" => "unit".to_owned(),
            "_HOSTNAME" => "host".to_owned(),
            "_PID" => "pid".to_owned(),
            "PRIORITY" => "priority".to_owned(),
            "MESSAGE" => "message".to_owned(),
            other => other.to_owned(),
        };
        let shown = |value: serde_json::Value| match value {
            serde_json::Value::String(text) => text,
            list => list.to_string(),
        };
        record.into_iter().filter(|(name, _)| !name.starts_with("__")).map(|(name, value)| (renamed(&name), shown(value))).collect()
    };
    text.lines().map(record).collect()
}

/// What `producer` says of them, but the time.
fn ours(arguments: &[&str]) -> Vec<BTreeMap<String, String>> {
    let read = run(&[&["journal", "--as", "json", "-q"], arguments].concat()).exits(0).quietly();
    let text = String::from_utf8(read.stdout).unwrap();
    let record = |line: &str| {
        let record: BTreeMap<String, serde_json::Value> = serde_json::from_str(line).unwrap();
        let shown = |value: serde_json::Value| match value {
            serde_json::Value::String(text) => text,
            other => other.to_string(),
        };
        record.into_iter().filter(|(name, value)| name != "time" && !value.is_null()).map(|(name, value)| (name, shown(value))).collect()
    };
    text.lines().map(record).collect()
}

#[test]
fn what_journald_writes_is_read_as_journalctl_reads_it() {
    let dir = tempfile::tempdir().unwrap();
    let all = export(0..300);
    for (name, settings) in [
        ("regular", &[("SYSTEMD_JOURNAL_COMPACT", "0")][..]),
        ("compact", &[("SYSTEMD_JOURNAL_COMPACT", "1")]),
        ("old", &[("SYSTEMD_JOURNAL_COMPACT", "0"), ("SYSTEMD_JOURNAL_KEYED_HASH", "0")]),
        ("lz4", &[("SYSTEMD_JOURNAL_COMPRESS", "lz4")]),
        ("xz", &[("SYSTEMD_JOURNAL_COMPRESS", "xz")]),
    ] {
        let Some(path) = written(dir.path(), &format!("{name}.journal"), &all, settings) else { return };
        let path = path.to_str().unwrap();
        let (want, file) = (oracle(&["--file", path]), [path]);
        assert_eq!(want.len(), 300);
        assert!(ours(&file) == want, "{name}: all");
        assert!(ours(&["--unit", "cron", path]) == oracle(&["--file", path, "--unit", "cron"]), "{name}: a unit");
        let boot = "00000000000000000000000000000def";
        assert!(ours(&[&format!("--boot={boot}"), path]) == oracle(&["--file", path, &format!("_BOOT_ID={boot}")]), "{name}: a boot");
        assert_eq!(ours(&["--since", "2026-03-12T02:12:00Z", "--until", "2026-03-12T02:12:59Z", path]).len(), 59, "{name}");
        // Compressed once more, and through a pipe.
        let of_pipe = run_on(&["journal", "--as", "json", "-q", "-"], &zstd::bulk::compress(&fs::read(path).unwrap(), 1).unwrap()).exits(0);
        assert_eq!(of_pipe.stdout, run(&["auto", "--as", "json", "-q", path]).exits(0).stdout, "{name}: a pipe");
    }
    let both = dir.path().join("both");
    fs::create_dir(&both).unwrap();
    written(&both, "even.journal", &export((0..300).step_by(2)), &[]).unwrap();
    written(&both, "odd.journal", &export((1..300).step_by(2)), &[]).unwrap();
    fs::remove_file(both.join("export")).unwrap();
    let directory = both.to_str().unwrap();
    assert!(ours(&["--directory", directory]) == oracle(&["--directory", directory]), "a directory");
}

#[test]
fn what_is_no_journal_is_said() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("x.journal"), "2026-03-12 a log\n").unwrap();
    fs::write(dir.path().join("y.log"), "no matter\n").unwrap();
    let path = dir.path().to_str().unwrap();
    run(&["journal", path]).exits(1).says("x.journal: it is no journal of journald");
    run(&["journal", "--directory", "/no/such/directory"]).exits(1).says("No such file or directory");
    run_on(&["journal", "-"], b"LPKSHHRH").exits(1).says("torn");
    run(&["csv", "--unit", "x", path]).exits(2).says("`csv` has no --unit");
    run(&["lines", "--boot", path]).exits(2).says("`lines` has no --boot");
    run(&["journal", "--grep", "x", path]).exits(2).says("reads no lines");
}
