"""Stages in Python: programs between two others, whose input and output are records.

    import recpipe

    @recpipe.stage
    def big(records):
        for record in records:
            if record["bytes"] and record["bytes"] > 1_000_000:
                yield record

    if __name__ == "__main__":
        big.run()

is a stage ``producer apache access.log | python3 big.py | consumer 'count by host'``.
"""

import contextlib
import functools
import os
import pickle
import sys
import traceback
from typing import Any, BinaryIO, Callable, Iterable, Iterator, List, NoReturn, Optional, Tuple

from .errors import Error, Failed
from .frames import MAGIC
from .reader import Reader
from .values import flat
from .writer import Writer

_INCOMPLETE = 3
#: Pickles are written as `producer --as pickle` does, for any Python.
_PICKLE_PROTOCOL = 2
_BATCH_RECORDS = 4096


class Stage:
    """A function from records to records, which :meth:`run` makes a program; called, it is the function itself."""

    def __init__(self, function: Callable[[Iterator[Any]], Iterable[Any]]) -> None:
        functools.update_wrapper(self, function)
        self._function = function

    def __call__(self, records: Iterable[Any]) -> Iterator[Any]:
        return iter(self._function(iter(records)))

    def run(self, stdin: Optional[BinaryIO] = None, stdout: Optional[BinaryIO] = None) -> NoReturn:
        """Reads records from standard input, writes what the function gives to standard output, and exits.

        Input that begins as a recpipe stream is one, and so is the output; any other is a series of pickles, as `producer --as pickle`
        writes them and `consumer --as pickle` reads them, and so is the output. What the function prints goes to standard error.

        The exit code is 0, also when nobody reads the output any more; 3 where the input is cut or corrupt, its own where it tells of a
        failed producer, and 1 where the function fails. An output that is a stream tells its reader of it.

        A pickle may run any code when it is loaded: read only those of your own programs.
        """
        source = stdin or open(0, "rb", closefd=False)
        target = stdout or open(1, "wb", closefd=False)
        try:
            with contextlib.redirect_stdout(sys.stderr):
                begins = source.peek(1)[:1]  # type: ignore[attr-defined]
                code = (self._stream if begins == MAGIC[:1] else self._pickles)(source, target)
            target.flush()
        except BrokenPipeError:
            code = 0
            # What is left in the buffer is nobody's: the interpreter would flush it, and complain.
            os.dup2(os.open(os.devnull, os.O_WRONLY), target.fileno())
        sys.exit(code)

    def _stream(self, source: BinaryIO, target: BinaryIO) -> int:
        reader = Reader(source)
        writer = Writer(target)
        waiting: List[Any] = []

        def records() -> Iterator[Any]:
            for batch in reader.batches():
                yield from batch
                # What was made of a batch goes on before the next is waited for.
                send()

        def send() -> None:
            some = waiting.copy()
            waiting.clear()
            writer.write(some)
            writer.flush()

        try:
            for record in self(records()):
                waiting.append(record)
                if len(waiting) >= _BATCH_RECORDS:
                    send()
            send()
        except BrokenPipeError:
            raise
        except Exception as error:
            code, cause = _told(error)
            send()
            writer.end(code, cause)
            return code
        rejected = reader.ending.rejected if reader.ending else 0
        writer.end(rejected=rejected)
        return 0

    def _pickles(self, source: BinaryIO, target: BinaryIO) -> int:
        try:
            for record in self(_unpickled(source)):
                pickle.dump(flat(record), target, _PICKLE_PROTOCOL)
        except BrokenPipeError:
            raise
        except Exception as error:
            return _told(error)[0]
        return 0


def _told(error: Exception) -> Tuple[int, str]:
    """The exit code that an error leads to, and its cause; it is told on standard error, where it is the stage's with its traceback."""
    if isinstance(error, Error):
        sys.stderr.write(f"{error}\n")
        return (error.exit if isinstance(error, Failed) else _INCOMPLETE), str(error)
    traceback.print_exc()
    return 1, f"{type(error).__name__}: {error}"


def _unpickled(source: BinaryIO) -> Iterator[Any]:
    while source.peek(1):  # type: ignore[attr-defined]
        yield pickle.load(source)


def stage(function: Callable[[Iterator[Any]], Iterable[Any]]) -> Stage:
    """Makes a function that takes an iterator of records and gives records, a generator most often, a :class:`Stage`.

    >>> @stage
    ... def doubled(records):
    ...     for record in records:
    ...         yield {**record, "n": 2 * record["n"]}
    >>> list(doubled([{"n": 1}, {"n": 2}]))
    [{'n': 2}, {'n': 4}]
    """
    return Stage(function)
