//! The answer of a query, as an iterator.

use std::{fmt, iter::FusedIterator, num::NonZeroUsize, thread::available_parallelism};

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
    /// What the input has ended with, to be told after the answer of what came before it.
    failed: Option<Error>,
    threads: usize,
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
        Answer { query, input: Some(input), failed: None, threads: 1, state: State::Unopened }
    }

    /// Of what was sent already.
    pub(super) fn of(query: Query, steps: Stepwise) -> Self {
        Answer { query, input: None, failed: None, threads: 1, state: State::Open(Box::new(steps)) }
    }

    /// The same answer, made on as many threads as there are processors for: see [`Answer::on_threads`].
    ///
    /// # Examples
    /// ```
    /// use recpipe::Batch;
    /// use recpipe_consumer::Query;
    ///
    /// #[derive(serde::Serialize, serde::Deserialize)]
    /// struct Number { n: i64 }
    ///
    /// let numbers = (0..100).map(|n| Batch::of(&[Number { n }]));
    /// let mut answer = Query::parse("where n % 7 == 0 | count")?.over(numbers).parallel();
    /// assert_eq!(answer.next().ok_or("a batch")??.row(0).value(0), recpipe::Value::Int(15));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn parallel(self) -> Self {
        self.on_threads(available_parallelism().unwrap_or(NonZeroUsize::MIN))
    }

    /// The same answer, in the same order, made on so many threads besides the calling one: what the query does with each record by
    /// itself, and what it gathers. What is left, and the iterator of the batches, is the calling thread's, so that iterator need not be
    /// [`Send`].
    ///
    /// At most three batches for each thread are taken ahead of what is asked for, also of an answer that is dropped or has enough
    /// (`head`); whoever drops it waits for those that are being worked on. Where the system has fewer threads to give, fewer are used.
    /// While the iterator waits for a batch that is yet to come, what threads have finished meanwhile waits, too: of an input that is
    /// followed, one thread answers sooner.
    /// It has no effect once the first batch was asked for, or on the answer of a [`PartialAnswer`](super::PartialAnswer).
    #[must_use]
    pub fn on_threads(self, threads: NonZeroUsize) -> Self {
        Answer { threads: threads.get(), ..self }
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
                    Some(first) => self.query.start(first.schema(), self.threads)?,
                    // Whoever has no records may have had any fields.
                    None => self.query.start(&Schema::new(Vec::new())?.growing(), 1)?,
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
                Some(Some(Ok(batch))) => self.send(batch)?,
                Some(end) => {
                    self.failed = end.and_then(Result::err);
                    self.input = None;
                }
                // An error comes in its turn, and not at all where there was enough before it.
                None if self.failed.is_some() && steps.await_one()? => {}
                None if !steps.has_enough() && self.failed.is_some() => return self.failed.take().map_or(Ok(None), Err),
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

impl<I> fmt::Debug for Answer<I> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Answer")
            .field("query", &self.query.text())
            .field("threads", &self.threads)
            .field("has_ended", &matches!(self.state, State::Over(_)))
            .finish_non_exhaustive()
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
            (self.input, self.failed, self.state) = (None, None, State::Over(warnings));
        }
        pulled
    }
}

impl<I: Iterator<Item = Result<Batch, Error>>> FusedIterator for Answer<I> {}
