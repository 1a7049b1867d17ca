//! What was typed for a format: its own arguments and options, and those of all formats that it may look at.

use std::num::NonZeroUsize;
use std::sync::Arc;

use recpipe::record::Type;
use recpipe::template::Template;
use recpipe::times::Zone;

use super::{Nulls, NumberForm, near};
use crate::dating::Dating;

/// An option that only some formats have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormatOption {
    /// `--names a,b,c`: what the fields are called.
    Names,
    /// `--null WORD`: cells that are null.
    Null,
    /// `--no-header`: the first row is a record.
    NoHeader,
    /// `--comment '#'`: lines that begin so are passed over.
    Comment,
    /// `--delimiter ';'`: what parts fields.
    Delimiter,
    /// `--or TEMPLATE`: how records are written that do not fit the one before.
    Or,
    /// `--single`: a record is one line.
    Single,
    /// `--skip-lines N`: so many lines before the header are no part of the table.
    SkipLines,
    /// `--decimal ,`: what stands before the fraction of a number.
    Decimal,
    /// `--thousands .`: what parts the thousands of a number.
    Thousands,
    /// `--quotes`: fields may be quoted.
    Quotes,
    /// `--at a.b`: the records are those of the array there.
    At,
    /// `--directory DIR`: where the files are.
    Directory,
    /// `--unit NAME`: only the records of this unit.
    Unit,
    /// `--boot=WHICH`: only the records of this boot.
    Boot,
}

impl FormatOption {
    /// Its name.
    pub fn name(self) -> &'static str {
        self.usage().split([' ', '[']).next().unwrap_or_default()
    }

    /// How it is typed.
    pub fn usage(self) -> &'static str {
        match self {
            FormatOption::Names => "--names a,b,c",
            FormatOption::Null => "--null WORD",
            FormatOption::NoHeader => "--no-header",
            FormatOption::Comment => "--comment '#'",
            FormatOption::Delimiter => "--delimiter ';'",
            FormatOption::Or => "--or TEMPLATE|FORMAT",
            FormatOption::Single => "--single",
            FormatOption::SkipLines => "--skip-lines N",
            FormatOption::Decimal => "--decimal ,",
            FormatOption::Thousands => "--thousands .",
            FormatOption::Quotes => "--quotes",
            FormatOption::At => "--at a.b",
            FormatOption::Directory => "--directory DIR",
            FormatOption::Unit => "--unit NAME",
            FormatOption::Boot => "--boot[=ID|N]",
        }
    }
}

/// Looks for a field in `--fields` or `--cast` that does not exist.
///
/// # Errors
///
/// The first of them, and what may have been meant.
pub fn check_fields(fields: Option<&[String]>, casts: &[(String, Type)], known: &[String]) -> Result<(), String> {
    let fields = fields.unwrap_or_default().iter().map(|name| ("--fields", name));
    for (option, name) in fields.chain(casts.iter().map(|(name, _)| ("--cast", name))) {
        if !known.contains(name) {
            return Err(format!(
                "{option}: there is no field `{name}`; {}",
                near(name, known.iter().map(String::as_str), "the fields are")
            ));
        }
    }
    Ok(())
}

/// What was typed for a format.
#[derive(Debug, Clone, Default)]
pub struct Args {
    /// As many as the format's row has names for.
    pub positional: Vec<String>,
    /// `--names`.
    pub names: Vec<String>,
    /// `--null`.
    #[doc(hidden)]
    pub nulls: Nulls,
    /// `--no-header`.
    pub no_header: bool,
    /// `--comment`.
    pub comment: Option<String>,
    /// `--delimiter`.
    pub delimiter: Option<u8>,
    /// `--or`, in their order.
    pub ors: Vec<String>,
    /// `--single`.
    pub single: bool,
    /// Of a format of one's own.
    #[doc(hidden)]
    pub templates: Arc<[Template]>,
    /// How times are read.
    #[doc(hidden)]
    pub dating: Arc<Dating>,
    /// `--skip-lines`.
    pub skip_lines: u32,
    /// `--decimal` and `--thousands`.
    #[doc(hidden)]
    pub number_form: NumberForm,
    /// `--quotes`.
    pub quotes: bool,
    /// `--at`: the keys that lead to the array, with dots between them.
    pub at: Option<Arc<str>>,
    /// `--unit`, in their order.
    pub units: Vec<String>,
    /// `--boot`; empty for the last.
    pub boot: Option<String>,
    /// `--fields`: only these are sent. A format may leave out the others, and need not look at their values.
    pub fields: Option<Arc<[String]>>,
    /// `--cast`: the types that were asked for. The conversion is done elsewhere, for all formats; but a format that would
    /// guess the type of such a field must leave it as text.
    pub casts: Vec<(String, Type)>,
    /// `--zone`: where times without an offset are.
    pub zone: Option<Zone>,
    /// `--batch`: no batch has more records.
    pub batch: Option<NonZeroUsize>,
}

impl Args {
    /// The positional argument at this place; empty when it was not given.
    pub fn get(&self, place: usize) -> &str {
        self.positional.get(place).map_or("", String::as_str)
    }

    /// Looks for a field that was typed but does not exist.
    ///
    /// # Errors
    ///
    /// The first of them, and what may have been meant.
    pub(crate) fn check(&self, known: &[String]) -> Result<(), String> {
        check_fields(self.fields.as_deref(), &self.casts, known)
    }

    /// Whether a line is passed over that begins so.
    pub(crate) fn is_comment(&self, line: &[u8]) -> bool {
        self.comment.as_ref().is_some_and(|comment| line.starts_with(comment.as_bytes()))
    }

    /// Whether the field of this name is sent.
    pub fn sends(&self, field: &str) -> bool {
        self.fields.as_ref().is_none_or(|fields| fields.iter().any(|name| name == field))
    }

    /// Whether a type was asked for the field of this name.
    pub(crate) fn is_cast(&self, field: &str) -> bool {
        self.casts.iter().any(|(name, _)| name == field)
    }
}
