//! Windows of time that are longer than the step from one to the next: a record is in several of them.

use recpipe::{Error, Time, Value};

use crate::{expr::Vector, time::step::Steps};

/// How many windows each record is in, and how they follow each other.
#[derive(Clone, Debug)]
pub(crate) struct Panes {
    /// From the beginning of one window to that of the next.
    pub(crate) steps: Steps,
    /// How many steps a window is long.
    pub(crate) count: usize,
}

impl Panes {
    /// The windows before these, which begin then.
    pub(super) fn before(&self, begins: &Vector) -> Result<Vector, Error> {
        // Records of one window follow each other.
        let mut last: Option<(Time, Time)> = None;
        let mut before = |time: Time| {
            if let Some((_, before)) = last.filter(|(of, _)| (of.nanos, of.offset_s) == (time.nanos, time.offset_s)) {
                return Ok(Value::Time(before));
            }
            let before =
                self.steps.previous(time).ok_or_else(|| Error::Data(format!("the window before {time} begins before all times")))?;
            last = Some((time, before));
            Ok(Value::Time(before))
        };
        let values = (0..begins.len).map(|row| match begins.value(row) {
            Value::Time(time) => before(time),
            _ => Ok(Value::Null),
        });
        Vector::collect(values.collect::<Result<Vec<_>, Error>>()?.into_iter())
    }
}
