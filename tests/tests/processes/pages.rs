//! `serve`: a page for browsers, which goes on while records come. Its other end here are plain sockets, and a browser in `browser.rs`.

use std::{
    fs::OpenOptions,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    time::Instant,
};

use e2e::{Group, Pipeline, Program, SOON, log::Log};
use rustix::process::Signal;
use serde_json::Value;

/// A run that serves, and where.
pub(super) struct Served {
    pub(super) group: Group,
    pub(super) number: usize,
    /// `127.0.0.1:PORT`.
    pub(super) address: String,
    pub(super) token: String,
}

/// The directory of a log, with some of it there; queries end in `serve :0`.
pub(super) fn serve(log: &[u8], args: &[&str]) -> Served {
    let mut group = Group::new();
    group.scratch().write("log", log);
    let number = group.run(Program::Front, args);
    group.until_it_says(number, "/?token=", SOON);
    let said = group.ended(number).stderr;
    let url = said.split_whitespace().find_map(|word| word.strip_prefix("http://")).unwrap().to_owned();
    let (address, token) = url.split_once("/?token=").unwrap();
    Served { address: address.to_owned(), token: token.trim_end_matches(',').to_owned(), number, group }
}

impl Served {
    pub(super) fn url(&self) -> String {
        format!("http://{}/?token={}", self.address, self.token)
    }

    fn connect(&self) -> TcpStream {
        let connection = TcpStream::connect(&self.address).unwrap();
        connection.set_read_timeout(Some(SOON)).unwrap();
        connection
    }

    /// All that is answered.
    fn ask(&self, request: &str) -> String {
        let mut connection = self.connect();
        connection.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        connection.read_to_end(&mut answer).unwrap();
        String::from_utf8(answer).unwrap()
    }

    fn get(&self, path: &str) -> String {
        self.ask(&format!("GET {path}?token={} HTTP/1.1\r\nHost: x\r\n\r\n", self.token))
    }

    fn events(&self) -> Events {
        let mut connection = self.connect();
        connection.write_all(format!("GET /events?token={} HTTP/1.1\r\nHost: x\r\n\r\n", self.token).as_bytes()).unwrap();
        Events(BufReader::new(connection))
    }

    fn append(&self, text: &[u8]) {
        OpenOptions::new().append(true).open(self.group.dir().join("log")).unwrap().write_all(text).unwrap();
    }
}

struct Events(BufReader<TcpStream>);

impl Events {
    /// The next; `None` when the connection has ended.
    fn next(&mut self) -> Option<Value> {
        let mut line = String::new();
        while self.0.read_line(&mut line).unwrap() > 0 {
            if let Some(data) = line.strip_prefix("data: ") {
                return Some(serde_json::from_str(data).unwrap());
            }
            line.clear();
        }
        None
    }

    /// The first that says this.
    fn until(&mut self, part: &str) -> Value {
        let until = Instant::now() + SOON;
        while let Some(event) = self.next() {
            if event.to_string().contains(part) {
                return event;
            }
            assert!(Instant::now() < until, "{part} did not come: {event}");
        }
        panic!("the connection ended before {part}")
    }
}

#[test]
fn a_page_goes_on_while_records_come() {
    let log = Log::odd(31, 500).text();
    let lines: Vec<&[u8]> = log.split_inclusive(|byte| *byte == b'\n').collect();
    let mut served = serve(&lines[..200].concat(), &["apache", "-q", "-F", "--from-start", "log", "count by status | serve :0"]);
    let mut events = served.events();
    assert_eq!(events.until("<td")["state"], "live");
    served.append(&lines[200..].concat());
    let sum = |html: &str| -> u64 {
        let cells = html.split("<td class=\"n\">").skip(1).map(|rest| rest.split('<').next().unwrap());
        cells.skip(1).step_by(2).map(|count| count.parse::<u64>().unwrap()).sum()
    };
    let until = Instant::now() + SOON;
    // Lines that are no records are not counted.
    let records = lines.len() as u64 - served.group.ended(served.number).stderr.matches("rejected").count() as u64;
    loop {
        let event = events.next().unwrap();
        let count = sum(event["sections"][0].as_str().unwrap());
        assert!(count <= records, "{count}");
        if count > 480 {
            break;
        }
        assert!(Instant::now() < until, "{count} of {records}");
    }
    assert!(served.get("/").contains("so far: records are still coming"));
    served.group.signal(served.number, Signal::INT);
    let mut last = String::new();
    while let Some(event) = events.next() {
        last = event.to_string();
    }
    // Whoever looks is told of the end if it is there in time.
    assert!(!last.contains("\"state\":\"live\"") || last.contains("so far"), "{last}");
    served.group.wait(served.number, SOON);
    assert!(TcpStream::connect(&served.address).is_err(), "somebody listens still");
}

#[test]
fn a_stranger_is_told_nothing() {
    let mut served = serve(&Log::odd(32, 50).text(), &["apache", "-q", "log", "report | serve :0"]);
    served.group.until_it_says(served.number, "all records came", SOON);
    let (token, wrong) = (served.token.clone(), "0".repeat(32));
    for path in ["/", "/events", "/live.js", "/x", "/../etc/passwd"] {
        for query in [
            String::new(),
            "?token=".into(),
            format!("?token={wrong}"),
            format!("?Token={token}"),
            format!("?token={token}0"),
            "?token=%".into(),
        ] {
            for method in ["GET", "POST", "HEAD", "OPTIONS"] {
                let answer = served.ask(&format!(
                    "{method} {path}{query} HTTP/1.1\r\nHost: x\r\nCookie: token={token}\r\nAuthorization: Bearer {token}\r\n\r\n"
                ));
                let (head, body) = answer.split_once("\r\n\r\n").unwrap();
                assert!(head.starts_with("HTTP/1.1 403 ") && body.is_empty(), "{method} {path}{query}: {answer}");
                assert!(!head.to_lowercase().contains("cookie"), "{head}");
            }
        }
    }
    for garbage in ["\0\0\0\0\r\n\r\n", "GET /\r\n\r\n", &format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(20_000))] {
        let mut connection = served.connect();
        let _ = connection.write_all(garbage.as_bytes());
        let mut answer = Vec::new();
        let _ = connection.read_to_end(&mut answer);
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 400 "), "{}", String::from_utf8_lossy(&answer));
    }
    // Who has it gets the page, its script, and nothing of elsewhere.
    let page = served.get("/");
    assert!(page.starts_with("HTTP/1.1 200 ") && page.contains("script-src 'self'") && page.contains("Cache-Control: no-store"), "{page}");
    assert!(page.contains("<h2>statuses</h2>") && !page.contains("<script>"), "{page}");
    assert!(served.get("/live.js").contains("EventSource"));
    assert!(served.get("/x").starts_with("HTTP/1.1 404 "));
    assert!(served.ask(&format!("POST /?token={token} HTTP/1.1\r\n\r\n")).starts_with("HTTP/1.1 405 "));
    // The page stays when all records came, until somebody ends it.
    served.group.signal(served.number, Signal::TERM);
    served.group.wait(served.number, SOON).exits(0);
}

#[test]
fn a_hundred_browsers_are_served_and_a_slow_one_holds_nobody() {
    let log = Log::odd(33, 2000).text();
    let mut served = serve(&log, &["apache", "-q", "-F", "--from-start", "log", "report | serve :0"]);
    // These take nothing.
    let slow: Vec<Events> = (0..5).map(|_| served.events()).collect();
    let mut quick: Vec<Events> = (0..100).map(|_| served.events()).collect();
    for events in &mut quick {
        events.until("<h2>hosts</h2>");
    }
    served.append(&log);
    let both = quick[0].until("<h2>hosts</h2>");
    let page = served.get("/");
    assert!(page.contains("<h2>hosts</h2>") && both["state"] == "live");
    served.group.signal(served.number, Signal::INT);
    served.group.wait(served.number, SOON);
    drop(slow);
}

#[test]
fn what_cannot_be_served_is_said() {
    let mut group = Group::new();
    group.scratch().write("log", Log::odd(34, 20).text());
    group.scratch().write("token", "a secret of many letters");
    let run = |group: &mut Group, args: &[&str]| {
        let number = group.run(Program::Front, args);
        group.wait(number, SOON)
    };
    run(&mut group, &["apache", "-q", "log", "count | serve 0.0.0.0:0"]).exits(2).says("in the clear").says("--insecure");
    run(&mut group, &["apache", "-q", "log", "count | serve nowhere"]).exits(2).says("no address to listen at");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap();
    run(&mut group, &["apache", "-q", "log", &format!("count | serve {at}")]).exits(1).says("cannot listen");
    // A token that was chosen is not told, and a stream that breaks ends the page.
    let stream = Pipeline::both(&["apache", "-q"], &["-q", "emit"]).input(Log::odd(34, 20).text()).run().succeeds().stdout;
    group.scratch().write("cut.rec", &stream[..stream.len() - 20]);
    let cut = std::fs::File::open(group.dir().join("cut.rec")).unwrap();
    let number = group.start(Program::Consumer, &["--token-file", "token", "count | serve :0"], cut);
    let ended = group.wait(number, SOON).exits(3).says("followed by the token of --token-file");
    assert!(!ended.stderr.contains("secret"), "{ended}");
}
