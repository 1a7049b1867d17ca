//! What the times of the records decide before anything is read: the order of rotated sets, and which files are left out.

use std::sync::Arc;

use recpipe::Exit;

use crate::config::Config;
use crate::format::store::StartStore;
use crate::format::{Args, Format, Start, StartMade, StartSource};
use crate::input::clock::TimesOf;
use crate::input::find::Found;
use crate::input::rotated;
use crate::input::window::{Span, Window};
use crate::settle::{Refused, Settled};

/// The inputs of a run, as their times have it.
pub(crate) struct Timed {
    /// Those that are read, in their order.
    pub found: Found,
    /// The bytes of those that are left out.
    pub(crate) left_out_bytes: u64,
    /// What reads their times, if the format has any; without `--since` and `--until` it has no ends.
    pub window: Option<Window>,
}

/// A format, begun as far as it can be without its inputs.
pub(crate) enum Begun {
    /// Its records lie in blocks.
    Blocks(Box<dyn Format>),
    /// It makes batches in its own way.
    Source {
        /// What it is called.
        name: &'static str,
        /// What begins it.
        start: StartSource,
    },
    /// It reads a store.
    Store {
        /// What it is called.
        name: &'static str,
        /// What begins it.
        start: StartStore,
    },
    /// It reads nothing.
    Made {
        /// What it is called.
        name: &'static str,
        /// What begins it.
        start: StartMade,
    },
}

/// Begins the format of a run, and orders and chooses its inputs.
///
/// # Errors
/// What was typed does not fit the format.
pub(crate) fn begin(config: &Config, settled: Settled) -> Result<(Begun, Args, Timed), Refused> {
    let Settled { format, args, found } = settled;
    let usage = |mistake: String| (Exit::Usage, mistake);
    match format.start {
        Start::Blocks(start) => {
            let begun = config.begin(format.name, start, &args).map_err(usage)?;
            let timed = timed(config, format.name, &*begun, found).map_err(usage)?;
            Ok((Begun::Blocks(begun), args, timed))
        }
        Start::Source(start) => {
            let begun = Begun::Source { name: format.name, start };
            Ok((begun, args, Timed { found, left_out_bytes: 0, window: None }))
        }
        Start::Store(store) => {
            let begun = Begun::Store { name: format.name, start: store.start };
            Ok((begun, args, Timed { found, left_out_bytes: 0, window: None }))
        }
        Start::Made(start) => {
            let begun = Begun::Made { name: format.name, start };
            Ok((begun, args, Timed { found, left_out_bytes: 0, window: None }))
        }
        Start::Auto => Err(usage(format!("{}: it is no format", format.name))),
    }
}

fn timed(config: &Config, name: &str, format: &dyn Format, found: Found) -> Result<Timed, String> {
    let window = window(config, name, format)?;
    let Some(clock) = &window else { return Ok(Timed { found, left_out_bytes: 0, window }) };
    let rotated::Ordered { found, left_out_bytes } = rotated::ordered(found, &config.paths, clock, &format.boundary());
    Ok(Timed { found, left_out_bytes, window })
}

/// What reads the times of the records, between the ends that were asked for.
///
/// # Errors
/// Times are asked for, and the format has none.
pub(crate) fn window(config: &Config, name: &str, format: &dyn Format) -> Result<Option<Window>, String> {
    let Some(clock) = format.clock() else {
        let asked = [("--since", config.span.is_some()), ("--merge", config.merge)];
        return match asked.iter().find(|(_, is_asked)| *is_asked) {
            Some((option, _)) => Err(format!("{name}: {option}: its records have no times to go by; `where` in the query asks a field")),
            None => Ok(None),
        };
    };
    let Span { since, until, slack } = config.span.unwrap_or(Span { since: None, until: None, slack: None });
    let dating = config.options.shape.dating.clone();
    let times: TimesOf = Arc::new(move |source| dating.times(source));
    Ok(Some(Window { clock, times, since, until, slack }))
}
