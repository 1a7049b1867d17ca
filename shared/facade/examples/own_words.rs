//! A word of one's own: a program that is `consumer`, and knows `digits(TEXT)` besides.

use std::process::ExitCode;

use recpipe_facade::{
    Type, Value,
    consumer::{Catalog, FunctionWord, run},
};

pub(crate) static DIGITS: FunctionWord = FunctionWord::of_values(
    ("digits", "digits(TEXT)", "how many digits a text has", "digits(request) > 3"),
    1..=1,
    Type::Int,
    |args, _| match args {
        [Value::Text(text)] => Ok(Value::Int(text.iter().filter(|sign| sign.is_ascii_digit()).count() as i128)),
        _ => Err("text is needed".to_owned()),
    },
);

fn main() -> ExitCode {
    Catalog::builtin().with_function(&DIGITS).map_or_else(|error| error.exit().into(), run)
}
