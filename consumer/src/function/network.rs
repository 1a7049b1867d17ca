//! `network(ip)`, `network(ip, bits)`, `network(ip, bits, bits6)`: the network that an address is in.

use std::io::Write;

use recpipe::{Error, Type};

use super::slice::clamp;
use crate::{
    expr::{Call, Constant, Expr, Network, Rows, ScalarFunction, Values, Vector, address},
    language::{
        Catalog,
        CheckCall::Values as OfValues,
        FunctionWord,
        signature::{self, Made, need},
    },
};

/// `network`
pub(crate) static NETWORK: FunctionWord = FunctionWord {
    name: "network",
    syntax: "network(TEXT[, BITS[, BITS6]])",
    doc: "the network of an address, of 24 bits and of IPv6 64 unless said; null if it is no address",
    example: "network(host) == '140.180.132.0/24'",
    args: 1..=3,
    check: OfValues(check),
};

fn check(catalog: &Catalog, mut args: Vec<Expr>) -> Made {
    need(catalog, &args, 0, &[Type::Text])?;
    need(catalog, &args, 1, &[Type::Int])?;
    need(catalog, &args, 2, &[Type::Int])?;
    // Of IPv4 as it is customary, of IPv6 what one subnet has.
    let usual = [24, 64].map(|bits: i128| Expr::constant(Constant::Int(bits), bits.to_string()));
    args.extend(usual.into_iter().skip(args.len() - 1));
    Ok((signature::call(OfAddress, args), Type::Text))
}

struct OfAddress;

impl ScalarFunction for OfAddress {
    fn eval(&self, call: &Call<'_>, args: Vec<Vector>) -> Result<Vector, Error> {
        let [text, mut bits, mut bits6] = call.args(args)?;
        clamp(&mut bits);
        clamp(&mut bits6);
        let (Values::Text(texts), Values::Int(bits4), Values::Int(bits6s)) = (&text.values, &bits.values, &bits6.values) else {
            return call.no_value(&text);
        };
        Rows::of(&[&text, &bits, &bits6]).texts(|row, out| {
            let network = address(texts.get(row)).and_then(|address| {
                let bits = if address.is_ipv4() { bits4 } else { bits6s };
                Network::of(address, u8::try_from(bits.get(row)).ok()?)
            });
            // Writing to a vector does not fail.
            network.is_some_and(|network| write!(out, "{network}").is_ok())
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::expr::check_values;

    fn check(text: &str, expect: &str) {
        check_values(text, &[expect; 4].join(" "));
    }

    #[test]
    fn of_addresses() {
        check("network('10.1.2.3')", "'10.1.2.0/24'");
        check("network('10.1.2.3', 20)", "'10.1.0.0/20'");
        check("network('2001:db8:1:2:3::9')", "'2001:db8:1:2::/64'");
        check("network('2001:db8:1:2:3::9', 20, 48)", "'2001:db8:1::/48'");
        check("network('::ffff:10.1.2.3', 8)", "'10.0.0.0/8'");
        check("network('10.1.2.3', 0)", "'0.0.0.0/0'");
        check("network('10.1.2.3', 33)", "null");
        check("network('10.1.2.3', -1)", "null");
        check("network('::1', 8, 129)", "null");
        check("network('10.1.2.3:80')", "null");
        check_values("network(t)", "null null null null");
        check_values("network('10.1.2.3', n)", "'0.0.0.0/1' null null '0.0.0.0/0'");
    }
}
