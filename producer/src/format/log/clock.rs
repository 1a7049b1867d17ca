//! When a record of a log was written: what its time is as it is parsed.

use std::sync::Arc;

use memchr::memchr;
use recpipe::record::Time;
use recpipe::times::Times;

use super::boundary::{Records, trimmed};
use super::member::Members;
use crate::input::boundary::Boundary;
use crate::input::clock::Clock;

/// Reads the times of records of these kinds.
pub(super) struct RecordClock(pub(super) Arc<Members>);

fn first_line(record: &[u8]) -> &[u8] {
    memchr(b'\n', record).map_or(record, |newline| &record[..newline])
}

impl Clock for RecordClock {
    fn begins_anywhere(&self) -> bool {
        self.0.all().iter().all(|member| member.begins_anywhere())
    }

    /// The whole record: where its time stands, only taking it apart tells.
    fn stamp<'r>(&self, record: &'r [u8]) -> Option<&'r [u8]> {
        let line = first_line(record);
        if !self.0.takes_lines() {
            return Some(trimmed(line));
        }
        if !self.0.begins(&[], trimmed(line)) {
            return None;
        }
        let end = Records(self.0.clone()).end_in_block(record);
        let text = &record[..end];
        Some(trimmed(text.strip_suffix(b"\n").unwrap_or(text)))
    }

    fn read(&self, stamp: &[u8], times: &Times) -> Option<Time> {
        let first = first_line(stamp);
        let is_several = first.len() < stamp.len();
        let whole = self.0.all().iter().filter(|member| !is_several || member.takes_lines()).find_map(|member| member.time(stamp, times));
        // As the parser has it: the first line may be a record of one that takes no others.
        whole.or_else(|| self.0.all().iter().filter(|_| is_several).find_map(|member| member.time(trimmed(first), times)))
    }
}

#[cfg(test)]
mod tests {
    use recpipe::Value;
    use recpipe::times::Times;

    use crate::format::testing::block;
    use crate::format::{Args, FORMATS, Start, Wanted};
    use crate::input::clock::Hand;

    /// More records than the samples of the help have: without a time, with another's, not records at all.
    const MORE: [(&str, &str); 10] = [
        ("logfmt", "a=1 ts=2026-03-12T02:10:11Z time=\"2026-03-13 00:00:00Z\"\nt=x ts=5 b\nts=1773281411.5 x=y\n"),
        ("ltsv", "time:x\ttime_local:[12/Mar/2026:02:10:11 +0000]\na:b\ntime_iso8601:2026-03-12T02:10:12Z\tk:v\n"),
        (
            "w3c",
            "#Fields: cs-method date time c-ip\nGET 2026-03-12 02:10:11 10.0.0.1\n#Fields: date-time,x\n2026-03-12T02:10:12.5Z,\"a \"\"b\"\"\"\n",
        ),
        (
            "cri",
            "2026-03-12T02:10:11Z stdout P a\n2026-03-12T02:10:12Z stderr F b\n2026-03-12T02:10:13Z stdout F c\nx\n2026-03-12T02:10:14Z stderr P d\n",
        ),
        (
            "postgres",
            "2026-03-12 02:10:11.123 CET,,,7,,x,1,,2026-03-12 02:00:00 CET,,0,LOG,00000,\"a\nb\",,,,,,,,,\"\",\"x\",,0\n2026-03-12 02:10:12 UTC [7] LOG:  x\n  y\n",
        ),
        (
            "mysql-slow",
            "# User@Host: a[a] @ b []\n# Query_time: 1  Lock_time: 0\nSET timestamp=1773281408;\nSELECT '# Time: x';\n# Time: 260312  2:10:11\n# User@Host: a[a] @ b []\nSET timestamp=1;\nx;\n",
        ),
        ("docker", "{\"time\":null,\"log\":\"a\"}\n{\"log\":\"b\",\"time\":\"2026-03-12T02:10:11Z\",\"attrs\":{\"time\":\"x\"}}\n"),
        ("caddy", "{\"ts\":\"2026-03-12T02:10:11Z\",\"request\":{\"method\":\"GET\",\"ts\":1}}\n{\"request\":{\"method\":\"GET\"}}\n"),
        (
            "elb",
            "http 2026-03-12T02:10:11Z x\n2026-03-12T02:10:11.5Z lb 10.0.0.1:1 - -1 -1 -1 503 0 0 0 \"GET http://a:80/ HTTP/1.1\" \"x\" - -\n",
        ),
        ("s3", "o b [12/Mar/2026:02:10:12 +0000] - - 8Y REST.GET.OBJECT k \"GET / HTTP/1.1\" 404 - - - - - \"-\" \"-\" - \n"),
    ];

    #[test]
    fn a_clock_tells_the_time_that_the_record_has() {
        let (mut formats, mut records, mut without) = (0, 0, 0);
        for spec in FORMATS {
            let Start::Blocks(start) = spec.start else { continue };
            let Ok(mut format) = start(&Args::default()) else { continue };
            let Some(clock) = format.clock() else { continue };
            formats += 1;
            let more = MORE.iter().find(|(name, _)| *name == spec.name).map_or("", |(_, text)| *text);
            for text in [spec.sample, more].into_iter().filter(|text| !text.is_empty()) {
                let block = block(text.as_bytes());
                if format.learns() {
                    format.sample(&block).unwrap();
                }
                let mut parser = format.plan(&block).unwrap().parser();
                let parsed = parser.parse(&block, &Wanted::all());
                // The seeds' names have the time as text.
                let place = parsed.batch.schema().index_of("time");
                let mut hand = Hand::new(clock.clone(), Times::default());
                for row in 0..parsed.batch.len() {
                    let Some(Value::Time(time)) = place.map(|place| parsed.batch.column(place).value(row)) else {
                        without += 1;
                        let told = hand.when(&block.bytes[parser.row_start(row)..]);
                        assert!(told.is_none() || place.is_none(), "{}: {row} of {text}: {told:?}", spec.name);
                        continue;
                    };
                    records += 1;
                    let told = hand.when(&block.bytes[parser.row_start(row)..]);
                    assert_eq!(told, Some(time.nanos), "{}: {row} of {text}", spec.name);
                }
            }
        }
        assert!(formats >= 21 && records >= 38 && without >= 5, "{formats} {records} {without}");
    }
}
