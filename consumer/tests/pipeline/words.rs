//! Words of one's own: known to the parser, to help and to did-you-mean, and run as the others.

use recpipe::{Flow, Stage};
use recpipe_consumer::{
    PartialAnswer, Query, help,
    language::{Catalog, Checker, FoldWord, FunctionWord, Parsed, Parser, StageWord, Syntax, Upstream, parsed},
    plan::{About, Fold, Operator, PlanStage, Read, Runs, Start, Target, conditions::Found},
    span::Span,
};

use super::*;

/// `every N`
static EVERY: StageWord = StageWord {
    about: About { name: "every", syntax: "every N", doc: "one record of N", example: "every 10", runs: Runs::Once, ..About::PLAIN },
    parse,
};

fn parse(parser: &mut Parser<'_>) -> Parsed {
    Ok(parsed(Every(parser.count("every")?.max(1))))
}

#[derive(Clone, Copy, Debug)]
struct Every(u64);

impl Syntax for Every {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        checker.push(upstream, &EVERY, span, Ok(*self));
    }
}

impl Operator for Every {
    fn reads(&self, _: &PlanStage, _: &mut Read) {}

    fn narrows(&self, _: &mut Found<'_>) -> bool {
        false
    }

    fn start(&self, _: Start<'_>, target: Target) -> Target {
        Box::new(Running { every: self.0, seen: 0, target })
    }
}

struct Running {
    every: u64,
    seen: u64,
    target: Target,
}

impl Stage for Running {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        let kept = batch.retain(|_| {
            self.seen += 1;
            (self.seen - 1).is_multiple_of(self.every)
        });
        self.target.send(kept)
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.target.flush()
    }

    fn close(&mut self) -> Result<(), Error> {
        self.target.close()
    }

    fn target(&mut self) -> Option<&mut dyn Stage> {
        Some(&mut self.target)
    }
}

static SHOUT: FunctionWord = FunctionWord::of_values(
    ("shout", "shout(TEXT, N)", "the text in capitals, with so many signs after it", "shout(host, 2) == 'H1!!'"),
    2..=2,
    Type::Text,
    |args, text| match args {
        [Value::Text(quiet), Value::Int(times @ 0..=9)] => {
            text.extend(quiet.to_ascii_uppercase());
            (0..*times).for_each(|_| text.push(b'!'));
            Ok(Value::Text(text))
        }
        _ => Err("a text and a digit are needed".to_owned()),
    },
);

static LIES: FunctionWord =
    FunctionWord::of_values(("lies", "lies(X)", "says that it gives text", "lies(host)"), 1..=1, Type::Text, |_, _| Ok(Value::Int(1)));

/// The bits that are set in an odd number of values.
#[derive(Default)]
struct Parity(i128);

impl Fold for Parity {
    fn add(&mut self, values: &[Value<'_>]) -> Result<(), String> {
        let [Value::Int(n)] = values else { return Err("an int is needed".to_owned()) };
        self.0 ^= n;
        Ok(())
    }

    fn state(&self) -> Vec<u8> {
        self.0.to_le_bytes().to_vec()
    }

    fn merge(&mut self, state: &[u8]) -> Result<(), String> {
        self.0 ^= i128::from_le_bytes(state.try_into().map_err(|_| "no state".to_owned())?);
        Ok(())
    }

    fn finish<'v>(&'v self, _: &'v mut Vec<u8>) -> Result<Value<'v>, String> {
        Ok(Value::Int(self.0))
    }
}

static PARITY: FoldWord =
    FoldWord::new(("parity", "parity(INT)", "the bits that are odd", "parity(bytes) by host"), 1..=1, Type::Int, || {
        Box::new(Parity::default())
    });

fn words() -> Arc<Catalog> {
    let words = Catalog::builtin().with_aggregate(&PARITY).and_then(|words| words.with_stage(&EVERY));
    let words = words.and_then(|words| words.with_function(&SHOUT)).and_then(|words| words.with_function(&LIES));
    Arc::new(words.unwrap())
}

fn answer(text: &str, batch_rows: usize) -> Result<Vec<String>, Error> {
    let query = Query::parse_in(text, &words()).unwrap_or_else(|error| panic!("{error}"));
    let batches = query.over(batches(batch_rows).into_iter().map(Ok)).collect::<Result<Vec<_>, _>>()?;
    let row = |row: recpipe::Row<'_>| row.values().map(|value| value.to_string()).collect::<Vec<_>>().join(" ");
    Ok(batches.iter().flat_map(|batch| batch.rows().map(row).collect::<Vec<_>>()).collect())
}

#[test]
fn they_are_words_as_the_others() {
    for batch_rows in [1, 7, 1000] {
        assert_eq!(answer("every 15 | select took", batch_rows).unwrap(), ["0.0", "1.875", "3.75"]);
        let loud = answer("where shout(host, 2) == 'H1!!' | every 3 | select shout(host, 1) as loud, status", batch_rows).unwrap();
        assert_eq!(loud.len(), 3);
        assert!(loud.iter().all(|row| row.starts_with("H1! ")));
        // Of null it is null.
        assert_eq!(answer("let x = shout(str(status), 0) | count(x)", batch_rows).unwrap(), ["36"]);
    }
}

#[test]
fn an_aggregate_is_gathered_merged_and_moved_as_the_others() {
    let parity = |host: &str| {
        let records = records();
        let mine = records.rows().filter(|row| row.get("host") == Some(Value::Text(host.as_bytes())));
        mine.filter_map(|row| if let Some(Value::Int(status)) = row.get("status") { Some(status) } else { None }).fold(0, |all, n| all ^ n)
    };
    let expect: Vec<String> = ["h0", "h1", "h2", "h3", "h4"].map(|host| format!("{host} {}", parity(host))).to_vec();
    for batch_rows in [1, 7, 1000] {
        assert_eq!(answer("parity(status) by host", batch_rows).unwrap(), expect);
    }
    let query = Query::parse_in("parity(status) by host", &words()).unwrap().within(Memory { limit: 64 << 10, ..Memory::default() });
    let mut states = Vec::new();
    for (part, batch) in (0..).zip(batches(15)) {
        let mut half = query.partial(batch.schema(), part).unwrap();
        half.add(batch).unwrap();
        let mut state = Vec::new();
        half.suspend(&mut state).unwrap();
        states.push(PartialAnswer::resume(&query, &state[..]).unwrap());
    }
    let mut whole = states.remove(1);
    states.into_iter().for_each(|state| whole.merge(state).unwrap());
    let shown = |batch: Batch| batch.rows().map(|row| format!("{} {}", row.value(0), row.value(1))).collect::<Vec<_>>();
    assert_eq!(whole.answer().flat_map(|batch| shown(batch.unwrap())).collect::<Vec<_>>(), expect);
    assert_eq!(answer("parity(host)", 9).unwrap_err().to_string(), "`parity(host)`: an int is needed");
}

#[test]
fn what_they_say_is_wrong_names_the_call() {
    let error = |text: &str| answer(text, 9).unwrap_err().to_string();
    assert_eq!(error("let x = shout(host, 12)"), "`shout(host, 12)`: a text and a digit are needed");
    assert!(error("let x = lies(host)").starts_with("`lies(host)` gives int, and is to give text"));
    let parse = |text: &str| {
        let query = Query::parse_in(text, &words())?;
        query.check(records().schema()).map(|_| ())
    };
    assert!(parse("evry 3").unwrap_err().to_string().contains("did you mean `every`?"));
    assert!(parse("let x = shuot(host, 1)").unwrap_err().to_string().contains("did you mean `shout`?"));
    assert!(parse("let x = shout(host)").unwrap_err().to_string().contains("it is written `shout(TEXT, N)`"));
    assert!(parse("let x = shout(nosuch, 1)").unwrap_err().to_string().contains("unknown field"));
    // Nobody else knows them.
    assert!(Query::parse("every 3").is_err());
}

#[test]
fn help_tells_of_them() {
    let about = |word: &str| help::about(&[word.to_owned()], &words());
    assert!(about("every").unwrap().contains("one record of N"));
    assert!(about("shout").unwrap().contains("in capitals"));
    assert!(about("functions").unwrap().contains("shout(TEXT, N)"));
    assert!(about("shuot").unwrap_err().contains("did you mean `shout`?"));
}

#[test]
fn no_word_hides_another() {
    static COUNT: FunctionWord = FunctionWord::of_values(("count", "count(X)", "?", "count(x)"), 1..=1, Type::Int, |_, _| Ok(Value::Null));
    static ODD: FunctionWord = FunctionWord::of_values(("no word", "?", "?", "?"), 1..=1, Type::Int, |_, _| Ok(Value::Null));
    let error = |word| Catalog::builtin().with_function(word).unwrap_err().to_string();
    assert_eq!(error(&COUNT), "`count` is a word already");
    assert_eq!(error(&ODD), "`no word` is no name for a word");
    assert!(Catalog::builtin().with_stage(&EVERY).and_then(|words| words.with_stage(&EVERY)).is_err());
}
