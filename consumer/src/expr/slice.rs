//! Parts of texts, which are views into them: `trim`, `substr`, `split`; and how long they are.

use memchr::memmem;

use super::vector::Texts;

/// Start and length in the buffer of a text.
type View = (u32, u32);

/// Without ASCII blanks at either end.
pub(super) fn trim(texts: &Texts, (start, len): View) -> View {
    let text = texts.slice((start, len));
    let left = text.len() - text.trim_ascii_start().len();
    // Both are at most `len`.
    (start + left as u32, text.trim_ascii().len() as u32)
}

/// `len` characters from number `from` on; from the end where that is negative, and from the first where it is before that.
/// A byte that is no UTF-8 counts as a character.
pub(super) fn substr(texts: &Texts, view: View, from: i64, len: Option<i64>) -> View {
    let text = texts.slice(view);
    let len = len.map(|len| usize::try_from(len).unwrap_or(0));
    let within = if text.is_ascii() {
        let start = place(from, || text.len()).min(text.len());
        (start, len.map_or(text.len(), |len| start.saturating_add(len)).min(text.len()))
    } else {
        let start = offset(text, place(from, || characters(text)));
        (start, len.map_or(text.len(), |len| start + offset(&text[start..], len)))
    };
    // Within the view, whose ends are 32 bits wide.
    (view.0 + within.0 as u32, (within.1 - within.0) as u32)
}

/// The piece number `n` of those between separators, from the last on where `n` is negative (-1 is the last).
pub(super) fn split(texts: &Texts, view: View, separator: &[u8], n: i64) -> Option<View> {
    let text = texts.slice(view);
    let (start, end) = if separator.is_empty() { (n == 0 || n == -1).then_some((0, text.len()))? } else { piece(text, separator, n)? };
    Some((view.0 + start as u32, (end - start) as u32))
}

fn piece(text: &[u8], separator: &[u8], n: i64) -> Option<(usize, usize)> {
    let count = usize::try_from(n).ok();
    let Some(count) = count else {
        let all: Vec<_> = memmem::find_iter(text, separator).collect();
        // The separators have one piece more than they are.
        let n = usize::try_from(n.unsigned_abs()).ok().and_then(|back| (all.len() + 1).checked_sub(back))?;
        let start = if n == 0 { 0 } else { all[n - 1] + separator.len() };
        return Some((start, all.get(n).copied().unwrap_or(text.len())));
    };
    let mut found = memmem::find_iter(text, separator);
    let start = if count == 0 { 0 } else { found.nth(count - 1)? + separator.len() };
    Some((start, found.next().unwrap_or(text.len())))
}

/// The place that `from` says of so many.
fn place(from: i64, count: impl FnOnce() -> usize) -> usize {
    match usize::try_from(from) {
        Ok(from) => from,
        Err(_) => count().saturating_sub(usize::try_from(from.unsigned_abs()).unwrap_or(usize::MAX)),
    }
}

/// The characters, with each byte that is no UTF-8 for one.
pub(super) fn characters(text: &[u8]) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    text.utf8_chunks().map(|chunk| chunk.valid().chars().count() + chunk.invalid().len()).sum()
}

/// Where the character number `n` begins; the end where there are not so many.
fn offset(text: &[u8], n: usize) -> usize {
    let (mut at, mut left) = (0, n);
    for chunk in text.utf8_chunks() {
        for c in chunk.valid().chars() {
            if left == 0 {
                return at;
            }
            left -= 1;
            at += c.len_utf8();
        }
        let invalid = chunk.invalid().len();
        if left < invalid {
            return at + left;
        }
        left -= invalid;
        at += invalid;
    }
    at
}
