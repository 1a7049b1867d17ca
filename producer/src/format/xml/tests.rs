//! What XML documents give, and what they are refused for.

use super::*;
use crate::format::testing::block;
use crate::input::boundary::Boundary;
use proptest::prelude::*;

fn plan(first: &[u8]) -> Arc<dyn Plan> {
    let mut xml = Xml::new(&Args { positional: vec!["bus".to_owned()], ..Args::default() }).unwrap();
    xml.sample(&block(first)).unwrap();
    xml.plan(&block(first)).unwrap()
}

/// The records of a document cut into blocks, and what is wrong with it, placed in the document.
fn read(first: &[u8], blocks: &[&[u8]]) -> (Vec<String>, Option<String>) {
    let mut parser = plan(first).parser();
    let (mut rows, mut nesting, mut at) = (Vec::new(), super::super::continuity::Nesting::default(), 0);
    for bytes in blocks {
        let start = at as u64;
        let block = Block { start, end: start + bytes.len() as u64, is_first: start == 0, ..block(bytes) };
        let parsed = parser.parse(&block, &Wanted::all());
        let (failure, continuity) = (parser.failure(), parser.continuity().unwrap());
        let failure = nesting.follow(continuity).err().or(failure);
        let sent = failure.as_ref().map_or(parsed.batch.len(), |failure| failure.records_before as usize);
        rows.extend(parsed.batch.rows().take(sent).map(|row| format!("{row:?}")));
        if let Some(failure) = failure {
            return (rows, Some(format!("{} at {}", failure.what, at + failure.at)));
        }
        at += bytes.len();
    }
    (rows, nesting.at_end())
}

/// Cuts as the input does, at the last end within so many bytes.
fn cut(bytes: &[u8], size: usize) -> Vec<&[u8]> {
    let (ends, mut rest, mut cuts) = (Ends::new("bus"), bytes, Vec::new());
    while !rest.is_empty() {
        let mut len = size.min(rest.len());
        let mut end = if len == rest.len() { Some(len) } else { ends.last_end(&rest[..len]) };
        while end.is_none() {
            let searched = len;
            len = (len + size).min(rest.len());
            end = if len == rest.len() { Some(len) } else { ends.first_end(&rest[..len], searched) };
        }
        let (head, tail) = rest.split_at(end.unwrap_or(len));
        cuts.push(head);
        rest = tail;
    }
    cuts
}

const DOCUMENT: &str = "<?xml version='1.0'?><!DOCTYPE buses [<!ENTITY a '</bus>'>]>\n<buses a='>'>\n<bus id='1'><route>22</route><n>a &amp; b</n></bus>\
    <!-- </bus><bus> --> between <bus><n><![CDATA[</bus><bus>]]></n><bus><id>in</id></bus><route/></bus>\n<other><bus/></other>\
    <bus><business>x</business><late>1</late></bus >\n<?p <bus> ?><bus><!-- </bus> --><route>last</route></bus>\n</buses>\n";

#[test]
fn a_document() {
    let (rows, wrong) = read(DOCUMENT.as_bytes(), &[DOCUMENT.as_bytes()]);
    assert_eq!(wrong, None);
    let short: Vec<String> = rows.iter().map(|row| row.replace(", \"", " \"").replace("\": \"", "=")).collect();
    assert_eq!(short.len(), 5);
    assert!(short[0].contains(r#""@id=1" "route=22" "n=a & b""#), "{short:?}");
    assert!(short[1].contains(r#""route=" "n=</bus><bus>""#) && short[1].contains("bus.id=in"), "{short:?}");
    assert!(short[3].contains("business=x") && short[4].contains("route=last"), "{short:?}");
}

#[test]
fn fields_that_come_later_make_a_further_schema() {
    let first = b"<bus><a>1</a></bus>";
    let mut parser = plan(first).parser();
    let mut names = |bytes: &[u8], wanted: &Wanted| {
        let parsed = parser.parse(&block(bytes), wanted);
        parsed.batch.schema().names().collect::<Vec<_>>().join(" ")
    };
    let all = Wanted::all();
    assert_eq!(names(b"<bus><b>1</b></bus>", &all), "a b");
    assert_eq!(names(b"<bus/>", &all), "a");
    assert_eq!(names(b"<bus><b>1</b><a/><c/></bus>", &Wanted::only(vec!["c".into(), "a".into()])), "a c");
    assert_eq!(names(b"", &all), "a");
}

#[test]
fn what_is_wrong_is_placed_and_what_came_before_counts() {
    let check = |text: &str, rows: usize, part: &str| {
        let (got, wrong) = read(text.as_bytes(), &cut(text.as_bytes(), 16));
        assert_eq!(got.len(), rows, "{text}");
        assert!(wrong.as_deref().unwrap_or("nothing").contains(part), "{text}: {wrong:?}");
    };
    check("<b><bus/><bus/>", 2, "the document ends within the element `b`");
    check("<b><bus/><bus>", 1, "ends within a record at 14");
    check("<b><bus/></c><bus/></b>", 1, "`</c>` stands where `</b>` is expected at 9");
    check("<b><bus/></b></b>", 1, "an end tag without its start at 13");
    check("<b><bus/></b> junk ", 1, "text outside of any element; is this XML? at 14");
    check("just some text", 0, "is this XML? at 0");
    check("{\"json\": 1}\n", 0, "is this XML? at 0");
    check("<b><bus/><", 1, "ends within a tag at 9");
    check("<b><!-- ", 0, "ends within a tag at 3");
    check("<b><bus/><!x></b>", 1, "neither a comment nor");
    check("<b><bus/><bus><a>&lol9;</a></bus></b>", 1, "`&lol9;` is not known");
    check(&format!("{}<bus/>", "<a>".repeat(129)), 0, "deeper than 128");
    check("<?xml version='1.0' encoding=\"UTF-8\" ?><bus/>", 1, "nothing");
    check("<?xml version='1.0' encoding='ISO-8859-1'?><bus/>", 1, "nothing");
    check("<?xml version='1.0' encoding='EBCDIC-X'?><bus/>", 0, "is in EBCDIC-X, which is not known");
    let first = b"<?xml encoding='nolatin1'?><bus/>";
    for size in 1..first.len() {
        assert!(read(first, &cut(first, size)).1.is_some_and(|wrong| wrong.contains("is in nolatin1")), "in blocks of {size} bytes");
    }
}

#[test]
fn the_first_bytes_tell_the_encoding() {
    use crate::input::encoding::Told;
    let name = |text: &[u8], is_all| match Ends::new("bus").declared(text, is_all) {
        Told::AsItIs => "as it is",
        Told::In(encoding) => encoding.name(),
        Told::More => "more",
    };
    assert_eq!(name(b"<?xml version='1.0' encoding=\"ISO-8859-1\"?><bus/>", false), "windows-1252");
    assert_eq!(name(b"<?xml version='1.0' encoding='Shift_JIS'?><bus/>", false), "Shift_JIS");
    assert_eq!(name(b"<?xml version='1.0' encoding='utf-8'?><bus/>", false), "as it is");
    assert_eq!(name(b"<?xml version='1.0'?><x encoding='latin1'/>", false), "as it is");
    assert_eq!(name(b"<?xml version='1.0' encoding='utf-16'?><bus/>", false), "as it is");
    assert_eq!(name(b"<\0b\0", false), "UTF-16LE");
    assert_eq!(name(b"\0<\0b", false), "UTF-16BE");
    assert_eq!((name(b"<?xml vers", false), name(b"<?xml vers", true)), ("more", "as it is"));
    assert_eq!((name(b"<?x", false), name(b"<bu", false), name(b"", false)), ("more", "as it is", "more"));
}

#[test]
fn entities_do_not_grow() {
    let lol: String = (1..10).map(|n| format!("<!ENTITY lol{n} \"{}\">", format!("&lol{};", n - 1).repeat(10))).collect();
    let text = format!("<!DOCTYPE b [<!ENTITY lol0 \"lol\">{lol}<!ENTITY x SYSTEM 'file:///etc/passwd'>]><b><bus><n>&lol9;</n></bus></b>");
    let (rows, wrong) = read(text.as_bytes(), &[text.as_bytes()]);
    assert!(rows.is_empty() && wrong.unwrap().contains("`&lol9;` is not known"));
    let (rows, wrong) = read(b"<b/>", &[text.replace("&lol9;", "&x;").as_bytes()]);
    assert!(rows.is_empty() && wrong.unwrap().contains("`&x;` is not known"));
}

proptest! {
    // Wherever blocks are cut, the same records come, and the same is wrong.
    #[test]
    fn cuts_do_not_show(size in 1_usize..400) {
        let text = DOCUMENT.as_bytes();
        prop_assert_eq!(read(text, &cut(text, size)), read(text, &[text]));
    }

    #[test]
    fn cuts_do_not_show_in_pieces_put_together(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "<bus>", "</bus>", "<bus/>", "<n>", "</n>", "<n>x</n>", "<n a='>'/>", "<!--", "-->", "<!-- </bus> -->", "<![CDATA[", "]]>", "<?", "?>",
            "text", " ", "&amp;", "&", "\"", "'", "<", ">", "/", "<b>", "</b>", "<business>", "</business>", "=", "<!DOCTYPE x [", "]>", "\r\n",
        ]), 0..30),
        size in 1_usize..60,
    ) {
        let text = pieces.concat();
        let whole = read(text.as_bytes(), &[text.as_bytes()]);
        let parts = read(text.as_bytes(), &cut(text.as_bytes(), size));
        // Which of several mistakes is told first may differ; that there is one, and what came before it, may not.
        prop_assert_eq!(whole.1.is_some(), parts.1.is_some(), "{:?} {:?} {:?}", text, whole.1, parts.1);
        prop_assert_eq!(whole.0, parts.0, "{:?}", text);
    }

    #[test]
    fn any_bytes(any in prop::collection::vec(any::<u8>(), 0..100)) {
        read(&any, &cut(&any, 16));
    }
}

#[test]
fn every_prefix_is_known_to_be_one() {
    let text = DOCUMENT.as_bytes();
    let (begins, ends) = (DOCUMENT.find("<buses").unwrap(), DOCUMENT.trim_end().len());
    for at in 0..text.len() {
        let (rows, wrong) = read(text, &[&text[..at]]);
        assert!(rows.len() <= 5);
        // What comes before the first element may stop between its pieces.
        assert!(wrong.is_some() || at <= begins || at >= ends, "{at}");
    }
}

#[test]
fn any_changed_byte_does_no_harm() {
    let whole = read(DOCUMENT.as_bytes(), &[DOCUMENT.as_bytes()]);
    for at in 0..DOCUMENT.len() {
        for change in [1, 0x20, 0x80, 0xff, DOCUMENT.as_bytes()[at] ^ b'<', DOCUMENT.as_bytes()[at] ^ b'>', DOCUMENT.as_bytes()[at] ^ b'&']
        {
            let mut text = DOCUMENT.as_bytes().to_vec();
            text[at] ^= change;
            let (rows, _) = read(&text, &cut(&text, 64));
            assert!(rows.len() <= whole.0.len() + 1);
        }
    }
}
