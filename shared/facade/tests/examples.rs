//! What the examples print, each run within this process.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "of each example, the function that its `main` calls is run")]

use std::error::Error;

#[path = "../examples/broadcast.rs"]
mod broadcast;
#[path = "../examples/child.rs"]
mod child;
#[path = "../examples/coroutine_throw.rs"]
mod coroutine_throw;
#[path = "../examples/countdown.rs"]
mod countdown;
#[path = "../examples/find_chain.rs"]
mod find_chain;
#[path = "../examples/half_way.rs"]
mod half_way;
#[path = "../examples/lazy_three.rs"]
mod lazy_three;
#[path = "../examples/own_words.rs"]
mod own_words;
#[path = "../examples/pipe.rs"]
mod pipe;
#[path = "../examples/tcp.rs"]
mod tcp;
#[path = "../examples/threads.rs"]
mod threads;
#[path = "../examples/tracker.rs"]
mod tracker;

/// Runs the example of each line, and compares what it prints.
macro_rules! examples {
    ($($name:ident prints $expect:expr;)*) => {$(
        #[test]
        fn $name() -> Result<(), Box<dyn Error>> {
            let mut out = Vec::new();
            $name::run(&mut out)?;
            assert_eq!(String::from_utf8(out)?, $expect);
            Ok(())
        }
    )*};
}

examples! {
    broadcast prints "xaz\nxabz\nxbz\nxabz\nclosed: true\n";
    child prints "1\n2\n";
    coroutine_throw prints "0\n2\n4\nthe producer ended with exit 1: enough of this\n";
    countdown prints "3\n2\n1\n";
    find_chain prints "GET /tool-1.1.tar\nGET /tool-1.1.tar.gz\n";
    half_way prints "30.0\n";
    lazy_three prints "7\n14\n21\n21 were made\n";
    pipe prints "8\n";
    tcp prints "tea 3\ncake 5\n";
    threads prints "100000 records, the last is line 99999\n";
    tracker prints "bus 7 at 41.90\n";
}

#[test]
fn a_program_with_words_of_its_own() -> Result<(), Box<dyn Error>> {
    let words = recpipe_facade::consumer::Catalog::builtin().with_function(&own_words::DIGITS)?;
    let query = recpipe_facade::consumer::Query::parse_in("where digits(line) == 2 | count", &words.into())?;
    let lines = recpipe_facade::producer::records("lines", &b"a1b2\nc3\nd45\n"[..])?;
    let answer = query.over(lines).next().ok_or("a batch")??;
    assert_eq!(answer.row(0).value(0), recpipe_facade::Value::Int(2));
    Ok(())
}
