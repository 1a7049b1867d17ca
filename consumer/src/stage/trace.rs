//! `trace ["LABEL"]`: shows each record on stderr, as JSON after the label, and passes it on.
//!
//! Runs:   once.  Order: kept.  Memory: O(1).
//! Stops:  when its target does.
//! Errors: none of its own; a closed stderr is nobody who reads.

use recpipe::{Batch, Error, Flow, Stage, say};

use super::relay;
use crate::{
    language::{Checker, Parsed, Parser, StageWord, Syntax, Upstream, parsed},
    plan::{About, Effect, Operator, PlanStage, Read, Runs, Start, Target, conditions::Found},
    span::Span,
    writer::{Format, Replaced, json::Json},
};

/// `trace`.
pub static WORD: StageWord = StageWord {
    about: About {
        name: "trace",
        syntax: "trace [\"LABEL\"]",
        doc: "shows each record on stderr and passes it on",
        example: "trace \"errors\"",
        runs: Runs::Once,
        ..About::PLAIN
    },
    parse,
};

fn parse(parser: &mut Parser<'_>) -> Parsed {
    let label = if parser.at_stage_end() { "trace".to_owned() } else { parser.text("a label", "trace \"errors\"")?.0 };
    Ok(parsed(TraceOp(label)))
}

/// Each record shown on stderr, after this label.
#[derive(Clone, Debug)]
struct TraceOp(String);

impl Syntax for TraceOp {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        checker.push(upstream, &WORD, span, Ok(self.clone()));
    }
}

impl Operator for TraceOp {
    fn reads(&self, stage: &PlanStage, wanted: &mut Read) {
        *wanted = Read::all_of(&stage.input);
    }

    fn narrows(&self, _: &mut Found<'_>) -> bool {
        false
    }

    fn effect(&self) -> Effect {
        Effect::Speaks
    }

    fn start(&self, _: Start<'_>, target: Target) -> Target {
        Box::new(Trace { label: self.0.clone(), format: Json::new(&Replaced::default()), target })
    }
}

/// Lines are said together until they are so long: one write each would be slow, one of all would wait for its end.
const PIECE_BYTES: usize = 16 << 10;

/// The running stage.
struct Trace {
    label: String,
    format: Json,
    target: Target,
}

impl Trace {
    fn show(&self, batch: &Batch) -> Result<(), Error> {
        let (mut lines, mut piece) = (Vec::new(), String::new());
        self.format.batch(batch, &mut lines)?;
        for line in String::from_utf8_lossy(&lines).lines() {
            if piece.len() >= PIECE_BYTES {
                say!("{}", piece.trim_end());
                piece.clear();
            }
            piece.extend([&self.label, ": ", line, "\n"]);
        }
        if !piece.is_empty() {
            say!("{}", piece.trim_end());
        }
        Ok(())
    }
}

impl Stage for Trace {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        self.show(&batch)?;
        self.target.send(batch)
    }

    relay!();
}
