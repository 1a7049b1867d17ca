//! Topics of the help that are no word of their own: what both programs have in common, and examples to begin with.

/// A topic.
#[derive(Clone, Copy, Debug)]
pub struct Topic {
    /// What is asked for: `producer help NAME`, `consumer help NAME`.
    pub name: &'static str,
    /// What it is about, in a few words.
    pub about: &'static str,
    /// The heading of its part of a man page.
    pub heading: &'static str,
    /// All of it.
    pub text: &'static str,
}

/// All of them, in the order of the overviews.
pub const TOPICS: [Topic; 5] = [
    Topic { name: "examples", about: "commands to begin with", heading: "EXAMPLES", text: EXAMPLES },
    Topic { name: "times", about: "how times are read, written, compared and cut", heading: "TIMES", text: TIMES },
    Topic { name: "regex", about: "regular expressions: where they stand, their syntax", heading: "REGULAR EXPRESSIONS", text: REGEX },
    Topic { name: "null", about: "values that are not there", heading: "NULL", text: NULL },
    Topic { name: "templates", about: "lines of a log as {names} between what stays the same", heading: "TEMPLATES", text: TEMPLATES },
];

/// The topic of this name.
///
/// # Examples
/// ```
/// assert!(recpipe_manual::topic::named("times").is_some_and(|topic| topic.text.contains("--zone")));
/// assert!(recpipe_manual::topic::named("csv").is_none());
/// ```
pub fn named(name: &str) -> Option<&'static Topic> {
    TOPICS.iter().find(|topic| topic.name == name)
}

/// All of them: names and what they are about.
pub fn overview() -> String {
    TOPICS.iter().map(|topic| format!("  {:10} {}\n", topic.name, topic.about)).collect()
}

const EXAMPLES: &str = "\
Questions to a web server's log. Each is one command; `recpipe FORMAT PATH QUERY` is the same as
`producer FORMAT PATH | consumer QUERY`.

  recpipe apache access.log 'count by status'
  recpipe apache access.log 'where status == 404 | count by request | top 10'
  recpipe apache access.log 'stats sum(bytes) as sent, count by host | top 5 by sent'
  recpipe apache access.log 'count every 1h | chart'
  recpipe apache access.log 'where request =~ /\\.php/ | head 3 | print \"{host} {request}\"'

Tables and JSON:

  recpipe csv sales.csv 'stats sum(price), avg(price) by shop'
  recpipe csv sales.csv --cast zip=str 'sort -price | head 3 | csv'
  recpipe json events.json 'count by level'

Two programs where there are two places: an encoder there, a question here.

  ssh host cat access.log.gz | producer apache | consumer 'top 5 host'
  producer apache access.log --to log.rec; consumer --from log.rec 'describe'

What is in a file, when nobody knows: `producer --dry-run auto FILE`, and `recpipe auto FILE describe`.
";

const TIMES: &str = "\
A field `time` of a log is a time; of others, `--cast FIELD=time` (producer) and `time(FIELD)` (query) make one.

Read are ISO 8601 and RFC 3339 in their usual forms, the times of web servers, RFC 2822 and syslog, and seconds,
milliseconds, microseconds or nanoseconds since 1970. Other forms are told by a format:
  --cast 'day=time:%d.%m.%Y'          in a query: time(day, \"%d.%m.%Y\")

Where no offset is written, the time is in UTC, or where `--zone Europe/Berlin` says (an option of both programs).

Which records are read (producer):
  --since -1h     --since yesterday --until today     --since 14:00     --since '2026-11-29 02:10'

In a query:
  where time >= @2026-11-29T02:10     a literal: date, or date and time, with or without an offset
  time + 90s, time - prev(time)       durations: ns us ms s m h d w
  bin(time, 1h), count every 5m       cut down; 1d, 1w, 1mo and 1y go by the calendar
  hour(time), strftime(time, \"%F\")    parts, and as text
";

const REGEX: &str = "\
Where they stand:
  producer --grep 'REGEX'             lines that match, before they are parsed
  producer regex 'PATTERN'            a format: a field for each named group, (?P<name>…)
  where request =~ /\\.php$/i          in a query between slashes; i: upper and lower case are one
  grep /timeout/, parse line /…/, extract(x, /…/), replace(x, /…/, \"…\"), select /^user_/

A regex matches anywhere in the text unless it has ^ or $. A slash within slashes is written \\/ .

  .  any character      \\d \\w \\s  digit, word, blank   [a-f] [^;]  one of, none of
  x* x+ x? x{2,4}       x*?  as few as possible           (…) (?P<name>…) (?:…)
  ^ $  begin, end       \\b  edge of a word               a|b   (?i) ignores case

The syntax is that of Rust's `regex` crate: there are no look-around and no back-references, and the time that a
match takes is proportional to the text.
";

const NULL: &str = "\
A null is a value that is not there: an empty cell among numbers, `-` in a log, null in JSON, a division by zero.
A field that a record of json, xml, logfmt or pickle does not have is missing; in a query it counts as null.

  producer csv --null NA --null n/a   cells that are null, besides the empty one
  where x == null, where x != null    a comparison with null itself; any other with a null is false
  x ?? 0, fill x with 0               what stands in its place

Arithmetic with a null is null. Aggregates leave nulls out: `count` counts records, `count(x)` those that have x.
`by` and `per` take null as a key like any other. Sorting puts it last, in both directions.
";

const TEMPLATES: &str = "\
A template says how the lines of a log are written: names in braces between what stays the same.

  producer log '{time:%Y-%m-%d %H:%M:%S,%3f} {level} [{thread}] {message*}' app.log
  … | consumer 'parse line \"user={user} took={ms:float}ms\" | avg(ms) by user'

  {name}                  as much as there is up to what follows; an int, a float or text by its own bytes
  {name:int} {name:float} {name:text} {name:word} {name:time}     of that type only
  {name:%H:%M:%S}         a time, written so
  {name*}                 the rest; in `producer log` with the lines that follow and begin no record
  {}                      something that is thrown away
  {{                      a brace

A template has to fit the whole text: where the rest is of no use, it ends with {}.

The strings of servers are templates, too: `producer log '$remote_addr - [$time_local] \"$request\" $status' FILE`, or
`producer log @/etc/nginx/nginx.conf:main FILE` for the one of that name in the configuration. `--or TEMPLATE` reads
what the first one does not fit.

A template that is needed often gets a name, as a format of your own, in ~/.config/recpipe/formats.toml:
  [shop]
  templates = [\"{time:%F %T} {level} {message*}\"]
";

#[cfg(test)]
mod tests {
    use super::TOPICS;

    #[test]
    fn topics_are_text_for_a_terminal() {
        for topic in TOPICS {
            assert!(topic.text.ends_with('\n') && topic.text.lines().all(|line| line.chars().count() <= 120), "{}", topic.name);
            assert!(topic.text.lines().count() <= 40, "{} is longer than a screen", topic.name);
        }
    }
}
