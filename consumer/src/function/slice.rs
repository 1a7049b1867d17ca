//! Parts of texts, which are views into them: `trim`, `substr`, `split`; and how long they are: `len`.

use memchr::memmem;
use recpipe::{Error, Type};

use crate::{
    expr::{
        Call, Expr, Rows, ScalarFunction, Texts, Values, Vector,
        rows::{keep, views},
    },
    language::{
        Catalog,
        CheckCall::Values as OfValues,
        FunctionWord,
        signature::{self, Made, need, not_empty, unary},
    },
};

/// `len`
pub(crate) static LEN: FunctionWord = FunctionWord {
    name: "len",
    syntax: "len(TEXT)",
    doc: "the number of characters",
    example: "len(request) > 100",
    args: 1..=1,
    check: OfValues(|catalog, args| unary(catalog, args, &[Type::Text], Len, Type::Int)),
};

/// `trim`
pub(crate) static TRIM: FunctionWord = FunctionWord {
    name: "trim",
    syntax: "trim(TEXT)",
    doc: "without blanks at either end",
    example: "trim(user) != ''",
    args: 1..=1,
    check: OfValues(|catalog, args| unary(catalog, args, &[Type::Text], Trim, Type::Text)),
};

/// `substr`
pub(crate) static SUBSTR: FunctionWord = FunctionWord {
    name: "substr",
    syntax: "substr(TEXT, START[, LENGTH])",
    doc: "the characters from number START on, the first being 0; from the end where it is negative",
    example: "substr(request, 1, 3) == 'ply'",
    args: 2..=3,
    check: OfValues(check_substr),
};

/// `split`
pub(crate) static SPLIT: FunctionWord = FunctionWord {
    name: "split",
    syntax: "split(TEXT, SEPARATOR, N)",
    doc: "piece number N of those between separators, the first being 0, the last -1",
    example: "split(request, '/', 1) == 'ply'",
    args: 3..=3,
    check: OfValues(check_split),
};

fn check_substr(catalog: &Catalog, args: Vec<Expr>) -> Made {
    need(catalog, &args, 0, &[Type::Text])?;
    need(catalog, &args, 1, &[Type::Int])?;
    need(catalog, &args, 2, &[Type::Int])?;
    Ok((signature::call(Substr, args), Type::Text))
}

fn check_split(catalog: &Catalog, args: Vec<Expr>) -> Made {
    need(catalog, &args, 0, &[Type::Text])?;
    need(catalog, &args, 1, &[Type::Text])?;
    not_empty(&args, 1, "where to split")?;
    need(catalog, &args, 2, &[Type::Int])?;
    Ok((signature::call(Split, args), Type::Text))
}

struct Len;

impl ScalarFunction for Len {
    fn eval(&self, call: &Call<'_>, args: Vec<Vector>) -> Result<Vector, Error> {
        let [text] = call.args(args)?;
        let Values::Text(texts) = &text.values else { return call.no_value(&text) };
        keep(&text, Values::Int(texts.views.map(|view| characters(texts.slice(view)) as i64)))
    }
}

struct Trim;

impl ScalarFunction for Trim {
    fn eval(&self, call: &Call<'_>, args: Vec<Vector>) -> Result<Vector, Error> {
        let [text] = call.args(args)?;
        let Values::Text(texts) = &text.values else { return call.no_value(&text) };
        views(&text, texts, |view| trim(texts, view))
    }
}

struct Substr;

impl ScalarFunction for Substr {
    fn eval(&self, call: &Call<'_>, mut args: Vec<Vector>) -> Result<Vector, Error> {
        args.iter_mut().skip(1).for_each(clamp);
        let rows = Rows::of(&args.iter().collect::<Vec<_>>());
        let (texts, views) = match &args.iter().map(|arg| &arg.values).collect::<Vec<_>>()[..] {
            [Values::Text(texts), Values::Int(from)] => (texts, rows.map(|row| substr(texts, texts.views.get(row), from.get(row), None))),
            [Values::Text(texts), Values::Int(from), Values::Int(len)] => {
                (texts, rows.map(|row| substr(texts, texts.views.get(row), from.get(row), Some(len.get(row)))))
            }
            _ => return call.no_value(&args[0]),
        };
        Ok(rows.vector(Values::Text(Texts { bytes: texts.bytes.clone(), views })))
    }
}

struct Split;

impl ScalarFunction for Split {
    fn eval(&self, call: &Call<'_>, args: Vec<Vector>) -> Result<Vector, Error> {
        let [text, separator, mut n] = call.args(args)?;
        clamp(&mut n);
        let rows = Rows::of(&[&text, &separator, &n]);
        let (Values::Text(texts), Values::Text(separators), Values::Int(n)) = (&text.values, &separator.values, &n.values) else {
            return call.no_value(&text);
        };
        let views = rows.map(|row| split(texts, texts.views.get(row), separators.get(row), n.get(row)));
        Ok(rows.optional(views, |views| Values::Text(Texts { bytes: texts.bytes.clone(), views })))
    }
}

/// Places in a text that 64 bits do not hold are as far away as those that they do.
pub(super) fn clamp(places: &mut Vector) {
    if let Values::Wide(values) = &places.values {
        let clamped = values.map(|place| place.clamp(i64::MIN.into(), i64::MAX.into()) as i64);
        places.values = Values::Int(clamped);
    }
}

/// Start and length in the buffer of a text.
type View = (u32, u32);

/// Without ASCII blanks at either end.
fn trim(texts: &Texts, (start, len): View) -> View {
    let text = texts.slice((start, len));
    let left = text.len() - text.trim_ascii_start().len();
    // Both are at most `len`.
    (start + left as u32, text.trim_ascii().len() as u32)
}

/// `len` characters from number `from` on; from the end where that is negative, and from the first where it is before that.
/// A byte that is no UTF-8 counts as a character.
fn substr(texts: &Texts, view: View, from: i64, len: Option<i64>) -> View {
    let text = texts.slice(view);
    let len = len.map(|len| usize::try_from(len).unwrap_or(0));
    let within = if text.is_ascii() {
        let start = place(from, || text.len()).min(text.len());
        (start, len.map_or(text.len(), |len| start.saturating_add(len)).min(text.len()))
    } else {
        let start = offset(text, place(from, || characters(text)));
        (start, len.map_or(text.len(), |len| start + offset(&text[start..], len)))
    };
    // Within the view, whose ends are 32 bits wide.
    (view.0 + within.0 as u32, (within.1 - within.0) as u32)
}

/// The piece number `n` of those between separators, from the last on where `n` is negative (-1 is the last).
fn split(texts: &Texts, view: View, separator: &[u8], n: i64) -> Option<View> {
    let text = texts.slice(view);
    let (start, end) = if separator.is_empty() { (n == 0 || n == -1).then_some((0, text.len()))? } else { piece(text, separator, n)? };
    Some((view.0 + start as u32, (end - start) as u32))
}

fn piece(text: &[u8], separator: &[u8], n: i64) -> Option<(usize, usize)> {
    let count = usize::try_from(n).ok();
    let Some(count) = count else {
        let all: Vec<_> = memmem::find_iter(text, separator).collect();
        // The separators have one piece more than they are.
        let n = usize::try_from(n.unsigned_abs()).ok().and_then(|back| (all.len() + 1).checked_sub(back))?;
        let start = if n == 0 { 0 } else { all[n - 1] + separator.len() };
        return Some((start, all.get(n).copied().unwrap_or(text.len())));
    };
    let mut found = memmem::find_iter(text, separator);
    let start = if count == 0 { 0 } else { found.nth(count - 1)? + separator.len() };
    Some((start, found.next().unwrap_or(text.len())))
}

/// The place that `from` says of so many.
fn place(from: i64, count: impl FnOnce() -> usize) -> usize {
    match usize::try_from(from) {
        Ok(from) => from,
        Err(_) => count().saturating_sub(usize::try_from(from.unsigned_abs()).unwrap_or(usize::MAX)),
    }
}

/// The characters, with each byte that is no UTF-8 for one.
pub(super) fn characters(text: &[u8]) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    text.utf8_chunks().map(|chunk| chunk.valid().chars().count() + chunk.invalid().len()).sum()
}

/// Where the character number `n` begins; the end where there are not so many.
pub(super) fn offset(text: &[u8], n: usize) -> usize {
    let (mut at, mut left) = (0, n);
    for chunk in text.utf8_chunks() {
        for c in chunk.valid().chars() {
            if left == 0 {
                return at;
            }
            left -= 1;
            at += c.len_utf8();
        }
        let invalid = chunk.invalid().len();
        if left < invalid {
            return at + left;
        }
        left -= invalid;
        at += invalid;
    }
    at
}

#[cfg(test)]
mod tests {
    use crate::expr::check_values;

    #[test]
    fn parts_of_texts() {
        for (text, expect) in [
            ("len(t)", "3 4 null 4"),
            ("trim(t)", "'Abc' '42' null 'ÀÉ\u{130}x'"),
            ("substr(t, 1)", "'bc' '42 ' null 'É\u{130}x'"),
            ("substr(t, 1, 2)", "'bc' '42' null 'É\u{130}'"),
            ("substr(t, -2)", "'bc' '2 ' null '\u{130}x'"),
            ("substr(t, -9, 1)", "'A' ' ' null 'À'"),
            ("substr(t, 9)", "'' '' null ''"),
            ("substr(t, 0, -1)", "'' '' null ''"),
            ("substr(t, n)", "'bc' ' 42 ' null 'ÀÉ\u{130}x'"),
            ("substr('abc', -9223372036854775808, 9223372036854775807)", "'abc' 'abc' 'abc' 'abc'"),
            ("split('a,b,,c', ',', 1)", "'b' 'b' 'b' 'b'"),
            ("split('a,b,,c', ',', 2)", "'' '' '' ''"),
            ("split('a,b,,c', ',', -1)", "'c' 'c' 'c' 'c'"),
            ("split('a,b,,c', ',', -4)", "'a' 'a' 'a' 'a'"),
            ("split('a,b,,c', ',', 4)", "null null null null"),
            ("split('a,b,,c', ',', -5)", "null null null null"),
            ("split(t, 'b', 1)", "'c' null null null"),
        ] {
            check_values(text, expect);
        }
    }
}
