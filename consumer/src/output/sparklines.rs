//! Several [`Sparkline`]s below each other, on one axis and one scale: `chart` of windows of several keys.
//!
//! ```text
//! count  1 to 907, a column is 1h
//! GET   ▁▂▄█▇▅▃  ▁▂▅█▇▄▂▁
//! POST   ▁▁▂▁▁     ▁▁▁
//!       2008-02-24T00:00:00-06:00  2008-02-25T08:00:00-06:00
//! ```

use std::collections::HashMap;

use recpipe::Value;
use unicode_width::UnicodeWidthStr;

use super::{
    layout::{GAP, cut},
    sparkline::{Point, Sparkline, drawn, height, range},
};
use crate::writer::Look;

/// Records of one number each, in the order of their times, of several keys.
#[derive(Default)]
pub(super) struct Sparklines {
    /// Of all keys.
    all: Sparkline,
    /// In the order in which they came: what each is called, and what is drawn of it.
    keys: Vec<(String, Vec<Point>)>,
    /// Where each stands.
    places: HashMap<String, usize>,
}

impl Sparklines {
    /// More keys than this are counted, not drawn.
    const MOST: usize = 1000;

    /// As [`Sparkline::push`], of this key.
    pub(super) fn push(&mut self, key: &str, at: Option<i64>, value: Option<Value<'static>>, time: &str, number: &str) {
        if let (Some(at), false) = (at, self.all.is_full()) {
            let place = self.places.get(key).copied().unwrap_or_else(|| {
                self.places.insert(key.to_owned(), self.keys.len());
                self.keys.push((key.to_owned(), Vec::new()));
                self.keys.len() - 1
            });
            if let Some((_, points)) = self.keys.get_mut(place) {
                points.push((at, value.as_ref().and_then(height)));
            }
        }
        self.all.push(at, value, time, number);
    }

    /// As [`Sparkline::lines`], of the only key.
    pub(super) fn one(&self, name: &str, columns: usize, look: Look) -> Option<Vec<String>> {
        self.all.lines(name, columns, look)
    }

    /// As [`Sparkline::lines`], a line for each key.
    pub(super) fn lines(&self, name: &str, columns: usize, look: Look) -> Option<Vec<String>> {
        let shown = &self.keys[..self.keys.len().min(Self::MOST)];
        let label = shown.iter().map(|(key, _)| key.width()).max()?.min(columns / 3);
        let room = columns.saturating_sub(label + GAP.len());
        let axis = self.all.axis(room)?;
        let heights = shown.iter().map(|(_, points)| axis.heights(points)).collect::<Option<Vec<_>>>()?;
        let scale = range(&heights.concat());
        let mut lines = vec![self.all.heading(name, &axis, columns, look)];
        for ((key, _), heights) in shown.iter().zip(&heights) {
            let key = cut(key, label, look.cut());
            let blanks = " ".repeat(label.saturating_sub(key.width()));
            let bar = drawn(heights, scale, look);
            let line = if bar.trim_end().is_empty() { key } else { format!("{key}{blanks}{GAP}{}", look.bar(bar.trim_end())) };
            lines.push(line);
        }
        let feet = lines.len();
        self.all.feet(heights.first().map_or(0, Vec::len), room, look, &mut lines);
        lines[feet..].iter_mut().for_each(|foot| foot.insert_str(0, &" ".repeat(label + GAP.len())));
        let more = self.keys.len() - shown.len();
        if more > 0 {
            lines.push(format!("{} {more} more keys", look.cut()));
        }
        Some(lines)
    }
}

#[cfg(test)]
mod tests {
    use recpipe::Value;

    use super::{Look, Sparklines};

    const LOOK: Look = Look { ascii: false, colour: false };

    fn lines(points: &[(&str, i64, f64)]) -> Sparklines {
        let mut lines = Sparklines::default();
        for &(key, hour, value) in points {
            lines.push(key, Some(hour * 3_600_000_000_000), Some(Value::Float(value)), &format!("{hour}:00"), &format!("{value}"));
        }
        lines
    }

    #[test]
    fn all_keys_have_one_scale_and_one_axis() {
        let lines = lines(&[("GET", 0, 14.0), ("POST", 1, 2.0), ("GET", 2, 7.0), ("POST", 2, 14.0), ("GET", 5, 0.0)]);
        let drawn = lines.lines("count", 40, LOOK).unwrap();
        assert_eq!(drawn, ["count  0 to 14, a column is 1h", "GET   █ ▅  ▁", "POST   ▂█", "      0:00  5:00"]);
    }

    #[test]
    fn they_fit_however_narrow_the_screen() {
        let points: Vec<_> = (0..500).map(|at| (if at % 3 == 0 { "a long key" } else { "b" }, at / 2, at as f64)).collect();
        for columns in 12..130 {
            let drawn = lines(&points).lines("n", columns, LOOK).unwrap();
            assert!(drawn.iter().all(|line| line.chars().count() <= columns), "{columns}: {drawn:#?}");
        }
    }

    #[test]
    fn without_order_or_a_second_time_there_is_no_axis() {
        assert_eq!(lines(&[("a", 2, 1.0), ("b", 1, 1.0)]).lines("n", 40, LOOK), None);
        assert_eq!(lines(&[("a", 2, 1.0), ("b", 2, 1.0)]).lines("n", 40, LOOK), None);
    }
}
