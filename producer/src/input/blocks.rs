//! The blocks of all inputs: each is opened, prepared, cut, and looked at when its turn comes, and some before.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use recpipe::record::Pool;

use super::ahead::{Decompressed, Threads};
use super::archive::Files;
use super::block::{Block, Cut, Cutter};
use super::boundary::Boundary;
use super::content::{self, Content};
use super::encoding::Text;
use super::event::{Cost, Event};
use super::open::Opened;
use super::prepare::Prepared;
use super::sample::{Learn, MOST_SAMPLED_BYTES, SAMPLED_INPUTS, Sampled};
use super::skipping::{Looked, Skipping};
use super::window::Window;
use super::{InputError, Inputs, Meter};

/// All the blocks of all the inputs, one input after the other. A block never spans two inputs.
#[derive(Debug)]
pub struct Blocks<'a> {
    inputs: Inputs,
    boundary: Arc<dyn Boundary>,
    current: Option<Reading>,
    threads: Option<Threads<'a>>,
    /// Begun before their turn, in their order.
    begun: VecDeque<Result<Reading, InputError>>,
    /// What of the inputs is skipped.
    window: Option<Window>,
    /// What comes before the next block.
    pending: VecDeque<Event<Block>>,
    pool: Pool,
}

/// Cuts what an input holds: its compression is off, it is UTF-8, and its first bytes may have been looked at.
pub(super) type InputCutter = Cutter<Sampled<Prepared<Text<Opened>>>>;

/// Why reading an input failed, as it is said.
pub(super) fn explain(cutter: &InputCutter, error: &io::Error) -> String {
    let prepared = cutter.feed().inner();
    prepared.fault().map_or_else(|| prepared.inner().feed().explain(error), str::to_owned)
}

/// An input that is being read.
#[derive(Debug)]
struct Reading {
    name: Arc<str>,
    /// The command that takes its compression off.
    cat: Option<&'static str>,
    blocks: By,
    /// What of it is skipped, if that can be.
    skipping: Option<Skipping>,
}

/// Who reads it.
#[derive(Debug)]
enum By {
    /// Whoever asks for its next block.
    Asking(Box<InputCutter>),
    /// A thread of its own.
    Thread(Decompressed),
}

impl Reading {
    fn next_block(&mut self) -> Result<Option<Cut>, String> {
        match &mut self.blocks {
            By::Asking(cutter) => cutter.next_block().map_err(|e| explain(cutter, &e)),
            By::Thread(blocks) => blocks.next_block(),
        }
    }

    /// What a person should know when all of it was read.
    fn remark(&self) -> Option<String> {
        let remark = match &self.blocks {
            By::Asking(cutter) => cutter.feed().inner().inner().remark(),
            By::Thread(blocks) => blocks.remark(),
        };
        remark.map(|remark| format!("{}: {remark}", self.name))
    }
}

impl<'a> Blocks<'a> {
    /// Cuts the inputs where `boundary` says that records end.
    pub fn new(inputs: Inputs, boundary: Arc<dyn Boundary>) -> Self {
        Blocks {
            inputs,
            boundary,
            current: None,
            threads: None,
            begun: VecDeque::new(),
            window: None,
            pending: VecDeque::new(),
            pool: Pool::new(),
        }
    }

    /// Has compressed files decompressed by these threads, several at once.
    #[must_use]
    pub fn ahead(self, threads: Threads<'a>) -> Self {
        Blocks { threads: Some(threads), ..self }
    }

    /// Leaves out what lies before or after this window, of files in which it can be found.
    #[must_use]
    pub fn within(self, window: Option<Window>) -> Self {
        Blocks { window, ..self }
    }

    /// So many bytes are not looked at: that is told first.
    pub(crate) fn leave_out(&mut self, bytes: u64) {
        if bytes > 0 {
            self.pending.push_back(Event::Notice { text: None, cost: Cost::Skipped(bytes) });
        }
    }

    /// Reads no more of this input, if it is the one that is being read.
    pub fn give_up(&mut self, input: &Arc<str>) {
        self.current = self.current.take().filter(|reading| !Arc::ptr_eq(&reading.name, input));
    }

    /// Shows a sample of each of the inputs to come, as far as there are samples, in their order: at most of the first
    /// `SAMPLED_INPUTS`. Regular files are opened for it and later again; of others only one that comes first is looked at, which is
    /// opened now: nothing could be sent before it has something.
    ///
    /// # Errors
    /// Those of `learn`. What cannot be read is told of when its turn comes.
    pub fn samples(&mut self, learn: Learn<'_>) -> Result<(), String> {
        while !self.inputs.is_regular_next()
            && let Some(opened) = self.inputs.next_opened()
        {
            let mut sample = None;
            let begun = opened.and_then(|opened| {
                let mut reading = self.begin(opened)?;
                if let By::Asking(cutter) = &mut reading.blocks {
                    sample = cutter.feed_mut().sample(&self.boundary, &reading.name);
                }
                Ok(reading)
            });
            let is_open = begun.is_ok();
            self.begun.push_back(begun);
            self.show(sample, learn)?;
            if is_open {
                break;
            }
        }
        let mut left = SAMPLED_INPUTS.saturating_sub(self.begun.len());
        for input in self.inputs.regular(left) {
            // Of an archive, what it takes to come to its next file.
            let meter = Arc::new(Meter::default());
            let Ok(opened) = Opened::open(&input, &meter, &self.inputs.watch) else { continue };
            for file in Files::of(&input, opened, &self.inputs.names) {
                if left == 0 || meter.read_bytes() > MOST_SAMPLED_BYTES || self.inputs.watch.is_stopped() {
                    break;
                }
                let Ok((name, opened)) = file else { continue };
                left -= 1;
                if let Ok(text) = self.text(&name, opened) {
                    let sample = Sampled::new(text).sample(&self.boundary, &name);
                    self.show(sample, learn)?;
                }
            }
        }
        Ok(())
    }

    /// Shows a sample, unless it is of something that is not read.
    fn show(&self, sample: Option<Block>, learn: Learn<'_>) -> Result<(), String> {
        let sample = sample.filter(|sample| content::unfit(&sample.bytes, self.boundary.content(), &sample.source, None).is_none());
        sample.map_or(Ok(()), |sample| learn(&sample))
    }

    /// The bytes of an input. If they are text, it is told what it is written in, and nothing else is read.
    fn text(&self, name: &str, opened: Opened) -> Result<Prepared<Text<Opened>>, InputError> {
        let cat = opened.cat();
        let mut text = Text::new(opened);
        if self.boundary.content() != Content::Bytes {
            let told = text.tell(&*self.boundary, self.inputs.encoding).map_err(|e| text.feed().explain(&e));
            let told = told.and_then(|encoding| encoding.map_or(Ok(()), |encoding| Err(content::in_encoding(encoding, name, cat))));
            told.map_err(|what| InputError::read(name, what))?;
        }
        let prepared = Prepared::new(text, self.boundary.preparation());
        prepared.map_err(|(text, e)| InputError::read(name, text.feed().explain(&e)))
    }

    /// Begins an input.
    fn begin(&self, (name, opened): (Arc<str>, Opened)) -> Result<Reading, InputError> {
        let window = self.window.as_ref().filter(|_| self.inputs.encoding.is_none());
        let skipping = match (window, opened.path()) {
            (Some(window), Some(path)) => Skipping::of(window, path, &name, &self.boundary).map_err(|e| InputError::open(path, e))?,
            _ => None,
        };
        let opened = match &skipping {
            Some(skipping) if skipping.from() > 0 => self.part(skipping, skipping.from(), None)?,
            _ => opened,
        };
        Ok(Reading { skipping, ..self.begin_whole((name, opened))? })
    }

    /// A part of a file of which something is skipped.
    fn part(&self, skipping: &Skipping, from: u64, most: Option<u64>) -> Result<Opened, InputError> {
        Opened::from(skipping.path(), from, most, &self.inputs.meter, &self.inputs.watch)
    }

    /// Begins what was opened.
    fn begin_whole(&self, (name, opened): (Arc<str>, Opened)) -> Result<Reading, InputError> {
        let cat = opened.cat();
        let text = Sampled::new(self.text(&name, opened)?);
        let cutter = Cutter::new(text, self.boundary.clone(), self.pool.clone(), self.inputs.block_bytes);
        let cutter = cutter.with_records(self.inputs.block_records);
        Ok(Reading { name, cat, blocks: By::Asking(Box::new(cutter)), skipping: None })
    }

    /// Goes on to the next input, and begins those after it that can be; `None` after the last.
    fn next_input(&mut self) -> Option<Result<Reading, InputError>> {
        let next = match self.begun.pop_front() {
            Some(begun) => begun,
            // Nothing is won by a thread for the file whose turn it is: one worker decompresses while the others parse.
            None => self.inputs.next_opened()?.and_then(|opened| self.begin(opened)),
        };
        if let Some(threads) = &self.threads {
            while self.begun.len() + 1 < threads.files()
                && self.inputs.is_regular_next()
                && let Some(opened) = self.inputs.next_opened()
            {
                let begin = |opened| {
                    let reading = self.begin(opened)?;
                    let blocks = match reading.blocks {
                        By::Asking(cutter) if reading.cat.is_some() => threads.begin(cutter).map_or_else(By::Asking, By::Thread),
                        blocks => blocks,
                    };
                    Ok(Reading { blocks, ..reading })
                };
                let begun = opened.and_then(begin);
                self.begun.push_back(begun);
            }
        }
        Some(next)
    }
}

impl Blocks<'_> {
    /// Looks at a block of a file of which something is skipped.
    fn look(&mut self, mut skipping: Skipping, cut: Cut) {
        let Some(reading) = &mut self.current else { return };
        let name = reading.name.clone();
        let looked = skipping.look(&cut, &name);
        let block = Event::Block(cut.of(&name));
        match looked {
            Looked::Ordered => {
                reading.skipping = Some(skipping);
                self.pending.push_back(block);
            }
            Looked::Past { left } => {
                self.current = None;
                self.pending.push_back(block);
                self.leave_out(left + skipping.from());
            }
            Looked::Broken { what, is_first } => {
                self.pending.push_back(Event::notice(what));
                if is_first && skipping.from() > 0 {
                    // Nothing was given out yet: from the start, as if nothing had been skipped.
                    self.current = None;
                    self.begin_part(&name, &skipping, None);
                } else {
                    reading.skipping = Some(skipping).filter(|skipping| skipping.from() > 0);
                    self.pending.push_back(block);
                }
            }
        }
    }

    /// The reading of a file of which something was skipped has ended.
    fn rest(&mut self, name: &Arc<str>, skipping: &Skipping) {
        match skipping.is_broken() {
            true => self.begin_part(name, skipping, Some(skipping.from())),
            false => self.leave_out(skipping.from()),
        }
    }

    /// Reads a file from its start, up to this place.
    fn begin_part(&mut self, name: &Arc<str>, skipping: &Skipping, most: Option<u64>) {
        match self.part(skipping, 0, most).and_then(|opened| self.begin_whole((name.clone(), opened))) {
            Ok(reading) => self.current = Some(reading),
            Err(problem) => self.pending.push_back(Event::Problem(problem)),
        }
    }
}

impl Iterator for Blocks<'_> {
    type Item = Event<Block>;

    /// The next block or problem. `None` after the last input, and at once when the reading was ended.
    fn next(&mut self) -> Option<Event<Block>> {
        loop {
            if let Some(event) = self.pending.pop_front() {
                return Some(event);
            }
            let Some(reading) = &mut self.current else {
                match self.next_input()? {
                    Ok(reading) => self.current = Some(reading),
                    Err(_) if self.inputs.watch.is_stopped() => return None,
                    Err(problem) => return Some(Event::Problem(problem)),
                }
                continue;
            };
            match reading.next_block() {
                Ok(Some(cut)) => {
                    let unfit = |first: &[u8]| content::unfit(first, self.boundary.content(), &reading.name, reading.cat);
                    if let Some(what) = cut.beginning().and_then(unfit) {
                        let problem = InputError::read(&reading.name, what);
                        self.current = None;
                        return Some(Event::Problem(problem));
                    }
                    match reading.skipping.take() {
                        None => return Some(Event::Block(cut.of(&reading.name))),
                        Some(skipping) => self.look(skipping, cut),
                    }
                }
                Ok(None) => {
                    self.pending.extend(reading.remark().map(Event::notice));
                    if let Some((name, skipping)) = self.current.take().and_then(|reading| Some((reading.name, reading.skipping?))) {
                        self.rest(&name, &skipping);
                    }
                }
                Err(_) if self.inputs.watch.is_stopped() => return None,
                Err(what) => {
                    let problem = InputError::read(&reading.name, what);
                    self.current = None;
                    return Some(Event::Problem(problem));
                }
            }
        }
    }
}
