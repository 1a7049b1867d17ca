//! The words of the outputs.

use std::sync::Arc;

use recpipe::transport::Url;

use crate::{
    language::{
        Checker, Parsed, Parser, StageWord, Syntax, Upstream, ast::Output, diagnose::Diagnostic, parsed, template::Template, token::Kind,
    },
    plan::{About, EXTENSIONS, Runs, extension},
    span::Span,
};

#[derive(Debug)]
struct OutputSyntax {
    word: &'static StageWord,
    output: Output,
}

fn written(word: &'static StageWord, output: Output) -> Arc<dyn Syntax> {
    parsed(OutputSyntax { word, output })
}

impl Syntax for OutputSyntax {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        let made = checker.output(&self.output, upstream, span);
        checker.push_output(upstream, self.word, span, made);
    }
}

/// `print`.
pub static PRINT: StageWord = StageWord {
    about: About {
        name: "print",
        syntax: "print [\"TEMPLATE\"]",
        doc: "text, one line a record: {host} {bytes:>10} {time:%H:%M}; alone all fields, tab-separated",
        example: "print \"{host} {bytes:>10}\"",
        runs: Runs::Once,
        output: true,
        ..About::PLAIN
    },
    parse: print,
};

/// `table`.
pub static TABLE: StageWord = StageWord {
    about: About {
        name: "table",
        syntax: "table",
        doc: "an aligned table; the default on a terminal",
        example: "table",
        runs: Runs::Once,
        memory: "O(rows shown)",
        output: true,
        ..About::PLAIN
    },
    parse: table,
};

/// `json`.
pub static JSON: StageWord = StageWord {
    about: About {
        name: "json",
        syntax: "json",
        doc: "one JSON object a line; the default elsewhere",
        example: "json",
        runs: Runs::Once,
        output: true,
        ..About::PLAIN
    },
    parse: json,
};

/// `csv`.
pub static CSV: StageWord = StageWord {
    about: About {
        name: "csv",
        syntax: "csv",
        doc: "comma-separated, as RFC 4180 says; null is empty",
        example: "csv",
        runs: Runs::Once,
        output: true,
        ..About::PLAIN
    },
    parse: csv,
};

/// `tsv`.
pub static TSV: StageWord = StageWord {
    about: About {
        name: "tsv",
        syntax: "tsv",
        doc: "tab-separated; null is empty",
        example: "tsv",
        runs: Runs::Once,
        output: true,
        ..About::PLAIN
    },
    parse: tsv,
};

#[cfg(feature = "arrow")]
/// `arrow`.
pub static ARROW: StageWord = StageWord {
    about: About {
        name: "arrow",
        syntax: "arrow",
        doc: "an Apache Arrow IPC stream, for pandas, Polars and DuckDB; not for a terminal",
        example: "arrow",
        runs: Runs::Once,
        output: true,
        ..About::PLAIN
    },
    parse: arrow,
};

/// `chart`.
pub static CHART: StageWord = StageWord {
    about: About {
        name: "chart",
        syntax: "chart [FIELD]",
        doc: "a bar for each record, of many times a line: of the one aggregate or number there is, or FIELD",
        example: "chart bytes",
        runs: Runs::Once,
        memory: "O(rows shown)",
        output: true,
        ..About::PLAIN
    },
    parse: chart,
};

/// `write`.
pub static WRITE: StageWord = StageWord {
    about: About {
        name: "write",
        syntax: "write \"FILE\"",
        doc: "into a file, as its extension says: .json .csv .tsv .txt .rec .arrow",
        example: "write \"errors.csv\"",
        runs: Runs::Once,
        output: true,
        ..About::PLAIN
    },
    parse: write,
};

/// `emit`.
pub static EMIT: StageWord = StageWord {
    about: About {
        name: "emit",
        syntax: "emit [URL]",
        doc: "the records as a stream, for the next consumer; to standard output unless named",
        example: "emit",
        runs: Runs::Once,
        output: true,
        ..About::PLAIN
    },
    parse: emit,
};

/// `null`.
pub static NULL: StageWord = StageWord {
    about: About {
        name: "null",
        syntax: "null",
        doc: "counts the records and discards them",
        example: "null",
        output: true,
        ..About::PLAIN
    },
    parse: null,
};

/// `write "FILE"`
fn write(parser: &mut Parser<'_>) -> Parsed {
    let (path, span) = parser.text("a file", "write \"errors.csv\"")?;
    if extension(&path).is_none() {
        let known: Vec<_> = EXTENSIONS.iter().map(|(extension, _)| format!(".{extension}")).collect();
        let found = Diagnostic::new(span, "the extension of the file does not say what is to be written");
        return Err(parser.fail(found.label(format!("known are {}", known.join(" ")))));
    }
    Ok(written(&WRITE, Output::Write(path)))
}

/// `emit [URL]`
fn emit(parser: &mut Parser<'_>) -> Parsed {
    if parser.at_stage_end() {
        return Ok(written(&EMIT, Output::Emit(Url::Stdio)));
    }
    if !matches!(parser.peek().kind, Kind::Text(_)) {
        parser.peek_bare();
    }
    let (url, span) = parser.text("a URL", "emit \"errors.rec\"")?;
    match url.parse() {
        Ok(url) => Ok(written(&EMIT, Output::Emit(url))),
        Err(error) => {
            let label = "as in `emit tcp://127.0.0.1:7000`, or in quotes `emit \"exec:consumer count\"`";
            Err(parser.fail(Diagnostic::new(span, error.to_string()).label(label)))
        }
    }
}

/// `print ["TEMPLATE"]`
fn print(parser: &mut Parser<'_>) -> Parsed {
    if parser.at_stage_end() {
        return Ok(written(&PRINT, Output::Print(None)));
    }
    let (text, span) = parser.text("a template", "print \"{host} {bytes:>10}\"")?;
    match Template::parse(&text, parser.source().slice(span), span.start) {
        Ok(template) => Ok(written(&PRINT, Output::Print(Some(template)))),
        Err(found) => Err(parser.fail(found)),
    }
}

/// `chart [FIELD]`
fn chart(parser: &mut Parser<'_>) -> Parsed {
    let value = if parser.at_stage_end() { None } else { Some(parser.expr()?) };
    Ok(written(&CHART, Output::Chart(value)))
}

fn table(_: &mut Parser<'_>) -> Parsed {
    Ok(written(&TABLE, Output::Table))
}

fn json(_: &mut Parser<'_>) -> Parsed {
    Ok(written(&JSON, Output::Json))
}

fn csv(_: &mut Parser<'_>) -> Parsed {
    Ok(written(&CSV, Output::Csv))
}

fn tsv(_: &mut Parser<'_>) -> Parsed {
    Ok(written(&TSV, Output::Tsv))
}

#[cfg(feature = "arrow")]
fn arrow(_: &mut Parser<'_>) -> Parsed {
    Ok(written(&ARROW, Output::Arrow))
}

fn null(_: &mut Parser<'_>) -> Parsed {
    Ok(written(&NULL, Output::Null))
}
