//! A query for a program of one's own: over batches that the program has, without a stream or a text.
//!
//! | | pulls | is pushed to |
//! | --- | --- | --- |
//! | the whole answer | [`Query::over`]: an iterator over an iterator | [`Query::stage`]: a stage before another one |
//!
//! [`Query::partial`] goes half the way, to be finished elsewhere. [`Answer::parallel`] makes the whole answer on all cores. Batches get
//! the order in which they come. What the program does with an error is its own affair: nothing is printed but what the query itself says
//! (`trace`, outputs of branches), and that a file of a branch is not whole.

mod answer;
mod partial;
mod stage;

use std::{str::FromStr, sync::Arc};

use recpipe::{Batch, Error, Schema, Stage, Time, times::Zone};

pub use answer::Answer;
pub use partial::PartialAnswer;
pub use stage::QueryStage;

use crate::{
    catalog::CATALOG,
    execute::{Conditions, Stepwise},
    files::Files,
    input::SecondOptions,
    language::{self, Catalog, Diagnostic, QueryError, Setting, Source},
    memory::Memory,
    plan::Plan,
};

/// A query that was parsed. It runs over any records that have its fields, as often as one likes.
///
/// # Examples
/// ```
/// use recpipe::Batch;
/// use recpipe_consumer::Query;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Hit { request: String, status: u16 }
///
/// #[derive(Debug, Deserialize, PartialEq)]
/// struct Missing { request: String, count: u64 }
///
/// let hits = [("/a", 404), ("/b", 200), ("/a", 404)].map(|(request, status)| Hit { request: request.into(), status });
/// let mut found = Vec::new();
/// for batch in Query::parse("where status == 404 | count by request")?.over([Batch::of(&hits)]) {
///     for row in batch?.to::<Missing>() {
///         found.push(row?);
///     }
/// }
/// assert_eq!(found, [Missing { request: "/a".into(), count: 2 }]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Query {
    source: Source,
    parsed: language::Query,
    memory: Memory,
    zone: Option<Zone>,
}

impl Query {
    /// Parses the text of a query. Which fields the records have is not known yet: what is wrong with those is found when the first
    /// batch is there.
    ///
    /// # Errors
    /// [`QueryError`], which shows the place and, where one can, how it is written.
    pub fn parse(text: impl AsRef<str>) -> Result<Self, QueryError> {
        Query::parse_in(text, &CATALOG)
    }

    /// As [`Query::parse`], in these words.
    ///
    /// # Errors
    /// As for [`Query::parse`].
    ///
    /// # Examples
    /// ```
    /// use std::sync::Arc;
    /// use recpipe::{Type, Value};
    /// use recpipe_consumer::{Query, language::{Catalog, FunctionWord}};
    ///
    /// static SHOUT: FunctionWord = FunctionWord::of_values(
    ///     ("shout", "shout(TEXT)", "the text in capitals, louder", "shout(method) == 'GET!'"),
    ///     1..=1,
    ///     Type::Text,
    ///     |args, text| {
    ///         let [Value::Text(quiet)] = args else { return Err("text is needed".to_owned()) };
    ///         text.extend(quiet.to_ascii_uppercase());
    ///         text.push(b'!');
    ///         Ok(Value::Text(text))
    ///     },
    /// );
    ///
    /// let words = Arc::new(Catalog::builtin().with_function(&SHOUT)?);
    /// let query = Query::parse_in("let loud = shout(word)", &words)?;
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Word { word: String }
    /// let batch = query.over([recpipe::Batch::of(&[Word { word: "tea".into() }])]).next().ok_or("a batch")??;
    /// assert_eq!(batch.row(0).get("loud"), Some(Value::Text(b"TEA!")));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn parse_in(text: impl AsRef<str>, catalog: &Arc<Catalog>) -> Result<Self, QueryError> {
        let source = Source::from_args(&[text]);
        let parsed = language::parse(&source, catalog)?;
        Ok(Query { source, parsed, memory: Memory::default(), zone: None })
    }

    /// Its stages hold no more than this. The default is that of the command line: a quarter of what the program may use.
    ///
    /// # Examples
    /// ```
    /// use recpipe_consumer::{Query, memory::Memory};
    ///
    /// let query = Query::parse("sort host")?.within(Memory { limit: 64 << 20, ..Memory::default() });
    /// assert_eq!(query.text(), "sort host");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn within(self, memory: Memory) -> Self {
        Query { memory, ..self }
    }

    /// Times are shown and cut by the clock of this place, and those without offset are taken in it.
    ///
    /// # Examples
    /// ```
    /// use recpipe::{Batch, Time, Value, times::Zone};
    /// use recpipe_consumer::Query;
    ///
    /// #[derive(serde::Serialize, serde::Deserialize)]
    /// struct Seen { at: Time }
    ///
    /// let seen = Batch::of(&[Seen { at: Time::parse(b"2026-08-03T23:30:00Z").ok_or("a time")? }]);
    /// let query = Query::parse("select hour(at) as hour")?.in_zone(Zone::named("Europe/Berlin")?);
    /// assert_eq!(query.over([seen]).next().ok_or("a batch")??.row(0).value(0), Value::Int(1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn in_zone(self, zone: Zone) -> Self {
        Query { zone: Some(zone), ..self }
    }

    /// Its text.
    pub fn text(&self) -> &str {
        self.source.text()
    }

    /// Checks it against records of this schema; the fields of its answer.
    ///
    /// # Errors
    /// Everything that does not fit, all at once.
    ///
    /// # Examples
    /// ```
    /// use recpipe::{Field, Schema, Type};
    /// use recpipe_consumer::Query;
    ///
    /// let log = Schema::new(vec![Field::new("request", Type::Text), Field::new("status", Type::Int)])?;
    /// let answer = Query::parse("count by request")?.check(&log)?;
    /// assert_eq!(answer.names().collect::<Vec<_>>(), ["request", "count"]);
    /// assert!(Query::parse("count by host")?.check(&log).unwrap_err().to_string().contains("unknown field"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn check(&self, schema: &Schema) -> Result<Arc<Schema>, QueryError> {
        let (setting, _) = self.setting();
        self.plan(schema, &setting).map(|plan| plan.output().clone())
    }

    /// The answer for these records, batch after batch, as far as it is asked for: nothing is taken of `batches` before that. A query that
    /// needs all records for the first of its answer takes them all then; one that has enough, as `head 3`, takes no more and drops
    /// `batches`.
    ///
    /// The first batch says which fields there are. The [`Answer`] ends with the first error, be it one of `batches`, and there is no
    /// answer of half the records: to have that, end `batches` before its error. All is done on the calling thread, unless
    /// [`Answer::parallel`] says otherwise.
    ///
    /// # Examples
    /// ```
    /// use recpipe::Batch;
    /// use recpipe_consumer::Query;
    ///
    /// #[derive(serde::Serialize, serde::Deserialize)]
    /// struct Number { n: i64 }
    ///
    /// let mut taken = 0;
    /// let numbers = (0..).map(|n| Batch::of(&[Number { n }])).inspect(|_| taken += 1);
    /// let answer = Query::parse("where n % 7 == 0 | head 3")?.over(numbers);
    /// assert_eq!(answer.map(|batch| batch.map(|batch| batch.len())).sum::<Result<usize, _>>()?, 3);
    /// assert_eq!(taken, 15);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn over<I: IntoIterator<Item = Result<Batch, Error>>>(&self, batches: I) -> Answer<I::IntoIter> {
        Answer::new(self.clone(), batches.into_iter())
    }

    /// The query as a stage before another one, for records of this schema; see [`QueryStage`].
    ///
    /// # Errors
    /// [`Error::Usage`] with all that does not fit, as [`Query::check`] shows it; [`Error::Io`] where a file that the query names cannot
    /// be opened.
    ///
    /// # Examples
    /// ```
    /// use recpipe::{Batch, Stage, stage::Collect};
    /// use recpipe_consumer::Query;
    ///
    /// #[derive(serde::Serialize, serde::Deserialize)]
    /// struct Reading { place: String, value: f64 }
    ///
    /// let readings = [1.0, 2.0].map(|value| Reading { place: "a".into(), value });
    /// let readings = Batch::of(&readings)?;
    /// let (collect, got) = Collect::new();
    /// let mut stage = Query::parse("avg(value) by place")?.stage(readings.schema(), collect)?;
    /// let _ = stage.send(readings)?;
    /// stage.close()?;
    /// assert_eq!(got.records(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn stage<S: Stage>(&self, schema: &Schema, target: S) -> Result<QueryStage<S>, Error> {
        Ok(QueryStage::new(self.start(schema, 1)?, target))
    }

    /// What a run of it is checked in, and the files that it names.
    fn setting(&self) -> (Setting, Arc<Files>) {
        let options = SecondOptions { threads: None, quiet: true, zone: self.zone.clone() };
        let files = Arc::new(Files::new(options, self.memory.limit));
        (Setting { zone: self.zone.clone(), inputs: files.clone(), ..Setting::default() }, files)
    }

    fn plan(&self, schema: &Schema, setting: &Setting) -> Result<Plan, QueryError> {
        let plan = language::check_at(&self.source, &self.parsed, schema, setting)?;
        let mut found = Vec::new();
        if let Some(sink) = &plan.sink {
            let what = format!("`{}` writes the records, and the program is to have them", sink.output.about.name);
            found.push(Diagnostic::new(sink.span, what).label(format!("write `tee [ {} ]`, or leave it out", sink.text)));
        }
        unwritten(&plan, &mut found);
        if found.is_empty() { Ok(plan) } else { Err(QueryError::new(&self.source, found)) }
    }

    fn start(&self, schema: &Schema, threads: usize) -> Result<Stepwise, Error> {
        self.start_at(schema, threads, Time::now())
    }

    /// Begins to run where `now()` is that.
    fn start_at(&self, schema: &Schema, threads: usize, now: Time) -> Result<Stepwise, Error> {
        let (setting, files) = self.setting();
        let setting = Setting { now, ..setting };
        let plan = self.plan(schema, &setting).map_err(|error| match files.failure() {
            // A file that cannot be read is no mistake in the query.
            Some(failure) => Error::Data(format!("{failure:#}")),
            None => Error::Usage(error.to_string()),
        })?;
        let Setting { left_out, unmet, .. } = setting;
        Stepwise::new(plan, Conditions { threads, memory: self.memory.clone(), feeds: files.take(false)?, left_out, unmet })
    }
}

/// Branches that do not say where their records go: here there is no terminal that they could be meant for.
fn unwritten(plan: &Plan, found: &mut Vec<Diagnostic>) {
    for stage in &plan.stages {
        for branch in stage.operator.branches() {
            if branch.sink.is_none() {
                let what = "a branch does not say where its records go";
                found.push(Diagnostic::new(stage.span, what).label("end each branch in an output, as `json` or `write \"x.rec\"`"));
            }
            unwritten(branch, found);
        }
    }
}

impl FromStr for Query {
    type Err = QueryError;

    fn from_str(text: &str) -> Result<Self, QueryError> {
        Query::parse(text)
    }
}
