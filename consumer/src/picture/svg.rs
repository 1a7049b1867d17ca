//! Pictures as SVG.

use std::fmt::Write;

use recpipe::Time;

use super::{
    Bar, Figure, Foot, Form, Heat, Lines,
    escape::{escaped, put},
    scale::{Scale, exact, short},
    time_axis,
};

/// Units across.
pub(super) const WIDTH: f64 = 400.0;

/// Units of a letter, about.
const LETTER: f64 = 6.3;

/// Letters of a line.
const LETTERS: usize = 62;

/// From line to line of text.
const LINE: f64 = 15.0;

/// The colours of what is drawn: eight that are told apart also by who does not see all colours (after Okabe and Ito), on light and on
/// dark ground; grey ink of enough contrast.
pub(super) const STYLE: &str = "\
:root{color-scheme:light dark;--ground:#fff;--ink:#1b1f24;--faint:#5b636d;--rule:#dfe3e8;\
--c0:#0072b2;--c1:#d55e00;--c2:#009e73;--c3:#a8447e;--c4:#8a6d00;--c5:#2d9bd0;--c6:#7f4f24;--c7:#6b6f76}\
@media(prefers-color-scheme:dark){:root{--ground:#14171b;--ink:#e6e9ed;--faint:#a0a8b2;--rule:#2f353d;\
--c0:#4ba3e3;--c1:#ff8f4d;--c2:#3ecf9f;--c3:#e58fc0;--c4:#e6c84a;--c5:#8fd3ff;--c6:#cf9a6b;--c7:#aeb4bc}}\
svg text{font:11.5px system-ui,sans-serif;fill:var(--ink)}svg .f{fill:var(--faint)}svg .h1{font-weight:bold}svg .e{text-anchor:end}svg .m{text-anchor:middle}\
svg .r{stroke:var(--rule);stroke-width:1}svg .b{fill:var(--c0)}\
svg .s0{fill:var(--c0)}svg .s1{fill:var(--c1)}svg .s2{fill:var(--c2)}svg .s3{fill:var(--c3)}\
svg .s4{fill:var(--c4)}svg .s5{fill:var(--c5)}svg .s6{fill:var(--c6)}svg .s7{fill:var(--c7)}\
svg path{fill:none;stroke-width:1.5;stroke-linejoin:round}\
svg .l0{stroke:var(--c0)}svg .l1{stroke:var(--c1)}svg .l2{stroke:var(--c2)}svg .l3{stroke:var(--c3)}\
svg .l4{stroke:var(--c4)}svg .l5{stroke:var(--c5)}svg .l6{stroke:var(--c6)}svg .l7{stroke:var(--c7)}\
svg .h{fill:transparent}svg .h:hover{fill:var(--rule);fill-opacity:.5}";

/// Lines and parts beyond this number have the colours of the first again.
pub(super) const COLOURS: usize = 8;

/// A picture that is a file of its own, with what it is of above it, and where it is from below. Of nothing, that is all.
pub(crate) fn alone(title: &str, figure: Option<&Figure>, foot: &Foot) -> String {
    let (body, height) = figure.map_or_else(|| (text(8.0, 12.0, "f", "no records", None), LINE), drawn);
    let feet = foot.lines();
    let whole = height + 24.0 + LINE * feet.len() as f64 + 8.0;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {whole:.1}\" width=\"{:.0}\" role=\"img\" aria-label=\"{}\">\n\
         <style>{STYLE}svg{{background:var(--ground);max-width:100%;height:auto}}</style>\n",
        WIDTH * 2.0,
        escaped(title)
    );
    out.push_str(&text(8.0, 16.0, "h1", &cut(title, LETTERS - 6), Some(title)));
    let _ = writeln!(out, "<g transform=\"translate(0 24)\">\n{body}</g>");
    for (at, line) in feet.iter().enumerate() {
        let y = height + 24.0 + LINE * (at as f64 + 1.0) - 3.0;
        out.push_str(&text(8.0, y, "f", &cut(line, LETTERS), Some(line)));
    }
    out.push_str("</svg>\n");
    out
}

/// A picture within a page.
pub(super) fn within(figure: &Figure) -> String {
    let (body, height) = drawn(figure);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height:.1}\" role=\"img\" aria-label=\"{}\">\n{body}</svg>\n",
        escaped(&figure.title)
    )
}

/// What is drawn, and how high it is.
fn drawn(figure: &Figure) -> (String, f64) {
    let (mut out, mut height) = match &figure.form {
        Form::Bars(names, bars) => of_bars(names, bars, figure),
        Form::Lines(lines) => of_lines(lines, figure),
        Form::Heat(heat) => of_heat(heat),
    };
    for note in &figure.notes {
        height += LINE;
        out.push_str(&text(8.0, height - 4.0, "f", &cut(note, LETTERS), Some(note)));
    }
    (out, height)
}

/// A text, which is told in full on hover.
fn text(x: f64, y: f64, class: &str, shown: &str, full: Option<&str>) -> String {
    let title = full.filter(|full| *full != shown).map_or(String::new(), |full| format!("<title>{}</title>", escaped(full)));
    format!("<text x=\"{x:.1}\" y=\"{y:.1}\" class=\"{class}\">{title}{}</text>\n", escaped(shown))
}

/// The text in so many characters at most.
fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most { text.to_owned() } else { text.chars().take(most - 1).chain(['…']).collect() }
}

/// Letters of the label of a bar.
const LABEL: usize = 25;

/// A label of which the beginning and the end are seen: paths and addresses are told apart by either.
fn middle(label: &str) -> String {
    let count = label.chars().count();
    if count <= LABEL {
        return label.to_owned();
    }
    let first = LABEL / 2 - 1;
    label.chars().take(first).chain(['…']).chain(label.chars().skip(count - (LABEL - first - 1))).collect()
}

/// Bars below each other, their labels at the left, an axis above.
fn of_bars(names: &[String], bars: &[Bar], figure: &Figure) -> (String, f64) {
    const ROW: f64 = 18.0;
    const TOP: f64 = 32.0;
    const RIGHT: f64 = 52.0;
    let longest = bars.iter().map(|bar| bar.label.chars().count()).max().unwrap_or(0).min(LABEL);
    let left = 16.0 + LETTER * longest as f64;
    let room = WIDTH - left - RIGHT;
    let sum =
        |bar: &Bar, wanted: fn(f64) -> bool| bar.parts.iter().flatten().map(|part| part.0).filter(|value| wanted(*value)).sum::<f64>();
    let (below, above) = (|value: f64| value < 0.0, |value: f64| value > 0.0);
    let scale = Scale::new(bars.iter().flat_map(|bar| [sum(bar, below), sum(bar, above)]), figure.log);
    let mut height = TOP + ROW * bars.len() as f64 + 4.0;
    let mut out = text(left, 12.0, "f", &format!("{}{}", figure.value, if figure.log { ", logarithmic" } else { "" }), None);
    for mark in scale.marks() {
        let Some(x) = scale.place(mark).map(|place| left + place * room) else { continue };
        let _ = writeln!(out, "<line x1=\"{x:.1}\" y1=\"{:.1}\" x2=\"{x:.1}\" y2=\"{:.1}\" class=\"r\"/>", TOP - 3.0, height - 2.0);
        out.push_str(&text(x, TOP - 7.0, "f m", &short(mark), None));
    }
    for (at, bar) in bars.iter().enumerate() {
        let y = TOP + ROW * at as f64;
        out.push_str(&text(left - 6.0, y + 13.0, "e", &middle(&bar.label), Some(&bar.label)));
        let (mut up, mut down, mut end) = (0.0_f64, 0.0_f64, left + scale.base() * room);
        for (part, value) in bar.parts.iter().enumerate() {
            let Some((value, shown)) = value else { continue };
            let from = if *value < 0.0 { &mut down } else { &mut up };
            let begins = scale.place(*from).unwrap_or(0.0);
            *from += value;
            let Some(ends) = scale.place(*from) else { continue };
            // What is there is seen.
            let (x, width) = (left + begins.min(ends) * room, ((ends - begins).abs() * room).max(if *value == 0.0 { 0.0 } else { 0.7 }));
            end = end.max(x + width);
            let name = names.get(part).filter(|_| names.len() > 1).map_or(String::new(), |name| format!(", {name}"));
            let _ = writeln!(
                out,
                "<rect x=\"{x:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"12\" class=\"s{}\"><title>{}: {}</title></rect>",
                y + 3.0,
                part % COLOURS,
                escaped(&format!("{}{name}", bar.label)),
                escaped(shown)
            );
        }
        if let ([Some((_, shown))], true) = (&bar.parts[..], names.len() <= 1) {
            out.push_str(&text(end + 4.0, y + 13.0, "f", &cut(shown, 9), Some(shown)));
        }
    }
    if names.len() > 1 {
        legend(names.iter(), &mut out, &mut height);
    }
    (out, height)
}

/// What each colour is, below each other.
fn legend<'n>(names: impl Iterator<Item = &'n String>, out: &mut String, height: &mut f64) {
    for (at, name) in names.enumerate() {
        let _ = writeln!(out, "<rect x=\"8\" y=\"{:.1}\" width=\"10\" height=\"10\" class=\"s{}\"/>", *height + 3.0, at % COLOURS);
        out.push_str(&text(24.0, *height + 12.0, "", &cut(name, 58), Some(name)));
        *height += LINE;
    }
}

/// The frame of what goes along the time.
struct Along {
    left: f64,
    top: f64,
    bottom: f64,
    from: i64,
    to: i64,
}

impl Along {
    const RIGHT: f64 = 14.0;

    fn x(&self, at: i64) -> f64 {
        let share = (at as f64 - self.from as f64) / (self.to as f64 - self.from as f64);
        self.left + if share.is_finite() { share } else { 0.5 } * (WIDTH - self.left - Self::RIGHT)
    }

    /// The marks of the time, and from when to when it is.
    fn feet(&self, offset_s: impl Fn(i64) -> i32, out: &mut String) {
        for (at, label) in time_axis::marks(self.from, self.to, &offset_s) {
            let x = self.x(at);
            let _ =
                writeln!(out, "<line x1=\"{x:.1}\" y1=\"{:.1}\" x2=\"{x:.1}\" y2=\"{:.1}\" class=\"r\"/>", self.bottom, self.bottom + 4.0);
            // The last is not beyond the edge.
            let x = x.min(WIDTH - LETTER / 2.0 * label.chars().count() as f64 - 2.0);
            out.push_str(&text(x, self.bottom + 15.0, "f m", &label, None));
        }
        let time = |at: i64| Time { nanos: at, offset_s: offset_s(at) }.to_string();
        out.push_str(&text(WIDTH - Self::RIGHT, self.bottom + 29.0, "f e", &format!("{} to {}", time(self.from), time(self.to)), None));
    }
}

/// Lines along the time.
fn of_lines(of: &Lines, figure: &Figure) -> (String, f64) {
    let scale = Scale::new(of.lines.iter().flat_map(|(_, values)| values.iter().flatten().copied()), figure.log);
    let (Some(&(from, _)), Some(&(to, _))) = (of.times.first(), of.times.last()) else { return (String::new(), 0.0) };
    let frame = Along { left: 46.0, top: 22.0, bottom: 176.0, from, to };
    let y = |place: f64| frame.bottom - place * (frame.bottom - frame.top);
    let mut out = text(8.0, 12.0, "f", &format!("{}{}", figure.value, if figure.log { ", logarithmic" } else { "" }), None);
    for mark in scale.marks() {
        let Some(y) = scale.place(mark).map(y) else { continue };
        let _ =
            writeln!(out, "<line x1=\"{:.1}\" y1=\"{y:.1}\" x2=\"{:.1}\" y2=\"{y:.1}\" class=\"r\"/>", frame.left, WIDTH - Along::RIGHT);
        out.push_str(&text(frame.left - 5.0, y + 4.0, "f e", &short(mark), None));
    }
    let clock = |at: i64| of.times[of.times.partition_point(|(time, _)| *time <= at).saturating_sub(1)].1;
    frame.feet(clock, &mut out);
    for (place, (_, values)) in of.lines.iter().enumerate() {
        let (mut path, mut before) = (String::new(), None::<i64>);
        for (&(at, _), value) in of.times.iter().zip(values) {
            let Some(place) = value.and_then(|value| scale.place(value)) else { continue };
            // A gap is seen.
            let goes_on = before.is_some_and(|before| 2 * (i128::from(at) - i128::from(before)) <= 3 * of.step);
            let _ = write!(path, "{}{:.1} {:.1}", if goes_on { "L" } else { "M" }, frame.x(at), y(place));
            if !goes_on {
                // A point that stands alone.
                let _ = write!(path, "h.1");
            }
            before = Some(at);
        }
        if !path.is_empty() {
            let _ = writeln!(out, "<path d=\"{path}\" class=\"l{}\"/>", place % COLOURS);
        }
    }
    // What is there at each moment is told where the pointer is.
    let half = of.times.windows(2).map(|two| frame.x(two[1].0) - frame.x(two[0].0)).fold(f64::INFINITY, f64::min).clamp(0.5, 40.0) / 2.0;
    for (row, &(at, offset_s)) in of.times.iter().enumerate() {
        let mut told = Time { nanos: at, offset_s }.to_string();
        for (name, values) in &of.lines {
            if let Some(value) = values[row] {
                let _ = write!(told, " · {}{}", if of.lines.len() > 1 { format!("{name}: ") } else { String::new() }, exact(value));
            }
        }
        let _ = writeln!(
            out,
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" class=\"h\"><title>{}</title></rect>",
            frame.x(at) - half,
            frame.top,
            2.0 * half,
            frame.bottom - frame.top,
            escaped(&told)
        );
    }
    let mut height = frame.bottom + 36.0;
    if of.lines.len() > 1 {
        legend(of.lines.iter().map(|(name, _)| name), &mut out, &mut height);
    }
    (out, height)
}

/// Counts by time and size: the more the darker, by their logarithm.
fn of_heat(heat: &Heat) -> (String, f64) {
    const ROW: f64 = 16.0;
    let longest = heat.rows.iter().map(|row| row.chars().count()).max().unwrap_or(0).min(20);
    let columns = heat.columns.len() as i64;
    let frame = Along {
        left: 16.0 + LETTER * longest as f64,
        top: 8.0,
        bottom: 8.0 + ROW * heat.rows.len() as f64,
        from: heat.from,
        to: heat.from.saturating_add(heat.step.saturating_mul(columns)),
    };
    let most = heat.columns.iter().flatten().copied().max().unwrap_or(1).max(1) as f64;
    let mut out = String::new();
    for (row, label) in heat.rows.iter().enumerate() {
        out.push_str(&text(frame.left - 6.0, frame.bottom - ROW * row as f64 - 4.0, "f e", &cut(label, 20), None));
    }
    let width = (WIDTH - frame.left - Along::RIGHT) / columns.max(1) as f64;
    for (column, counts) in heat.columns.iter().enumerate() {
        let begins = heat.from.saturating_add(heat.step.saturating_mul(column as i64));
        for (row, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let mut told = String::new();
            put(&format!("{}, {}: {count}", Time { nanos: begins, offset_s: heat.offset_s }, heat.rows[row]), &mut told);
            let _ = writeln!(
                out,
                "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" class=\"b\" fill-opacity=\"{:.2}\"><title>{told}</title></rect>",
                frame.left + width * column as f64,
                frame.bottom - ROW * (row as f64 + 1.0) + 0.5,
                (width - 0.3).max(0.3),
                ROW - 1.0,
                0.12 + 0.88 * libm::log(1.0 + count as f64) / libm::log(1.0 + most)
            );
        }
    }
    frame.feet(|_| heat.offset_s, &mut out);
    (out, frame.bottom + 36.0)
}
