//! What a word of the language has to offer, and the list of them that the language is given.
//!
//! The parser, the checker, help, "did you mean" and completions read a [`Catalog`] and nothing else; a new word is a
//! new row. Keywords of expressions stand in `parse_expr.rs`.

use std::{any::Any, fmt::Debug, ops::RangeInclusive, path::Path, sync::Arc};

use recpipe::{Error, Type};

use super::{
    check::Upstream,
    check_call::CheckCall,
    check_expr::{Checked, Checker},
    parse::{Parsed, Parser},
    signature::{CheckedAggregate, Mistake},
};
use crate::{
    expr::{Expr, OfValues},
    plan::{About, Fold, Folds, Sink},
    span::Span,
};

/// All words of a language, in the order in which help shows them.
#[derive(Clone, Debug)]
pub struct Catalog {
    /// The stages, the outputs at their end.
    #[doc(hidden)]
    pub stages: Vec<&'static StageWord>,
    /// The stage that a query may name by its first aggregate alone.
    pub(crate) of_aggregate: &'static StageWord,
    /// Parses that stage after the name of the aggregate.
    pub(crate) parse_of_aggregate: fn(&mut Parser<'_>, &str, Span) -> Parsed,
    /// What is written into files, by their extensions.
    pub(crate) files: Vec<&'static FileWord>,
    /// The aggregates.
    #[doc(hidden)]
    pub aggregates: Vec<&'static AggregateWord>,
    /// What those of the aggregates compute that are of one's own.
    pub(crate) folds: Vec<&'static FoldWord>,
    /// The functions.
    #[doc(hidden)]
    pub functions: Vec<&'static FunctionWord>,
}

/// A stage.
#[derive(Debug)]
pub struct StageWord {
    /// What is said of it.
    pub about: About,
    /// Parses what stands after the word.
    pub parse: fn(&mut Parser<'_>) -> Parsed,
}

/// A stage as it was written.
pub trait Syntax: Any + Debug + Send + Sync {
    /// Fits it to the records that the stages before it give, and adds it to them, or reports what is wrong with it.
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span);
}

impl dyn Syntax {
    /// The syntax itself, for the tests of what it was made of.
    #[cfg(test)]
    pub(crate) fn is<T: Syntax>(&self) -> Option<&T> {
        (self as &dyn Any).downcast_ref()
    }
}

/// What a stage's parser gives.
pub fn parsed(syntax: impl Syntax) -> Arc<dyn Syntax> {
    Arc::new(syntax)
}

/// What is written into files of one extension.
#[derive(Debug)]
pub struct FileWord {
    /// The extension, without its dot.
    pub extension: &'static str,
    /// Whether it is lines, to which others may be added.
    pub(crate) is_lines: bool,
    /// What writes it.
    pub sink: FileSink,
}

/// What writes a file.
#[derive(Clone, Copy, Debug)]
pub enum FileSink {
    /// Bytes one after the other, of the columns that are in scope.
    Bytes(fn(&Checker<'_>) -> Arc<dyn Sink>),
    /// Whatever it does with the file of this path, into the part of it that the name tells behind a colon: `x.db:hits`.
    Own(fn(&Path, Option<&str>) -> Arc<dyn Sink>),
    /// A picture: of the `chart` or `report` that stands before the word, or of the columns in scope where neither does.
    Picture(CheckPicture),
}

/// What draws what the output before it says, or what stands before that; for a word at this place.
pub(crate) type CheckPicture = fn(&mut Checker<'_>, &Upstream, Option<&dyn Sink>, Span) -> Checked<Arc<dyn Sink>>;

/// An aggregate: many records in, one value out.
#[derive(Debug)]
pub struct AggregateWord {
    /// The word.
    pub name: &'static str,
    /// How it is written.
    pub syntax: &'static str,
    /// What it computes, in one line.
    pub doc: &'static str,
    /// A use of it over a web server's log.
    pub example: &'static str,
    /// How many arguments it takes.
    pub args: RangeInclusive<usize>,
    /// The words that this row stands for besides its name, if there are any.
    pub family: Option<Family>,
    /// Checks a use of it: the word as it was written, and its arguments, whose number is already known to fit.
    pub(crate) check: fn(&Catalog, &str, Vec<Expr>) -> Result<CheckedAggregate, Mistake>,
}

/// An aggregate of one's own.
#[derive(Debug)]
pub struct FoldWord {
    word: AggregateWord,
    kind: Type,
    make: fn() -> Box<dyn Fold>,
}

impl FoldWord {
    /// An aggregate of this name, syntax, meaning and example, of so many arguments, whose result is of this type.
    ///
    /// # Examples
    /// ```
    /// use std::sync::Arc;
    /// use recpipe::{Type, Value};
    /// use recpipe_consumer::{Query, language::{Catalog, FoldWord}, plan::Fold};
    ///
    /// #[derive(Default)]
    /// struct Longest(Vec<u8>);
    ///
    /// impl Fold for Longest {
    ///     fn add(&mut self, values: &[Value<'_>]) -> Result<(), String> {
    ///         let [Value::Text(text)] = values else { return Err("text is needed".to_owned()) };
    ///         self.merge(text)
    ///     }
    ///     fn state(&self) -> Vec<u8> {
    ///         self.0.clone()
    ///     }
    ///     fn merge(&mut self, state: &[u8]) -> Result<(), String> {
    ///         // Of two as long, the lesser: the order of records must not matter.
    ///         if (state.len(), self.0.as_slice()) > (self.0.len(), state) {
    ///             self.0 = state.to_owned();
    ///         }
    ///         Ok(())
    ///     }
    ///     fn finish<'v>(&'v self, _: &'v mut Vec<u8>) -> Result<Value<'v>, String> {
    ///         Ok(Value::Text(&self.0))
    ///     }
    ///     fn bytes(&self) -> usize {
    ///         self.0.capacity()
    ///     }
    /// }
    ///
    /// static LONGEST: FoldWord = FoldWord::new(
    ///     ("longest", "longest(TEXT)", "the longest text", "longest(request) by host"),
    ///     1..=1,
    ///     Type::Text,
    ///     || Box::new(Longest::default()),
    /// );
    ///
    /// let words = Arc::new(Catalog::builtin().with_aggregate(&LONGEST)?);
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Word { word: String }
    /// # let batch = recpipe::Batch::of(&["tea", "coffee"].map(|word| Word { word: word.into() }));
    /// let answer = Query::parse_in("longest(word)", &words)?.over([batch]).next().ok_or("a batch")??;
    /// assert_eq!(answer.row(0).value(0), Value::Text(b"coffee"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn new(
        (name, syntax, doc, example): (&'static str, &'static str, &'static str, &'static str),
        args: RangeInclusive<usize>,
        kind: Type,
        make: fn() -> Box<dyn Fold>,
    ) -> Self {
        FoldWord { word: AggregateWord { name, syntax, doc, example, args, family: None, check: folded }, kind, make }
    }
}

/// Checks a use of an aggregate of one's own.
fn folded(catalog: &Catalog, word: &str, args: Vec<Expr>) -> Result<CheckedAggregate, Mistake> {
    match catalog.folds.iter().find(|fold| fold.word.name == word) {
        Some(fold) => Ok(CheckedAggregate::new(Folds { make: fold.make }, args, fold.kind)),
        None => Err(Mistake { arg: 0, what: format!("`{word}` is no word of this program"), label: String::new() }),
    }
}

/// Words that one row stands for, as that of `p95` for all percentiles.
#[derive(Debug)]
pub struct Family {
    /// Whether a word is one of them.
    pub has: fn(&str) -> bool,
    /// What to say of a word that looks like one of them and is none.
    pub hint: fn(&str) -> Option<&'static str>,
}

/// A function: values of one record in, one value out.
#[derive(Debug)]
pub struct FunctionWord {
    /// The word.
    pub name: &'static str,
    /// How it is written.
    pub syntax: &'static str,
    /// What it computes, in one line.
    pub doc: &'static str,
    /// A use of it over a web server's log.
    pub example: &'static str,
    /// How many arguments it takes.
    pub args: RangeInclusive<usize>,
    /// Checks a call of it.
    pub(crate) check: CheckCall,
}

impl FunctionWord {
    /// A function of one's own, which is given the values of one record, all of which are there: where one is null, so is the result. What
    /// it gives is of type `kind`, or null; text it writes into the buffer that it is given, or takes out of its arguments.
    ///
    /// # Examples
    /// ```
    /// use recpipe::{Type, Value};
    /// use recpipe_consumer::language::FunctionWord;
    ///
    /// /// How many bytes of a text are digits.
    /// static DIGITS: FunctionWord = FunctionWord::of_values(
    ///     ("digits", "digits(TEXT)", "how many bytes of a text are digits", "digits(request) > 3"),
    ///     1..=1,
    ///     Type::Int,
    ///     |args, _| match args {
    ///         [Value::Text(text)] => Ok(Value::Int(text.iter().filter(|byte| byte.is_ascii_digit()).count() as i128)),
    ///         _ => Err("text is needed".to_owned()),
    ///     },
    /// );
    /// ```
    pub const fn of_values(
        (name, syntax, doc, example): (&'static str, &'static str, &'static str, &'static str),
        args: RangeInclusive<usize>,
        kind: Type,
        eval: OfValues,
    ) -> Self {
        FunctionWord { name, syntax, doc, example, args, check: CheckCall::Own(kind, eval) }
    }
}

impl Catalog {
    /// With a stage of one's own, after the others in help.
    ///
    /// # Errors
    /// [`Error::Usage`] where one of its names is one of a word that there is.
    pub fn with_stage(mut self, word: &'static StageWord) -> Result<Self, Error> {
        word.about.names().try_for_each(|name| self.is_free(name))?;
        self.stages.push(word);
        Ok(self)
    }

    /// With a function of one's own, after the others in help.
    ///
    /// # Errors
    /// [`Error::Usage`] where its name is one of a word that there is.
    ///
    /// # Examples
    /// ```
    /// use recpipe::{Type, Value};
    /// use recpipe_consumer::language::{Catalog, FunctionWord};
    ///
    /// static TWICE: FunctionWord =
    ///     FunctionWord::of_values(("twice", "twice(N)", "twice as much", "twice(bytes) > 9"), 1..=1, Type::Int, |args, _| match args {
    ///         [Value::Int(n)] => n.checked_mul(2).map(Value::Int).ok_or_else(|| "too large".to_owned()),
    ///         _ => Err("a number is needed".to_owned()),
    ///     });
    ///
    /// let words = Catalog::builtin().with_function(&TWICE)?;
    /// // There is one already.
    /// assert!(words.with_function(&TWICE).is_err());
    /// # Ok::<(), recpipe::Error>(())
    /// ```
    pub fn with_function(mut self, word: &'static FunctionWord) -> Result<Self, Error> {
        self.is_free(word.name)?;
        self.functions.push(word);
        Ok(self)
    }

    /// With an aggregate of one's own, after the others in help.
    ///
    /// # Errors
    /// [`Error::Usage`] where its name is one of a word that there is.
    pub fn with_aggregate(mut self, fold: &'static FoldWord) -> Result<Self, Error> {
        self.is_free(fold.word.name)?;
        self.aggregates.push(&fold.word);
        self.folds.push(fold);
        Ok(self)
    }

    fn is_free(&self, name: &str) -> Result<(), Error> {
        // What a query cannot name is no word.
        if self.field(name) != name {
            return Err(Error::Usage(format!("`{name}` is no name for a word")));
        }
        if name == "help" || self.stage(name).is_some() || self.aggregate(name).is_some() || self.function(name).is_some() {
            return Err(Error::Usage(format!("`{name}` is a word already")));
        }
        Ok(())
    }

    /// The stage of this name or synonym.
    #[doc(hidden)]
    pub fn stage(&self, word: &str) -> Option<&'static StageWord> {
        self.stages.iter().find(|row| row.about.names().any(|name| name == word)).copied()
    }

    /// The aggregate of this name, or the one that stands for it.
    #[doc(hidden)]
    pub fn aggregate(&self, word: &str) -> Option<&'static AggregateWord> {
        let stands_for = |row: &AggregateWord| row.name == word || row.family.as_ref().is_some_and(|family| (family.has)(word));
        self.aggregates.iter().find(|row| stands_for(row)).copied()
    }

    /// What to say of a word that looks like one that a row stands for, and is none.
    pub(crate) fn aggregate_hint(&self, word: &str) -> Option<&'static str> {
        self.aggregates.iter().filter_map(|row| row.family.as_ref()).find_map(|family| (family.hint)(word))
    }

    /// The function of this name.
    #[doc(hidden)]
    pub fn function(&self, word: &str) -> Option<&'static FunctionWord> {
        self.functions.iter().find(|row| row.name == word).copied()
    }
}
