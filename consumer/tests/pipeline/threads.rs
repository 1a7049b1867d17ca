//! Answers that are made on several threads: those of one thread, in its order, with its errors.

use std::{cell::Cell, num::NonZeroUsize, sync::Arc};

use recpipe_consumer::{
    Answer, Query,
    language::{Catalog, FunctionWord},
};

use super::*;

/// Answers on so many threads; 1 is the oracle.
fn over<I: Iterator<Item = Result<Batch, Error>>>(query: &Query, threads: usize, input: I) -> Answer<I> {
    query.over(input).on_threads(NonZeroUsize::new(threads).unwrap())
}

/// What an answer gives, and what it ends with.
fn told(answer: &mut impl Iterator<Item = Result<Batch, Error>>) -> (Vec<String>, Option<String>) {
    let (mut rows, mut error) = (Vec::new(), None);
    for batch in answer {
        match batch {
            Ok(batch) => rows.extend(batch.rows().map(|row| row.values().map(|value| value.to_string()).collect::<Vec<_>>().join(" "))),
            Err(told) => error = Some(told.to_string()),
        }
    }
    (rows, error)
}

/// Batches of ten numbers, without end.
fn numbers() -> impl Iterator<Item = Result<Batch, Error>> {
    let schema = Arc::new(Schema::new(vec![Field::new("n", Type::Int), Field::open("text", Type::Mixed)]).unwrap());
    (0..).map(move |batch: i64| {
        let mut builder = BatchBuilder::new(schema.clone());
        for n in batch * 10..batch * 10 + 10 {
            let text = format!("{:05}", n * 7919 % 99_991);
            builder.push(&[Value::Int(n.into()), Value::Text(text.as_bytes())])?;
        }
        builder.finish()
    })
}

const QUERIES: [&str; 12] = [
    "where n % 3 == 0 | let x = n * n",
    "where n % 3 == 0 | count by text",
    "list(n), first(text), last(text), avg(n)",
    "count by n | top 5",
    "sort text | head 7",
    "distinct n | tail 3",
    "head 5",
    "where n > 777 | head 5 | sort -n",
    "skip 30 | where n % 2 == 1 | head 3 | let a = sum(n) so far",
    "let before = prev(n) | tail 2",
    "sum(text)",
    "where n > 100000 | count",
];

#[test]
fn answers_are_those_of_one_thread() {
    for query in QUERIES {
        let query = Query::parse(query).unwrap();
        let mut alone = over(&query, 1, numbers().take(300));
        let expect = told(&mut alone);
        for threads in [2, 3, 8] {
            let mut answer = over(&query, threads, numbers().take(300));
            assert_eq!(told(&mut answer), expect, "{} on {threads} threads", query.text());
            assert_eq!(answer.warnings(), alone.warnings(), "{} on {threads} threads", query.text());
        }
    }
}

#[test]
fn an_error_comes_in_its_turn() {
    let torn = || numbers().take(40).chain([Err(Error::Data("torn".into()))]).chain(numbers());
    for (query, rows, error) in [
        ("where n % 10 == 0", 40, Some("torn")),
        ("count", 0, Some("torn")),
        ("head 400", 400, None),
        ("head 399", 399, None),
        ("head 401", 400, Some("torn")),
    ] {
        let query = Query::parse(query).unwrap();
        let expect = told(&mut over(&query, 1, torn()));
        assert_eq!((expect.0.len(), expect.1.as_deref()), (rows, error), "{}", query.text());
        for threads in [2, 3, 8] {
            let mut answer = over(&query, threads, torn());
            assert_eq!(told(&mut answer), expect, "{} on {threads} threads", query.text());
            assert!(answer.next().is_none());
        }
    }
    // One that a worker finds.
    let other = || {
        let schema = Schema::new(vec![Field::new("n", Type::Text), Field::open("text", Type::Mixed)]).unwrap();
        let mut builder = BatchBuilder::new(schema.into());
        builder.push(&[Value::Text(b"x"), Value::Null])?;
        builder.finish()
    };
    let query = Query::parse("let x = n + 1").unwrap();
    let changed = || numbers().take(20).chain([other()]).chain(numbers());
    let expect = told(&mut over(&query, 1, changed()));
    assert!(expect.0.len() == 200 && expect.1.is_some(), "{expect:?}");
    assert_eq!(told(&mut over(&query, 3, changed())), expect);
}

#[test]
fn little_is_taken_ahead() {
    for threads in [2, 4] {
        let most = threads * 3 + 1;
        let taken = Cell::new(0);
        let input = || numbers().inspect(|_| taken.set(taken.get() + 1));
        let query = Query::parse("where n % 10 == 0").unwrap();
        let mut answer = over(&query, threads, input());
        assert_eq!(taken.get(), 0);
        for asked in 1..50 {
            answer.next().unwrap().unwrap();
            assert!(taken.get() <= asked + most, "{} of {asked}", taken.get());
        }
        drop(answer);
        taken.set(0);
        let got = told(&mut over(&Query::parse("where n % 2 == 0 | head 12").unwrap(), threads, input()));
        assert_eq!((got.0.len(), got.1), (12, None));
        assert!(taken.get() <= 3 + most, "{}", taken.get());
    }
}

#[test]
fn what_nobody_wants_any_more_leaves_no_note() {
    let query = Query::parse("let x = text + 1 | head 25").unwrap();
    let mut alone = over(&query, 1, numbers());
    let expect = (told(&mut alone), alone.warnings());
    for threads in [2, 8] {
        let mut answer = over(&query, threads, numbers());
        assert_eq!((told(&mut answer), answer.warnings()), expect);
    }
}

#[test]
fn little_memory_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let query = Query::parse("count by text | sort text | sort -text").unwrap();
    let small = query.clone().within(Memory { limit: 64 << 10, directory: directory.path().into() });
    let expect = told(&mut over(&query, 1, numbers().take(3000)));
    assert_eq!((expect.0.len(), &expect.1), (30_000, &None));
    assert!(told(&mut over(&small, 4, numbers().take(3000))) == expect, "another answer");
    let nowhere = query.within(Memory { limit: 64 << 10, directory: "not/there".into() });
    let (_, error) = told(&mut over(&nowhere, 4, numbers().take(3000)));
    assert!(error.as_ref().is_some_and(|error| error.contains("not/there")), "{error:?}");
}

#[test]
fn files_that_the_query_names_are_read_on_the_same_threads() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("more.rec");
    std::fs::write(&path, stream(3)).unwrap();
    let query = format!("where took > 4.7 | union \"{}\" | where took > 4.7 | list(took)", path.display());
    let query = Query::parse(query).unwrap();
    let answer = |threads| told(&mut over(&query, threads, batches(1).into_iter().map(Ok)));
    assert_eq!(answer(3), (vec!["[4.75,4.875,4.75,4.875]".to_owned()], None));
    assert_eq!(answer(3), answer(1));
}

#[test]
fn a_panic_is_an_error() {
    static FAULTY: FunctionWord =
        FunctionWord::of_values(("faulty", "faulty(N)", "fails at 150", "faulty(n) == 1"), 1..=1, Type::Int, |args, _| match args {
            [Value::Int(150)] => panic!("a hundred and fifty"),
            [Value::Int(n)] => Ok(Value::Int(*n)),
            _ => Err("a number is needed".to_owned()),
        });
    let words = Arc::new(Catalog::builtin().with_function(&FAULTY).unwrap());
    let query = Query::parse_in("let x = faulty(n)", &words).unwrap();
    let (rows, error) = told(&mut over(&query, 3, numbers()));
    assert_eq!(rows.len(), 150);
    assert!(error.as_ref().is_some_and(|error| error.contains("a hundred and fifty")), "{error:?}");
}

#[test]
fn of_what_was_taken_ahead_of_the_end_nothing_is_told() {
    let batch = |names: &[&str]| {
        let schema = Schema::new(names.iter().map(|name| Field::new(*name, Type::Int)).collect()).unwrap();
        let mut builder = BatchBuilder::new(Arc::new(schema));
        builder.push(&vec![Value::Int(1); names.len()])?;
        builder.finish()
    };
    let query = Query::parse("head 1").unwrap();
    for threads in [1, 4].repeat(25) {
        let input = (0..20).map(|number| if number == 0 { batch(&["n"]) } else { batch(&["n", "later"]) });
        let mut answer = over(&query, threads, input);
        assert_eq!(told(&mut answer), (vec!["1".to_owned()], None));
        assert!(answer.warnings().is_empty(), "{:?} on {threads} threads", answer.warnings());
    }
}
