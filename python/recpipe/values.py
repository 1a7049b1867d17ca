"""What the values of Python are in a record: null, bool, int, float, time or text."""

import dataclasses
import datetime as dt
import decimal
import json
import math
import uuid
from typing import Any, Dict, Mapping, Optional

from . import schema, times

#: The field of a record that is no dict.
VALUE = "value"

_NONE = type(None)
#: The classes whose instances are values as they are; those of any other are made one of these by :func:`plain`.
TYPES: Dict[type, int] = {
    _NONE: schema.NULL,
    bool: schema.BOOL,
    int: schema.INT,
    float: schema.FLOAT,
    dt.datetime: schema.TIME,
    times.Time: schema.TIME,
    str: schema.TEXT,
    bytes: schema.TEXT,
}


def plain(value: Any) -> Any:
    """The value of a field as one of :data:`TYPES`.

    A list, tuple or set is JSON text, as lists of JSON are in a stream; a date, time of day, ``Decimal`` and ``UUID`` its text; a
    ``timedelta`` its seconds; a scalar of numpy the value it holds. Raises :class:`TypeError` for any other.
    """
    kind = type(value)
    if kind in TYPES:
        return value
    for base in (int, float):
        if isinstance(value, base):
            return base(value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, dt.datetime):
        # The one of pandas that is no time is not equal to itself.
        return value if value == value else None
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    if isinstance(value, (list, tuple, set, frozenset)):
        return json.dumps(_jsonable(value), ensure_ascii=False, separators=(",", ":"))
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    if isinstance(value, dt.timedelta):
        return value.total_seconds()
    if isinstance(value, (decimal.Decimal, uuid.UUID)):
        return str(value)
    item = getattr(value, "item", None)
    if callable(item):
        held = item()
        if type(held) in TYPES:
            return held
    raise TypeError(f"a {kind.__name__} is no value of a record")


def _jsonable(value: Any) -> Any:
    """The same for JSON, which has no NaN, no bytes and no times."""
    if isinstance(value, (list, tuple)):
        return [_jsonable(each) for each in value]
    if isinstance(value, (set, frozenset)):
        return sorted((_jsonable(each) for each in value), key=repr)
    if isinstance(value, Mapping):
        return {_name(key): _jsonable(each) for key, each in value.items()}
    value = plain(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dt.datetime):
        return value.isoformat()
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value


def _name(key: Any) -> str:
    if not isinstance(key, str):
        raise TypeError(f"the name of a field is a str, not {type(key).__name__}: {key!r}")
    return key


def _as_mapping(record: Any) -> Optional[Mapping[Any, Any]]:
    if isinstance(record, Mapping):
        return record
    if hasattr(record, "_asdict"):
        named: Mapping[Any, Any] = record._asdict()
        return named
    if dataclasses.is_dataclass(record) and not isinstance(record, type):
        return {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}
    return None


def flat(record: Any) -> Dict[str, Any]:
    """A record as a dict of plain values: what is in dicts in it has their names before its own, ``a.b``.

    A named tuple or an instance of a dataclass is a dict of its fields, and what is none has the one field ``value``.
    """
    fields: Dict[str, Any] = {}
    mapping = _as_mapping(record)
    _flatten(mapping if mapping is not None else {VALUE: record}, "", fields)
    return fields


def _flatten(record: Mapping[Any, Any], before: str, into: Dict[str, Any]) -> None:
    for key, value in record.items():
        name = before + _name(key)
        mapping = _as_mapping(value) if type(value) not in TYPES else None
        if mapping is not None:
            _flatten(mapping, name + ".", into)
        elif name in into:
            raise ValueError(f"there are two ways to the field `{name}`")
        else:
            try:
                into[name] = plain(value)
            except TypeError as error:
                raise TypeError(f"in the field `{name}`: {error}") from None
