//! The kinds of values that are counted, and what is said of them.

/// What is the matter with the values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// Text, or a number, that is no time.
    NoTime,
    /// A time in a year that a time cannot be.
    NoSuchYear,
    /// A value of another type where numbers are calculated with.
    NoNumber,
    /// A value of another type beside numbers, of which the least or the greatest is asked for; the range is there where numbers came.
    BesideNumbers,
    /// A local time, taken in UTC; the range is that of the offsets of the others.
    NoOffset,
    /// A time with an offset of its own, beside a literal that is taken in UTC.
    BesideLiteral,
    /// Times of one day; the range is that of their offsets.
    FarOffsets,
    /// A value of a field that an output has no column for: it chose its columns before the field came.
    NoColumn,
    /// A value that the type of its column in an output, which was said before it came, cannot hold.
    NoRoom,
    /// The time of a record whose window was closed when it came.
    Late,
    /// The same of one that went where the query says.
    LateKept,
    /// None: a field came that a stage was to read out of texts; of no name, a record that it took.
    Came,
}

/// Offsets of one place are not further apart, in seconds.
const NEAR_S: i64 = 7200;

impl Why {
    pub(super) const ALL: &[Why] = &[
        Why::NoTime,
        Why::NoSuchYear,
        Why::NoNumber,
        Why::BesideNumbers,
        Why::NoOffset,
        Why::BesideLiteral,
        Why::FarOffsets,
        Why::NoColumn,
        Why::NoRoom,
        Why::Late,
        Why::LateKept,
        Why::Came,
    ];

    /// What one such value is, and what several are.
    pub(super) fn words(self) -> [&'static str; 2] {
        match self {
            Why::NoTime => ["is no time and counts as null", "are no times and count as null"],
            Why::NoSuchYear => [
                "is beyond the years that a time can be (1678 to 2261) and counts as null",
                "are beyond the years that a time can be (1678 to 2261) and count as null",
            ],
            Why::NoNumber => ["is no number and is left out", "are no numbers and are left out"],
            Why::BesideNumbers => {
                ["is no number and counts only where there are no numbers", "are no numbers and count only where there are no numbers"]
            }
            Why::NoOffset => ["has no offset and is taken in UTC, beside others", "have no offset and are taken in UTC, beside others"],
            Why::BesideLiteral => ["has an offset of its own", "have offsets of their own"],
            Why::NoColumn => ["came too late for a column and is not shown", "came too late for a column and are not shown"],
            Why::NoRoom => ["does not fit the type of its column and is null", "do not fit the type of their column and are null"],
            Why::Late => [
                "came after its window was closed and is left out of that",
                "came after their windows were closed and are left out of those",
            ],
            Why::LateKept => {
                ["came after its window was closed and went to `tee late`", "came after their windows were closed and went to `tee late`"]
            }
            Why::Came => ["came", "came"],
            Why::FarOffsets => ["is of another place", "are put together by date, though their clocks are more than two hours apart"],
        }
    }

    /// Whether the answer lacks something for it.
    pub(super) fn is_loss(self) -> bool {
        matches!(self, Why::NoTime | Why::NoSuchYear | Why::NoNumber | Why::BesideNumbers | Why::Late) || self.is_unwritten()
    }

    /// Whether it is an output that lacks it: a value that was asked for is not there, which is a failure also where nobody is strict.
    pub(crate) fn is_unwritten(self) -> bool {
        matches!(self, Why::NoColumn | Why::NoRoom)
    }

    /// Whether it is about records that came too late.
    pub fn is_late(self) -> bool {
        matches!(self, Why::Late | Why::LateKept)
    }

    /// Whether it matters.
    pub(super) fn is_said(self, count: u64, range: Option<(i64, i64)>) -> bool {
        match self {
            Why::NoTime
            | Why::NoSuchYear
            | Why::NoNumber
            | Why::BesideLiteral
            | Why::NoColumn
            | Why::NoRoom
            | Why::Late
            | Why::LateKept => count > 0,
            Why::BesideNumbers => count > 0 && range.is_some(),
            Why::NoOffset => count > 0 && range.is_some_and(|range| range != (0, 0)),
            Why::Came => false,
            Why::FarOffsets => range.is_some_and(|(low, high)| high - low > NEAR_S),
        }
    }
}
