//! A page of HTML: pictures, a table beside each, and where it is from.

use std::{fmt::Write, sync::Arc};

use recpipe::Time;

use super::{
    Figure,
    escape::put,
    svg::{STYLE, within},
};

/// What stands at the foot: where a picture is from, and what of the records is in it.
#[derive(Clone, Debug)]
pub(crate) struct Foot {
    /// The query.
    pub(crate) query: Arc<str>,
    /// The records that came; `None` where the query had enough before the last, which is chance.
    pub(crate) records: Option<u64>,
    /// What came and was no record.
    pub(crate) rejected: u64,
    /// Why not all came, if not all did.
    pub(crate) missing: Option<String>,
    /// When it was asked.
    pub(crate) now: Time,
}

impl Foot {
    /// What is said, line by line.
    pub(super) fn lines(&self) -> Vec<String> {
        let now = Time { nanos: self.now.nanos.div_euclid(1_000_000_000) * 1_000_000_000, ..self.now };
        let query = self.query.split_whitespace().collect::<Vec<_>>().join(" ");
        let read = self.records.map_or(String::new(), |records| format!("{records} records read, {} rejected, ", self.rejected));
        let ledger = match (self.records, &self.missing) {
            (_, Some(missing)) => format!("{read}not complete: {missing}"),
            (Some(_), None) => format!("{read}complete"),
            (None, None) => "complete: the query had enough before the end of the records".to_owned(),
        };
        vec![query, ledger, now.to_string()]
    }
}

/// A part of a page.
#[derive(Clone, Debug)]
pub(crate) struct Section {
    /// What it is of.
    pub(crate) title: String,
    /// The picture, where there is something to draw.
    pub(crate) figure: Option<Figure>,
    /// The names of the table, and which of them are numbers.
    pub(crate) names: Vec<(String, bool)>,
    /// Its rows.
    pub(crate) rows: Vec<Vec<String>>,
    /// Rows that are not in it.
    pub(crate) more: u64,
}

const LAYOUT: &str = "\
*{box-sizing:border-box}body{margin:0;padding:1rem;background:var(--ground);color:var(--ink);font:15px/1.4 system-ui,sans-serif}\
h1{font-size:1.3rem;margin:0 0 1rem;overflow-wrap:anywhere}h2{font-size:1.05rem;margin:0 0 .5rem}h2::first-letter{text-transform:uppercase}\
main{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,30rem),1fr));gap:1.5rem 2rem;align-items:start}\
section{min-width:0;max-width:60rem}svg{display:block;width:100%;height:auto}\
.t{overflow:auto;max-height:28rem;margin-top:.5rem}table{border-collapse:collapse;font-size:.85rem;font-variant-numeric:tabular-nums}\
th,td{padding:.15rem .8rem .15rem 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--rule);overflow-wrap:anywhere}\
th{position:sticky;top:0;background:var(--ground)}.n{text-align:right;white-space:nowrap}\
.more,footer{color:var(--faint);font-size:.85rem}footer{margin-top:2rem;border-top:1px solid var(--rule);padding-top:.5rem}\
code{overflow-wrap:anywhere}";

/// The page. The query is its title.
pub(crate) fn page(title: &str, sections: &[Section], foot: &Foot) -> String {
    let mut out = String::from(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>",
    );
    put(title, &mut out);
    let _ = write!(out, "</title>\n<style>{STYLE}{LAYOUT}</style>\n</head>\n<body>\n<h1>");
    put(title, &mut out);
    out.push_str("</h1>\n<main>\n");
    sections.iter().for_each(|section| section.put(&mut out));
    out.push_str("</main>\n<footer>");
    for (at, line) in foot.lines().iter().enumerate() {
        out.push_str(if at == 0 { "<code>" } else { "<br>" });
        put(line, &mut out);
        out.push_str(if at == 0 { "</code>" } else { "" });
    }
    out.push_str("</footer>\n</body>\n</html>\n");
    out
}

impl Section {
    fn put(&self, out: &mut String) {
        out.push_str("<section>\n");
        if !self.title.is_empty() {
            out.push_str("<h2>");
            put(&self.title, out);
            out.push_str("</h2>\n");
        }
        if let Some(figure) = &self.figure {
            out.push_str(&within(figure));
        }
        if !self.names.is_empty() {
            out.push_str("<div class=\"t\"><table>\n<thead><tr>");
            let class = |is_number: bool| if is_number { " class=\"n\"" } else { "" };
            for (name, is_number) in &self.names {
                let _ = write!(out, "<th{}>", class(*is_number));
                put(name, out);
                out.push_str("</th>");
            }
            out.push_str("</tr></thead>\n<tbody>\n");
            for row in &self.rows {
                out.push_str("<tr>");
                for (cell, (_, is_number)) in row.iter().zip(&self.names) {
                    let _ = write!(out, "<td{}>", class(*is_number));
                    put(cell, out);
                    out.push_str("</td>");
                }
                out.push_str("</tr>\n");
            }
            out.push_str("</tbody></table></div>\n");
        }
        if self.more > 0 {
            let _ = writeln!(out, "<p class=\"more\">{} more</p>", self.more);
        }
        out.push_str("</section>\n");
    }
}
