//! A file of which the beginning, or the end, is skipped: how far that holds.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::block::Cut;
use super::boundary::Boundary;
use super::shown_name;
use super::window::{Order, OrderCheck, Window};

/// What is skipped of a plain file.
#[derive(Debug)]
pub(super) struct Skipping {
    path: PathBuf,
    len: u64,
    order_check: OrderCheck,
    /// Blocks of it were given out.
    has_begun: bool,
    is_broken: bool,
}

/// What a block tells of it.
pub(super) enum Looked {
    /// It holds so far.
    Ordered,
    /// Nothing of what follows the block is in the window: so many bytes.
    Past { left: u64 },
    /// The file is not in order, which is to be said. Whether no block was given out before.
    Broken { what: String, is_first: bool },
}

impl Skipping {
    /// What of the file can be skipped; `None` for nothing.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(super) fn of(window: &Window, path: &Path, name: &Arc<str>, boundary: &Arc<dyn Boundary>) -> io::Result<Option<Self>> {
        if window.slack.is_none() {
            return Ok(None);
        }
        let from = window.beginning(path, name, &**boundary)?;
        if from == 0 && window.until.is_none() {
            return Ok(None);
        }
        let order_check = OrderCheck::new(window, name, boundary.clone(), from);
        let len = std::fs::metadata(path)?.len();
        Ok(Some(Skipping { path: path.to_owned(), len, order_check, has_begun: false, is_broken: false }))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where the reading began.
    pub(super) fn from(&self) -> u64 {
        self.order_check.from
    }

    /// Whether the file was found not to be in order.
    pub(super) fn is_broken(&self) -> bool {
        self.is_broken
    }

    /// Looks at the next block.
    pub(super) fn look(&mut self, cut: &Cut, name: &Arc<str>) -> Looked {
        let is_first = !std::mem::replace(&mut self.has_begun, true);
        if self.is_broken {
            return Looked::Ordered;
        }
        match self.order_check.look(cut) {
            Order::Kept => Looked::Ordered,
            Order::Past => Looked::Past { left: self.len.saturating_sub(cut.start() + cut.bytes().len() as u64) },
            Order::Broken { by, at } => {
                self.is_broken = true;
                let what = format!(
                    "{}: not in order: the time at byte {at} is {} s earlier than one before it, more than --slack; all of the file is read",
                    shown_name(name),
                    by / 1_000_000_000
                );
                Looked::Broken { what, is_first }
            }
        }
    }
}
