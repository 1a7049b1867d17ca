//! Takes the usual line apart without a regular expression, and hands every other to [`regex`](super::regex).
//!
//! A strip of the block is first turned into a list of marks, the positions of its spaces, quotes, backslashes and
//! newlines ([`crate::simd`]); then the lines are read off the marks. A usual line has its marks in one order:
//!
//! ```text
//! host referrer user [date zone] "GET /path HTTP/1.1" 200 1234⏎      or  200 1234 "referer" "user agent"⏎
//!     0        1    2     3     4 5  6     7        8 9  10  11                   11 12     …
//! ```
//!
//! Two ways read them: [`usual_head`] looks at the marks of such a line all at once; [`other_head`] goes from mark to mark and takes escapes
//! any request line and a virtual host, at some times the cost. What both decline (a user of several words, an odd status, what is no
//! record) goes to the pattern at a microsecond or two a line, and there is one place that says what such a line means. The law, tested
//! on generated lines: the fast ways decline, or they say exactly what the pattern says.

use super::super::Reject;
use super::columns::{Columns, Line, Spot};
use crate::simd::{self, ByteSet};

const MARKED: ByteSet = ByteSet::new(b" \"\\\n");

/// How much is marked at a time: the marks of a strip stay in the first-level cache until they are read.
const STRIP_BYTES: usize = 8 << 10;

/// Takes a block of whole lines apart; answers how many there are, and which are no records.
///
/// `marks` is room to work in, kept by the caller so that it is not allocated for every block.
pub(super) fn parse(block: &[u8], columns: &mut Columns, marks: &mut Vec<u32>) -> (u32, Vec<Reject>) {
    columns.reset();
    let mut walk = Walk { block, columns, lines: 0, start: 0, rejects: Vec::new() };
    // The first `kept` marks are of a line whose end is not marked yet.
    let mut kept = 0;
    for (i, strip) in block.chunks(STRIP_BYTES).enumerate() {
        let room = kept + strip.len() + simd::SLACK;
        if marks.len() < room {
            marks.resize(room, 0);
        }
        let n = kept + simd::marks(&MARKED, strip, (i * STRIP_BYTES) as u32, &mut marks[kept..]);
        let read = walk.read_lines(&marks[..n]);
        marks.copy_within(read..n, 0);
        kept = n - read;
    }
    // The last line, when it has no newline.
    if (walk.start as usize) < block.len() {
        walk.take_slowly(block.len());
    }
    (walk.lines, walk.rejects)
}

/// Goes through a block, line by line.
struct Walk<'a> {
    block: &'a [u8],
    columns: &'a mut Columns,
    lines: u32,
    /// Where the line begins that is read next.
    start: u32,
    rejects: Vec<Reject>,
}

impl Walk<'_> {
    /// Reads all lines whose end is among the marks; answers how many marks they had.
    fn read_lines(&mut self, marks: &[u32]) -> usize {
        let mut rest = marks;
        loop {
            if let Some((line, used)) = take_fast(self.block, self.start, rest) {
                self.columns.push(self.start, &line);
                self.lines += 1;
                self.start = rest[used - 1] + 1;
                rest = &rest[used..];
                continue;
            }
            let Some(newline) = rest.iter().position(|&at| self.block[at as usize] == b'\n') else { break };
            self.take_slowly(rest[newline] as usize);
            rest = &rest[newline + 1..];
        }
        marks.len() - rest.len()
    }

    /// Reads the line that ends before `end` by the pattern.
    #[cold]
    fn take_slowly(&mut self, end: usize) {
        let start = self.start as usize;
        let line = &self.block[start..end];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        // Blank lines come by the million, and the pattern is a microsecond each.
        let parts = if line.is_empty() { None } else { super::regex::parse(line) };
        match parts {
            Some(parts) => self.columns.push(self.start, &parts),
            None => self.rejects.push(Reject {
                line: self.lines,
                records_before: self.columns.rows() as u32,
                start: self.start,
                len: line.len() as u32,
                why: "".into(),
            }),
        }
        self.lines += 1;
        self.start = (end + 1) as u32;
    }
}

/// The line that begins at `start`, and how many marks it has with its newline. `None` when it is one for the pattern, or
/// its end is not among the marks.
#[inline(always)]
fn take_fast(block: &[u8], start: u32, marks: &[u32]) -> Option<(Line, usize)> {
    match usual_head(block, start, marks) {
        Some(head) => finish(block, start, marks, &head),
        None => take_other(block, start, marks),
    }
}

#[cold]
fn take_other(block: &[u8], start: u32, marks: &[u32]) -> Option<(Line, usize)> {
    finish(block, start, marks, &other_head(block, start, marks)?)
}

/// A line up to the quote that ends its request.
struct Head {
    /// The first seven texts.
    texts: [Spot; 7],
    whole_request: bool,
    vhost: Spot,
    /// The place among the marks of that quote.
    closing: usize,
}

#[inline(always)]
fn byte(block: &[u8], at: u32) -> u8 {
    block.get(at as usize).copied().unwrap_or(0)
}

/// The head of a usual line: each mark in its place.
#[inline(always)]
fn usual_head(block: &[u8], start: u32, marks: &[u32]) -> Option<Head> {
    let m: &[u32; 9] = marks.first_chunk()?;
    // Differences gathered and looked at once: a dozen branches that always go the same way still cost a dozen.
    let mut wrong = 0;
    for i in [0, 1, 2, 3, 4, 6, 7] {
        wrong |= byte(block, m[i]) ^ b' ';
    }
    wrong |= byte(block, m[5]) ^ b'"';
    wrong |= byte(block, m[8]) ^ b'"';
    wrong |= byte(block, m[2].wrapping_add(1)) ^ b'[';
    wrong |= byte(block, m[4].wrapping_sub(1)) ^ b']';
    let gaps = [m[0] > start, m[1] - m[0] > 1, m[2] - m[1] > 1, m[5] - m[4] == 1, m[6] - m[5] > 1, m[7] - m[6] > 1, m[8] - m[7] > 1];
    let odd = has_comma(block, start, m[0])? | has_bracket(block, m[2] + 2, m[4] - 1)?;
    if wrong != 0 || gaps.contains(&false) || odd {
        return None;
    }
    let spot = |from: u32, to: u32| Spot { start: from - start, len: to - from };
    let texts = [
        spot(start, m[0]),
        spot(m[0] + 1, m[1]),
        spot(m[1] + 1, m[2]),
        spot(m[2] + 2, m[4] - 1),
        spot(m[5] + 1, m[6]),
        spot(m[6] + 1, m[7]),
        spot(m[7] + 1, m[8]),
    ];
    Some(Head { texts, whole_request: false, vhost: Spot::default(), closing: 8 })
}

/// Sixteen bytes from this place on; `None` where the block has fewer.
#[inline(always)]
fn sixteen(block: &[u8], at: u32) -> Option<u128> {
    Some(u128::from_le_bytes(*block.get(at as usize..)?.first_chunk()?))
}

/// The byte, sixteen times.
const fn sixteen_of(byte: u8) -> u128 {
    u128::from_le_bytes([byte; 16])
}

/// The highest bit of each zero byte, and of bytes after the first of them.
#[inline(always)]
fn zeros(bytes: u128) -> u128 {
    bytes.wrapping_sub(sixteen_of(1)) & !bytes & sixteen_of(0x80)
}

/// Whether there is a comma in `block[from..to]`; `None` so near to the end of the block that it takes longer to say.
#[inline(always)]
fn has_comma(block: &[u8], from: u32, to: u32) -> Option<bool> {
    let first = zeros(sixteen(block, from)? ^ sixteen_of(b',')).trailing_zeros() / 8;
    // Without any it is 16.
    Some(first < to.wrapping_sub(from) && (first < 16 || memchr::memchr(b',', block.get(from as usize..to as usize)?).is_some()))
}

/// Whether there is a bracket in `block[from..to]`, or a byte that differs from both by as little; `None` as above, and where the
/// date is of no usual length.
#[inline(always)]
fn has_bracket(block: &[u8], from: u32, to: u32) -> Option<bool> {
    if !(16..=32).contains(&to.wrapping_sub(from)) {
        return None;
    }
    // Both brackets, and `Y` and `_`, are this byte when these bits are set.
    let found = |bytes: u128| zeros((bytes | sixteen_of(0x06)) ^ sixteen_of(b'[' | 0x06));
    Some(found(sixteen(block, from)?) | found(sixteen(block, to - 16)?) != 0)
}

/// The head of a line whose request is of any kind, and that may have a virtual host.
fn other_head(block: &[u8], start: u32, marks: &[u32]) -> Option<Head> {
    let &first = marks.first()?;
    let with_vhost = || {
        let vhost = Spot { start: 0, len: first - start };
        (byte(block, first) == b' ' && is_vhost(block.get(start as usize..first as usize)?)).then_some(())?;
        head_after(block, start, first + 1, marks, 1).map(|head| Head { vhost, ..head })
    };
    with_vhost().or_else(|| head_after(block, start, start, marks, 0))
}

/// Whether a word is a name, or an IPv6 address in brackets, and a port.
fn is_vhost(word: &[u8]) -> bool {
    let Some(colon) = memchr::memrchr(b':', word) else { return false };
    let (name, port) = (&word[..colon], &word[colon + 1..]);
    let is_address = |inner: &[u8]| !inner.is_empty() && inner.iter().all(|b| b.is_ascii_hexdigit() || b":.".contains(b));
    let is_name = match name.strip_prefix(b"[").and_then(|name| name.strip_suffix(b"]")) {
        Some(inner) => is_address(inner),
        None => !name.is_empty() && !name.iter().any(|b| b" :,\"[]".contains(b)),
    };
    is_name && (1..=5).contains(&port.len()) && port.iter().all(u8::is_ascii_digit)
}

/// The head of a line whose host begins at `from`, after its first `skipped` marks.
fn head_after(block: &[u8], start: u32, from: u32, marks: &[u32], skipped: usize) -> Option<Head> {
    let &[host, referrer, user, ..] = marks.get(skipped..)? else { return None };
    let parted = [host, referrer, user].iter().all(|&at| byte(block, at) == b' ');
    if !parted || host <= from || referrer - host < 2 || user - referrer < 2 || byte(block, user + 1) != b'[' {
        return None;
    }
    let name = block.get(from as usize..host as usize)?;
    if name.contains(&b',') || (skipped > 0 && name == b"-") {
        return None;
    }
    // The date goes up to the first space with the right bytes around it.
    let ends_date = |at: u32| at > user + 2 && byte(block, at - 1) == b']' && byte(block, at + 1) == b'"';
    let after_user = marks.iter().skip(skipped + 3);
    let date = after_user.take_while(|&&at| byte(block, at) == b' ').position(|&at| ends_date(at))? + skipped + 3;
    let datetime = block.get(user as usize + 2..marks[date] as usize - 1)?;
    if datetime.iter().any(|b| b"[]".contains(b)) {
        return None;
    }
    let opening = date + 1;
    let closing = closing_quote(block, marks, opening)?;
    let (request, to) = (marks[opening] + 1, marks[closing]);
    let spot = |from: u32, to: u32| Spot { start: from - start, len: to - from };
    let (method, path, proto) = match three_words(block, marks.get(opening + 1..closing)?, request, to) {
        Some((first, second)) => (spot(request, first), spot(first + 1, second), spot(second + 1, to)),
        None => (Spot::default(), spot(request, to), Spot::default()),
    };
    let whole_request = proto == Spot::default();
    let texts =
        [spot(from, host), spot(host + 1, referrer), spot(referrer + 1, user), spot(user + 2, marks[date] - 1), method, path, proto];
    Some(Head { texts, whole_request, vhost: Spot::default(), closing })
}

/// The two spaces of a request line of three words, between `from` and `to`; these are its marks. Only the path may have
/// escapes, and none of a space.
fn three_words(block: &[u8], marks: &[u32], from: u32, to: u32) -> Option<(u32, u32)> {
    let mut spaces = marks.iter().copied().filter(|&at| byte(block, at) == b' ');
    let (first, second) = (spaces.next()?, spaces.next()?);
    let escapes_in_path = marks.iter().all(|&at| byte(block, at) == b' ' || (at > first && at < second));
    let words = spaces.next().is_none() && first > from && second > first + 1 && to > second + 1;
    // A backslash before the space is either an escaped one, or escapes the space: an even number of them in a row, or an odd one.
    let backslashes = block[from as usize..second as usize].iter().rev().take_while(|&&b| b == b'\\').count();
    (words && escapes_in_path && backslashes % 2 == 0).then_some((first, second))
}

/// The place among the marks of the quote that ends what the `opening`th mark begins, past any escapes.
#[inline]
fn closing_quote(block: &[u8], marks: &[u32], opening: usize) -> Option<usize> {
    let mut i = opening + 1;
    loop {
        let mark = *marks.get(i)?;
        match byte(block, mark) {
            b'"' => return Some(i),
            b' ' => i += 1,
            b'\\' if byte(block, mark + 1) != b'\n' => i += 1 + usize::from(marks.get(i + 1) == Some(&(mark + 1))),
            _ => return None,
        }
    }
}

/// What follows the request: status, bytes, and the two quoted strings or something else.
#[inline(always)]
fn finish(block: &[u8], start: u32, marks: &[u32], head: &Head) -> Option<(Line, usize)> {
    let &[quote, before_status, before_bytes, after_bytes] = marks.get(head.closing..)?.first_chunk()?;
    let is_space = |at| byte(block, at) == b' ';
    if !is_space(before_status) || !is_space(before_bytes) || before_status - quote != 1 || before_bytes - before_status != 4 {
        return None;
    }
    let digit = |i: u32| u32::from(byte(block, before_status + i).wrapping_sub(b'0'));
    let digits = [digit(1), digit(2), digit(3)];
    if digits.iter().any(|&d| d > 9) {
        return None;
    }
    let after = head.closing + 3;
    let (mut bytes_end, mut used) = (after_bytes, after + 1);
    let mut quoted = [Spot::default(); 2];
    let mut combined = false;
    let mut extra = Spot::default();
    match byte(block, after_bytes) {
        b'\n' => bytes_end -= u32::from(byte(block, after_bytes - 1) == b'\r'),
        b' ' => {
            let mut before_extra = after_bytes;
            if let Some((quotes, last)) = quoted_pair(block, marks, after) {
                quoted = [[quotes[0], quotes[1]], [quotes[2], quotes[3]]].map(|[a, b]| Spot { start: a + 1 - start, len: b - a - 1 });
                combined = true;
                before_extra = quotes[3] + 1;
                used = last;
            }
            used += marks.iter().skip(used).position(|&mark| byte(block, mark) == b'\n')? + 1;
            let newline = marks[used - 1];
            let end = newline - u32::from(byte(block, newline - 1) == b'\r');
            // After the agent there is a space, or the end.
            if end > before_extra + 1 {
                extra = Spot { start: before_extra + 1 - start, len: end - before_extra - 1 };
                // It may be a second line.
                memchr::memchr(b'[', block.get(before_extra as usize..end as usize)?).is_none().then_some(())?;
            }
        }
        _ => return None,
    }
    let bytes = number(block, before_bytes as usize + 1, bytes_end as usize)?;
    let [host, referrer, user, datetime, method, request, proto] = head.texts;
    Some((
        Line {
            texts: [host, referrer, user, datetime, method, request, proto, quoted[0], quoted[1]],
            status: Some(digits[0] * 100 + digits[1] * 10 + digits[2]),
            bytes,
            whole_request: head.whole_request,
            combined,
            asides: [head.vhost, Spot::default(), extra],
        },
        used,
    ))
}

/// The four quotes of `"referer" "user agent"` after the `space`th mark, and how many marks there are up to the last of them.
#[inline]
fn quoted_pair(block: &[u8], marks: &[u32], space: usize) -> Option<([u32; 4], usize)> {
    // The marks right after one another: a space, then a quote.
    let opening = |space: usize| {
        let (&space_at, &quote_at) = (marks.get(space)?, marks.get(space + 1)?);
        (byte(block, space_at) == b' ' && byte(block, quote_at) == b'"' && quote_at - space_at == 1).then_some(space + 1)
    };
    let q0 = opening(space)?;
    let q1 = closing_quote(block, marks, q0)?;
    let q2 = opening(q1 + 1).filter(|_| marks[q1 + 1] - marks[q1] == 1)?;
    let q3 = closing_quote(block, marks, q2)?;
    let after = marks[q3] + 1;
    let ends = match byte(block, after) {
        b' ' | b'\n' => true,
        b'\r' => byte(block, after + 1) == b'\n',
        _ => false,
    };
    ends.then_some(([marks[q0], marks[q1], marks[q2], marks[q3]], q3 + 1))
}

/// The number written in `block[from..to]`, or 0 for a dash.
#[inline]
fn number(block: &[u8], from: usize, to: usize) -> Option<i64> {
    let len = to - from;
    if len <= 8 && to >= 8 {
        let eight = block.get(to - 8..to)?;
        let mut word = [0; 8];
        word.copy_from_slice(eight);
        // The digits are the high bytes; what stands before them becomes leading zeros.
        let ours = u64::MAX.checked_shl(64 - 8 * len as u32).unwrap_or(0);
        let word = (u64::from_le_bytes(word) & ours) | (0x3030_3030_3030_3030 & !ours);
        if let Some(number) = eight_digits(word) {
            return (len > 0).then_some(number);
        }
        return (len == 1 && block[from] == b'-').then_some(0);
    }
    if len > 18 {
        return None;
    }
    block[from..to].iter().try_fold(0, |n: i64, &digit| digit.is_ascii_digit().then(|| n * 10 + i64::from(digit - b'0')))
}

/// Eight ASCII digits, the first one in the lowest byte, as a number (D. Lemire, "Quickly parsing eight digits", 2018).
#[inline]
fn eight_digits(word: u64) -> Option<i64> {
    let is_digits = (word & 0xf0f0_f0f0_f0f0_f0f0) | ((word.wrapping_add(0x0606_0606_0606_0606) & 0xf0f0_f0f0_f0f0_f0f0) >> 4);
    if is_digits != 0x3333_3333_3333_3333 {
        return None;
    }
    let pairs = (word & 0x0f0f_0f0f_0f0f_0f0f).wrapping_mul(2561) >> 8;
    let fours = (pairs & 0x00ff_00ff_00ff_00ff).wrapping_mul(6_553_601) >> 16;
    let number = (fours & 0x0000_ffff_0000_ffff).wrapping_mul(42_949_672_960_001) >> 32;
    Some(number as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::apache::{FIELDS, regex, schema};
    use bytes::Bytes;
    use proptest::prelude::*;
    use recpipe::record::Origin;

    /// The records of `block` as text, rejects as `!line`; by the fast way and, as the oracle, by the pattern alone.
    fn both(block: &[u8]) -> (Vec<String>, Vec<String>) {
        let (mut fast, mut slow) = (Columns::default(), Columns::default());
        // Not empty before, so that what an earlier block left shows.
        parse(b"1 2 3 [4 5] \"6 7 8\" 999 999999 \"a longer thing than that\" \"b\"\n", &mut fast, &mut Vec::new());
        let (lines, rejects) = parse(block, &mut fast, &mut vec![9; 3]);
        let mut walk = Walk { block, columns: &mut slow, lines: 0, start: 0, rejects: Vec::new() };
        walk.columns.reset();
        for line in block.split_inclusive(|&b| b == b'\n') {
            let end = walk.start as usize + line.strip_suffix(b"\n").unwrap_or(line).len();
            walk.take_slowly(end);
        }
        let (slow_lines, slow_rejects) = (walk.lines, walk.rejects);
        assert_eq!(lines, slow_lines);
        (show(block, &mut fast, &rejects), show(block, &mut slow, &slow_rejects))
    }

    fn show(block: &[u8], columns: &mut Columns, rejects: &[Reject]) -> Vec<String> {
        let batch = columns.batch(&Bytes::copy_from_slice(block), &schema(), &[true; FIELDS.len()], Origin::default());
        let mut shown: Vec<String> = batch.rows().map(|row| row.values().map(|v| format!("{v:?}")).collect::<Vec<_>>().join(" ")).collect();
        shown.extend(rejects.iter().map(|r| format!("!{} {} {}", r.line, r.records_before, String::from_utf8_lossy(r.text(block)))));
        shown
    }

    fn is_usual(line: &str) -> bool {
        let mut marks = vec![0; line.len() + 1 + simd::SLACK];
        let line = format!("{line}\n");
        let n = simd::marks(&MARKED, line.as_bytes(), 0, &mut marks);
        usual_head(line.as_bytes(), 0, &marks[..n]).is_some_and(|head| finish(line.as_bytes(), 0, &marks[..n], &head).is_some())
    }

    const COMMON: &str = r#"140.180.132.213 - - [24/Feb/2008:00:08:59 -0600] "GET /ply/ply.html HTTP/1.1" 200 97238"#;
    const COMBINED: &str = r#"h - bob [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 404 - "http://x/?q=a b" "Mozilla/5.0 (X11; Linux)""#;

    #[test]
    fn usual_lines_are_taken_fast() {
        for line in
            [COMMON, COMBINED, &format!("{COMMON}12345678"), &format!("{COMMON} \"\" \"\" more \"of\" it"), &COMMON.replace("97238", "-")]
        {
            assert!(is_usual(line), "{line}");
            assert!(is_usual(&format!("{line}\r")), "{line}");
        }
        for line in ["", "a b c [d e] \"-\" 408 0"] {
            assert!(!is_usual(line), "{line}");
        }
        let unusual = [
            ("- -", "\"b c\" d"),
            ("- -", "- b c"),
            ("[24", "[[24"),
            ("59 ", "59] "),
            (" 200 ", " 20 "),
            (" 200 ", " - "),
            ("140.", "140,"),
            ("140.180.132.213", "host.example.org,other"),
        ];
        for (from, to) in unusual {
            assert!(!is_usual(&COMMON.replacen(from, to, 1)), "{to}");
        }
        assert!(!is_usual(&format!("{COMMON} [")));
        for host in ["h", "a-host-of-sixteen", "a.host.of.much.more.than.sixteen.bytes"] {
            assert!(is_usual(&COMMON.replacen("140.180.132.213", host, 1)), "{host}");
        }
    }

    #[test]
    fn numbers() {
        let parse = |text: &str| {
            let padded = format!("xxxxxxxx{text}");
            number(padded.as_bytes(), 8, padded.len())
        };
        for n in [0, 5, 42, 99_999_999, 100_000_000, 123_456_789_012_345_678] {
            assert_eq!(parse(&n.to_string()), Some(n));
        }
        assert_eq!(parse("-"), Some(0));
        assert_eq!(parse("007"), Some(7));
        for bad in ["", "x", "1x", "-1", "--", "1234567x", "12345678x", "1234567890123456789", ":", "/"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn strips_and_long_lines() {
        let long = format!("h - - [x y] \"GET /{} HTTP/1.1\" 200 1", " a\\\"".repeat(STRIP_BYTES));
        let wide = format!("h - - [x y] \"GET /{} HTTP/1.1\" 200 1", "a".repeat(3 * STRIP_BYTES));
        let block = [COMMON, &long, COMBINED, &wide, "bad", &" ".repeat(STRIP_BYTES), COMMON].join("\n").repeat(3);
        let (fast, slow) = both(block.as_bytes());
        assert_eq!(fast, slow);
        assert_eq!(fast.len(), 19);
    }

    /// A line that is nearly right: parts put together, then a few bytes changed.
    fn line() -> impl Strategy<Value = Vec<u8>> {
        let word = prop_oneof![4 => "[a-z0-9/.:-]{1,12}", 1 => "[ -~]{0,6}", 1 => Just(String::new())];
        let vhost = "([a-z.]{1,8}|\\[[0-9a-f:.]{1,6}\\]):[0-9]{1,6} ";
        let host = prop_oneof![
            4 => word.clone().boxed(),
            1 => (word.clone(), word.clone(), "[ ,]{0,2}").prop_map(|(a, b, gap)| format!("{a},{gap}{b}")).boxed(),
            2 => (vhost, word.clone()).prop_map(|(vhost, host)| vhost + &host).boxed(),
            1 => "[a-z.]{14,40},?[a-z]{0,2}".boxed(),
        ];
        let quoted = prop_oneof![4 => "[a-zA-Z0-9/.;() -]{0,30}", 1 => r#"([a-z ]|\\"|\\\\|\\x16){0,12}"#, 1 => "[ -~]{0,8}"];
        let request = prop_oneof![4 => "GET [a-z/?%]{1,20} HTTP/1\\.[01]", 1 => quoted.clone(), 1 => Just("-".to_owned())];
        let user = prop_oneof![
            4 => word.clone().boxed(),
            1 => quoted.clone().prop_map(|q| format!("\"{q}\"")).boxed(),
            1 => "[a-z-]{1,4}( [a-z-]{1,4}){1,3}".boxed(),
        ];
        let number = prop_oneof![4 => "[0-9]{1,9}", 1 => "[0-9]{1,20}", 1 => Just("-".to_owned()), 1 => "[0-9x]{0,3}"];
        let status = prop_oneof![8 => "[1-5][0-9][0-9]", 1 => "[0-9]{0,10}", 1 => Just("-".to_owned())];
        let tail = prop_oneof![
            3 => Just(String::new()),
            3 => (quoted.clone(), quoted.clone()).prop_map(|(r, a)| format!(" \"{r}\" \"{a}\"")),
            1 => (quoted.clone(), quoted.clone(), word.clone()).prop_map(|(r, a, x)| format!(" \"{r}\" \"{a}\" {x}")),
            1 => (quoted.clone(), quoted.clone(), 0..COMMON.len()).prop_map(|(r, a, from)| format!(" \"{r}\" \"{a}\" {}", &COMMON[from..])),
            1 => quoted.clone().prop_map(|q| format!(" \"{q}\"")),
            1 => word.clone().prop_map(|w| format!(" {w}")),
        ];
        let date = prop_oneof![4 => Just("24/Feb/2008:00:08:59 -0600".to_owned()), 1 => "[a-z\\] ]{0,8}", 1 => "[0-9/a-zYZ\\[\\]_]{8,20} [0-9+\\]]{1,16}"];
        let edits = proptest::collection::vec(
            (any::<prop::sample::Index>(), prop_oneof![Just(b' '), Just(b'"'), Just(b'\\'), Just(b'\r'), any::<u8>()], 0..3_u8),
            0..3,
        );
        ((host, word, user, date, request, status, number, tail), prop_oneof![3 => Just(vec![]), 1 => edits], any::<bool>()).prop_map(
            |((host, ident, user, date, request, status, bytes, tail), edits, cr)| {
                let mut line = format!("{host} {ident} {user} [{date}] \"{request}\" {status} {bytes}{tail}{}", if cr { "\r" } else { "" })
                    .into_bytes();
                for (at, byte, kind) in edits {
                    let i = at.index(line.len());
                    match kind {
                        0 => line[i] = byte,
                        1 => line.insert(i, byte),
                        _ => drop(line.remove(i)),
                    }
                    if line.is_empty() {
                        break;
                    }
                }
                line.retain(|&b| b != b'\n');
                line
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn the_fast_way_declines_or_says_what_the_pattern_says(lines in proptest::collection::vec(line(), 1..8), newline_at_end: bool) {
            let mut block = lines.join(&b'\n');
            if newline_at_end {
                block.push(b'\n');
            }
            let (fast, slow) = both(&block);
            prop_assert_eq!(fast, slow);
        }
    }

    /// What the fast ways say of one line, and the pattern; the former `None` when they decline.
    fn one(line: &[u8]) -> (Option<Line>, Option<Line>) {
        let block = [line, b"\n"].concat();
        let mut marks = vec![0; block.len() + simd::SLACK];
        let n = simd::marks(&MARKED, &block, 0, &mut marks);
        let fast = take_fast(&block, 0, &marks[..n]).map(|(fast, used)| {
            assert_eq!(used, n, "all marks of the line, and no others");
            fast
        });
        (fast, regex::parse(line.strip_suffix(b"\r").unwrap_or(line)))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn line_by_line_too(line in line()) {
            let (fast, slow) = one(&line);
            prop_assert!(fast.is_none() || fast == slow, "{:?}: {fast:?} {slow:?}", String::from_utf8_lossy(&line));
        }
    }

    #[test]
    fn most_lines_of_any_log_are_taken_fast() {
        for line in [
            COMMON,
            COMBINED,
            "h - - [d z] \"-\" 408 0",
            "h - - [d z] \"\" 400 0",
            r#"h - - [d z] "\x16\x03\x01" 400 226 "-" "-""#,
            r#"h - - [d z] "GET /a b HTTP/1.1" 200 5 "-" "a \"b\" \\""#,
            r#"h - - [d z] "GET /\"q\\ HTTP/1.1" 200 5 what else"#,
            "h - - [d z] \"GET / HTTP/1.1\" 200 5 \"only one\"\r",
            "shop.example.net:443 h - - [d z] \"GET / HTTP/1.1\" 200 5 \"r\" \"a\" 0.1",
            "[::1]:80 h - - [d z] \"\" 400 0",
            "10.0.0.1:5123 - - [d z] \"GET / HTTP/1.1\" 200 5",
        ] {
            let (fast, slow) = one(line.as_bytes());
            assert!(fast.is_some() && fast == slow, "{line}: {fast:?} {slow:?}");
        }
        for line in ["", "bad", "h - \"a user\" [d z] \"GET / HTTP/1.1\" 200 5", "h - - [d z] \"GET /\\"] {
            assert_eq!(one(line.as_bytes()).0, None, "{line}");
        }
    }
}
