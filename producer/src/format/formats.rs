//! The formats of a program: those of the table, and further ones of its own.

use std::sync::Arc;

use recpipe::Error;

use super::{FORMATS, FormatSpec, OwnFormat};

/// The formats that a program knows: [`Formats::builtin`] are those of `producer`.
///
/// # Examples
/// A format that is another one with other options:
/// ```
/// use recpipe_producer::{Reading, format::{Args, FORMATS, Format, FormatSpec, Formats, Start}};
///
/// fn bars(args: &Args) -> Result<Box<dyn Format>, String> {
///     let csv = FORMATS.iter().find(|spec| spec.name == "csv").ok_or("there is no csv")?;
///     let Start::Blocks(start) = csv.start else { return Err("csv has no blocks".to_owned()) };
///     start(&Args { delimiter: Some(b'|'), ..args.clone() })
/// }
///
/// let formats = Formats::builtin().with(FormatSpec {
///     name: "bars",
///     args: &[],
///     options: &[],
///     about: "tables with bars between their cells",
///     start: Start::Blocks(bars),
///     fields: "as the first row names them",
///     sample: "item|price\ntea|3",
/// })?;
/// let batch = Reading::new("bars").among(&formats).of(&b"item|price\ntea|3\n"[..])?.next().ok_or("a batch")??;
/// assert_eq!(batch.row(0).get("price"), Some(recpipe::Value::Int(3)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Formats(Vec<Arc<OwnFormat>>);

impl Formats {
    /// Those of `producer`: [`FORMATS`].
    pub fn builtin() -> Self {
        Formats::default()
    }

    /// One more, which the command line, help, `auto` and did-you-mean know, too.
    ///
    /// # Errors
    /// [`Error::Usage`] where there is a format of that name, or it is none that can be typed.
    pub fn with(mut self, spec: FormatSpec) -> Result<Self, Error> {
        let is_name = !spec.name.is_empty() && spec.name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if !is_name || spec.name.starts_with('-') || recpipe_manual::RESERVED.contains(&spec.name) {
            return Err(Error::Usage(format!("`{}` is no name for a format: it is made of a-z, 0-9 and -", spec.name)));
        }
        if FORMATS.iter().chain(self.0.iter().map(|own| &own.spec)).any(|known| known.name == spec.name) {
            return Err(Error::Usage(format!("there is a format `{}` already", spec.name)));
        }
        let samples = vec![spec.sample.to_owned()];
        self.0.push(Arc::new(OwnFormat { name: spec.name.to_owned(), spec, templates: Arc::default(), samples }));
        Ok(self)
    }

    /// Those that are not in the table.
    pub(crate) fn own(&self) -> &[Arc<OwnFormat>] {
        &self.0
    }
}
