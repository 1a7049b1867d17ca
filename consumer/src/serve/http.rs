//! As much of HTTP/1.1 as a page needs: the head of a request is read, within limits, and an answer written; then the connection ends.
//!
//! `httparse` reads the head. A server with threads, bodies and connections of its own (`tiny_http`, `hyper`) was rejected: there are
//! three answers, and one of them goes on until its reader leaves.

use std::{
    io::{self, Read, Write},
    time::{Duration, Instant},
};

/// The head of a request is no longer than this.
const HEAD: usize = 8 << 10;

/// Whoever calls has so long to send it.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    /// The token that is shown.
    pub(super) token: Vec<u8>,
}

/// Reads the head of a request; `None` where the bytes are no request, are too many, or do not come in time.
pub(super) fn read(from: &mut impl Read) -> Option<Request> {
    let (mut head, mut piece, began) = (Vec::new(), [0_u8; 1024], Instant::now());
    loop {
        // The reader has a timeout of its own: one that sends a byte now and then has no more time than others.
        match from.read(&mut piece) {
            Ok(0) | Err(_) => return None,
            Ok(_) if began.elapsed() > PATIENCE => return None,
            Ok(read) => head.extend_from_slice(&piece[..read]),
        }
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut request = httparse::Request::new(&mut headers);
        match request.parse(&head) {
            Ok(httparse::Status::Complete(_)) => {
                let target = request.path?;
                let (path, query) = target.split_once('?').unwrap_or((target, ""));
                let token = query.split('&').find_map(|pair| pair.strip_prefix("token=")).unwrap_or_default();
                let token = percent_encoding::percent_decode_str(token).collect();
                return Some(Request { method: request.method?.to_owned(), path: path.to_owned(), token });
            }
            Ok(httparse::Status::Partial) if head.len() < HEAD => {}
            _ => return None,
        }
    }
}

/// What a browser may do with an answer: run the script that it is given here and call back here, and nothing else.
const HEADERS: &str = "Cache-Control: no-store\r\n\
Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n\
Referrer-Policy: no-referrer\r\n\
X-Content-Type-Options: nosniff\r\n\
Connection: close\r\n";

/// Writes a whole answer.
pub(super) fn answer(to: &mut impl Write, status: &str, kind: &str, body: &str, has_body: bool) -> io::Result<()> {
    let head = format!("HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n{HEADERS}\r\n", body.len());
    to.write_all(head.as_bytes())?;
    if has_body {
        to.write_all(body.as_bytes())?;
    }
    to.flush()
}

/// Begins an answer of events, which has no end of its own.
pub(super) fn begin_events(to: &mut impl Write) -> io::Result<()> {
    to.write_all(format!("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n{HEADERS}\r\n").as_bytes())?;
    to.flush()
}

/// Writes an event, of text without line breaks.
pub(super) fn event(to: &mut impl Write, data: &str) -> io::Result<()> {
    to.write_all(b"data: ")?;
    to.write_all(data.as_bytes())?;
    to.write_all(b"\n\n")?;
    to.flush()
}

#[cfg(test)]
mod tests {
    use super::{HEAD, Request, read};

    #[test]
    fn heads_are_read_within_limits() {
        let of = |text: &str| read(&mut text.as_bytes());
        let request = |path: &str, token: &[u8]| Some(Request { method: "GET".into(), path: path.into(), token: token.into() });
        assert_eq!(of("GET /events?x=1&token=a%20b HTTP/1.1\r\nHost: x\r\n\r\n"), request("/events", b"a b"));
        assert_eq!(of("GET / HTTP/1.0\r\n\r\n"), request("/", b""));
        for wrong in ["", "GET / HTTP/1.1\r\nHost: x\r\n", "\0\0\0\0", "GET\r\n\r\n", "\x16\x03\x01\x02\x00\x01"] {
            assert_eq!(of(wrong), None, "{wrong:?}");
        }
        assert_eq!(of(&format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(2 * HEAD))), None);
        assert_eq!(of(&format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(1000))), None);
    }
}
