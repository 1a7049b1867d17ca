"""Arrays of integers, as differences from a base in as few bytes as all of them need (``Ints`` of the wire format)."""

import struct
from itertools import repeat
from typing import Iterable, List, Sequence

from .cursor import Cursor
from .errors import Malformed

MIN, MAX = -(1 << 63), (1 << 63) - 1
_CODES = {1: "B", 2: "H", 4: "I", 8: "Q"}


def wrapped(number: int) -> int:
    """The number modulo 2 to the 64, as a signed one."""
    return (number - MIN & (1 << 64) - 1) + MIN


class Ints:
    """So many integers, where they lie in a payload."""

    __slots__ = ("data", "at", "count", "base", "width")

    def __init__(self, cursor: Cursor, count: int) -> None:
        self.base = cursor.i64()
        self.width = cursor.u8()
        size = cursor.u64()
        if (self.width and self.width not in _CODES) or size != count * self.width:
            raise Malformed("an array of numbers has not one number a record")
        self.data, self.at, self.count = cursor.data, cursor.skip(size), count

    @property
    def most(self) -> int:
        """No number is greater than this, nor less than the base, if this is no more than :data:`MAX`."""
        return self.base + (1 << 8 * self.width) - 1

    def differences(self, low: int, high: int) -> Sequence[int]:
        """Those of the rows from ``low`` to before ``high``; the width must not be 0."""
        form = f"<{high - low}{_CODES[self.width]}"
        return struct.unpack_from(form, self.data, self.at + low * self.width)

    def values(self, low: int, high: int) -> Iterable[int]:
        """The numbers of the rows from ``low`` to before ``high``."""
        base = self.base
        if not self.width:
            return repeat(base, high - low)
        differences = self.differences(low, high)
        if not base:
            if self.width < 8 or max(differences, default=0) <= MAX:
                return differences
        elif self.most <= MAX or base + max(differences, default=0) <= MAX:
            return [base + difference for difference in differences]
        return [wrapped(base + difference) for difference in differences]


def pack(values: Sequence[int]) -> bytes:
    """The array on the wire; all values must be of 64 bits."""
    base, most = min(values, default=0), max(values, default=0)
    width = next(width for width in (0, 1, 2, 4, 8) if most - base < 1 << 8 * width)
    data = b""
    if width:
        differences: List[int] = [value - base for value in values]
        data = struct.pack(f"<{len(differences)}{_CODES[width]}", *differences)
    return struct.pack("<qBQ", base, width, len(data)) + data
