"""Typed record pipes in Python: reads and writes recpipe streams, and starts `producer` and `consumer`.

>>> import io
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

from .arrow import to_arrow, to_pandas
from .batch import Batch
from .errors import Corrupt, Error, Failed, Incomplete, NotAStream, ProgramFailed, Said, Unsupported
from .programs import consumer, producer
from .reader import Ending, Reader, Report, records
from .stage import Stage, stage
from .times import Time, from_nanos, to_nanos
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
