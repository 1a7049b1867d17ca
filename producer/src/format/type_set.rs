//! The types that the values of a field have in a sample.

use recpipe::record::{Column, Type};

/// A set of types; null is none of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct TypeSet(u8);

const ALL: [Type; 5] = [Type::Bool, Type::Int, Type::Float, Type::Time, Type::Text];

impl TypeSet {
    /// The types of these values.
    pub(crate) fn of(column: &Column) -> Self {
        let mut kinds = TypeSet::default();
        column.parts().iter().for_each(|part| kinds.add(part.kind()));
        kinds
    }

    /// There is a value of this type.
    #[inline]
    pub(crate) fn add(&mut self, kind: Type) {
        self.0 |= ALL.iter().position(|known| *known == kind).map_or(0, |at| 1 << at);
    }

    /// The types of both.
    pub(crate) fn join(&mut self, other: TypeSet) {
        self.0 |= other.0;
    }

    /// Whether there is a value of this type.
    pub(crate) fn has(self, kind: Type) -> bool {
        ALL.iter().position(|known| *known == kind).is_some_and(|at| self.0 >> at & 1 == 1)
    }

    /// Whether there is no value.
    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The type that an open field is said to have: the only one, or [`Type::Mixed`].
    pub(crate) fn kind(self) -> Type {
        match self.0.count_ones() {
            1 => ALL[self.0.trailing_zeros() as usize],
            _ => Type::Mixed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_type_is_that_and_several_are_mixed() {
        let kind = |all: &[Type]| {
            let mut kinds = TypeSet::default();
            all.iter().for_each(|kind| kinds.add(*kind));
            assert!(all.iter().all(|kind| kinds.has(*kind) != (*kind == Type::Null)));
            (kinds.kind(), kinds.is_empty())
        };
        assert_eq!(kind(&[]), (Type::Mixed, true));
        assert_eq!(kind(&[Type::Null]), (Type::Mixed, true));
        assert_eq!(kind(&[Type::Text, Type::Null, Type::Text]), (Type::Text, false));
        assert_eq!(kind(&[Type::Int, Type::Float]), (Type::Mixed, false));
    }
}
