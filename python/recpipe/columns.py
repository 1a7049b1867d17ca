"""A column of a batch: the parts of its values by type, and which records do not have the field at all."""

from itertools import repeat
from typing import Any, Iterable, List, Optional

from . import bits, parts, schema
from .cursor import Cursor
from .errors import Malformed

#: One for each type of values.
MOST_PARTS = 5


class _Missing:
    """What stands for the value of a field that a record does not have."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING = _Missing()


class Column:
    """One value for each record, ``None`` where it is null, :data:`MISSING` where there is none."""

    __slots__ = ("missing", "parts", "is_absent")

    def __init__(self, cursor: Cursor, count: int) -> None:
        self.missing: Optional[bytes] = cursor.bitmap(count)
        number = cursor.u64()
        if number > MOST_PARTS:
            raise Malformed(f"a column of {number} parts; the limit is {MOST_PARTS}")
        self.parts: List[parts.Part] = [parts.part(cursor, count) for _ in range(number)]
        everyone = (1 << count) - 1
        missing = 0 if self.missing is None else bits.number(self.missing, count)
        #: Whether no record has the field.
        self.is_absent = count > 0 and missing == everyone
        if not missing:
            self.missing = None
        self._judge(missing, everyone, count)

    def _judge(self, missing: int, everyone: int, count: int) -> None:
        types = [part.type for part in self.parts]
        if len(set(types)) < len(types):
            raise Malformed("two parts are of one type")
        if len(types) < 2 and not missing:
            return
        seen = 0
        for part in self.parts:
            present = everyone if part.nulls is None else everyone & ~bits.number(part.nulls, count)
            if seen & present:
                raise Malformed("two parts have a value in one record")
            seen |= present
        if seen & missing:
            raise Malformed("a record that does not have the field has a value in it")

    def suits(self, field: schema.Field) -> None:
        """Whether what a closed field promises holds."""
        if field.takes_any or not self.parts:
            return
        if len(self.parts) > 1:
            raise Malformed(f"it is mixed, its field {schema.TYPES[field.type]}")
        if self.parts[0].type != field.type:
            raise Malformed(f"it is {schema.TYPES[self.parts[0].type]}, its field {schema.TYPES[field.type]}")
        if self.parts[0].is_wide:
            raise Malformed("it is of ints beyond 64 bits, its field is not open")

    def lie_in(self, block: parts.Block) -> None:
        """The block that views lie in, which comes last of a batch."""
        for part in self.parts:
            if isinstance(part, parts.Texts):
                part.lie_in(block)

    def values(self, low: int, high: int) -> Iterable[Any]:
        """The values of the records from ``low`` to before ``high``."""
        values: Iterable[Any] = repeat(None, high - low)
        for part in self.parts:
            own = part.values(low, high)
            values = own if part.nulls is None else _merged(own, values, bits.flags(part.nulls, low, high))
        if self.missing is not None:
            values = _merged(values, repeat(MISSING), bits.flags(self.missing, low, high))
        return values


def _merged(values: Iterable[Any], others: Iterable[Any], flags: bytes) -> List[Any]:
    """The values, and the others where there is a flag."""
    return [other if flag else value for value, other, flag in zip(values, others, flags)]
