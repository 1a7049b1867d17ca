//! `… every STEP`: the aggregates of windows of time, as a key `time` before the others.
//!
//! Of records that are at rest it is `by bin(time, STEP)`. Of others a window is given when it is [closed](live).

mod aside;
mod beside;
mod fill;
mod live;
#[cfg(test)]
mod tests;

use recpipe::Type;

use self::{aside::AsideOp, beside::BesideOp, fill::FillOp, live::LiveOp};
use super::{grouping::StatsOp, slack};
use crate::{
    aggregate::Panes,
    expr::{Constant, Expr, Node},
    function::bin,
    language::{Checked, Checker, Failed, NewColumn, Parsed, Parser, Seen, StageWord, Upstream, ast, diagnose::Diagnostic, kind_name},
    left_out::Why,
    plan::{About, Plan, Runs},
    span::Span,
    time::step::{DAY, Steps, Width},
};

const EXAMPLE: &str = "count every 5m";

/// The words that it may be written with.
const WORDS: [&str; 7] = ["every", "over", "fill", "beside", "late", "tee", "idle"];

/// As it was written.
#[derive(Debug)]
pub(super) struct Every {
    step: Width,
    /// `every STEP`.
    span: Span,
    of: Option<ast::Expr>,
    over: Option<(Width, Span)>,
    fill: Option<ast::Expr>,
    beside: Option<(Width, Span)>,
    late: Option<i64>,
    tee: Option<Vec<ast::Stage>>,
    idle: Option<i64>,
}

/// It, if it stands here.
pub(super) fn clause(parser: &mut Parser<'_>) -> Parsed<Option<Every>> {
    let (mut step, mut of, mut over, mut fill, mut beside, mut late, mut tee, mut idle) = (None, None, None, None, None, None, None, None);
    let begin = parser.peek().span;
    let mut seen: Vec<&str> = Vec::new();
    while let Some(word) = WORDS.into_iter().find(|word| parser.at_word(word)) {
        let span = parser.advance().span;
        if seen.contains(&word) {
            return Err(parser.fail(Diagnostic::new(span, format!("`{word}` stands twice"))));
        }
        seen.push(word);
        match word {
            "every" => {
                let (width, end) = parser.width(EXAMPLE)?;
                step = Some((width, span.to(end)));
                of = if parser.take_word("of") { Some(parser.expr()?) } else { None };
            }
            "over" => over = Some(parser.width("count over 1h every 5m")?),
            "fill" => fill = Some(parser.expr()?),
            "beside" => beside = Some(parser.width("count every 1h beside 7d")?),
            "late" => late = Some(parser.duration("count every 10s late 5s")?),
            "idle" => idle = Some(parser.duration("count every 10s late 5s idle 30s")?),
            _ => {
                if !parser.take_word("late") {
                    return Err(parser.unexpected("`late`, as in `tee late [ write \"late.csv\" ]`"));
                }
                tee = Some(parser.branch()?);
            }
        }
    }
    let Some((step, span)) = step else {
        let Some(word) = seen.first() else { return Ok(None) };
        let label = format!("write `every` and how long a window is, as in `{EXAMPLE}`");
        return Err(parser.fail(Diagnostic::new(begin, format!("`{word}` is about windows of time, and there is no `every`")).label(label)));
    };
    Ok(Some(Every { step, span, of, over, fill, beside, late, tee, idle }))
}

/// The windows of a stage, checked.
pub(super) struct Windows {
    steps: Steps,
    time: Expr,
    panes: Option<Panes>,
    late: Option<Plan>,
}

impl Every {
    /// Puts the window before the other keys. To be called while what comes is in scope.
    pub(super) fn before(
        &self,
        checker: &mut Checker<'_>,
        keys: Checked<Vec<Expr>>,
        columns: &mut Vec<NewColumn>,
        upstream: &mut Upstream,
        span: Span,
    ) -> (Checked<Vec<Expr>>, Checked<Windows>) {
        let time = slack::time(checker, self.of.as_ref(), self.span);
        let window = time.clone().map(|time| bin::time_bins_of(checker, self.step, time, self.span));
        columns.insert(0, NewColumn { name: "time".into(), span: self.span, seen: Some(Seen::closed(Type::Time)) });
        let panes = self.panes(checker);
        let mut late = self.late_branch(checker, upstream, span);
        if !self.is_live(checker, upstream)
            && let Ok(branch) = &mut late
            && let Some(branch) = branch.take()
        {
            checker.push(upstream, &ASIDE, span, Ok(AsideOp([branch])));
        }
        let steps = self.steps(checker);
        let windows = time.and_then(|time| Ok(Windows { steps, time, panes: panes?, late: late? }));
        let keys = keys.and_then(|keys| Ok(std::iter::once(window?).chain(keys).collect()));
        (keys, windows)
    }

    fn steps(&self, checker: &Checker<'_>) -> Steps {
        Steps { width: self.step, zone: checker.setting.zone.clone() }
    }

    /// More windows than this are not kept of each record.
    const MOST_PANES: i128 = 100_000;

    fn panes(&self, checker: &mut Checker<'_>) -> Checked<Option<Panes>> {
        let Some((over, span)) = self.over else { return Ok(None) };
        let (whole, step) = (checker.text(span), checker.text(self.span));
        match over.steps(self.step) {
            Some(count @ 1..=Self::MOST_PANES) => Ok(Some(Panes { steps: self.steps(checker), count: count as usize })),
            Some(count) => {
                let what = format!("each record would be in {count} windows; {} are the most", Self::MOST_PANES);
                Err(checker.fail(Diagnostic::new(span, what).label("write a longer step after `every`")))
            }
            None => {
                let found = Diagnostic::new(span, format!("{whole} is no whole number of steps of `{step}`"));
                Err(checker.fail(found.label("as in `over 1h every 5m`, `over 1y every 1mo`")))
            }
        }
    }

    /// The stage that aggregates by these keys, which is `word` where it waits for the end. To be called when what it gives is in scope.
    pub(super) fn push(
        &self,
        checker: &mut Checker<'_>,
        upstream: &mut Upstream,
        word: &'static StageWord,
        span: Span,
        stats: Checked<StatsOp>,
        windows: Checked<Windows>,
    ) {
        let made = stats.and_then(|stats| Ok((stats, windows?)));
        let Ok((stats, Windows { steps, time, panes, late })) = made else { return };
        let stats = StatsOp { panes, ..stats };
        if !self.is_live(checker, upstream) {
            return checker.push(upstream, word, span, Ok(stats));
        }
        let (why, cure) = match late {
            Some(_) => (Why::LateKept, String::new()),
            None => (Why::Late, "`late 1m` after the step keeps windows open for longer, `tee late [ … ]` takes such records".to_owned()),
        };
        let counter = checker.setting.left_out.counter(self.span.start, time.text(), why, cure);
        let op = LiveOp { stats, steps, time, late: self.late.unwrap_or(0), idle: self.idle, branch: late, counter };
        checker.push(upstream, &LIVE, span, Ok(op));
        upstream.passes = true;
    }

    /// Whether windows are given when they close: not behind a stage that waits for the end.
    fn is_live(&self, checker: &Checker<'_>, upstream: &Upstream) -> bool {
        checker.setting.live && !upstream.waits()
    }

    /// Where records go that come late.
    fn late_branch(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) -> Checked<Option<Plan>> {
        let Some(stages) = &self.tee else { return Ok(None) };
        let is_live = self.is_live(checker, upstream);
        let passes = std::mem::replace(&mut upstream.passes, is_live);
        let branch = checker.branch(stages, upstream, span);
        upstream.passes = passes;
        branch.map(Some)
    }

    /// The stages after it: gaps, and the windows beside each. `keys` are the keys besides the window, `empty` is what each aggregate is
    /// of no records.
    pub(super) fn after(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span, keys: usize, empty: Checked<Vec<Constant>>) {
        let steps = self.steps(checker);
        if let Some(fill) = &self.fill {
            let made = self.filling(checker, fill, keys + 1);
            let live = upstream.gives_early();
            checker.push(upstream, &FILL, span, made.map(|values| FillOp { steps: steps.clone(), keys, values, live }));
        }
        if let Some((back, place)) = self.beside {
            let made = self.beside(checker, back, place, keys + 1);
            let made = made.and_then(|()| Ok(BesideOp { steps, back, keys, empty: empty? }));
            checker.push(upstream, &BESIDE, span, made);
        }
    }

    /// The value that each aggregate has in a gap.
    fn filling(&self, checker: &mut Checker<'_>, fill: &ast::Expr, before: usize) -> Checked<Vec<Constant>> {
        let value = checker.expr(fill)?;
        let Node::Constant(value) = value.node().clone() else {
            let found = Diagnostic::new(fill.span, format!("`{}` is not the same for all windows", checker.text(fill.span)));
            return Err(checker.fail(found.label("a value stands here, as in `fill 0`")));
        };
        let columns: Vec<(String, Option<Seen>)> = checker.scope.columns[before..].to_vec();
        let mut values = Vec::new();
        for (name, seen) in columns {
            let seen = seen.ok_or(Failed)?;
            values.push(match (seen.kind, &value) {
                (Type::Float, Constant::Int(value)) => Constant::Float(*value as f64),
                (kind, value) if seen.open || kind == Type::Mixed || *value == Constant::Null || value.kind() == kind => value.clone(),
                (kind, value) => {
                    let what = format!("`{name}` is {}; it cannot be filled with {}", kind_name(kind), kind_name(value.kind()));
                    return Err(checker.fail(Diagnostic::new(fill.span, what).label("`fill null` fits all aggregates")));
                }
            });
        }
        Ok(values)
    }

    /// Adds the columns of the windows beside.
    fn beside(&self, checker: &mut Checker<'_>, back: Width, span: Span, before: usize) -> Checked<()> {
        let fits = match (back, self.step) {
            (Width::Months(_), Width::Nanos(step)) => DAY % step == 0,
            (back, step) => back.steps(step).is_some(),
        };
        let text = checker.text(span);
        if !fits {
            let found = Diagnostic::new(span, format!("no window begins {text} before another"));
            return Err(checker.fail(found.label(format!("as many whole steps of `{}`", checker.text(self.span)))));
        }
        let columns: Vec<(String, Option<Seen>)> = checker.scope.columns[before..].to_vec();
        for (name, seen) in columns {
            let name = format!("{name} {text} ago");
            if checker.scope.index_of(&name).is_some() {
                return Err(
                    checker.fail(Diagnostic::new(span, format!("two columns are named `{name}`")).label("name the other with `as`"))
                );
            }
            checker.scope.put(name, seen);
        }
        Ok(())
    }
}

/// What is said of the stages that `stats` is made of then.
const ABOUT: About = About { name: "stats", synonyms: &["summarize"], runs: Runs::Once, ..About::PLAIN };

static LIVE: StageWord = StageWord { about: About { memory: "O(keys of the open windows)", spills: true, ..ABOUT }, parse };

static ASIDE: StageWord = StageWord { about: ABOUT, parse };

static FILL: StageWord = StageWord { about: About { memory: "O(results), of records that come as time passes O(keys)", ..ABOUT }, parse };

static BESIDE: StageWord = StageWord { about: About { memory: "O(results within SPAN)", ..ABOUT }, parse };

/// None of them stands by itself.
fn parse(parser: &mut Parser<'_>) -> Parsed {
    Err(parser.unexpected("an aggregate"))
}
