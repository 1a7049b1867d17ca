//! Finds where the last record of a file begins.

use std::fs::File;
use std::io;

use super::super::print::read_at;

/// Where the last record of the first `len` bytes begins if it is not finished yet; otherwise `len`.
///
/// Only the longest record that is parsed is looked through: in a longer one, the end is as good a place as any.
///
/// # Errors
///
/// The file's.
pub(crate) fn last_record(file: &File, len: u64, longest: usize) -> io::Result<u64> {
    let mut chunk = vec![0; 8 << 10];
    let mut at = len;
    while at > 0 && len - at <= longest as u64 {
        let n = at.min(chunk.len() as u64);
        at -= n;
        let got = read_at(file, &mut chunk[..n as usize], at)?;
        if let Some(newline) = memchr::memrchr(b'\n', &chunk[..got]) {
            return Ok(at + newline as u64 + 1);
        }
    }
    Ok(if at == 0 { 0 } else { len })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::last_record;

    #[test]
    fn the_last_record_is_found_from_behind() {
        let at = |text: &str, longest| {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(text.as_bytes()).unwrap();
            last_record(&file, text.len() as u64, longest).unwrap()
        };
        assert_eq!((at("", 99), at("a\nb\n", 99), at("a\nb", 99), at("ab", 99)), (0, 4, 2, 0));
        let long = format!("a\n{}", "x".repeat(20_000));
        assert_eq!((at(&long, 99_999), at(&long, 5000)), (2, 20_002));
    }
}
