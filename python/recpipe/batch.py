"""Batches: payloads taken apart into columns, and columns made into records."""

from functools import lru_cache
from itertools import chain, repeat
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Tuple

from . import parts
from .columns import MISSING, Column
from .cursor import Cursor
from .errors import Malformed
from .frames import Header
from .ints import Ints
from .schema import Schema

MAX_RECORDS = 1 << 20
#: Records are made of so many values at a time, and of so much text: what a frame says in few bytes may be large in memory.
CELLS = 1 << 16
TEXT_BYTES = 64 << 20

#: Of records with more fields, the source text would be longer than it is worth.
MOST_COMPILED = 200

Record = Dict[str, Any]


@lru_cache(maxsize=64)
def _record(names: Tuple[str, ...]) -> Callable[..., Record]:
    """Makes a record of a value for each of these names.

    It is compiled, as ``namedtuple`` compiles its own: that is twice as fast as ``dict(zip(names, values))``. Whatever a name is, its
    ``repr`` is a literal, so no name is ever code.

    >>> _record(("a b", "'"))(1, 2)
    {'a b': 1, "'": 2}
    """
    values = [f"_{place}" for place in range(len(names))]
    pairs = ", ".join(f"{name!r}: {value}" for name, value in zip(names, values))
    made: Callable[..., Record] = eval(f"lambda {', '.join(values)}: {{{pairs}}}", {})
    return made


class Batch:
    """Some records of one schema; they are made when they are asked for, and what is found wrong only then is :class:`Corrupt`, too."""

    def __init__(self, header: Header, payload: bytes, schema: Optional[Schema]) -> None:
        self._header = header
        with header.judged():
            if schema is None:
                raise Malformed(f"a batch of schema number {header.schema} before that was announced")
            self._decode(payload, schema, header.records)

    def _decode(self, payload: bytes, schema: Schema, count: int) -> None:
        if count > MAX_RECORDS:
            raise Malformed(f"a batch of {count} records; the limit is {MAX_RECORDS}")
        cursor = Cursor(payload)
        #: Its fields, and how many records it has.
        self.schema, self.count = schema, count
        #: On which line its origin begins, 0 where that is not known; what the origin is, and its bytes there.
        self.line, self.source = cursor.u64(), cursor.string()
        self.start, self.end = cursor.u64(), cursor.u64()
        told = cursor.u8()
        if told > 4:
            raise Malformed(f"places of the unknown kind {told}")
        lines = Ints(cursor, count) if told in (1, 2, 4) else None
        # In case that somebody asks, which is not said.
        self._lines = None if told == 4 else lines
        if told in (2, 4):
            Ints(cursor, count)
        anchors = Ints(cursor, count) if cursor.flag() else None
        number = cursor.u64()
        if number != len(schema.fields):
            raise Malformed(f"{number} columns for {len(schema.fields)} fields")
        self.columns: List[Column] = []
        for field in schema.fields:
            try:
                column = Column(cursor, count)
                column.suits(field)
            except Malformed as error:
                raise Malformed(f"in the column `{field.name}`: {error}") from None
            self.columns.append(column)
        block = parts.Block(parts.Text(cursor.sized()), anchors)
        cursor.end()
        for field, column in zip(schema.fields, self.columns):
            try:
                column.lie_in(block)
            except Malformed as error:
                raise Malformed(f"in the column `{field.name}`: {error}") from None

    def __len__(self) -> int:
        return self.count

    def place(self, row: int) -> str:
        """Where a record came from, for people: file and line."""
        if self._lines is None or not self.line:
            return self.source
        line, = self._lines.values(row, row + 1)
        return f"{self.source}:{self.line + line}"

    def _pieces(self) -> Iterator[Tuple[int, int]]:
        """From which to before which record they are made at a time."""
        rows = max(1, CELLS // max(1, len(self.columns)))
        rows -= rows % 8 if rows > 8 else 0
        waiting = [(low, min(low + rows, self.count)) for low in range(0, self.count, rows)][::-1]
        texts = [part for column in self.columns for part in column.parts if isinstance(part, parts.Texts)]
        while waiting:
            low, high = waiting.pop()
            if any(sum(text.text_bytes(low, high, exact) for text in texts) <= TEXT_BYTES for exact in (False, True)):
                yield low, high
            elif high - low == 1:
                raise Malformed(f"a record with more than {TEXT_BYTES} bytes of text")
            else:
                half = (low + high) // 2
                waiting += [(half, high), (low, half)]

    def columns_by_name(self) -> Iterator[Dict[str, List[Any]]]:
        """Some of the records at a time: the values of each field, ``None`` where it is null or missing."""
        with self._header.judged():
            for low, high in self._pieces():
                values = ((name, column.values(low, high)) for name, column in zip(self.schema.names, self.columns))
                yield {name: [None if value is MISSING else value for value in column] for name, column in values}

    def pieces(self) -> Iterator[Iterable[Record]]:
        """Some of the records at a time."""
        present = [(name, column) for name, column in zip(self.schema.names, self.columns) if column.parts or not column.is_absent]
        names = [name for name, _ in present]
        is_whole = all(column.missing is None for _, column in present)
        with self._header.judged():
            for low, high in self._pieces():
                if not names:
                    yield ({} for _ in range(low, high))
                    continue
                columns = [column.values(low, high) for _, column in present]
                if is_whole and len(names) <= MOST_COMPILED:
                    yield map(_record(tuple(names)), *columns)
                    continue
                rows = zip(*columns)
                if is_whole:
                    yield map(dict, map(zip, repeat(names), rows))
                else:
                    yield ({name: value for name, value in zip(names, row) if value is not MISSING} for row in rows)

    def __iter__(self) -> Iterator[Record]:
        """The records: each has the fields that it has, ``None`` where one is null."""
        return chain.from_iterable(self.pieces())
