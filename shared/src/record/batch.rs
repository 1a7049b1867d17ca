//! Records that travel together: columns of the same length, and which rows of them count.

use std::{collections::HashMap, fmt, sync::Arc};

use super::{BatchBuilder, Column, PackedInts, Places, Schema, Value};
use crate::Error;

/// A batch of records: what stages pass on, and what a frame carries.
///
/// Columns are shared, so cloning, projecting and selecting copy no data. A filter does not move rows: it says which
/// of them count, by a *selection* of row numbers in ascending or any other order; [`Batch::len`] counts those.
/// *Physical* rows are the rows of the columns, selected or not.
///
/// # Examples
/// ```
/// use recpipe::{Batch, Value};
///
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Sale { item: String, price: f64 }
///
/// let sales = [("tea", 3.0), ("cake", 5.5)].map(|(item, price)| Sale { item: item.into(), price });
/// let batch = Batch::of(&sales)?;
/// let dear = batch.retain(|row| row.get("price").is_some_and(|price| price.total_cmp(&Value::from(4)).is_gt()));
/// assert_eq!((dear.len(), dear.row(0).get("item")), (1, Some(Value::from("cake"))));
/// # Ok::<(), recpipe::Error>(())
/// ```
#[derive(Clone)]
pub struct Batch {
    schema: Arc<Schema>,
    columns: Vec<Column>,
    physical_rows: usize,
    selection: Option<Arc<[u32]>>,
    origin: Origin,
    places: Places,
}

/// Where a batch comes from: the identity that a restart reproduces.
///
/// # Examples
/// ```
/// use recpipe::{Batch, Origin};
///
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Hit { host: String }
///
/// let batch = Batch::of(&[Hit { host: "10.0.0.1".into() }])?;
/// let batch = batch.with_origin(Origin { source: "access.log".into(), ..Origin::default() });
/// assert!(batch.row(0).place().starts_with("access.log"));
/// # Ok::<(), recpipe::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The file's path as the user gave it, `-` for standard input, empty for what a stage made.
    pub source: Arc<str>,
    /// The first byte in the (decompressed) source.
    pub start: u64,
    /// The byte after the last.
    pub end: u64,
    /// The number of the line (or of the record, where there are no lines) that begins at `start`, from 1; 0 where it is not known.
    pub line: u64,
    /// The place of the batch in its stream, from 0; set by the reader.
    pub order: u64,
}

impl Default for Origin {
    fn default() -> Self {
        Origin { source: Arc::from(""), start: 0, end: 0, line: 0, order: 0 }
    }
}

impl Batch {
    /// A batch never has more rows than this: constant columns take no bytes, so a peer could claim any number of records.
    pub const MAX_ROWS: usize = 1 << 20;

    /// A batch of these columns, all rows selected.
    ///
    /// # Errors
    /// [`Error::Schema`] when the columns do not fit the schema or each other. A column of nulls fits any field.
    pub fn new(schema: Arc<Schema>, columns: Vec<Column>, rows: usize, origin: Origin) -> Result<Self, Error> {
        if rows > Self::MAX_ROWS {
            return Err(Error::Schema(format!("a batch of {rows} rows; the limit is {}", Self::MAX_ROWS)));
        }
        if columns.len() != schema.len() {
            return Err(Error::Schema(format!("{} columns for {} fields", columns.len(), schema.len())));
        }
        for (field, column) in schema.fields().iter().zip(&columns) {
            if column.len() != rows {
                return Err(Error::Schema(format!("the column `{}` has {} rows, the batch {rows}", field.name, column.len())));
            }
            if !column.fits(field) {
                let kind = if column.kind() == field.kind { "of ints beyond 64 bits".into() } else { column.kind().to_string() };
                return Err(Error::Schema(format!("the column `{}` is {kind}, its field {}", field.name, field.kind)));
            }
        }
        Ok(Batch { schema, columns, physical_rows: rows, selection: None, origin, places: Places::Unknown })
    }

    /// The schema.
    pub fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// The number of records: of selected rows.
    pub fn len(&self) -> usize {
        self.selection.as_ref().map_or(self.physical_rows, |selection| selection.len())
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of rows the columns have.
    #[doc(hidden)]
    pub fn physical_rows(&self) -> usize {
        self.physical_rows
    }

    /// The physical rows that count, in order; `None` when all do.
    pub fn selection(&self) -> Option<&[u32]> {
        self.selection.as_deref()
    }

    /// The column of a field, with its physical rows.
    pub fn column(&self, field: usize) -> &Column {
        &self.columns[field]
    }

    /// All columns, with their physical rows.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Where it comes from.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The same batch at another place.
    pub fn with_origin(mut self, origin: Origin) -> Self {
        self.origin = origin;
        self
    }

    /// The same batch, whose physical rows stand at these places of its origin.
    ///
    /// # Panics
    /// When there is not one for each physical row.
    pub fn with_places(self, places: Places) -> Self {
        assert!(places.rows().is_none_or(|rows| rows == self.physical_rows), "a place a row");
        Batch { places, ..self }
    }

    /// Where its physical rows stand in its origin.
    pub fn places(&self) -> &Places {
        &self.places
    }

    /// The lines that its physical rows begin at, counted from the origin's, where messages name them.
    pub fn lines(&self) -> Option<&PackedInts> {
        self.places.shown_lines()
    }

    /// Where a physical row was read, for people: `access.log:17`, or as much of that as is known.
    ///
    /// # Panics
    /// When `row` is not below [`Batch::physical_rows`], if the lines are known.
    pub fn place(&self, row: usize) -> String {
        let Origin { source, line, .. } = &self.origin;
        match self.lines() {
            Some(lines) if *line > 0 => format!("{source}:{}", line.saturating_add_signed(lines.get(row))),
            _ => source.to_string(),
        }
    }

    /// The physical row of the `index`th record.
    #[inline]
    pub fn physical(&self, index: usize) -> usize {
        self.selection.as_ref().map_or(index, |selection| selection[index] as usize)
    }

    /// The `index`th record.
    ///
    /// # Panics
    /// When `index` is not below [`Batch::len`].
    pub fn row(&self, index: usize) -> Row<'_> {
        assert!(index < self.len(), "record {index} of {}", self.len());
        Row { batch: self, physical: self.physical(index) }
    }

    /// The records, one by one.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = Row<'_>> {
        (0..self.len()).map(|index| self.row(index))
    }

    /// The same columns, with only these physical rows, in this order.
    ///
    /// # Panics
    /// When a row is not below [`Batch::physical_rows`].
    pub fn select(&self, rows: Vec<u32>) -> Self {
        assert!(rows.iter().all(|&row| (row as usize) < self.physical_rows), "a selected row beyond the batch");
        Batch { selection: Some(rows.into()), ..self.clone() }
    }

    /// The records for which `keep` is true; `keep` has one value a record.
    ///
    /// # Panics
    /// When `keep` has another length than [`Batch::len`].
    pub fn filter(&self, keep: &[bool]) -> Self {
        assert_eq!(keep.len(), self.len(), "one answer a record");
        if keep.iter().all(|&keep| keep) {
            return self.clone();
        }
        // Written to the next free place whether kept or not, so that the loop has no branch to guess wrong.
        let mut rows = vec![0_u32; keep.len()];
        let mut kept = 0;
        match &self.selection {
            None => {
                for (row, &keep) in keep.iter().enumerate() {
                    rows[kept] = row as u32;
                    kept += usize::from(keep);
                }
            }
            Some(selection) => {
                for (&row, &keep) in selection.iter().zip(keep) {
                    rows[kept] = row;
                    kept += usize::from(keep);
                }
            }
        }
        rows.truncate(kept);
        Batch { selection: Some(rows.into()), ..self.clone() }
    }

    /// The records that `keep` says yes to.
    ///
    /// # Examples
    /// ```
    /// # use std::sync::Arc;
    /// # use recpipe::{BatchBuilder, Field, Schema, Type, Value};
    /// # let mut builder = BatchBuilder::new(Arc::new(Schema::new(vec![Field::new("status", Type::Int)])?));
    /// # for status in [200, 404] {
    /// #     builder.push(&[Value::Int(status)])?;
    /// # }
    /// # let batch = builder.finish()?;
    /// let lost = batch.retain(|row| row.get("status") == Some(Value::Int(404)));
    /// assert_eq!((batch.len(), lost.len()), (2, 1));
    /// # Ok::<(), recpipe::Error>(())
    /// ```
    pub fn retain(&self, keep: impl FnMut(Row<'_>) -> bool) -> Self {
        self.filter(&self.rows().map(keep).collect::<Vec<_>>())
    }

    /// Records of this schema, one for each, made of what `change` makes of its values, which are in the order of the schema.
    ///
    /// # Errors
    /// Those of `change`; [`Error::Schema`] when its values do not fit the schema.
    ///
    /// # Examples
    /// ```
    /// # use std::sync::Arc;
    /// # use recpipe::{BatchBuilder, Field, Schema, Type, Value};
    /// # let mut builder = BatchBuilder::new(Arc::new(Schema::new(vec![Field::new("bytes", Type::Int)])?));
    /// # builder.push(&[Value::Int(2048)])?;
    /// # let batch = builder.finish()?;
    /// let kib = Arc::new(Schema::new(vec![Field::new("kib", Type::Int)])?);
    /// let batch = batch.map(&kib, |row, values| {
    ///     let Some(Value::Int(bytes)) = row.get("bytes") else { return Ok(()) };
    ///     values[0] = Value::Int(bytes / 1024);
    ///     Ok(())
    /// })?;
    /// assert_eq!(batch.row(0).get("kib"), Some(Value::Int(2)));
    /// # Ok::<(), recpipe::Error>(())
    /// ```
    pub fn map<'a>(
        &'a self,
        schema: &Arc<Schema>,
        mut change: impl FnMut(Row<'a>, &mut [Value<'a>]) -> Result<(), Error>,
    ) -> Result<Self, Error> {
        let mut builder = BatchBuilder::new(schema.clone());
        for row in self.rows() {
            let mut values = vec![Value::Null; schema.len()];
            change(row, &mut values)?;
            builder.push(&values)?;
        }
        Ok(builder.finish()?.with_origin(self.origin.clone()))
    }

    /// The first `len` records.
    pub fn head(&self, len: usize) -> Self {
        if len >= self.len() {
            return self.clone();
        }
        let rows = match &self.selection {
            None => (0..len as u32).collect(),
            Some(selection) => selection[..len].into(),
        };
        Batch { selection: Some(rows), ..self.clone() }
    }

    /// All records but the first `len`.
    pub fn skip(&self, len: usize) -> Self {
        if len == 0 {
            return self.clone();
        }
        let len = len.min(self.len());
        let rows = match &self.selection {
            None => (len as u32..self.physical_rows as u32).collect(),
            Some(selection) => selection[len..].into(),
        };
        Batch { selection: Some(rows), ..self.clone() }
    }

    /// The same records with other columns; they must have this batch's physical rows.
    ///
    /// # Errors
    /// [`Error::Schema`] as for [`Batch::new`].
    pub fn with_columns(&self, schema: Arc<Schema>, columns: Vec<Column>) -> Result<Self, Error> {
        let batch = Batch::new(schema, columns, self.physical_rows, self.origin.clone())?;
        Ok(Batch { selection: self.selection.clone(), places: self.places.clone(), ..batch })
    }

    /// The same records with the fields of `schema`, found by name. One that the batch does not have is null in all of them: it is
    /// missing, where the schema grows.
    ///
    /// # Errors
    /// [`Error::Schema`] when a column does not fit its field there.
    ///
    /// # Examples
    /// ```
    /// use std::sync::Arc;
    /// use recpipe::{BatchBuilder, Field, Schema, Type, Value};
    ///
    /// let mut builder = BatchBuilder::new(Arc::new(Schema::new(vec![Field::new("a", Type::Int), Field::new("b", Type::Int)])?));
    /// builder.push(&[Value::Int(1), Value::Int(2)])?;
    /// let wider = Schema::new(vec![Field::new("b", Type::Int), Field::open("c", Type::Mixed)])?.growing();
    /// let batch = builder.finish()?.with_fields_of(&Arc::new(wider))?;
    /// assert_eq!(batch.row(0).values().collect::<Vec<_>>(), [Value::Int(2), Value::Null]);
    /// assert!(batch.column(1).is_missing(0));
    /// # Ok::<(), recpipe::Error>(())
    /// ```
    pub fn with_fields_of(&self, schema: &Arc<Schema>) -> Result<Self, Error> {
        let places: HashMap<&str, usize> = self.schema.names().enumerate().map(|(place, name)| (name, place)).collect();
        let lacking = if schema.grows() { Column::absent } else { Column::null };
        let column = |name| places.get(name).map_or_else(|| lacking(self.physical_rows), |&place| self.columns[place].clone());
        self.with_columns(schema.clone(), schema.names().map(column).collect())
    }

    /// The bytes that the columns' arrays, their texts and the places take. A buffer counts only as far as this batch uses it; what
    /// two columns share counts twice.
    pub fn bytes(&self) -> usize {
        self.columns.iter().map(Column::bytes).sum::<usize>() + self.places.bytes()
    }

    /// The same records in columns of their own, without what is not selected.
    pub fn compact(&self) -> Self {
        let Some(selection) = &self.selection else { return self.clone() };
        let columns = self.columns.iter().map(|column| column.gather(selection)).collect();
        let (places, origin) = (self.places.gather(selection), self.origin.clone());
        Batch { schema: self.schema.clone(), columns, physical_rows: selection.len(), selection: None, origin, places }
    }
}

/// Shows the records: for tests and for debugging.
impl fmt::Debug for Batch {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_list().entries(self.rows()).finish()
    }
}

/// Equal when they have the same schema and the same records; how the columns are packed and where they come from
/// does not count.
impl PartialEq for Batch {
    fn eq(&self, other: &Self) -> bool {
        self.schema == other.schema && self.len() == other.len() && self.rows().zip(other.rows()).all(|(a, b)| a.values().eq(b.values()))
    }
}

/// One record: the view for people.
///
/// # Examples
/// ```
/// use recpipe::{Batch, Value};
///
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Hit { host: String, status: u16 }
///
/// let batch = Batch::of(&[Hit { host: "10.0.0.1".into(), status: 404 }])?;
/// let row = batch.row(0);
/// let shown: Vec<String> = row.iter().map(|(name, value)| format!("{name}={value}")).collect();
/// assert_eq!(shown, ["host=10.0.0.1", "status=404"]);
/// assert_eq!(row.get("status"), Some(Value::from(404)));
/// assert_eq!(row.get("bytes"), None);
/// # Ok::<(), recpipe::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct Row<'a> {
    batch: &'a Batch,
    physical: usize,
}

impl<'a> Row<'a> {
    /// The fields.
    pub fn schema(&self) -> &'a Arc<Schema> {
        &self.batch.schema
    }

    /// Where it was read, for people; see [`Batch::place`].
    pub fn place(&self) -> String {
        self.batch.place(self.physical)
    }

    /// All fields, in the schema's order.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, Value<'a>)> + use<'a> {
        self.schema().names().zip(self.values())
    }

    /// The value of the field at this place.
    ///
    /// # Panics
    /// When there is no such field.
    pub fn value(&self, field: usize) -> Value<'a> {
        self.batch.columns[field].value(self.physical)
    }

    /// The value of the field of this name.
    pub fn get(&self, name: &str) -> Option<Value<'a>> {
        self.batch.schema.index_of(name).map(|field| self.value(field))
    }

    /// All values, in the schema's order.
    pub fn values(&self) -> impl Iterator<Item = Value<'a>> + use<'a> {
        let (batch, physical) = (self.batch, self.physical);
        batch.columns.iter().map(move |column| column.value(physical))
    }
}

impl fmt::Debug for Row<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_map().entries(self.batch.schema.names().zip(self.values().map(|value| value.to_string()))).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Batch, Origin};
    use crate::record::{BatchBuilder, Column, Field, PackedInts, Schema, Type, Value};

    fn numbers(values: std::ops::Range<i128>) -> Batch {
        let schema = Arc::new(Schema::new(vec![Field::new("n", Type::Int)]).unwrap());
        let mut builder = BatchBuilder::new(schema);
        for n in values {
            builder.push(&[Value::Int(n)]).unwrap();
        }
        builder.finish().unwrap()
    }

    fn ints(batch: &Batch) -> Vec<i128> {
        batch.rows().map(|row| if let Value::Int(n) = row.value(0) { n } else { panic!("not an int") }).collect()
    }

    #[test]
    fn filters_add_up() {
        let batch = numbers(0..20);
        let even = batch.filter(&ints(&batch).iter().map(|n| n % 2 == 0).collect::<Vec<_>>());
        let both = even.filter(&ints(&even).iter().map(|n| n % 3 == 0).collect::<Vec<_>>());
        assert_eq!(ints(&both), [0, 6, 12, 18]);
        assert_eq!(ints(&both.head(2)), [0, 6]);
        assert_eq!((ints(&both.skip(3)), ints(&both.skip(9)), ints(&batch.skip(18))), (vec![18], vec![], vec![18, 19]));
        assert_eq!(ints(&both.compact()), [0, 6, 12, 18]);
        assert_eq!(both.compact().physical_rows(), 4);
        assert_eq!(both.compact(), both);
        assert_ne!(both, even);
    }

    #[test]
    fn columns_must_fit() {
        let schema = Arc::new(Schema::new(vec![Field::new("n", Type::Int)]).unwrap());
        let check = |columns: Vec<Column>, fits: bool| assert_eq!(Batch::new(schema.clone(), columns, 2, Origin::default()).is_ok(), fits);
        check(vec![Column::int(PackedInts::pack(&[1_i64, 2]))], true);
        check(vec![Column::null(2)], true);
        check(vec![Column::int(PackedInts::pack(&[1_i64]))], false);
        check(vec![Column::float(&[1.0, 2.0])], false);
        check(vec![], false);
    }
}
