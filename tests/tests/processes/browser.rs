//! The page of `serve` in a browser.

use std::io::Write;

use e2e::{Pipeline, SOON, browser::Browser, log::Log};
use rustix::process::Signal;
use serde_json::Value;

use super::pages::serve;

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
