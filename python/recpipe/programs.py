"""Starts `producer` and `consumer`, and iterates over what they give."""

import os
import threading
from typing import IO, Any, Iterable, Iterator, Optional, Union

from .batch import Record
from .child import GRACE_SECONDS, Child, options
from .errors import Error
from .reader import Reader
from .writer import dump

Word = Union[str, "os.PathLike[str]"]


def producer(form: str, *words: Word, stdin: Optional[IO[bytes]] = None, **named: Any) -> Iterator[Record]:
    """The records that ``producer FORMAT WORDS…`` makes of files, directories and globs.

    Keywords are options: ``producer("apache", "access.log", grep="404", fields=["host", "status"])``. Without a path, and for ``"-"``,
    the program reads ``stdin``, or the standard input of this one. It is started when the first record is asked for, and whoever stops
    before the last ends it.

    Raises :class:`ProgramFailed` after the last record where its exit code is not 0, and :class:`FileNotFoundError` where there is no
    such program. What one that ends well says on standard error (lines that were no records) is a warning, :class:`Said`.
    """
    yield from _answer(Child(["producer", form, *options(named), *[os.fspath(word) for word in words]], stdin=stdin))


def consumer(query: str, records: Optional[Iterable[Any]] = None, stdin: Optional[IO[bytes]] = None, **named: Any) -> Iterator[Record]:
    """The answer of ``consumer QUERY`` to these records, as records: ``consumer("where status == 404 | count by host", rows)``.

    The records are written by :func:`dump`, on a thread: iterating over them must be safe there, and what goes wrong in it is raised
    here, after the answer so far. Without records, the program reads a stream from ``stdin``, or what an option names:
    ``consumer("count", from_="today.rec")``. Whatever else is said of :func:`producer` holds, too.
    """
    child = Child(["consumer", *options(named), query, "emit"], is_fed=records is not None, stdin=stdin)
    yield from _answer(child, None if records is None else _Feeder(records, child))


def _answer(child: Child, feeder: "Optional[_Feeder]" = None) -> Iterator[Record]:
    """The records that a child writes, and then how it ended; whatever happens, it is waited for."""
    failure: Optional[Error] = None
    try:
        if feeder is not None:
            feeder.start()
        try:
            yield from Reader(child.output)
        except Error as error:
            failure = error
        if feeder is not None:
            feeder.stop()
            if feeder.error is not None:
                raise feeder.error
        # Why its stream is no good the program knows best.
        child.wait()
    except BaseException:
        if feeder is not None:
            feeder.stop()
        child.stop()
        raise
    if failure is not None:
        raise failure


class _Feeder:
    """Writes records to a child, on a thread, while another thread reads what it answers."""

    def __init__(self, records: Iterable[Any], child: Child) -> None:
        self._records, self._child = records, child
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._feed, name="records for a consumer", daemon=True)
        #: What went wrong in the records, or in writing them; not that the child reads no more.
        self.error: Optional[BaseException] = None

    def start(self) -> None:
        self._thread.start()

    def _feed(self) -> None:
        records = iter(self._records)
        try:
            dump(self._until_stopped(records), self._child.input)
        except (BrokenPipeError, _Stopped):
            pass
        except BaseException as error:
            self.error = error
        finally:
            self._child.close_input()
            close = getattr(records, "close", None)
            if close is not None:
                close()

    def _until_stopped(self, records: Iterator[Any]) -> Iterator[Any]:
        for record in records:
            if self._enough.is_set():
                raise _Stopped
            yield record

    def stop(self) -> None:
        """No more is wanted. Where the records keep it waiting, nobody waits for it: it ends with the next of them."""
        self._enough.set()
        if self._thread.is_alive():
            self._thread.join(GRACE_SECONDS)


class _Stopped(Exception):
    """Ends a stream before its end, so that nobody takes it for whole."""
