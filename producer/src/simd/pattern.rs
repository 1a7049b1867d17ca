//! Lines that all have their marks in one order, held against it and read off 64 bytes at a time.
//!
//! The marks are newlines, quotes, and, outside of quotes, three kinds of separators, which are spaces and brackets in most logs. A chunk's marks, moved together (PEXT), are the
//! first bits of a pattern that repeats itself line by line, begun where the chunk before ended: one comparison for each class
//! of marks judges all lines of the chunk, and a line costs nothing for the marks that nobody wants to know the places of. Those
//! that are wanted are picked out (PDEP) and written one after the other.
//!
//! A walk over the places of all marks, line by line, took twice the time of all that together.

use super::{Classes, Kernel, Separators, Simd};

/// What a mark is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Space,
    Quote,
    /// `[`
    Opening,
    /// `]`
    Closing,
    Newline,
}

/// What is between a mark and the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gap {
    /// At least one byte.
    Text,
    Nothing,
    /// Any number of bytes, none included.
    Any,
}

/// A mark of a line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    pub kind: Kind,
    pub gap: Gap,
    /// Whether somebody wants to know where it is.
    pub wanted: bool,
}

/// Which spaces are marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spaces {
    /// Those that are not quoted.
    Bare,
    /// Those, and the ones in this pair of the line's quotes, the first being 0.
    In(usize),
    /// All.
    All,
}

/// The most marks that a line may have.
const MARKS: usize = 64;

/// The most quotes that a line may have.
const QUOTES: usize = 16;

/// What the next 64 marks should be, each a bit, the nearest the lowest.
#[derive(Debug, Clone, Copy, Default)]
#[repr(align(64))]
struct Expected {
    space: u64,
    quote: u64,
    newline: u64,
    opening: u64,
    /// Right behind the mark before.
    adjacent: u64,
    /// Where that matters.
    matters: u64,
    wanted: u64,
}

/// The order in which each line has its marks.
///
/// No line has a backslash, nor an odd byte outside of quotes.
#[derive(Debug)]
pub(crate) struct Pattern {
    period: usize,
    wanted: usize,
    spaces: Spaces,
    separators: Separators,
    /// By how many marks of its line there were.
    expected: Box<[Expected; MARKS]>,
    quotes: usize,
    /// Which of the next 64 quotes are those with spaces in them, by how many quotes of its line there were.
    spaced_quotes: [u64; QUOTES],
}

impl Pattern {
    /// Of these marks, the last of them the newline, which is always wanted. `None` when they are too many, or another is a newline, or
    /// the quotes do not come in pairs.
    pub(crate) fn new(marks: &[Mark], spaces: Spaces, separators: Separators) -> Option<Pattern> {
        let (last, before) = marks.split_last()?;
        let quotes = marks.iter().filter(|mark| mark.kind == Kind::Quote).count();
        let fits = marks.len() <= MARKS && quotes <= QUOTES && quotes.is_multiple_of(2);
        if !fits || last.kind != Kind::Newline || !last.wanted || before.iter().any(|mark| mark.kind == Kind::Newline) {
            return None;
        }
        let bits = |phase: usize, is: &dyn Fn(&Mark) -> bool| {
            (0..64).fold(0, |bits, i| bits | u64::from(is(&marks[(phase + i) % marks.len()])) << i)
        };
        let mut expected = Box::new([Expected::default(); MARKS]);
        for (phase, expected) in expected.iter_mut().enumerate().take(marks.len()) {
            *expected = Expected {
                space: bits(phase, &|mark| mark.kind == Kind::Space),
                quote: bits(phase, &|mark| mark.kind == Kind::Quote),
                newline: bits(phase, &|mark| mark.kind == Kind::Newline),
                opening: bits(phase, &|mark| mark.kind == Kind::Opening),
                adjacent: bits(phase, &|mark| mark.gap == Gap::Nothing),
                matters: bits(phase, &|mark| mark.gap != Gap::Any),
                wanted: bits(phase, &|mark| mark.wanted),
            };
        }
        let spaced_quotes = std::array::from_fn(|phase| {
            let is_spaced = |i: usize| quotes > 0 && spaces == Spaces::In((phase + i) % quotes / 2);
            (0..64).fold(0, |bits, i| bits | u64::from(is_spaced(i)) << i)
        });
        let wanted = marks.iter().filter(|mark| mark.wanted).count();
        Some(Pattern { period: marks.len(), wanted, spaces, separators, expected, quotes, spaced_quotes })
    }

    /// How many marks of a line are wanted.
    pub(crate) fn wanted(&self) -> usize {
        self.wanted
    }
}

/// How many bytes are read at a time: they are still in the first-level cache when their lines are.
const STRIP_BYTES: usize = 8 << 10;

/// Beyond the last place, what is written in vain.
const SLACK: usize = 64;

/// Why reading stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// That was as much as is read at a time.
    Full,
    /// The text is at its end, and of the last line, unless it ends with a newline, nothing is said.
    End,
    /// The line after the ones that were read is none of the pattern.
    Odd,
}

/// Where it is in a text.
#[derive(Debug, Clone, Copy, Default)]
struct State {
    /// The place of the next chunk.
    at: usize,
    /// How many marks of its line there were.
    phase: usize,
    /// All ones within quotes.
    inside: u64,
    /// How many quotes of its line there were.
    quotes: usize,
    /// All ones within quotes with spaces in them.
    inside_spaced: u64,
    /// The lowest bit: whether the last byte was a mark.
    after_mark: u64,
    /// How many places there are.
    places: usize,
    lines: usize,
}

/// Reads lines of a pattern off a text.
#[derive(Debug)]
pub(crate) struct Scan {
    state: State,
    places: Box<[u32]>,
}

impl Default for Scan {
    fn default() -> Self {
        // The place before the first line, what is left of a line from the strip before, and the strip's.
        Scan { state: State::default(), places: vec![0; 1 + MARKS + STRIP_BYTES + SLACK].into() }
    }
}

impl Scan {
    /// Goes to the beginning of a line.
    pub(crate) fn go_to(&mut self, at: u32) {
        // As behind a newline.
        self.state = State { at: at as usize, after_mark: 1, places: 1, ..State::default() };
        self.places[0] = at.wrapping_sub(1);
    }

    /// Reads on. Of lines that were read before, the places are forgotten; the pattern has to be the same since [`Scan::go_to`].
    pub(crate) fn read(&mut self, pattern: &Pattern, text: &[u8]) -> Stop {
        self.read_by(pattern, text, Run)
    }

    fn read_by(&mut self, pattern: &Pattern, text: &[u8], runner: impl Runner) -> Stop {
        let kept = self.state.lines * pattern.wanted;
        self.places.copy_within(kept..self.state.places, 0);
        self.state.places -= kept;
        self.state.lines = 0;
        let (state, places) = (&mut self.state, &mut self.places);
        match pattern.spaces {
            Spaces::Bare => runner.run(Strip::<BARE> { pattern, text, state, places }),
            Spaces::In(_) => runner.run(Strip::<IN_PAIR> { pattern, text, state, places }),
            Spaces::All => runner.run(Strip::<ALL> { pattern, text, state, places }),
        }
    }

    /// How many lines were read at last.
    #[cfg(test)]
    pub(crate) fn lines(&self) -> usize {
        self.state.lines
    }

    /// The places of the wanted marks of those lines, line after line; before them, that of the newline before the first line (of a
    /// line that the text begins with, the place before 0, wrapped around).
    pub(crate) fn places(&self, pattern: &Pattern) -> &[u32] {
        &self.places[..=self.state.lines * pattern.wanted]
    }
}

/// How a kernel is run: as fast as possible, or by another way in tests.
trait Runner {
    fn run<K: Kernel>(self, kernel: K) -> K::Out;
}

struct Run;

impl Runner for Run {
    fn run<K: Kernel>(self, kernel: K) -> K::Out {
        super::run(kernel)
    }
}

const BARE: u8 = 0;
const IN_PAIR: u8 = 1;
const ALL: u8 = 2;

/// The loop over one strip.
struct Strip<'a, const SPACES: u8> {
    pattern: &'a Pattern,
    text: &'a [u8],
    state: &'a mut State,
    places: &'a mut [u32],
}

impl<const SPACES: u8> Kernel for Strip<'_, SPACES> {
    type Out = Stop;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Stop {
        // Its own, so that it is in registers.
        let (mut state, separators) = (*self.state, self.pattern.separators);
        let until = self.text.len().min(state.at + STRIP_BYTES);
        let (chunks, rest) = self.text[state.at.min(until)..until].as_chunks::<64>();
        let mut stop = Stop::Full;
        for chunk in chunks {
            if !step::<S, SPACES>(simd, (self.pattern, separators), chunk, &mut state, self.places) {
                stop = Stop::Odd;
                break;
            }
        }
        if stop == Stop::Full && until == self.text.len() {
            // No mark is added by zeros.
            let mut last = [0; 64];
            last[..rest.len()].copy_from_slice(rest);
            stop = if step::<S, SPACES>(simd, (self.pattern, separators), &last, &mut state, self.places) { Stop::End } else { Stop::Odd };
        }
        *self.state = state;
        stop
    }
}

/// Reads a chunk; whether nothing in it is odd.
#[inline(always)]
fn step<S: Simd, const SPACES: u8>(
    simd: S,
    (pattern, separators): (&Pattern, Separators),
    chunk: &[u8; 64],
    state: &mut State,
    places: &mut [u32],
) -> bool {
    let Classes { space, quote, newline, opening, closing, odd, backslash } = simd.classes(chunk, separators);
    let inside = simd.prefix_xor(quote) ^ state.inside;
    state.inside = sign(inside);
    let hidden = match SPACES {
        ALL => 0,
        BARE => inside,
        _ => {
            let spaced = simd.deposit(pattern.spaced_quotes[state.quotes % QUOTES], quote);
            let inside_spaced = simd.prefix_xor(spaced) ^ state.inside_spaced;
            state.inside_spaced = sign(inside_spaced);
            state.quotes = modulo(state.quotes.wrapping_add(quote.count_ones() as usize), pattern.quotes);
            inside & !inside_spaced
        }
    };
    let (space, opening, closing) = (space & !hidden, opening & !inside, closing & !inside);
    let marks = space | quote | newline | opening | closing;
    let adjacent = marks & (marks << 1 | state.after_mark);
    state.after_mark = marks >> 63;
    let count = marks.count_ones();
    let expected = &pattern.expected[state.phase % MARKS];
    // What is none of the four is a closing separator.
    let wrong = (simd.extract(space, marks) ^ expected.space)
        | (simd.extract(quote, marks) ^ expected.quote)
        | (simd.extract(newline, marks) ^ expected.newline)
        | (simd.extract(opening, marks) ^ expected.opening)
        | ((simd.extract(adjacent, marks) ^ expected.adjacent) & expected.matters);
    let wrong = wrong & low(count);
    // Ones where spaces are marks, if that is where it is odd, and outside of quotes.
    let hides_odd = if separators.is_odd_beside_spaces { hidden } else { inside };
    let odd = backslash | odd & !hides_odd;
    let wanted = simd.deposit(expected.wanted, marks);
    let at = state.at as u32;
    if wrong | odd != 0 {
        // Lines that end before it are right: what they are is decided by their bytes.
        let before = below(simd.deposit(lowest(wrong), marks)) & below(odd);
        spread(wanted & before, at, places, state);
        state.lines = state.lines.wrapping_add((newline & before).count_ones() as usize);
        return false;
    }
    spread(wanted, at, places, state);
    state.lines = state.lines.wrapping_add(newline.count_ones() as usize);
    state.phase = modulo(state.phase.wrapping_add(count as usize), pattern.period);
    state.at = state.at.wrapping_add(64);
    true
}

/// `n % period`, without a branch that is hard to guess nor a division, where it is less than thrice as much.
#[inline(always)]
fn modulo(n: usize, period: usize) -> usize {
    let n = n.min(n.wrapping_sub(period));
    let n = n.min(n.wrapping_sub(period));
    if n >= period { n.checked_rem(period).unwrap_or(0) } else { n }
}

/// All ones, if the highest bit is one.
#[inline(always)]
fn sign(bits: u64) -> u64 {
    (bits as i64 >> 63) as u64
}

/// So many ones.
#[inline(always)]
fn low(count: u32) -> u64 {
    1_u64.checked_shl(count).unwrap_or(0).wrapping_sub(1)
}

/// The lowest one.
#[inline(always)]
fn lowest(bits: u64) -> u64 {
    bits & bits.wrapping_neg()
}

/// Ones below the lowest one, of none everywhere.
#[inline(always)]
fn below(bits: u64) -> u64 {
    lowest(bits).wrapping_sub(1)
}

/// Writes the places of the ones, at least four: how often the loop runs is guessed right nearly always.
#[inline(always)]
fn spread(mut bits: u64, at: u32, places: &mut [u32], state: &mut State) {
    let (count, mut done) = (bits.count_ones() as usize, 0);
    loop {
        if let Some(four) = places.get_mut(state.places.wrapping_add(done)..state.places.wrapping_add(done + 4)) {
            for place in four {
                *place = at.wrapping_add(bits.trailing_zeros());
                bits &= bits.wrapping_sub(1);
            }
        }
        done += 4;
        if done >= count {
            break;
        }
    }
    state.places = state.places.wrapping_add(count);
}

#[cfg(test)]
mod tests;
