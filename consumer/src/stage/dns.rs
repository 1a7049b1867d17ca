//! `dns FIELD [as NAME]`: adds or replaces a column of the host names of addresses.
//!
//! Where there is no name, or the text is no address, it is the text itself; null stays null.
//!
//! Runs:   once; a batch waits until its names are known.  Order: kept.
//! Memory: O(distinct addresses), within the bounds of [`super::resolver::Limits`].
//! Stops:  when its target does.
//! Errors: none of its own: a resolver that does not answer gives no names.

use std::{collections::HashMap, net::IpAddr};

use recpipe::{Batch, Column, Error, Flow, Stage, Type};

use super::{
    beyond::{self, Beyond},
    relay,
    resolver::Resolver,
};
use crate::{
    expr::{Operand, Texts, Values, Vector, only_text},
    language::{Checked, Checker, Failed, Parsed, Parser, Seen, StageWord, Syntax, Upstream, ast::Ident, parsed},
    plan::{About, Effect, Operator, PlanStage, Read, Runs, Start, Target, conditions::Found},
    span::Span,
};

/// `dns`.
pub static WORD: StageWord = StageWord {
    about: About {
        name: "dns",
        syntax: "dns FIELD [as NAME]",
        doc: "the host names of addresses, else the addresses; the column is FIELD_name unless named",
        example: "dns host as name",
        runs: Runs::Once,
        memory: "O(distinct)",
        ..About::PLAIN
    },
    parse,
};

fn parse(parser: &mut Parser<'_>) -> Parsed {
    Ok(parsed(DnsSyntax { field: parser.ident("a field")?, name: parser.alias()? }))
}

/// Where the addresses are, and the column of the names.
#[derive(Debug)]
struct DnsSyntax {
    field: Ident,
    name: Option<Ident>,
}

impl Syntax for DnsSyntax {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        let made = self.column(checker);
        checker.push(upstream, &WORD, span, made);
    }
}

impl DnsSyntax {
    /// The column of the names, which is then in scope.
    fn column(&self, checker: &mut Checker<'_>) -> Checked<DnsOp> {
        let column = checker.text_field(&self.field);
        let name = self.name.as_ref().map_or_else(|| format!("{}_name", self.field.text), |name| name.text.clone());
        let place = checker.scope.put(name, Some(Seen::closed(Type::Text)));
        Ok(DnsOp { field: column?.as_column().ok_or(Failed)?, place })
    }
}

/// A column of the host names of the addresses in another.
#[derive(Clone, Copy, Debug)]
struct DnsOp {
    /// The column of the addresses: text.
    field: usize,
    /// The place of the names: that of the column they replace, or a free one.
    place: usize,
}

impl Operator for DnsOp {
    fn reads(&self, _: &PlanStage, wanted: &mut Read) {
        wanted.places.remove(&self.place);
        wanted.places.insert(self.field);
    }

    fn narrows(&self, _: &mut Found<'_>) -> bool {
        false
    }

    fn mixes(&self) -> bool {
        true
    }

    fn effect(&self) -> Effect {
        Effect::Asks
    }

    fn start(&self, start: Start<'_>, target: Target) -> Target {
        let beyond = Beyond::new(start.input, start.output.clone());
        Box::new(Dns { field: self.field, place: self.place, beyond, resolver: Resolver::system(), target })
    }
}

/// The running stage.
struct Dns {
    field: usize,
    place: usize,
    beyond: Beyond,
    resolver: Resolver,
    target: Target,
}

impl Dns {
    fn column(&mut self, batch: &Batch) -> Result<Column, Error> {
        let field = Vector::from_column(batch.column(self.field), batch);
        let field = only_text(&field);
        let Values::Text(texts) = &field.values else { return Ok(Column::null(batch.physical_rows())) };
        let rows = (0..batch.len()).map(|row| Some(texts.get(row)).filter(|_| !field.is_null(row)));
        let addresses: Vec<Option<IpAddr>> = rows.clone().map(|text| address(text?)).collect();
        let names = self.resolver.names(addresses.iter().flatten().copied());
        // Each name stands once in the new bytes, however many rows it is for.
        let (mut bytes, mut views, mut places) = (Vec::new(), Vec::with_capacity(batch.len()), HashMap::new());
        for (text, address) in rows.zip(&addresses) {
            let name = address.and_then(|address| names.get(&address)?.as_ref());
            views.push(match (text, name) {
                (_, Some(name)) => match places.get(name) {
                    Some(place) => *place,
                    None => *places.entry(name).or_insert(put(&mut bytes, name.as_bytes())?),
                },
                (Some(text), None) => put(&mut bytes, text)?,
                (None, None) => (0, 0),
            });
        }
        let values = Values::Text(Texts { bytes: bytes.into(), views: Operand::Each(views) });
        Ok(Vector { len: field.len, values, nulls: field.nulls.clone() }.into_column(Type::Text, batch))
    }
}

fn address(text: &[u8]) -> Option<IpAddr> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Appends text: where it begins, and its length.
fn put(bytes: &mut Vec<u8>, text: &[u8]) -> Result<(u32, u32), Error> {
    match (u32::try_from(bytes.len()), u32::try_from(bytes.len() + text.len())) {
        (Ok(start), Ok(end)) => {
            bytes.extend_from_slice(text);
            Ok((start, end - start))
        }
        _ => Err(Error::Data("more than 4 GiB of text in one column of a batch".into())),
    }
}

impl Stage for Dns {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        let column = self.column(&batch)?;
        let mut columns = self.beyond.known(&batch).to_vec();
        beyond::put(&mut columns, self.place, column);
        self.target.send(self.beyond.with_columns(&batch, columns)?)
    }

    relay!();
}
