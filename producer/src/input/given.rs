//! Inputs that are no files: a program that has the bytes, or makes them, gives them itself.

use std::fmt;
use std::io;
use std::sync::Arc;

use super::block::Feed;

/// Begins to give the bytes, from the first.
type Begin = dyn Fn() -> io::Result<Box<dyn Feed + Send>> + Send + Sync;

/// What a program gives in place of a file, or of a pipe.
///
/// ```
/// use std::io::{self, Cursor, Read};
///
/// use recpipe_producer::input::{block::Feed, find::Input, given::Given};
///
/// struct Bytes(Cursor<Vec<u8>>);
///
/// impl Feed for Bytes {
///     fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
///         self.0.read(buf)
///     }
/// }
///
/// let given = Given::again_and_again("made", || Ok(Box::new(Bytes(Cursor::new(b"a line\n".to_vec())))));
/// assert_eq!(Input::Given(given).to_string(), "made");
/// ```
#[derive(Clone)]
pub struct Given {
    name: Arc<str>,
    begin: Arc<Begin>,
    is_live: bool,
}

impl Given {
    /// As a file: it can be begun more than once, and gives the same each time. It is looked at before its turn comes.
    pub fn again_and_again(name: &str, begin: impl Fn() -> io::Result<Box<dyn Feed + Send>> + Send + Sync + 'static) -> Self {
        Given { name: name.into(), begin: Arc::new(begin), is_live: false }
    }

    /// As a pipe: it is begun once, when its turn comes.
    pub fn once(name: &str, begin: impl Fn() -> io::Result<Box<dyn Feed + Send>> + Send + Sync + 'static) -> Self {
        Given { is_live: true, ..Given::again_and_again(name, begin) }
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it can be begun once only.
    pub(super) fn is_live(&self) -> bool {
        self.is_live
    }

    pub(super) fn begin(&self) -> io::Result<Box<dyn Feed + Send>> {
        (self.begin)()
    }
}

impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Given({})", self.name)
    }
}

impl PartialEq for Given {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.begin, &other.begin)
    }
}

impl Eq for Given {}
