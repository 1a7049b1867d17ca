//! Fields that every record has where a query names them, though they are not among those of the stream.

use recpipe::{Field, Type, record::PlaceField};

/// How the field is called that says who sent a record.
pub(crate) const SENDER: &str = "sender";

/// Such a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Given {
    /// Where the record stands in its input.
    Place(PlaceField),
    /// `sender`: who sent it, where there may be several.
    Sender,
}

impl Given {
    /// The field of this name; `has_senders` where the records have senders that have names.
    pub(crate) fn named(name: &str, has_senders: bool) -> Option<Self> {
        let sender = (has_senders && name == SENDER).then_some(Given::Sender);
        PlaceField::named(name).map(Given::Place).or(sender)
    }

    /// How it is called.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Given::Place(place) => place.name(),
            Given::Sender => SENDER,
        }
    }

    /// The field, closed.
    pub(crate) fn field(self) -> Field {
        match self {
            Given::Place(place) => place.field(),
            Given::Sender => Field::new(SENDER, Type::Text),
        }
    }
}
