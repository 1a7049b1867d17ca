//! The README, the guide and the cookbook are true: every command of their ```` ```console ```` blocks is run, in their order and in one
//! directory, which has the files of `docs/examples`, and says what stands there. `UPDATE_EXPECT=1` writes what came.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{env, fmt::Write, fs, os::unix::fs::symlink, path::Path};

use e2e::{Pipeline, Scratch};

/// There are more in the guide, and in the cookbook; fewer say that the blocks were not found.
const AT_LEAST: usize = 30;

/// A piece of the guide.
#[derive(Debug, PartialEq, Eq)]
enum Piece {
    /// Lines that are not looked at.
    Text(String),
    /// What is typed behind `$ ` and, in further lines, `> `; and what comes out.
    Command { typed: String, output: String },
}

fn pieces(guide: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut is_block = false;
    for line in guide.lines() {
        let is_fence = line.starts_with("```");
        match (is_block && !is_fence, pieces.last_mut()) {
            (true, _) if line.starts_with("$ ") => {
                pieces.push(Piece::Command { typed: line[2..].to_owned(), output: String::new() });
            }
            (true, Some(Piece::Command { typed, output })) => match line.strip_prefix("> ") {
                Some(more) if output.is_empty() => typed.extend(["\n", more]),
                _ => output.extend([line, "\n"]),
            },
            (true, _) => panic!("a block begins without a command: {line}"),
            (false, Some(Piece::Text(text))) => text.extend([line, "\n"]),
            (false, _) => pieces.push(Piece::Text(format!("{line}\n"))),
        }
        is_block = if is_fence { !is_block && line == "```console" } else { is_block };
    }
    pieces
}

fn written(pieces: &[Piece]) -> String {
    let mut guide = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(text) => guide.push_str(text),
            Piece::Command { typed, output } => {
                writeln!(guide, "$ {}", typed.replace('\n', "\n> ")).unwrap();
                guide.push_str(output);
            }
        }
    }
    guide
}

#[test]
fn every_command_of_the_guide_says_what_stands_there() {
    check("GUIDE.md", AT_LEAST);
}

#[test]
fn every_command_of_the_cookbook_says_what_stands_there() {
    check("docs/cookbook.md", AT_LEAST);
}

#[test]
fn every_command_of_the_readme_says_what_stands_there() {
    check("README.md", 12);
}

fn check(name: &str, at_least: usize) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let path = root.join(name);
    let guide = fs::read_to_string(&path).unwrap();
    let scratch = Scratch::new();
    symlink(root.join("scripts"), scratch.path().join("scripts")).unwrap();
    for example in fs::read_dir(root.join("docs/examples")).unwrap() {
        let example = example.unwrap();
        // A copy: a guide may make a file of the same name.
        fs::copy(example.path(), scratch.path().join(example.file_name())).unwrap();
    }
    let mut came = pieces(&guide);
    let mut commands = 0;
    for piece in &mut came {
        if let Piece::Command { typed, output } = piece {
            commands += 1;
            // As on a terminal, both outputs are one.
            let run = Pipeline::shell(&format!("exec 2>&1\nexport PYTHONPATH={}\n{typed}", root.join("python").display()));
            let outcome = run.dir(scratch.path()).run().exits(&[0]);
            *output = outcome.text();
        }
    }
    assert!(commands >= at_least, "only {commands} commands found in {}", path.display());
    let came = written(&came);
    if env::var_os("UPDATE_EXPECT").is_some_and(|value| value == "1") {
        fs::write(&path, &came).unwrap();
    }
    let first = guide.lines().zip(came.lines()).enumerate().find(|(_, (stands, comes))| stands != comes);
    assert!(guide == came, "line, what stands there, what came: {first:?}; UPDATE_EXPECT=1 writes it");
}

#[test]
fn a_guide_is_taken_apart_and_put_together_again() {
    let guide = "# A\n\n```console\n$ a\n1\n> 2\n$ b << X\n> c\n> X\n```\n\n```text\n$ no\n```\nb\n";
    let pieces = pieces(guide);
    assert_eq!(pieces[1], Piece::Command { typed: "a".to_owned(), output: "1\n> 2\n".to_owned() });
    assert_eq!(pieces[2], Piece::Command { typed: "b << X\nc\nX".to_owned(), output: String::new() });
    assert_eq!(pieces.len(), 4);
    assert_eq!(written(&pieces), guide);
}
