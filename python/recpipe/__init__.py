"""Typed record pipes in Python: reads and writes recpipe streams, and starts `producer` and `consumer`.

>>> import io
>>> from recpipe import dump, records
>>> stream = io.BytesIO()
>>> dump([{"host": "10.0.0.1", "bytes": 512}, {"host": "10.0.0.2", "bytes": None}], stream)
2
>>> start = stream.seek(0)
>>> for record in records(stream):
...     print(record)
{'host': '10.0.0.1', 'bytes': 512}
{'host': '10.0.0.2', 'bytes': None}

`README.md` beside the package shows the rest.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, List

from .batch import Batch
from .errors import Corrupt, Error, Failed, Incomplete, NotAStream, ProgramFailed, Said, Unsupported
from .reader import Ending, Reader, Report, records
from .times import Time, from_nanos, to_nanos

if TYPE_CHECKING:
    from .arrow import to_arrow, to_pandas
    from .programs import consumer, producer
    from .stages import Stage, stage
    from .writer import Writer, dump

__all__ = [
    "Batch",
    "Corrupt",
    "Ending",
    "Error",
    "Failed",
    "Incomplete",
    "NotAStream",
    "ProgramFailed",
    "Reader",
    "Report",
    "Said",
    "Stage",
    "Time",
    "Unsupported",
    "Writer",
    "consumer",
    "dump",
    "from_nanos",
    "producer",
    "records",
    "stage",
    "to_arrow",
    "to_nanos",
    "to_pandas",
]
__version__ = "0.1.0"

#: What a program that reads a stream has no need of is imported when it is named: it would take as long as reading 10,000 records.
_LATER = {
    "Stage": "stages",
    "Writer": "writer",
    "consumer": "programs",
    "dump": "writer",
    "producer": "programs",
    "stage": "stages",
    "to_arrow": "arrow",
    "to_pandas": "arrow",
}


def __getattr__(name: str) -> Any:
    if name in _LATER.values():
        return import_module(f".{name}", __name__)
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f".{_LATER[name]}", __name__), name)
    return found


def __dir__() -> List[str]:
    return sorted({*globals(), *__all__})
