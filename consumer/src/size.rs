//! Sizes as a user writes them: `256MiB`, `1.5GB`, `65536`.

/// Units of size, which multiply the number before them.
pub(crate) const UNITS: [(&str, u64); 9] = [
    ("B", 1),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// `number` times `factor`, exactly: the digits after the point are counted in tenths, not as a float. `None` when it is too
/// long to be counted, `Some(Err)` when it is no whole number.
pub(crate) fn scaled(number: &str, factor: u64) -> Option<Result<u128, ()>> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let product = format!("{whole}{fraction}").parse::<u128>().ok()?.checked_mul(u128::from(factor))?;
    let unit = 10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    Some(if product.is_multiple_of(unit) { Ok(product / unit) } else { Err(()) })
}

/// The bytes of a size, written as in a query: `256MiB` or a plain number; `None` for anything else.
pub fn size(text: &str) -> Option<u64> {
    let text = text.trim();
    for (prefix, radix) in [("0x", 16), ("0X", 16), ("0o", 8), ("0b", 2)] {
        if let Some(digits) = text.strip_prefix(prefix) {
            return u64::from_str_radix(&digits.replace('_', ""), radix).ok().filter(|_| !digits.starts_with('+'));
        }
    }
    let (number, unit) = text.split_at(text.find(char::is_alphabetic).unwrap_or(text.len()));
    let (whole, fraction) = number.split_once('.').map_or((number, None), |(whole, fraction)| (whole, Some(fraction)));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    let begins = fraction.filter(|_| whole.is_empty()).unwrap_or(whole);
    let is_one = |text: &str| is_number(text) && text.starts_with(|c: char| c.is_ascii_digit());
    if !is_one(begins) || !is_number(whole) || !fraction.is_none_or(is_one) {
        return None;
    }
    let number = number.replace('_', "");
    match UNITS.iter().find(|(name, _)| *name == unit) {
        Some(&(_, factor)) => scaled(&number, factor)?.ok().and_then(|bytes| u64::try_from(bytes).ok()),
        None if unit.is_empty() && fraction.is_none() => number.parse().ok(),
        None => None,
    }
}
