//! `xml`, with any bytes, and with documents that are put together here, whose records are known.
//!
//! What was written is read; a document that is cut short is known to be; no value is longer than what stands in the document.

use recpipe_producer::format::Args;

use crate::{
    blocks::{Case, Cell, Cut, Outcome, Row},
    bytes::Bytes,
};

/// Longer inputs say nothing new.
const MAX_BYTES: usize = 1 << 14;

/// Checks them for these bytes.
pub fn check(data: &[u8]) {
    let mut from = Bytes(data);
    let (options, how) = (from.byte(), [from.byte(), from.byte(), from.byte()]);
    if from.0.is_empty() || from.0.len() > MAX_BYTES {
        return;
    }
    if options.is_multiple_of(2) {
        let Some(whole) = case(from.0).check(how) else { panic!("any bytes can be begun to be read") };
        for row in &whole.rows {
            let held: usize = row.iter().map(|(_, cell)| if let Cell::Text(text) = cell { text.len() } else { 0 }).sum();
            // A list is JSON: a control character takes six bytes there.
            assert!(held <= 8 * from.0.len(), "an element has grown");
        }
    } else {
        written(from, how);
    }
}

fn case(bytes: &[u8]) -> Case<'_> {
    Case { format: "xml", args: Args { positional: vec!["bus".to_owned()], ..Args::default() }, bytes }
}

fn written(from: Bytes<'_>, how: [u8; 3]) {
    let mut writer = Writer { from, out: String::new(), rows: Vec::new(), ends: Vec::new() };
    writer.document();
    let Writer { out, rows, ends, .. } = writer;
    let bytes = out.as_bytes();
    let Some(whole) = case(bytes).check(how) else { panic!("a document cannot be read") };
    assert_eq!(whole.failure, None, "{out}");
    let sorted = |rows: &[Row]| {
        let sort = |row: &Row| {
            let mut row = row.clone();
            row.sort_by(|(one, _), (other, _)| one.cmp(other));
            row
        };
        rows.iter().map(sort).collect::<Vec<_>>()
    };
    assert_eq!(sorted(&whole.rows), sorted(&rows), "{out}");
    // Cut short within its element, it is known to be; and the records before the cut count.
    let (Some(begin), Some(end)) = (out.find("<buses"), out.rfind("</buses>")) else { panic!("{out}") };
    let len = begin + 1 + usize::from(how[1]) * (end - begin - 1) / 256;
    let short = case(&bytes[..len]).read(Cut { block_bytes: usize::from(how[0]) + 1, ..Cut::WHOLE });
    let Ok(Outcome { rows: before, failure: Some(_), .. }) = short else { panic!("{:?} is whole", &bytes[..len]) };
    assert_eq!(before.len(), ends.iter().filter(|end| **end <= len).count());
    assert_eq!(sorted(&before), sorted(&rows[..before.len()]));
}

/// Writes a document, in ways that are chosen by the input.
struct Writer<'a> {
    from: Bytes<'a>,
    out: String,
    rows: Vec<Row>,
    /// Where the records end.
    ends: Vec<usize>,
}

impl Writer<'_> {
    fn one_of(&mut self, texts: &[&'static str]) -> &'static str {
        let which = self.from.below(texts.len());
        texts[which]
    }

    fn document(&mut self) {
        let before = [
            "",
            "\n",
            "<?xml version='1.0' encoding=\"utf-8\"?>",
            "<?xml version=\"1.0\"?>\r\n",
            "<!DOCTYPE buses [<!ENTITY a '</bus>'><!-- ]> ' -->]>\n",
            "<!-- <bus/> -->",
        ];
        let opens = ["<buses>", "<buses a='>'\n b=\"<bus>\">", "<buses\t>"];
        let text = self.one_of(&before).to_owned() + self.one_of(&opens);
        self.out.push_str(&text);
        while !self.from.0.is_empty() {
            let between =
                ["", "\n", " between ", "<!-- </bus><bus> -->", "<other><a>1</a></other>", "<![CDATA[<bus>]]>", "<?p <bus> ?>", "<bu/>"];
            let text = self.one_of(&between);
            self.out.push_str(text);
            let bus = self.element("bus", 0);
            let mut row = Row::new();
            fields(&bus, "", &mut row);
            self.rows.push(row);
            self.ends.push(self.out.len());
        }
        self.out.push_str("</buses>\n");
    }

    /// An element, and what it holds.
    fn element(&mut self, name: &str, depth: usize) -> Element {
        let mut element = Element { name: name.to_owned(), ..Element::default() };
        self.out.push('<');
        self.out.push_str(name);
        for attribute in ["id", "at"] {
            if !self.from.once_in(5) {
                continue;
            }
            let equals = self.one_of(&["=", " = ", "\n="]);
            let quote = self.one_of(&["'", "\""]);
            self.out.push_str(&format!(" {attribute}{equals}{quote}"));
            let value = self.text(Some(quote));
            self.out.push_str(quote);
            element.children.push(Element { name: format!("@{attribute}"), text: Some(value), children: Vec::new() });
        }
        if self.from.once_in(6) {
            let end = self.one_of(&["/>", " />"]);
            self.out.push_str(end);
            element.text = (depth > 0).then(String::new);
            return element;
        }
        let space = self.one_of(&["", "", "", "\n"]);
        self.out.push_str(&format!("{space}>"));
        let (mut own, mut has_children) = (String::new(), false);
        for _ in 0..self.from.below(5) {
            match self.from.below(6) {
                0..=2 => own += &self.text(None),
                3 => {
                    let inner = self.one_of(&["", "</bus>", "a & b <c>", "]]", "<bus>", "\n"]);
                    self.out.push_str(&format!("<![CDATA[{inner}]]>"));
                    own += inner;
                }
                4 => {
                    let nothing = self.one_of(&["<!-- </bus> -->", "<?p </bus> ?>", "<!--<bus>-->", "<!---->"]);
                    self.out.push_str(nothing);
                }
                _ if depth < 4 => {
                    has_children = true;
                    let child = self.one_of(&["a", "b", "business", "bus", "c.d", "é"]);
                    element.children.push(self.element(child, depth + 1));
                }
                _ => {}
            }
        }
        let space = self.one_of(&["", "", "", " ", "\r\n"]);
        self.out.push_str(&format!("</{name}{space}>"));
        // Next to children, and in the record itself, white space is no text.
        let says = own.chars().any(|letter| !" \t\r\n".contains(letter));
        element.text = (says || depth > 0 && !has_children).then_some(own);
        element
    }

    /// Some text, escaped as it has to be; what it means. `quote` is what stands around it, in an attribute.
    fn text(&mut self, quote: Option<&str>) -> String {
        let mut meant = String::new();
        for _ in 0..self.from.below(6) {
            let pieces = [
                ("x", "x"),
                (" ", " "),
                ("&amp;", "&"),
                ("&lt;", "<"),
                ("&gt;", ">"),
                ("&quot;", "\""),
                ("&apos;", "'"),
                ("&#233;", "é"),
                ("&#x1F600;", "😀"),
                ("&#10;", "\n"),
                ("é€", "é€"),
                (">", ">"),
                ("\n", "\n"),
                ("\r\n", "\n"),
                ("\r", "\n"),
                ("\t", "\t"),
                ("'", "'"),
                ("\"", "\""),
            ];
            let (written, means) = pieces[self.from.below(pieces.len())];
            // A return and a line feed would be one line end.
            let joins = written == "\n" && self.out.ends_with('\r');
            if quote == Some(written) || joins {
                continue;
            }
            self.out.push_str(written);
            // In an attribute what is no reference is a space.
            let is_space = quote.is_some() && matches!(written, "\n" | "\r\n" | "\r" | "\t");
            meant.push_str(if is_space { " " } else { means });
        }
        meant
    }
}

/// An element or, with an `@` in its name, an attribute.
#[derive(Debug, Default)]
struct Element {
    name: String,
    text: Option<String>,
    children: Vec<Element>,
}

/// The children of one name together, in the order in which the names come.
fn groups(element: &Element) -> Vec<Vec<&Element>> {
    let mut groups: Vec<Vec<&Element>> = Vec::new();
    for child in &element.children {
        match groups.iter_mut().find(|group| group[0].name == child.name) {
            Some(group) => group.push(child),
            None => groups.push(vec![child]),
        }
    }
    groups
}

/// Texts, or JSON.
fn collect(element: &Element, path: &str, into: &mut Vec<(String, String, bool)>) {
    for group in groups(element) {
        let below = if path.is_empty() { group[0].name.clone() } else { format!("{path}.{}", group[0].name) };
        match group[..] {
            [one] => collect(one, &below, into),
            _ => into.push((below, json(&group), true)),
        }
    }
    if let Some(text) = &element.text {
        into.push((if path.is_empty() { "#text".to_owned() } else { path.to_owned() }, text.clone(), false));
    }
}

/// The fields of a record.
fn fields(record: &Element, path: &str, row: &mut Row) {
    let mut values = Vec::new();
    collect(record, path, &mut values);
    for (name, text, is_json) in &values {
        if row.iter().any(|(other, _)| other == name) {
            continue;
        }
        let same: Vec<_> = values.iter().filter(|(other, ..)| other == name).collect();
        let as_json = |(_, text, is_json): &&(String, String, bool)| if *is_json { text.clone() } else { quoted(text) };
        let value = match same[..] {
            [_] => text.clone(),
            _ => format!("[{}]", same.iter().map(as_json).collect::<Vec<_>>().join(",")),
        };
        let _ = is_json;
        row.push((name.clone(), Cell::Text(value.into_bytes())));
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// What several elements hold, or one.
fn json(group: &[&Element]) -> String {
    let one = |element: &&Element| {
        let text = element.text.as_deref().unwrap_or_default();
        if element.children.is_empty() {
            return quoted(text);
        }
        let mut members: Vec<String> = groups(element).iter().map(|group| format!("{}:{}", quoted(&group[0].name), json(group))).collect();
        if !text.is_empty() {
            members.push(format!("\"#text\":{}", quoted(text)));
        }
        format!("{{{}}}", members.join(","))
    };
    match group {
        [only] => one(only),
        several => format!("[{}]", several.iter().map(one).collect::<Vec<_>>().join(",")),
    }
}
