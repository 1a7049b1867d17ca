//! The answer of a query, as an iterator.

use std::iter::FusedIterator;

use recpipe::{Batch, Error, Flow, Schema};

use super::Query;
use crate::execute::Stepwise;

/// The batches of an answer; see [`Query::over`].
///
/// Each item is made when it is asked for. After an error comes `None`, and what was written meanwhile, by branches, is marked as not
/// whole.
pub struct Answer<I> {
    query: Query,
    /// `None` when no more is wanted of it.
    input: Option<I>,
    state: State,
}

enum State {
    /// No batch was there as yet.
    Unopened,
    Open(Box<Stepwise>),
    /// What was to be said at the end.
    Over(Vec<String>),
}

impl<I: Iterator<Item = Result<Batch, Error>>> Answer<I> {
    pub(super) fn new(query: Query, input: I) -> Self {
        Answer { query, input: Some(input), state: State::Unopened }
    }

    /// Of what was sent already.
    pub(super) fn of(query: Query, steps: Stepwise) -> Self {
        Answer { query, input: None, state: State::Open(Box::new(steps)) }
    }

    /// What is to be said of the answer so far: how many values were left out of it and why, an example of each, and fields that the
    /// query does not see. On the command line that stands on stderr.
    ///
    /// # Examples
    /// ```
    /// use recpipe::{Batch, BatchBuilder, Field, Schema, Type, Value};
    /// use recpipe_consumer::Query;
    ///
    /// let schema = Schema::new(vec![Field::open("price", Type::Mixed)])?;
    /// let mut prices = BatchBuilder::new(schema.into());
    /// prices.push(&[Value::Int(3)])?;
    /// prices.push(&[Value::Text(b"n/a")])?;
    /// let mut answer = Query::parse("sum(price)")?.over([prices.finish()]);
    /// while let Some(batch) = answer.next() {
    ///     assert_eq!(batch?.row(0).value(0), Value::Int(3));
    /// }
    /// assert!(answer.warnings()[0].contains("1 value of `price` is no number"), "{:?}", answer.warnings());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn warnings(&self) -> Vec<String> {
        match &self.state {
            State::Unopened => Vec::new(),
            State::Open(steps) => steps.warnings(),
            State::Over(warnings) => warnings.clone(),
        }
    }

    fn pull(&mut self) -> Result<Option<Batch>, Error> {
        loop {
            if let State::Unopened = self.state {
                let first = self.input.as_mut().and_then(Iterator::next).transpose()?;
                let steps = match &first {
                    Some(first) => self.query.start(first.schema())?,
                    // Whoever has no records may have had any fields.
                    None => self.query.start(&Schema::new(Vec::new())?.growing())?,
                };
                self.state = State::Open(Box::new(steps));
                match first {
                    Some(first) => self.send(first)?,
                    None => self.input = None,
                }
            }
            let State::Open(steps) = &mut self.state else { return Ok(None) };
            if let Some(batch) = steps.take()? {
                return Ok(Some(batch));
            }
            match self.input.as_mut().map(Iterator::next) {
                Some(Some(batch)) => self.send(batch?)?,
                Some(None) => self.input = None,
                None if steps.finish()? => {}
                None => self.state = State::Over(steps.warnings()),
            }
        }
    }

    fn send(&mut self, batch: Batch) -> Result<(), Error> {
        let State::Open(steps) = &mut self.state else { return Ok(()) };
        if steps.send(batch)? == Flow::Stop {
            // Whoever makes them may stop now.
            self.input = None;
        }
        Ok(())
    }
}

impl<I: Iterator<Item = Result<Batch, Error>>> Iterator for Answer<I> {
    type Item = Result<Batch, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let pulled = self.pull().transpose();
        if let Some(Err(error)) = &pulled {
            let mut warnings = Vec::new();
            if let State::Open(steps) = &mut self.state {
                steps.fail(error);
                warnings = steps.warnings();
            }
            (self.input, self.state) = (None, State::Over(warnings));
        }
        pulled
    }
}

impl<I: Iterator<Item = Result<Batch, Error>>> FusedIterator for Answer<I> {}
