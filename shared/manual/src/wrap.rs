//! Lines that are no wider than a screen.

/// Parts with blanks between them, in lines of no more than so many characters: the first line begins in the column `first`, which is
/// not written, the others in the column `others`, which is. A part is never broken.
///
/// # Examples
/// ```
/// use recpipe_manual::wrapped;
///
/// assert_eq!(wrapped(10, 2, 4, "one two three".split(' ')), "one two\n    three");
/// ```
pub fn wrapped(width: usize, first: usize, others: usize, parts: impl Iterator<Item = impl AsRef<str>>) -> String {
    let (mut text, mut at) = (String::new(), first);
    for part in parts {
        let part = part.as_ref();
        let len = part.chars().count();
        if !text.is_empty() && at + 1 + len > width {
            text += &format!("\n{}", " ".repeat(others));
            at = others;
        } else if !text.is_empty() {
            text.push(' ');
            at += 1;
        }
        text += part;
        at += len;
    }
    text
}
