//! What may import what: no circle among the folders, and what each may never know.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Of each module at the top of the crate, those that it imports, and by which files.
type Imports = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// The files of the program; those of tests alone are left out.
fn files(below: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(below).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        match path.is_dir() {
            _ if stem == "tests" || stem == "oracle" => {}
            true => files(&path, found),
            false => found.push(path),
        }
    }
}

/// The text without comments and without the modules that are for tests.
fn program(text: &str) -> String {
    let mut kept = String::new();
    let mut in_tests = false;
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let begins = line == "#[cfg(test)]" && lines.peek().is_some_and(|next| next.contains("mod ") && next.ends_with('{'));
        in_tests |= begins;
        if !in_tests {
            kept.push_str(line.split("//").next().unwrap());
            kept.push('\n');
        }
        in_tests &= line != "}";
    }
    kept
}

/// The modules at the top of the crate that a program names.
fn named(program: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    for (at, _) in program.match_indices("crate::") {
        let rest = &program[at + "crate::".len()..];
        let Some(list) = rest.strip_prefix('{') else {
            names.insert(word(rest));
            continue;
        };
        let (mut depth, mut begins) = (0_usize, true);
        for (i, c) in list.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => begins = true,
                c if begins && depth == 0 && c.is_alphabetic() => {
                    names.insert(word(&list[i..]));
                    begins = false;
                }
                _ => {}
            }
        }
    }
    names
}

fn imports() -> Imports {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    files(&root, &mut paths);
    let module = |path: &Path| {
        let first = path.strip_prefix(&root).unwrap().components().next().unwrap();
        first.as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned()
    };
    let known: BTreeSet<String> = paths.iter().map(|path| module(path)).collect();
    assert!(known.len() > 15, "{known:?}");
    let mut imports = Imports::new();
    for path in &paths {
        let from = module(path);
        for to in named(&program(&fs::read_to_string(path).unwrap())) {
            if to != from && known.contains(&to) {
                let file = path.strip_prefix(&root).unwrap().display().to_string();
                imports.entry(from.clone()).or_default().entry(to).or_default().insert(file);
            }
        }
    }
    imports
}

/// A way from a module back to itself.
fn circle(imports: &Imports, from: &str) -> Option<Vec<String>> {
    let mut ways = vec![vec![from.to_owned()]];
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop() {
        for next in imports.get(way.last().unwrap()).into_iter().flat_map(BTreeMap::keys) {
            let longer: Vec<String> = way.iter().chain([next]).cloned().collect();
            if next == from {
                return Some(longer);
            }
            if seen.insert(next.clone()) {
                ways.push(longer);
            }
        }
    }
    None
}

#[test]
fn no_module_imports_itself_by_others() {
    let imports = imports();
    for module in imports.keys() {
        let found = circle(&imports, module);
        assert!(found.is_none(), "{}", found.unwrap().join(" -> "));
    }
}

#[test]
fn what_is_below_knows_nothing_above() {
    let imports = imports();
    for (module, never) in [
        ("memory", &["language", "plan", "stage", "output", "execute"][..]),
        ("expr", &["language", "plan", "stage", "output", "execute", "function", "aggregate"]),
        ("writer", &["language", "plan", "stage", "output", "execute"]),
        ("plan", &["language", "stage", "output", "function", "aggregate", "sort", "execute", "catalog"]),
        ("language", &["stage", "output", "function", "aggregate", "sort", "execute", "catalog", "input"]),
        ("function", &["plan", "stage", "output", "aggregate", "sort", "execute", "catalog", "input"]),
        ("aggregate", &["stage", "output", "function", "execute", "catalog", "input"]),
        ("stage", &["output", "execute", "catalog", "input"]),
        ("output", &["stage", "execute", "catalog", "input"]),
        ("input", &["cli", "language", "plan", "stage", "output", "execute"]),
        ("execute", &["cli", "stage"]),
    ] {
        let all = imports.get(module).unwrap_or_else(|| panic!("{module} imports nothing: is it still there?"));
        for never in never {
            assert!(!all.contains_key(*never), "{module} imports {never}: {:?}", all[*never]);
        }
    }
}

#[test]
fn a_circle_is_seen() {
    let text = "use crate::{\n    plan::{Plan, stage::X},\n    sort,\n};\n// crate::input\n#[cfg(test)]\nmod tests {\n    use crate::output;\n}\nfn f(_: crate::expr::Expr) {}\n";
    assert_eq!(named(&program(text)), ["expr", "plan", "sort"].map(str::to_owned).into());
    let mut imports = Imports::new();
    for (from, to) in [("a", "b"), ("b", "c"), ("c", "a"), ("d", "a")] {
        imports.entry(from.into()).or_default().insert(to.into(), BTreeSet::new());
    }
    assert_eq!(circle(&imports, "a").unwrap(), ["a", "b", "c", "a"]);
    assert!(circle(&imports, "d").is_none());
}
