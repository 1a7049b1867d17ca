//! How a layout is made of a template.

use recpipe::template::Recent;

use super::{Check, Edge, Field, Form, Gap, Kind, Layout, Mark, Part, Pattern, Separators, Spaces, Span, Split, Value};

/// A separator that no line has: one with a backslash is no usual line.
const NONE: u8 = b'\\';

/// Bytes that numbers, times, addresses and names are full of: separators only where a template has no blanks.
const SOFT: &[u8] = b":.-_/+,";

/// What stands between two marks, from left to right.
#[derive(Debug, Clone, Copy)]
enum Token {
    Byte(u8),
    /// A part that is taken: its place among the spans, and whether it begins and ends here, or goes over a mark.
    Part {
        span: usize,
        opens: bool,
        closes: bool,
    },
}

/// A layout that is being made, of a template from left to right. Edges are counted in all marks, not only in those that are wanted.
struct Build<'f> {
    separators: Separators,
    spaces: Spaces,
    is_read: &'f dyn Fn(usize) -> bool,
    /// How many quotes there were.
    quotes: usize,
    marks: Vec<(Kind, Gap)>,
    /// Since the last mark.
    tokens: Vec<Token>,
    spans: Vec<Span>,
    /// The fields, each with the place of its span.
    fields: Vec<(usize, Field)>,
    checks: Vec<Check>,
    splits: Vec<Split>,
}

/// What parts the fields of a template outside of quotes: blanks, what ends fields that only that ends, and what certain fields do not have.
fn separators(parts: &[Part<'_>]) -> Separators {
    let has_blanks = parts.contains(&Part::Blanks);
    let (mut quotes, mut ends, mut literal, mut lacked) = (0, Vec::new(), Vec::new(), Vec::new());
    for (at, part) in parts.iter().enumerate() {
        match part {
            Part::Bytes(bytes) => {
                let is_end = at > 0 && matches!(&parts[at - 1], Part::Taken(taken) if is_flexible(&taken.form));
                ends.extend((is_end && quotes % 2 == 0).then_some(bytes[0]));
                literal.extend_from_slice(bytes);
                quotes += quotes_in(bytes);
            }
            Part::Taken(taken) if quotes % 2 == 0 => lacked.extend_from_slice(taken.lacks),
            Part::Blanks | Part::Taken(_) => {}
        }
    }
    lacked.retain(|byte| literal.contains(byte));
    let mut bytes: Vec<u8> = if has_blanks { vec![b' '] } else { Vec::new() };
    for byte in ends.into_iter().chain(lacked) {
        let is_one = byte.is_ascii_punctuation() && !matches!(byte, b'"' | b'\\') && !(has_blanks && SOFT.contains(&byte));
        if is_one && !bytes.contains(&byte) {
            bytes.push(byte);
        }
    }
    let at = |place: usize| bytes.get(place).copied().unwrap_or(NONE);
    let odd = if has_blanks { b'\t' } else { NONE };
    Separators { space: at(0), opening: at(1), closing: at(2), odd, is_odd_beside_spaces: true }
}

fn quotes_in(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte == b'"').count()
}

/// Whether it ends where what follows stands.
fn is_flexible(form: &Form<'_>) -> bool {
    matches!(form, Form::Text { .. } | Form::Cell { .. } | Form::Request)
}

/// In which quotes spaces are marks: those with blanks of the template in them, and, if that can be, those whose words are read.
fn spaces(parts: &[Part<'_>], separators: Separators, is_read: &dyn Fn(usize) -> bool) -> Option<Spaces> {
    let (mut quotes, mut blanks, mut words) = (0, Vec::new(), Vec::new());
    for part in parts {
        match part {
            Part::Bytes(bytes) => quotes += quotes_in(bytes),
            Part::Blanks if quotes % 2 == 1 => blanks.push(quotes / 2),
            Part::Taken(taken) if quotes % 2 == 1 && taken.form == Form::Request => {
                let is_any_read = taken.first.is_some_and(|first| (first..first + 3).any(is_read));
                words.extend(is_any_read.then_some(quotes / 2));
            }
            _ => {}
        }
    }
    let in_pairs = |mut pairs: Vec<usize>| {
        pairs.sort_unstable();
        pairs.dedup();
        match pairs[..] {
            [] => Some(Spaces::Bare),
            _ if pairs.len() == quotes / 2 => Some(Spaces::All),
            [pair] => Some(Spaces::In(pair)),
            _ => None,
        }
    };
    words.retain(|_| separators.space == b' ');
    in_pairs([&blanks[..], &words].concat()).or_else(|| in_pairs(blanks))
}

pub(super) fn build(parts: &[Part<'_>], member: usize, is_read: &dyn Fn(usize) -> bool) -> Option<Layout> {
    let separators = separators(parts);
    let spaces = spaces(parts, separators, is_read)?;
    let (tokens, spans, fields) = (Vec::new(), Vec::new(), Vec::new());
    let (marks, checks, splits) = (Vec::new(), Vec::new(), Vec::new());
    let mut build = Build { separators, spaces, is_read, quotes: 0, marks, tokens, spans, fields, checks, splits };
    for (at, part) in parts.iter().enumerate() {
        match part {
            Part::Bytes(bytes) => bytes.iter().try_for_each(|byte| build.byte(*byte))?,
            Part::Blanks => build.byte(b' ')?,
            Part::Taken(taken) => build.taken(taken.form, taken.first, taken.lacks, parts.get(at + 1))?,
        }
    }
    build.mark(Kind::Newline)?;
    build.finish(member)
}

impl Build<'_> {
    /// Whether spaces are marks at this place.
    fn are_spaces(&self) -> bool {
        match self.spaces {
            _ if self.quotes.is_multiple_of(2) => true,
            Spaces::Bare => false,
            Spaces::In(pair) => pair == self.quotes / 2,
            Spaces::All => true,
        }
    }

    /// What this byte is a mark of, at this place.
    fn kind(&self, byte: u8) -> Option<Kind> {
        let (is_inside, are_spaces) = (self.quotes % 2 == 1, self.are_spaces());
        match byte {
            b'"' => Some(Kind::Quote),
            byte if byte == self.separators.space => are_spaces.then_some(Kind::Space),
            byte if byte == self.separators.opening => (!is_inside).then_some(Kind::Opening),
            byte if byte == self.separators.closing => (!is_inside).then_some(Kind::Closing),
            _ => None,
        }
    }

    /// A byte that stands there as it is.
    fn byte(&mut self, byte: u8) -> Option<()> {
        if matches!(byte, b'\n' | b'\\') {
            return None;
        }
        match self.kind(byte) {
            Some(kind) => self.mark(kind),
            // Blanks that are no marks could be several.
            None if byte == b' ' => None,
            None => {
                self.tokens.push(Token::Byte(byte));
                Some(())
            }
        }
    }

    /// A part that is taken.
    fn taken(&mut self, form: Form<'_>, first: Option<usize>, lacks: &[u8], next: Option<&Part<'_>>) -> Option<()> {
        // What takes as much as is of its type could take of what follows.
        let goes_on = |bytes: &[u8]| match form {
            Form::Int { .. } => bytes[0].is_ascii_digit(),
            Form::Float => bytes[0].is_ascii_digit() || b".eE".contains(&bytes[0]),
            Form::Time(pattern) => {
                let has_fraction = pattern.as_str().contains("%.");
                bytes[0].is_ascii_alphanumeric() || b":+-".contains(&bytes[0]) || (has_fraction && b".,".contains(&bytes[0]))
            }
            _ => false,
        };
        match next {
            Some(Part::Taken(_)) => return None,
            Some(Part::Bytes(bytes)) if goes_on(bytes) => return None,
            _ => {}
        }
        let is_read = |place: usize| first.is_some_and(|first| (self.is_read)(first + place));
        let lacks: Box<[u8]> = lacks.iter().copied().filter(|byte| self.kind(*byte).is_none() && *byte != self.odd()).collect();
        let is_looked_at = is_read(0) || !lacks.is_empty();
        let value = match form {
            Form::Text { dash_is_null } => is_looked_at.then_some(Value::Text { dash_is_null }),
            Form::Cell { dash_is_null } => is_looked_at.then_some(Value::Cell { dash_is_null }),
            Form::Int { dash_is_zero } => Some(Value::Int { dash_is_zero }),
            Form::Float => Some(Value::Float),
            Form::Time(pattern) => {
                let span = self.open();
                for byte in Recent::separators(pattern)? {
                    if let Some(kind) = self.kind(byte) {
                        self.mark(kind)?;
                        self.tokens.push(Token::Part { span, opens: false, closes: false });
                    }
                }
                self.close();
                self.field(span, Value::Time(pattern.clone()), first, lacks);
                return Some(());
            }
            // Where it ends is told by something else than its own spaces.
            Form::Request if self.kind(b' ').is_some() => {
                let ends = matches!(next, Some(Part::Bytes(bytes)) if self.kind(bytes[0]).is_some_and(|kind| kind != Kind::Space));
                ends.then_some(())?;
                for word in 0..3 {
                    if word > 0 {
                        self.mark(Kind::Space)?;
                    }
                    let span = self.open();
                    self.close();
                    if first.is_some_and(|first| (self.is_read)(first + word)) {
                        self.field(span, Value::Text { dash_is_null: false }, first.map(|first| first + word), Box::default());
                    }
                }
                return Some(());
            }
            Form::Request => (0..3).any(is_read).then_some(Value::Words),
            Form::Other => return None,
        };
        let span = self.open();
        self.close();
        if let Some(value) = value {
            self.field(span, value, first, lacks);
        }
        Some(())
    }

    /// The byte that no line has here.
    fn odd(&self) -> u8 {
        if self.are_spaces() { self.separators.odd } else { NONE }
    }

    fn open(&mut self) -> usize {
        let nowhere = Edge::Mark(0);
        self.spans.push(Span { from: nowhere, front: 0, to: nowhere, back: 0 });
        self.tokens.push(Token::Part { span: self.spans.len() - 1, opens: true, closes: false });
        self.spans.len() - 1
    }

    /// The part that is open ends where it is.
    fn close(&mut self) {
        if let Some(Token::Part { closes, .. }) = self.tokens.last_mut() {
            *closes = true;
        }
    }

    fn field(&mut self, span: usize, value: Value, place: Option<usize>, lacks: Box<[u8]>) {
        self.fields.push((span, Field { span: self.spans[span], value, place, lacks }));
    }

    /// A mark: what was put before it has its place now.
    fn mark(&mut self, kind: Kind) -> Option<()> {
        let (from, to) = (Edge::Mark(self.marks.len()), Edge::Mark(self.marks.len() + 1));
        let tokens = std::mem::take(&mut self.tokens);
        let is_part = |token: &Token| matches!(token, Token::Part { .. });
        let is_blank = |kind: Kind| kind == Kind::Space && self.separators.space == b' ';
        let is_beside_blanks = is_blank(kind) || self.marks.last().is_some_and(|(before, _)| is_blank(*before));
        let gap = match () {
            // There may be a carriage return.
            () if kind == Kind::Newline && !tokens.iter().any(is_part) => Gap::Any,
            () if tokens.is_empty() => Gap::Nothing,
            // Blanks beside blanks are one separator.
            () if !tokens.iter().any(is_part) || is_beside_blanks => Gap::Text,
            () => Gap::Any,
        };
        self.between(from, to, &tokens, kind)?;
        self.marks.push((kind, gap));
        self.quotes += usize::from(kind == Kind::Quote);
        Some(())
    }

    /// What stands between two marks.
    fn between(&mut self, from: Edge, to: Edge, tokens: &[Token], kind: Kind) -> Option<()> {
        let bytes = |tokens: &[Token]| -> Box<[u8]> {
            tokens.iter().map_while(|token| if let Token::Byte(byte) = token { Some(*byte) } else { None }).collect()
        };
        let all = Span { from, front: 0, to, back: 0 };
        let begins = bytes(tokens);
        if begins.len() == tokens.len() {
            if !begins.is_empty() || kind == Kind::Newline {
                self.checks.push(Check { span: all, begins, ends: Box::default(), is_all: true });
            }
            return Some(());
        }
        let last = tokens.iter().rposition(|token| matches!(token, Token::Part { .. }))?;
        let ends = bytes(&tokens[last + 1..]);
        let (mut edge, mut front, back) = (from, begins.len(), ends.len());
        if front + back > 0 {
            self.checks.push(Check { span: all, begins, ends, is_all: false });
        }
        let mut at = front;
        while let Some(&Token::Part { span, opens, closes }) = tokens.get(at) {
            if opens {
                (self.spans[span].from, self.spans[span].front) = (edge, front);
            }
            if at == last {
                if closes {
                    (self.spans[span].to, self.spans[span].back) = (to, back);
                }
                break;
            }
            let parts = bytes(&tokens[at + 1..]);
            // Where one part ends and the next begins is told by what is between them.
            (!parts.is_empty() && closes).then_some(())?;
            at += 1 + parts.len();
            (self.spans[span].to, self.spans[span].back) = (Edge::Split(self.splits.len()), 0);
            self.splits.push(Split { within: Span { from: edge, front, to, back }, bytes: parts });
            (edge, front) = (Edge::Split(self.splits.len() - 1), 0);
        }
        Some(())
    }

    fn finish(mut self, member: usize) -> Option<Layout> {
        let mut fields: Vec<Field> = self.fields.drain(..).map(|(span, field)| Field { span: self.spans[span], ..field }).collect();
        // Of the marks, those are wanted that something is counted from.
        let mut wanted = vec![false; self.marks.len()];
        *wanted.last_mut()? = true;
        let mut spans: Vec<&mut Span> = fields.iter_mut().map(|field| &mut field.span).collect();
        spans.extend(self.checks.iter_mut().map(|check| &mut check.span));
        spans.extend(self.splits.iter_mut().map(|split| &mut split.within));
        let edges = spans.iter_mut().flat_map(|span| [&mut span.from, &mut span.to]);
        let mut marks: Vec<&mut usize> =
            edges.filter_map(|edge| if let Edge::Mark(mark) = edge { Some(mark) } else { None }).filter(|mark| **mark > 0).collect();
        marks.iter().for_each(|mark| wanted[**mark - 1] = true);
        for mark in &mut marks {
            **mark = wanted[..**mark].iter().filter(|wanted| **wanted).count();
        }
        let line: Vec<Mark> = self.marks.iter().zip(wanted).map(|(&(kind, gap), wanted)| Mark { kind, gap, wanted }).collect();
        let ends_bare = self.marks.last()?.1 == Gap::Text;
        let pattern = Pattern::new(&line, self.spaces, self.separators)?;
        Some(Layout { member, pattern, quotes: self.quotes, ends_bare, checks: self.checks, splits: self.splits, fields })
    }
}
