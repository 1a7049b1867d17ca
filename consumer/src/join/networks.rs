//! Which network of a table an address is in: the one with the longest prefix.
//!
//! Networks either lie within each other or apart. So they cut the addresses into ranges, each of which has one network with the
//! longest prefix; a range is found by a binary search over two arrays. A trie of bits would follow up to 128 pointers instead.

use std::net::IpAddr;

use recpipe::{Column, Value};

use super::{
    NONE, Partners,
    equal::{Chain, Twice},
};
use crate::expr::{Network, Values, Vector, address};

/// Finds rows by the network that an address is in.
#[derive(Debug)]
pub(super) struct NetworkIndex {
    v4: Ranges,
    v6: Ranges,
}

/// Where each range begins, and the row of its network; [`NONE`] where there is none.
#[derive(Debug, Default)]
struct Ranges {
    from: Vec<u128>,
    rows: Vec<u32>,
}

/// A row that has no network where there should be one: which, and what is wrong and how to mend it.
#[derive(Debug)]
pub(super) struct NoNetwork {
    pub(super) row: usize,
    pub(super) what: String,
}

impl NetworkIndex {
    /// Bytes that it takes for so many rows, at the most on the way.
    pub(super) fn bytes(rows: usize) -> usize {
        rows * (size_of::<(u128, u128, u32)>() + 2 * (size_of::<u128>() + size_of::<u32>()))
    }

    /// Of this column of texts.
    ///
    /// # Errors
    /// What is no network, where something is not. Within, that two rows have one network with [`Partners::One`].
    pub(super) fn new(column: &Column, partners: Partners) -> Result<Result<(Self, Chain), Twice>, NoNetwork> {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for row in 0..column.len() {
            let text = match column.value(row) {
                Value::Null => continue,
                Value::Text(text) => String::from_utf8_lossy(text).into_owned(),
                other => other.to_string(),
            };
            let network = Network::parse(text.trim()).map_err(|(what, help)| {
                let help = if help.is_empty() { String::new() } else { format!("; {help}") };
                NoNetwork { row, what: format!("{what}{help}") }
            })?;
            let (first, last) = network.bounds();
            if network.is_v4() { &mut v4 } else { &mut v6 }.push((first, last, row as u32));
        }
        let mut chain = None;
        let mut ranges = |all| Ranges::new(all, partners, column.len(), &mut chain);
        Ok(ranges(v4).and_then(|v4| Ok(NetworkIndex { v4, v6: ranges(v6)? })).map(|index| (index, chain)))
    }

    /// The row of each of `len` addresses.
    pub(super) fn find(&self, addresses: &Vector, len: usize) -> Vec<u32> {
        let texts = addresses.parts().iter().find_map(|part| match &part.values {
            Values::Text(texts) => Some((part, texts)),
            _ => None,
        });
        let Some((part, texts)) = texts else { return vec![NONE; len] };
        let one = |row: usize| {
            if part.is_null(row) {
                return NONE;
            }
            match address(texts.get(row)) {
                Some(IpAddr::V4(address)) => self.v4.find(address.to_bits().into()),
                Some(IpAddr::V6(address)) => self.v6.find(address.to_bits()),
                None => NONE,
            }
        };
        (0..len).map(one).collect()
    }
}

impl Ranges {
    /// Of networks as their first and last addresses, and their rows.
    fn new(mut all: Vec<(u128, u128, u32)>, partners: Partners, rows: usize, chain: &mut Chain) -> Result<Self, Twice> {
        // What contains others comes before them.
        all.sort_unstable_by_key(|&(first, last, row)| (first, std::cmp::Reverse(last), row));
        let mut ranges = Ranges::default();
        // The networks that the next one may lie in, from the outermost: where each ends, and its row.
        let mut open: Vec<(u128, u32)> = Vec::new();
        for same in all.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
            let (Some(&(first, last, row)), Some(&(.., row_last))) = (same.first(), same.last()) else { continue };
            if let (Partners::One, [_, (.., second), ..]) = (partners, same) {
                return Err(Twice { first: row, second: *second });
            }
            if partners == Partners::Each && same.len() > 1 {
                let chain = chain.get_or_insert_with(|| vec![NONE; rows]);
                same.windows(2).for_each(|pair| chain[pair[0].2 as usize] = pair[1].2);
            }
            ranges.close(&mut open, Some(first));
            let row = if partners == Partners::Last { row_last } else { row };
            ranges.begin(first, row);
            open.push((last, row));
        }
        ranges.close(&mut open, None);
        Ok(ranges)
    }

    /// Ends the open networks that do not reach this address, or all: after each, the one around it goes on.
    fn close(&mut self, open: &mut Vec<(u128, u32)>, before: Option<u128>) {
        while let Some(&(last, _)) = open.last()
            && before.is_none_or(|before| last < before)
        {
            open.pop();
            let around = open.last().map_or(NONE, |around| around.1);
            if let Some(next) = last.checked_add(1) {
                self.begin(next, around);
            }
        }
    }

    /// A range begins here. One that began at the same address has nothing in it.
    fn begin(&mut self, from: u128, row: u32) {
        match (self.from.last(), self.rows.last_mut()) {
            (Some(&last), Some(known)) if last == from => *known = row,
            _ => {
                self.from.push(from);
                self.rows.push(row);
            }
        }
    }

    fn find(&self, address: u128) -> u32 {
        self.from.partition_point(|&from| from <= address).checked_sub(1).map_or(NONE, |place| self.rows[place])
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use proptest::prelude::*;
    use recpipe::{Column, Text};

    use super::{NONE, NetworkIndex, Partners};
    use crate::expr::{Network, Vector};

    proptest! {
        // Against the slow way: each network is asked, and the longest prefix wins.
        #[test]
        fn the_longest_prefix_is_found(
            networks in prop::collection::btree_set((prop_oneof![0..16_u32, Just(u32::MAX)], 0..=32_u32), 0..40),
            addresses in prop::collection::vec(prop_oneof![0..20_u32, any::<u32>(), Just(u32::MAX)], 1..40),
        ) {
            let masked = |(address, bits): (u32, u32)| (address & u32::MAX.checked_shl(32 - bits).unwrap_or(0), bits);
            let networks: std::collections::BTreeSet<_> = networks.into_iter().map(masked).collect();
            let texts: Vec<String> = networks.iter().map(|(address, bits)| format!("{}/{bits}", std::net::Ipv4Addr::from_bits(*address))).collect();
            let column = Column::text(Text::collect(texts.iter().map(String::as_bytes)));
            let (index, chain) = NetworkIndex::new(&column, Partners::One).unwrap().unwrap();
            prop_assert!(chain.is_none());
            let asked: Vec<String> = addresses.iter().map(|address| std::net::Ipv4Addr::from_bits(*address).to_string()).collect();
            let asked_column = Column::text(Text::collect(asked.iter().map(String::as_bytes)));
            let found = index.find(&Vector::from_rows(&asked_column, None), asked.len());
            for (text, found) in asked.iter().zip(found) {
                let address: IpAddr = text.parse().unwrap();
                let holds = |row: &usize| Network::parse(&texts[*row]).unwrap().contains(address);
                let bits = |row: &usize| texts[*row].rsplit('/').next().unwrap().parse::<u32>().unwrap();
                let expect = (0..texts.len()).filter(holds).max_by_key(bits).map_or(NONE, |row| row as u32);
                prop_assert_eq!(found, expect, "{} among {:?}", text, &texts);
            }
        }
    }
}
