//! How `lookup` and `join` are written, and their check: a file, what must fit, and what is wanted of it.

use recpipe::Type;

use super::partner::PartnerOp;
use crate::{
    expr::Expr,
    join::{Database, Keep, Match, Nearby, Pair, Partners, TimeSide},
    language::{
        CheckCall, Checked, Checker, Failed, Parsed, Parser, Seen, StageWord,
        ast::{self, ExprKind, Ident},
        diagnose::{Diagnostic, did_you_mean},
        signature::{common, name},
        token::Kind,
    },
    plan::Plan,
    span::Span,
};

/// What stands after the word.
#[derive(Debug)]
pub(super) struct Second {
    path: String,
    path_span: Span,
    keys: Vec<Key>,
    partners: Option<Partners>,
    /// The columns that are wanted, with the names that they are given; `None`: all but the keys.
    kept: Option<Vec<(Ident, Option<Ident>)>>,
    keep: Option<Keep>,
}

/// One of the values that must fit.
#[derive(Debug)]
struct Key {
    ours: Ident,
    /// Called as ours where it is not said.
    theirs: Option<Ident>,
    how: How,
}

/// How two values fit.
#[derive(Debug)]
enum How {
    Equal,
    In,
    Near { side: TimeSide, within: Option<u64> },
}

/// What a word takes besides a file and keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Times and networks, and names of columns; every record is given.
    Lookup,
    /// Which records are given.
    Join,
}

const PARTNERS: [(&str, Partners); 3] = [("first", Partners::First), ("last", Partners::Last), ("each", Partners::Each)];
const KEEP: [(&str, Keep); 3] = [("only", Keep::Only), ("all", Keep::All), ("none", Keep::None)];
const SIDES: [(&str, TimeSide); 3] = [("before", TimeSide::Before), ("after", TimeSide::After), ("nearest", TimeSide::Nearest)];

/// The meaning of the next word, which is then taken, if it is one of these.
fn take<T: Copy>(parser: &mut Parser<'_>, words: &[(&'static str, T)]) -> Option<T> {
    words.iter().find(|(word, _)| parser.take_word(word)).map(|(_, meaning)| *meaning)
}

impl Second {
    /// Parses what stands after the word.
    pub(super) fn parse(parser: &mut Parser<'_>, word: &'static StageWord, form: Form) -> Parsed<Self> {
        let example = word.about.example;
        let mut partners = take(parser, &PARTNERS);
        let (path, path_span) = parser.text("a file", example)?;
        partners = partners.or_else(|| take(parser, &PARTNERS));
        if !parser.take_word("on") {
            return Err(parser.unexpected(&format!("`on` and the fields that must be equal, as in `{example}`")));
        }
        let mut keys = vec![Key::parse(parser, form)?];
        while parser.take_sign(",") {
            keys.push(Key::parse(parser, form)?);
        }
        let mut second = Second { path, path_span, keys, partners, kept: None, keep: None };
        while !parser.at_stage_end() {
            second.option(parser, form)?;
        }
        Ok(second)
    }

    fn option(&mut self, parser: &mut Parser<'_>, form: Form) -> Parsed<()> {
        if let Some(partners) = take(parser, &PARTNERS) {
            if self.partners.replace(partners).is_some() {
                let found = Diagnostic::new(parser.last(), "which of several rows is meant is said twice");
                return Err(parser.fail(found.label("leave one out")));
            }
            return Ok(());
        }
        if form == Form::Join
            && self.keep.is_none()
            && let Some(keep) = take(parser, &KEEP)
        {
            self.keep = Some(keep);
            return Ok(());
        }
        if self.kept.is_none() && parser.take_word("keep") {
            self.kept = Some(parser.list(|parser| Ok((parser.ident("a field of the file")?, parser.alias()?)))?);
            return Ok(());
        }
        let expected = match form {
            Form::Lookup => "`keep`, `first`, `last`, `each`, `|` or the end",
            Form::Join => "`only`, `all`, `none`, `keep`, `first`, `last`, `each`, `|` or the end",
        };
        Err(parser.unexpected(expected))
    }

    /// The operator; what it gives is then in scope.
    pub(super) fn check(&self, checker: &mut Checker<'_>, word: &'static StageWord, form: Form, span: Span) -> Checked<PartnerOp> {
        let feed = checker.feed(word.about.name, &self.path, self.path_span)?;
        let is_database = Database::is_named(&self.path);
        let partners = self.partners.unwrap_or(if form == Form::Join { Partners::Each } else { Partners::One });
        let on = if is_database { self.address(checker, form) } else { self.keys(checker, &feed, partners) };
        let kept = self.kept(checker, &feed, is_database);
        let before = checker.schema(span).ok_or(Failed)?.len();
        let kept = kept?;
        let keep = self.keep.unwrap_or(if form == Form::Join { Keep::Only } else { Keep::All });
        if keep != Keep::None {
            // Also where the keys are wrong: what follows may name them.
            for (place, name) in &kept {
                let field = &feed.input.fields()[*place];
                checker.scope.columns.push((name.clone(), Some(Seen::of_field(field))));
            }
        }
        let mut on = on?;
        if keep == Keep::None {
            // Whether there is one is all that is asked.
            on.partners = Partners::First;
        }
        let kept = if keep == Keep::None { Vec::new() } else { kept.into_iter().map(|(place, _)| place).collect() };
        let name = checker.text(span);
        Ok(PartnerOp { name, feed, is_database, on, kept, keep, spills: form == Form::Join, before })
    }

    /// What must fit, of a file of records.
    fn keys(&self, checker: &mut Checker<'_>, feed: &Plan, partners: Partners) -> Checked<Match> {
        let pairs = checker.each(&self.keys, |checker, key| key.pair(checker, feed, &self.path));
        let (mut equal, mut nearby) = (Vec::new(), None);
        for (key, pair) in self.keys.iter().zip(pairs?) {
            let one = match &key.how {
                How::Equal => {
                    equal.push(pair);
                    continue;
                }
                How::In => Nearby::Network(pair),
                How::Near { side, within } => Nearby::Time { pair, side: *side, within: *within },
            };
            if nearby.replace(one).is_some() {
                let found = Diagnostic::new(key.ours.span, "one time, or one network, is looked for at a time");
                return Err(checker.fail(found.label("write another `lookup` for it")));
            }
        }
        if let (Some(Nearby::Network(_)), false) = (&nearby, equal.is_empty()) {
            let span = self.keys.first().map_or(self.path_span, |key| key.ours.span);
            let found = Diagnostic::new(span, "beside a network nothing else is compared");
            return Err(checker.fail(found.label("write a `where` before it or after it")));
        }
        Ok(Match { equal, nearby, partners })
    }

    /// What must fit, of a database of networks: an address.
    fn address(&self, checker: &mut Checker<'_>, form: Form) -> Checked<Match> {
        if form == Form::Join {
            let found = Diagnostic::new(self.path_span, "a database of networks is no input of records");
            return Err(checker.fail(found.label("write `lookup` instead of `join`")));
        }
        let [Key { ours, theirs: None, how: How::Equal }] = &self.keys[..] else {
            let span = self.keys.first().map_or(self.path_span, |key| key.ours.span);
            let found = Diagnostic::new(span, "of a database of networks, one field is looked up: an address");
            return Err(checker.fail(found.label(format!("as in `lookup \"{}\" on host`", self.path))));
        };
        let ours = checker.text_field(ours)?;
        let pair = Pair { theirs: ours.clone(), ours };
        Ok(Match { equal: Vec::new(), nearby: Some(Nearby::Network(pair)), partners: Partners::One })
    }

    /// The columns that are added, and their names.
    fn kept(&self, checker: &mut Checker<'_>, feed: &Plan, is_database: bool) -> Checked<Vec<(usize, String)>> {
        let schema = &feed.input;
        let mut all: Vec<(usize, String)> = Vec::new();
        let free = |checker: &Checker<'_>, all: &[(usize, String)], wanted: &str| {
            let is_free = |name: &str| checker.scope.index_of(name).is_none() && all.iter().all(|(_, other)| other != name);
            let numbered = (2..).map(|number| format!("{wanted}_{number}"));
            std::iter::once(wanted.to_owned()).chain(numbered).find(|name| is_free(name)).unwrap_or_default()
        };
        let Some(kept) = &self.kept else {
            let is_key = |name: &str| !is_database && self.keys.iter().any(|key| key.theirs.as_ref().unwrap_or(&key.ours).text == name);
            for (place, field) in schema.fields().iter().enumerate() {
                if !is_key(&field.name) && (!is_database || Database::is_plain(&field.name, schema)) {
                    let name = free(checker, &all, &field.name);
                    all.push((place, name));
                }
            }
            return Ok(all);
        };
        let mut failed = false;
        for (field, alias) in kept {
            let Some(place) = schema.index_of(&field.text) else {
                let what = format!("unknown field `{}` of \"{}\"", field.text, self.path);
                let help = format!("fields: {}", checker.catalog.fields(schema.names().take(60)));
                checker.fail(Diagnostic::new(field.span, what).label(did_you_mean(&field.text, schema.names())).help(help));
                failed = true;
                continue;
            };
            let name = match alias {
                None => free(checker, &all, &field.text),
                Some(alias) if free(checker, &all, &alias.text) == alias.text => alias.text.clone(),
                Some(alias) => {
                    let what = format!("`{}` is there already", alias.text);
                    checker.fail(Diagnostic::new(alias.span, what).label("give it another name"));
                    failed = true;
                    continue;
                }
            };
            all.push((place, name));
        }
        if failed { Err(Failed) } else { Ok(all) }
    }
}

impl Key {
    fn parse(parser: &mut Parser<'_>, form: Form) -> Parsed<Self> {
        let ours = parser.ident("a field")?;
        if parser.take_sign("==") {
            let theirs = Some(parser.ident("a field of the file")?);
            return Key::near(parser, form, ours, theirs);
        }
        if form == Form::Lookup && parser.take_word("in") {
            let theirs = Some(parser.ident("the field of the file that has the networks")?);
            return Ok(Key { ours, theirs, how: How::In });
        }
        Key::near(parser, form, ours, None)
    }

    fn near(parser: &mut Parser<'_>, form: Form, ours: Ident, theirs: Option<Ident>) -> Parsed<Self> {
        let side = if form == Form::Lookup { take(parser, &SIDES) } else { None };
        let Some(side) = side else { return Ok(Key { ours, theirs, how: How::Equal }) };
        let within = if parser.take_word("within") {
            match parser.peek().kind {
                Kind::Duration { nanos } if nanos >= 0 => {
                    parser.advance();
                    Some(nanos.unsigned_abs())
                }
                _ => return Err(parser.unexpected("how long, as in `within 2h`")),
            }
        } else {
            None
        };
        Ok(Key { ours, theirs, how: How::Near { side, within } })
    }

    /// The two values, which can fit.
    fn pair(&self, checker: &mut Checker<'_>, feed: &Plan, path: &str) -> Checked<Pair> {
        let ours = checker.field(&self.ours)?;
        let theirs = self.theirs.as_ref().unwrap_or(&self.ours);
        // Text of the file is read as a time where a time is needed.
        let is_time = matches!(self.how, How::Near { .. }) || ours.kind() == Type::Time;
        let known = checker.found.len();
        let checked = checker.among(&feed.input, |checker| {
            let field = checker.field(theirs)?;
            if is_time && matches!(field.kind(), Type::Text | Type::Int | Type::Float | Type::Mixed) {
                time_of(checker, theirs)
            } else {
                Ok(field)
            }
        });
        for found in &mut checker.found[known..] {
            found.what = format!("{} of \"{path}\"", found.what);
        }
        let pair = Pair { ours, theirs: checked? };
        let wanted = match self.how {
            How::Equal => pair.theirs.kind(),
            How::In => Type::Text,
            How::Near { .. } => Type::Time,
        };
        self.fits(checker, &pair.ours, wanted, &pair, path)?;
        if !matches!(self.how, How::Equal) {
            self.fits(checker, &pair.theirs, wanted, &pair, path)?;
        }
        Ok(pair)
    }

    /// That one of the two may be equal to a value of type `wanted`.
    fn fits(&self, checker: &mut Checker<'_>, value: &Expr, wanted: Type, pair: &Pair, path: &str) -> Checked<()> {
        if common(value.kind(), wanted).is_some() {
            return Ok(());
        }
        let (ours, theirs) = (&pair.ours, &pair.theirs);
        let what = match self.how {
            How::Equal => format!(
                "`{}` is {}, `{}` of \"{path}\" is {}: they are never equal",
                ours.text(),
                name(ours.kind()),
                theirs.text(),
                name(theirs.kind())
            ),
            How::In => format!("`{}` is {}: addresses and networks are text", value.text(), name(value.kind())),
            How::Near { .. } => format!("`{}` is {}; a time is needed here", value.text(), name(value.kind())),
        };
        let field = checker.catalog.field(&self.ours.text);
        let label = match wanted {
            Type::Text => format!("write `let {field} = str({field})` before it"),
            Type::Int | Type::Float if ours.kind() == Type::Text => format!("write `let {field} = float({field})` before it"),
            Type::Time => format!("write `let {field} = time({field})` before it"),
            _ => String::new(),
        };
        Err(checker.fail(Diagnostic::new(self.ours.span, what).label(label)))
    }
}

/// `time(FIELD)`, also where a column is called `time`.
fn time_of(checker: &mut Checker<'_>, field: &Ident) -> Checked<Expr> {
    let arg = ast::Expr { kind: ExprKind::Field(field.clone()), span: field.span, depth: 1 };
    match checker.catalog.function("time").map(|word| &word.check) {
        Some(CheckCall::Syntax(check)) => check(checker, &[arg], field.span),
        _ => Err(Failed),
    }
}
