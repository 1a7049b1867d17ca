//! What is said of fields that come later than the query begins, or that never come.

use std::{collections::BTreeSet, sync::Arc};

use recpipe::{Error, Exit, Schema, say, wire::Ending};

use crate::{
    catalog::CATALOG,
    language::{Source, diagnose::did_you_mean},
    left_out::{Summary, Why},
    plan::Plan,
};

/// Of so many late fields each has a line of its own.
const NAMED: usize = 5;

/// A query of more bytes is not written anew.
const LONGEST: usize = 2000;

/// Says which fields are waited for.
pub(crate) fn announce(plan: &Plan) {
    let awaited: Vec<&str> = plan.awaited.iter().filter(|field| !field.may_not_come).map(|field| field.name.as_str()).collect();
    // Of a stream without a record nothing is said.
    if !plan.has_sample() {
        return;
    }
    match awaited[..] {
        [] => {}
        [only] => say!("consumer: {} is not among the first records; it counts as null until it comes", quoted(only)),
        _ => say!(
            "consumer: {} are not among the first records; each counts as null until it comes",
            awaited.into_iter().map(quoted).collect::<Vec<_>>().join(", ")
        ),
    }
}

/// The fields that have come after the query began.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// The names that the plan does not know, in the order in which they came.
    unknown: Vec<String>,
    /// The awaited ones.
    came: Vec<String>,
}

impl Seen {
    /// Looks at the schema of what comes next. Where the plan has no place for its fields, they are said, unless it is to be `quiet`.
    pub(crate) fn look(&mut self, schema: &Schema, plan: &Plan, quiet: bool) {
        let come = schema.names().filter(|name| plan.awaited.iter().any(|field| field.name == *name));
        let new: Vec<String> = come.filter(|name| !self.came.iter().any(|known| known == name)).map(str::to_owned).collect();
        self.came.extend(new);
        let unknown = schema.names().filter(|name| plan.input.index_of(name).is_none());
        let new: Vec<String> = unknown.filter(|name| !self.unknown.iter().any(|known| known == name)).map(str::to_owned).collect();
        if !new.is_empty() && !quiet && !plan.input.grows() {
            say!("consumer: fields that come up later in the stream are not seen by this query: {}", new.join(", "));
        }
        self.unknown.extend(new);
    }

    /// The fields that the plan has no place for, in the order in which they came.
    pub(crate) fn unknown(&self) -> &[String] {
        &self.unknown
    }

    /// The awaited fields that have come.
    pub(crate) fn came(&self) -> &[String] {
        &self.came
    }

    /// These have come in another input.
    pub(crate) fn also(&mut self, names: &BTreeSet<String>) {
        self.came.extend(names.iter().cloned());
    }

    /// That a field which the query names never came, at the end of a stream that ended so.
    ///
    /// # Errors
    /// [`Error::Usage`] then.
    pub(crate) fn all_came(&self, plan: &Plan, ending: &Ending, records: u64) -> Result<(), Error> {
        // Of a stream that is not whole, or that had no records, it is not known.
        if !matches!(ending.exit, Exit::Done | Exit::Rejects) || (records == 0 && !plan.has_sample()) {
            return Ok(());
        }
        let awaited = plan.awaited.iter().filter(|field| !field.may_not_come);
        let missing: Vec<&str> =
            awaited.map(|field| field.name.as_str()).filter(|name| !self.came.iter().any(|came| came == name)).collect();
        let Some((first, others)) = missing.split_first() else { return Ok(()) };
        let known = || plan.input.names().filter(|name| !missing.contains(name)).chain(self.unknown.iter().map(String::as_str));
        let hint = match did_you_mean(first, known()) {
            hint if hint.is_empty() => format!("fields: {}", shortened(&known().collect::<Vec<_>>())),
            hint => hint,
        };
        let also = match others {
            [] => String::new(),
            others => format!("; nor did {}", others.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ")),
        };
        let way_out = format!("{}?", CATALOG.field(first));
        Err(Error::Usage(format!(
            "unknown field {}: no record had it{also}; {hint} (where it may stay away, write `{way_out}`)",
            quoted(first)
        )))
    }
}

/// That fields which stages were to read out of texts were in none.
pub(crate) fn unread(names: &[Arc<str>]) -> Option<String> {
    let (first, others) = names.split_first()?;
    let also = match others {
        [] => String::new(),
        others => format!("; nor did {}", others.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ")),
    };
    let way_out = format!("{}?", CATALOG.field(first));
    Some(format!("unknown field {}: no text had it{also} (where it may stay away, write `{way_out}`)", quoted(first)))
}

fn quoted(name: &str) -> String {
    format!("`{name}`")
}

/// Names, and how many more there are.
fn shortened(names: &[&str]) -> String {
    const SHOWN: usize = 60;
    let more = names.len().saturating_sub(SHOWN);
    let shown = CATALOG.fields(names.iter().copied().take(SHOWN));
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}

/// Says what was left out of an answer.
pub(crate) fn tell(summaries: &[Summary], plan: &Plan, source: &Source) {
    let (mut late, others): (Vec<&Summary>, Vec<&Summary>) = summaries.iter().partition(|summary| summary.why == Why::NoColumn);
    others.iter().for_each(|summary| say!("consumer: {summary}"));
    late.sort_by_key(|summary| (summary.at, summary.order));
    late.iter().take(NAMED).for_each(|summary| say!("consumer: {summary}"));
    if let Some(more) = late.len().checked_sub(NAMED).filter(|more| *more > 0) {
        say!("consumer: nor are those of {more} other fields");
    }
    let mut outputs: Vec<usize> = late.iter().map(|summary| summary.at).collect();
    outputs.dedup();
    for at in outputs {
        let names: Vec<&str> = late.iter().filter(|summary| summary.at == at).map(|summary| &*summary.what).collect();
        if let Some(way_out) = plan.plan_of_output(at).map(|plan| select(plan, at, &names, source)) {
            say!("consumer: to have them, {way_out}");
        }
    }
}

/// What to write so that the output at this place has columns for these fields.
fn select(plan: &Plan, at: usize, late: &[&str], source: &Source) -> String {
    let known: Vec<&str> = plan.output().names().collect();
    let written = |name: &&str| {
        // What looks like a slip is taken for one, unless it is said that it may come.
        let is_near = !did_you_mean(name, known.iter().copied()).is_empty() || known.iter().any(|known| known.eq_ignore_ascii_case(name));
        format!("{}{}", CATALOG.field(name), if is_near { "?" } else { "" })
    };
    let fields: Vec<String> = known.iter().map(|name| CATALOG.field(name).into_owned()).chain(late.iter().map(written)).collect();
    let select = format!("select {}", fields.join(", "));
    let (before, after) = source.text().split_at_checked(at).unwrap_or((source.text(), ""));
    let before = before.trim_end();
    let (before, after) = match (before.is_empty() || before.ends_with(['|', '\n', '[']), plan.sink().is_some()) {
        (true, true) => (before.to_owned(), format!(" | {after}")),
        (false, true) => (format!("{before} |"), format!(" | {after}")),
        (true, false) => (before.to_owned(), after.to_owned()),
        (false, false) => (format!("{before} |"), after.to_owned()),
    };
    let query = format!("{before} {select}{after}").trim().to_owned();
    // Arguments are whole stages; a comment in one would end it.
    let lines = source.text().matches('\n').count();
    let is_joined = lines + 1 == source.parts().len().max(1) && !query.contains(['#', '[']);
    let query = if lines > 0 && is_joined { query.replace('\n', " | ").replace("| |", "|") } else { query };
    let is_plain = source.is_from_args() && query.len() <= LONGEST && !query.contains(['\'', '\n']);
    match is_plain {
        true => format!("write: consumer '{query}'"),
        false if select.len() <= LONGEST => format!("write `{select}` before the output"),
        false => "name them in a `select` before the output, or write `json`".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use recpipe::{Exit, Field, Schema, Type, wire::Ending};

    use super::{Seen, select};
    use crate::{
        catalog,
        language::{self, Source},
        plan::Plan,
    };

    fn plan(text: &str) -> (Plan, Source) {
        let fields = ["t", "ms"].map(|name| Field::open(name, Type::Int)).to_vec();
        let schema = Schema::new(fields).unwrap().growing();
        let source = Source::from_args(&[text]);
        (language::check(&source, &catalog::parse(&source).unwrap(), &schema).unwrap(), source)
    }

    #[test]
    fn the_select_to_write_works_when_it_is_typed() {
        let check = |text: &str, late: &[&str], expect: &str| {
            let (plan, source) = plan(text);
            assert_eq!(select(&plan, plan.output_at(), late, &source), expect, "{text}");
            if let Some(typed) = expect.strip_prefix("write: consumer '").and_then(|typed| typed.strip_suffix('\'')) {
                self::plan(typed);
            }
        };
        check("csv", &["cause"], "write: consumer 'select t, ms, cause | csv'");
        check("where t > 1 | csv", &["cause", "user id"], "write: consumer 'where t > 1 | select t, ms, cause, `user id` | csv'");
        check("let x = t | table", &["mss"], "write: consumer 'let x = t | select t, ms, x, mss? | table'");
        check("", &["cause"], "write: consumer 'select t, ms, cause'");
        check("where t > 1", &["cause"], "write: consumer 'where t > 1 | select t, ms, cause'");
        let source = Source::from_args(&["where t > 1", "csv"]);
        let plan = language::check(&source, &catalog::parse(&source).unwrap(), &self::plan("").0.input).unwrap();
        let expect = "write: consumer 'where t > 1 | select t, ms, cause | csv'";
        assert_eq!(select(&plan, plan.output_at(), &["cause"], &source), expect);
        check("let x = 'a' | csv", &["cause"], "write `select t, ms, x, cause` before the output");
    }

    #[test]
    fn the_select_is_of_the_branch_that_lacks_the_fields() {
        let (plan, source) = plan("tee [ where t > 1 | csv ] | count");
        let at = source.text().find("csv").unwrap();
        let branch = plan.plan_of_output(at).unwrap();
        let expect = "write: consumer 'tee [ where t > 1 | select t, ms, cause | csv ] | count'";
        assert_eq!(select(branch, at, &["cause"], &source), expect);
        assert!(plan.plan_of_output(1).is_none());
    }

    #[test]
    fn a_field_that_never_came_is_unknown() {
        let (plan, _) = plan("where cause == 1 and zone? == 2");
        let done = Ending::default();
        let error = Seen::default().all_came(&plan, &done, 9).unwrap_err().to_string();
        assert!(error.contains("unknown field `cause`") && error.contains("fields: t, ms") && error.contains("`cause?`"), "{error}");
        let mut seen = Seen::default();
        seen.look(&Schema::new(vec![Field::open("causes", Type::Mixed)]).unwrap(), &plan, true);
        let error = seen.all_came(&plan, &done, 9).unwrap_err().to_string();
        assert!(error.contains("did you mean `causes`?"), "{error}");
        seen.look(&Schema::new(vec![Field::open("cause", Type::Mixed)]).unwrap(), &plan, true);
        assert!(seen.all_came(&plan, &done, 9).is_ok());
        let lost = Ending { exit: Exit::Failed, ..Ending::default() };
        assert!(Seen::default().all_came(&plan, &lost, 9).is_ok(), "a file that could not be read may have had it");
    }
}
