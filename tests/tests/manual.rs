//! What the programs say of themselves, as whoever installs them meets it: help topics, completions in real shells, man pages.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::io::{self, Write as _};

use e2e::{Pipeline, Program, Scratch};

const PROGRAMS: [&str; 3] = ["producer", "consumer", "recpipe"];

/// Whether there is such a program on this system; says so where there is none.
fn is_there(program: &str) -> bool {
    let is_there = Pipeline::shell(&format!("command -v {program} > /dev/null && echo yes")).run().text() == "yes\n";
    if !is_there {
        // Whether anybody reads it is no matter.
        let _ = writeln!(io::stderr(), "skipped: there is no {program}");
    }
    is_there
}

/// A directory with a table, and the scripts of all programs for this shell.
fn scripts(shell: &str) -> Scratch {
    let scratch = Scratch::new();
    scratch.write("sales.csv", "item,price,shop\ntea,3,a\n");
    for program in PROGRAMS {
        let script = Pipeline::shell(&format!("{program} completions {shell}")).run().succeeds();
        scratch.write(&format!("{program}.{shell}"), script.stdout);
    }
    scratch
}

/// What was typed, the last word of it to be completed, and what may stand there, among others.
const TYPED: [(&[&str], &[&str]); 14] = [
    (&["producer", "nginx-e"], &["nginx-error"]),
    (&["producer", "csv", "sales.csv", "--fields", ""], &["item", "price", "shop"]),
    (&["producer", "csv", "--fields", "item,pr", "sales.csv"], &[]),
    (&["producer", "csv", "sales.csv", "--fields", "item,pr"], &["item,price"]),
    (&["producer", "csv", "sales.csv", "--cast", "pr"], &["price="]),
    (&["producer", "csv", "sales.csv", "--cast", "price=fl"], &["price=float"]),
    (&["producer", "csv", "sal"], &["sales.csv"]),
    (&["producer", "help", "templ"], &["templates"]),
    (&["producer", "completions", "ba"], &["bash"]),
    (&["consumer", "where x > 1 | pivo"], &["where x > 1 | pivot"]),
    (&["consumer", "help", "unpi"], &["unpivot"]),
    (&["recpipe", "csv", "sales.csv", "sort "], &["sort item", "sort price", "sort shop"]),
    (&["recpipe", "csv", "sales.csv", "stats su"], &["stats sum"]),
    (&["recpipe", "csv", "sales.csv", "--memo"], &["--memory"]),
];

/// Completes all of them by a script that ends with `ask`, which is given the words; each answer is a line of words in brackets.
fn complete(program: &str, scratch: &Scratch, begin: &str, ask: impl Fn(&[String]) -> String) {
    let quoted = |word: &&str| format!("'{word}'");
    let lines: Vec<String> = TYPED.iter().map(|(words, _)| ask(&words.iter().map(quoted).collect::<Vec<_>>())).collect();
    scratch.write("ask", format!("{begin}\n{}\n", lines.join("\n")));
    let outcome = Pipeline::shell(&format!("exec {program} ./ask")).dir(scratch.path()).run();
    let text = outcome.text();
    let answers: Vec<&str> = text.lines().collect();
    assert_eq!(answers.len(), TYPED.len(), "{outcome}");
    for ((words, expected), answer) in TYPED.iter().zip(answers) {
        assert!(expected.iter().all(|word| answer.contains(&format!("[{word}]"))), "{program}: {words:?}: {answer}\n{outcome}");
    }
    assert!(text.lines().nth(3).is_some_and(|line| line.trim() == "[item,price]"), "nothing else fits\n{outcome}");
}

#[test]
fn bash_completes() {
    if !is_there("bash") {
        return;
    }
    let begin = "for p in producer consumer recpipe; do source ./$p.bash; done\n\
                 c() { COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); COMP_TYPE=9; COMPREPLY=()\n\
                 _clap_complete_$1 \"$1\" \"${COMP_WORDS[COMP_CWORD]}\" \"${COMP_WORDS[COMP_CWORD - 1]}\"\n\
                 printf '[%s] ' \"${COMPREPLY[@]}\"; echo; }";
    complete("bash --norc", &scripts("bash"), begin, |words| format!("c {}", words.join(" ")));
}

#[test]
fn zsh_completes() {
    if !is_there("zsh") {
        return;
    }
    // What is typed is completed within zsh's line editor alone: its two functions are replaced.
    let begin = "compdef() { : }\n_describe() { print -rn -- \"[${(j:] [:)${(@)${(@P)3}%%:*}}] \" }\n\
                 for p in producer consumer recpipe; do source ./$p.zsh; done\n\
                 c() { words=(\"$@\"); CURRENT=$#; _clap_dynamic_completer_$1; print }";
    complete("zsh -f", &scripts("zsh"), begin, |words| format!("c {}", words.join(" ")));
}

#[test]
fn fish_completes() {
    if !is_there("fish") {
        return;
    }
    let begin = "for p in producer consumer recpipe; source ./$p.fish; end\n\
                 function c; for w in (complete -C $argv[1] | string replace -r '\\t.*' ''); printf '[%s] ' $w; end; echo; end";
    complete("fish --no-config", &scripts("fish"), begin, |words| {
        // The last word is open: its quote is not closed.
        let (last, before) = words.split_last().unwrap();
        let open = last.trim_matches('\'');
        let open = if open.contains(' ') { format!("\\'{open}") } else { open.to_owned() };
        let before: Vec<&str> = before.iter().map(|word| word.trim_matches('\'')).collect();
        format!("c '{} {open}'", before.join(" "))
    });
}

#[test]
fn man_pages_are_sound() {
    let scratch = Scratch::new();
    let written = Pipeline::shell("recpipe man --dir pages").dir(scratch.path()).run().succeeds();
    let names: Vec<&str> = written
        .stdout
        .split(|byte| *byte == b'\n')
        .filter_map(|line| std::str::from_utf8(line).ok())
        .filter(|line| !line.is_empty())
        .collect();
    assert!(names.len() > 30 && names.contains(&"pages/recpipe.1") && names.contains(&"pages/producer-csv.5"), "{written}");
    let alone = Pipeline::shell(
        "for p in producer consumer; do $p man --dir $p > /dev/null || exit; for f in $p/*; do cmp $f pages/${f#*/} || exit; done; done",
    );
    alone.dir(scratch.path()).run().succeeds();
    Pipeline::shell("recpipe man | cmp - pages/recpipe.1").dir(scratch.path()).run().succeeds();
    if is_there("mandoc") {
        let lint = Pipeline::shell("mandoc -T lint -W error pages/*").dir(scratch.path()).run();
        assert_eq!((lint.text().as_str(), lint.end(Program::Shell).code()), ("", Some(0)), "{lint}");
    }
    if is_there("man") {
        let script = "for f in pages/*; do LC_ALL=C.UTF-8 MANWIDTH=100 man --warnings -E UTF-8 -l -Tutf8 -Z $f > /dev/null || exit; done";
        Pipeline::shell(script).dir(scratch.path()).run().succeeds();
    }
}

#[test]
fn every_program_has_the_topics() {
    for program in PROGRAMS {
        for topic in ["times", "regex", "null", "templates", "examples"] {
            let told = Pipeline::shell(&format!("{program} help {topic}")).run().succeeds().text();
            assert!(told.lines().count() > 5, "{program} help {topic}: {told}");
        }
        for (option, most) in [("-h", 45), ("--help", 500)] {
            let told = Pipeline::shell(&format!("{program} {option}")).run().succeeds().text();
            assert!((20..=most).contains(&told.lines().count()), "{program} {option}: {told}");
        }
        let unknown = Pipeline::shell(&format!("{program} completions tcsh")).run().exits(&[2]);
        assert!(unknown.end(Program::Shell).stderr.contains("bash, fish, zsh"), "{unknown}");
    }
}

#[test]
fn the_examples_of_the_help_are_answered() {
    let scratch = Scratch::new();
    let log = "10.0.0.1 - - [03/Aug/2026:10:00:00 +0000] \"GET /a.php HTTP/1.1\" 404 5\n";
    scratch.write("access.log", log);
    scratch.write("sales.csv", "item,price,shop,zip\ntea,3,a,01234\n");
    scratch.write("events.json", "{\"level\":\"info\"}\n");
    let mut examples = String::new();
    for told in ["recpipe help examples", "recpipe -h", "producer -h", "consumer -h"] {
        examples += &Pipeline::shell(told).run().succeeds().text();
    }
    // These need a server, or another host.
    let is_here =
        |line: &&str| !line.contains("/var/log/nginx") && !line.starts_with("recpipe [OPTIONS]") && !line.starts_with("recpipe help [");
    let commands: Vec<&str> = examples
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with("recpipe ") || line.starts_with("producer "))
        .filter(is_here)
        .collect();
    assert!(commands.len() >= 14, "{examples}");
    for command in commands {
        let outcome = Pipeline::shell(command).dir(scratch.path()).run().exits(&[0]).quietly();
        assert!(!outcome.stdout.is_empty(), "{outcome}");
    }
}
