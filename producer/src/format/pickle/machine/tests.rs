//! What pickles hold, what is no pickle, and that nothing is executed.

use super::*;

/// The dict that a pickle holds, or what is wrong with it.
fn shown(bytes: &[u8]) -> String {
    let mut machine = Machine::default();
    match machine.load(bytes, 0) {
        Err(refused) => format!("{} at {}", refused.what, refused.at),
        Ok(Loaded { item: Item::Dict(dict), .. }) => {
            let one = |item| machine.text(bytes, item).map_or(format!("{item:?}"), |text| text.escape_ascii().to_string());
            machine.pairs(dict).map(|(key, value)| format!("{}={}", one(key), one(value))).collect::<Vec<_>>().join(" ")
        }
        Ok(loaded) => format!("{:?}", loaded.item),
    }
}

#[test]
fn dicts_of_all_protocols() {
    let check = |bytes: &[u8], want: &str| assert_eq!(shown(bytes), want, "{}", bytes.escape_ascii());
    // What Python writes for {"a": 1, "b": "x"} in protocols 0, 1, 2 and 4.
    check(b"(dp0\nVa\np1\nI1\nsVb\np2\nVx\np3\ns.", "a=Int(1) b=x");
    check(b"}q\x00(X\x01\0\0\0aq\x01K\x01X\x01\0\0\0bq\x02X\x01\0\0\0xq\x03u.", "a=Int(1) b=x");
    check(b"\x80\x02}q\x00(X\x01\0\0\0aq\x01K\x01X\x01\0\0\0bq\x02h\x02u.", "a=Int(1) b=b");
    check(b"\x80\x04\x95\x10\0\0\0\0\0\0\0}\x94(\x8c\x01a\x94K\x01\x8c\x01b\x94\x8c\x01x\x94u.", "a=Int(1) b=x");
    // Python 2's strings.
    check(b"(dp0\nS'a'\np1\nS\"it's\\n\\x41\"\np2\ns.", "a=it\\'s\\nA");
    check(b"}(U\x01aT\x01\0\0\0bu.", "a=b");
    check(b"}(Vn\nL-12L\nVb\nI01\nVf\nF1.5\nVz\nNu.", "n=Int(-12) b=Bool(true) f=Float(1.5) z=None");
    check(b"}(U\x01aG?\xf8\0\0\0\0\0\0U\x01bJ\xff\xff\xff\xffU\x01cM\x00\x01u.", "a=Float(1.5) b=Int(-1) c=Int(256)");
    check(
        b"}(U\x01a\x8a\x08\0\0\0\0\0\0\0\x80U\x01b\x8a\x09\0\0\0\0\0\0\0\x80\0U\x01c\x8a\0u.",
        "a=Int(-9223372036854775808) b=Wide(0) c=Int(0)",
    );
    check(b"}(U\x01a](K\x01K\x02eU\x01b}U\x01xNsU\x01cK\x01\x85u.", "a=List(0) b=Dict(1) c=Tuple(0, 1)");
    check(b"]K\x01a.", "List(0)");
    check(b"}2U\x01aNs0.", "a=None");
    // What is remembered without a number has the number of things that are remembered, as in Python.
    check(b"}(U\x01aq\x05U\x01bX\0\0\0\0\x94h\x01u.", "a=b =");
    check(b"}(N1.", "");
}

#[test]
fn nothing_is_executed() {
    let check = |bytes: &[u8], part: &str| assert!(shown(bytes).contains(part), "{}", shown(bytes));
    check(b"cos\nsystem\n(S'touch owned'\ntR.", "Object(");
    check(b"\x80\x04\x8c\x05posix\x8c\x06system\x93.", "Class(");
    check(b"(cos\nsystem\nS'touch owned'\no.", "Object(");
    check(b"(S'touch owned'\nios\nsystem\n.", "Object(");
    check(b"cos\nsystem\n)\x81}U\x01aNsb.", "Object(");
    check(b"cos\nsystem\n)}\x92(U\x01aNu.", "Object(");
    check(b"Px\n.", "outside");
    check(b"NQ.", "outside");
    for code in [&b"\x82\x01"[..], b"\x83\x01\0", b"\x84\x01\0\0\0"] {
        check(&[code, b"."].concat(), "has only a number");
    }
    for code in [b"R".as_slice(), b"b", b"o", b"\x81", b"\x92", b"\x93", b"Q"] {
        check(&[code, b"."].concat(), if code == b"o" { "a mark is missing" } else { "empty" });
    }
    check(b"\x97.", "a buffer that is not in the pickle");
    check(b"NN\x93.", "whose name is no text");
}

#[test]
fn objects_of_known_classes() {
    let check = |bytes: &[u8], want: &str| assert_eq!(shown(bytes), want, "{}", bytes.escape_ascii());
    check(b"}U\x01dcdatetime\ndate\n(U\x04\x07\xe8\x03\x01tRs.", "d=2024-03-01");
    check(b"}U\x01dcdatetime\ndate\nc_codecs\nencode\n(X\x05\0\0\0\x07\xc3\xa8\x03\x01U\x06latin1tR\x85Rs.", "d=2024-03-01");
    check(b"}U\x01dcdecimal\nDecimal\n(V1.50\ntRs.", "d=1.50");
    check(b"}U\x01ucuuid\nUUID\n)\x81}U\x03intK\x05sbs.", "u=00000000-0000-0000-0000-000000000005");
    check(b"ccollections\nOrderedDict\n)RU\x01aK\x01s.", "a=Int(1)");
}

#[test]
fn what_is_no_pickle_says_so() {
    let check = |bytes: &[u8], part: &str| assert!(shown(bytes).contains(part), "{}", shown(bytes));
    check(b"", "ends within a pickle at 0");
    check(b"\x80\x04}", "ends within a pickle at 3");
    check(b".", "its stack is empty");
    check(b"(.", "empty above a mark");
    check(b"\x80\x06}.", "protocol 6");
    check(b"h\x07.", "does not hold");
    check(b"q\x00.", "its stack is empty");
    check(b"2.", "its stack is empty");
    check(b"N(2.", "empty above a mark");
    check(b"N(q\x00.", "empty above a mark");
    check(b"}((u1.", "empty above a mark");
    check(b"](Na1.", "empty above a mark");
    check(b"Nr\xff\xff\xff\xff.", "number 4294967295; the limit is");
    check(b"Np99999999999999999999\n.", "no number");
    check(b"}(Nu.", "a key without a value");
    check(b"u.", "a mark is missing");
    check(b"N(NNu.", "no dict");
    check(b"(NNu.", "its stack is empty");
    check(b"Na.", "its stack is empty");
    check(b"NNa.", "no list");
    check(b"Ix\n.", "no whole number");
    check(&[b'N'; MAX_STACK + 1], "things on its stack");
}
