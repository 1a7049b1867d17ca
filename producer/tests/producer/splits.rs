//! That how an input is cut into blocks, as a pipe does by chance, shows in nothing: neither in the records, nor in how a run ends.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use recpipe::Schema;
use recpipe::transport::pipe_backchannel::Listener;
use recpipe::wire::Writer;
use recpipe_producer::format::source::{PlannedBlock, Pulled, Source, Unparsed};
use recpipe_producer::format::{Args, FORMATS, Format, Plan, Start, Unit, Wanted};
use recpipe_producer::input::block::{Block, Part};
use recpipe_producer::input::boundary::Boundary;
use recpipe_producer::input::event::Event;
use recpipe_producer::output::{Packing, PushdownChannel};
use recpipe_producer::run::rejects::Limit;
use recpipe_producer::run::shape::Shape;
use recpipe_producer::run::{Options, Output, Run};

use crate::harness::{Stream, common};

/// Blocks that were cut already.
struct Cut {
    format: Box<dyn Format>,
    boundary: Arc<dyn Boundary>,
    plan: Option<Arc<dyn Plan>>,
    blocks: VecDeque<Block>,
}

impl Source for Cut {
    fn unit(&self) -> Unit {
        self.format.unit()
    }

    fn schema(&self) -> Arc<Schema> {
        self.format.schema()
    }

    fn known_fields(&self) -> Option<Vec<String>> {
        self.format.known_fields()
    }

    fn next(&mut self, wanted: &Wanted) -> Option<Pulled> {
        let block = self.blocks.pop_front()?;
        let plan = match &self.plan {
            Some(plan) => plan.clone(),
            None => self.plan.insert(self.format.plan(&block).unwrap()).clone(),
        };
        let (boundary, wanted) = (self.boundary.clone(), wanted.clone());
        let block = PlannedBlock { block, plan, boundary, wanted, head_lines: Some(0) };
        Some(Ok(Event::Block(Unparsed::Block(block))))
    }
}

/// Writes into what somebody else looks at afterwards.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Reads these lines, cut after so many of them each time: the hosts, the rejects, the exit code and what was said of it.
fn read(lines: &[String], cuts: &[usize], threads: usize, limit: Limit) -> (Vec<String>, u64, u8, String) {
    let spec = FORMATS.iter().find(|spec| spec.name == "apache").unwrap();
    let Start::Blocks(start) = spec.start else { panic!() };
    let format = start(&Args::default()).unwrap();
    let (mut blocks, mut at, mut rest) = (VecDeque::new(), 0, lines);
    let source: Arc<str> = "f".into();
    for &cut in cuts.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (now, later) = rest.split_at(cut.min(rest.len()));
        let bytes = now.concat().into_bytes();
        let end = at + bytes.len() as u64;
        blocks.push_back(Block {
            bytes: bytes.into(),
            source: source.clone(),
            start: at,
            end,
            part: Part::Whole,
            is_first: at == 0,
            mark_lines: Some(0),
            dialect: 0,
        });
        (at, rest) = (end, later);
    }
    let cut = Cut { boundary: format.boundary(), format, plan: None, blocks };
    let options = Arc::new(Options {
        threads,
        limit,
        quiet: true,
        stats: false,
        lines: false,
        grep: None,
        packing: Packing::default(),
        shape: Shape::default(),
    });
    let out = Shared::default();
    let channel = PushdownChannel::pipe(Listener::new(tempfile::tempfile().unwrap()));
    let written = out.clone();
    let output = Output::Now(Box::new(|| Ok(Box::new(Writer::new(written)?))));
    let exit = Run::new(Box::new(cut), &options).hearing(channel).to(output).unwrap();
    let stream = Stream::read(&out.0.lock().unwrap());
    assert_eq!(stream.ending.exit, exit);
    (stream.field("host"), stream.ending.rejected, exit.code(), stream.ending.cause)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn cuts_do_not_show(
        runs in prop::collection::vec((0_usize..600, 0_usize..14), 1..6), cuts in prop::collection::vec(1_usize..700, 1..4),
        limit in prop_oneof![Just(Limit::Default), Just(Limit::Percent(2.0)), Just(Limit::Count(8)), Just(Limit::Strict)],
    ) {
        let mut lines = Vec::new();
        for (good, bad) in runs {
            (0..good).for_each(|_| lines.push(common(lines.len())));
            (0..bad).for_each(|_| lines.push(format!("bad {}\n", lines.len())));
        }
        let whole = read(&lines, &[lines.len().max(1)], 1, limit);
        prop_assert_eq!(&read(&lines, &cuts, 1, limit), &whole);
        prop_assert_eq!(&read(&lines, &cuts, 3, limit), &whole);
        prop_assert_eq!(&read(&lines, &[1], 2, limit), &whole);
    }
}
