//! What a consumer asks of its producer: the fields and records that its query needs, as a frame of its own.

use serde::{Deserialize, Serialize};

use super::{
    frame::{self, Decoder, HEADER_LEN, Header, Kind, PREAMBLE_LEN, Step},
    serializer::{Each, from_slice, to_vec},
};
use crate::{
    Error,
    record::{CompareOp, Condition, Constant, Time},
};

/// What the consumer needs of the records. It is advice: a producer may send more, and the consumer does its work on
/// whatever comes.
///
/// On the wire it is a preamble and one frame, laid out as those of the forward channel.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pushdown {
    /// The fields that are read, by name; `None` when all are.
    pub columns: Option<Vec<String>>,
    /// Whether the query keeps what it was given until the end: it is done with no frame before.
    pub holds_state: bool,
    /// Records for which not all of these hold are of no use to the query, and change nothing of what it says.
    pub conditions: Vec<Condition>,
    /// Whether something may be written to the terminal of whoever waits for the answer, before its end.
    pub shows: bool,
    /// Whether the places of the records in their inputs are read: their lines and first bytes.
    pub places: bool,
}

impl Pushdown {
    /// A larger pushdown is neither sent nor read.
    pub const MAX_BYTES: usize = 64 << 10;
    /// One of more conditions is neither sent nor read.
    pub(crate) const MAX_CONDITIONS: usize = 4096;

    /// The pushdown; without its conditions if it is too large with them.
    #[must_use]
    pub fn fitting(self) -> Self {
        let fits = self.conditions.len() <= Pushdown::MAX_CONDITIONS && self.to_bytes().is_ok();
        if fits { self } else { self.without_conditions() }
    }

    /// The pushdown for a producer that does not act on conditions.
    #[must_use]
    pub(crate) fn without_conditions(self) -> Self {
        Pushdown { conditions: Vec::new(), ..self }
    }

    /// The bytes on the wire.
    ///
    /// # Errors
    /// [`Error::TooLarge`] beyond [`Pushdown::MAX_BYTES`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        let payload = encode_pushdown(self)?;
        let header = Header {
            kind: Kind::Pushdown,
            flags: 0,
            schema: 0,
            records: 0,
            stream: 0,
            payload_len: u32::try_from(payload.len()).unwrap_or(u32::MAX),
            sequence: 0,
            payload_crc: crc32c::crc32c(&payload),
        };
        let bytes = [&frame::preamble()[..], &header.to_bytes(), &payload].concat();
        if bytes.len() > Self::MAX_BYTES {
            return Err(Error::TooLarge { what: "a plan".into(), size: bytes.len() as u64, limit: Self::MAX_BYTES as u64 });
        }
        Ok(bytes)
    }

    /// The pushdown in `bytes`, from their start; `None` while it is not whole.
    ///
    /// # Errors
    /// As [`Decoder::decode`], and [`Error::Corrupt`] when it is anything but a pushdown.
    pub fn from_bytes(bytes: &[u8]) -> Result<Option<Self>, Error> {
        let mut decoder = Decoder::new();
        if let Step::Need(_) = decoder.decode(bytes)? {
            return Ok(None);
        }
        let corrupt = |what: String| Error::Corrupt { what, frame: 0, at: PREAMBLE_LEN as u64 };
        let header = match decoder.decode(&bytes[PREAMBLE_LEN..])? {
            Step::Need(_) => return Ok(None),
            Step::Header(header) if header.kind == Kind::Pushdown => header,
            _ => return Err(corrupt("the back channel begins with another frame than a plan".into())),
        };
        let at = PREAMBLE_LEN + HEADER_LEN;
        let len = header.payload_len as usize;
        if at + len > Self::MAX_BYTES {
            return Err(corrupt(format!("a plan of {} bytes; the limit is {}", at + len, Self::MAX_BYTES)));
        }
        let Some(payload) = bytes.get(at..at + len) else { return Ok(None) };
        if crc32c::crc32c(payload) != header.payload_crc {
            return Err(corrupt("the checksum of a plan differs".into()));
        }
        decode_pushdown(payload).map(Some).map_err(corrupt)
    }
}

const SHOWS: u8 = 1;
const PLACES: u8 = 2;

#[derive(Serialize, Deserialize)]
struct PushdownWire<'a> {
    #[serde(borrow)]
    columns: Option<Each<&'a str>>,
    holds_state: bool,
    #[serde(borrow)]
    conditions: Each<ConditionWire<'a>>,
    /// Of [`SHOWS`] and [`PLACES`].
    flags: u8,
}

#[derive(Serialize, Deserialize)]
struct ConditionWire<'a> {
    field: &'a str,
    op: u8,
    #[serde(borrow)]
    constant: ConstantWire<'a>,
}

#[derive(Serialize, Deserialize)]
enum ConstantWire<'a> {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Time { nanos: i64, offset_s: i32 },
    Text(#[serde(with = "serde_bytes", borrow)] &'a [u8]),
}

fn condition_wire(Condition { field, op, constant }: &Condition) -> ConditionWire<'_> {
    let constant = match constant {
        Constant::Null => ConstantWire::Null,
        Constant::Bool(value) => ConstantWire::Bool(*value),
        Constant::Int(value) => ConstantWire::Int(*value),
        Constant::Float(value) => ConstantWire::Float(*value),
        Constant::Time(Time { nanos, offset_s }) => ConstantWire::Time { nanos: *nanos, offset_s: *offset_s },
        Constant::Text(text) => ConstantWire::Text(text),
    };
    let op = CompareOp::ALL.iter().position(|known| known == op).unwrap_or(0) as u8;
    ConditionWire { field, op, constant }
}

fn condition(ConditionWire { field, op, constant }: ConditionWire<'_>) -> Result<Condition, String> {
    let op = *CompareOp::ALL.get(usize::from(op)).ok_or_else(|| format!("a condition with the unknown operator {op}"))?;
    let constant = match constant {
        ConstantWire::Null => Constant::Null,
        ConstantWire::Bool(value) => Constant::Bool(value),
        ConstantWire::Int(value) => Constant::Int(value),
        ConstantWire::Float(value) => Constant::Float(value),
        ConstantWire::Time { nanos, offset_s } => Constant::Time(Time { nanos, offset_s }),
        ConstantWire::Text(text) => Constant::Text(text.into()),
    };
    Ok(Condition { field: field.to_owned(), op, constant })
}

pub(super) fn encode_pushdown(pushdown: &Pushdown) -> Result<Vec<u8>, Error> {
    let columns = pushdown.columns.as_ref().map(|columns| Each(columns.iter().map(String::as_str).collect()));
    let conditions = Each(pushdown.conditions.iter().map(condition_wire).collect());
    let flags = if pushdown.shows { SHOWS } else { 0 } | if pushdown.places { PLACES } else { 0 };
    to_vec(&PushdownWire { columns, holds_state: pushdown.holds_state, conditions, flags })
}

pub(super) fn decode_pushdown(payload: &[u8]) -> Result<Pushdown, String> {
    let PushdownWire { columns, holds_state, conditions, flags } = from_slice(payload)?;
    if flags & !(SHOWS | PLACES) != 0 {
        return Err(format!("a plan with the unknown flags {flags:#x}"));
    }
    if conditions.0.len() > Pushdown::MAX_CONDITIONS {
        return Err(format!("more than {} conditions", Pushdown::MAX_CONDITIONS));
    }
    Ok(Pushdown {
        columns: columns.map(|columns| columns.0.into_iter().map(str::to_owned).collect()),
        holds_state,
        shows: flags & SHOWS != 0,
        places: flags & PLACES != 0,
        conditions: conditions.0.into_iter().map(condition).collect::<Result<_, _>>()?,
    })
}

#[cfg(test)]
mod tests {
    use super::{Pushdown, decode_pushdown, encode_pushdown};
    use crate::record::{CompareOp, Condition, Constant, Time};

    fn condition(field: &str, op: CompareOp, constant: Constant) -> Condition {
        Condition { field: field.into(), op, constant }
    }

    fn pushdowns() -> [Pushdown; 4] {
        let columns = |names: &[&str]| Some(names.iter().map(ToString::to_string).collect());
        [
            Pushdown::default(),
            Pushdown { columns: columns(&[]), holds_state: true, ..Pushdown::default() },
            Pushdown { columns: columns(&["host", "ünï"]), shows: true, places: true, ..Pushdown::default() },
            Pushdown {
                columns: columns(&["host"]),
                holds_state: false,
                shows: false,
                places: true,
                conditions: vec![
                    condition("i", CompareOp::Eq, Constant::Int(i64::MIN.into())),
                    condition("f", CompareOp::Ne, Constant::Float(-0.5)),
                    condition("t", CompareOp::Lt, Constant::Text(b"\xff\0"[..].into())),
                    condition("b", CompareOp::Le, Constant::Bool(true)),
                    condition("m", CompareOp::Gt, Constant::Time(Time { nanos: -1, offset_s: -3600 })),
                    condition("n", CompareOp::Ge, Constant::Null),
                ],
            },
        ]
    }

    #[test]
    fn reads_back_once_it_is_whole() {
        for pushdown in pushdowns() {
            let bytes = pushdown.to_bytes().unwrap();
            for len in 0..bytes.len() {
                assert_eq!(Pushdown::from_bytes(&bytes[..len]).unwrap(), None, "{len} of {}", bytes.len());
            }
            assert_eq!(Pushdown::from_bytes(&bytes).unwrap(), Some(pushdown));
        }
    }

    #[test]
    fn golden_bytes() {
        let preamble = b"\x89\x52\x45\x43\x50\x49\x50\x45\x02\x00\x01\x00\x29\x20\x72\x0a";
        let header = b"\x11\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x42\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xf5\xdf\x88\x51\x8e\x72\xab\x3d";
        let columns = b"\x01\x01\x00\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x68\x6f\x73\x74\x01";
        let field = b"\x01\x00\x00\x00\x00\x00\x00\x00\x06\x00\x00\x00\x00\x00\x00\x00\x73\x74\x61\x74\x75\x73";
        let compared = b"\x05\x02\x00\x00\x00\x90\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00";
        let shows = b"\x01";
        let payload = [&columns[..], field, compared, shows].concat();
        let pushdown = Pushdown {
            columns: Some(vec!["host".into()]),
            holds_state: true,
            conditions: vec![condition("status", CompareOp::Ge, Constant::Int(400))],
            shows: true,
            places: false,
        };
        assert_eq!(pushdown.to_bytes().unwrap(), [&preamble[..], header, &payload].concat());
    }

    #[test]
    fn every_flipped_bit_is_found() {
        let bytes = pushdowns()[3].to_bytes().unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(!matches!(Pushdown::from_bytes(&changed), Ok(Some(_))), "bit {bit}");
        }
    }

    #[test]
    fn a_plan_has_a_limit() {
        let columns = Some(vec!["x".repeat(Pushdown::MAX_BYTES)]);
        assert!(Pushdown { columns, ..Pushdown::default() }.to_bytes().is_err());
    }

    #[test]
    fn conditions_that_make_it_too_large_are_left_out() {
        let pushdown =
            |conditions| Pushdown { columns: Some(vec!["host".into()]), holds_state: true, conditions, shows: false, places: false };
        let few = pushdown(vec![condition("host", CompareOp::Eq, Constant::Text(b"a"[..].into()))]);
        assert_eq!(few.clone().fitting(), few);
        let long = condition("host", CompareOp::Eq, Constant::Text(vec![b'x'; Pushdown::MAX_BYTES].into()));
        assert_eq!(pushdown(vec![long]).fitting(), pushdown(vec![]));
        let most = vec![condition("", CompareOp::Eq, Constant::Null); Pushdown::MAX_CONDITIONS];
        assert_eq!(Pushdown::from_bytes(&pushdown(most.clone()).fitting().to_bytes().unwrap()).unwrap(), Some(pushdown(most.clone())));
        assert_eq!(pushdown([&most[..], &most[..1]].concat()).fitting(), pushdown(vec![]));
    }

    #[test]
    fn an_unknown_operator_is_refused() {
        let pushdown = Pushdown { conditions: vec![condition("a", CompareOp::Eq, Constant::Null)], ..Pushdown::default() };
        let mut payload = encode_pushdown(&pushdown).unwrap();
        // An operator, the kind of a constant, and whether something is shown.
        let at = payload.len() - 6;
        assert_eq!(payload[at], 0);
        payload[at] = CompareOp::ALL.len() as u8;
        assert!(decode_pushdown(&payload).unwrap_err().contains("unknown operator 6"));
    }
}
