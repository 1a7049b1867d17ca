//! What is asked of entries by the data that they have, whatever the file: `--unit`, `--boot`, and equalities of the query.

use recpipe::record::{CompareOp, Condition, Constant};

use super::columns::journal_name;
use super::file::JournalFile;
use super::header::{Damage, Id};
use super::pages::Pages;
use super::unpack::Unpacker;

/// What an entry has to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Term {
    /// This datum, `FIELD=value`.
    Has(Vec<u8>),
    /// All of these; of none, nothing.
    All(Vec<Term>),
    /// One of these.
    Any(Vec<Term>),
}

/// The same in a file: data by their places in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Query {
    Has(u64),
    All(Vec<Query>),
    Any(Vec<Query>),
}

impl Query {
    /// Whether every entry is an answer.
    pub(super) fn is_everything(&self) -> bool {
        matches!(self, Query::All(all) if all.is_empty())
    }

    /// Whether an entry with these data is an answer.
    pub(super) fn holds(&self, has: &impl Fn(u64) -> bool) -> bool {
        match self {
            Query::Has(at) => has(*at),
            Query::All(all) => all.iter().all(|query| query.holds(has)),
            Query::Any(any) => any.iter().any(|query| query.holds(has)),
        }
    }
}

impl Term {
    /// Everything.
    pub(super) fn everything() -> Self {
        Term::All(Vec::new())
    }

    fn has(field: &str, value: &[u8]) -> Self {
        Term::Has([field.as_bytes(), b"=", value].concat())
    }

    /// The entries of a unit and about it, as `journalctl --unit` has them: its own; what systemd says of it, and what daemons of root do;
    /// its core dumps.
    pub(super) fn unit(name: &str) -> Self {
        // As systemctl has it: what has no type is a service.
        let name = if has_type(name) { name.to_owned() } else { format!("{name}.service") };
        let value = name.as_bytes();
        let root = || Term::has("_UID", b"0");
        let mut any = vec![
            Term::has("_SYSTEMD_UNIT", value),
            Term::All(vec![Term::has("MESSAGE_ID", b"fc2e22bc6ee647b6b90729ab34a250b1"), root(), Term::has("COREDUMP_UNIT", value)]),
            Term::All(vec![Term::has("_PID", b"1"), Term::has("UNIT", value)]),
            Term::All(vec![root(), Term::has("OBJECT_SYSTEMD_UNIT", value)]),
        ];
        if name.ends_with(".slice") {
            any.push(Term::has("_SYSTEMD_SLICE", value));
        }
        Term::Any(any)
    }

    /// The entries of a boot.
    pub(super) fn boot(boot: Id) -> Self {
        Term::has("_BOOT_ID", hex(boot).as_bytes())
    }

    /// What is asked of all entries for which these hold, as far as their data tell: perhaps of others, too.
    pub(super) fn of_conditions(conditions: &[Condition]) -> Self {
        let equal = |condition: &Condition| {
            let (CompareOp::Eq, field) = (condition.op, journal_name(&condition.field)?) else { return None };
            match &condition.constant {
                // A list is one text that no datum is.
                Constant::Text(text) if !text.starts_with(b"[") => Some(Term::has(field, text)),
                // Only what is written so is this number.
                Constant::Int(number) => Some(Term::has(field, number.to_string().as_bytes())),
                _ => None,
            }
        };
        Term::All(conditions.iter().filter_map(equal).collect())
    }

    /// The same in this file.
    ///
    /// # Errors
    /// What leads to a datum is damaged.
    pub(super) fn in_file(&self, file: &JournalFile, pages: &mut Pages, unpacker: &mut Unpacker) -> Result<Query, Damage> {
        let mut all = |terms: &[Term]| terms.iter().map(|term| term.in_file(file, pages, unpacker)).collect::<Result<Vec<_>, _>>();
        Ok(match self {
            Term::All(terms) => Query::All(all(terms)?),
            Term::Any(terms) => Query::Any(all(terms)?),
            // What is not there, no entry has.
            Term::Has(text) => file.find(pages, unpacker, text)?.map_or(Query::Any(Vec::new()), Query::Has),
        })
    }
}

/// Whether a name says what kind of unit it is of.
fn has_type(name: &str) -> bool {
    const TYPES: [&str; 11] = ["service", "socket", "target", "device", "mount", "automount", "swap", "timer", "path", "slice", "scope"];
    name.rsplit_once('.').is_some_and(|(_, kind)| TYPES.contains(&kind))
}

/// An id as it is written.
pub(super) fn hex(id: Id) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An id that is written so.
pub(super) fn id(text: &str) -> Option<Id> {
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    let is_id = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_id.then(|| u128::from_str_radix(&digits, 16).ok().map(u128::to_be_bytes)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_have_types() {
        let first = |term: Term| match term {
            Term::Any(any) => any.into_iter().next(),
            _ => None,
        };
        for (typed, is) in [("ssh", "ssh.service"), ("a.b", "a.b.service"), ("x.timer", "x.timer"), ("user.slice", "user.slice")] {
            assert_eq!(first(Term::unit(typed)), Some(Term::has("_SYSTEMD_UNIT", is.as_bytes())));
        }
    }

    #[test]
    fn what_conditions_tell() {
        let condition = |field: &str, op, constant| Condition { field: field.to_owned(), op, constant };
        let text = |text: &'static str| Constant::Text(text.as_bytes().into());
        let all = Term::of_conditions(&[
            condition("unit", CompareOp::Eq, text("a.service")),
            condition("priority", CompareOp::Eq, Constant::Int(3)),
            condition("X", CompareOp::Eq, text("y")),
            condition("time", CompareOp::Eq, text("y")),
            condition("X", CompareOp::Ne, text("z")),
            condition("X", CompareOp::Eq, Constant::Null),
        ]);
        let has = |text: &str| Term::Has(text.as_bytes().to_vec());
        assert_eq!(all, Term::All(vec![has("_SYSTEMD_UNIT=a.service"), has("PRIORITY=3"), has("X=y")]));
    }

    #[test]
    fn ids_are_hexadecimal() {
        let text = "00112233445566778899aabbccddeeff";
        assert_eq!(id(text).map(hex).as_deref(), Some(text));
        assert_eq!(id("00112233-4455-6677-8899-aabbccddeeff"), id(text));
        assert!(id("+0112233445566778899aabbccddeeff").is_none() && id("12").is_none());
    }
}
