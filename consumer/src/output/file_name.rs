//! Values as parts of the names of files.

/// Appends a value so that it is a part of one name, whatever is in it, and different values of different names: what would lead to
/// another directory, or cannot stand in a name, is `%` and two hexadecimal digits, as in a URL.
pub(super) fn put(value: &[u8], name: &mut Vec<u8>) {
    for (at, &byte) in value.iter().enumerate() {
        // A dot at the beginning would hide the file, or be a directory.
        if byte == b'/' || byte == b'%' || byte == b'\\' || byte < b' ' || byte == 0x7f || (at == 0 && byte == b'.') {
            name.extend_from_slice(format!("%{byte:02X}").as_bytes());
        } else {
            name.push(byte);
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_value_stays_within_one_name() {
        let check = |value: &str, expect: &str| {
            let mut name = Vec::new();
            super::put(value.as_bytes(), &mut name);
            assert_eq!(String::from_utf8_lossy(&name), expect);
        };
        check("200", "200");
        check("../../etc/passwd", "%2E.%2F..%2Fetc%2Fpasswd");
        check("a/b", "a%2Fb");
        check("a%2Fb", "a%252Fb");
        check("x\0\n", "x%00%0A");
        check("ü b", "ü b");
    }
}
