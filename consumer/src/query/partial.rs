//! Half an answer, to be finished elsewhere.

use std::{
    collections::BTreeSet,
    fmt,
    io::{Read, Write},
    sync::Arc,
};

use recpipe::{
    Batch, BatchBuilder, Column, Error, Field, Flow, Origin, Schema, Time, Type, Value, gen_recvfrom,
    times::Zone,
    wire::{Ending, Writer},
};

use super::{Answer, Query};
use crate::{
    execute::{StateName, Stepwise},
    memory::{Budget, ReadRun, Run, Spill},
};

/// What the query has gathered of a part of its records: it can be written, read by another process, merged with that of other parts,
/// and finished there.
///
/// It goes as far as the first stage that needs all records (aggregates or `sort`); what stands after that is done by
/// whoever finishes. A state names its query: one of another query, of other fields or of another release is refused.
///
/// # Examples
/// An average, half way moved to another process:
/// ```
/// use recpipe::{Batch, Value};
/// use recpipe_consumer::{PartialAnswer, Query};
///
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Reading { value: f64 }
///
/// let query = Query::parse("avg(value)")?;
/// let (monday, tuesday) = (Batch::of(&[Reading { value: 1.0 }])?, Batch::of(&[Reading { value: 4.0 }])?);
/// let mut here = query.partial(monday.schema(), 0)?;
/// here.add(monday)?;
/// let mut state = Vec::new();
/// here.suspend(&mut state)?;
///
/// let mut there = PartialAnswer::resume(&query, &state[..])?;
/// there.add(tuesday)?;
/// let answer = there.answer().next().ok_or("a batch")??;
/// assert_eq!(answer.row(0).value(0), Value::Float(2.5));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct PartialAnswer {
    query: Query,
    schema: Arc<Schema>,
    now: Time,
    steps: Stepwise,
    name: StateName,
    parts: BTreeSet<u32>,
    part: u32,
}

impl Query {
    /// The query half-way, for records of this schema: the `part`-th of all, from 0. What the answer owes to the order of the records
    /// (`first`, `list`, ties of a `sort`), it has of the order of the parts, and within a part of the order in which batches come.
    ///
    /// # Errors
    /// As for [`Query::stage`]; [`Error::Usage`] where nothing is half-way: the query has no stage that needs all records, or one before
    /// it needs their order, as `head`, or there are the records of another file.
    pub fn partial(&self, schema: &Schema, part: u32) -> Result<PartialAnswer, Error> {
        PartialAnswer::at(self, Arc::new(schema.clone()), part, Time::now())
    }
}

impl PartialAnswer {
    /// More is no part: there must be an order for each batch.
    const MOST_PARTS: u32 = 1 << 20;

    fn at(query: &Query, schema: Arc<Schema>, part: u32, now: Time) -> Result<Self, Error> {
        if part >= Self::MOST_PARTS {
            return Err(Error::Usage(format!("part {part}: there are at most {}", Self::MOST_PARTS)));
        }
        let mut steps = query.start_at(&schema, 1, now)?;
        let name = steps.halve(part)?;
        Ok(PartialAnswer { query: query.clone(), schema, now, steps, name, parts: [part].into(), part })
    }

    /// Adds records.
    ///
    /// # Errors
    /// Those of the stages.
    pub fn add(&mut self, batch: Batch) -> Result<(), Error> {
        // What gathers never has enough.
        let _: Flow = self.steps.send(batch)?;
        Ok(())
    }

    /// Writes it, as a stream of records: what is cut or changed on the way is found.
    ///
    /// # Errors
    /// Those of the writer, and of temporary files.
    pub fn suspend(self, to: impl Write) -> Result<(), Error> {
        let mut writer = Writer::new(to)?;
        let left_out = self.steps.left_out().tell(u64::MAX)?;
        writer.batch(&self.head(left_out.is_some())?)?;
        let columns = self.schema.fields().iter().map(|_| Column::null(0)).collect();
        writer.schema(&self.schema)?;
        writer.batch(&Batch::new(self.schema.clone(), columns, 0, Origin::default())?)?;
        left_out.iter().try_for_each(|told| writer.batch(told))?;
        let (own, earlier) = self.steps.into_runs()?;
        writer.batch(&mark()?)?;
        for batch in own {
            writer.batch(&batch?)?;
        }
        for mut run in earlier {
            writer.batch(&mark()?)?;
            while let Some(batch) = run.read()? {
                writer.batch(&batch)?;
            }
        }
        writer.finish(&Ending::default()).map(drop)
    }

    /// Reads what [`PartialAnswer::suspend`] has written, of this query, to add to it, to merge it, or to have the answer. What is larger
    /// than a part of the query's memory is kept in a temporary file.
    ///
    /// # Errors
    /// [`Error::Usage`] where it is of another query or release; [`Error::Data`] where it is no such state; those of a stream that is cut
    /// or changed.
    pub fn resume(query: &Query, from: impl Read) -> Result<Self, Error> {
        let mut batches = gen_recvfrom(from);
        let mut next = || batches.next().transpose()?.ok_or_else(no_state);
        let head = Head::read(&next()?)?;
        if head.version != env!("CARGO_PKG_VERSION") {
            let ours = env!("CARGO_PKG_VERSION");
            return Err(Error::Usage(format!("a partial state of recpipe {}, and this is {ours}", printable(&head.version))));
        }
        let zone = |zone: &Option<Zone>| zone.as_ref().map_or_else(|| "that of the records".to_owned(), |zone| zone.name().to_owned());
        if zone(&head.zone) != zone(&query.zone) {
            let (of, own) = (zone(&head.zone), zone(&query.zone));
            return Err(Error::Usage(format!("a partial state of another query: its zone is {of}, and this one's is {own}")));
        }
        let schema = next()?.schema().clone();
        let mut read = PartialAnswer::at(query, schema, head.part, head.now)?;
        // What it was of is said before what it holds is looked at.
        if head.name != read.name.text() {
            let (of, own) = (printable(&head.query), query.text());
            return Err(Error::Usage(format!("a partial state of another query: it is of `{of}`, and this is `{own}`")));
        }
        read.parts = head.parts;
        read.steps.skip_batches(head.batches);
        if head.has_left_out && !read.steps.left_out().hear(&next()?) {
            return Err(no_state());
        }
        if !is_mark(&next()?) {
            return Err(no_state());
        }
        let (mut run, mut records) = (Kept::new(read.steps.budget()), head.records);
        for batch in batches {
            let batch = batch?;
            if is_mark(&batch) {
                let whole = std::mem::replace(&mut run, Kept::new(read.steps.budget()));
                read.steps.join(whole.finish()?, &head.came, std::mem::take(&mut records));
            } else {
                run.add(batch)?;
            }
        }
        read.steps.join(run.finish()?, &head.came, records);
        Ok(read)
    }

    /// Takes what was gathered of other parts.
    ///
    /// # Errors
    /// [`Error::Usage`] where it is of another query or other fields, or has a part that this one has, too; [`Error::Io`] of temporary
    /// files.
    ///
    /// # Examples
    /// ```
    /// use recpipe::{Batch, Value};
    /// use recpipe_consumer::Query;
    ///
    /// #[derive(serde::Serialize, serde::Deserialize)]
    /// struct Number { n: i64 }
    ///
    /// let query = Query::parse("max(n)")?;
    /// let numbers = Batch::of(&[1, 7, 3].map(|n| Number { n }))?;
    /// let mut first = query.partial(numbers.schema(), 0)?;
    /// let mut second = query.partial(numbers.schema(), 1)?;
    /// first.add(numbers.head(1))?;
    /// second.add(numbers.skip(1))?;
    /// first.merge(second)?;
    /// assert_eq!(first.answer().next().ok_or("a batch")??.row(0).value(0), Value::Int(7));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn merge(&mut self, other: PartialAnswer) -> Result<(), Error> {
        other.name.fits(&self.name)?;
        if let Some(both) = self.parts.intersection(&other.parts).next() {
            return Err(Error::Usage(format!("part {both} is in both partial states: its records would count twice")));
        }
        if let Some(told) = other.steps.left_out().tell(u64::MAX)? {
            self.steps.left_out().hear(&told);
        }
        self.steps.left_out().fold();
        let (came, mut records) = (other.steps.came().iter().cloned().collect(), other.steps.records());
        self.parts.extend(&other.parts);
        let (own, earlier) = other.steps.into_runs()?;
        let mut run = Kept::new(self.steps.budget());
        for batch in own {
            run.add(batch?)?;
        }
        for run in earlier.into_iter().chain([run.finish()?]) {
            self.steps.join(run, &came, std::mem::take(&mut records));
        }
        Ok(())
    }

    /// No more records come: the answer.
    pub fn answer(self) -> Answer<std::iter::Empty<Result<Batch, Error>>> {
        Answer::of(self.query, self.steps)
    }

    fn head(&self, has_left_out: bool) -> Result<Batch, Error> {
        let mut builder = BatchBuilder::new(Arc::new(Schema::new(HEAD.map(|name| Field::new(name, Type::Text)).to_vec())?));
        let mut set = |key: &str, value: &str| builder.push(&[Value::Text(key.as_bytes()), Value::Text(value.as_bytes())]);
        set("version", env!("CARGO_PKG_VERSION"))?;
        set("query", self.query.text())?;
        set("name", &self.name.text())?;
        set("now", &self.now.nanos.to_string())?;
        set("offset", &self.now.offset_s.to_string())?;
        self.query.zone.iter().try_for_each(|zone| set("zone", zone.name()))?;
        set("batches", &self.steps.batches().to_string())?;
        set("records", &self.steps.records().to_string())?;
        // The first is the one that further batches are of.
        set("part", &self.part.to_string())?;
        self.parts.iter().filter(|part| **part != self.part).try_for_each(|part| set("part", &part.to_string()))?;
        self.steps.came().iter().try_for_each(|name| set("came", name))?;
        if has_left_out {
            set("left out", "")?;
        }
        builder.finish()
    }
}

impl fmt::Debug for PartialAnswer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("PartialAnswer").field("query", &self.query.text()).field("parts", &self.parts).finish_non_exhaustive()
    }
}

/// The fields of the first batch of a state.
const HEAD: [&str; 2] = ["recpipe partial state", "value"];

/// The field of the batch before each run.
const MARK: &str = "recpipe run";

fn mark() -> Result<Batch, Error> {
    let mut builder = BatchBuilder::new(Arc::new(Schema::new(vec![Field::new(MARK, Type::Bool)])?));
    builder.push(&[Value::Bool(true)])?;
    builder.finish()
}

fn is_mark(batch: &Batch) -> bool {
    batch.schema().names().eq([MARK])
}

fn no_state() -> Error {
    Error::Data("this is no partial state of a query: `suspend` writes those".to_owned())
}

/// What somebody else has written, for a message.
fn printable(text: &str) -> String {
    text.chars().take(200).flat_map(char::escape_debug).collect()
}

/// What a state begins with.
struct Head {
    version: String,
    query: String,
    name: String,
    now: Time,
    zone: Option<Zone>,
    batches: u64,
    records: u64,
    /// The one that further batches are of.
    part: u32,
    parts: BTreeSet<u32>,
    came: BTreeSet<String>,
    has_left_out: bool,
}

impl Head {
    fn read(batch: &Batch) -> Result<Self, Error> {
        if !batch.schema().names().eq(HEAD) {
            return Err(no_state());
        }
        let mut pairs = Vec::new();
        for row in batch.rows() {
            let (Value::Text(key), Value::Text(value)) = (row.value(0), row.value(1)) else { return Err(no_state()) };
            let text = |text: &[u8]| String::from_utf8(text.to_owned()).map_err(|_| no_state());
            pairs.push((text(key)?, text(value)?));
        }
        let all = |name: &'static str| pairs.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.clone());
        let get = |name: &'static str| all(name).next().ok_or_else(no_state);
        fn number<N: std::str::FromStr>(text: &str) -> Result<N, Error> {
            text.parse().map_err(|_| no_state())
        }
        let zone = all("zone").next().map(|name| Zone::named(&name).map_err(|_| no_state())).transpose()?;
        Ok(Head {
            version: get("version")?,
            query: get("query")?,
            name: get("name")?,
            now: Time { nanos: number(&get("now")?)?, offset_s: number(&get("offset")?)? },
            zone,
            // As many as there is an order for.
            batches: number::<u32>(&get("batches")?)?.into(),
            records: number(&get("records")?)?,
            part: number(&get("part")?)?,
            parts: all("part").map(|part| number(&part)).collect::<Result<_, _>>()?,
            came: all("came").collect(),
            has_left_out: all("left out").next().is_some(),
        })
    }
}

/// A run on its way in: in memory, or in a temporary file where it is large.
struct Kept {
    budget: Budget,
    batches: Vec<Batch>,
    bytes: usize,
    /// What there was before, and the file that it is in.
    spilled: Vec<Run>,
    spill: Option<Spill>,
    /// The key that came last.
    last: Option<Option<Vec<u8>>>,
}

/// A run that was kept.
#[derive(Debug)]
struct KeptRun {
    spilled: std::vec::IntoIter<Run>,
    read: Option<Box<dyn ReadRun>>,
    batches: std::vec::IntoIter<Batch>,
}

impl Kept {
    fn new(budget: &Budget) -> Self {
        Kept { budget: budget.clone(), batches: Vec::new(), bytes: 0, spilled: Vec::new(), spill: None, last: None }
    }

    /// Adds what follows in order: a merge believes that of a run.
    fn add(&mut self, batch: Batch) -> Result<(), Error> {
        // Null comes last.
        fn order(key: Option<&[u8]>) -> (bool, Option<&[u8]>) {
            (key.is_none(), key)
        }
        let mut last = self.last.as_ref().map(|key| key.as_deref());
        for row in batch.rows() {
            let key = match row.values().next() {
                Some(Value::Text(key)) => Some(key),
                Some(Value::Null) => None,
                _ => return Err(no_state()),
            };
            if last.is_some_and(|last| order(last) > order(key)) {
                return Err(Error::Data("a partial state whose groups are in no order".to_owned()));
            }
            last = Some(key);
        }
        self.last = last.map(|key| key.map(<[u8]>::to_vec));
        self.bytes += batch.bytes();
        self.batches.push(batch);
        if self.bytes > self.budget.piece() {
            let spill = match &mut self.spill {
                Some(spill) => spill,
                none => none.insert(self.budget.spill()?),
            };
            let mut run = spill.write()?;
            self.batches.drain(..).try_for_each(|batch| run.batch(&batch))?;
            self.spilled.push(run.finish()?);
            self.bytes = 0;
        }
        Ok(())
    }

    fn finish(self) -> Result<Box<dyn ReadRun>, Error> {
        Ok(Box::new(KeptRun { spilled: self.spilled.into_iter(), read: None, batches: self.batches.into_iter() }))
    }
}

impl ReadRun for KeptRun {
    fn read(&mut self) -> Result<Option<Batch>, Error> {
        loop {
            if let Some(batch) = self.read.as_mut().map(|run| run.read()).transpose()?.flatten() {
                return Ok(Some(batch));
            }
            match self.spilled.next() {
                Some(run) => self.read = Some(Box::new(run.read()?)),
                None => {
                    self.read = None;
                    return Ok(self.batches.next());
                }
            }
        }
    }
}
