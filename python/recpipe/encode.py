"""Columns of Python values to bytes, in the narrowest form that holds them."""

import datetime as dt
import struct
from itertools import accumulate
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from . import bits, ints, schema, times
from .columns import MISSING
from .values import TYPES

_WIDE_MIN, _WIDE_MAX = -(1 << 127), (1 << 127) - 1
_FORM = {name: struct.pack("<I", form) for form, name in enumerate(("bool", "int", "wide", "float", "time", "views", "text"))}
_MISSING = -1
_KINDS: Dict[type, int] = {**TYPES, type(MISSING): _MISSING}
#: The classes of values that may be in a column.
CLASSES = frozenset(_KINDS)


def optional(piece: Optional[bytes]) -> bytes:
    return b"\0" if piece is None else b"\1" + piece


def sized(piece: bytes) -> bytes:
    return struct.pack("<Q", len(piece)) + piece


def _bools(values: List[bool]) -> bytes:
    return _FORM["bool"] + ints.pack(values)


def _ints(values: List[int]) -> bytes:
    least, most = min(values), max(values)
    if ints.MIN <= least and most <= ints.MAX:
        return _FORM["int"] + ints.pack(values)
    if least < _WIDE_MIN or most > _WIDE_MAX:
        raise ValueError(f"the int {least if least < _WIDE_MIN else most} has more than 128 bits")
    high, low = [value >> 64 for value in values], [ints.wrapped(value) for value in values]
    return _FORM["wide"] + ints.pack(high) + ints.pack(low)


def _floats(values: List[float]) -> bytes:
    return _FORM["float"] + ints.pack(struct.unpack(f"<{len(values)}q", struct.pack(f"<{len(values)}d", *values)))


def _times(values: List[dt.datetime]) -> bytes:
    return _FORM["time"] + ints.pack(list(map(times.to_nanos, values))) + ints.pack(list(map(times.offset_s, values)))


def _encoded(text: Any) -> bytes:
    if isinstance(text, bytes):
        return text
    try:
        return bytes(text.encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError as error:
        raise ValueError(f"a text that is no Unicode: {error}") from None


def _texts(values: List[Any]) -> bytes:
    joined = "".join(values) if set(map(type, values)) == {str} else None
    if joined is not None and joined.isascii():
        lengths, data = list(map(len, values)), joined.encode("ascii")
    else:
        pieces = list(map(_encoded, values))
        lengths, data = list(map(len, pieces)), b"".join(pieces)
    starts = [0, *accumulate(lengths)][:-1]
    return _FORM["text"] + ints.pack(starts) + ints.pack(lengths) + sized(data)


_PARTS: Dict[int, Callable[[List[Any]], bytes]] = {
    schema.BOOL: _bools,
    schema.INT: _ints,
    schema.FLOAT: _floats,
    schema.TIME: _times,
    schema.TEXT: _texts,
}


def _kind(of: type) -> int:
    # A class derived from `datetime` is a time as it is: what else is none of these was made one.
    return _KINDS.get(of, schema.TIME)


def column(values: Sequence[Any]) -> Tuple[bytes, int]:
    """A column of plain values, ``MISSING`` among them, and the type of its field: mixed where there are several, or none."""
    kinds = set(map(_kind, set(map(type, values))))
    present = sorted(kinds - {_MISSING, schema.NULL})
    of = present[0] if len(present) == 1 else schema.MIXED
    if kinds == {of}:
        return b"\0" + struct.pack("<Q", 1) + b"\0" + _PARTS[of](list(values)), of
    row_kinds = [_kind(type(value)) for value in values]
    missing = sized(bits.pack([kind == _MISSING for kind in row_kinds])) if _MISSING in kinds else None
    parts: List[bytes] = []
    for kind in present:
        others = [other != kind for other in row_kinds]
        # Anything may stand where there is no value: one that takes no room.
        filler = values[others.index(False)]
        own = [filler if other else value for value, other in zip(values, others)]
        if kind == schema.TEXT:
            own = ["" if other else value for value, other in zip(values, others)]
        parts.append(optional(sized(bits.pack(others)) if any(others) else None) + _PARTS[kind](own))
    return optional(missing) + struct.pack("<Q", len(parts)) + b"".join(parts), of
