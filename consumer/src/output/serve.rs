//! `serve ADDRESS`: the page of `write "x.html"`, for browsers, while records come.
//!
//! What there is so far is drawn as it is for a terminal ([`Sink::draft`], a flush), and handed to the `Server`, which waits for no
//! browser. When all records came, the page stays until the program is ended.

use std::{
    cell::{Cell, RefCell},
    fmt::Write as _,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    rc::Rc,
    sync::{Arc, Mutex, PoisonError},
};

use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use recpipe::{Batch, Error, Exit, Flow, Schema, Stage, Time, say, wire::Ending};
use ring::rand::{SecureRandom, SystemRandom};

use super::{
    header::headed_picture,
    pages::{Content, Paper},
    picture::{Asked, drawn},
};
use crate::{
    language::{Checker, Parsed, Parser, StageWord, Syntax, Upstream, diagnose::Diagnostic, parsed},
    picture::{live_page, live_parts},
    plan::{About, Place, Read, Runs, Sink, Target},
    serve::{Server, Snapshot, is_near},
    span::Span,
    writer::{AwaitReader, Canvas, Desk, Lingering, OpenStream, Stream},
};

/// `serve`.
pub static WORD: StageWord = StageWord {
    about: About {
        name: "serve",
        syntax: "serve [HOST]:PORT",
        doc: "a live page for browsers, of a table, a `chart` or a `report` before it; on this host unless said",
        example: "serve :8080",
        runs: Runs::Once,
        memory: "O(what is drawn)",
        output: true,
        ..About::PLAIN
    },
    parse,
};

fn parse(parser: &mut Parser<'_>) -> Parsed {
    parser.peek_bare();
    let (text, span) = parser.text("an address", "serve :8080")?;
    let near = |port: &str| port.parse().ok().map(|port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
    let address = match text.strip_prefix("localhost:").or_else(|| text.strip_prefix(':')) {
        Some(port) => near(port),
        None => text.parse().ok(),
    };
    match address {
        Some(address) => Ok(parsed(ServeSyntax(address))),
        None => {
            let found = Diagnostic::new(span, format!("`{text}` is no address to listen at"));
            Err(parser.fail(found.label("write `:8080` for this host alone, or an address of it: `192.0.2.7:8080`, `[::1]:8080`")))
        }
    }
}

#[derive(Debug)]
struct ServeSyntax(SocketAddr);

impl Syntax for ServeSyntax {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        let before = upstream.take_output();
        let before = before.as_ref().map(|before| &*before.output.sink);
        let paper = match (before, upstream.last_word()) {
            (None, Some("report")) => Paper::Report,
            _ => Paper::One(drawn(checker, upstream, before)),
        };
        let sink = ServeSink { address: self.0, paper, asked: Asked::new(checker, span), served: Served::default() };
        checker.push_output(upstream, &WORD, span, Ok(Arc::new(sink)));
    }
}

/// The server, while there is one, and what is in the URL of its pages.
#[derive(Clone, Default)]
struct Served(Arc<Mutex<Option<(Server, String)>>>);

impl std::fmt::Debug for Served {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Served")
    }
}

impl Served {
    fn publish(&self, asked: &Asked, content: &Content, ledger: Option<(Option<u64>, &Ending)>) -> Result<(), Error> {
        let served = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((server, token)) = &*served {
            server.publish(snapshot(asked, content, ledger, token)?);
        }
        Ok(())
    }

    fn end(&self) {
        drop(self.0.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

/// What browsers are shown; without a ledger, records are still coming.
fn snapshot(asked: &Asked, content: &Content, ledger: Option<(Option<u64>, &Ending)>, token: &str) -> Result<Snapshot, Error> {
    let sections = content.sections()?;
    let foot = match ledger {
        Some((read, ending)) => asked.foot(read, ending),
        None => asked.foot_so_far(Time::now()),
    };
    let state = if ledger.is_some() { "ended" } else { "live" };
    let (parts, lines) = live_parts(&sections, &foot);
    let event = serde_json::json!({ "sections": parts, "foot": lines, "state": state }).to_string();
    Ok(Snapshot { page: live_page(asked.title(), &parts, &lines, token).into(), event: event.into() })
}

/// Serves a page.
#[derive(Clone, Debug)]
struct ServeSink {
    address: SocketAddr,
    paper: Paper,
    asked: Asked,
    served: Served,
}

impl ServeSink {
    /// Begins to listen, and says where.
    fn listen(&self, content: &Content, desk: &Desk<'_>) -> Result<(), Error> {
        if !is_near(self.address.ip()) && !desk.calling.security.is_insecure() {
            return Err(Error::Usage(format!(
                "serve: the page and its token would cross the network from {} in the clear: serve it on this host, where others reach it by \
                 `ssh -L`, or give --insecure if that is meant",
                self.address.ip()
            )));
        }
        let own = desk.calling.security.token();
        let token = if own.is_empty() { made_up()? } else { own.to_vec() };
        let written = percent_encode(&token, NON_ALPHANUMERIC).to_string();
        let first = snapshot(&self.asked, content, None, &written)?;
        let server = Server::listen(self.address, &token, first)?;
        let address = server.address();
        // A token that somebody has chosen is not told to whoever reads this.
        match own.is_empty() {
            true => say!("consumer: the page is at http://{address}/?token={written}"),
            false => say!("consumer: the page is at http://{address}/?token=, followed by the token of --token-file"),
        }
        *self.served.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((server, written));
        Ok(())
    }
}

/// A token that nobody knows.
fn made_up() -> Result<Vec<u8>, Error> {
    let mut bytes = [0_u8; 16];
    SystemRandom::new().fill(&mut bytes).map_err(|_| Error::Unsupported("serve: the system has no random numbers".to_owned()))?;
    let mut token = String::new();
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(token, "{byte:02x}");
    }
    Ok(token.into_bytes())
}

impl Sink for ServeSink {
    fn place(&self) -> Place<'_> {
        Place::Link
    }

    fn reads(&self, schema: &Schema) -> Read {
        self.paper.reads(schema)
    }

    fn is_picture(&self) -> bool {
        true
    }

    fn is_watched(&self) -> bool {
        true
    }

    fn draft(&self, schema: &Arc<Schema>, _: &Canvas, _: u64) -> Option<Target> {
        let draft = Draft { content: self.paper.content(schema), asked: self.asked.clone(), served: self.served.clone() };
        Some(headed_picture(draft, schema, None))
    }

    fn open(&self, schema: &Arc<Schema>, desk: &Desk<'_>) -> Result<Target, Error> {
        let content = self.paper.content(schema);
        self.listen(&content, desk)?;
        let stream = Stream::new(Box::new(Lasting { served: self.served.clone(), lingering: desk.calling.lingering.clone() }));
        desk.streams.borrow_mut().push(stream.clone());
        let page = Page {
            content,
            asked: self.asked.clone(),
            served: self.served.clone(),
            has_news: false,
            stream,
            ending: desk.ending.clone(),
            read: desk.read.clone(),
        };
        Ok(headed_picture(page, schema, Some(desk.notes)))
    }
}

/// What is shown for the time being of a stage that waits for the end.
struct Draft {
    content: Content,
    asked: Asked,
    served: Served,
}

impl Stage for Draft {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        self.content.add(&batch)?;
        Ok(Flow::Continue)
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn close(&mut self) -> Result<(), Error> {
        self.served.publish(&self.asked, &self.content, None)
    }

    fn target(&mut self) -> Option<&mut dyn Stage> {
        None
    }
}

/// The page of the records that come.
struct Page {
    content: Content,
    asked: Asked,
    served: Served,
    /// Whether there is something that was not shown.
    has_news: bool,
    stream: Stream,
    ending: Rc<RefCell<Ending>>,
    read: Rc<Cell<Option<u64>>>,
}

impl Stage for Page {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        self.has_news |= !batch.is_empty();
        self.content.add(&batch)?;
        Ok(Flow::Continue)
    }

    fn flush(&mut self) -> Result<(), Error> {
        if std::mem::take(&mut self.has_news) { self.served.publish(&self.asked, &self.content, None) } else { Ok(()) }
    }

    fn close(&mut self) -> Result<(), Error> {
        self.served.publish(&self.asked, &self.content, Some((self.read.get(), &self.ending.borrow())))?;
        self.stream.end(&self.ending.borrow())
    }

    fn target(&mut self) -> Option<&mut dyn Stage> {
        None
    }
}

/// Keeps the page when all records came, and ends it when the run has failed or somebody ended it.
struct Lasting {
    served: Served,
    lingering: Lingering,
}

impl OpenStream for Lasting {
    fn batch(&mut self, _: &Batch) -> Result<Flow, Error> {
        Ok(Flow::Continue)
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn end(self: Box<Self>, ending: &Ending) -> Result<Option<AwaitReader>, Error> {
        if matches!(ending.exit, Exit::Signal(_) | Exit::Incomplete | Exit::Failed | Exit::Usage) {
            self.served.end();
            return Ok(None);
        }
        Ok(Some(Box::new(move || {
            say!("consumer: all records came; the page stays until this is ended (Ctrl-C)");
            self.lingering.wait();
            self.served.end();
            Ok(())
        })))
    }
}
