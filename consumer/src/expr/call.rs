//! Calls of functions: what a function must offer to stand in an expression, which knows none of them by name.

use std::fmt;

use recpipe::{Batch, Error, Type};

use super::{
    Expr,
    vector::{Values, Vector},
};

/// A function of values of one row, all of which must be there, as a checked call holds it: with what of its arguments is known
/// before data flows, such as a format.
///
/// It is asked once a batch, so that its loops over the rows are its own.
pub(crate) trait ScalarFunction: Send + Sync {
    /// Its result for each row of the arguments, of which each has values of one type, unless it [takes](Takes::AllTypes) others,
    /// and not only nulls. A row in which an argument is null is null, whatever stands there.
    ///
    /// # Errors
    /// [`Error::Data`] where a result does not fit, which names the [call](Call::expr).
    fn eval(&self, call: &Call<'_>, args: Vec<Vector>) -> Result<Vector, Error>;

    /// What it takes of arguments that have values of several types.
    fn takes(&self) -> Takes {
        Takes::EachType
    }

    /// What a call may give besides values of its type, `kind`.
    fn gives(&self, _kind: Type, _args: &[Expr]) -> Gives {
        Gives::Kind
    }
}

impl fmt::Debug for dyn ScalarFunction {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("ScalarFunction")
    }
}

/// What a function takes of arguments that have values of several types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    /// Each type by itself: the results are put together.
    EachType,
    /// The numbers alone, each type by itself: other values are null, and noted.
    Numbers,
    /// All of them at once.
    AllTypes,
}

/// What a call may give besides values of its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gives {
    /// Nothing.
    Kind,
    /// Numbers of any type and size.
    Numbers,
    /// Values of any type.
    Any,
}

impl Gives {
    /// Where an argument may have others, then so may the result.
    pub(crate) fn as_args(self, args: &[Expr]) -> Self {
        if args.iter().any(Expr::is_open) { self } else { Gives::Kind }
    }
}

/// A call that is evaluated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call<'a> {
    /// What errors name.
    pub(crate) expr: &'a Expr,
    /// The records of the rows.
    pub(crate) batch: &'a Batch,
}

impl Call<'_> {
    /// The arguments, of which there are so many.
    ///
    /// # Errors
    /// [`Error::Data`] for another number, which the checker does not let through.
    pub(crate) fn args<const N: usize>(&self, args: Vec<Vector>) -> Result<[Vector; N], Error> {
        args.try_into().map_err(|_| Error::Data(format!("`{}` has another number of arguments than it takes", self.expr.text())))
    }

    /// What a function gives for a value of a type that it does not take: null, where such may come.
    ///
    /// # Errors
    /// [`Error::Data`] where none may: the checker does not let it through.
    pub(crate) fn no_value(&self, of: &Vector) -> Result<Vector, Error> {
        if self.expr.takes_open() {
            return Ok(Vector::null(of.len));
        }
        Err(Error::Data(format!("`{}` cannot be computed of {}", self.expr.text(), of.kind())))
    }
}

/// The result of a function for arguments that the checker has let through.
pub(super) fn eval(function: &dyn ScalarFunction, call: &Call<'_>, args: Vec<Vector>) -> Result<Vector, Error> {
    if args.iter().any(|arg| matches!(arg.values, Values::Null)) {
        return Ok(Vector::null(call.batch.len()));
    }
    let is_mixed = |arg: &Vector| matches!(arg.values, Values::Mixed(_));
    if function.takes() == Takes::AllTypes || !args.iter().any(is_mixed) {
        return function.eval(call, args);
    }
    let sets = match <[Vector; 1]>::try_from(args) {
        Ok([Vector { values: Values::Mixed(parts), .. }]) => parts.into_iter().map(|part| vec![part]).collect(),
        Ok(arg) => vec![arg.into()],
        Err(args) => combinations(&args),
    };
    let results = sets.into_iter().map(|args| eval(function, call, args)).collect::<Result<_, _>>()?;
    Vector::of_parts(call.batch.len(), results)
}

/// Each combination of the arguments' parts: a row is null in all of them but one.
fn combinations(args: &[Vector]) -> Vec<Vec<Vector>> {
    let mut all: Vec<Vec<Vector>> = vec![Vec::new()];
    for arg in args {
        let with =
            |chosen: &Vec<Vector>| arg.parts().iter().map(|part| [&chosen[..], std::slice::from_ref(part)].concat()).collect::<Vec<_>>();
        all = all.iter().flat_map(with).collect();
    }
    all
}
