//! Records of labels and numbers, as they come: the bars, the stacks and the lines of a picture, and the table beside it.

use std::collections::{BTreeMap, HashMap};

use recpipe::{Batch, Schema, Time, Type};

use super::{Drawn, Form, bars::drawable};
use crate::{
    expr::{Values, Vector},
    output::{
        layout::GAP,
        shown::{self, Days},
        sparkline::height,
    },
    picture::{self, Bar, Figure},
};

/// Records that are seen.
#[derive(Clone, Debug)]
pub(super) struct Series {
    drawn: Drawn,
    schema: Schema,
    /// The first records.
    rows: Vec<Vec<String>>,
    numbers: Vec<Vec<Option<f64>>>,
    /// Records beyond those.
    more: u64,
    /// The only label, if others are not.
    label: Option<usize>,
    /// Where there is a time: by line and time, the numbers; and what each line is called.
    along: Along,
}

#[derive(Clone, Debug, Default)]
struct Along {
    places: HashMap<String, usize>,
    lines: Vec<(String, BTreeMap<i64, f64>)>,
    /// The moments, and what the clock is ahead of UTC at each.
    times: BTreeMap<i64, i32>,
    timeless: u64,
    /// What is beyond [`Along::MOST`].
    more: u64,
    held: usize,
}

impl Along {
    /// Numbers along the time.
    const MOST: usize = 100_000;

    fn push(&mut self, name: &str, at: Time, value: Option<f64>) {
        if self.held >= Self::MOST {
            self.more += 1;
            return;
        }
        self.held += 1;
        self.times.entry(at.nanos).or_insert(at.offset_s);
        let place = *self.places.entry(name.to_owned()).or_insert_with(|| {
            self.lines.push((name.to_owned(), BTreeMap::new()));
            self.lines.len() - 1
        });
        if let (Some(value), Some((_, points))) = (value, self.lines.get_mut(place)) {
            points.entry(at.nanos).and_modify(|known| *known = known.max(value)).or_insert(value);
        }
    }
}

impl Series {
    /// The first records, which are bars and rows of a table.
    pub(super) const MOST: usize = 1000;

    /// Bars of a picture, which more would make longer than a page.
    const BARS: usize = 60;

    /// Parts of a bar, and lines, each of its own colour; the smallest of more are one.
    const PARTS: usize = 8;

    /// Moments of a line in a picture.
    const MOMENTS: i128 = 400;

    pub(super) fn new(drawn: &Drawn, schema: &Schema) -> Self {
        Series {
            drawn: drawn.clone(),
            schema: schema.clone(),
            rows: Vec::new(),
            numbers: Vec::new(),
            more: 0,
            label: None,
            along: Along::default(),
        }
    }

    /// Whether records may be points of lines.
    fn may_be_lines(&self) -> bool {
        match (self.drawn.time, self.drawn.form) {
            (None, _) | (_, Form::Bars | Form::Stack | Form::Histogram | Form::Heatmap) => false,
            (Some(_), Form::Lines) => true,
            (Some(_), Form::Fitting) => {
                self.drawn.values.len() > 1 || self.drawn.is_grouped || self.schema.len() == self.drawn.values.len() + 1
            }
        }
    }

    /// Labels are those of this column alone.
    pub(super) fn label_by(&mut self, place: usize) {
        self.label = Some(place);
    }

    pub(super) fn add(&mut self, batch: &Batch) {
        let room = Self::MOST.saturating_sub(self.rows.len());
        let may_be_lines = self.may_be_lines();
        let seen = if may_be_lines { batch.clone() } else { batch.head(room) };
        let values: Vec<Vector> = self.drawn.values.iter().map(|&place| Vector::from_column(seen.column(place), &seen)).collect();
        let times = self.drawn.time.filter(|_| may_be_lines).map(|place| Vector::from_column(seen.column(place), &seen));
        for (row, cells) in shown::rows(&seen).enumerate() {
            let numbers: Vec<Option<f64>> = values.iter().map(|values| drawable(values, row).as_ref().and_then(height)).collect();
            if let Some(times) = &times {
                match &times.values {
                    Values::Time(times_of) if !times.is_null(row) => self.add_point(&cells, times_of.get(row), &numbers),
                    _ => self.along.timeless += 1,
                }
            }
            if row < room {
                self.rows.push(cells);
                self.numbers.push(numbers);
            }
        }
        self.more += batch.len().saturating_sub(room) as u64;
    }

    fn add_point(&mut self, cells: &[String], at: Time, numbers: &[Option<f64>]) {
        let key = self.labels(cells, self.drawn.time);
        for (&place, number) in self.drawn.values.iter().zip(numbers) {
            let name = match (self.drawn.values.len(), key.is_empty()) {
                (1, _) => key.clone(),
                (_, true) => self.name(place),
                (_, false) => format!("{key}{GAP}{}", self.name(place)),
            };
            self.along.push(&name, at, *number);
        }
    }

    /// The cells that are neither numbers that are drawn nor this one.
    fn labels(&self, cells: &[String], but: Option<usize>) -> String {
        let of = |(place, cell): (usize, &String)| {
            (self.label.is_none_or(|label| label == place) && !self.drawn.values.contains(&place) && but != Some(place) && !cell.is_empty())
                .then(|| cell.clone())
        };
        cells.iter().enumerate().filter_map(of).collect::<Vec<_>>().join(GAP)
    }

    fn name(&self, place: usize) -> String {
        self.schema.fields().get(place).map_or(String::new(), |field| shown::one_line(field.name.as_bytes()))
    }

    /// The names of the numbers.
    fn value(&self) -> String {
        self.drawn.values.iter().map(|&place| self.name(place)).collect::<Vec<_>>().join(", ")
    }

    /// The names of the columns, and whether they are numbers; the records; and how many more there are.
    pub(super) fn table(&self) -> (Vec<(String, bool)>, Vec<Vec<String>>, u64) {
        let names = self
            .schema
            .fields()
            .iter()
            .map(|field| (shown::one_line(field.name.as_bytes()), matches!(field.kind, Type::Int | Type::Float)));
        let days = Days::of(&self.schema, self.rows.iter());
        let mut rows = self.rows.clone();
        rows.iter_mut().for_each(|row| days.shorten(row));
        (names.collect(), rows, self.more)
    }

    /// The picture; `None` of nothing.
    pub(super) fn figure(&self, for_file: bool) -> Option<Figure> {
        let mut notes = Vec::new();
        let form = match self.drawn.form {
            Form::Stack => self.stack(&mut notes, for_file)?,
            _ => match self.lines(&mut notes, for_file) {
                Some(lines) => lines,
                None => self.bars(&mut notes, for_file)?,
            },
        };
        Some(Figure { title: String::new(), value: self.value(), log: self.drawn.log, form, notes })
    }

    fn bars(&self, notes: &mut Vec<String>, for_file: bool) -> Option<picture::Form> {
        let most = if for_file { Self::BARS } else { Self::MOST };
        let (_, rows, _) = self.table();
        let bar = |(cells, numbers): (&Vec<String>, &Vec<Option<f64>>)| Bar {
            label: named(self.labels(cells, None)),
            parts: self
                .drawn
                .values
                .iter()
                .zip(numbers)
                .map(|(&place, number)| Some((number.as_ref().copied()?, cells[place].clone())))
                .collect(),
        };
        let bars: Vec<Bar> = rows.iter().zip(&self.numbers).take(most).map(bar).collect();
        more(self.rows.len().saturating_sub(most) as u64 + self.more, notes);
        let names = self.drawn.values.iter().map(|&place| self.name(place)).collect();
        (!bars.is_empty()).then_some(picture::Form::Bars(names, bars))
    }

    /// A bar for each label: its parts are the columns, or where there is one, the keys of the last label.
    fn stack(&self, notes: &mut Vec<String>, for_file: bool) -> Option<picture::Form> {
        let several = self.drawn.values.len() > 1;
        let is_label = |place: &usize| !self.drawn.values.contains(place);
        let part = (0..self.schema.len()).rev().find(is_label).filter(|_| !several);
        let (_, rows, _) = self.table();
        let mut labels: Vec<String> = Vec::new();
        let mut names: Vec<String> = Vec::new();
        // By bar and part.
        let mut sums: BTreeMap<(usize, usize), (f64, Vec<String>)> = BTreeMap::new();
        for (cells, numbers) in rows.iter().zip(&self.numbers) {
            let label = place_of(named(self.labels(cells, part)), &mut labels);
            for (&value, number) in self.drawn.values.iter().zip(numbers) {
                let Some(number) = number else { continue };
                let name = part.map_or_else(|| self.name(value), |part| named(cells[part].clone()));
                let (sum, shown) = sums.entry((label, place_of(name, &mut names))).or_default();
                *sum += number;
                shown.push(cells[value].clone());
            }
        }
        // The largest have colours of their own, in the order in which they came.
        let mut sizes = vec![0.0; names.len()];
        sums.iter().for_each(|((_, name), (sum, _))| sizes[*name] += sum.abs());
        let mut largest: Vec<usize> = (0..names.len()).collect();
        if names.len() > Self::PARTS {
            largest.sort_by(|one, other| sizes[*other].total_cmp(&sizes[*one]));
            largest.truncate(Self::PARTS - 1);
            largest.sort_unstable();
        }
        let others = names.len() - largest.len();
        let most = if for_file { Self::BARS } else { Self::MOST };
        let told = |shown: &[String], sum: f64| if let [only] = shown { only.clone() } else { picture::exact(sum) };
        let bar = |(at, label): (usize, &String)| {
            let mut parts: Vec<_> =
                largest.iter().map(|name| sums.get(&(at, *name)).map(|(sum, shown)| (*sum, told(shown, *sum)))).collect();
            if others > 0 {
                let of_others = sums.range((at, 0)..=(at, usize::MAX)).filter(|((_, name), _)| !largest.contains(name));
                let sum: f64 = of_others.map(|(_, (sum, _))| sum).sum();
                parts.push(Some((sum, picture::exact(sum))));
            }
            Bar { label: label.clone(), parts }
        };
        let bars: Vec<Bar> = labels.iter().enumerate().take(most).map(bar).collect();
        more(labels.len().saturating_sub(most) as u64, notes);
        if self.more > 0 {
            notes.push(format!("{} records more are in no bar", self.more));
        }
        let mut names: Vec<String> = largest.iter().map(|name| names[*name].clone()).collect();
        if others > 0 {
            names.push(format!("{others} others"));
        }
        (!bars.is_empty()).then_some(picture::Form::Bars(names, bars))
    }

    /// Lines along the time, where there are two moments.
    fn lines(&self, notes: &mut Vec<String>, for_file: bool) -> Option<picture::Form> {
        let along = &self.along;
        let (first, last) = (*along.times.keys().next()?, *along.times.keys().next_back()?);
        let moments: Vec<i128> = along.times.keys().map(|at| i128::from(*at)).collect();
        let step = moments.windows(2).map(|two| two[1] - two[0]).min()?;
        let most = if for_file { Self::MOMENTS } else { i128::MAX };
        // Several steps are one moment, where there are too many.
        let each = (i128::from(last) - i128::from(first)) / step / most + 1;
        let slot = |at: i64| (i128::from(at) - i128::from(first)) / (step * each);
        let mut slots: BTreeMap<i128, (i64, i32)> = BTreeMap::new();
        for (at, offset_s) in &along.times {
            slots.entry(slot(*at)).or_insert((*at, *offset_s));
        }
        let places: Vec<i128> = slots.keys().copied().collect();
        let mut shown: Vec<usize> = (0..along.lines.len()).collect();
        if for_file && shown.len() > Self::PARTS {
            let size = |line: usize| along.lines[line].1.values().map(|value| value.abs()).sum::<f64>();
            let sizes: Vec<f64> = shown.iter().map(|line| size(*line)).collect();
            shown.sort_by(|one, other| sizes[*other].total_cmp(&sizes[*one]));
            shown.truncate(Self::PARTS);
            shown.sort_unstable();
            notes.push(format!("{} lines more are not drawn", along.lines.len() - shown.len()));
        }
        let line = |line: &usize| {
            let (name, points) = &along.lines[*line];
            let mut values: Vec<Option<f64>> = vec![None; places.len()];
            for (at, value) in points {
                if let Some(known) = places.binary_search(&slot(*at)).ok().and_then(|place| values.get_mut(place)) {
                    *known = Some(known.map_or(*value, |known| known.max(*value)));
                }
            }
            (name.clone(), values)
        };
        if each > 1 {
            notes.push(format!("a point is the greatest of {each}"));
        }
        if along.timeless > 0 {
            notes.push(format!("{} without a time", along.timeless));
        }
        if along.more > 0 {
            notes.push(format!("{} more; longer bins make fewer", along.more));
        }
        let lines = shown.iter().map(line).collect();
        Some(picture::Form::Lines(picture::Lines { times: slots.into_values().collect(), step: step * each, lines }))
    }
}

fn more(count: u64, notes: &mut Vec<String>) {
    if count > 0 {
        notes.push(format!("{count} more"));
    }
}

/// A name that is seen where there is none.
fn named(name: String) -> String {
    if name.is_empty() { "(none)".to_owned() } else { name }
}

/// Where a name stands among others, which it is added to where it is not there.
fn place_of(name: String, names: &mut Vec<String>) -> usize {
    names.iter().position(|known| *known == name).unwrap_or_else(|| {
        names.push(name);
        names.len() - 1
    })
}
