//! A record in which an element stands several times: as a tree, and what fields it makes.
//!
//! ```text
//! <p><n>x</n><adr><street>A</street></adr><adr><street>B</street><zip>9</zip></adr></p>
//!
//! n    x
//! adr  [{"street":"A"},{"street":"B","zip":"9"}]
//! ```
//!
//! What stands once is a field as in any other record. What stands several times in one element is one field, a list in the order
//! of the document: of texts, or of objects where elements have children or attributes (`@id`; their own text is `#text`). So
//! what belongs to one element stays together, and nothing is left out. Two paths of one name (`<a.b>` and `<a><b>`) are a list
//! as well.

use std::collections::HashMap;

use super::columns::{Columns, ROOT};
use crate::format::Wanted;

/// No node: the root is nobody's child.
const NONE: u32 = 0;

/// An element or attribute.
#[derive(Debug)]
struct Node {
    path: u32,
    first_child: u32,
    last_child: u32,
    next: u32,
    text: Option<(usize, usize)>,
}

/// One record.
#[derive(Debug, Default)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    text: Vec<u8>,
}

/// What goes into a column: where it lies, and whether it is JSON already.
type Value = (std::ops::Range<usize>, bool);

impl Tree {
    /// An empty record.
    pub(super) fn begin(&mut self) {
        self.nodes.clear();
        self.text.clear();
        self.nodes.push(Node { path: ROOT, first_child: NONE, last_child: NONE, next: NONE, text: None });
    }

    /// A child of this node; its number. The root's is 0.
    pub(super) fn add(&mut self, parent: u32, path: u32) -> u32 {
        let new = self.nodes.len() as u32;
        self.nodes.push(Node { path, first_child: NONE, last_child: NONE, next: NONE, text: None });
        let parent = &mut self.nodes[parent as usize];
        match std::mem::replace(&mut parent.last_child, new) {
            NONE => parent.first_child = new,
            last => self.nodes[last as usize].next = new,
        }
        new
    }

    /// The node's own text.
    pub(super) fn set_text(&mut self, node: u32, text: &[u8]) {
        let start = self.text.len();
        self.text.extend_from_slice(text);
        self.nodes[node as usize].text = Some((start, self.text.len()));
    }

    fn children(&self, node: u32) -> impl Iterator<Item = u32> {
        let first = Some(self.nodes[node as usize].first_child).filter(|&child| child != NONE);
        std::iter::successors(first, |&child| Some(self.nodes[child as usize].next).filter(|&next| next != NONE))
    }

    /// The children of a node, those of one path together, in the order in which the paths come.
    fn groups(&self, node: u32) -> Vec<Vec<u32>> {
        let (mut groups, mut places) = (Vec::<Vec<u32>>::new(), HashMap::new());
        for child in self.children(node) {
            let place = *places.entry(self.nodes[child as usize].path).or_insert(groups.len());
            match groups.get_mut(place) {
                Some(group) => group.push(child),
                None => groups.push(vec![child]),
            }
        }
        groups
    }

    /// Puts the fields of the record into the columns.
    ///
    /// # Errors
    /// There are too many.
    pub(super) fn fields(&self, columns: &mut Columns, wanted: &Wanted) -> Result<(), String> {
        let mut made = Made { columns, wanted, out: Vec::new(), values: Vec::new(), places: HashMap::new() };
        made.flatten(self, 0)?;
        let Made { out, values, .. } = made;
        for (column, values) in &values {
            match &values[..] {
                [(text, _)] => columns.push(*column, &out[text.clone()]),
                several => {
                    let mut list = vec![b'['];
                    for (nth, (text, is_json)) in several.iter().enumerate() {
                        list.extend_from_slice(if nth > 0 { b"," } else { b"" });
                        if *is_json { list.extend_from_slice(&out[text.clone()]) } else { quote(&out[text.clone()], &mut list) }
                    }
                    list.push(b']');
                    columns.push(*column, &list)
                }
            };
        }
        Ok(())
    }

    /// A node as JSON.
    fn write(&self, node: u32, columns: &Columns, out: &mut Vec<u8>) {
        let groups = self.groups(node);
        let text = self.nodes[node as usize].text.map_or(&[][..], |(start, end)| &self.text[start..end]);
        if groups.is_empty() {
            return quote(text, out);
        }
        out.push(b'{');
        for group in &groups {
            let (is_attribute, tag) = columns.tag(self.nodes[group[0] as usize].path);
            quote(&[if is_attribute { &b"@"[..] } else { b"" }, tag].concat(), out);
            out.push(b':');
            self.write_group(group, columns, out);
            out.push(b',');
        }
        match text {
            [] => drop(out.pop()),
            text => {
                out.extend_from_slice(b"\"#text\":");
                quote(text, out);
            }
        }
        out.push(b'}');
    }

    /// One node, or a list of several.
    fn write_group(&self, group: &[u32], columns: &Columns, out: &mut Vec<u8>) {
        if let [one] = group {
            return self.write(*one, columns, out);
        }
        out.push(b'[');
        for (nth, node) in group.iter().enumerate() {
            out.extend_from_slice(if nth > 0 { b"," } else { b"" });
            self.write(*node, columns, out);
        }
        out.push(b']');
    }
}

/// The fields, while they are made.
struct Made<'a> {
    columns: &'a mut Columns,
    wanted: &'a Wanted,
    out: Vec<u8>,
    /// By column, in the order of the document.
    values: Vec<(u32, Vec<Value>)>,
    places: HashMap<u32, usize>,
}

impl Made<'_> {
    /// The fields of what stands once.
    fn flatten(&mut self, tree: &Tree, node: u32) -> Result<(), String> {
        for group in tree.groups(node) {
            match group[..] {
                [one] => self.flatten(tree, one)?,
                _ => {
                    let start = self.out.len();
                    tree.write_group(&group, self.columns, &mut self.out);
                    self.put(tree.nodes[group[0] as usize].path, start, true)?;
                }
            }
        }
        let Node { path, text, .. } = tree.nodes[node as usize];
        if let Some((from, to)) = text {
            let start = self.out.len();
            self.out.extend_from_slice(&tree.text[from..to]);
            self.put(path, start, false)?;
        }
        Ok(())
    }

    fn put(&mut self, path: u32, start: usize, is_json: bool) -> Result<(), String> {
        let column = self.columns.column(path, self.wanted)?;
        let place = *self.places.entry(column).or_insert(self.values.len());
        if place == self.values.len() {
            self.values.push((column, Vec::new()));
        }
        self.values[place].1.push((start..self.out.len(), is_json));
        Ok(())
    }
}

/// A text as JSON; bytes that are not UTF-8 pass.
fn quote(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for &byte in text {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0..0x20 => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            byte => out.push(byte),
        }
    }
    out.push(b'"');
}
