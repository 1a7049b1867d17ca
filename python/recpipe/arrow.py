"""Streams and records as tables of pyarrow and pandas, where these are installed."""

from typing import TYPE_CHECKING, Any, BinaryIO, Dict, Iterable, Iterator, List, Tuple, Union, cast

from . import ints, schema, times, values
from .batch import Record
from .reader import Reader

if TYPE_CHECKING:
    import pandas
    import pyarrow

_BATCH_RECORDS = 65_536


def to_arrow(source: Union[BinaryIO, Iterable[Record]]) -> "pyarrow.Table":
    """All records of a stream, or of an iterable, as a table of pyarrow.

    | values of a field | type of its column |
    | --- | --- |
    | bools, ints of 64 bits, floats, text | ``bool``, ``int64``, ``double``, ``string`` |
    | ints of more bits | ``decimal128(38, 0)``; text where one has more than 38 digits |
    | ints and floats | ``double`` |
    | times | ``timestamp[ns, UTC]``: the moment; the offset is not in it |
    | of several types besides | ``string`` |
    | none | ``null`` |

    Text that is not UTF-8 has U+FFFD in place of what is not. What is missing is null. Raises whatever reading the stream raises, and
    :class:`ImportError` where there is no pyarrow.
    """
    import pyarrow

    columns: Dict[str, List[Any]] = {}
    count = 0
    for some, size in _columns(source):
        for name, column in some.items():
            columns.setdefault(name, [None] * count).extend(column)
        count += size
        for column in columns.values():
            column.extend([None] * (count - len(column)))
    # `pyarrow.table` of no columns has no rows, whatever there were.
    return pyarrow.table({name: _array(column) for name, column in columns.items()})


def to_pandas(source: Union[BinaryIO, Iterable[Record]]) -> "pandas.DataFrame":
    """The same as a data frame of pandas: :func:`to_arrow` says which types its columns have."""
    return to_arrow(source).to_pandas()


def _columns(source: Union[BinaryIO, Iterable[Record]]) -> Iterator[Tuple[Dict[str, List[Any]], int]]:
    if hasattr(source, "read"):
        for batch in Reader(cast(BinaryIO, source)).batches():
            for some in batch.columns_by_name():
                yield some, len(next(iter(some.values()), []))
        return
    for record in source:
        yield {name: [value] for name, value in values.flat(record).items()}, 1


def _array(column: List[Any]) -> "pyarrow.Array":
    import pyarrow

    kinds = {values.TYPES.get(of, schema.TIME) for of in set(map(type, column))} - {schema.NULL}
    if not kinds:
        return pyarrow.nulls(len(column))
    if kinds == {schema.TIME}:
        nanos = [None if time is None else times.to_nanos(time) for time in column]
        return pyarrow.array(nanos, pyarrow.timestamp("ns", "UTC"))
    if kinds == {schema.INT}:
        present = [value for value in column if value is not None]
        least, most = min(present), max(present)
        if ints.MIN <= least and most <= ints.MAX:
            return pyarrow.array(column, pyarrow.int64())
        if max(-least, most) < 10**38:
            return pyarrow.array(column, pyarrow.decimal128(38, 0))
    of = {frozenset({schema.BOOL}): pyarrow.bool_(), frozenset({schema.FLOAT}): pyarrow.float64()}.get(frozenset(kinds))
    if of is None and kinds == {schema.INT, schema.FLOAT}:
        of, column = pyarrow.float64(), [None if value is None else float(value) for value in column]
    if of is not None:
        return pyarrow.array(column, of)
    return pyarrow.array([None if value is None else _text(value) for value in column], pyarrow.string())


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value.isoformat()) if hasattr(value, "isoformat") else str(value)
