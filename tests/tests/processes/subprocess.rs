//! `pipe`: records through another program.

use e2e::{Pipeline, Program, Scratch, log::Log};

fn shell(scratch: &Scratch, script: &str) -> e2e::Outcome {
    Pipeline::shell(script).dir(scratch.path()).run()
}

#[test]
fn what_a_program_passes_on_is_what_came() {
    let scratch = Scratch::new();
    scratch.write("log", Log::common(311, 20_000).text());
    for form in ["json", "pickle"] {
        for threads in ["1", "4"] {
            let query =
                |pipe: &str| format!("producer apache -j {threads} log | consumer -j {threads} '{pipe}select host, status, bytes | csv'");
            let expect = shell(&scratch, &query("")).exits(&[0]).text();
            let outcome = shell(&scratch, &query(&format!("pipe \"cat\" as {form} | "))).exits(&[0]).quietly();
            assert!(outcome.text() == expect, "{form} with {threads} threads");
        }
    }
}

/// A program that gives much for little, one that gives nothing before the end, and one that wants little.
#[test]
fn no_order_of_reading_and_writing_blocks() {
    let scratch = Scratch::new();
    scratch.write("log", Log::common(312, 20_000).text());
    for (command, answer) in [
        ("sh -c \"while read -r line; do echo \\\"$line\\\"; echo \\\"$line\\\"; echo \\\"$line\\\"; done\"", "60000\n"),
        ("sort", "20000\n"),
        ("head -n 7", "7\n"),
        ("sh -c \"cat > all; cat all all all all\"", "80000\n"),
        ("true", "0\n"),
    ] {
        let command = command.replace('\\', "\\\\").replace('"', "\\\"");
        scratch.write("q", format!("pipe \"{command}\" as json | count | print\n"));
        shell(&scratch, "producer apache log | consumer -f q").exits(&[0]).prints(answer).quietly();
    }
}

#[test]
fn a_program_that_fails_is_named() {
    let scratch = Scratch::new();
    scratch.write("log", Log::common(313, 2000).text());
    for (query, code, part) in [
        ("pipe \"false\" as json | count | print", 1, "the child `false` ended with exit status 1"),
        ("pipe \"no-such-program\" as json | count | print", 1, "cannot start `no-such-program`"),
        ("pipe \"head -c 100000\" as pickle | count | print", 1, "what the child `head -c 100000` wrote could not be read as pickle"),
        ("pipe \"cat\" as csv | count", 2, "known are `json` and `pickle`"),
        ("pipe \"\" as json | count", 2, "a command is missing"),
        ("pipe \"cat\" | count", 2, "`as json` or `as pickle`"),
    ] {
        let outcome = Pipeline::both(&["apache", "log"], &[query]).dir(scratch.path()).run();
        assert_eq!(outcome.end(Program::Consumer).code(), Some(code), "{outcome}");
        let outcome = outcome.says(Program::Consumer, part);
        assert_eq!(outcome.text(), "", "half an answer must not look whole");
    }
}

#[test]
fn enough_ends_the_program() {
    let scratch = Scratch::new();
    scratch.write("log", Log::common(314, 2000).text());
    shell(&scratch, "producer apache log | consumer 'pipe \"sh -c \\\"cat; yes {}\\\"\" as json | head 3 | count | print'")
        .exits(&[0])
        .prints("3\n")
        .quietly();
}

#[test]
fn fields_that_a_program_adds_are_named_or_carried_on() {
    let scratch = Scratch::new();
    scratch.write("in", "{\"n\":1}\n{\"n\":2}\n");
    let sed = r#"sed \"s/}/,\\\"m\\\":7}/\""#;
    scratch.write("q", format!("pipe \"{sed}\" as json with m | where m == 7 | sum(m) | print\n"));
    shell(&scratch, "producer json in | consumer -f q").exits(&[0]).prints("14\n").quietly();
    scratch.write("q", format!("pipe \"{sed}\" as json | json\n"));
    shell(&scratch, "producer json in | consumer -f q").exits(&[0]).prints("{\"n\":1,\"m\":7}\n{\"n\":2,\"m\":7}\n").quietly();
}
