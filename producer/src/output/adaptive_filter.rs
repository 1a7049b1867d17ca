//! Whether records are looked for that can be left out.

use recpipe::record::Condition;
use recpipe::{Batch, Error};

use super::{Outgoings, Packing};

/// Has a worker's batches packed without what no consumer needs, for as long as that pays: after batches of which nothing
/// could be left out the test is skipped for one, then for three, and in the end for fifteen of sixteen.
#[derive(Debug, Default)]
pub struct AdaptiveFilter {
    /// So many tests in a row were of no use, as far as that is counted.
    useless: u32,
    /// So many batches are not tested.
    skip: u32,
}

impl AdaptiveFilter {
    /// In batches of fewer records a test costs next to nothing, and tells nothing of others.
    const FEW: usize = 256;
    /// Beyond so many useless tests in a row no more batches are skipped.
    const MOST: u32 = 4;

    /// What is sent of a batch.
    ///
    /// # Errors
    /// As [`Packing::pack`].
    pub fn pack(&mut self, packing: &Packing, batch: &Batch, conditions: &[Condition]) -> Result<Outgoings, Error> {
        if conditions.is_empty() || batch.len() < Self::FEW {
            return packing.pack(batch, conditions);
        }
        if let Some(skip) = self.skip.checked_sub(1) {
            self.skip = skip;
            return packing.pack(batch, &[]);
        }
        let outgoings = packing.pack(batch, conditions)?;
        self.useless = if outgoings.left_out == 0 { Self::MOST.min(self.useless + 1) } else { 0 };
        self.skip = (1 << self.useless) - 1;
        Ok(outgoings)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use recpipe::record::{BatchBuilder, CompareOp, Constant, Field, Schema, Type, Value};

    use super::*;

    /// As many records of `n`, from 0.
    fn batch(records: i128) -> Batch {
        let mut builder = BatchBuilder::new(Arc::new(Schema::new(vec![Field::new("n", Type::Int)]).unwrap()));
        (0..records).for_each(|n| builder.push(&[Value::Int(n)]).unwrap());
        builder.finish().unwrap()
    }

    fn below(n: i128) -> Vec<Condition> {
        vec![Condition { field: "n".into(), op: CompareOp::Lt, constant: Constant::Int(n) }]
    }

    #[test]
    fn what_does_not_pay_is_tried_ever_more_rarely() {
        let (mut filter, packing) = (AdaptiveFilter::default(), Packing::default());
        let (all, few) = (batch(1000), batch(100));
        let mut left_out = |batch: &Batch, conditions: &[Condition]| filter.pack(&packing, batch, conditions).unwrap().left_out;
        for skipped in [1, 3, 7, 15, 15] {
            // One that is tested in vain, and those that are not tested for it.
            assert_eq!(left_out(&all, &below(900)), 0);
            for _ in 0..skipped {
                assert_eq!(left_out(&all, &below(10)), 0);
                assert_eq!(left_out(&few, &below(10)), 90, "few are always tested");
            }
        }
        for _ in 0..20 {
            assert_eq!(left_out(&all, &below(400)), 600);
        }
        assert_eq!((left_out(&all, &below(401)), left_out(&all, &below(10)), left_out(&all, &below(0))), (0, 0, 1000));
        assert_eq!(left_out(&all, &[]), 0);
        assert_eq!(left_out(&all, &below(10)), 990);
    }
}
