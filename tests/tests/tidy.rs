//! The rules that the sources keep, most of them about what is absent. `ARCHITECTURE.md` gives the reasons.
//!
//! Each rule is tried on a source that breaks it before it is believed, and says how many files it looked at.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    collections::BTreeSet,
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use e2e::{Pipeline, Scratch, case};

/// Longer files are too long to be read at a sitting.
const MAX_LINES: usize = 500;

/// The packages, and the targets for fuzzing.
const ROOTS: [&str; 5] = ["shared", "producer", "consumer", "tests", "fuzz"];

/// Files with `unsafe` in them.
const UNSAFE: [&str; 1] = ["producer/src/simd/avx2.rs"];

/// Files that start processes: those of the tests.
const STARTS_PROCESSES: [&str; 4] =
    ["shared/src/transport/scheme/exec.rs", "tests/src/process.rs", "tests/src/python.rs", "producer/tests/producer/harness.rs"];

/// Files whose threads nobody joins: those that wait in a call of the system that cannot be told to stop.
const LEAVES_THREADS: [&str; 1] = ["consumer/src/stage/resolver.rs"];

/// Files that name the serializer.
const SERIALIZES: [&str; 1] = ["shared/src/wire/serializer.rs"];

/// Where the program itself may panic, what stands there, and why.
const MAY_PANIC: [(&str, &str, &str); 0] = [];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies in the workspace")
}

/// A source file.
struct Source {
    /// From the root of the workspace, with slashes.
    path: String,
    text: String,
}

impl Source {
    /// Whether it lies where only tests lie.
    fn is_test(&self) -> bool {
        self.path.split('/').any(|part| matches!(part, "tests" | "tests.rs" | "benches" | "fuzz"))
    }

    /// The files that it declares as modules for tests: `#[cfg(test)] mod oracle;`.
    fn test_modules(&self) -> Vec<String> {
        let directory = match self.path.rsplit_once('/') {
            Some((directory, "mod.rs" | "lib.rs" | "main.rs")) => directory.to_owned(),
            _ => self.path.trim_end_matches(".rs").to_owned(),
        };
        let lines: Vec<_> = self.text.lines().collect();
        let declared = lines.windows(2).filter(|two| is_for_tests(two[0])).filter_map(|two| {
            let name = two[1].split("mod ").nth(1)?.strip_suffix(';')?;
            Some(format!("{directory}/{name}.rs"))
        });
        declared.collect()
    }

    /// The lines with their numbers, without comments.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(i, line)| (i + 1, line)).filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    /// The lines of [`Source::code`] that are part of the program: not those of a `#[cfg(test)]` item.
    fn program(&self) -> Vec<(usize, &str)> {
        if self.is_test() {
            return Vec::new();
        }
        let (mut lines, mut code) = (Vec::new(), self.code());
        while let Some((number, line)) = code.next() {
            if !is_for_tests(line) {
                lines.push((number, line));
                continue;
            }
            // The item after it: one line, or as far as the brace that stands where the attribute stands.
            let indent = &line[..line.len() - line.trim_start().len()];
            let item = code.by_ref().find(|(_, line)| !line.trim_start().starts_with("#[")).map_or("", |(_, line)| line);
            if !item.trim_end().ends_with([';', '}']) {
                let (end, end_of_use) = (format!("{indent}}}"), format!("{indent}}};"));
                code.by_ref().find(|(_, line)| [&end, &end_of_use].contains(&&line.to_string()));
            }
        }
        lines
    }
}

/// Whether it is the attribute of an item that is there only for tests, on all systems or on some.
fn is_for_tests(line: &str) -> bool {
    let line = line.trim();
    line == "#[cfg(test)]" || line.starts_with("#[cfg(all(test,")
}

/// What is wrong with one file: the number of the line, and what.
type Found = Vec<(usize, String)>;

fn walk(directory: &Path, extension: &str, into: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !["target", "corpus", "artifacts"].contains(&&*name) && !name.starts_with('.') {
            walk(&path, extension, into);
        } else if path.extension().is_some_and(|found| found == extension) {
            into.push(path);
        }
    }
}

/// All files below these directories with this extension, sorted.
fn sources(below: &[&str], extension: &str) -> Vec<Source> {
    let mut paths = Vec::new();
    for directory in below {
        walk(&root().join(directory), extension, &mut paths);
    }
    paths.sort();
    let relative = |path: &Path| path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
    paths.iter().map(|path| Source { path: relative(path), text: String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned() }).collect()
}

/// Applies a rule to files, after it has been tried on one that breaks it.
fn check(rule: impl Fn(&Source) -> Found, files: &[Source], breaks: (&str, &str)) {
    let broken = Source { path: breaks.0.to_owned(), text: breaks.1.to_owned() };
    assert!(!rule(&broken).is_empty(), "the rule does not see what breaks it:\n{}", breaks.1);
    assert!(!files.is_empty(), "no file was looked at");
    let found: Vec<_> =
        files.iter().flat_map(|file| rule(file).into_iter().map(move |(line, what)| format!("{}:{line}: {what}", file.path))).collect();
    assert!(found.is_empty(), "{} in {} files:\n{}", found.len(), files.len(), found.join("\n"));
}

fn rust() -> Vec<Source> {
    let files = sources(&ROOTS, "rs");
    assert!(files.len() > 60, "only {} files found", files.len());
    files
}

/// The Rust files below these directories that are part of a program.
fn programs(below: &[&str]) -> Vec<Source> {
    let files = sources(below, "rs");
    let tests: BTreeSet<_> = files.iter().flat_map(Source::test_modules).collect();
    files.into_iter().filter(|file| !file.is_test() && !tests.contains(&file.path)).collect()
}

/// The lines of the program that hold one of these, except in the files where it is allowed.
fn without<'a>(what: &'a [&'a str], allowed: &'a [&'a str]) -> impl Fn(&Source) -> Found + 'a {
    move |file| {
        if allowed.contains(&&*file.path) {
            return Vec::new();
        }
        let holds = |line: &str| what.iter().find(|word| line.contains(**word));
        file.program().into_iter().filter_map(|(number, line)| holds(line).map(|word| (number, format!("`{word}`")))).collect()
    }
}

#[test]
fn every_file_says_what_it_is() {
    let rule = |file: &Source| if file.text.starts_with("//! ") { Vec::new() } else { vec![(1, "no `//!` at the top".to_owned())] };
    check(rule, &rust(), ("x.rs", "use std::fs;\n"));
}

#[test]
fn no_file_is_too_long() {
    let rule = |file: &Source| match file.text.lines().count() {
        lines if lines > MAX_LINES => vec![(lines, format!("more than {MAX_LINES} lines"))],
        _ => Vec::new(),
    };
    check(rule, &rust(), ("x.rs", &"//! x\n".repeat(MAX_LINES + 1)));
}

#[test]
fn lines_end_where_their_text_ends() {
    let rule = |file: &Source| {
        let mut found: Found = file
            .text
            .split('\n')
            .enumerate()
            .filter(|(_, line)| line.ends_with([' ', '\t', '\r']))
            .map(|(i, _)| (i + 1, "blanks at the end".to_owned()))
            .collect();
        if !file.text.is_empty() && !file.text.ends_with('\n') {
            found.push((file.text.lines().count(), "no line break at the end".to_owned()));
        }
        found
    };
    check(rule, &rust(), ("x.rs", "//! x \n"));
    check(rule, &rust(), ("x.rs", "//! x"));
    let mut others = sources(&["shared", "producer", "consumer", "fuzz", "docs", "scripts", "python"], "md");
    others.extend(sources(&["shared", "producer", "consumer", "fuzz", "scripts"], "toml"));
    others.extend(sources(&["scripts"], "sh"));
    others.extend(sources(&["python"], "py"));
    check(rule, &others, ("x.md", "a\t\n"));
}

#[test]
fn nothing_is_of_one_machine() {
    // Put together here, so that this file keeps the rule.
    let paths = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/")];
    let rule = |file: &Source| {
        let holds = |line: &str| paths.iter().any(|path| line.contains(path));
        file.text.lines().enumerate().filter(|(_, line)| holds(line)).map(|(i, _)| (i + 1, "a path of one machine".to_owned())).collect()
    };
    let mut files = rust();
    files.extend(sources(&["docs", "scripts", "tests"], "md"));
    files.extend(sources(&["scripts"], "sh"));
    files.extend(sources(&["tests/cases"], "toml"));
    check(rule, &files, ("x.rs", &format!("open(\"{}x\")\n", paths[0])));
}

#[test]
fn programs_do_not_panic() {
    let rule = |file: &Source| {
        let words = [".unwrap()", ".expect(", "panic!(", "unreachable!(", "todo!(", "unimplemented!(", ".unwrap_err()", ".expect_err("];
        let allowed = |line: &str| MAY_PANIC.iter().any(|(path, text, _)| *path == file.path && line.contains(text));
        // An unreachable with a reason is a claim that a reader can check; a bare one is not.
        let reasoned = |line: &str| line.contains("unreachable!(\"");
        let lines = file
            .program()
            .into_iter()
            .filter(|(_, line)| words.iter().any(|word| line.contains(word)) && !allowed(line) && !reasoned(line));
        lines.map(|(number, line)| (number, line.trim().to_owned())).collect()
    };
    let files = programs(&ROOTS);
    check(rule, &files, ("producer/src/x.rs", "//! x\nfn f() {\n    g().unwrap();\n}\n"));
    check(rule, &files, ("producer/src/x.rs", "#[cfg(test)]\nmod tests {\n    fn f() {}\n}\nfn f() { panic!(\"after the tests\"); }\n"));
    for (path, text, _) in MAY_PANIC {
        assert!(
            files.iter().any(|file| file.path == path && file.text.contains(text)),
            "{path} no longer has `{text}`: take it off the list"
        );
    }
}

#[test]
fn tests_within_a_file_are_not_taken_for_the_program() {
    let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {\n        c();\n    }\n}\nfn d() {}\n#[cfg(all(test, unix))]\nmod oracle;\nfn e() {}\n\
                #[cfg(test)]\nuse a::{\n    b,\n};\nfn f() {}\n    #[cfg(test)]\n    #[inline]\n    fn g() {\n        h()\n    }\nfn i() {}\n";
    let file = Source { path: "consumer/src/x.rs".to_owned(), text: text.to_owned() };
    assert_eq!(
        file.program().iter().map(|(_, line)| *line).collect::<Vec<_>>(),
        ["fn a() {}", "fn d() {}", "fn e() {}", "fn f() {}", "fn i() {}"]
    );
    assert_eq!(file.test_modules(), ["consumer/src/x/oracle.rs"]);
}

#[test]
fn nothing_is_unsafe_but_the_search_for_marks() {
    let rule = |file: &Source| {
        let is_unsafe = |line: &str| {
            line.contains("unsafe {") || line.contains("unsafe fn") || line.contains("unsafe impl") || line.contains("allow(unsafe_code)")
        };
        file.code()
            .filter(|(_, line)| !UNSAFE.contains(&&*file.path) && !file.path.ends_with("tests/tidy.rs") && is_unsafe(line))
            .map(|(number, _)| (number, "`unsafe`".to_owned()))
            .collect()
    };
    check(rule, &rust(), ("consumer/src/x.rs", "fn f() {\n    unsafe { g() }\n}\n"));
}

#[test]
fn queues_are_bounded_and_threads_are_joined() {
    check(
        without(&["unbounded(", "mpsc::channel(", "unbounded::<"], &[]),
        &programs(&ROOTS),
        ("shared/src/x.rs", "let (a, b) = unbounded();\n"),
    );
    check(
        without(&["thread::spawn(", "Builder::new().spawn("], &LEAVES_THREADS),
        &programs(&ROOTS),
        ("shared/src/x.rs", "thread::spawn(|| ());\n"),
    );
}

#[test]
fn one_file_starts_processes() {
    let rule = |file: &Source| {
        let allowed = STARTS_PROCESSES.contains(&&*file.path) || file.path.ends_with("tests/tidy.rs");
        file.code()
            .filter(|(_, line)| !allowed && line.contains("Command::new") && !line.contains("clap::Command::new"))
            .map(|(number, _)| (number, "starts a process".to_owned()))
            .collect()
    };
    check(rule, &rust(), ("producer/src/x.rs", "let child = Command::new(\"x\");\n"));
}

#[test]
fn one_file_names_the_serializer() {
    check(without(&["bincode"], &SERIALIZES), &programs(&ROOTS), ("shared/src/x.rs", "use bincode::Encode;\n"));
    for package in ["producer", "consumer", "tests"] {
        assert!(!dependencies(package).iter().any(|name| name == "bincode"), "{package} depends on the serializer");
    }
}

#[test]
fn messages_do_not_panic_when_nobody_reads() {
    let what = ["println!(", "print!(", "eprintln!(", "eprint!("];
    check(without(&what, &[]), &programs(&ROOTS), ("producer/src/x.rs", "    println!(\"x\");\n"));
}

/// The names of the packages that a package of the workspace depends on, those of its tests aside.
fn dependencies(package: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join(package).join("Cargo.toml")).unwrap();
    let manifest: toml::Table = toml::from_str(&text).unwrap();
    let names: Vec<_> = manifest["dependencies"].as_table().unwrap().keys().cloned().collect();
    assert!(!names.is_empty());
    names
}

#[test]
fn packages_depend_on_each_other_in_one_direction() {
    for (package, absent) in [
        ("shared", &["recpipe-producer", "recpipe-consumer"][..]),
        ("producer", &["recpipe-consumer"]),
        ("consumer", &["recpipe-producer"]),
    ] {
        let names = dependencies(package);
        assert!(package == "shared" || names.iter().any(|name| name == "recpipe"), "{package} does not use what both share");
        assert!(!absent.iter().any(|other| names.iter().any(|name| name == other)), "{package} depends on one of {absent:?}");
    }
}

#[test]
fn what_is_shared_knows_no_format_no_query_and_no_command_line() {
    let names = dependencies("shared");
    for absent in ["clap", "regex", "globset", "walkdir", "flate2", "bzip2", "csv", "serde_json", "quick-xml"] {
        assert!(!names.iter().any(|name| name == absent), "shared depends on {absent}");
    }
    let what = ["clap::", "regex::", "Regex", "apache", "\"csv\"", "\"json\"", "consumer::", "producer::"];
    check(without(&what, &[]), &programs(&["shared/src"]), ("shared/src/x.rs", "use clap::Parser;\n"));
}

#[test]
fn stages_know_no_frames_and_inputs_no_format() {
    let frames = ["wire::", " Reader", " Writer", "Incoming"];
    let files = programs(&["consumer/src/stage", "consumer/src/aggregate", "consumer/src/expr"]);
    check(without(&frames, &[]), &files, ("consumer/src/stage/x.rs", "use recpipe::wire::Reader;\n"));
    check(
        without(&["format::", "apache"], &[]),
        &programs(&["producer/src/input"]),
        ("producer/src/input/x.rs", "use crate::format::Format;\n"),
    );
    let io = ["std::fs", "File::open", "std::io::Read"];
    // The records of `find` are the files themselves; a journal is read from anywhere in its files, as `columnar` is by its crates.
    let files_are_records =
        ["find.rs", "journal/file.rs", "journal/follow.rs", "journal/unpack.rs"].map(|file| format!("producer/src/format/{file}"));
    let files_are_records = files_are_records.each_ref().map(String::as_str);
    check(without(&io, &files_are_records), &programs(&["producer/src/format"]), ("producer/src/format/x.rs", "use std::fs;\n"));
}

/// The values of a key in the files of words below some folders, such as `name: "where"`.
fn words_of(folders: &[&str], key: &str) -> Vec<String> {
    let texts: Vec<String> = programs(folders).into_iter().map(|file| file.text).collect();
    let values = texts
        .iter()
        .flat_map(|text| text.lines())
        .filter_map(|line| line.trim().strip_prefix(key))
        .flat_map(|rest| rest.split('"').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>());
    values.collect()
}

const STAGES: [&str; 2] = ["consumer/src/stage", "consumer/src/output"];

#[test]
fn every_word_of_the_language_has_a_case() {
    let queries: String = case::find().iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let stages = words_of(&STAGES, "name:");
    assert!(stages.len() > 10 && stages.iter().any(|name| name == "where"), "{stages:?}");
    for stage in stages {
        assert!(case::directory().join(&stage).is_dir(), "there are no cases in cases/{stage}/");
    }
    let synonyms = words_of(&STAGES, "synonyms:");
    assert!(synonyms.len() > 5, "{synonyms:?}");
    for synonym in synonyms {
        assert!(case::directory().join("synonyms").join(format!("{synonym}.toml")).is_file(), "there is no cases/synonyms/{synonym}.toml");
    }
    let called: BTreeSet<_> = words_of(&["consumer/src/function", "consumer/src/aggregate"], "name:").into_iter().collect();
    assert!(called.len() > 40, "{called:?}");
    for word in called {
        assert!(queries.contains(&format!("{word}(")), "no case calls `{word}`");
    }
}

#[test]
fn every_stage_and_format_is_in_its_directory_and_its_table() {
    let mut checked = 0;
    for (directory, not_one) in
        [("consumer/src/stage", &["mod", "tests"][..]), ("consumer/src/output", &["mod", "tests"]), ("producer/src/format", &["mod"])]
    {
        let table = fs::read_to_string(root().join(directory).join("mod.rs")).unwrap();
        for entry in fs::read_dir(root().join(directory)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            if path.is_dir() || not_one.contains(&&*name) {
                continue;
            }
            checked += 1;
            assert!(table.contains(&format!("mod {name};")), "{directory}/{name}.rs is not in {directory}/mod.rs");
        }
    }
    assert!(checked > 10, "only {checked} files");
}

#[test]
fn no_folder_imports_itself_through_others() {
    if Pipeline::shell("command -v python3 >/dev/null && echo yes").run().text() != "yes\n" {
        // Whether anybody reads it is no matter.
        let _ = writeln!(io::stderr(), "skipped: there is no python3");
        return;
    }
    let circles = |root: &Path| Pipeline::shell("exec python3 -B scripts/import-circles").dir(root).run();
    // The script looks at the tree in which it stands: at first, at one that has a circle.
    let broken = Scratch::new();
    broken.write("scripts/import-circles", fs::read(root().join("scripts/import-circles")).unwrap());
    for package in ["shared", "producer", "consumer"] {
        broken.write(&format!("{package}/src/lib.rs"), "mod a;\nmod b;\n");
        broken.write(&format!("{package}/src/a/mod.rs"), "use crate::b::B;\npub struct A(B);\n");
        broken.write(&format!("{package}/src/b/mod.rs"), "use crate::a::A;\npub struct B(Option<Box<A>>);\n");
    }
    circles(broken.path()).exits(&[1]);
    circles(root()).exits(&[0]);
}

#[test]
fn every_path_in_the_maps_exists() {
    let tops = ["shared/", "producer/", "consumer/", "tests/", "fuzz/", "scripts/", "docs/", "python/"];
    let is_path_char = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    for map in ["ARCHITECTURE.md", "CONTRIBUTING.md"] {
        let text = fs::read_to_string(root().join(map)).unwrap();
        let words = text.split(|c: char| !is_path_char(c)).map(|word| word.trim_end_matches(['.', '/']));
        let paths: BTreeSet<_> = words.filter(|word| tops.iter().any(|top| word.starts_with(top) && word.len() > top.len())).collect();
        assert!(paths.len() > 10, "{map} names {} files", paths.len());
        let missing: Vec<_> = paths.iter().filter(|path| !root().join(path).exists()).collect();
        assert!(missing.is_empty(), "of {} paths named in {map} these do not exist: {missing:?}", paths.len());
    }
}
