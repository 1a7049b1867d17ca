//! The names of endpoints.

use std::{fmt, path::Path, str::FromStr, sync::Arc};

use super::scheme::{Endpoint, Medium, SCHEMES, Scheme, file, stdio::Standard};
use crate::Error;

/// Where a stream comes from or goes to, as a user writes it. `SCHEMES` says what there is.
///
/// It is asked, not taken apart: what a scheme can do is in its row, and its file knows how.
///
/// # Examples
/// ```
/// use recpipe::transport::{Url, scheme::Medium};
///
/// let url: Url = "tcp://127.0.0.1:7000".parse()?;
/// assert_eq!((url.scheme().medium, url.scheme().resumes), (Medium::Socket, true));
/// assert_eq!("today.rec".parse::<Url>()?.path(), Some("today.rec".as_ref()));
/// let child: Url = "exec:consumer 'count | json'".parse()?;
/// assert_eq!(child.command(), Some(&["consumer".to_owned(), "count | json".to_owned()][..]));
/// assert_eq!("-".parse::<Url>()?, Url::stdio());
/// assert!("tcp://nowhere".parse::<Url>().is_err());
/// # Ok::<(), recpipe::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Url(Arc<dyn Endpoint>);

impl Url {
    /// `-`: standard input or output.
    pub fn stdio() -> Self {
        Url(Arc::new(Standard))
    }

    /// Its scheme, and with it what can be done there.
    pub fn scheme(&self) -> &'static Scheme {
        self.0.scheme()
    }

    /// Whether it is standard input or output.
    pub fn is_stdio(&self) -> bool {
        self.scheme().medium == Medium::Stdio
    }

    /// Whether a program is at the other end that may answer: a child, or whoever is at a socket.
    pub fn is_peer(&self) -> bool {
        matches!(self.scheme().medium, Medium::Child | Medium::Socket)
    }

    /// The path, where it is a file.
    pub fn path(&self) -> Option<&Path> {
        self.0.path()
    }

    /// The command and its arguments, where it is a child process: for [`spawn`](super::exec::spawn).
    pub fn command(&self) -> Option<&[String]> {
        self.0.command()
    }

    /// What makes and accepts connections there.
    pub(super) fn endpoint(&self) -> &dyn Endpoint {
        &*self.0
    }
}

impl PartialEq for Url {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.scheme(), other.scheme()) && self.to_string() == other.to_string()
    }
}

impl Eq for Url {}

impl FromStr for Url {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = |what: &str| Error::Unsupported(format!("`{text}`: {what}"));
        match SCHEMES.iter().find_map(|scheme| (scheme.parse)(text)) {
            Some(parsed) => parsed.map(Url).map_err(|what| wrong(&what)),
            None => {
                let name = file::unknown_scheme(text).unwrap_or_default();
                let peers = SCHEMES.iter().filter(|scheme| matches!(scheme.medium, Medium::Child | Medium::Socket));
                let known: Vec<_> = peers.map(|scheme| format!("`{}`", scheme.prefix)).collect();
                Err(wrong(&format!("this release has no `{name}://` transport: there are {} and files", known.join(", "))))
            }
        }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

#[cfg(test)]
mod tests {
    use super::Url;

    #[test]
    fn what_is_wrong_is_said() {
        for (text, what) in [
            ("exec:", "a command is missing after `exec:`"),
            ("exec:a 'b", "a quote in the command is not closed"),
            ("unix:", "a path is missing after `unix:`"),
            ("tcp://nowhere", "it is written HOST:PORT, as in 127.0.0.1:7000"),
            ("tls://a:70000", "the port is a number up to 65535"),
            ("http://a", "this release has no `http://` transport: there are `tcp://`, `tls://`, `unix:`, `exec:` and files"),
        ] {
            assert_eq!(text.parse::<Url>().unwrap_err().to_string(), format!("unsupported stream: `{text}`: {what}"));
        }
    }

    #[test]
    fn a_url_is_shown_as_it_is_meant() {
        for (text, shown) in [
            ("tcp://:7000", "tcp://127.0.0.1:7000"),
            ("tls://[::1]:7000", "tls://[::1]:7000"),
            ("unix:///run/a", "unix:/run/a"),
            ("./a://b", "./a://b"),
            ("-x", "-x"),
        ] {
            let url: Url = text.parse().unwrap();
            assert_eq!(url.to_string(), shown);
            assert_eq!(url, shown.parse().unwrap());
        }
        assert_ne!("a".parse::<Url>().unwrap(), "b".parse().unwrap());
    }
}
