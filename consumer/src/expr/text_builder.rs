//! Making new text.

use recpipe::Error;

use super::vector::{Operand, Texts};

/// New texts, one after the other in one buffer: no allocation a row.
#[derive(Debug, Default)]
pub(crate) struct TextBuilder {
    bytes: Vec<u8>,
    views: Vec<(u32, u32)>,
    start: usize,
}

impl TextBuilder {
    /// An empty one, with room for so many rows.
    pub(crate) fn with_capacity(rows: usize) -> Self {
        TextBuilder { bytes: Vec::new(), views: Vec::with_capacity(rows), start: 0 }
    }

    /// Where the text of the row is written; [`TextBuilder::end_row`] ends it.
    pub(crate) fn row(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Ends the row: what was written since the last is its text.
    ///
    /// # Errors
    /// [`Error::Data`] when the buffer has passed 4 GiB.
    pub(crate) fn end_row(&mut self) -> Result<(), Error> {
        let (Ok(start), Ok(len)) = (u32::try_from(self.start), u32::try_from(self.bytes.len() - self.start)) else {
            return Err(Error::Data("more than 4 GiB of text in one column of a batch".into()));
        };
        self.views.push((start, len));
        self.start = self.bytes.len();
        Ok(())
    }

    /// Ends a row that has the text of the one before; an empty one if there is none.
    pub(crate) fn same_row(&mut self) {
        let same = self.views.last().copied().unwrap_or_default();
        self.views.push(same);
    }

    /// The texts.
    pub(crate) fn finish(self) -> Texts {
        Texts { bytes: self.bytes.into(), views: Operand::Each(self.views) }
    }
}
