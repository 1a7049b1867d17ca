//! `pipe "COMMAND" as FORM [with FIELD, …]`: the records go through another program: it is fed with them, and what it writes goes on.
//!
//! Runs:   once, beside the program.  Order: that in which the program writes.  Memory: O(1); a few batches wait on either side.
//! Stops:  when its target does, or when the program reads no more.
//! Errors: when the program cannot be started or does not end well, or what it writes is not of the form; it is named.

use recpipe::{Batch, Error, Flow, Stage, Time, Type};

use crate::{
    language::{
        Checked, Checker, Parsed, Parser, Seen, StageWord, Syntax, Upstream, Watched,
        ast::Ident,
        diagnose::{Diagnostic, did_you_mean},
        parsed,
        token::Kind,
    },
    plan::{About, Effect, Operator, PlanStage, Read, Runs, Start, Target, Unite, conditions::Found},
    span::Span,
    subprocess::{Exchanged, Form, Subprocess},
};

/// `pipe`.
pub static WORD: StageWord = StageWord {
    about: About {
        name: "pipe",
        syntax: "pipe \"COMMAND\" as FORM [with FIELD, …]",
        doc: "the records through another program, as json or pickle; `with` names the fields it adds",
        example: "pipe \"python3 stage.py\" as pickle with total",
        runs: Runs::Once,
        ..About::PLAIN
    },
    parse,
};

fn parse(parser: &mut Parser<'_>) -> Parsed {
    let (command, span) = parser.text("a command", WORD.about.example)?;
    let argv = match shlex::split(&command) {
        Some(argv) if !argv.is_empty() => argv,
        Some(_) => return Err(parser.fail(Diagnostic::new(span, "a command is missing"))),
        None => return Err(parser.fail(Diagnostic::new(span, "a quote in the command is not closed"))),
    };
    if !parser.take_word("as") {
        return Err(parser.unexpected("`as json` or `as pickle`"));
    }
    let Kind::Name(name) = parser.peek().kind.clone() else { return Err(parser.unexpected("`json` or `pickle`")) };
    let Some(form) = Form::ALL.into_iter().find(|form| form.name() == name) else {
        let span = parser.peek().span;
        let found = Diagnostic::new(span, format!("`{name}` is no form that a program can be sent records in"));
        return Err(parser.fail(found.label(match did_you_mean(&name, Form::ALL.iter().map(|form| form.name())) {
            hint if hint.is_empty() => "known are `json` and `pickle`".to_owned(),
            hint => hint,
        })));
    };
    parser.advance();
    let fields = if parser.take_word("with") { parser.list(|parser| parser.ident("a field"))? } else { Vec::new() };
    Ok(parsed(PipeSyntax { command, argv, form, fields }))
}

/// The program, and the fields that it adds.
#[derive(Debug)]
struct PipeSyntax {
    command: String,
    argv: Vec<String>,
    form: Form,
    fields: Vec<Ident>,
}

impl Syntax for PipeSyntax {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        // The program may change any value, and give a record any field.
        for (_, seen) in &mut checker.scope.columns {
            *seen = seen.map(|_| Seen { kind: Type::Mixed, open: true });
        }
        // Before the others: what `with` names is declared, and may stay away.
        for field in &self.fields {
            checker.scope.put(field.text.clone(), Some(Seen { kind: Type::Mixed, open: true }));
        }
        let watched = checker.open(span.start, "");
        upstream.aggregates = None;
        let made: Checked<PipeOp> = Ok(PipeOp { command: self.command.clone(), argv: self.argv.clone(), form: self.form, watched });
        checker.push(upstream, &WORD, span, made);
    }
}

/// The records through this program.
#[derive(Clone, Debug)]
struct PipeOp {
    command: String,
    argv: Vec<String>,
    form: Form,
    watched: Watched,
}

impl Operator for PipeOp {
    fn reads(&self, stage: &PlanStage, wanted: &mut Read) {
        *wanted = Read::all_of(&stage.input);
    }

    fn narrows(&self, _: &mut Found<'_>) -> bool {
        false
    }

    fn mixes(&self) -> bool {
        true
    }

    fn effect(&self) -> Effect {
        Effect::Asks
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        vec![("runs", format!("`{}`, which reads and writes {}", self.command, self.form.name()))]
    }

    fn start(&self, start: Start<'_>, target: Target) -> Target {
        let (unite, watched) = (Unite::new(start.output.clone()), self.watched.clone());
        match Subprocess::start(&self.argv, self.form) {
            Ok(program) => Box::new(Pipe { program: Some(program), failed: None, unite, watched, has_enough: false, target }),
            Err(error) => Box::new(Pipe { program: None, failed: Some(error), unite, watched, has_enough: false, target }),
        }
    }
}

/// The running stage.
struct Pipe {
    /// `None` when it is over.
    program: Option<Subprocess>,
    /// Why it was not started.
    failed: Option<Error>,
    unite: Unite,
    watched: Watched,
    /// Nothing more is wanted of what it writes.
    has_enough: bool,
    target: Target,
}

impl Pipe {
    fn program(&mut self) -> Result<&mut Subprocess, Error> {
        match self.failed.take() {
            Some(error) => Err(error),
            None => self.program.as_mut().ok_or(Error::Protocol("the program of `pipe` is over")),
        }
    }

    /// Sends on what the program has written.
    fn pass(&mut self, batch: Batch) -> Result<Flow, Error> {
        let batch = self.unite.unite(batch)?;
        self.watched.look(&batch);
        let flow = self.target.send(batch)?;
        self.has_enough |= flow == Flow::Stop;
        Ok(flow)
    }
}

impl Stage for Pipe {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        if batch.is_empty() {
            return Ok(Flow::Continue);
        }
        let mut bytes = self.program()?.encode(&batch)?;
        // Giving and taking in turn: a program that writes much before it reads on waits for nobody.
        while let Exchanged::Came(batch, left) = self.program()?.exchange(bytes) {
            if self.pass(batch)? == Flow::Stop {
                return Ok(Flow::Stop);
            }
            bytes = left;
        }
        Ok(if self.program()?.reads_on() { Flow::Continue } else { Flow::Stop })
    }

    fn flush(&mut self) -> Result<(), Error> {
        while !self.has_enough
            && let Some(batch) = self.program()?.written()
        {
            let _: Flow = self.pass(batch)?;
        }
        self.target.flush()
    }

    fn close(&mut self) -> Result<(), Error> {
        self.program()?.end();
        while !self.has_enough
            && let Some(batch) = self.program()?.awaited()
        {
            let _: Flow = self.pass(batch)?;
        }
        if let Some(program) = self.program.take() {
            program.wait(self.has_enough)?;
        }
        self.target.close()
    }

    fn target(&mut self) -> Option<&mut dyn Stage> {
        Some(&mut self.target)
    }

    /// Not true of what the program has still to write.
    fn punctuate(&mut self, _: Time) -> Result<Flow, Error> {
        Ok(Flow::Continue)
    }
}
