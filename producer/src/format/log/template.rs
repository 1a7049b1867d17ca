//! `log TEMPLATE`: records as a template says, or as the next `--or` says.

use std::sync::Arc;

use recpipe::record::{Time, Type};
use recpipe::template::{Found, Template};
use recpipe::times::Times;

use super::super::{Args, Format, FormatOption, FormatSpec, Start};
use super::LogFormat;
use super::member::{Fault, Member, MemberFields, Members, Reader, Row, Taken};
use super::object::Object;

pub(in super::super) const SPEC: FormatSpec = FormatSpec {
    name: "log",
    args: &["TEMPLATE"],
    options: &[FormatOption::Or, FormatOption::Single, FormatOption::Null],
    about: "any log, by a template: {name:type} between literals, or the string of nginx or Apache",
    start: Start::Blocks(of_args),
    fields: "Those of the template: {name} is an int, a float or text by its own bytes; {name:int|float|text|word|time}, and\n  \
             {name:%Y-%m-%d %H:%M:%S} for a time, give the type; {} is thrown away; {name*} takes the rest, with the lines that\n  \
             follow and begin no record; {{ is a brace. $remote_addr and %h are those of nginx and Apache, in the names of all web\n  \
             logs: host user time method request proto status bytes http_referer http_user_agent. @FILE is the log_format or\n  \
             LogFormat of a configuration, @FILE:NAME one of several. --or T2 reads what does not fit; `_format` says which it was.",
    sample: "producer log '{time:%Y-%m-%d %H:%M:%S,%3f} {level} [{thread}] {logger} - {message*}'\n2026-03-12 02:10:11,123 INFO [main] shop.Cart - 3 items",
};

/// A template as one way in which records are written.
#[derive(Debug)]
pub(super) struct TemplateMember {
    template: Arc<Template>,
    /// What its texts begin with does not depend on the zone, nor on the year.
    times: Times,
}

impl TemplateMember {
    /// Of this template.
    pub(super) fn new(template: Template) -> Self {
        TemplateMember { template: Arc::new(template), times: Times::default() }
    }

    /// Which field is the time of a record: `time`, or else the first that is one.
    fn time_place(&self) -> Option<usize> {
        let is_time = |kind: Option<Type>| kind == Some(Type::Time);
        let fields = self.template.fields();
        let named = fields.iter().position(|field| field.name == "time" && is_time(field.kind));
        named.or_else(|| fields.iter().position(|field| is_time(field.kind)))
    }

    /// The same, as one of several.
    pub(super) fn shared(template: Template) -> Arc<dyn Member> {
        Arc::new(TemplateMember::new(template))
    }
}

impl Member for TemplateMember {
    fn name(&self) -> &str {
        self.template.as_str()
    }

    fn fields(&self) -> MemberFields {
        self.template.fields().iter().map(|field| (field.name.clone(), field.kind)).collect()
    }

    fn takes_lines(&self) -> bool {
        self.template.takes_lines()
    }

    fn begins(&self, _: &[u8], line: &[u8]) -> bool {
        self.template.begins(line, &self.times)
    }

    fn has_times(&self) -> bool {
        self.time_place().is_some()
    }

    fn time(&self, text: &[u8], times: &Times) -> Option<Time> {
        let (place, mut found) = (self.time_place()?, Vec::new());
        let fits = self.template.read(text, times, &mut found);
        match found.get(place).filter(|_| fits) {
            Some(Found::Time(time, _)) => Some(*time),
            _ => None,
        }
    }

    fn template(&self) -> Option<&Template> {
        Some(&self.template)
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(TemplateReader { template: self.template.clone(), found: Vec::new() })
    }
}

struct TemplateReader {
    template: Arc<Template>,
    found: Vec<Found>,
}

impl Reader for TemplateReader {
    fn read(&mut self, text: &[u8], row: &mut Row<'_>) -> Result<Taken, Fault> {
        if !self.template.read(text, row.times, &mut self.found) {
            return Err("does not fit the template".into());
        }
        for (found, field) in self.found.iter().zip(self.template.fields()) {
            let name = &field.name;
            match *found {
                Found::Null => row.null(name),
                Found::UnknownZone => {
                    row.seen.unknown_zones += 1;
                    row.null(name)
                }
                Found::Int(value) => row.int(name, value),
                Found::Float(value) => row.float(name, value),
                Found::Time(time, is_local) => row.time(name, time, is_local),
                Found::Span { start, len } if field.kind == Some(Type::Text) => row.text(name, start..start + len),
                Found::Span { start, len } => row.cell(name, text, start..start + len),
            }?;
        }
        Ok(Taken::Record)
    }
}

/// By the template that was typed, and those after `--or`.
pub(super) fn of_args(args: &Args) -> Result<Box<dyn Format>, String> {
    let mut members = vec![of_word(args.get(0))?];
    for word in &args.ors {
        members.push(of_word(word).map_err(|what| format!("--or: {what}"))?);
    }
    let is_cascade = members.len() > 1;
    LogFormat::start(args, |is_single| {
        let members = Members::new(members, is_single);
        if is_cascade { members.named() } else { members }
    })
}

/// What was typed: a template, or the name of a format whose records may stand among others.
fn of_word(word: &str) -> Result<Arc<dyn Member>, String> {
    if word == "json" {
        return Ok(Arc::new(Object::any()));
    }
    let template = Template::parse(word).map_err(|what| format!("the template `{word}`: {what}"))?;
    Ok(TemplateMember::shared(template))
}
