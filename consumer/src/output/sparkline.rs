//! Small bars side by side, along an axis of time: `chart` of more times than there are lines for.
//!
//! ```text
//! count  1 to 907, a column is 2h: the greatest of 2
//! ▁▂▄█▇▅▃  ▁▂▅█▇▄▂▁
//! 2008-02-24T00:00:00-06:00  2008-02-25T08:00:00-06:00
//! ```
//!
//! A column is as long as the shortest time between two records, or a multiple of it where not all would fit; it shows the
//! greatest value in it, so that no peak is lost, and is blank where there is no record. Heights begin at zero, or at the least
//! value where that is less: the lowest step is zero, or near it.

use std::fmt::Write;

use recpipe::Value;
use unicode_width::UnicodeWidthStr;

use super::layout::{GAP, cut};
use crate::writer::Look;

/// Heights, from the lowest to the greatest.
const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// The same where there is only ASCII: the more ink the greater.
const ASCII: [char; 8] = ['.', ':', '-', '=', '+', '*', '#', '@'];

/// Units of a length of time, in nanoseconds, as durations are written.
const UNITS: [(&str, i128); 8] = [
    ("w", 604_800_000_000_000),
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1000),
    ("ns", 1),
];

/// Nanoseconds since 1970, and what is drawn there.
pub(super) type Point = (i64, Option<f64>);

/// Records of one number each, in the order of their times.
#[derive(Default)]
pub(super) struct Sparkline {
    points: Vec<Point>,
    /// The first time and the last.
    ends: Option<(String, String)>,
    /// The least value and the greatest, with what they look like.
    extremes: Option<[(Value<'static>, String); 2]>,
    /// Records that have no time.
    timeless: u64,
    /// Records beyond [`Sparkline::MOST`].
    more: u64,
    is_out_of_order: bool,
}

impl Sparkline {
    /// More records than this are counted, not drawn: 16 bytes each are held.
    const MOST: usize = 100_000;

    /// Adds a record: its time, its number if that is one that can be drawn, and how both look.
    pub(super) fn push(&mut self, at: Option<i64>, value: Option<Value<'static>>, time: &str, number: &str) {
        let Some(at) = at else {
            self.timeless += 1;
            return;
        };
        if self.points.len() >= Self::MOST {
            self.more += 1;
            return;
        }
        self.is_out_of_order |= self.points.last().is_some_and(|(before, _)| at < *before);
        self.points.push((at, value.as_ref().and_then(height)));
        match &mut self.ends {
            Some((_, last)) => time.clone_into(last),
            none => *none = Some((time.to_owned(), time.to_owned())),
        }
        let Some(value) = value else { return };
        match &mut self.extremes {
            Some([least, _]) if value.total_cmp(&least.0).is_lt() => *least = (value, number.to_owned()),
            Some([_, greatest]) if value.total_cmp(&greatest.0).is_gt() => *greatest = (value, number.to_owned()),
            Some(_) => {}
            none => *none = Some([(value, number.to_owned()), (value, number.to_owned())]),
        }
    }

    /// The shortest time between two records; `None` where they are not in order, or all at one time.
    pub(super) fn step(&self) -> Option<i128> {
        let times = self.points.windows(2).map(|two| i128::from(two[1].0) - i128::from(two[0].0));
        times.filter(|&step| step > 0).min().filter(|_| !self.is_out_of_order)
    }

    /// The picture, no wider than this many columns; `None` where there is no axis, as for [`Sparkline::step`]. `name` is that of
    /// the value.
    pub(super) fn lines(&self, name: &str, columns: usize, look: Look) -> Option<Vec<String>> {
        let axis = self.axis(columns)?;
        let heights = axis.heights(&self.points)?;
        let bar = drawn(&heights, range(&heights), look);
        let mut lines = vec![self.heading(name, &axis, columns, look), look.bar(bar.trim_end())];
        self.feet(heights.len(), columns, look, &mut lines);
        Some(lines)
    }

    /// Where each time goes, in a line of so many columns; `None` as for [`Sparkline::lines`].
    pub(super) fn axis(&self, columns: usize) -> Option<Axis> {
        let step = self.step()?;
        let (first, last) = (i128::from(self.points.first()?.0), i128::from(self.points.last()?.0));
        let axis = Axis { first, step, each: 1, width: 0 };
        let each = axis.place(last) / columns.max(1) as i128 + 1;
        Some(Axis { each, width: usize::try_from(axis.place(last) / each).ok()? + 1, ..axis })
    }

    /// What the line is of, within so many columns.
    pub(super) fn heading(&self, name: &str, axis: &Axis, columns: usize, look: Look) -> String {
        let mut heading = look.heading(&cut(name, columns, look.cut()));
        let mut about = String::new();
        if let Some([(_, least), (_, greatest)]) = &self.extremes {
            // Writing to a string cannot fail.
            let _ = write!(about, "{GAP}{least} to {greatest}, a column is {}", length(axis.step * axis.each));
        }
        if axis.each > 1 {
            let _ = write!(about, ": the greatest of {}", axis.each);
        }
        heading.push_str(&cut(&about, columns.saturating_sub(name.width()), look.cut()));
        heading
    }

    /// The first time and the last below a line of this width, and what is not drawn; within so many columns.
    pub(super) fn feet(&self, width: usize, columns: usize, look: Look, lines: &mut Vec<String>) {
        let Some((first_time, last_time)) = &self.ends else { return };
        let between = width.saturating_sub(first_time.width() + last_time.width()).max(GAP.len());
        if first_time.width() + between + last_time.width() <= columns {
            lines.push(format!("{first_time}{}{last_time}", " ".repeat(between)));
        } else {
            lines.extend([first_time, last_time].map(|time| cut(time, columns, look.cut())));
        }
        let mut not_drawn = |many: u64, what: &str| {
            if many > 0 {
                lines.push(cut(&format!("{} {many} {what}", look.cut()), columns, look.cut()));
            }
        };
        not_drawn(self.timeless, "without a time");
        not_drawn(self.more, "more; longer bins make fewer");
    }

    /// Whether no more records are drawn.
    pub(super) fn is_full(&self) -> bool {
        self.points.len() >= Self::MOST
    }
}

/// Where times go in a line.
pub(super) struct Axis {
    first: i128,
    step: i128,
    /// Steps in a column.
    each: i128,
    /// Columns.
    width: usize,
}

impl Axis {
    /// Times that are no multiples of a step go where they are nearest to.
    fn place(&self, at: i128) -> i128 {
        (at - self.first + self.step / 2) / self.step
    }

    /// What is drawn in each column: the greatest of what is there.
    pub(super) fn heights(&self, points: &[Point]) -> Option<Vec<Option<f64>>> {
        let mut heights: Vec<Option<f64>> = vec![None; self.width];
        for &(at, value) in points {
            let column = heights.get_mut(usize::try_from(self.place(at.into()) / self.each).ok()?)?;
            *column = value.into_iter().chain(*column).reduce(f64::max);
        }
        Some(heights)
    }
}

/// How far a number reaches in a picture; `None` for what is no number.
pub(super) fn height(value: &Value<'_>) -> Option<f64> {
    match value {
        Value::Int(value) => Some(*value as f64),
        Value::Float(value) => Some(*value),
        _ => None,
    }
}

/// From the least to the greatest of these, with zero among them.
pub(super) fn range(heights: &[Option<f64>]) -> (f64, f64) {
    heights.iter().flatten().fold((0.0_f64, 0.0_f64), |(low, high), &value| (low.min(value), high.max(value)))
}

/// A column for each of these, on a scale from the lowest to the greatest.
pub(super) fn drawn(heights: &[Option<f64>], (low, high): (f64, f64), look: Look) -> String {
    let steps = if look.ascii { ASCII } else { BLOCKS };
    // Halves: the difference of two floats may be too large for one. Of nothing but zeros the share is no number, which is 0.
    let share = |value: f64| (value / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0);
    let step = |value: f64| steps[((share(value) * 7.0).round() as usize).min(7)];
    heights.iter().map(|height| height.map_or(' ', step)).collect()
}

/// A length of time by its two largest units: what is smaller says nothing here.
pub(super) fn length(nanos: i128) -> String {
    let mut text = String::new();
    let mut left = nanos;
    for (unit, size) in UNITS.iter().skip_while(|(_, size)| *size > nanos).take(2) {
        if left >= *size {
            // Writing to a string cannot fail.
            let _ = write!(text, "{}{unit}", left / size);
            left %= size;
        }
    }
    if left > 0 { format!("about {text}") } else { text }
}

#[cfg(test)]
mod tests {
    use recpipe::Value;

    use super::{Look, Sparkline, length};

    const LOOK: Look = Look { ascii: false, colour: false };
    const HOUR: i64 = 3_600_000_000_000;

    fn line(points: &[(i64, f64)]) -> Sparkline {
        let mut line = Sparkline::default();
        for &(hour, value) in points {
            line.push(Some(hour * HOUR), Some(Value::Float(value)), &format!("{hour}:00"), &format!("{value}"));
        }
        line
    }

    #[test]
    fn a_gap_is_blank_and_zero_is_not() {
        let line = line(&[(0, 7.0), (1, 0.0), (2, 1.0), (5, 3.5)]);
        let lines = line.lines("count", 40, LOOK).unwrap();
        assert_eq!(lines, ["count  0 to 7, a column is 1h", "█▁▂  ▅", "0:00  5:00"]);
        let ascii = line.lines("count", 40, Look { ascii: true, ..LOOK }).unwrap();
        assert_eq!(ascii[1], "@.:  +");
    }

    #[test]
    fn a_peak_is_seen_however_narrow_the_screen() {
        let points: Vec<_> = (0..1000).map(|hour| (hour, if hour == 617 { 70.0 } else { 1.0 })).collect();
        for columns in 1..130 {
            let lines = line(&points).lines("n", columns, LOOK).unwrap();
            assert!(lines.iter().all(|line| line.chars().count() <= columns), "{lines:#?}");
            assert_eq!(lines[1].chars().filter(|&c| c == '█').count(), 1, "{lines:#?}");
        }
    }

    #[test]
    fn labels_are_below_each_other_where_they_do_not_fit_beside_each_other() {
        let lines = line(&[(10, 1.0), (20, 1.0)]).lines("n", 9, LOOK).unwrap();
        assert_eq!(lines[2..], ["10:00", "20:00"]);
    }

    #[test]
    fn without_order_or_a_second_time_there_is_no_axis() {
        assert_eq!(line(&[(2, 1.0), (1, 1.0)]).lines("n", 9, LOOK), None);
        assert_eq!(line(&[(2, 1.0), (2, 1.0)]).lines("n", 9, LOOK), None);
        assert_eq!(line(&[]).lines("n", 9, LOOK), None);
    }

    #[test]
    fn what_is_not_drawn_is_said() {
        let mut line = line(&[(0, 1.0), (1, 1.0)]);
        line.push(None, Some(Value::Float(9.0)), "", "9");
        line.push(Some(2 * HOUR), None, "2:00", "");
        let lines = line.lines("n", 40, LOOK).unwrap();
        assert_eq!(lines, ["n  1 to 1, a column is 1h", "██", "0:00  2:00", "… 1 without a time"]);
    }

    #[test]
    fn any_times_and_values_fit() {
        let mut line = Sparkline::default();
        for (at, value) in [(i64::MIN, f64::MAX), (i64::MIN + 1, f64::MIN), (0, 5e-324), (i64::MAX, -0.0)] {
            line.push(Some(at), Some(Value::Float(value)), "t", "v");
        }
        for columns in 0..90 {
            let lines = line.lines("name", columns, LOOK).unwrap();
            assert!(lines.iter().all(|line| line.chars().count() <= columns.max(1)), "{columns}: {lines:#?}");
        }
    }

    #[test]
    fn lengths_are_written_as_durations_are() {
        let of = |seconds: i128| length(seconds * 1_000_000_000);
        assert_eq!([of(3600), of(5400), of(90), of(86_400), of(700_000)], ["1h", "1h30m", "1m30s", "1d", "about 1w1d"]);
        assert_eq!([length(1), length(1500), length(604_800_000_000_001)], ["1ns", "1us500ns", "about 1w"]);
    }
}
