//! Formats of one's own: templates in a file, `~/.config/recpipe/formats.toml` or the one of `--formats`.
//!
//! ```toml
//! [shop]
//! about = "the shop's log"
//! templates = ["{time:%Y-%m-%d %H:%M:%S} {level} order={order:int} {message*}", "worker {worker:int} order={order:int}"]
//! types = { size = "float" }
//! samples = ["2026-03-12 02:10:11 INFO order=42 paid"]
//! ```
//!
//! They are data: nothing in the file is run.

use std::collections::BTreeMap;
use std::sync::Arc;

use recpipe::template::Template;
use serde::Deserialize;

use super::super::{Args, FORMATS, Format, FormatOption, FormatSpec, Start};
use super::LogFormat;
use super::member::Members;
use super::template::TemplateMember;

/// A format of one's own.
#[derive(Debug)]
pub struct OwnFormat {
    /// Its name.
    pub name: String,
    /// Its row, as that of the others.
    pub spec: FormatSpec,
    /// How its records are written, in the order in which they are tried.
    pub templates: Arc<[Template]>,
    /// Lines that must fit.
    pub samples: Vec<String>,
}

/// A format as it is written down.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    about: String,
    templates: Vec<String>,
    #[serde(default)]
    types: BTreeMap<String, String>,
    #[serde(default)]
    samples: Vec<String>,
}

/// The formats that a text has, of the form above.
///
/// # Errors
/// It is no table of formats, or one of them cannot be.
pub fn formats_of(text: &str) -> Result<Vec<Arc<OwnFormat>>, String> {
    let written: BTreeMap<String, Written> = toml::from_str(text).map_err(|error| error.to_string())?;
    written.into_iter().map(|(name, written)| format(name, written).map(Arc::new)).collect()
}

fn format(name: String, written: Written) -> Result<OwnFormat, String> {
    let Written { about, templates, types, samples } = written;
    let mistake = |what: String| format!("[{name}]: {what}");
    if name == "help" || name == "auto" || FORMATS.iter().any(|spec| spec.name == name) {
        return Err(mistake("there is a format of that name already".to_owned()));
    }
    if templates.is_empty() {
        return Err(mistake("templates is empty".to_owned()));
    }
    let types = || types.iter().map(|(name, kind)| (name.as_str(), kind.as_str()));
    let templates = templates.iter().map(|text| {
        let template = Template::parse(text).map_err(|what| mistake(format!("the template `{text}`: {what}")))?;
        template.with_types(types()).map_err(|what| mistake(format!("types: {what}")))
    });
    let templates = templates.collect::<Result<Vec<_>, _>>()?;
    let is_field = |name: &str| templates.iter().any(|template| template.fields().iter().any(|field| field.name == name));
    if let Some((unknown, _)) = types().find(|(name, _)| !is_field(name)) {
        return Err(mistake(format!("types: no template has a field `{unknown}`")));
    }
    // A row lives as long as the program, as the rows of the table do; a file is read once.
    let leaked = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
    let mut fields: Vec<String> = Vec::new();
    for field in templates.iter().flat_map(Template::fields) {
        let shown =
            field.kind.filter(|kind| *kind != recpipe::Type::Text).map_or(field.name.clone(), |kind| format!("{}:{kind}", field.name));
        if !fields.contains(&shown) {
            fields.push(shown);
        }
    }
    let about = if about.is_empty() { format!("a format of one's own: {}", templates[0]) } else { about };
    let spec = FormatSpec {
        name: leaked(name.clone()),
        args: &[],
        options: &[FormatOption::Single, FormatOption::Null],
        about: leaked(about),
        start: Start::Blocks(start),
        fields: leaked(fields.join(" ")),
        sample: leaked(samples.join("\n")),
    };
    Ok(OwnFormat { name, spec, templates: templates.into(), samples })
}

fn start(args: &Args) -> Result<Box<dyn Format>, String> {
    LogFormat::start(args, |is_single| Members::new(args.templates.iter().cloned().map(TemplateMember::shared).collect(), is_single))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_named() {
        for (text, part) in [
            ("[a]\ntemplates = []", "[a]: templates is empty"),
            ("[a]\ntemplates = ['x']", "[a]: the template `x`: it has no field"),
            ("[a]\ntemplates = ['{x}']\ntypes = { y = 'int' }", "no template has a field `y`"),
            ("[a]\ntemplates = ['{x}']\ntypes = { x = 'itn' }", "[a]: types: there is no type `itn`"),
            ("[csv]\ntemplates = ['{x}']", "[csv]: there is a format of that name already"),
            ("[a]\ncommand = 'rm'", "unknown field `command`"),
            ("[a", "line 1"),
        ] {
            let mistake = formats_of(text).unwrap_err();
            assert!(mistake.contains(part), "{text}: {mistake}");
        }
    }
}
