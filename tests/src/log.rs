//! Access logs made from a seed: what is in them is known before any program has read them.
//!
//! An [`Entry`] is what a line says, and [`Entry::line`] is how a server writes it; the tests compare what comes out of
//! the programs with the entries, not with another parser.

use std::fmt::Write;

/// Numbers that look random and are the same in every run: SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The numbers of this seed.
    pub fn new(seed: u64) -> Self {
        Random(seed)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`.
    pub fn below(&mut self, n: u64) -> u64 {
        self.number() % n
    }

    /// One of these.
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }
}

/// What a line of a log says, in the fields that the programs give it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Who asked.
    pub host: String,
    /// The name that RFC 1413 would give, which nobody asks for.
    pub referrer: String,
    /// The user.
    pub user: String,
    /// When, as it is written.
    pub datetime: String,
    /// The method; `None` when the request is not of three words.
    pub method: Option<String>,
    /// The path, or the whole request line when that is not of three words.
    pub request: String,
    /// The protocol; `None` as for the method.
    pub proto: Option<String>,
    /// The status.
    pub status: u32,
    /// The bytes sent; `None` is written `-` and counts as 0.
    pub bytes: Option<u64>,
    /// Referrer and user agent of a combined line.
    pub combined: Option<(String, String)>,
    /// What stands at the end; nothing is written as nothing.
    pub extra: &'static str,
}

impl Entry {
    /// The line, without its end.
    pub fn line(&self) -> String {
        let Entry { host, referrer, user, datetime, method, request, proto, status, .. } = self;
        let user = if user.contains(' ') { format!("\"{user}\"") } else { user.clone() };
        let request = match (method, proto) {
            (Some(method), Some(proto)) => format!("{method} {request} {proto}"),
            _ => request.clone(),
        };
        let bytes = self.bytes.map_or_else(|| "-".to_owned(), |bytes| bytes.to_string());
        let mut line = format!("{host} {referrer} {user} [{datetime}] \"{request}\" {status} {bytes}");
        if let Some((referer, agent)) = &self.combined {
            // Writing to a string cannot fail.
            let _ = write!(line, " \"{referer}\" \"{agent}\"");
        }
        if !self.extra.is_empty() {
            line.push(' ');
        }
        line + self.extra
    }

    /// The record as one line of JSON.
    pub fn json(&self) -> String {
        let text = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
        let maybe = |value: Option<&String>| value.map_or_else(|| "null".to_owned(), |value| text(value));
        let mut json = format!(
            "{{\"host\":{},\"referrer\":{},\"user\":{},\"datetime\":{},\"method\":{},\"request\":{},\"proto\":{},\"status\":{},\"bytes\":{}",
            text(&self.host),
            text(&self.referrer),
            text(&self.user),
            text(&self.datetime),
            maybe(self.method.as_ref()),
            text(&self.request),
            maybe(self.proto.as_ref()),
            self.status,
            self.bytes.unwrap_or(0),
        );
        let (referer, agent) = self.combined.as_ref().map_or((None, None), |(referer, agent)| (Some(referer), Some(agent)));
        let extra = Some(self.extra.to_owned()).filter(|extra| !extra.is_empty());
        let others =
            [("http_referer", referer), ("http_user_agent", agent), ("vhost", None), ("forwarded_for", None), ("extra", extra.as_ref())];
        for (name, value) in others.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            let _ = write!(json, ",\"{name}\":{}", text(value));
        }
        json + "}"
    }
}

/// A log.
#[derive(Clone, Debug, Default)]
pub struct Log(pub Vec<Entry>);

impl Log {
    /// Common lines, all of the usual form.
    pub fn common(seed: u64, lines: usize) -> Self {
        let mut random = Random::new(seed);
        Log((0..lines).map(|n| usual(&mut random, n)).collect())
    }

    /// Combined lines, all of the usual form.
    pub fn combined(seed: u64, lines: usize) -> Self {
        let mut random = Random::new(seed);
        Log((0..lines).map(|n| combined(&mut random, n)).collect())
    }

    /// Common and combined lines, many of them out of the ordinary, all of them records. The first is combined.
    pub fn odd(seed: u64, lines: usize) -> Self {
        let mut random = Random::new(seed);
        Log((0..lines).map(|n| if n == 0 { combined(&mut random, n) } else { odd(&mut random, n) }).collect())
    }

    /// The lines, each with its end.
    pub fn text(&self) -> Vec<u8> {
        let mut text = String::new();
        for entry in &self.0 {
            text.push_str(&entry.line());
            text.push('\n');
        }
        text.into_bytes()
    }

    /// The sum of the bytes sent.
    pub fn total_bytes(&self) -> u64 {
        self.0.iter().map(|entry| entry.bytes.unwrap_or(0)).sum()
    }

    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn usual(random: &mut Random, n: usize) -> Entry {
    const PATHS: [&str; 9] = [
        "/",
        "/ply/ply.html",
        "/favicon.ico",
        "/robots.txt",
        "/ply/bookplug.gif",
        "/cgi-bin/a.pl?x=1&y=2",
        "/a%20b/ü",
        "/index.PHP",
        "/dynamic/",
    ];
    const MONTHS: [&str; 3] = ["Jan", "Feb", "Dec"];
    let (day, month) = (random.below(28) + 1, random.pick(&MONTHS));
    let (hour, minute, second) = (n / 3600 % 24, n / 60 % 60, n % 60);
    Entry {
        host: format!("10.{}.{}.{}", random.below(3), random.below(20), random.below(200)),
        referrer: "-".to_owned(),
        user: random.pick(&["-", "-", "-", "alice", "bob@example.org"]).to_owned(),
        datetime: format!("{day:02}/{month}/2008:{hour:02}:{minute:02}:{second:02} -0600"),
        method: Some(random.pick(&["GET", "GET", "GET", "POST", "HEAD"]).to_owned()),
        request: format!("{}{}", random.pick(&PATHS), if random.below(4) == 0 { format!("?n={n}") } else { String::new() }),
        proto: Some(random.pick(&["HTTP/1.1", "HTTP/1.0"]).to_owned()),
        status: random.pick(&[200, 200, 200, 200, 304, 302, 404, 500]),
        bytes: match random.below(6) {
            0 => None,
            1 => Some(random.below(5_000_000)),
            _ => Some(random.below(40_000)),
        },
        combined: None,
        extra: "",
    }
}

fn combined(random: &mut Random, n: usize) -> Entry {
    const REFERERS: [&str; 4] = ["-", "http://example.org/", "http://example.org/a?b=\\\"c\\\"", ""];
    const AGENTS: [&str; 4] = [
        "Mozilla/5.0 (X11; Linux x86_64)",
        "-",
        "agent \\\"in quotes\\\" 1.0",
        "Mozilla/5.0 (compatible; Bot/2.1; +http://example.org/bot.html)",
    ];
    let pair = (random.pick(&REFERERS).to_owned(), random.pick(&AGENTS).to_owned());
    Entry { combined: Some(pair), ..usual(random, n) }
}

/// Lines as servers write them when clients are not polite.
fn odd(random: &mut Random, n: usize) -> Entry {
    let whole = |request: &str, status, bytes, entry: Entry| Entry {
        method: None,
        proto: None,
        request: request.to_owned(),
        status,
        bytes,
        ..entry
    };
    let entry = if random.below(2) == 0 { usual(random, n) } else { combined(random, n) };
    match random.below(10) {
        0 => whole("-", 408, None, entry),
        1 => whole("\\x16\\x03\\x01\\x02", 400, Some(226), entry),
        2 => whole("GET /a path with blanks HTTP/1.1", 404, Some(1), entry),
        3 => whole("quit", 501, Some(0), entry),
        4 => whole("", 400, None, entry),
        5 => Entry { user: "bob the 2nd".to_owned(), ..entry },
        6 => Entry { request: "/say\\\"it\\\"".to_owned(), ..entry },
        7 => Entry { extra: "1234 \"extra\"", ..entry },
        8 => Entry { host: "2001:db8::7".to_owned(), referrer: "ident".to_owned(), ..entry },
        _ => entry,
    }
}

#[cfg(test)]
mod tests {
    use super::Log;

    #[test]
    fn a_seed_makes_the_same_log_again() {
        assert_eq!(Log::odd(7, 100).text(), Log::odd(7, 100).text());
        assert_ne!(Log::common(7, 100).text(), Log::common(8, 100).text());
        let log = Log::common(1, 50);
        assert_eq!(log.text().iter().filter(|&&byte| byte == b'\n').count(), log.len());
        assert!(log.total_bytes() > 0 && !log.is_empty());
    }
}
