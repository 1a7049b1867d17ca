//! The questions that `report` asks: a table of queries, each over fields that records may have.
//!
//! Each gives columns of these names: `item` or `time`, `requests`, `visitors`, `bytes`, and of durations `p50` `p90` `p99` `max`.

/// What a section needs to know of the fields, by their roles: how they are written in a query.
#[derive(Clone, Debug, Default)]
pub(super) struct Roles {
    pub(super) host: Option<String>,
    pub(super) request: Option<String>,
    pub(super) status: Option<String>,
    pub(super) bytes: Option<String>,
    pub(super) referrer: Option<String>,
    pub(super) agent: Option<String>,
    pub(super) duration: Option<String>,
    pub(super) time: Option<String>,
    pub(super) level: Option<String>,
    pub(super) user: Option<String>,
}

/// The names of fields that have a role, the likelier first.
pub(super) const HOST: &[&str] = &["host", "remote_addr", "client_ip", "clientip", "client", "ip", "remote_ip", "request.remote_ip"];
pub(super) const REQUEST: &[&str] = &["request", "path", "uri", "url", "request.uri", "request_uri", "endpoint"];
pub(super) const STATUS: &[&str] = &["status", "status_code", "code", "response_code"];
pub(super) const BYTES: &[&str] = &["bytes", "body_bytes_sent", "bytes_sent", "size", "response_size"];
pub(super) const REFERRER: &[&str] = &["http_referer", "referer", "referrer"];
pub(super) const AGENT: &[&str] = &["http_user_agent", "user_agent", "useragent", "agent"];
pub(super) const DURATION: &[&str] = &[
    "request_time",
    "duration",
    "duration_ms",
    "response_time",
    "response_ms",
    "latency",
    "latency_ms",
    "elapsed",
    "elapsed_ms",
    "time_taken",
    "took",
    "ms",
    "upstream_response_time",
];
pub(super) const LEVEL: &[&str] = &["level", "severity"];
pub(super) const USER: &[&str] = &["user"];

/// Rows of a list of the largest.
const MOST: usize = 20;

/// What an agent is called, by what it says of itself: programs that say that they are somebody else last.
const FAMILY: &str = r#"case(
    agent == "" or agent == "-" or agent == null, "(none)",
    agent =~ /(?i)bot\b|bot[\/;_-]|crawl|spider|slurp|facebookexternalhit|preview/, "crawlers",
    contains(agent, "Edg"), "Edge",
    contains(agent, "OPR/") or contains(agent, "Opera"), "Opera",
    contains(agent, "Firefox/"), "Firefox",
    contains(agent, "Chrome/") or contains(agent, "CriOS/") or contains(agent, "Chromium"), "Chrome",
    contains(agent, "MSIE") or contains(agent, "Trident/"), "Internet Explorer",
    contains(agent, "Safari/"), "Safari",
    agent =~ /(?i)^(curl|wget|python|go-http|java|okhttp|libwww|axios|node|ruby|perl|php|apache-httpclient|git|ansible)/, "programs",
    "others")"#;

impl Roles {
    /// The title of each section and its query; nothing of what would need other fields.
    pub(super) fn sections(&self) -> Vec<(&'static str, String)> {
        let sum = |field: &Option<String>, name: &str| field.as_ref().map_or(String::new(), |field| format!(", sum({field}) as {name}"));
        let visitors = self.host.as_ref().map_or(String::new(), |host| format!(", distinct({host}) as visitors"));
        let bytes = sum(&self.bytes, "bytes");
        let latency = self
            .duration
            .as_ref()
            .map_or(String::new(), |field| format!(", p50({field}) as p50, p90({field}) as p90, p99({field}) as p99, max({field}) as max"));
        let mut sections = vec![("total", format!("stats count as requests{visitors}{bytes}{latency}"))];
        if let Some(status) = &self.status {
            sections.push(("statuses", format!("stats count as requests{bytes} by {status} as item")));
        }
        let mut largest = |title, field: &Option<String>, condition: &str| {
            if let Some(field) = field {
                let condition = if condition.is_empty() { String::new() } else { format!("where {condition} | ") };
                sections.push((title, format!("{condition}stats count as requests{bytes} by {field} as item | top {MOST} by requests")));
            }
        };
        let not_found = self.status.as_ref().filter(|_| self.request.is_some()).map(|status| format!("{status} == 404"));
        largest("requests", &self.request, "");
        if let Some(not_found) = &not_found {
            largest("not found", &self.request, not_found);
        }
        largest("hosts", &self.host, "");
        if let Some(referrer) = &self.referrer {
            largest("referrers", &self.referrer, &format!("{referrer} != \"-\" and {referrer} != \"\""));
        }
        if let Some(user) = &self.user {
            largest("users", &self.user, &format!("{user} != \"-\" and {user} != \"\""));
        }
        largest("levels", &self.level, "");
        if let Some(agent) = &self.agent {
            let summed = if bytes.is_empty() { "" } else { ", sum(bytes) as bytes" };
            let query = format!(
                "stats count as requests{bytes} by {agent} as agent | let item = {FAMILY} | stats sum(requests) as requests{summed} by item | sort -requests"
            );
            sections.push(("agents", query));
        }
        if let (Some(duration), Some(request)) = (&self.duration, &self.request) {
            let query =
                format!("stats count as requests, sum({duration}) as all{latency} by {request} as item | top {MOST} by all | drop all");
            sections.push(("latency", query));
        }
        if let Some(time) = &self.time {
            let days = format!("stats count as requests{visitors}{bytes} by bin({time}, 1d) as time");
            let hours = format!("stats count as requests{bytes} by bin({time}, 1h) as time");
            let of_day = format!("stats count as requests{bytes} by hour({time}) as item | let item = padleft(str(item), 2, \"0\")");
            sections.insert(1, ("days", days));
            sections.extend([("hours of the day", of_day), ("hours", hours)]);
        }
        sections
    }
}
