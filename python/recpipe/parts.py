"""The values of one type in a column, in each of the forms that they have on the wire."""

import struct
from itertools import repeat
from operator import add
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Tuple

from . import schema, times
from .cursor import Cursor
from .errors import Malformed
from .ints import MAX, Ints


class Text:
    """Bytes that texts lie in. They are decoded at once, a character a byte, so that the places in them stay the same."""

    __slots__ = ("size", "chars", "is_ascii")

    def __init__(self, data: bytes) -> None:
        self.size = len(data)
        self.chars = data.decode("latin-1")
        self.is_ascii = data.isascii()

    def texts(self, starts: Iterable[int], ends: Iterable[int]) -> List[str]:
        chars = self.chars
        texts = [chars[start:end] for start, end in zip(starts, ends)]
        if self.is_ascii:
            return texts
        return [text if text.isascii() else text.encode("latin-1").decode("utf-8", "surrogateescape") for text in texts]


class Block:
    """What the views of a batch share: its text, and where each record begins in it."""

    __slots__ = ("text", "anchors", "_rows", "_begins")

    def __init__(self, text: Text, anchors: Optional[Ints]) -> None:
        self.text, self.anchors = text, anchors
        self._rows, self._begins = (0, 0), [0][:0]

    def begins(self, low: int, high: int) -> Sequence[int]:
        """Where the records from ``low`` to before ``high`` begin; unpacked once for all columns."""
        if self._rows != (low, high) and self.anchors is not None:
            self._rows, self._begins = (low, high), list(self.anchors.values(low, high))
        return self._begins


class Part:
    """The values of one type; ``nulls`` says which records have none."""

    type: int
    nulls: Optional[bytes] = None
    is_wide = False

    def values(self, low: int, high: int) -> Iterable[Any]:
        """One value for each record from ``low`` to before ``high``; where there is none, any."""
        raise NotImplementedError

    def text_bytes(self, low: int, high: int, exact: bool) -> int:
        """No more bytes of text than these are in the values; with ``exact``, so many."""
        return 0


class Bools(Part):
    def __init__(self, cursor: Cursor, count: int) -> None:
        self.type, self.ints = schema.BOOL, Ints(cursor, count)

    def values(self, low: int, high: int) -> Iterable[bool]:
        return map(bool, self.ints.values(low, high))


class Whole(Part):
    def __init__(self, cursor: Cursor, count: int) -> None:
        self.type, self.ints = schema.INT, Ints(cursor, count)

    def values(self, low: int, high: int) -> Iterable[int]:
        return self.ints.values(low, high)


class Wide(Part):
    is_wide = True

    def __init__(self, cursor: Cursor, count: int) -> None:
        self.type = schema.INT
        self.high, self.low = Ints(cursor, count), Ints(cursor, count)

    def values(self, low: int, high: int) -> Iterable[int]:
        pairs = zip(self.high.values(low, high), self.low.values(low, high))
        return (upper << 64 | lower & (1 << 64) - 1 for upper, lower in pairs)


class Floats(Part):
    def __init__(self, cursor: Cursor, count: int) -> None:
        self.type, self.ints = schema.FLOAT, Ints(cursor, count)

    def values(self, low: int, high: int) -> Iterable[float]:
        if not self.ints.width:
            value: float = struct.unpack("<d", struct.pack("<q", self.ints.base))[0]
            return repeat(value, high - low)
        floats: Tuple[float, ...] = struct.unpack(f"<{high - low}d", struct.pack(f"<{high - low}q", *self.ints.values(low, high)))
        return floats


class Times(Part):
    def __init__(self, cursor: Cursor, count: int) -> None:
        self.type = schema.TIME
        self.nanos, self.offsets = Ints(cursor, count), Ints(cursor, count)

    def values(self, low: int, high: int) -> Iterable[Any]:
        return map(times.from_nanos, self.nanos.values(low, high), self.offsets.values(low, high))


def _is_never_negative(ints: Ints) -> bool:
    """Whether that can be told without looking at each."""
    return ints.base >= 0 and ints.most <= MAX


class Texts(Part):
    """Texts that lie in bytes of their own, or, as views, in the block that all views share."""

    def __init__(self, cursor: Cursor, count: int, is_view: bool) -> None:
        self.type, self.is_view = schema.TEXT, is_view
        self.starts, self.lengths = Ints(cursor, count), Ints(cursor, count)
        self.block = Block(Text(b"" if is_view else cursor.sized()), None)

    def lie_in(self, block: Block) -> None:
        """The block that views lie in, which comes last of a batch."""
        if self.is_view:
            if block.anchors is None:
                raise Malformed("views without anchors")
            self.block = block

    def _is_constant(self) -> bool:
        anchors = self.block.anchors
        return not (self.starts.width or self.lengths.width or (anchors is not None and anchors.width))

    def _texts(self, low: int, high: int) -> List[str]:
        text, anchors = self.block.text, self.block.anchors
        starts, lengths = self.starts.values(low, high), self.lengths.values(low, high)
        if anchors is not None:
            starts = list(map(add, self.block.begins(low, high), starts))
        elif not self.starts.width:
            starts = list(starts)
        ends = list(map(add, starts, lengths))
        all_starts = [self.starts] if anchors is None else [anchors, self.starts]
        begins_within = all(map(_is_never_negative, all_starts)) or min(starts) >= 0
        if not begins_within or max(ends) > text.size or not (_is_never_negative(self.lengths) or min(self.lengths.values(low, high)) >= 0):
            raise Malformed("a text lies outside its bytes")
        return text.texts(starts, ends)

    def values(self, low: int, high: int) -> Iterable[str]:
        """As of every part; raises :class:`Malformed` where one of them lies outside its bytes."""
        if self._is_constant():
            return repeat(self._texts(low, low + 1)[0], high - low)
        return self._texts(low, high)

    def text_bytes(self, low: int, high: int, exact: bool) -> int:
        if self._is_constant():
            return self.lengths.base
        return sum(self.lengths.values(low, high)) if exact else self.lengths.most * (high - low)


def _views(cursor: Cursor, count: int) -> Part:
    return Texts(cursor, count, True)


def _texts(cursor: Cursor, count: int) -> Part:
    return Texts(cursor, count, False)


FORMS: Dict[int, Callable[[Cursor, int], Part]] = {0: Bools, 1: Whole, 2: Wide, 3: Floats, 4: Times, 5: _views, 6: _texts}


def part(cursor: Cursor, count: int) -> Part:
    """The next part of a column."""
    nulls = cursor.bitmap(count)
    form = cursor.u32()
    if form not in FORMS:
        raise Malformed(f"a part of the unknown form {form}")
    found = FORMS[form](cursor, count)
    found.nulls = nulls
    return found
