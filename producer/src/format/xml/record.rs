//! One element taken apart: its attributes, its children's texts, theirs.
//!
//! Most children are `<name>text</name>`, with the names in the order of the record before and no `&` in the text; such a one
//! costs two comparisons and one search. Everything else goes through a stack, whose texts are put together in one buffer.
//! A record in which it turns out that an element is repeated is read once more, as a [`Tree`].

use super::columns::{Columns, MAX_CELLS, ROOT};
use super::markup::{Malformed, Special, is_name_byte, is_space, name_end, skip_space, special};
use super::text::{Place, resolve};
use super::tree::Tree;
use crate::format::Wanted;

/// How deep elements may be nested within a record.
const MAX_DEPTH: usize = 128;

/// How many attributes a tag may have: each is compared with those before it.
const MAX_ATTRIBUTES: usize = 1000;

/// An element that has begun and not ended.
#[derive(Debug)]
struct Open {
    path: u32,
    /// Which of the record's elements it is; in the tree, its node.
    number: u32,
    /// Its name's place in the bytes.
    name: (usize, usize),
    /// Where its text begins in the buffer.
    text_from: usize,
    /// Whether there is more in it than white space, perhaps.
    has_words: bool,
    has_children: bool,
}

/// Takes records apart; keeps its buffers from one to the next.
#[derive(Debug, Default)]
pub(super) struct Records {
    open: Vec<Open>,
    text: Vec<u8>,
    value: Vec<u8>,
    attributes: Vec<(usize, usize)>,
    tree: Tree,
}

impl Records {
    /// The record that begins at `at` as a row; the place after it.
    ///
    /// # Errors
    /// It is not XML, or does not end. No row has come of it then.
    pub(super) fn record(&mut self, bytes: &[u8], at: usize, columns: &mut Columns, wanted: &Wanted) -> Result<usize, Malformed> {
        let fields = columns.fields();
        let mut done = self.read(bytes, at, columns, wanted, false);
        if let Ok(None) = done {
            columns.undo_row(fields);
            done = self.read(bytes, at, columns, wanted, true).and_then(|end| {
                self.tree.fields(columns, wanted).map_err(|what| Malformed::new(at, what))?;
                Ok(end)
            });
        }
        let done = done.map(Option::unwrap_or_default).and_then(|end| match columns.is_full() {
            false => Ok(end),
            true => {
                Err(Malformed::new(at, format!("too many different fields: more than {MAX_CELLS} values or gaps in a block of records")))
            }
        });
        match done {
            Ok(_) => columns.end_row(),
            Err(_) => columns.drop_row(),
        }
        done
    }

    /// Reads it into the columns, or into the tree; `None` where it has to be a tree.
    fn read(&mut self, bytes: &[u8], at: usize, columns: &mut Columns, wanted: &Wanted, as_tree: bool) -> Result<Option<usize>, Malformed> {
        self.open.clear();
        self.text.clear();
        columns.begin_row();
        if as_tree {
            self.tree.begin();
        }
        let record = Record { bytes, columns, wanted, is_root_done: false, parts: self, as_tree, is_repeated: false, elements: 0 };
        record.read(at)
    }
}

/// One record, while it is read.
struct Record<'a> {
    bytes: &'a [u8],
    columns: &'a mut Columns,
    wanted: &'a Wanted,
    is_root_done: bool,
    parts: &'a mut Records,
    as_tree: bool,
    /// Something stands twice in an element, and this is no tree.
    is_repeated: bool,
    elements: u32,
}

fn torn(at: usize) -> Malformed {
    Malformed::new(at, "the document ends within a record")
}

impl Record<'_> {
    fn read(mut self, at: usize) -> Result<Option<usize>, Malformed> {
        let mut at = self.start(at)?;
        while !self.is_root_done && !self.is_repeated {
            at = self.content(at)?;
        }
        Ok((!self.is_repeated).then_some(at))
    }

    /// An element begins in that of the number `parent`; its own number.
    #[inline]
    fn element(&mut self, parent: u32, path: u32) -> u32 {
        if self.as_tree {
            return self.parts.tree.add(parent, path);
        }
        self.is_repeated |= self.columns.is_repeated(path, parent);
        self.elements += 1;
        self.elements
    }

    /// Reads one piece of what stands in the innermost open element: the place after it.
    #[inline]
    fn content(&mut self, from: usize) -> Result<usize, Malformed> {
        let at = skip_space(self.bytes, from);
        if from < at && self.bytes.get(at) == Some(&b'<') {
            without_returns(&self.bytes[from..at], &mut self.parts.text);
        }
        match (self.bytes.get(at), self.bytes.get(at + 1)) {
            (Some(b'<'), Some(b'/')) => self.end(at),
            (Some(b'<'), Some(b'!' | b'?')) => {
                let (kind, end) = special(self.bytes, at)?;
                let end = end.ok_or_else(|| torn(at))?;
                match kind {
                    Some(Special::Cdata) => {
                        self.has_words();
                        let section = &self.bytes[at + Special::Cdata.open().len()..end - Special::Cdata.close().len()];
                        without_returns(section, &mut self.parts.text);
                    }
                    Some(Special::Doctype) => return Err(Malformed::new(at, "a document type within an element")),
                    _ => {}
                }
                Ok(end)
            }
            (Some(b'<'), _) => self.start(at),
            // The white space before it belongs to it.
            (Some(_), _) => self.some_text(from),
            (None, _) => Err(torn(from)),
        }
    }

    fn has_words(&mut self) {
        if let Some(open) = self.parts.open.last_mut() {
            open.has_words = true;
        }
    }

    /// Text up to the next `<`.
    fn some_text(&mut self, at: usize) -> Result<usize, Malformed> {
        let end = at + memchr::memchr(b'<', &self.bytes[at..]).ok_or_else(|| torn(at))?;
        self.has_words();
        resolve(&self.bytes[at..end], Place::Text, &mut self.parts.text).map_err(|e| Malformed { at: at + e.at, ..e })?;
        Ok(end)
    }

    /// A start tag; and its element with it, if that is nothing but text.
    #[inline]
    fn start(&mut self, at: usize) -> Result<usize, Malformed> {
        let bytes = self.bytes;
        if self.parts.open.len() >= MAX_DEPTH {
            return Err(Malformed::new(at, format!("elements are nested deeper than {MAX_DEPTH}")));
        }
        let parent = self.parts.open.last_mut().map(|parent| {
            parent.has_children = true;
            (parent.path, parent.number)
        });
        if let Some((parent, number)) = parent
            && let Some((path, tag)) = self.columns.guess(parent)
        {
            let (name_at, len) = (at + 1, tag.len());
            let is_it = bytes[name_at..].starts_with(tag) && bytes.get(name_at + len) == Some(&b'>');
            if is_it {
                self.columns.confirm(path);
                let element = self.element(number, path);
                return self.leaf_or_open((path, element), (name_at, name_at + len), name_at + len + 1);
            }
        }
        let name = (at + 1, name_end(bytes, at + 1));
        if name.0 == name.1 {
            return Err(Malformed::new(at, "`<` begins no tag; `&lt;` stands for it in text"));
        }
        let element = match parent {
            None => (ROOT, 0),
            Some((parent, number)) => {
                let path = self.columns.path(parent, false, &bytes[name.0..name.1]).map_err(|what| Malformed::new(at, what))?;
                (path, self.element(number, path))
            }
        };
        let (end, is_empty) = self.attributes(element, name.1)?;
        match is_empty {
            false => self.leaf_or_open(element, name, end),
            true => {
                match parent {
                    None => self.is_root_done = true,
                    Some(_) => self.push(element, at, |_| &[])?,
                }
                Ok(end)
            }
        }
    }

    /// After a start tag: `text</name>` is taken as a whole, anything else is gone into.
    #[inline]
    fn leaf_or_open(&mut self, (path, number): (u32, u32), name: (usize, usize), at: usize) -> Result<usize, Malformed> {
        let bytes = self.bytes;
        if path != ROOT
            && let Some(found) = memchr::memchr3(b'<', b'&', b'\r', &bytes[at..])
            && bytes[at + found..].starts_with(b"</")
        {
            let (text_end, end_name) = (at + found, at + found + 2);
            let after = end_name + (name.1 - name.0);
            if bytes.get(after) == Some(&b'>') && bytes[end_name..after] == bytes[name.0..name.1] {
                self.push((path, number), at, |parts| &parts[at..text_end])?;
                return Ok(after + 1);
            }
        }
        self.parts.open.push(Open { path, number, name, text_from: self.parts.text.len(), has_words: false, has_children: false });
        Ok(at)
    }

    #[inline]
    fn push(&mut self, (path, number): (u32, u32), at: usize, text: impl FnOnce(&[u8]) -> &[u8]) -> Result<(), Malformed> {
        let text = text(self.bytes);
        if self.as_tree {
            self.parts.tree.set_text(number, text);
            return Ok(());
        }
        let column = self.columns.column(path, self.wanted).map_err(|what| Malformed::new(at, what))?;
        self.is_repeated |= !self.columns.push(column, text);
        Ok(())
    }

    /// The end tag at `at`.
    fn end(&mut self, at: usize) -> Result<usize, Malformed> {
        let name = (at + 2, name_end(self.bytes, at + 2));
        let end = skip_space(self.bytes, name.1);
        let open = self.parts.open.pop().ok_or_else(|| Malformed::new(at, "an end tag without its start"))?;
        let (is, expected) = (&self.bytes[name.0..name.1], &self.bytes[open.name.0..open.name.1]);
        match self.bytes.get(end) {
            None => return Err(torn(at)),
            Some(b'>') if is == expected => {}
            _ => {
                let [is, expected] = [is, expected].map(|name| String::from_utf8_lossy(&name[..name.len().min(60)]).into_owned());
                return Err(Malformed::new(at, format!("`</{is}` stands where `</{expected}>` is expected")));
            }
        }
        let text = &self.parts.text[open.text_from..];
        let is_root = open.path == ROOT;
        // White space between children is how a document is laid out, not what it says.
        let says = |text: &[u8]| open.has_words && !text.iter().all(|&byte| is_space(byte));
        if !(open.has_children || is_root) || says(text) {
            if self.as_tree {
                self.parts.tree.set_text(open.number, text);
            } else {
                let column = self.columns.column(open.path, self.wanted).map_err(|what| Malformed::new(at, what))?;
                self.is_repeated |= !self.columns.push(column, text);
            }
        }
        self.parts.text.truncate(open.text_from);
        self.is_root_done = is_root;
        Ok(end + 1)
    }

    /// The attributes of a tag, from after its name: the place after it, and whether it is an empty element.
    fn attributes(&mut self, (path, number): (u32, u32), mut at: usize) -> Result<(usize, bool), Malformed> {
        let bytes = self.bytes;
        self.parts.attributes.clear();
        loop {
            let from = at;
            at = skip_space(bytes, at);
            match bytes.get(at) {
                None => return Err(torn(at)),
                Some(b'>') => return Ok((at + 1, false)),
                Some(b'/') if bytes.get(at + 1) == Some(&b'>') => return Ok((at + 2, true)),
                Some(_) => {}
            }
            let name = (at, name_end(bytes, at));
            if from == at || name.0 == name.1 {
                return Err(Malformed::new(at, "a tag goes on with what is no attribute"));
            }
            let equals = skip_space(bytes, name.1);
            let quote_at = skip_space(bytes, equals + 1);
            let quote = match (bytes.get(equals), bytes.get(quote_at)) {
                (Some(b'='), Some(quote @ (b'"' | b'\''))) => *quote,
                (None, _) | (Some(b'='), None) => return Err(torn(at)),
                _ => return Err(Malformed::new(at, "an attribute without a quoted value")),
            };
            let value = &bytes[quote_at + 1..];
            let len = memchr::memchr(quote, value).ok_or_else(|| torn(at))?;
            let value = &value[..len];
            if let Some(angle) = memchr::memchr(b'<', value) {
                return Err(Malformed::new(quote_at + 1 + angle, "`<` in the value of an attribute; `&lt;` stands for it"));
            }
            let text = &bytes[name.0..name.1];
            let seen = &mut self.parts.attributes;
            if seen.len() >= MAX_ATTRIBUTES || seen.iter().any(|&(start, end)| bytes[start..end] == *text) {
                return Err(Malformed::new(at, format!("an attribute stands twice in a tag, or there are more than {MAX_ATTRIBUTES}")));
            }
            seen.push(name);
            self.parts.value.clear();
            let value_at = quote_at + 1;
            resolve(value, Place::Attribute, &mut self.parts.value).map_err(|e| Malformed { at: value_at + e.at, ..e })?;
            let field = self.columns.path(path, true, text).map_err(|what| Malformed::new(at, what))?;
            if self.as_tree {
                let node = self.parts.tree.add(number, field);
                self.parts.tree.set_text(node, &self.parts.value);
            } else {
                let column = self.columns.column(field, self.wanted).map_err(|what| Malformed::new(at, what))?;
                self.is_repeated |= !self.columns.push(column, &self.parts.value);
            }
            at = value_at + len + 1;
            debug_assert!(bytes.get(name.1).is_none_or(|&byte| !is_name_byte(byte)));
        }
    }
}

/// Line ends as XML wants them, where there are no entities.
#[inline]
fn without_returns(section: &[u8], out: &mut Vec<u8>) {
    if memchr::memchr(b'\r', section).is_none() {
        return out.extend_from_slice(section);
    }
    for (i, &byte) in section.iter().enumerate() {
        match byte {
            b'\r' if section.get(i + 1) == Some(&b'\n') => {}
            b'\r' => out.push(b'\n'),
            byte => out.push(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use recpipe::record::Origin;

    /// The fields of the record, or what is wrong with it and where.
    fn shown(text: &str) -> String {
        let (mut records, mut columns) = (Records::default(), Columns::new());
        match records.record(text.as_bytes(), 0, &mut columns, &Wanted::all()) {
            Ok(end) => {
                assert_eq!(end, text.len(), "{text}");
                // Again, with the fields known and guessed.
                columns.begin(columns.schema());
                records.record(text.as_bytes(), 0, &mut columns, &Wanted::all()).unwrap();
                let batch = columns.batch(&columns.schema(), &Wanted::all(), Origin::default());
                format!("{:?}", batch.row(0))
            }
            Err(e) => {
                assert_eq!(columns.rows(), 0);
                format!("{} at {}", e.what, e.at)
            }
        }
    }

    #[test]
    fn fields() {
        let check = |text: &str, want: &str| assert_eq!(shown(text), want, "{text}");
        check("<b><id>7</id><n>x y</n></b>", r#"{"id": "7", "n": "x y"}"#);
        check("<b> <id> 7 </id>\n</b >", r#"{"id": " 7 "}"#);
        check("<b><e/><f></f><g /></b>", r#"{"e": "", "f": "", "g": ""}"#);
        check("<b/>", "{}");
        check("<b></b>", "{}");
        check("<b>text</b>", r##"{"#text": "text"}"##);
        check("<b>te<!-- no -->xt<i>in</i> tail</b>", r##"{"i": "in", "#text": "text tail"}"##);
        check("<b id='1' k=\"a&lt;'b\"><c d='2'/></b>", r#"{"@id": "1", "@k": "a<'b", "c.@d": "2", "c": ""}"#);
        check("<b a='1' />", r#"{"@a": "1"}"#);
        check("<b><n><![CDATA[a & b <c>]]></n><m>x</m></b>", r#"{"n": "a & b <c>", "m": "x"}"#);
        check("<b><n>1<![CDATA[2]]>&#51;<?pi?>4</n></b>", r#"{"n": "1234"}"#);
        check("<b><n>a\r\nb<![CDATA[\r\r\n]]></n></b>", r#"{"n": "a\nb\n\n"}"#);
        check("<b><s>\n<t>1</t>\n<u>2</u>\n</s></b>", r#"{"s.t": "1", "s.u": "2"}"#);
        check("<b><s>x<t>1</t>y</s></b>", r#"{"s.t": "1", "s": "xy"}"#);
        check("<b><s>x<t>1</t> <u>2</u> <!-- --> y</s></b>", r#"{"s.t": "1", "s.u": "2", "s": "x   y"}"#);
        check("<b>x<i/> <j/>y</b>", r##"{"i": "", "j": "", "#text": "x y"}"##);
        check("<b><b><id>1</id></b><id>2</id></b>", r#"{"b.id": "1", "id": "2"}"#);
    }

    #[test]
    fn what_is_repeated_is_a_list() {
        let check = |text: &str, want: &str| assert_eq!(shown(text).replace("\\\"", "'"), want, "{text}");
        check("<b><n>first</n><m/><n>second</n></b>", r#"{"n": "['first','second']", "m": ""}"#);
        check("<b>x<i/> <i/>y</b>", r##"{"i": "['','']", "#text": "x y"}"##);
        check("<b><v>92</v><v ch='out'>77</v></b>", r##"{"v": "['92',{'@ch':'out','#text':'77'}]"}"##);
        check("<b><a><s>A</s></a><a><s>B</s><z>9</z></a></b>", r#"{"a": "[{'s':'A'},{'s':'B','z':'9'}]"}"#);
        check("<b><a><s>A</s></a><k>1</k><a><z>9</z></a></b>", r#"{"a": "[{'s':'A'},{'z':'9'}]", "k": "1"}"#);
        check("<b><l><i>1</i><i>2</i></l><k>1</k></b>", r#"{"l.i": "['1','2']", "k": "1"}"#);
        check("<b><l><i>1</i><i>2</i></l><l/></b>", r#"{"l": "[{'i':['1','2']},'']"}"#);
        check("<b id='7'><l>x<i>1</i> y</l><l>\n</l></b>", r##"{"@id": "7", "l": "[{'i':'1','#text':'x y'},'\\n']"}"##);
        check("<b><a.c>1</a.c><a><c>2</c></a></b>", r#"{"a.c": "['1','2']"}"#);
        check("<b><a.c>1</a.c><a><c>2</c><c>3</c></a></b>", r#"{"a.c": "['1',['2','3']]"}"#);
        // The same element in another of its kind is not repeated.
        check("<b><b><id>1</id></b><id>2</id></b>", r#"{"b.id": "1", "id": "2"}"#);
        check("<b><x><id>1</id></x><y><id>2</id></y></b>", r#"{"x.id": "1", "y.id": "2"}"#);
        // A mistake in it is one as anywhere else.
        assert!(shown("<b><n>1</n><n>2</n><c></b>").contains("`</b` stands where `</c>` is expected"));
    }

    #[test]
    fn mistakes_are_placed() {
        let check = |text: &str, part: &str| assert!(shown(text).contains(part), "{text}: {}", shown(text));
        check("<b><id>1</b>", "`</b` stands where `</id>` is expected at 8");
        check("<b><id>1</idx></b>", "`</idx` stands where `</id>`");
        check("<b><id>1</id", "ends within a record");
        check("<b><id", "ends within a record");
        check("<b>", "ends within a record");
        check("<b", "ends within a record");
        check("<b><n>&lol;</n></b>", "`&lol;` is not known: document types are not read at 6");
        check("<b><n>a & b</n></b>", "`&amp;` stands for it at 8");
        check("<b a=1/>", "without a quoted value");
        check("<b a/>", "without a quoted value");
        check("<b a='<'/>", "`<` in the value of an attribute; `&lt;` stands for it at 6");
        check("<b a='1'b='2'/>", "what is no attribute");
        check("<b a='1' a='2'/>", "stands twice");
        check("<b><1/></b>", "`<` begins no tag");
        check("<b><!DOCTYPE x></b>", "a document type within");
        // Whatever the innermost is like.
        for innermost in ["<a>", "<a/>", "<a>x</a>", "<a>&amp;</a>"] {
            check(&format!("<b>{}{innermost}", "<a>".repeat(127)), "deeper than 128 at 384");
        }
        assert_eq!(shown(&format!("<b>{}<a>x</a>{}</b>", "<a>".repeat(126), "</a>".repeat(126))).matches("a").count(), 127);
    }
}
