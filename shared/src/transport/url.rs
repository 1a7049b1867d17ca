//! The names of endpoints.

use std::{path::PathBuf, str::FromStr};

use crate::Error;

/// Where a stream comes from or goes to, as a user writes it.
///
/// # Examples
/// ```
/// use recpipe::transport::Url;
///
/// assert_eq!("-".parse::<Url>()?, Url::Stdio);
/// assert_eq!("today.rec".parse::<Url>()?, Url::File("today.rec".into()));
/// # Ok::<(), recpipe::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Url {
    /// `-`: standard input or output.
    Stdio,
    /// Anything without a scheme: a file of records.
    File(PathBuf),
}

/// Schemes that are not there yet: named, so that they are not taken for files.
const RESERVED: [&str; 5] = ["exec:", "unix:", "tcp://", "tls://", "nats://"];

impl FromStr for Url {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if let Some(scheme) = RESERVED.iter().find(|scheme| text.starts_with(**scheme)) {
            return Err(Error::Unsupported(format!("`{text}`: this release has no `{scheme}` transport; use a pipe (`-`) or a file")));
        }
        Ok(if text == "-" { Url::Stdio } else { Url::File(text.into()) })
    }
}
