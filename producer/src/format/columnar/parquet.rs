//! Parquet: what tells its columns and row groups stands at its end.
//!
//! Of each row group only the columns are read that somebody reads, and none of a group whose statistics say that a condition of the query
//! holds for none of its records.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::Schema as ArrowSchema;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use recpipe::record::{Batch, CompareOp, Condition};

use super::super::{Args, Wanted};
use super::layout::Layout;
use super::{Asked, Piece, Table, Unopened};
use crate::input::open::Opened;
use crate::input::seekable::{Seekable, seekable};

struct Parquet {
    file: Seekable,
    metadata: ArrowReaderMetadata,
    layout: Layout,
    batch_rows: usize,
    /// The row group that comes next, and the number of its first record.
    group: usize,
    first: u64,
    /// What is read of the group before it, and the columns that are.
    current: Option<(ParquetRecordBatchReader, Vec<usize>)>,
    /// The number of the record that comes next.
    next: u64,
}

pub(super) fn open(opened: Opened, args: &Args, batch_rows: usize) -> Result<Box<dyn Table>, Unopened> {
    let file = seekable(opened)?;
    let what = |error: parquet::errors::ParquetError| Unopened::Damaged(format!("it is no Parquet file, or a damaged one: {error}"));
    let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).map_err(what)?;
    let layout = Layout::new(metadata.schema(), args)?;
    Ok(Box::new(Parquet { file, metadata, layout, batch_rows, group: 0, first: 0, current: None, next: 0 }))
}

impl Parquet {
    /// Goes on to the next row group that may have a record for which all conditions hold. False after the last.
    fn next_group(&mut self, asked: &Asked<'_>) -> Result<bool, String> {
        let groups = self.metadata.metadata().num_row_groups();
        while self.group < groups {
            let (group, first) = (self.group, self.first);
            self.group += 1;
            self.first += self.metadata.metadata().row_group(group).num_rows().max(0) as u64;
            if asked.conditions.iter().any(|condition| self.rules_out(condition, group)) {
                continue;
            }
            let roots = self.layout.roots(asked.wanted);
            let file = self.file.try_clone().map_err(|error| error.to_string())?;
            let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone());
            let mask = ProjectionMask::roots(self.metadata.parquet_schema(), roots.iter().copied());
            let builder = builder.with_projection(mask).with_row_groups(vec![group]).with_batch_size(self.batch_rows);
            self.current = Some((builder.build().map_err(|error| self.damaged(&error.to_string()))?, roots));
            self.next = first;
            return Ok(true);
        }
        Ok(false)
    }

    fn damaged(&self, what: &str) -> String {
        format!("damaged after {} records: {what}", self.next)
    }

    /// Whether the condition holds for no record of the group, as its statistics say.
    fn rules_out(&self, condition: &Condition, group: usize) -> bool {
        self.holds_for_none(condition, group) == Some(true)
    }

    fn holds_for_none(&self, condition: &Condition, group: usize) -> Option<bool> {
        // Null is no bound, and another than a constant is not what these are.
        let (least, greatest) = match condition.op {
            CompareOp::Eq => (Some(CompareOp::Le), Some(CompareOp::Ge)),
            CompareOp::Lt | CompareOp::Le => (Some(condition.op), None),
            CompareOp::Gt | CompareOp::Ge => (None, Some(condition.op)),
            CompareOp::Ne => return None,
        };
        if matches!(condition.constant, recpipe::record::Constant::Null) {
            return None;
        }
        let root = self.layout.root_of(&condition.field)?;
        let metadata = self.metadata.metadata();
        let name = self.metadata.schema().fields().get(root)?.name();
        let converter = StatisticsConverter::try_new(name, self.metadata.schema(), self.metadata.parquet_schema()).ok()?;
        let column = metadata.row_group(group).columns().get(converter.parquet_column_index()?)?;
        // Of old writers nobody knows by which order.
        if column.statistics()?.is_min_max_deprecated() {
            return None;
        }
        let groups = || std::iter::once(metadata.row_group(group));
        let fails = |op: CompareOp, bound: arrow_array::ArrayRef| -> Option<bool> {
            let schema = Arc::new(ArrowSchema::new(vec![self.metadata.schema().field(root).clone().with_nullable(true)]));
            let columns = RecordBatch::try_new(schema, vec![bound]).ok()?;
            let piece = Piece { first: 0, roots: vec![root], columns };
            let batch: Batch = self.layout.batch(&piece, &Wanted::only(vec![condition.field.clone()]), &mut 0).ok()?;
            if batch.schema().is_empty() || batch.column(0).is_null(0) {
                return None;
            }
            let condition = Condition { op, ..condition.clone() };
            condition.test(&batch).map(|truth| !truth.get(0))
        };
        let least = least.and_then(|op| fails(op, converter.row_group_mins(groups()).ok()?));
        let greatest = greatest.and_then(|op| fails(op, converter.row_group_maxes(groups()).ok()?));
        Some(least == Some(true) || greatest == Some(true))
    }
}

impl Table for Parquet {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn next(&mut self, asked: &Asked<'_>) -> Result<Option<Piece>, String> {
        loop {
            if let Some((reader, roots)) = &mut self.current {
                match reader.next() {
                    None => self.current = None,
                    Some(Err(error)) => return Err(self.damaged(&error.to_string())),
                    Some(Ok(columns)) => {
                        let (first, roots) = (self.next, roots.clone());
                        self.next += columns.num_rows() as u64;
                        return Ok(Some(Piece { first, roots, columns }));
                    }
                }
                continue;
            }
            if !self.next_group(asked)? {
                return Ok(None);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, SeekFrom};

    use arrow_array::{ArrayRef, Float64Array, Int64Array, StringArray, TimestampMillisecondArray};
    use parquet::arrow::ArrowWriter;
    use parquet::file::properties::WriterProperties;
    use proptest::prelude::*;
    use recpipe::Time;
    use recpipe::record::Constant;

    use super::*;

    const GROUP_ROWS: usize = 4;

    /// A table whose columns are these numbers, as several types.
    fn table(numbers: &[Option<i64>]) -> Parquet {
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("int", Arc::new(Int64Array::from(numbers.to_vec()))),
            (
                "float",
                Arc::new(numbers.iter().map(|n| n.map(|n| if n == 3 { f64::NAN } else { n as f64 / 2.0 })).collect::<Float64Array>()),
            ),
            ("text", Arc::new(numbers.iter().map(|n| n.map(|n| "é".repeat((n + 9) as usize))).collect::<StringArray>())),
            ("time", Arc::new(TimestampMillisecondArray::from(numbers.to_vec()).with_timezone("UTC"))),
        ];
        let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true))).unwrap();
        let properties = WriterProperties::builder().set_max_row_group_row_count(Some(GROUP_ROWS)).build();
        let mut file = tempfile::tempfile().unwrap();
        let mut writer = ArrowWriter::try_new(file.try_clone().unwrap(), batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        file.seek(SeekFrom::Start(0)).unwrap();
        let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).unwrap();
        let Ok(layout) = Layout::new(metadata.schema(), &Args::default()) else { panic!() };
        Parquet { file, metadata, layout, batch_rows: 3, group: 0, first: 0, current: None, next: 0 }
    }

    fn constant(field: &str, n: i64) -> Constant {
        match field {
            "int" => Constant::Int(n.into()),
            "float" => Constant::Float(n as f64 / 2.0),
            "text" => Constant::Text("é".repeat((n + 9) as usize).into_bytes().into()),
            _ => Constant::Time(Time { nanos: n * 1_000_000, offset_s: 3600 }),
        }
    }

    /// The numbers of the records that come, and how many of these the condition holds for.
    fn read(table: &mut Parquet, conditions: &[Condition]) -> (usize, Vec<u64>) {
        let (wanted, mut come, mut held) = (Wanted::all(), 0, Vec::new());
        while let Some(piece) = table.next(&Asked { wanted: &wanted, conditions }).unwrap() {
            let batch = table.layout.batch(&piece, &wanted, &mut 0).unwrap();
            come += batch.len();
            let truth: Vec<bool> = conditions.iter().fold(vec![true; batch.len()], |all, condition| {
                let truth = condition.test(&batch).unwrap();
                all.iter().enumerate().map(|(row, so_far)| *so_far && truth.get(row)).collect()
            });
            held.extend((0..batch.len()).filter(|row| truth[*row]).map(|row| piece.first + row as u64));
        }
        (come, held)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(120))]

        #[test]
        fn a_row_group_that_is_left_out_has_no_such_record(
            numbers in prop::collection::vec(prop::option::of(-8..8_i64), 1..40), field in prop::sample::select(vec!["int", "float", "text", "time"]),
            op in prop::sample::select(CompareOp::ALL.to_vec()), n in -8..8_i64,
        ) {
            let condition = Condition { field: field.to_owned(), op, constant: constant(field, n) };
            let all = {
                let mut table = table(&numbers);
                table.metadata = ArrowReaderMetadata::load(&table.file, ArrowReaderOptions::new()).unwrap();
                let (wanted, mut held) = (Wanted::all(), Vec::new());
                while let Some(piece) = table.next(&Asked { wanted: &wanted, conditions: &[] }).unwrap() {
                    let batch = table.layout.batch(&piece, &wanted, &mut 0).unwrap();
                    let truth = condition.test(&batch).unwrap();
                    held.extend((0..batch.len()).filter(|row| truth.get(*row)).map(|row| piece.first + row as u64));
                }
                held
            };
            let (_, held) = read(&mut table(&numbers), std::slice::from_ref(&condition));
            prop_assert_eq!(held, all);
        }
    }

    #[test]
    fn row_groups_are_left_out() {
        let numbers: Vec<Option<i64>> = (0..12).map(|n| Some(n - 6)).collect();
        for (field, op, n, want) in
            [("int", CompareOp::Gt, 1, 4), ("text", CompareOp::Eq, -6, 4), ("time", CompareOp::Lt, -6, 0), ("float", CompareOp::Ge, -2, 8)]
        {
            let condition = Condition { field: field.to_owned(), op, constant: constant(field, n) };
            assert_eq!(read(&mut table(&numbers), &[condition]).0, want, "{field}");
        }
    }
}
