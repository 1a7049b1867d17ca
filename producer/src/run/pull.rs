//! What the workers pull: the source's next item, with what the consumers need of it by now.

use std::sync::Arc;
use std::sync::mpsc::Receiver;

use recpipe::record::Condition;

use super::Options;
use super::hearing_time::HearingTime;
use super::job::Job;
use crate::format::Wanted;
use crate::format::source::{Source, Unparsed};
use crate::input::event::Event;
use crate::input::live::Watch;
use crate::output::{Pushdown, PushdownChannel};
use crate::progress::Alone;

/// Pulls of a source, until `watch` ends that.
pub(super) struct Pull<'r> {
    source: Box<dyn Source + 'r>,
    watch: Watch,
    options: Arc<Options>,
    /// Where the consumers say what they need.
    channel: PushdownChannel,
    /// What they need, as far as they have said so.
    pushdown: Pushdown,
    /// The fields that have to be parsed for it.
    wanted: Wanted,
    /// What is told whether one of them writes to the terminal.
    alone: Alone,
    /// The inputs whose rest is not to be read.
    given_up: Receiver<Arc<str>>,
    hearing_time: HearingTime,
}

impl<'r> Pull<'r> {
    pub(super) fn new(
        source: Box<dyn Source + 'r>,
        watch: Watch,
        options: Arc<Options>,
        channel: PushdownChannel,
        alone: Alone,
        given_up: Receiver<Arc<str>>,
        hearing_time: HearingTime,
    ) -> Self {
        let pushdown = channel.unheard();
        let wanted = options.shape.wanted(&pushdown.fields);
        Pull { source, watch, options, channel, pushdown, wanted, alone, given_up, hearing_time }
    }

    /// What it pulls of.
    pub(super) fn source(&self) -> &(dyn Source + 'r) {
        &*self.source
    }

    /// The next item; `None` at the end, or when the reading was ended.
    pub(super) fn next(&mut self) -> Option<Job> {
        let is_late = self.hearing_time.is_over();
        self.hear(is_late);
        if self.watch.is_stopped() && !self.source.drains() {
            return None;
        }
        self.given_up.try_iter().for_each(|input| self.source.give_up(&input));
        let mut pulled = self.source.next(&self.wanted)?;
        // The read may have waited long: what was said meanwhile counts.
        if self.hear(is_late)
            && let Ok(Event::Block(Unparsed::Block(block))) = &mut pulled
        {
            block.wanted = self.wanted.clone();
        }
        Some(Job::Pulled(pulled, self.pushdown.clone()))
    }

    /// Listens to the consumers, who have spoken by now if `is_late`. Whether there is something new.
    fn hear(&mut self, is_late: bool) -> bool {
        let Some(heard) = self.channel.hear(is_late) else { return false };
        self.wanted = self.options.shape.wanted(&heard.fields);
        if self.options.shape.keeps_values() {
            let shape = &self.options.shape;
            let of_format = |condition: &&Condition| !shape.is_constant(&condition.field);
            self.source.hear(&heard.conditions.iter().filter(of_format).cloned().collect());
        }
        self.alone.heard(heard.shows);
        self.pushdown = heard;
        true
    }
}
