//! Which format is read: the one that was named, or for `auto` the one that the inputs begin with.

use recpipe::{Exit, say};

use crate::config::Config;
use crate::format::auto::choose;
use crate::format::{Args, FormatSpec, Start, columnar, journal};
use crate::input::find::Found;
use crate::input::live::Watch;
use crate::input::{self, first_lines};

/// Why there is no run: nothing was written.
pub(crate) type Refused = (Exit, String);

/// What is read, and how.
pub(crate) struct Settled {
    /// The format.
    pub(crate) format: FormatSpec,
    /// What was typed for it.
    pub(crate) args: Args,
    /// The inputs: one that can be read once only gives what was looked at again.
    pub(crate) found: Found,
}

/// Decides on the format, and says on stderr what it took, and why.
///
/// # Errors
/// Nothing tells which format it is.
pub(crate) fn settle(config: &Config, mut found: Found, watch: &Watch) -> Result<Settled, Refused> {
    let (format, args) = (config.format, config.args.clone());
    if !matches!(format.start, Start::Auto) {
        return Ok(Settled { format, args, found });
    }
    let mut sample = None;
    for slot in &mut found {
        let Ok(input) = slot else { continue };
        // What cannot be read is told of when its turn comes.
        let Ok((beginning, again)) = first_lines(input, watch, config.charset, &config.names) else { continue };
        *input = again;
        if let Some(spec) = columnar::magic(&beginning.head).or_else(|| journal::magic(&beginning.head)) {
            if !config.options.quiet {
                say!("producer: auto: {input} is read as `{}`: it begins so", spec.name);
            }
            return Ok(Settled { format: *spec, args, found });
        }
        sample = beginning.lines;
        if sample.is_some() {
            break;
        }
    }
    let mistake = |what: String| (Exit::Usage, format!("auto: {what}"));
    let sample = sample.ok_or_else(|| mistake("the inputs have no line that could tell the format; name it".to_owned()))?;
    let choice = choose(&sample, &args, &config.own).map_err(mistake)?;
    if !config.options.quiet {
        say!("producer: auto: {} is read as `{}`: {}", input::shown_name(&sample.source), choice.spec.name, choice.why);
    }
    Ok(Settled { format: choice.spec, args: Args { templates: choice.templates, ..args }, found })
}
