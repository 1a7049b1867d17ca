//! What a block of a document says about its place in it, so that what no block alone can tell is found by whoever sees them in
//! order: whether the tags around the records fit each other, and whether the document ends.

use recpipe::Exit;

/// Something after which no more of an input can be read. The records before it count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// How the run will end.
    pub exit: Exit,
    /// The place in the block.
    pub at: usize,
    /// How many of the block's records come before it.
    pub records_before: u32,
    /// What is wrong.
    pub what: String,
}

/// Elements may not be nested deeper than this around the records.
pub const MAX_DEPTH: usize = 128;

/// The tags around the records of one block, without those that close within it what they opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Continuity {
    /// What concerns elements that were opened before this block, in order.
    steps: Vec<Step>,
    /// The elements that are still open at its end.
    open: Vec<Box<[u8]>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Step {
    /// The element that is closed; without one, there is text in whatever is open.
    closed: Option<Box<[u8]>>,
    at: usize,
    records_before: u32,
}

impl Continuity {
    /// An element begins.
    ///
    /// # Errors
    /// The nesting is too deep.
    pub fn open(&mut self, name: &[u8]) -> Result<(), String> {
        if self.open.len() >= MAX_DEPTH {
            return Err(format!("elements are nested deeper than {MAX_DEPTH}"));
        }
        self.open.push(name.into());
        Ok(())
    }

    /// An element ends at this place of the block.
    ///
    /// # Errors
    /// It is not the one that was opened last, or more end than can have begun.
    pub fn close(&mut self, name: &[u8], at: usize, records_before: u32) -> Result<(), String> {
        match self.open.pop() {
            Some(open) => fits(&open, name),
            None if name == b"[" && self.steps.len() >= MAX_DEPTH => Ok(()),
            None if self.steps.len() > 2 * MAX_DEPTH => Err(format!("elements are nested deeper than {MAX_DEPTH}")),
            None => {
                self.steps.push(Step { closed: Some(name.into()), at, records_before });
                Ok(())
            }
        }
    }

    /// The same for a block of which this was left: `place` says where what is left was.
    #[must_use]
    pub fn placed(mut self, place: impl Fn(usize) -> usize) -> Self {
        self.steps.iter_mut().for_each(|step| step.at = place(step.at));
        self
    }

    /// There is text at this place of the block.
    pub fn text(&mut self, at: usize, records_before: u32) {
        if self.open.is_empty() && self.steps.last().is_none_or(|step| step.closed.is_some()) {
            self.steps.push(Step { closed: None, at, records_before });
        }
    }
}

/// A name for a message: it may be as long as a block.
fn shown(name: &[u8]) -> String {
    String::from_utf8_lossy(&name[..name.len().min(60)]).escape_debug().to_string()
}

fn fits(open: &[u8], name: &[u8]) -> Result<(), String> {
    if open == name { Ok(()) } else { Err(format!("`</{}>` stands where `</{}>` is expected", shown(name), shown(open))) }
}

/// The elements that are open where one block ends and the next begins.
#[derive(Debug, Default)]
pub struct Nesting {
    open: Vec<Box<[u8]>>,
}

impl Nesting {
    /// Goes on by a block.
    ///
    /// # Errors
    /// It does not fit those before it.
    pub fn follow(&mut self, continuity: Continuity) -> Result<(), Failure> {
        for Step { closed, at, records_before } in continuity.steps {
            let fits = match (closed, self.open.len()) {
                // What is left of a torn object may hold one.
                (Some(name), 0) if *name == *b"[" => Ok(()),
                (Some(name), 1..) => self.open.pop().map_or(Ok(()), |open| fits(&open, &name)),
                (Some(_), 0) => Err("an end tag without its start".to_owned()),
                (None, 1..) => Ok(()),
                (None, 0) => Err("text outside of any element; is this XML?".to_owned()),
            };
            fits.map_err(|what| Failure { exit: Exit::Failed, at, records_before, what })?;
        }
        self.open.extend(continuity.open);
        if self.open.len() > MAX_DEPTH {
            let what = format!("elements are nested deeper than {MAX_DEPTH}");
            return Err(Failure { exit: Exit::Failed, at: 0, records_before: 0, what });
        }
        Ok(())
    }

    /// What is wrong when the input ends here.
    pub fn at_end(&self) -> Option<String> {
        let open = self.open.last()?;
        if **open == *b"[" {
            return Some("the input ends within an array: its `]` is missing".to_owned());
        }
        Some(format!("the document ends within the element `{}`", shown(open)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Blocks as words: `a` opens, `/a` closes, `.` is text. What is wrong, and in which block.
    fn check(blocks: &[&str]) -> Result<(), String> {
        let mut nesting = Nesting::default();
        for (nth, block) in blocks.iter().enumerate() {
            let mut continuity = Continuity::default();
            for (at, word) in block.split_whitespace().enumerate() {
                match word.strip_prefix('/') {
                    Some(name) => continuity.close(name.as_bytes(), at, 0).map_err(|what| format!("{nth}: {what}"))?,
                    None if word == "." => continuity.text(at, 0),
                    None => continuity.open(word.as_bytes()).map_err(|what| format!("{nth}: {what}"))?,
                }
            }
            nesting.follow(continuity).map_err(|failure| format!("{nth}.{}: {}", failure.at, failure.what))?;
        }
        nesting.at_end().map_or(Ok(()), Err)
    }

    #[test]
    fn blocks_fit_together() {
        assert_eq!(check(&["a b", ". /b . b /b", "", "/a"]), Ok(()));
        assert_eq!(check(&["a /a", "a", "/a"]), Ok(()), "documents may follow each other");
        assert_eq!(check(&["a b", "/b"]), Err("the document ends within the element `a`".to_owned()));
        assert_eq!(check(&["a b", "c /c /a"]), Err("1.2: `</a>` stands where `</b>` is expected".to_owned()));
        assert_eq!(check(&["a /b"]), Err("0: `</b>` stands where `</a>` is expected".to_owned()));
        assert_eq!(check(&["a", "/a /a"]), Err("1.1: an end tag without its start".to_owned()));
        assert_eq!(check(&["a .", ". /a . ."]), Err("1.2: text outside of any element; is this XML?".to_owned()));
        assert!(check(&[&"a ".repeat(129)]).unwrap_err().contains("deeper"));
        assert!(check(&[&"a ".repeat(100), &"a ".repeat(100)]).unwrap_err().contains("deeper"));
        assert!(check(&[&"/a ".repeat(1000)]).unwrap_err().contains("deeper"));
        assert!(check(&[&"a".repeat(1000)]).unwrap_err().len() < 120, "a message does not hold a name of any length");
    }
}
