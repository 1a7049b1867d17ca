//! Objects: what a class is with its arguments, and what is made of an object's attributes. Nothing is called.
//!
//! Those of classes that are known are values. Of any other, what `object.__new__` would have made counts as what it was given: its
//! attributes are a dict, and arguments without attributes a tuple, as of a `namedtuple`, whose names are in the class and not in the
//! pickle. What any other function would make is not known: it stays the name of that function.

use super::super::text::Whole;
use super::known::{self, Known};
use super::{Item, MAX_CLASS_BYTES, MAX_CLASSES_BYTES, Machine};

/// An object that is no value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Object {
    /// Where the name of its class lies in the machine's own buffer.
    class: (u32, u32),
    /// Whether it is made without a function of its own.
    is_new: bool,
    args: Item,
    state: Item,
}

impl Machine {
    /// The name of a class.
    pub(in super::super) fn class(&self, item: Item) -> Option<&[u8]> {
        let (start, len) = match item {
            Item::Class(start, len) => (start, len),
            Item::Object(object) => self.objects.get(object as usize)?.class,
            _ => return None,
        };
        self.own.get(start as usize..)?.get(..len as usize)
    }

    /// What an object is worth: its attributes or its arguments, where these are all that it is made of.
    pub(in super::super) fn value(&self, item: Item) -> Item {
        let Item::Object(number) = item else { return item };
        match self.objects.get(number as usize) {
            Some(Object { is_new: true, state: Item::Dict(dict), .. }) => Item::Dict(*dict),
            Some(Object { is_new: true, state: state @ Item::Tuple(_, 2), .. }) => match self.parts(*state).as_deref() {
                // The attributes that `__slots__` name, and no others.
                Some([Item::None, Item::Dict(slots)]) => Item::Dict(*slots),
                _ => item,
            },
            Some(Object { is_new: true, state: Item::None, args: args @ Item::Tuple(_, 1..), .. }) => *args,
            _ => item,
        }
    }

    /// What is no value, and why it is none, for people.
    pub(in super::super) fn what(&self, item: Item) -> String {
        match item {
            Item::Class(..) | Item::Object(_) => {
                let class = String::from_utf8_lossy(self.class(item).unwrap_or_default()).escape_debug().to_string();
                format!("a {class}, which is not read: nothing in a pickle is executed")
            }
            Item::Zone(_) => "a zone of times".to_owned(),
            Item::Dtype(..) => "a numpy.dtype".to_owned(),
            Item::Other(what) => format!("a {what}"),
            _ => "no value".to_owned(),
        }
    }

    /// The class that two lines name.
    pub(super) fn class_of(&mut self, lines: &[u8]) -> Result<Item, String> {
        if self.own.len() > MAX_CLASSES_BYTES {
            return Err(format!("more than {MAX_CLASSES_BYTES} bytes of names of classes"));
        }
        let start = self.own.len();
        let name = lines.iter().take(2 * MAX_CLASS_BYTES).map(|&byte| if byte == b'\n' { b'.' } else { byte });
        self.own.extend(name);
        Ok(Item::Class(start as u32, (self.own.len() - start) as u32))
    }

    /// Pushes what a class is with these arguments; `is_new` where it is made as `object.__new__` makes it.
    pub(super) fn make(&mut self, bytes: &[u8], class: Item, args: Item, is_new: bool) {
        let given = self.parts(args).unwrap_or_default();
        let known = self.class(class).and_then(|class| known::made(class, &given, |item| self.text(bytes, item)));
        match known {
            Some(Known::Item(item)) => self.stack.push(item),
            Some(Known::Unsigned(number)) => self.whole(Whole::Int(number.into())),
            Some(Known::Text(text)) => self.push_own(&text),
            Some(Known::Time(text)) => match self.times.read(text.as_bytes()) {
                Ok(read) => self.stack.push(Item::Time(read.time.nanos, read.time.offset_s)),
                // A year that a time cannot have.
                Err(_) => self.push_own(text.as_bytes()),
            },
            Some(Known::Dict) => {
                self.stack.push(Item::Dict(self.dicts));
                self.dicts += 1;
            }
            Some(Known::List) => self.push_list(),
            Some(Known::New) => {
                let class = given.first().copied().unwrap_or(Item::None);
                self.push_object(class, Item::None, true);
            }
            None => self.push_object(class, args, is_new),
        }
    }

    fn push_object(&mut self, class: Item, args: Item, is_new: bool) {
        let class = match class {
            Item::Class(start, len) => (start, len),
            Item::Object(object) => match self.objects.get(object as usize) {
                Some(object) => object.class,
                None => return self.stack.push(Item::Other("object")),
            },
            _ => return self.stack.push(Item::Other("object")),
        };
        self.stack.push(Item::Object(self.objects.len() as u32));
        self.objects.push(Object { class, is_new, args, state: Item::None });
    }

    /// Gives the object on the top its attributes.
    ///
    /// # Errors
    /// There is nothing.
    pub(super) fn build(&mut self, bytes: &[u8], state: Item) -> Result<(), String> {
        let top = self.top()?;
        match (top, state) {
            (Item::Dtype(kind, size, _), Item::Tuple(..)) => {
                let order = self.parts(state).and_then(|parts| self.text(bytes, *parts.get(1)?)).unwrap_or_default();
                let order = Item::Dtype(kind, size, order == b">");
                self.pop()?;
                self.stack.push(order);
            }
            (Item::Object(_), Item::Dict(dict)) if self.class(top) == Some(b"uuid.UUID") => {
                if let Some(text) = self.uuid(bytes, dict) {
                    self.pop()?;
                    self.push_own(text.as_bytes());
                }
            }
            (Item::Object(object), _) => {
                if let Some(object) = self.objects.get_mut(object as usize) {
                    object.state = state;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The text of a UUID, from what is in its dict.
    fn uuid(&self, bytes: &[u8], dict: u32) -> Option<String> {
        // The pairs are not in the order of the dicts yet.
        let of_dict = self.pairs.iter().filter(|(number, ..)| *number == dict);
        let (.., value) = of_dict.rev().find(|(_, key, _)| self.text(bytes, *key) == Some(b"int"))?;
        let number = match *value {
            Item::Int(value) => u128::try_from(value).ok()?,
            Item::Wide(number) => u128::try_from(self.wide(number)).ok()?,
            Item::Digits(start, len) => std::str::from_utf8(self.digits(start, len)).ok()?.parse().ok()?,
            _ => return None,
        };
        Some(known::uuid(number))
    }
}
