//! `strftime(time, format)`: a time as text.

use recpipe::{Error, Type};

use crate::{
    expr::{Call, Expr, Operand, ScalarFunction, TextBuilder, Texts, Values, Vector},
    language::{CheckCall, Checked, Checker, Failed, FunctionWord, ast, signature},
    span::Span,
    time::TimeFormat,
};

/// `strftime`
pub(crate) static STRFTIME: FunctionWord = FunctionWord {
    name: "strftime",
    syntax: "strftime(TIME, FORMAT)",
    doc: "as text, by a format like \"%Y-%m-%d\", in the time's own offset",
    example: "strftime(time(datetime), '%a %H') == 'Sun 00'",
    args: 2..=2,
    check: CheckCall::Syntax(check),
};

fn check(checker: &mut Checker<'_>, args: &[ast::Expr], span: Span) -> Checked<Expr> {
    let [value, format] = args else { return Err(Failed) };
    let checked = checker.value_of(value, &[Type::Time]);
    let format = checker.time_format(format, TimeFormat::new)?;
    Ok(checker.made(signature::call(Strftime(format), vec![checked?]), Type::Text, span))
}

struct Strftime(TimeFormat);

impl ScalarFunction for Strftime {
    /// Equal times that follow each other, as those of a log do, are written once.
    fn eval(&self, call: &Call<'_>, args: Vec<Vector>) -> Result<Vector, Error> {
        let [vector] = call.args(args)?;
        let texts = match &vector.values {
            Values::Time(Operand::One(time)) => {
                let mut text = Vec::new();
                self.0.write(*time, &mut text);
                Texts::constant(&text)
            }
            Values::Time(Operand::Each(times)) => {
                let mut builder = TextBuilder::with_capacity(times.len());
                let mut last = None;
                for time in times {
                    let this = Some((time.nanos, time.offset_s));
                    if this == last {
                        builder.same_row();
                    } else {
                        self.0.write(*time, builder.row());
                        builder.end_row()?;
                        last = this;
                    }
                }
                builder.finish()
            }
            _ => return call.no_value(&vector),
        };
        Ok(Vector { len: vector.len, values: Values::Text(texts), nulls: vector.nulls.clone() })
    }
}

#[cfg(test)]
mod tests {
    use crate::expr::check_values;

    #[test]
    fn in_the_offset_of_each_time() {
        for (text, expect) in [
            (
                "strftime(m, '%d/%b/%Y:%T %z')",
                "'24/Feb/2008:00:08:59 -0600' '31/Dec/1969:23:59:59 +0000' null '24/Feb/2008:00:08:59 -0600'",
            ),
            ("strftime(@2008-02-24, '%Y %3f')", "'2008 000' '2008 000' '2008 000' '2008 000'"),
        ] {
            check_values(text, expect);
        }
    }
}
