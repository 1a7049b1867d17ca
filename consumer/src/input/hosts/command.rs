//! What is run on a host, as its shell is told.

use crate::{config::Hosts, hosts::Host};

/// Where what is installed lies on a host, below its home directory.
pub(super) const DIRECTORY: &str = concat!(".cache/recpipe/", env!("CARGO_PKG_VERSION"));

/// What `producer --version` says of one of this release.
const VERSION: &str = concat!("producer ", env!("CARGO_PKG_VERSION"));

/// The exit of a shell that does not find a command.
const NOT_FOUND: i32 = 127;

/// The exit of a shell for a command that cannot be run, and of ours for one of another release.
const NOT_THIS: i32 = 126;

/// Why a host has no `producer` for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// There is none.
    NotThere,
    /// There is one of another release, or for another machine.
    Another,
}

impl Missing {
    /// Told by how what was run there ended, before it had sent anything.
    pub(super) fn of(status: Option<i32>) -> Option<Self> {
        match status? {
            NOT_FOUND => Some(Missing::NotThere),
            NOT_THIS => Some(Missing::Another),
            _ => None,
        }
    }

    /// What is wrong.
    pub(super) fn what(self) -> String {
        match self {
            Missing::NotThere => "has no `producer` in its PATH".to_owned(),
            Missing::Another => format!("has another `producer` than `{VERSION}`"),
        }
    }

    /// How it is mended.
    pub(super) fn advice(self, host: &Host) -> String {
        format!("copy this one to {host} as ~/{DIRECTORY}/producer, or do without --no-install")
    }
}

/// Whether a command is `producer`, so that it can be installed.
pub(super) fn is_producer(run: &str) -> bool {
    run.split_whitespace().next() == Some("producer")
}

/// What a host is told to run this command: by a shell of POSIX, whichever shell the user has there; at low priority; with a connection
/// that is announced by the names that its descriptors have over there.
pub(super) fn run(run: &str) -> String {
    let check = match is_producer(run) {
        true => format!(
            "command -v producer >/dev/null 2>&1 || exit {NOT_FOUND}; \
             [ \"$(producer --version </dev/null 2>/dev/null)\" = {} ] || exit {NOT_THIS}; ",
            quoted(VERSION)
        ),
        false => String::new(),
    };
    let announcement = recpipe::transport::exec::ANNOUNCEMENT;
    let inner = format!("sh -c {}", quoted(run));
    let script = format!(
        "PATH=\"$HOME/{DIRECTORY}:$PATH\"; export PATH; {check}\
         {announcement}=\"$(readlink /proc/$$/fd/0 2>/dev/null) $(readlink /proc/$$/fd/1 2>/dev/null)\"; export {announcement}; \
         command -v nice >/dev/null 2>&1 && exec nice {inner}; exec {inner}"
    );
    format!("exec sh -c {}", quoted(&script))
}

/// A text as one word of a shell of POSIX. A NUL, which no word can have, is left out.
pub(super) fn quoted(text: &str) -> String {
    let text = text.replace('\0', "");
    format!("'{}'", text.replace('\'', r"'\''"))
}

impl Hosts {
    /// What is started here to run this command on a host.
    pub(super) fn argv(&self, host: &Host, command: &str) -> Vec<String> {
        let port = host.port.iter().flat_map(|port| ["-p".to_owned(), port.to_string()]);
        let target = [host.destination.clone(), command.to_owned()];
        self.ssh.iter().cloned().chain(port).chain(target).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    /// What a shell makes of this.
    fn shell(script: &str) -> (String, Option<i32>) {
        let argv = ["sh", "-c", &format!("HOME=/no/home; {script}")].map(str::to_owned);
        let (child, mut socket) = recpipe::transport::exec::spawn_two_way(&argv).unwrap();
        let mut said = String::new();
        socket.read_to_string(&mut said).unwrap();
        (said, child.wait_status().unwrap())
    }

    #[test]
    fn a_command_arrives_as_it_was_typed() {
        for (typed, said) in [
            ("printf '%s|' a\\ b \"it's\" '$HOME' \"$((1+1))\" '\"'", "a b|it's|$HOME|2|\"|"),
            ("printf %s 1; printf %s 2 | cat", "12"),
            ("echo 'a\nb'", "a\nb\n"),
        ] {
            assert_eq!(shell(&run(typed)), (said.to_owned(), Some(0)), "{typed}");
        }
        assert_eq!(shell(&run("exit 9")).1, Some(9));
        assert_eq!(shell(&format!("printf %s {}", quoted("a'b\"$x`\\\n"))).0, "a'b\"$x`\\\n");
    }

    #[test]
    fn a_producer_that_is_not_there_is_told_from_one_that_fails() {
        let with_path = |run_this: &str, path: &str| shell(&format!("PATH={}; {}", quoted(path), run(run_this))).1;
        let directory = tempfile::tempdir().unwrap();
        let path = format!("{}:/usr/bin:/bin", directory.path().display());
        assert_eq!(Missing::of(with_path("producer lines x", &path)), Some(Missing::NotThere));
        let program = directory.path().join("producer");
        let make = |text: &str| {
            std::fs::write(&program, text).unwrap();
            std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        };
        make("#!/bin/sh\necho producer 0.0.1\n");
        assert_eq!(Missing::of(with_path("producer lines x", &path)), Some(Missing::Another));
        make(&format!("#!/bin/sh\n[ \"$1\" = --version ] && {{ echo {VERSION}; exit; }}\nexit 3\n"));
        assert_eq!(with_path("producer lines x", &path), Some(3));
        assert!(is_producer("  producer x") && !is_producer("sudo producer") && !is_producer(""));
    }
}
