//! `--cast`: the types that fields are said to have.

use recpipe::Type;
use recpipe::times::TimePattern;

use crate::run::cast::kind as kind_of;

/// The types of fields, and the formats of those that are read as times by one.
pub(super) type Casts = (Vec<(String, Type)>, Vec<(String, TimePattern)>);

/// `--cast`: `field=type` with commas between, each field once, and the formats of those with one.
pub(super) fn casts(typed: &[String], fields: Option<&[String]>, set: &[String]) -> Result<Casts, String> {
    let is_set = |name: &str| set.iter().any(|set| set.split_once('=').is_some_and(|(set, _)| set == name));
    let (mut casts, mut patterns): (Vec<(String, Type)>, Vec<_>) = (Vec::new(), Vec::new());
    for cast in typed.iter().flat_map(|typed| split_casts(typed)) {
        let bad = || format!("--cast: `{cast}` is not FIELD=TYPE, where TYPE is int, float, time, time:FORMAT or str");
        let (name, kind) = match cast.split_once(FORMATTED) {
            Some((name, format)) => {
                let pattern =
                    TimePattern::new(format).map_err(|what| format!("--cast: `{cast}`: bad format: {what}; as in `f=time:%d.%m.%Y`"))?;
                patterns.push((name.to_owned(), pattern));
                (name, Type::Time)
            }
            None => {
                let (name, kind) = cast.rsplit_once('=').ok_or_else(bad)?;
                (name, kind_of(kind).ok_or_else(bad)?)
            }
        };
        if casts.iter().any(|(other, _)| other == name) {
            return Err(format!("--cast: `{name}` stands twice"));
        }
        if fields.is_some_and(|fields| !fields.iter().any(|field| field == name)) && !is_set(name) {
            return Err(format!("--cast: `{name}` is not among the --fields"));
        }
        casts.push((name.to_owned(), kind));
    }
    Ok((casts, patterns))
}

/// What stands between a field and the format of its times.
const FORMATTED: &str = "=time:";

/// The casts that commas separate. A comma with no `=` after it is one of the format before it.
fn split_casts(typed: &str) -> Vec<String> {
    let mut casts: Vec<String> = Vec::new();
    for part in typed.split(',') {
        match casts.last_mut().filter(|last| last.contains(FORMATTED) && !part.contains('=')) {
            Some(last) => *last += &format!(",{part}"),
            None => casts.push(part.to_owned()),
        }
    }
    casts
}
