//! `auto`: finds the format of a sample, by trying all.
//!
//! A format fits where it takes 95 % of the records. Of several, a special one stands before a general one ([`GENERAL`]), and of those the one
//! that finds more typed values. What is left may be several names of one thing ([`ALIASES`]): the first is taken. Otherwise nobody can tell,
//! and a person is asked.

use std::sync::Arc;

use recpipe::record::Type;
use recpipe::template::Template;

use super::log::OwnFormat;
use super::{Args, FORMATS, FormatOption, FormatSpec, Start, Wanted};
use crate::input::block::Block;

pub(super) const SPEC: FormatSpec = FormatSpec {
    name: "auto",
    args: &[],
    options: &[FormatOption::Single],
    about: "finds the format out: tries all on the first 1000 lines, and says which it took",
    start: Start::Auto,
    fields: "Those of the format that it takes, which `producer help FORMAT` shows.",
    sample: "producer auto access.log",
};

/// So many lines are looked at.
const SAMPLE_LINES: usize = 1000;

/// Formats that take what others have more to say about, and how general they are.
const GENERAL: [(&str, u8); 6] = [("syslog", 1), ("json", 2), ("ltsv", 2), ("logfmt", 3), ("tsv", 4), ("csv", 5)];

/// Formats that take anything, or bytes of which nothing tells what they are.
const NEVER: [&str; 4] = ["lines", "struct", "pickle", "regex"];

/// Formats that are alike where both fit.
const ALIASES: [&[&str]; 2] = [&["nginx", "apache"], &["log4j", "python"]];

/// What was found.
#[derive(Debug)]
pub(crate) struct Choice {
    /// The format.
    pub(crate) spec: FormatSpec,
    /// Of a format of one's own.
    pub(crate) templates: Arc<[Template]>,
    /// Why, for people.
    pub(crate) why: String,
}

/// A format that fits.
struct Fit {
    spec: FormatSpec,
    templates: Arc<[Template]>,
    records: usize,
    all: usize,
    typed: usize,
    general: u8,
}

/// Finds the format of the records that an input begins with.
///
/// # Errors
/// None fits, or several do and none better; with the commands to choose from.
pub(crate) fn choose(sample: &Block, args: &Args, own: &[Arc<OwnFormat>]) -> Result<Choice, String> {
    let mut sample = sample.clone();
    if let Some(end) = memchr::memchr_iter(b'\n', &sample.bytes).nth(SAMPLE_LINES - 1) {
        sample.bytes.truncate(end + 1);
        sample.end = sample.start + sample.bytes.len() as u64;
    }
    let listed = FORMATS.iter().filter(|spec| !NEVER.contains(&spec.name)).map(|spec| (*spec, Arc::default()));
    let own = own.iter().map(|own| (own.spec, own.templates.clone()));
    let mut fits: Vec<Fit> = listed.chain(own).filter_map(|(spec, templates)| fit(spec, templates, &sample, args)).collect();
    let Some(best) = fits.iter().map(|fit| (fit.general, std::cmp::Reverse(fit.typed))).min() else {
        return Err(format!(
            "no format takes 95 % of the first lines of {}; `producer log TEMPLATE` reads any log, `producer lines` any text",
            crate::input::shown_name(&sample.source)
        ));
    };
    let also: Vec<&str> = fits.iter().filter(|fit| (fit.general, std::cmp::Reverse(fit.typed)) != best).map(|fit| fit.spec.name).collect();
    let also = if also.is_empty() { String::new() } else { format!("; {} would fit too, and say less", also.join(", ")) };
    fits.retain(|fit| (fit.general, std::cmp::Reverse(fit.typed)) == best);
    if let Some(names) = ALIASES.iter().find(|names| fits.iter().all(|fit| names.contains(&fit.spec.name))) {
        fits.sort_by_key(|fit| names.iter().position(|name| *name == fit.spec.name));
        fits.truncate(1);
    }
    if fits.len() > 1 {
        let name = if &*sample.source == "-" { String::new() } else { format!(" {}", sample.source) };
        let commands: Vec<String> = fits.iter().map(|fit| format!("`producer {}{name}`", fit.spec.name)).collect();
        return Err(format!("several formats fit, and none better than the others; choose one: {}", commands.join(" or ")));
    }
    let Fit { spec, templates, records, all, typed, .. } = fits.remove(0);
    let fields = if typed == 1 { "field" } else { "fields" };
    let why = format!("{records} of the first {all} records fit, with {typed} typed {fields}{also}");
    Ok(Choice { spec, templates, why })
}

/// How well a format fits; `None` where it does not.
fn fit(spec: FormatSpec, templates: Arc<[Template]>, sample: &Block, args: &Args) -> Option<Fit> {
    let Start::Blocks(start) = spec.start else { return None };
    if spec.args.iter().any(|arg| !arg.starts_with('[')) {
        return None;
    }
    let args = Args {
        templates: templates.clone(),
        positional: Vec::new(),
        fields: None,
        casts: Vec::new(),
        dating: Arc::default(),
        ..args.clone()
    };
    let mut format = start(&args).ok()?;
    let mut sample = sample.clone();
    // The records are those of its own boundary, as far as they are whole; the last may lack its end.
    let boundary = format.boundary();
    sample.dialect = boundary.dialect(&sample.bytes, true)?;
    if format.learns() {
        format.sample(&sample).ok()?;
    }
    let plan = format.plan(&sample).ok()?;
    let head = plan.head_bytes().min(sample.bytes.len());
    sample.bytes = sample.bytes.slice(head..);
    if sample.bytes.is_empty() {
        return None;
    }
    let mut parser = plan.parser();
    let parsed = parser.parse(&sample, &Wanted::all());
    if parser.failure().is_some() {
        return None;
    }
    let (records, all) = (parsed.batch.len(), parsed.batch.len() + parsed.rejects.len());
    let columns = parsed.batch.schema().fields().iter().zip(parsed.batch.columns());
    let has_typed = |kind: Type| matches!(kind, Type::Int | Type::Float | Type::Time | Type::Bool);
    let typed = columns.clone().filter(|(_, column)| column.parts().iter().any(|part| has_typed(part.kind()))).count();
    let general = GENERAL.iter().find(|(name, _)| *name == spec.name).map_or(0, |(_, general)| *general);
    // A table of one column is any text.
    let is_table = general < 4 || parsed.batch.schema().len() > 1;
    (records > 0 && records * 100 >= all * 95 && is_table).then_some(Fit { spec, templates, records, all, typed, general })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::testing::block;

    #[test]
    fn samples_are_told_apart() {
        let names = [
            "nginx",
            "nginx-error",
            "apache-error",
            "syslog",
            "logfmt",
            "ltsv",
            "w3c",
            "elb",
            "s3",
            "haproxy",
            "cri",
            "docker",
            "log4j",
            "python",
            "klog",
            "postgres",
            "mysql-slow",
            "redis",
            "caddy",
            "traefik",
            "csv",
            "tsv",
            "json",
        ];
        for name in names {
            let spec = FORMATS.iter().find(|spec| spec.name == name).unwrap();
            let choice = choose(&block(spec.sample.as_bytes()), &Args::default(), &[]).unwrap_or_else(|what| panic!("{name}: {what}"));
            assert_eq!(choice.spec.name, name, "{}", choice.why);
        }
    }

    #[test]
    fn nothing_is_taken_for_a_log_that_is_none() {
        let mistake = |text: &str| choose(&block(text.as_bytes()), &Args::default(), &[]).unwrap_err();
        assert!(mistake("Dear all,\nthis is: prose.\n").contains("`producer log TEMPLATE`"));
        assert!(mistake("\n\n").contains("no format takes 95 %"));
    }
}
