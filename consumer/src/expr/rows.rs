//! Functions of several values, row by row.

use recpipe::Error;

use super::{
    arithmetic::narrowed,
    text_builder::TextBuilder,
    vector::{Operand, Texts, Values, Vector, merge_nulls},
};

/// The rows of a function's arguments: how many, which are null because an argument is, and whether one answer is that of
/// all of them.
#[derive(Debug)]
pub(crate) struct Rows {
    len: usize,
    is_constant: bool,
    nulls: Option<Vec<bool>>,
}

impl Rows {
    /// The rows of these arguments, none of which has nothing but nulls.
    pub(crate) fn of(args: &[&Vector]) -> Self {
        let len = args.first().map_or(0, |arg| arg.len);
        let nulls = args.iter().fold(None, |nulls, arg| merge_nulls(nulls, arg.nulls.clone()));
        // Where there is a row, and the first is none of its own kind.
        let is_constant = len > 0 && nulls.is_none() && args.iter().all(|arg| arg.is_constant());
        Rows { len, is_constant, nulls }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Whether an argument is null in this row.
    #[inline]
    pub(crate) fn is_null(&self, row: usize) -> bool {
        self.nulls.as_ref().is_some_and(|nulls| nulls[row])
    }

    /// The results of `f`, which is asked about null rows too; what it says of them does not count.
    #[inline]
    pub(crate) fn map<R>(&self, mut f: impl FnMut(usize) -> R) -> Operand<R> {
        if self.is_constant { Operand::One(f(0)) } else { Operand::Each((0..self.len).map(f).collect()) }
    }

    /// As [`Rows::map`], where `f` may fail; of null rows it is not asked.
    pub(crate) fn try_map<R: Default>(&self, mut f: impl FnMut(usize) -> Result<R, Error>) -> Result<Operand<R>, Error> {
        if self.is_constant {
            return f(0).map(Operand::One);
        }
        let each = (0..self.len).map(|row| if self.is_null(row) { Ok(R::default()) } else { f(row) });
        Ok(Operand::Each(each.collect::<Result<_, _>>()?))
    }

    /// A vector of these values, null where an argument is.
    pub(crate) fn vector(self, values: Values) -> Vector {
        Vector { len: self.len, values, nulls: self.nulls }
    }

    /// A vector of these values, null where there is none and where an argument is.
    pub(crate) fn optional<R: Copy + Default>(self, results: Operand<Option<R>>, wrap: impl FnOnce(Operand<R>) -> Values) -> Vector {
        let missing = match &results {
            Operand::One(Some(_)) => None,
            Operand::One(None) => return Vector::null(self.len),
            Operand::Each(results) => {
                Some(results.iter().map(Option::is_none).collect::<Vec<_>>()).filter(|missing| missing.contains(&true))
            }
        };
        let values = wrap(results.map(Option::unwrap_or_default));
        Vector { len: self.len, values, nulls: merge_nulls(self.nulls, missing) }
    }

    /// A vector of new texts: `write` appends that of a row, or says that there is none. It is asked about null rows too.
    ///
    /// # Errors
    /// As [`TextBuilder::end_row`].
    pub(crate) fn texts(self, mut write: impl FnMut(usize, &mut Vec<u8>) -> bool) -> Result<Vector, Error> {
        if self.is_constant {
            let mut text = Vec::new();
            let is_there = write(0, &mut text);
            return Ok(if is_there { self.vector(Values::Text(Texts::constant(&text))) } else { Vector::null(self.len) });
        }
        let mut builder = TextBuilder::with_capacity(self.len);
        let mut missing = Vec::new();
        for row in 0..self.len {
            if !write(row, builder.row()) {
                missing.resize(self.len, false);
                missing[row] = true;
            }
            builder.end_row()?;
        }
        let missing = Some(missing).filter(|missing| !missing.is_empty());
        Ok(Vector { len: self.len, values: Values::Text(builder.finish()), nulls: merge_nulls(self.nulls, missing) })
    }
}

/// A vector with these values, null where `of` is.
pub(crate) fn keep(of: &Vector, values: Values) -> Result<Vector, Error> {
    Ok(Vector { len: of.len, values, nulls: of.nulls.clone() })
}

/// A vector of parts of its texts.
pub(crate) fn views(of: &Vector, texts: &Texts, part: impl Fn((u32, u32)) -> (u32, u32)) -> Result<Vector, Error> {
    keep(of, Values::Text(Texts { bytes: texts.bytes.clone(), views: texts.views.map(part) }))
}

/// A vector of the whole numbers that `f` gives, of 64 bits wherever that is enough; null where it gives nothing or `of` is null.
pub(crate) fn whole<T: Copy>(of: &Vector, values: &Operand<T>, f: impl Fn(T) -> Option<i128>) -> Result<Vector, Error> {
    Ok(Rows::of(&[of]).optional(values.map(f), narrowed))
}
