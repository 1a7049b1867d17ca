//! Chromium without a window, driven by WebDriver over a plain socket.
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

use serde_json::{Value, json};

use crate::{Port, SOON};

/// A browser without a window, and what drives it.
#[derive(Debug)]
pub struct Browser {
    driver: Child,
    port: u16,
    session: String,
}

impl Browser {
    /// Opens one; `None` where there is no Chromium with its driver.
    pub fn open() -> Option<Self> {
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

    /// Goes to a page.
    pub fn go(&self, url: &str) {
        self.call("POST", &format!("{}/url", self.session), json!({ "url": url }));
    }

    /// What a script gives, which runs in the page.
    pub fn run(&self, script: &str) -> Value {
        self.call("POST", &format!("{}/execute/sync", self.session), json!({ "script": script, "args": [] }))
    }

    /// Waits until a script gives this.
    ///
    /// # Panics
    /// When it does not in time.
    #[track_caller]
    pub fn until(&self, script: &str, wanted: &Value) {
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
    pub fn complaints(&self) -> Value {
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
