//! Which hosts: a list with commas, or a file with a host a line.

use std::{fmt, path::Path};

/// A host, as it was named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// As it was written: what `sender` says of its records.
    pub name: String,
    /// What `ssh` is told: the host, and the user if one was named.
    pub destination: String,
    /// The port, where one was named.
    pub port: Option<u16>,
}

impl fmt::Display for Host {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.name)
    }
}

impl Host {
    /// Reads `HOST`, `USER@HOST`, `HOST:PORT`, `[ADDRESS]:PORT`.
    fn new(name: &str) -> Result<Self, String> {
        let wrong = |what: &str| Err(format!("`{name}` {what}"));
        if name.starts_with('-') {
            return wrong("would be an option of ssh, and no host");
        }
        if name.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return wrong("is more than one word");
        }
        let (user, host) = name.rsplit_once('@').map_or(("", name), |(user, host)| (user, host));
        let (host, port) = match (host.strip_prefix('['), host.rsplit_once(':')) {
            (Some(rest), _) => match rest.split_once(']') {
                Some((host, "")) => (host, None),
                Some((host, rest)) if rest.starts_with(':') => (host, Some(&rest[1..])),
                _ => return wrong("has a bracket that is not closed"),
            },
            // An address has several colons, and none of them is before a port.
            (None, Some((host, port))) if !host.contains(':') => (host, Some(port)),
            (None, _) => (host, None),
        };
        let port = match port.map(str::parse::<u16>) {
            None => None,
            Some(Ok(port)) if port > 0 => Some(port),
            Some(_) => return wrong("has no port from 1 to 65535 behind its colon"),
        };
        if host.is_empty() || host.starts_with('-') {
            return wrong("names no host");
        }
        let destination = if user.is_empty() { host.to_owned() } else { format!("{user}@{host}") };
        Ok(Host { name: name.to_owned(), destination, port })
    }
}

/// Reads `--hosts`: hosts with commas between them; or the file that is called so, with a host a line and `#` before comments.
///
/// # Errors
/// What is wrong with it.
pub fn hosts(typed: &str) -> Result<Vec<Host>, String> {
    let path = Path::new(typed);
    let of_file = path.is_file();
    let text = if of_file { std::fs::read_to_string(path).map_err(|error| error.to_string())? } else { typed.replace(',', "\n") };
    let mut hosts: Vec<Host> = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let name = if of_file { line.split('#').next().unwrap_or_default() } else { line }.trim();
        if name.is_empty() {
            continue;
        }
        let place = |what: String| if of_file { format!("line {}: {what}", at + 1) } else { what };
        let host = Host::new(name).map_err(place)?;
        if hosts.iter().any(|other| other.name == host.name) {
            return Err(place(format!("`{name}` stands twice")));
        }
        hosts.push(host);
    }
    if hosts.is_empty() {
        return Err("no host is named".to_owned());
    }
    Ok(hosts)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_host_is_named_as_ssh_takes_it() {
        let check = |name: &str, destination: &str, port: Option<u16>| {
            let host = Host::new(name).unwrap();
            assert_eq!((host.destination.as_str(), host.port, host.name.as_str()), (destination, port, name));
        };
        check("web1", "web1", None);
        check("me@web1", "me@web1", None);
        check("me@web1:2222", "me@web1", Some(2222));
        check("fe80::1", "fe80::1", None);
        check("me@[::1]:22", "me@::1", Some(22));
        check("[::1]", "::1", None);
        for bad in ["-oProxyCommand=x", "me@-x", "a b", "web1:", "web1:x", "web1:0", "web1:99999", "[::1", "me@", ":22", "a\tb"] {
            assert!(Host::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_list_or_a_file() {
        let names = |typed: &str| hosts(typed).map(|hosts| hosts.iter().map(Host::to_string).collect::<Vec<_>>().join(" "));
        assert_eq!(names("a, b,me@c:22").as_deref(), Ok("a b me@c:22"));
        assert!(names("a,b,a").unwrap_err().contains("`a` stands twice"));
        assert!(names(",").unwrap_err().contains("no host"));
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"# all\nweb1\n\n  web2  # the second\nme@web3:22\n").unwrap();
        let path = file.path().to_str().unwrap().to_owned();
        assert_eq!(names(&path).as_deref(), Ok("web1 web2 me@web3:22"));
        file.write_all(b"-x\n").unwrap();
        assert!(names(&path).unwrap_err().starts_with("line 6: `-x` would be an option"));
    }
}
