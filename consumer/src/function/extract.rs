//! `extract(text, /regex/)`: what a regex finds in a text, which is a view into it.

use recpipe::{Error, Type};
use regex::bytes::Regex;

use crate::{
    expr::{Call, Expr, Rows, ScalarFunction, Texts, Values, Vector},
    language::{CheckCall, Checked, Checker, Failed, FunctionWord, ast, signature},
    span::Span,
};

/// `extract`
pub(crate) static EXTRACT: FunctionWord = FunctionWord {
    name: "extract",
    syntax: "extract(TEXT, /REGEX/)",
    doc: "the first group of the first match, or all of it where there is no group; null without a match",
    example: "extract(request, /page=(\\d+)/) == '2'",
    args: 2..=2,
    check: CheckCall::Syntax(check),
};

fn check(checker: &mut Checker<'_>, args: &[ast::Expr], span: Span) -> Checked<Expr> {
    let [value, pattern] = args else { return Err(Failed) };
    let checked = checker.value_of(value, &[Type::Text]);
    let regex = checker.regex_of(pattern);
    Ok(checker.made(signature::call(Extract(regex?), vec![checked?]), Type::Text, span))
}

struct Extract(Regex);

impl ScalarFunction for Extract {
    fn eval(&self, call: &Call<'_>, args: Vec<Vector>) -> Result<Vector, Error> {
        let [text] = call.args(args)?;
        let Values::Text(texts) = &text.values else { return call.no_value(&text) };
        let rows = Rows::of(&[&text]);
        let mut places = self.0.capture_locations();
        let has_group = places.len() > 1;
        let views = rows.map(|row| {
            let view = texts.views.get(row);
            let (from, to) = if has_group {
                self.0.captures_read(&mut places, texts.slice(view))?;
                places.get(1)?
            } else {
                let found = self.0.find(texts.slice(view))?;
                (found.start(), found.end())
            };
            // Within the view, whose ends are 32 bits wide.
            Some((view.0 + from as u32, (to - from) as u32))
        });
        Ok(rows.optional(views, |views| Values::Text(Texts { bytes: texts.bytes.clone(), views })))
    }
}

#[cfg(test)]
mod tests {
    use crate::expr::check_values;

    #[test]
    fn the_first_group_else_the_match() {
        for (text, expect) in [
            ("extract(t, /[a-z]+/)", "'bc' null null 'x'"),
            ("extract(t, /(.)b(c)/)", "'A' null null null"),
            ("extract(t, /b|(2)/)", "null '2' null null"),
            ("extract('id=17', 'id=([0-9]+)')", "'17' '17' '17' '17'"),
            ("extract('id=17', /a/)", "null null null null"),
        ] {
            check_values(text, expect);
        }
    }
}
