//! The names of endpoints.

use std::{fmt, path::PathBuf, str::FromStr};

use crate::Error;

/// Where a stream comes from or goes to, as a user writes it.
///
/// # Examples
/// ```
/// use recpipe::transport::Url;
///
/// assert_eq!("-".parse::<Url>()?, Url::Stdio);
/// assert_eq!("today.rec".parse::<Url>()?, Url::File("today.rec".into()));
/// assert_eq!("tcp://127.0.0.1:7000".parse::<Url>()?, Url::Tcp { host: "127.0.0.1".into(), port: 7000, tls: false });
/// assert_eq!("exec:consumer 'count | json'".parse::<Url>()?, Url::Exec(vec!["consumer".into(), "count | json".into()]));
/// assert!("tcp://nowhere".parse::<Url>().is_err());
/// # Ok::<(), recpipe::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Url {
    /// `-`: standard input or output.
    Stdio,
    /// Anything without a scheme: a file of records.
    File(PathBuf),
    /// `exec:COMMAND`: a child process, its words split as a shell splits them; no shell runs.
    Exec(Vec<String>),
    /// `unix:PATH`: a socket of this host.
    Unix(PathBuf),
    /// `tcp://HOST:PORT` and `tls://HOST:PORT`.
    Tcp {
        /// A name or an address.
        host: String,
        /// The port.
        port: u16,
        /// Whether it is encrypted.
        tls: bool,
    },
}

impl FromStr for Url {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = |what: &str| Error::Unsupported(format!("`{text}`: {what}"));
        if text == "-" {
            return Ok(Url::Stdio);
        }
        if let Some(command) = text.strip_prefix("exec:") {
            let words = shlex::split(command).ok_or_else(|| wrong("a quote in the command is not closed"))?;
            return if words.is_empty() { Err(wrong("a command is missing after `exec:`")) } else { Ok(Url::Exec(words)) };
        }
        if let Some(path) = text.strip_prefix("unix:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return if path.is_empty() { Err(wrong("a path is missing after `unix:`")) } else { Ok(Url::Unix(path.into())) };
        }
        for (scheme, tls) in [("tcp://", false), ("tls://", true)] {
            if let Some(address) = text.strip_prefix(scheme) {
                let (host, port) = address.rsplit_once(':').ok_or_else(|| wrong("it is written HOST:PORT, as in 127.0.0.1:7000"))?;
                let port = port.parse().map_err(|_| wrong("the port is a number up to 65535"))?;
                let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
                // Nobody named is this host: what is open to others has to be said.
                let host = if host.is_empty() { "127.0.0.1" } else { host }.to_owned();
                return Ok(Url::Tcp { host, port, tls });
            }
        }
        // A file is rarely called so, and `./a://b` still is one.
        let is_scheme =
            |scheme: &str| !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
        if let Some((scheme, _)) = text.split_once("://").filter(|(scheme, _)| is_scheme(scheme)) {
            let what = format!("this release has no `{scheme}://` transport: there are `tcp://`, `tls://`, `unix:`, `exec:` and files");
            return Err(wrong(&what));
        }
        Ok(Url::File(text.into()))
    }
}

impl fmt::Display for Url {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Url::Stdio => out.write_str("-"),
            Url::File(path) => path.display().fmt(out),
            Url::Exec(words) => write!(out, "exec:{}", words.join(" ")),
            Url::Unix(path) => write!(out, "unix:{}", path.display()),
            Url::Tcp { host, port, tls } => {
                let scheme = if *tls { "tls" } else { "tcp" };
                if host.contains(':') { write!(out, "{scheme}://[{host}]:{port}") } else { write!(out, "{scheme}://{host}:{port}") }
            }
        }
    }
}
