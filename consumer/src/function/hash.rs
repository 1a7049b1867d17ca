//! `hash(x)`: a number that is the same for every run, version, machine and number of threads: XXH3, 64 bits, seed 0.
//!
//! Of text it is that of its bytes; of anything else that of the text which `str` makes of it, so that any language with an
//! XXH3 can compute it. Values that are equal have the same: a float that is a whole number is written as the integer that
//! it is, and a time in UTC.

use std::io::Write;

use recpipe::{Error, Time, Type, Value};
use twox_hash::XxHash3_64;

use crate::{
    expr::{Call, Rows, ScalarFunction, Values, Vector, arithmetic::to_int},
    language::{CheckCall, FunctionWord, signature},
};

/// `hash`
pub(crate) static HASH: FunctionWord = FunctionWord {
    name: "hash",
    syntax: "hash(EXPR)",
    doc: "a number that is the same for equal values wherever it is computed (XXH3, 64 bits)",
    example: "hash(host) % 100 == 0",
    args: 1..=1,
    check: CheckCall::Values(|_, args| Ok((signature::call(Hash, args), Type::Int))),
};

struct Hash;

impl ScalarFunction for Hash {
    fn eval(&self, call: &Call<'_>, args: Vec<Vector>) -> Result<Vector, Error> {
        let [arg] = call.args(args)?;
        let mut scratch = Vec::new();
        let rows = Rows::of(&[&arg]);
        let hashes = rows.map(|row| hash(arg.value(row), &mut scratch));
        Ok(rows.optional(hashes, Values::Int))
    }
}

/// The hash of a value; `scratch` is overwritten. `None` for null.
fn hash(value: Value<'_>, scratch: &mut Vec<u8>) -> Option<i64> {
    let value = match value {
        Value::Null => return None,
        Value::Text(text) => return Some(of_bytes(text)),
        Value::Float(float) if float.trunc() == float => to_int(float).map_or(value, Value::Int),
        Value::Time(time) => Value::Time(Time { offset_s: 0, ..time }),
        value => value,
    };
    scratch.clear();
    // Writing to a vector does not fail.
    write!(scratch, "{value}").ok();
    Some(of_bytes(scratch))
}

/// The bits of the hash as a signed integer.
fn of_bytes(bytes: &[u8]) -> i64 {
    XxHash3_64::oneshot(bytes).cast_signed()
}

#[cfg(test)]
mod tests {
    use crate::expr::check_values;

    #[test]
    fn is_the_same_for_equal_values() {
        for (text, expect) in [
            ("hash('')", "3244421341483603138 3244421341483603138 3244421341483603138 3244421341483603138"),
            ("hash('recpipe') == hash('recpip' ?? 'x')", "false false false false"),
            ("hash(1.0) == hash(1) and hash(1) == hash('1')", "true true true true"),
            ("hash(@2008-02-24) == hash(@2008-02-24T06:00+06:00)", "true true true true"),
            ("hash(n) == null", "false false true false"),
        ] {
            check_values(text, expect);
        }
    }
}
