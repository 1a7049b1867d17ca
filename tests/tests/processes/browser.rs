//! The page of `serve` in a browser: Chromium without a window, driven by WebDriver over a plain socket.
//!
//! Source: <https://www.w3.org/TR/webdriver2/>

#![allow(clippy::disallowed_methods, reason = "the browser is no program of ours")]

use std::{
    io::{Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use e2e::{Pipeline, Port, SOON, log::Log};
use rustix::process::Signal;
use serde_json::{Value, json};

use super::pages::serve;

/// A browser.
struct Browser {
    driver: Child,
    port: u16,
    session: String,
}

impl Browser {
    /// `None` where there is no Chromium with its driver.
    fn open() -> Option<Self> {
        let is_there = |program: &str| {
            Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
        };
        if !is_there("chromedriver") || !is_there("chromium") {
            return None;
        }
        let reserved = Port::new();
        let port = reserved.number();
        drop(reserved);
        let driver = Command::new("chromedriver").arg(format!("--port={port}")).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
        let mut browser = Browser { driver, port, session: String::new() };
        let until = Instant::now() + SOON;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < until, "chromedriver does not listen");
            thread::sleep(Duration::from_millis(20));
        }
        let options =
            json!({ "args": ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1200,900"] });
        let made = browser.call("POST", "/session", json!({ "capabilities": { "alwaysMatch": { "browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": { "browser": "ALL" } } } }));
        browser.session = format!("/session/{}", made["sessionId"].as_str().unwrap_or_else(|| panic!("{made}")));
        Some(browser)
    }

    fn call(&self, method: &str, path: &str, body: Value) -> Value {
        let mut connection = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        connection.set_read_timeout(Some(SOON)).unwrap();
        let body = if method == "GET" { String::new() } else { body.to_string() };
        write!(connection, "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", self.port, body.len()).unwrap();
        let mut answer = Vec::new();
        let mut piece = [0; 4096];
        // The driver keeps the connection, whatever it is asked for.
        loop {
            let read = connection.read(&mut piece).unwrap();
            answer.extend_from_slice(&piece[..read]);
            let text = String::from_utf8_lossy(&answer);
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head.lines().find_map(|line| {
                    line.to_lowercase().strip_prefix("content-length:").map(|length| length.trim().parse::<usize>().unwrap())
                });
                if read == 0 || length.is_some_and(|length| body.len() >= length) {
                    return serde_json::from_str::<Value>(body).unwrap_or_else(|error| panic!("{error}: {text}"))["value"].clone();
                }
            }
        }
    }

    fn go(&self, url: &str) {
        self.call("POST", &format!("{}/url", self.session), json!({ "url": url }));
    }

    fn run(&self, script: &str) -> Value {
        self.call("POST", &format!("{}/execute/sync", self.session), json!({ "script": script, "args": [] }))
    }

    /// Waits until a script gives this.
    fn until(&self, script: &str, wanted: &Value) {
        let until = Instant::now() + SOON;
        loop {
            let came = self.run(script);
            if came == *wanted {
                return;
            }
            assert!(Instant::now() < until, "{script}: {came}, and not {wanted}");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// What the page has complained of.
    fn complaints(&self) -> Value {
        self.call("POST", &format!("{}/se/log", self.session), json!({ "type": "browser" }))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if let (false, Ok(mut connection)) = (self.session.is_empty(), TcpStream::connect(("127.0.0.1", self.port))) {
            let _ = connection.set_read_timeout(Some(Duration::from_secs(5)));
            let _ = write!(connection, "DELETE {} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n\r\n", self.session, self.port);
            let _ = connection.read(&mut [0; 1024]);
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

#[test]
#[allow(clippy::disallowed_macros, reason = "whoever runs the tests is to see what was left out")]
fn a_browser_shows_the_numbers_of_the_query() {
    let Some(browser) = Browser::open() else {
        eprintln!("SKIPPED: there is no chromium with chromedriver; the page was not looked at");
        return;
    };
    let log = Log::odd(41, 800).text();
    let lines: Vec<&[u8]> = log.split_inclusive(|byte| *byte == b'\n').collect();
    let total = |log: &[u8]| {
        let count = Pipeline::both(&["apache", "-q"], &["-q", "count | print \"{count}\""]).input(log).run().succeeds().text();
        Value::from(count.trim())
    };
    let part = lines[..300].concat();
    let mut served = serve(&part, &["apache", "-q", "-F", "--from-start", "log", "report | serve :0"]);
    browser.go(&served.url());
    let shown = "return document.querySelector('section[data-title=total] td')?.textContent";
    browser.until(shown, &total(&part));
    browser.until("return document.getElementById('state').textContent", &"live".into());

    // Paused, nothing changes; then all that came is there.
    browser.run("document.getElementById('pause').click()");
    std::fs::OpenOptions::new().append(true).open(served.group.dir().join("log")).unwrap().write_all(&lines[300..].concat()).unwrap();
    browser.until("return document.getElementById('state').textContent", &"paused".into());
    assert_eq!(browser.run(shown), total(&part));
    browser.run("document.getElementById('pause').click()");
    browser.until(shown, &total(&log));

    // A click on a bar leaves its row, and shows the query that gives it.
    let click = "const bar = document.querySelector('section[data-title=statuses] rect[data-label=\"404\"]'); bar.dispatchEvent(new MouseEvent('click', {bubbles: true}));";
    browser.run(click);
    let rows = "return [...document.querySelectorAll('section[data-title=statuses] tbody tr')].filter((row) => !row.hidden).map((row) => row.children[0].textContent).join()";
    assert_eq!(browser.run(rows), "404");
    let query = browser.run("return document.getElementById('shown').textContent");
    let query = query.as_str().unwrap();
    assert!(query.starts_with("report | where section == \"statuses\" and item == "), "{query}");
    let answer =
        Pipeline::both(&["apache", "-q"], &["-q", &format!("{query} | print \"{{requests}}\"")]).input(log.clone()).run().succeeds().text();
    let shown = browser.run(
        "return [...document.querySelectorAll('section[data-title=statuses] tbody tr')].find((row) => !row.hidden).children[1].textContent",
    );
    assert_eq!(shown, answer.trim());
    browser.run("document.getElementById('all').click()");
    assert!(browser.run(rows).as_str().unwrap().contains("200"));

    // It is readable on a telephone: nothing is wider than the screen.
    let wide = "return document.documentElement.scrollWidth <= window.innerWidth";
    assert_eq!(browser.run(wide), true);
    let complaints = browser.complaints();
    let bad: Vec<&Value> = complaints
        .as_array()
        .into_iter()
        .flatten()
        .filter(|entry| !entry["message"].as_str().unwrap_or_default().contains("favicon"))
        .collect();
    assert!(bad.is_empty(), "{bad:?}");
    served.group.signal(served.number, Signal::INT);
    served.group.wait(served.number, SOON);
    browser.until("return document.getElementById('state').textContent", &"not connected".into());
}
