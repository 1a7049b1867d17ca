//! Networks of internet addresses, as they stand after `in`: `10.0.0.0/8`, `2001:db8::/32`.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// All addresses that begin with the same bits.
///
/// An IPv6 address that stands for an IPv4 one (`::ffff:10.0.0.1`) is that IPv4 address, here and where it is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    first: IpAddr,
    /// How many bits of an address count.
    bits: u8,
}

impl Network {
    /// Reads `ADDRESS/BITS`, or a single address.
    ///
    /// # Errors
    /// What is wrong with it, and what may have been meant.
    pub fn parse(text: &str) -> Result<Self, (String, String)> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let Ok(address) = address.parse::<IpAddr>() else { return Err((format!("`{address}` is no address"), String::new())) };
        let width = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits.map(str::parse::<u8>) {
            None => width,
            Some(Ok(bits)) if bits <= width => bits,
            Some(_) => return Err(("a network of how many bits?".to_owned(), format!("0 to {width} bits of this address can count"))),
        };
        let first = first_of(address, bits);
        if first != address {
            let what = format!("`{text}` is an address within a network, not the network");
            return Err((what, format!("the network is `{first}/{bits}`")));
        }
        Ok(match first {
            IpAddr::V6(mapped) if bits >= 96 && mapped.to_ipv4_mapped().is_some() => {
                Network { first: first.to_canonical(), bits: bits - 96 }
            }
            _ => Network { first, bits },
        })
    }

    /// The network of so many bits that an address is in; `None` where an address has fewer.
    pub(crate) fn of(address: IpAddr, bits: u8) -> Option<Self> {
        let width = if address.is_ipv4() { 32 } else { 128 };
        (bits <= width).then(|| Network { first: first_of(address, bits), bits })
    }

    /// Whether its addresses are those of IPv4.
    pub(crate) fn is_v4(&self) -> bool {
        self.first.is_ipv4()
    }

    /// The bits of its first and of its last address.
    pub fn bounds(&self) -> (u128, u128) {
        match self.first {
            IpAddr::V4(first) => (first.to_bits().into(), (first.to_bits() | !mask_v4(self.bits)).into()),
            IpAddr::V6(first) => (first.to_bits(), first.to_bits() | !mask_v6(self.bits)),
        }
    }

    /// Whether the address is in the network.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.first, address) {
            (IpAddr::V4(first), IpAddr::V4(address)) => address.to_bits() & mask_v4(self.bits) == first.to_bits(),
            (IpAddr::V6(first), IpAddr::V6(address)) => address.to_bits() & mask_v6(self.bits) == first.to_bits(),
            _ => false,
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.first, self.bits)
    }
}

/// Any number of networks, to be searched.
#[derive(Clone, Debug, Default)]
pub(crate) struct Networks {
    v4: Ranges,
    v6: Ranges,
}

/// The first and the last of numbers that follow each other, in order; none touches the next.
type Ranges = Vec<(u128, u128)>;

impl Networks {
    /// All of these.
    pub(crate) fn new(networks: Vec<Network>) -> Self {
        let (mut v4, mut v6) = (Ranges::new(), Ranges::new());
        for Network { first, bits } in networks {
            match first {
                IpAddr::V4(first) => v4.push((first.to_bits().into(), (first.to_bits() | !mask_v4(bits)).into())),
                IpAddr::V6(first) => v6.push((first.to_bits(), first.to_bits() | !mask_v6(bits))),
            }
        }
        Networks { v4: joined(v4), v6: joined(v6) }
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    /// Whether the address is in one of them.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        let (ranges, address) = match address {
            IpAddr::V4(address) => (&self.v4, address.to_bits().into()),
            IpAddr::V6(address) => (&self.v6, address.to_bits()),
        };
        let before = ranges.partition_point(|range| range.0 <= address);
        before.checked_sub(1).is_some_and(|last| address <= ranges[last].1)
    }
}

fn joined(mut ranges: Ranges) -> Ranges {
    ranges.sort_unstable();
    let mut joined = Ranges::new();
    for (first, last) in ranges {
        match joined.last_mut() {
            Some(known) if first <= known.1.saturating_add(1) => known.1 = known.1.max(last),
            _ => joined.push((first, last)),
        }
    }
    joined
}

/// The address that a text is, if it is one and nothing else.
pub(crate) fn address(text: &[u8]) -> Option<IpAddr> {
    // Names, which are often what else stands there, begin otherwise or are longer.
    let is_plausible = text.len() <= 45 && text.first().is_some_and(|byte| byte.is_ascii_hexdigit() || *byte == b':');
    let text = std::str::from_utf8(text).ok().filter(|_| is_plausible)?;
    Some(text.parse::<IpAddr>().ok()?.to_canonical())
}

/// The first address that begins with the same bits.
fn first_of(address: IpAddr, bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => IpAddr::V4(Ipv4Addr::from_bits(address.to_bits() & mask_v4(bits))),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask_v6(bits))),
    }
}

/// `bits` ones from the left.
fn mask_v4(bits: u8) -> u32 {
    u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0)
}

fn mask_v6(bits: u8) -> u128 {
    u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Network, Networks, address};

    #[test]
    fn contains() {
        let check = |network: &str, text: &str, expect: bool| {
            let network = Network::parse(network).unwrap();
            assert_eq!(address(text.as_bytes()).is_some_and(|address| network.contains(address)), expect, "{text} in {network:?}");
        };
        check("10.0.0.0/8", "10.255.0.1", true);
        check("10.0.0.0/8", "11.0.0.0", false);
        check("10.0.0.0/8", "::ffff:10.1.2.3", true);
        check("::ffff:10.0.0.0/104", "10.1.2.3", true);
        check("10.1.2.3", "10.1.2.3", true);
        check("10.1.2.3/32", "10.1.2.4", false);
        check("0.0.0.0/0", "255.255.255.255", true);
        check("0.0.0.0/0", "::1", false);
        check("::/0", "2001:db8::1", true);
        check("::/0", "10.0.0.1", false);
        check("2001:db8::/32", "2001:0DB8:0::7", true);
        check("2001:db8::/33", "2001:db8:8000::", false);
        check("::1", "::1", true);
        for text in ["", "10.0.0", "10.0.0.1 ", "10.0.0.1:80", "010.0.0.1", "[::1]", "fe80::1%eth0", "host", "dead.beef", "10.0.0.1/8"] {
            check("0.0.0.0/0", text, false);
        }
        assert_eq!(address(b"10.0.0.1\xff"), None);
    }

    proptest! {
        #[test]
        fn many_are_as_each(
            parts in prop::collection::vec((any::<bool>(), any::<u8>(), 0_u8..=128), 0..12), probes in prop::collection::vec((any::<bool>(), any::<u16>()), 1..40),
        ) {
            let of = |is_v4: bool, number: u128| match is_v4 {
                true => std::net::IpAddr::V4(((number as u32) << 16).into()),
                false => std::net::IpAddr::V6((number << 112).into()),
            };
            let networks: Vec<Network> = parts.into_iter().filter_map(|(is_v4, number, bits)| {
                let bits = bits.min(if is_v4 { 32 } else { 128 });
                Network::parse(&format!("{}/{bits}", of(is_v4, u128::from(number) << 8))).ok()
            }).collect();
            let many = Networks::new(networks.clone());
            for (is_v4, number) in probes {
                let address = of(is_v4, number.into());
                prop_assert_eq!(many.contains(address), networks.iter().any(|one| one.contains(address)), "{} in {:?}", address, networks);
            }
        }
    }

    #[test]
    fn what_is_none_is_explained() {
        let check = |text, what: &str, help: &str| assert_eq!(Network::parse(text), Err((what.to_owned(), help.to_owned())), "{text}");
        check("10.0.0.5/8", "`10.0.0.5/8` is an address within a network, not the network", "the network is `10.0.0.0/8`");
        check("10.0.0.0/33", "a network of how many bits?", "0 to 32 bits of this address can count");
        check("::/129", "a network of how many bits?", "0 to 128 bits of this address can count");
        check("10.0.0.0/", "a network of how many bits?", "0 to 32 bits of this address can count");
        check("10.0.0.256", "`10.0.0.256` is no address", "");
        check("a:b:c", "`a:b:c` is no address", "");
    }
}
