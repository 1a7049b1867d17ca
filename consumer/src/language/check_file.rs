//! Checks `x in "FILE"`: a file with a value in each line, of the type of what is looked for, or with networks.

use recpipe::{Type, times::Times, untyped::Cell};

use super::{
    ast,
    check_expr::{Checked, Checker},
    diagnose::Diagnostic,
    signature::name,
};
use crate::{
    expr::{Constant, Expr, Network, Node, Set},
    span::Span,
};

impl Checker<'_> {
    /// `value in "path"`. The file is read when the query is checked, once for all who run it.
    pub(super) fn in_file(&mut self, value: &ast::Expr, path: &str, path_span: Span, span: Span) -> Checked<Expr> {
        let text = self.setting.inputs.text(path_span.start, path);
        let text = text
            .map_err(|why| self.fail(Diagnostic::new(path_span, why).label("a list of values stands in brackets: `in (\"a\", \"b\")`")));
        let value = self.of_records(value)?;
        let reader = ValueReader {
            kind: value.kind(),
            is_open: value.is_open() || matches!(value.kind(), Type::Mixed | Type::Null),
            times: Times { zone: self.setting.zone.clone().unwrap_or_default(), before: Some(self.setting.now) },
        };
        let (constants, networks) = reader.read(&text?).map_err(|(line, why)| {
            let what = format!("{path}:{line}: {}", why.what);
            let label = match why.mend {
                Some(mend) => mend,
                None => format!("`{}` is {}: each line has to be", value.text(), name(value.kind())),
            };
            self.fail(Diagnostic::new(path_span, what).label(label))
        })?;
        let storage = if reader.is_open { Type::Mixed } else { value.storage() };
        let set = Set::new(constants, networks, storage);
        Ok(self.made(Node::In { value: Box::new(value), set: set.into() }, Type::Bool, span))
    }
}

/// Reads the lines of a file as values.
struct ValueReader {
    /// The type of what is looked for.
    kind: Type,
    /// Whether it may have values of other types, too.
    is_open: bool,
    times: Times,
}

/// Why a line is no value.
struct NoValue {
    what: String,
    /// How to mend it, where that is known.
    mend: Option<String>,
}

impl ValueReader {
    /// The values of all lines that are not blank, and the networks among them; an error tells its line.
    fn read(&self, text: &[u8]) -> Result<(Vec<Constant>, Vec<Network>), (usize, NoValue)> {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let (mut constants, mut networks, mut addresses) = (Vec::new(), Vec::new(), Vec::new());
        for (number, line) in (1..).zip(text.split(|&byte| byte == b'\n')) {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.trim_ascii().is_empty() {
                continue;
            }
            let typed = self.typed(line);
            if !self.is_open && self.kind != Type::Text {
                let no_value = || NoValue { what: format!("`{}` is not {}", String::from_utf8_lossy(line), name(self.kind)), mend: None };
                constants.push(typed.ok_or_else(|| (number, no_value()))?);
                continue;
            }
            constants.extend(typed);
            constants.push(Constant::Text(line.into()));
            let Ok(text) = std::str::from_utf8(line.trim_ascii()) else { continue };
            if text.split_once('/').is_some_and(|(_, bits)| bits.is_empty() || bits.len() > 3 || !bits.bytes().all(|b| b.is_ascii_digit()))
            {
                continue;
            }
            match Network::parse(text) {
                Ok(network) if text.contains('/') => networks.push(network),
                Ok(address) => addresses.push(address),
                // What is no address is a text like any other.
                Err((_, mend)) if mend.is_empty() => {}
                Err((what, mend)) => return Err((number, NoValue { what, mend: Some(mend) })),
            }
        }
        if !networks.is_empty() {
            networks.append(&mut addresses);
        }
        Ok((constants, networks))
    }

    /// The line as what it is besides text; in an open field, as a cell would be.
    fn typed(&self, line: &[u8]) -> Option<Constant> {
        let text = std::str::from_utf8(line).ok()?.trim_ascii();
        let number = || match text.parse::<i128>() {
            Ok(int) => Some(Constant::Int(int)),
            Err(_) => text.parse().ok().filter(|float: &f64| float.is_finite()).map(Constant::Float),
        };
        match (self.kind, self.is_open) {
            (Type::Text, false) => None,
            (Type::Int | Type::Float, false) => number(),
            (Type::Bool, _) => text.parse().ok().map(Constant::Bool),
            (Type::Time, _) => self.times.read(text.as_bytes()).ok().map(|read| Constant::Time(read.time)),
            _ => match Cell::of(text.as_bytes()) {
                Cell::Int(int) => Some(Constant::Int(int.into())),
                Cell::Wide(int) => Some(Constant::Int(int)),
                Cell::Float(float) => Some(Constant::Float(float)),
                Cell::Text => text.parse().ok().map(Constant::Bool),
            },
        }
    }
}
