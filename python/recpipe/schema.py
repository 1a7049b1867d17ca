"""Schemas: the names and types of the fields of batches that follow."""

import struct
from typing import List, NamedTuple, Optional, Sequence, Tuple

from .cursor import Cursor
from .errors import Malformed

NULL, BOOL, INT, FLOAT, TIME, TEXT, MIXED = range(7)
TYPES = ("null", "bool", "int", "float", "time", "text", "mixed")
_OPEN = 0x80

MAX_FIELDS = 65_536
MAX_NAME_BYTES = 4096
MAX_SCHEMAS = 1024
MAX_SCHEMA_BYTES = 16 << 20


class Field(NamedTuple):
    """A name and a type; where the field is open, values of other types may come, too."""

    name: str
    type: int
    open: bool

    @property
    def takes_any(self) -> bool:
        return self.open or self.type == MIXED


class Schema:
    """The fields of records, in order."""

    __slots__ = ("fields", "names", "grows", "size")

    def __init__(self, fields: Sequence[Field], grows: bool, size: int = 0) -> None:
        self.fields = tuple(fields)
        self.names: Tuple[str, ...] = tuple(field.name for field in self.fields)
        #: Whether further fields may come behind these.
        self.grows = grows
        #: The bytes of the payloads that announced it.
        self.size = size
        if len(self.fields) > MAX_FIELDS:
            raise Malformed(f"{len(self.fields)} fields; the limit is {MAX_FIELDS}")
        if len(set(self.names)) != len(self.names):
            twice = next(name for i, name in enumerate(self.names) if name in self.names[:i])
            raise Malformed(f"the field `{twice}` stands twice")
        for name in self.names:
            if len(name) > MAX_NAME_BYTES or len(name.encode("utf-8")) > MAX_NAME_BYTES:
                raise Malformed(f"a field name of {len(name)} characters; the limit is {MAX_NAME_BYTES} bytes")


def decode(payload: bytes, old: Optional[Schema]) -> Schema:
    """The schema that takes the place of ``old``."""
    cursor = Cursor(payload)
    grows = cursor.flag()
    count = cursor.u64()
    if count > MAX_FIELDS:
        raise Malformed(f"{count} fields; the limit is {MAX_FIELDS}")
    fields: List[Field] = []
    for _ in range(count):
        name, kind = cursor.string(), cursor.u8()
        if kind & ~_OPEN > MIXED:
            raise Malformed(f"a field of the unknown type {kind & ~_OPEN}")
        fields.append(Field(name, kind & ~_OPEN, bool(kind & _OPEN)))
    kept = cursor.u32()
    cursor.end()
    if kept > (len(old.fields) if old else 0):
        raise Malformed("a schema keeps fields that there are not")
    before = old.fields[:kept] if old else ()
    size = len(payload) + (old.size if old and kept else 0)
    return Schema([*before, *fields], grows, size)


def encode(schema: Schema, kept: int) -> bytes:
    """The payload that announces a schema, whose first ``kept`` fields are those of the one that has its number."""
    pieces = [struct.pack("<BQ", schema.grows, len(schema.fields) - kept)]
    for field in schema.fields[kept:]:
        name = field.name.encode("utf-8")
        pieces += [struct.pack("<Q", len(name)), name, struct.pack("<B", field.type | (_OPEN if field.open else 0))]
    return b"".join(pieces) + struct.pack("<I", kept)
