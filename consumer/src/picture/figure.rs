//! What is drawn.

/// A picture.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    /// What it is of.
    pub(crate) title: String,
    /// What its numbers are.
    pub(crate) value: String,
    /// The column of the table that bars are labelled by; empty where no column does that, or several do.
    pub(crate) label: String,
    /// Whether numbers go by their logarithm.
    pub(crate) log: bool,
    /// What is drawn.
    pub(crate) form: Form,
    /// What is not drawn.
    pub(crate) notes: Vec<String>,
}

/// The forms of pictures.
#[derive(Clone, Debug)]
pub(crate) enum Form {
    /// Bars below each other, of parts of these names.
    Bars(Vec<String>, Vec<Bar>),
    /// Lines along the time.
    Lines(Lines),
    /// How often there was what, when.
    Heat(Heat),
}

/// A bar.
#[derive(Clone, Debug)]
pub(crate) struct Bar {
    /// What it is of.
    pub(crate) label: String,
    /// What it is made of: each with its number, as it is drawn and as it is shown.
    pub(crate) parts: Vec<Option<(f64, String)>>,
}

/// Lines along one time.
#[derive(Clone, Debug)]
pub(crate) struct Lines {
    /// The moments, in order, in nanoseconds since 1970; and how many seconds the clock is ahead of UTC at each.
    pub(crate) times: Vec<(i64, i32)>,
    /// From one moment to the next, where nothing is missing.
    pub(crate) step: i128,
    /// The name of each line, and its numbers at the moments.
    pub(crate) lines: Vec<(String, Vec<Option<f64>>)>,
}

/// Counts by time and size.
#[derive(Clone, Debug)]
pub(crate) struct Heat {
    /// When the first column begins, how long each is, and how many seconds the clock is ahead of UTC.
    pub(crate) from: i64,
    /// Nanoseconds of a column.
    pub(crate) step: i64,
    /// Seconds that the clock is ahead of UTC.
    pub(crate) offset_s: i32,
    /// The sizes, from the least to the greatest.
    pub(crate) rows: Vec<String>,
    /// Of each column, the counts of all rows.
    pub(crate) columns: Vec<Vec<u64>>,
}
