//! Logs: records that are taken apart by a template, or in a way of their own, and that may have several lines.
//!
//! ```text
//! Member       one way in which records are written: a template, or a file here (syslog.rs, w3c.rs, …)
//! LogFormat    the members that are tried for each record, in their order        log.rs
//!   boundary   a record ends where the next begins: a block is cut there         boundary.rs
//!   parser     takes the records of a block apart                                parser.rs
//!   usual      reads lines of templates many at a time, those that are usual     usual.rs
//! ```
//!
//! # Multi-line records
//!
//! Where a member takes line breaks, a line that begins no record belongs to the record before it. So a record ends where the next one
//! begins, and a block of a file is cut there: the records are the same for any size of blocks. A line that begins right and then fits nothing
//! is a reject, with the lines that follow it. `--single` turns that off.

mod apache_error;
mod boundary;
mod clock;
mod columns;
mod cri;
mod cursor;
mod elb;
mod logfmt;
mod ltsv;
mod member;
mod mysql_slow;
mod named;
mod nginx_error;
mod object;
mod own;
mod parser;
mod postgres;
mod s3;
mod syslog;
mod template;
mod usual;
mod w3c;

use std::sync::Arc;

use recpipe::record::{Growing, Schema};

use self::boundary::Records;
use self::clock::RecordClock;
use self::member::Members;
use self::parser::RecordParser;
use super::growing::Learned;
use super::names::{Names, no_fields};
use super::untyped::has_leading_zero;
use super::{Args, Format, Parser, Plan, Unit, Wanted};
use crate::input::block::Block;
use crate::input::boundary::{Boundary, Lines};
use crate::input::clock::Clock;

pub(super) use apache_error::SPEC as APACHE_ERROR;
pub(super) use cri::SPEC as CRI;
pub(super) use elb::SPEC as ELB;
pub(super) use logfmt::SPEC as LOGFMT;
pub(super) use ltsv::SPEC as LTSV;
pub(super) use mysql_slow::SPEC as MYSQL_SLOW;
pub(super) use named::{HAPROXY, KLOG, LOG4J, NGINX, PYTHON, REDIS};
pub(super) use nginx_error::SPEC as NGINX_ERROR;
pub(super) use object::{CADDY, DOCKER, TRAEFIK};
pub use own::{OwnFormat, formats_of};
pub(super) use postgres::SPEC as POSTGRES;
pub(super) use s3::SPEC as S3;
pub(super) use syslog::SPEC as SYSLOG;
pub(super) use template::SPEC as LOG;
pub(super) use w3c::SPEC as W3C;

/// The format of a stream.
struct LogFormat {
    members: Arc<Members>,
    args: Args,
    learned: Learned,
    /// Fields whose samples have a leading zero: they are text as a whole.
    codes: Vec<String>,
}

impl LogFormat {
    /// A format whose records are written in one of these ways; they are told whether a record is one line.
    fn start(args: &Args, members: impl FnOnce(bool) -> Members) -> Result<Box<dyn Format>, String> {
        Ok(Box::new(LogFormat::new(args, members(args.single))))
    }

    fn new(args: &Args, members: Members) -> Self {
        let members = Arc::new(members);
        let mut learned = if members.is_open() { Learned::default() } else { Learned::closed() };
        for (name, kind) in members.fields() {
            learned.declare(&name, kind);
        }
        LogFormat { members, args: args.clone(), learned, codes: Vec::new() }
    }

    /// What was typed, and that codes are text.
    fn args(&self) -> Args {
        let mut args = self.args.clone();
        args.casts.extend(self.codes.iter().map(|name| (name.clone(), recpipe::record::Type::Text)));
        args
    }
}

impl Format for LogFormat {
    fn boundary(&self) -> Arc<dyn Boundary> {
        if self.members.takes_lines() { Arc::new(Records(self.members.clone())) } else { Arc::new(Lines::default()) }
    }

    fn unit(&self) -> Unit {
        if self.members.takes_lines() { Unit::Row } else { Unit::Line }
    }

    fn clock(&self) -> Option<Arc<dyn Clock>> {
        let all = self.members.all();
        all.iter().any(|member| member.has_times()).then(|| Arc::new(RecordClock(self.members.clone())) as Arc<dyn Clock>)
    }

    fn schema(&self) -> Arc<Schema> {
        self.learned.schema(&self.args).unwrap_or_else(|_| no_fields())
    }

    fn known_fields(&self) -> Option<Vec<String>> {
        if self.members.is_open() { None } else { Some(self.members.fields().into_iter().map(|(name, _)| name).collect()) }
    }

    fn learns(&self) -> bool {
        self.members.is_open() || !self.members.cells().is_empty()
    }

    fn sample(&mut self, first: &Block) -> Result<(), String> {
        if self.learned.is_over() {
            return Ok(());
        }
        let cells = self.members.cells();
        // Times of a sample are read again.
        let args = Args { dating: Arc::default(), ..self.args.clone() };
        let mut parser = RecordParser::new(self.members.clone(), Names::of_samples(&args), &args);
        let mut rest = first.clone();
        loop {
            let parsed = parser.parse(&rest, &Wanted::all());
            for (field, column) in parsed.batch.schema().fields().iter().zip(parsed.batch.columns()) {
                let is_code = |row: usize| matches!(column.value(row), recpipe::Value::Text(text) if has_leading_zero(text));
                if cells.contains(&field.name) && !self.codes.contains(&field.name) && (0..column.len()).any(is_code) {
                    self.codes.push(field.name.clone());
                }
            }
            self.learned.add(&parsed.batch);
            let Some(at) = parser.stopped_at() else { return Ok(()) };
            rest.bytes = rest.bytes.slice(at..);
        }
    }

    fn plan(&mut self, first: &Block) -> Result<Arc<dyn Plan>, String> {
        let growing = self.learned.growing(&self.args).map_err(|e| format!("{}: {e}", first.source))?;
        Ok(Arc::new(LogPlan { members: self.members.clone(), args: self.args(), growing }))
    }
}

struct LogPlan {
    members: Arc<Members>,
    args: Args,
    growing: Arc<Growing>,
}

impl Plan for LogPlan {
    fn growing(&self) -> Option<&Arc<Growing>> {
        self.members.is_open().then_some(&self.growing)
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::new(RecordParser::new(self.members.clone(), Names::new(self.args.clone(), self.growing.clone()), &self.args))
    }
}
