//! How far a run is, shown while it lasts: on a terminal, after a second, or when asked for.

use std::fs::File;
use std::io::IsTerminal;
use std::os::unix::fs::FileTypeExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::input::Meter;
use crate::ledger::Ledger;

/// A run that is over sooner shows nothing.
const SHOWN_AFTER: Duration = Duration::from_secs(1);

/// Between two updates of a bar.
const BAR_EVERY: Duration = Duration::from_millis(100);

/// Between two lines, where there is no terminal to draw on.
const LINE_EVERY: Duration = Duration::from_secs(1);

/// Whether progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Show {
    /// On a terminal that nobody else writes to.
    #[default]
    Auto,
    /// Also elsewhere: a line every second.
    Always,
    /// Not at all.
    Never,
}

/// Whether the terminal is ours alone, so that a bar tears nobody's lines. Cloning shares.
#[derive(Debug, Clone)]
pub struct Alone {
    is_alone: Arc<AtomicBool>,
    /// What the consumer says of it counts: its terminal is ours.
    is_shared: bool,
}

impl Alone {
    /// Where the records go to this file. Whoever is at the other end of a pipe may write to the terminal at any moment, unless it
    /// says that it does not.
    pub fn beside(out: &File) -> Self {
        let is_filed = out.metadata().is_ok_and(|meta| {
            let kind = meta.file_type();
            kind.is_file() || kind.is_char_device() && !out.is_terminal()
        });
        Alone { is_alone: Arc::new(is_filed.into()), is_shared: !is_filed }
    }

    /// Where they go to consumers, of which some are our children, or none.
    pub(crate) fn with_consumers(are_children: bool) -> Self {
        Alone { is_alone: Arc::new((!are_children).into()), is_shared: are_children }
    }

    /// The consumer says whether it shows something before the end.
    pub fn heard(&self, shows: bool) {
        if self.is_shared {
            self.is_alone.store(!shows, Ordering::Relaxed);
        }
    }

    fn is_alone(&self) -> bool {
        self.is_alone.load(Ordering::Relaxed)
    }
}

/// The progress of one run.
#[derive(Debug)]
pub struct Progress {
    kind: Kind,
    /// Also where no bar can be.
    always: bool,
    alone: Alone,
    meter: Arc<Meter>,
    total_bytes: Option<u64>,
    began: Instant,
    next: Instant,
    /// Who is told what would be said on stderr.
    listener: Option<Said>,
}

/// What was said, for a program that is told it. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Said(Arc<Mutex<Vec<String>>>);

impl Said {
    /// As many lines are kept, the first ones: a million files that cannot be read are a million lines.
    const MOST: usize = 1000;

    /// The lines so far.
    pub fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn add(&self, line: &str) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() < Self::MOST {
            lines.push(line.strip_prefix("producer: ").unwrap_or(line).to_owned());
        }
    }
}

#[derive(Debug)]
enum Kind {
    Hidden,
    /// On a terminal: drawn while nobody else writes there.
    Bar(Option<ProgressBar>),
    Lines,
}

impl Progress {
    /// Progress over `total_bytes`, if they are known, of which the meter says how many were read.
    pub fn new(show: Show, alone: Alone, meter: Arc<Meter>, total_bytes: Option<u64>) -> Self {
        let kind = match (show, std::io::stderr().is_terminal()) {
            (Show::Never, _) | (Show::Auto, false) => Kind::Hidden,
            (_, true) => Kind::Bar(None),
            (Show::Always, false) => Kind::Lines,
        };
        let began = Instant::now();
        Progress { kind, always: show == Show::Always, alone, meter, total_bytes, began, next: began + SHOWN_AFTER, listener: None }
    }

    /// No progress is shown.
    pub fn hidden() -> Self {
        Progress::new(Show::Never, Alone::with_consumers(false), Arc::default(), None)
    }

    /// No progress is shown, and what would be said on stderr goes to `said`.
    pub fn told(said: &Said) -> Self {
        Progress { listener: Some(said.clone()), ..Progress::hidden() }
    }

    /// What says whether a bar may be drawn.
    pub fn alone(&self) -> Alone {
        self.alone.clone()
    }

    /// Shows how far it is, if it is time to.
    pub fn update(&mut self, ledger: &Ledger) {
        if matches!(self.kind, Kind::Hidden) || Instant::now() < self.next {
            return;
        }
        if let Kind::Bar(bar) = &mut self.kind
            && !self.alone.is_alone()
        {
            take_away(bar);
            if !self.always {
                return;
            }
        }
        let (read, total, took) = (self.meter.read_bytes(), self.total_bytes, self.began.elapsed());
        let text = text(ledger, read, total, took);
        let every = match &mut self.kind {
            Kind::Bar(bar) if self.alone.is_alone() => {
                let bar = bar.get_or_insert_with(|| new_bar(total));
                bar.set_position(read);
                bar.set_message(text);
                BAR_EVERY
            }
            _ => {
                recpipe::say!("producer: {text}");
                LINE_EVERY
            }
        };
        self.next = Instant::now() + every;
    }

    /// Writes a message without tearing the bar.
    pub fn say(&self, message: &str) {
        match (&self.kind, &self.listener) {
            (_, Some(said)) => said.add(message),
            (Kind::Bar(Some(bar)), None) => bar.suspend(|| recpipe::say!("{message}")),
            _ => recpipe::say!("{message}"),
        }
    }

    /// Takes the bar away.
    pub fn finish(&mut self) {
        if let Kind::Bar(bar) = &mut self.kind {
            take_away(bar);
        }
        self.kind = Kind::Hidden;
    }
}

fn take_away(bar: &mut Option<ProgressBar>) {
    if let Some(bar) = bar.take() {
        bar.finish_and_clear();
    }
}

/// All of it fits into 80 columns.
fn new_bar(total: Option<u64>) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
    let template = if total.is_some() { "{bar:12} {msg}" } else { "{spinner} {msg}" };
    // A constant template that does not parse would show in any run; the default style serves as well.
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

/// `512.00 MiB of 1.21 GiB (41%), 7.1 M records/s, 2s left, 3 rejected`.
fn text(ledger: &Ledger, read: u64, total: Option<u64>, took: Duration) -> String {
    let seconds = took.as_secs_f64().max(1e-9);
    let mut text = HumanBytes(read).to_string();
    if let Some(total) = total {
        text += &format!(" of {} ({:.0}%)", HumanBytes(total), (read as f64 / total.max(1) as f64 * 100.0).min(100.0));
    }
    text += &format!(", {} records/s", short((ledger.records_out + ledger.left_out) as f64 / seconds));
    if let Some(left) = total.and_then(|total| total.checked_sub(read)).filter(|_| read > 0) {
        text += &format!(", {:#} left", HumanDuration(Duration::from_secs_f64(left as f64 * seconds / read as f64)));
    }
    if ledger.rejected > 0 {
        text += &format!(", {} rejected", ledger.rejected);
    }
    text
}

/// A number with three figures and a unit.
fn short(n: f64) -> String {
    match n {
        1e6.. => format!("{:.1} M", n / 1e6),
        1e3.. => format!("{:.1} k", n / 1e3),
        _ => format!("{n:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_how_far_how_fast_and_how_long() {
        let ledger = Ledger { records_out: 3_000_000, ..Ledger::default() };
        let at = |read, total, rejected| text(&Ledger { rejected, ..ledger }, read, total, Duration::from_secs(2));
        assert_eq!(at(1 << 30, Some(4 << 30), 0), "1.00 GiB of 4.00 GiB (25%), 1.5 M records/s, 6s left");
        assert_eq!(at(1 << 20, None, 7), "1.00 MiB, 1.5 M records/s, 7 rejected");
        assert_eq!(at(10, Some(5), 0), "10 B of 5 B (100%), 1.5 M records/s");
        assert_eq!(at(0, Some(0), 0), "0 B of 0 B (0%), 1.5 M records/s");
    }
}
