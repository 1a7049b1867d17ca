//! `local(time, zone)`: a time on the clock of a place.

use recpipe::{Error, Type, times::Zone};

use crate::{
    expr::{Call, Expr, ScalarFunction, Values, Vector, clock::in_zone},
    language::{
        CheckCall, Checked, Checker, Diagnostic, Failed, FunctionWord,
        ast::{self, ExprKind, Literal},
        signature,
    },
    span::Span,
};

/// `local`
pub(crate) static LOCAL: FunctionWord = FunctionWord {
    name: "local",
    syntax: "local(TIME, ZONE)",
    doc: "the same moment on the clock of a place, such as \"Europe/Berlin\"",
    example: "hour(local(time(datetime), \"Europe/Berlin\")) == 7",
    args: 2..=2,
    check: CheckCall::Syntax(check),
};

fn check(checker: &mut Checker<'_>, args: &[ast::Expr], span: Span) -> Checked<Expr> {
    let [time, zone] = args else { return Err(Failed) };
    let checked = checker.value_of(time, &[Type::Time]);
    let zone = match &zone.kind {
        ExprKind::Literal(Literal::Text(name)) => {
            let example = "as in `local(time, \"Europe/Berlin\")`";
            Zone::named(name).map_err(|what| checker.fail(Diagnostic::new(zone.span, what.to_string()).label(example)))
        }
        _ => {
            let found = Diagnostic::new(zone.span, "a zone must be known before data flows").label("write it in quotes: \"Europe/Berlin\"");
            Err(checker.fail(found))
        }
    };
    Ok(checker.made(signature::call(Local(zone?), vec![checked?]), Type::Time, span))
}

struct Local(Zone);

impl ScalarFunction for Local {
    fn eval(&self, call: &Call<'_>, args: Vec<Vector>) -> Result<Vector, Error> {
        let [times] = call.args(args)?;
        match times.values {
            Values::Time(_) => Ok(in_zone(times, &self.0)),
            _ => call.no_value(&times),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::expr::check_values;

    #[test]
    fn the_same_moment_on_another_clock() {
        check_values(
            "local(m, 'Europe/Berlin')",
            "2008-02-24T07:08:59.25+01:00 1970-01-01T00:59:59.999999999+01:00 null 2008-02-24T07:08:59.25+01:00",
        );
        check_values("local(m, 'Asia/Kolkata') == m", "true true true true");
        check_values("hour(local(m, 'UTC'))", "6 23 null 6");
    }
}
