//! Words that people bring from SQL, KQL, SPL and their like, and how the same is said here.

/// Where a stage is expected.
const STAGES: [(&str, &str); 8] = [
    ("by", "write `count by x`, `sort x` or `top 10 by x`"),
    ("from", "the records are those that a producer sends; `select` comes after the conditions"),
    ("group", "write `count by x`, or any other aggregate by x"),
    ("having", "write `where` after the aggregates"),
    ("insert", "write `write \"FILE\"`"),
    ("order", "write `sort x`, or `sort -x` for the largest first"),
    ("tac", "write `sort -x`"),
    ("wc", "write `count`"),
];

/// Where a stage ends.
const AFTER: [(&str, &str); 13] = [
    ("asc", "the least comes first in `sort x`"),
    ("between", "write `x in 1..10`"),
    ("desc", "the largest comes first in `sort -x`"),
    ("from", "the records are those that a producer sends"),
    ("group", "write `count by x`, or any other aggregate by x"),
    ("has", "write `x contains \"…\"`"),
    ("having", "write `| where` after the aggregates"),
    ("ilike", "write `x =~ /…/i`"),
    ("is", "write `x == null`, `x != null`"),
    ("like", "write `x =~ /…/`, `x contains \"…\"`, `x startswith \"…\"` or `x endswith \"…\"`"),
    ("matches", "write `x =~ /…/`"),
    ("order", "write `| sort x`, or `| sort -x` for the largest first"),
    ("xor", "write `!=` between two conditions in brackets"),
];

/// What other programs call a field, and what it is called in all logs.
const FIELDS: [(&str, &str); 26] = [
    ("__realtime_timestamp", "time"),
    ("_hostname", "host"),
    ("_pid", "pid"),
    ("_systemd_unit", "unit"),
    ("body_bytes_sent", "bytes"),
    ("bytes_sent", "bytes"),
    ("client_ip", "host"),
    ("clientip", "host"),
    ("http_x_forwarded_for", "forwarded_for"),
    ("msg", "message"),
    ("path", "request"),
    ("protocol", "proto"),
    ("referer", "http_referer"),
    ("remote_addr", "host"),
    ("remote_user", "user"),
    ("request_method", "method"),
    ("request_uri", "request"),
    ("server_protocol", "proto"),
    ("severity", "level"),
    ("size", "bytes"),
    ("time_iso8601", "time"),
    ("time_local", "time"),
    ("timestamp", "time"),
    ("ua", "http_user_agent"),
    ("user_agent", "http_user_agent"),
    ("verb", "method"),
];

/// What a field of this name is called in all logs, if other programs call it so.
pub(crate) fn field_of_logs(name: &str) -> Option<&'static str> {
    FIELDS.iter().find(|(known, _)| name.eq_ignore_ascii_case(known)).map(|(_, here)| *here)
}

/// How that is written which begins with this word elsewhere; empty for a word that is not known.
pub(crate) fn instead_of_stage(word: &str) -> &'static str {
    find(&STAGES, word)
}

/// How that is written which goes on with this word elsewhere; empty for a word that is not known.
pub(crate) fn instead_of(word: &str) -> &'static str {
    find(&AFTER, word)
}

fn find(table: &[(&str, &'static str)], word: &str) -> &'static str {
    table.iter().find(|(known, _)| word.eq_ignore_ascii_case(known)).map_or("", |(_, instead)| instead)
}

#[cfg(test)]
mod tests {
    use super::{AFTER, STAGES, instead_of, instead_of_stage};
    use crate::catalog::CATALOG;

    #[test]
    fn no_word_of_ours_is_foreign() {
        assert!(STAGES.iter().all(|(word, _)| CATALOG.stage(word).is_none() && CATALOG.aggregate(word).is_none()));
        assert!(AFTER.iter().all(|(word, _)| CATALOG.stage(word).is_none()));
        assert_eq!((instead_of_stage("where"), instead_of("and")), ("", ""));
        assert!(instead_of("DESC").contains("sort -x"));
    }
}
