//! The command line, checked, as plain data: what the program, its input and its children take.

use std::{fs::File, os::fd::AsFd, path::PathBuf};

use clap::ValueEnum;
use recpipe::{
    times::Zone,
    transport::{Url, dial::Patience, scheme::Medium, security},
};

use crate::{hosts::Host, memory::Memory, writer::Color};

/// All that was asked of the program.
#[derive(Clone, Debug)]
pub struct Config {
    /// The query.
    pub text: Text,
    /// The file that the answer is written into.
    pub output: Option<String>,
    /// What is done with it.
    pub(crate) purpose: Purpose,
    /// Where the records come from.
    pub input: Input,
    /// Worker threads, of each process where there are others; `None`: as many as there are processors for.
    pub threads: Option<u16>,
    /// Worker processes instead of threads.
    pub processes: Option<u16>,
    /// Whether results are taken as they come, in whatever order.
    pub unordered: bool,
    /// How much the stages may hold, and where the rest goes.
    pub memory: Memory,
    /// The place whose clock shows times.
    pub zone: Option<Zone>,
    /// When there are colours.
    pub color: Color,
    /// Whether a value that had to be left out is an error.
    pub strict: bool,
    /// Whether it is told at the end how many records there were.
    pub stats: bool,
    /// Whether nothing is said but errors.
    pub quiet: bool,
}

/// Where the text of the query is.
#[derive(Clone, Debug)]
pub enum Text {
    /// It is these arguments.
    Arguments(Vec<String>),
    /// It is in this file.
    File(PathBuf),
}

/// What is done with a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// It is answered.
    Answer,
    /// It is checked against the stream's fields, and that is all.
    Check,
    /// Its plan is shown.
    Explain,
}

/// Where the records come from, and in what form.
#[derive(Clone, Debug)]
pub struct Input {
    /// What comes in.
    pub encoding: Encoding,
    /// From where.
    pub from: Origins,
    /// The files that say who may talk to us.
    pub security: security::Options,
    /// How long others are called, and waited for.
    pub patience: Patience,
    /// The threads of a `producer` that is started to read it.
    pub threads: Option<u16>,
    /// Whether nothing is said of outages.
    pub quiet: bool,
}

impl Input {
    /// Whether `sender` says who sent a record: not where all come from standard input or one file.
    pub fn has_senders(&self) -> bool {
        match &self.from {
            Origins::Urls(urls) => !matches!(&urls[..], [one] if matches!(one.scheme().medium, Medium::Stdio | Medium::File)),
            Origins::Listen { .. } | Origins::Hosts(_) => true,
        }
    }

    /// Whether nothing tells the end of the input from the death of who writes it: of pickles, in a pipe or through a socket. A file is
    /// what it is, and a child tells by its exit.
    pub(crate) fn has_no_end(&self) -> bool {
        let is_open = |url: &Url| match url.scheme().medium {
            Medium::Stdio => !std::io::stdin()
                .as_fd()
                .try_clone_to_owned()
                .map(File::from)
                .and_then(|file| file.metadata())
                .is_ok_and(|meta| meta.is_file()),
            Medium::Socket => true,
            Medium::File | Medium::Child => false,
        };
        self.encoding == Encoding::Pickle
            && match &self.from {
                Origins::Urls(urls) => urls.iter().any(is_open),
                Origins::Listen { .. } | Origins::Hosts(_) => true,
            }
    }
}

/// The ends at which the records begin.
#[derive(Clone, Debug)]
pub enum Origins {
    /// These are opened, or called.
    Urls(Vec<Url>),
    /// Programs on these hosts are started, and write them.
    Hosts(Hosts),
    /// They call us.
    Listen {
        /// Where they are waited for.
        url: Url,
        /// How many; 0: whoever comes, without an end.
        senders: u16,
        /// How many may be there at once, where any number comes; `None`: as many as there are descriptors for.
        most: Option<u32>,
    },
}

/// Other hosts, and what is run there.
#[derive(Clone, Debug)]
pub struct Hosts {
    /// Which.
    pub names: Vec<Host>,
    /// The command, which a shell over there takes apart.
    pub run: String,
    /// The words of what calls a host, before its name.
    pub ssh: Vec<String>,
    /// Whether a `producer` is copied to a host that has none.
    pub(crate) may_install: bool,
    /// How many have to answer: of fewer the answer is incomplete. `None`: all.
    pub at_least: Option<usize>,
}

/// What comes in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Encoding {
    /// Records of a `producer`
    #[default]
    Records,
    /// Pickled dicts of a Python program; nothing is ever executed
    Pickle,
    /// JSON, an object a line
    Json,
    /// Comma-separated values, names on the first line
    Csv,
}

impl Encoding {
    /// What a `producer` calls it; `None` where none is needed.
    pub fn format(self) -> Option<&'static str> {
        match self {
            Encoding::Records => None,
            Encoding::Pickle => Some("pickle"),
            Encoding::Json => Some("json"),
            Encoding::Csv => Some("csv"),
        }
    }
}
