"""Writes a stream of records, with an end that proves it whole."""

import struct
import time
from typing import Any, BinaryIO, Dict, Iterable, List, Optional, Sequence, Tuple, Type

from . import encode, ints, schema, values
from .columns import MISSING
from .frames import BATCH, END, ERROR, MAX_PAYLOAD, SCHEMA, Totals, header, preamble

#: More fields than this are not kept beyond those of the first batch: where each record has a key of its own, each batch would have
#: the columns of all before.
MOST_LATE = 1024
#: Records in a batch, if they come fast; if they do not, how long after the last batch the next one is written.
_BATCH_RECORDS, _BATCH_SECONDS = 4096, 0.1


class Writer:
    """A stream that is written to something open for writing bytes; end it with :meth:`end`.

    One that is not ended is known to every reader as incomplete: so it is found out that its writer died.
    """

    def __init__(self, stream: BinaryIO, source: str = "-") -> None:
        self._stream = stream
        self._source = source.encode("utf-8", "replace")
        self._totals = Totals()
        self._schema = schema.Schema((), True)
        self._is_announced = False
        self._first_fields = 0
        self._put(preamble())

    @property
    def records(self) -> int:
        """How many were written."""
        return self._totals.records

    def write(self, records: Sequence[Any]) -> None:
        """Writes these records as a batch, or as several where they are large.

        Raises :class:`TypeError` or :class:`ValueError` where one of them holds what is no value, or is larger than a frame.
        """
        if records:
            self._write(_Columns.of(records))

    def report(self, exit: int, message: str) -> None:
        """Tells the reader of a failure after which the stream goes on; ``exit`` is the code that it will lead to."""
        self._frame(ERROR, 0, struct.pack("<B", exit) + encode.sized(message.encode("utf-8", "replace")))

    def end(self, exit: int = 0, cause: str = "", rejected: int = 0) -> None:
        """Ends the stream and flushes it: with an exit code other than 0, the reader learns of a failure, and of its cause."""
        if not self._is_announced:
            self._announce_as(self._schema, 0)
        totals = self._totals
        said = struct.pack("<BQQIQ", exit, totals.frames, totals.records, totals.digest, rejected)
        self._frame(END, 0, said + encode.sized(cause.encode("utf-8", "replace")))
        self.flush()

    def flush(self) -> None:
        self._stream.flush()

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: object, trace: object) -> None:
        if kind is None:
            self.end()

    def _write(self, columns: "_Columns") -> None:
        if len(columns.names) <= schema.MAX_FIELDS:
            first = self._totals.records + 1
            encoded = {name: _column(name, values, first) for name, values in columns.items()}
            grown = self._grown({name: kind for name, (_, kind) in encoded.items()})
            payload = self._payload(grown, {name: data for name, (data, _) in encoded.items()}, columns.count, first)
            if len(payload) <= MAX_PAYLOAD:
                self._announce(grown)
                self._frame(BATCH, columns.count, payload)
                return
        if columns.count == 1:
            raise ValueError(f"a record of {len(columns.names)} fields, or of more than {MAX_PAYLOAD} bytes: no frame holds it")
        for half in columns.halves():
            self._write(half)

    def _payload(self, grown: schema.Schema, encoded: Dict[str, bytes], count: int, first: int) -> bytes:
        absent = encode.optional(encode.sized(b"\xff" * ((count + 7) // 8))) + struct.pack("<Q", 0)
        origin = struct.pack("<Q", first) + encode.sized(self._source) + struct.pack("<QQ", 0, 0)
        head = origin + encode.optional(ints.pack(range(count))) + encode.optional(None) + struct.pack("<Q", len(grown.fields))
        return b"".join([head, *[encoded.get(name, absent) for name in grown.names], encode.sized(b"")])

    def _grown(self, fields: Dict[str, int]) -> schema.Schema:
        """The schema with these fields in it, too."""
        known = set(self._schema.names)
        new = [schema.Field(name, kind, True) for name, kind in fields.items() if name not in known]
        if not new and self._is_announced:
            return self._schema
        most = self._first_fields + MOST_LATE if self._is_announced else schema.MAX_FIELDS
        if len(known) + len(new) <= min(most, schema.MAX_FIELDS):
            return schema.Schema([*self._schema.fields, *new], True)
        return schema.Schema([schema.Field(name, kind, True) for name, kind in fields.items()], True)

    def _announce(self, grown: schema.Schema) -> None:
        if grown is not self._schema:
            kept = len(self._schema.fields)
            self._announce_as(grown, kept if grown.fields[:kept] == self._schema.fields else 0)

    def _announce_as(self, new: schema.Schema, kept: int) -> None:
        if not kept:
            self._first_fields = len(new.fields)
        self._frame(SCHEMA, 0, schema.encode(new, kept))
        self._schema, self._is_announced = new, True

    def _frame(self, kind: int, records: int, payload: bytes) -> None:
        head = header(kind, 0, records, payload, self._totals.frames)
        self._put(head + payload)
        self._totals.add(head, records)

    def _put(self, data: bytes) -> None:
        # A raw stream may take less than it is given.
        left = memoryview(data)
        while left:
            left = left[self._stream.write(left) or 0 :]


def _column(name: str, values: Sequence[Any], first: int) -> Tuple[bytes, int]:
    try:
        return encode.column(values)
    except ValueError as error:
        raise ValueError(f"in the field `{name}` of the records from {first} on: {error}") from None


class _Columns:
    """The names of all fields of some records, in the order in which they come, and the values of each."""

    def __init__(self, names: List[str], columns: List[Sequence[Any]], count: int) -> None:
        self.names, self.columns, self.count = names, columns, count

    @classmethod
    def of(cls, records: Sequence[Any]) -> "_Columns":
        found = cls._of_dicts(records) if all(type(record) is dict for record in records) else None
        if found is not None and all(type(name) is str for name in found.names):
            if all(encode.CLASSES.issuperset(map(type, column)) for column in found.columns):
                return found
        return cls._of_dicts(list(map(values.flat, records)))

    @classmethod
    def _of_dicts(cls, records: Sequence[Dict[str, Any]]) -> "_Columns":
        keys = records[0].keys()
        if all(record.keys() == keys for record in records):
            return cls(list(keys), [[record[name] for record in records] for name in keys], len(records))
        names = list(dict.fromkeys(name for record in records for name in record))
        return cls(names, [[record.get(name, MISSING) for record in records] for name in names], len(records))

    def items(self) -> Iterable[Tuple[str, Sequence[Any]]]:
        return zip(self.names, self.columns)

    def halves(self) -> Iterable["_Columns"]:
        """The same records in two, each without the fields that none of its records has."""
        half = self.count // 2
        for rows in (slice(0, half), slice(half, self.count)):
            some = [(name, column[rows]) for name, column in self.items()]
            some = [(name, column) for name, column in some if any(value is not MISSING for value in column)]
            yield _Columns([name for name, _ in some], [column for _, column in some], len(range(self.count)[rows]))


def dump(records: Iterable[Any], stream: BinaryIO, source: str = "-") -> int:
    """Writes records as a stream with a proven end; how many there were.

    A record is a dict; in it are ``None``, bools, ints of up to 128 bits, floats, text, bytes, and times (without an offset they are in
    UTC). Dicts in it become fields ``a.b``, lists JSON text; :func:`recpipe.values.plain` says what else there may be. Records may have
    different fields, and the values of a field different types. ``source`` is what a consumer's messages call the stream.

    Records that come slowly are written as they come, those that come fast many at a time. Where iterating fails, so does this, and the
    stream has no end: its reader knows that it is incomplete.
    """
    writer = Writer(stream, source)
    some: List[Any] = []
    due = time.monotonic()
    for record in records:
        some.append(record)
        if len(some) >= _BATCH_RECORDS or time.monotonic() >= due:
            writer.write(some)
            writer.flush()
            some.clear()
            due = time.monotonic() + _BATCH_SECONDS
    writer.write(some)
    writer.end()
    return writer.records
