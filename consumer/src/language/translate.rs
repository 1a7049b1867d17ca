//! Stages as people write them who come from SQL, KQL, SPL and their like, in our words.
//!
//! A stage that cannot be read is rewritten by [`RULES`], one after the other, until it can: so what is said to be written is right
//! when it is typed, and no rule speaks of words that there are not.

use std::{iter, sync::LazyLock};

use regex::{Captures, Regex};

/// What is looked for in a stage, and what may stand there instead: the first with which it can be read. What is in quotes is no part of it.
const RULES: &[(&str, &[&str])] = &[
    // Stages.
    (
        r"(?i)^select\s+(?:[\w\s.,`]*?,\s*)?((?:count|sum|avg|mean|average|min|max|median|stdev|stddev)\b.*?)\s+group\s+by\s+(.+)$",
        &["stats $1 by $2"],
    ),
    (r"(?i)^(.+?)\s+group\s+by\s+(.+)$", &["$1 by $2"]),
    (r"(?i)^(.+?)\s+order\s+by\s+(\S+)\s+desc$", &["$1 | sort -$2"]),
    (r"(?i)^(.+?)\s+order\s+by\s+(\S+)(?:\s+asc)?$", &["$1 | sort $2"]),
    (r"(?i)^select\s+distinct\s+(.+)$", &["distinct $1"]),
    (r"(?i)^select\s+(.+)$", &["stats $1"]),
    (r"(?i)^(stats\s.+?)\s+where\s+(.+)$", &["where $2 | $1"]),
    (r"(?i)^(where\s[^()]+?)\s*,\s*([^()]+)$", &["$1 and $2"]),
    (r"(?i)^group(?:\s+by)?\s+(.+)$", &["count by $1"]),
    (r"(?i)^order(?:\s+by)?\s+(.+)$", &["sort $1"]),
    (r"(?i)^sort\s+by\s+(.+)$", &["sort $1"]),
    (r"(?i)^(sort\s(?:.*[\s,])?)([^\s,]+)\s+desc\b", &["$1-$2"]),
    (r"(?i)^(sort\s.*\S)\s+asc\b", &["$1"]),
    (r"(?i)^having\s+(.+)$", &["where $1"]),
    (r"(?i)^(head|tail|skip|limit|take)\s+-(?:n\s*)?(\d+)$", &["$1 $2"]),
    (r"(?i)^first\s+(\d+)$", &["head $1"]),
    (r"(?i)^last\s+(\d+)$", &["tail $1"]),
    (r"(?i)^limit\s+(\d+)\s+offset\s+(\d+)$", &["skip $2 | head $1"]),
    (r"(?i)^offset\s+(\d+)$", &["skip $1"]),
    (r"(?i)^top\s+([a-z_][\w.]*)$", &["count by $1 | top 10"]),
    (r"(?i)^rename\s+(\S+)\s+(?:to|->)\s+(\S+)$", &["rename $1 as $2"]),
    (r"(?i)^rename\s+([^\s=]+)\s*=\s*(\S+)$", &["rename $2 as $1"]),
    (r"(?i)^grep\s+-i\s+([\w.-]+)$", &["grep /$1/i"]),
    (r"(?i)^grep\s+([\w.-]+)$", &["grep /$1/"]),
    (r"(?i)^(?:dedup|unique|drop_duplicates)\s+(.+)$", &["distinct $1"]),
    (r"(?i)^(?:dedup|unique|drop_duplicates)$", &["distinct"]),
    (r"(?i)^hist(?:ogram)?\s+(\S+)$", &["count by bin($1, 100)"]),
    (r"(?i)^cumsum\s+(\S+)$", &["let total = sum($1) so far"]),
    (r"(?i)^rank\s+(\S+)$", &["sort -$1 | let rank = number()", "top 10 by $1"]),
    (r"(?i)^timechart\s+(?:span\s*=\s*\S+\s+)?(.+?)\s+by\s+(.+)$", &["$1 by $2 every 1h", "$1 by bin(time, 1h), $2"]),
    (r"(?i)^timechart\s+(?:span\s*=\s*\S+\s+)?(.+)$", &["$1 every 1h", "$1 by bin(time, 1h)"]),
    (r"(?i)^transaction\s+(\S+)$", &["session $1 gap 30m as session"]),
    (r"(?i)^session(?:ize)?\s+(\d+\w+)\s+(?:per|by)\s+(.+)$", &["session $2 gap $1"]),
    (r"(?i)^session(?:ize)?\s+(?:per\s+|by\s+)?([a-z_][\w.]*)\s+(\d+\w+)$", &["session $1 gap $2"]),
    (r"(?i)^(.*\bevery\s.*\S)\s+fill$", &["$1 fill 0"]),
    (r"(?i)^(?:stats\s+)?([a-z]\w*\([^()]*\))\s+(?:over\s+)?last\s+(\d+)(\s+per\s.+)?$", &["let moving = $1 last $2$3"]),
    (r"(?i)^(lookup|join)\s+(\S+)\s+(?:in|from|with)\s+(\S+)$", &["$1 $3 on $2"]),
    (
        r"(?i)^(?:inner\s+|left\s+)?(?:join|lookup)\s+(\S+)\s+(?:on\s+|by\s+|using\s+)?\(?([^\s()]+)\)?$",
        &["lookup $1 on $2", "join $1 on $2"],
    ),
    (r"(?i)^(?:summary|profile)$", &["describe"]),
    (r"(?i)^(.*\bper\s+)([a-z_][\w.]*(?:\s*,\s*[a-z_][\w.]*)+)$", &["$1($2)"]),
    (r"(?i)^tee\s+(\[.*?\])\s*,?\s*\[\s*(.*?)\s*\]$", &["tee $1 | $2"]),
    (r"(?i)^(?:chart|barchart|graph|plot)\s+(count|[a-z]\w*\([^()]*\))\s+by\s+(.+)$", &["$1 by $2 | chart $1"]),
    (r"(?i)^pivot\s+(\S+)$", &["pivot $1 of count"]),
    (r"(?i)^pivot\s+([^\s,]+)\s+by\s+([^\s,]+)\s+(?:of\s+)?(count|[a-z]\w*\([^()]*\))$", &["$3 by $2, $1 | pivot $1 of $3"]),
    (r"(?i)^pivot\s+([^\s,]+)(?:\s+|\s*,\s*|\s*=\s*)([^\s,]+)$", &["pivot $1 of $2"]),
    (r"(?i)^(?:wc|wc\s+-l)$", &["count"]),
    // Aggregates.
    (r"(?i)\b([a-z]\w*)\(\s*([^\s(),]+)\s+(?:if|where)\s+([^()]+?)\s*\)", &["$1(if($3, $2, null))"]),
    (r"(?i)\bcount\(\s*distinct\s+([^()]+)\)", &["distinct($1)"]),
    (r"(?i)^count\s+(?:distinct|unique)\s+([^\s,()]+)(.*)$", &["distinct($1)$2"]),
    (r"(?i)^count\s+([^\s,()]+(?:\s*,\s*[^\s,()]+)*)$", &["count by $1"]),
    (r"(?i)^(sum|avg|mean|average|min|max|median|stdev|stddev|first|last)\s+(\S+)(.*)$", &["$1($2)$3"]),
    (r"(?i)\b(?:mean|average)\(", &["avg("]),
    (r"(?i)\b(?:stddev|std)\(", &["stdev("]),
    (r"(?i)\b(?:dcount|dc|count_?distinct|distinct_?count|countd|n_?unique|n_distinct|cardinality|uniq|uniqexact)\(", &["distinct("]),
    (r"(?i)\b(?:countif|count_if)\(", &["count("]),
    (r"(?i)\bvalues\(", &["set("]),
    (r"(?i)\b(?:array_agg|collect|collect_list|make_list)\(", &["list("]),
    (r"(?i)\bperc(\d+)\(", &["p$1("]),
    (r"(?i)\bvariance\(", &["var("]),
    // Expressions.
    (r"(?i)\b(?:when|iif|iff|ifelse)\(", &["if("]),
    (r"(?i)\blag\(", &["prev("]),
    (r"(?i)\b(?:length|strlen|char_length)\(", &["len("]),
    (r"(?i)\b(?:tolower|lcase|to_lower)\(", &["lower("]),
    (r"(?i)\b(?:toupper|ucase|to_upper)\(", &["upper("]),
    (r"(?i)\b(?:ifnull|nvl|isnull)\(([^(),]+,)", &["coalesce($1"]),
    (r"(?i)\bisnull\(\s*([^(),]+?)\s*\)", &["$1 == null"]),
    (r"(?i)\b(?:isnotnull|notnull)\(\s*([^(),]+?)\s*\)", &["$1 != null"]),
    (r"(?i)\b(?:match|regexp_like|regexp_matches|regex_match)\(\s*([^(),]+?)\s*,\s*([^(),]+?)\s*\)", &["$1 =~ $2"]),
    (r"([\w.)]+)\s*(?:\*\*|\^)\s*([\w.(]+)", &["pow($1, $2)"]),
    (r"(?i)^((?:let|select)\s(?:[^=]*[^=<>!]=)?\s*)([^?]*[^?\s])\s*\?\s*([^?:]+?)\s*:\s*([^?:]+)$", &["${1}if($2, $3, $4)"]),
    (r"(?i)^((?:let|select)\s.*?)\s*\|\|\s*", &["$1 + "]),
    (r"(?i)\bcumsum\(([^()]+)\)", &["sum($1) so far"]),
    (r"(?i)\bin\s*\[([^\[\]]*)\]", &["in ($1)"]),
    (r"(?i)(\S+)\s+between\s+(\S+)\s+and\s+(\S+)", &["$1 in $2..$3"]),
    (r"(?i)\bis\s+not\s+null\b", &["!= null"]),
    (r"(?i)\bis\s+null\b", &["== null"]),
    (r"<>", &["!="]),
    (r"\bAND\b", &["and"]),
    (r"\bOR\b", &["or"]),
    (r"\bNOT\b", &["not"]),
    (r"\bIN\b", &["in"]),
    (r"\bNULL\b", &["null"]),
    (r"\bTRUE\b", &["true"]),
    (r"\bFALSE\b", &["false"]),
];

/// What is written with something in quotes: `like`, where `%` stands for any text, and units of time.
const QUOTED: &[(&str, &str)] = &[
    (r#"(?i)\bi?like\s+["']%([^%_"'\\]+)%["']"#, r#"contains "$1""#),
    (r#"(?i)\bi?like\s+["']([^%_"'\\]+)%["']"#, r#"startswith "$1""#),
    (r#"(?i)\bi?like\s+["']%([^%_"'\\]+)["']"#, r#"endswith "$1""#),
    (r#"(?i)\bi?like\s+["']([^%_"'\\]+)["']"#, r#"== "$1""#),
    (r#"(?i)\bdate_trunc\(\s*["']second["']\s*,\s*([^\s(),]+(?:\(\))?)\s*\)"#, "bin($1, 1s)"),
    (r#"(?i)\bdate_trunc\(\s*["']minute["']\s*,\s*([^\s(),]+(?:\(\))?)\s*\)"#, "bin($1, 1m)"),
    (r#"(?i)\bdate_trunc\(\s*["']hour["']\s*,\s*([^\s(),]+(?:\(\))?)\s*\)"#, "bin($1, 1h)"),
    (r#"(?i)\bdate_trunc\(\s*["']day["']\s*,\s*([^\s(),]+(?:\(\))?)\s*\)"#, "bin($1, 1d)"),
    (r#"(?i)\bdate_trunc\(\s*["']month["']\s*,\s*([^\s(),]+(?:\(\))?)\s*\)"#, "bin($1, 1mo)"),
    (r#"(?i)\bdate_trunc\(\s*["']year["']\s*,\s*([^\s(),]+(?:\(\))?)\s*\)"#, "bin($1, 1y)"),
];

/// A pattern, and what stands for what it finds.
type Compiled<T> = Vec<(Regex, T)>;

/// The patterns, compiled at the first mistake.
struct Patterns {
    rules: Compiled<&'static [&'static str]>,
    quoted: Compiled<&'static str>,
    case: Compiled<()>,
    literal: Option<Regex>,
}

static COMPILED: LazyLock<Patterns> = LazyLock::new(|| Patterns {
    rules: compiled(RULES),
    quoted: compiled(QUOTED),
    case: compiled(&[(r"(?i)\bcase\s+when\s+(.+?)\s+end\b", ()), (r"(?i)\s+(?:when|then|else)\s+", ())]),
    literal: Regex::new(r#""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`"#).ok(),
});

/// Those that can be: a test says that all can.
fn compiled<T: Copy>(patterns: &[(&str, T)]) -> Compiled<T> {
    patterns.iter().filter_map(|(pattern, instead)| Some((Regex::new(pattern).ok()?, *instead))).collect()
}

/// More than so many ways are not tried.
const MOST_TRIES: usize = 64;

/// Longer stages are nobody's by heart.
const MOST_BYTES: usize = 2000;

/// How the stage is written so that it is right, if a rule leads there.
pub(super) fn translated(stage: &str, is_right: impl Fn(&str) -> bool) -> Option<String> {
    let stage = stage.trim();
    if stage.is_empty() || stage.len() > MOST_BYTES || stage.contains(['\n', '#']) {
        return None;
    }
    let mut text =
        COMPILED.quoted.iter().fold(stage.to_owned(), |text, (pattern, instead)| pattern.replace_all(&text, *instead).into_owned());
    text = cases(&text);
    let (text, quoted) = without_quotes(&text);
    let mut tries = MOST_TRIES;
    let is_right = |text: &str| Some(with_quotes(text, &quoted)).filter(|text| text != stage && is_right(text));
    let (word, rest) = text.split_at(text.find(|c: char| !c.is_alphabetic()).unwrap_or(text.len()));
    let lower = format!("{}{rest}", word.to_lowercase());
    [text.clone(), lower].iter().find_map(|text| search(text, &COMPILED.rules, &is_right, &mut tries))
}

/// The first of the texts that rules make of this one, and of those in turn, that is right.
fn search(text: &str, rules: &[(Regex, &[&str])], is_right: &impl Fn(&str) -> Option<String>, tries: &mut usize) -> Option<String> {
    *tries = tries.checked_sub(1)?;
    if let Some(right) = is_right(text) {
        return Some(right);
    }
    rules.iter().find_map(|(pattern, instead)| {
        instead.iter().find_map(|instead| {
            let next = pattern.replace_all(text, *instead);
            if next == text { None } else { search(&next, rules, is_right, tries) }
        })
    })
}

/// `case when a then b else c end` as `if(a, b, c)`, and one of several conditions as `case(a, b, …)`.
fn cases(text: &str) -> String {
    let [(case, ()), (between, ())] = COMPILED.case.as_slice() else { return text.to_owned() };
    let call = |found: &Captures<'_>| {
        let mut parts: Vec<&str> = between.split(&found[1]).collect();
        if parts.len().is_multiple_of(2) {
            parts.push("null");
        }
        format!("{}({})", if parts.len() == 3 { "if" } else { "case" }, parts.join(", "))
    };
    case.replace_all(text, call).into_owned()
}

/// What stands around the number of something in quotes that was taken out.
const MARKS: [char; 2] = ['\u{e000}', '\u{e001}'];

/// The text with a mark for each part in quotes, and those.
fn without_quotes(text: &str) -> (String, Vec<String>) {
    let mut quoted = Vec::new();
    let Some(pattern) = &COMPILED.literal else { return (text.to_owned(), quoted) };
    let marked = pattern.replace_all(text, |found: &Captures<'_>| {
        quoted.push(found[0].to_owned());
        format!("{}{}{}", MARKS[0], quoted.len() - 1, MARKS[1])
    });
    (marked.into_owned(), quoted)
}

fn with_quotes(text: &str, quoted: &[String]) -> String {
    let mark = |number| format!("{}{number}{}", MARKS[0], MARKS[1]);
    iter::zip(0.., quoted).fold(text.to_owned(), |text, (number, quoted): (usize, _)| text.replace(&mark(number), quoted))
}

/// The names of what is called in this text.
pub(super) fn calls(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices('(').filter_map(|(at, _)| {
        let before = &text[..at];
        let name = &before[before
            .rfind(|c: char| !c.is_alphanumeric() && c != '_')
            .map_or(0, |at| at + before[at..].chars().next().map_or(0, char::len_utf8))..];
        // A list stands after `in`, a condition in brackets after `and`.
        name.starts_with(char::is_alphabetic).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::{COMPILED, QUOTED, RULES, calls};
    use crate::language::tests::plan;

    /// What a message says to write.
    fn said(query: &str) -> Option<String> {
        let error = plan(&[query]).err()?;
        error.diagnostics().iter().find_map(|found| Some(found.label.strip_prefix("write `")?.strip_suffix('`')?.to_owned()))
    }

    #[test]
    fn rules_are_right_themselves() {
        assert_eq!((COMPILED.rules.len(), COMPILED.quoted.len(), COMPILED.case.len()), (RULES.len(), QUOTED.len(), 2));
        assert!(COMPILED.literal.is_some());
        assert_eq!(calls("a(b, c (d(e)) + (f)").collect::<Vec<_>>(), ["a", "d"]);
    }

    #[test]
    fn what_is_said_is_right_when_it_is_typed() {
        for (query, before, expect) in [
            ("group by host", "", "count by host"),
            ("group host, status", "", "count by host, status"),
            ("order by bytes", "", "sort bytes"),
            ("ORDER BY bytes DESC", "", "sort -bytes"),
            ("order by bytes desc, host asc", "", "sort -bytes, host"),
            ("sort host, bytes desc", "", "sort host, -bytes"),
            ("head -5", "", "head 5"),
            ("tail -n 3", "", "tail 3"),
            ("LIMIT 5", "", "limit 5"),
            ("WHERE status = 404 AND NOT bytes > 5", "", "where status = 404 and not bytes > 5"),
            ("count(distinct host) by status", "", "distinct(host) by status"),
            ("count host", "", "count by host"),
            ("sum bytes", "", "sum(bytes)"),
            ("mean bytes by host", "", "avg(bytes) by host"),
            ("mean(bytes) by status", "", "avg(bytes) by status"),
            ("stats mean(bytes), count by status", "", "stats avg(bytes), count by status"),
            ("count by host | having count > 5", "count by host | ", "where count > 5"),
            ("where status in [200, 304]", "", "where status in (200, 304)"),
            ("where status <> 200", "", "where status != 200"),
            ("where user is not null", "", "where user != null"),
            ("where bytes between 10 and 1000", "", "where bytes in 10..1000"),
            ("where host == \"a AND b\" OR status == 1", "", "where host == \"a AND b\" or status == 1"),
            ("where request like \"/ply%\"", "", "where request startswith \"/ply\""),
            ("where request like '%ply%'", "", "where request contains \"ply\""),
            ("where request not like \"%.gif\"", "", "where request not endswith \".gif\""),
            ("select case when status == 404 then 1 else 0 end as x", "", "select if(status == 404, 1, 0) as x"),
            ("let x = when(status == 404, 1, 0)", "", "let x = if(status == 404, 1, 0)"),
            ("dedup host", "", "distinct host"),
            ("histogram bytes", "", "count by bin(bytes, 100)"),
            ("timechart span=1h count by status", "", "count by status every 1h"),
            ("timechart count", "", "count every 1h"),
            ("rank bytes", "", "sort -bytes | let rank = number()"),
            ("wc -l", "", "count"),
            ("let n = number() per host, status", "", "let n = number() per (host, status)"),
            ("tee [ count ] [ sum(bytes) ]", "", "tee [ count ] | sum(bytes)"),
            ("chart count by status", "", "count by status | chart count"),
            ("sum(bytes if status == 200) by host", "", "sum(if(status == 200, bytes, null)) by host"),
            ("session 30m per host", "", "session host gap 30m"),
            ("sessionize host 30m", "", "session host gap 30m"),
            ("count every 1h fill", "", "count every 1h fill 0"),
            ("avg(bytes) over last 5 per host", "", "let moving = avg(bytes) last 5 per host"),
            ("pivot status by host count", "", "count by host, status | pivot status of count"),
            ("pivot status bytes", "", "pivot status of bytes"),
            ("countd(host) by status", "", "distinct(host) by status"),
            ("select status, count(*) group by status", "", "stats count(*) by status"),
            ("stats sum(bytes) group by host", "", "stats sum(bytes) by host"),
            ("count by status order by count desc", "", "count by status | sort -count"),
            ("select distinct host", "", "distinct host"),
            ("select count(*), sum(bytes)", "", "stats count(*), sum(bytes)"),
            ("stats avg(bytes) as m where status == 200", "", "where status == 200 | stats avg(bytes) as m"),
            ("where status == 200, bytes > 3", "", "where status == 200 and bytes > 3"),
            ("sort by bytes", "", "sort bytes"),
            ("first 2", "", "head 2"),
            ("limit 5 offset 10", "", "skip 10 | head 5"),
            ("top host", "", "count by host | top 10"),
            ("rename host to h", "", "rename host as h"),
            ("rename h = host", "", "rename host as h"),
            ("grep 404", "", "grep /404/"),
            ("grep -i ply", "", "grep /ply/i"),
            ("count distinct host by status", "", "distinct(host) by status"),
            ("stats values(host) by status", "", "stats set(host) by status"),
            ("let x = length(host)", "", "let x = len(host)"),
            ("let x = ifnull(bytes, 0)", "", "let x = coalesce(bytes, 0)"),
            ("where isnull(bytes)", "", "where bytes == null"),
            ("where bytes == NULL", "", "where bytes == null"),
            ("where match(host, \"10\")", "", "where host =~ \"10\""),
            ("let x = bytes ** 2", "", "let x = pow(bytes, 2)"),
            ("let x = status > 3 ? 1 : 2", "", "let x = if(status > 3, 1, 2)"),
            ("let x = status == 404 ? 'a' : 'b'", "", "let x = if(status == 404, 'a', 'b')"),
            ("let x = host || \"a\"", "", "let x = host + \"a\""),
            ("let x = date_trunc('hour', now())", "", "let x = bin(now(), 1h)"),
        ] {
            assert_eq!(said(query).as_deref(), Some(expect), "{query}");
            let typed = format!("{before}{expect}");
            plan(&[&typed]).unwrap_or_else(|error| panic!("{query}: {error}"));
        }
        // The file is not there.
        assert_eq!(said("lookup host in \"hosts.csv\"").as_deref(), Some("lookup \"hosts.csv\" on host"));
    }

    #[test]
    fn what_nobody_knows_is_not_said() {
        for query in ["where statuss == 404", "frobnicate host", "where status == ", "count by hots", "group"] {
            assert_eq!(said(query), None, "{query}");
        }
    }
}
