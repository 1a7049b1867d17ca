//! What an output has to answer, whichever it is.

use std::{any::Any, fmt::Debug, path::Path, sync::Arc};

use recpipe::{Error, Schema};

use super::{About, Read, Target};
use crate::{
    span::Span,
    writer::{Canvas, Desk, Discard, Format, Notes},
};

/// How the answer is written, and the word for it.
#[derive(Clone, Debug)]
pub struct Output {
    /// What is said of it.
    pub about: &'static About,
    /// What writes it.
    pub sink: Arc<dyn Sink>,
}

/// A checked output.
#[derive(Clone, Debug)]
pub struct PlanOutput {
    /// Which.
    pub output: Output,
    /// Where it stands in the query.
    pub span: Span,
    /// Its text in the query, on one line.
    pub text: String,
}

/// Where an output writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place<'s> {
    /// Nowhere.
    Nowhere,
    /// On standard output, where others may write, too.
    Shared,
    /// On standard output, which it needs for itself; what to say where that is a terminal.
    Alone(&'static str),
    /// Into this file.
    File(&'s Path),
    /// In files that it opens itself, which are called like this: another output that says the same is in its way.
    Own(&'s str),
    /// At the end of this file.
    Appended(&'s Path),
    /// To another program, by a link of its own.
    Link,
}

/// An output that fits the records that come to it. There is one for the whole run; what runs is made by [`Sink::open`].
pub trait Sink: Any + Debug + Send + Sync {
    /// Where it writes.
    fn place(&self) -> Place<'_> {
        Place::Shared
    }

    /// What of `schema` it writes. One whose header has no place for fields that come later says that of them.
    fn reads(&self, schema: &Schema) -> Read {
        Read::all_of(schema)
    }

    /// How it turns records of this schema into bytes, where that needs no other records: then workers can do it. `notes` are taken
    /// of the values that cannot be written as they are.
    fn format(&self, schema: &Arc<Schema>, notes: &Notes) -> Option<Box<dyn Format>> {
        let _ = (schema, notes);
        None
    }

    /// Whether it is a picture: it has to see records before it can write the first, and is drawn meanwhile.
    fn is_picture(&self) -> bool {
        false
    }

    /// Whether somebody looks at the picture elsewhere than on the screen, so that it is drawn while records come, also where there is none.
    fn is_watched(&self) -> bool {
        false
    }

    /// The picture of records of this schema, drawn when it is closed, until what is drawn or written next takes its place. So many
    /// records more do not come.
    fn draft(&self, schema: &Arc<Schema>, canvas: &Canvas, more: u64) -> Option<Target> {
        let _ = (schema, canvas, more);
        None
    }

    /// Opens it: the last stage of a chain, for records of this schema. Without a format it discards what comes.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be written.
    fn open(&self, schema: &Arc<Schema>, desk: &Desk<'_>) -> Result<Target, Error> {
        match self.format(schema, desk.notes) {
            Some(format) => desk.write(format),
            None => Ok(Box::new(Discard)),
        }
    }
}
