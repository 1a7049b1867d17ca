"""Reads a stream: its records as dicts, or its batches."""

from itertools import chain
from typing import BinaryIO, Dict, Iterator, List, NamedTuple, Optional

from . import schema
from .batch import Batch, Record
from .cursor import Cursor
from .errors import Failed, Malformed
from .frames import BATCH, END, ERROR, SCHEMA, FrameReader, Header


class Report(NamedTuple):
    """Something that failed on the producer's side, after which the stream went on."""

    exit: int
    message: str


class Ending(NamedTuple):
    """How a stream ended, as its producer says."""

    exit: int
    cause: str
    #: Input that was no record.
    rejected: int


class Reader:
    """A stream that is read. Iterate over it for its records, once; then :attr:`ending` is known.

    Raises :class:`Incomplete`, :class:`Corrupt` or :class:`Unsupported` where the stream is no good, and :class:`Failed` after the last
    record where its End frame tells that the producer failed.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._frames = FrameReader(stream)
        self._schemas: Dict[int, schema.Schema] = {}
        #: What failed meanwhile on the other side.
        self.reports: List[Report] = []
        #: How it ended; ``None`` before that.
        self.ending: Optional[Ending] = None

    def batches(self) -> Iterator[Batch]:
        """The batches, up to the End frame."""
        while self.ending is None:
            header, payload = self._frames.next()
            if header.kind == BATCH:
                yield Batch(header, payload, self._schemas.get(header.schema))
            else:
                with header.judged():
                    self._control(header, payload)
        if self.ending.exit:
            raise Failed(self.ending.exit, self.ending.cause, [report.message for report in self.reports])

    def __iter__(self) -> Iterator[Record]:
        return chain.from_iterable(chain.from_iterable(map(Batch.pieces, self.batches())))

    def _control(self, header: Header, payload: bytes) -> None:
        if header.kind == SCHEMA:
            self._announce(header.schema, payload)
        elif header.kind == ERROR:
            cursor = Cursor(payload)
            self.reports.append(Report(cursor.u8(), cursor.string()))
            cursor.end()
        elif header.kind == END:
            self._end(payload)

    def _announce(self, number: int, payload: bytes) -> None:
        if number > len(self._schemas) or number >= schema.MAX_SCHEMAS:
            raise Malformed(f"schema number {number} after {len(self._schemas)} schemas")
        self._schemas[number] = schema.decode(payload, self._schemas.get(number))
        if sum(known.size for known in self._schemas.values()) > schema.MAX_SCHEMA_BYTES:
            raise Malformed(f"the schemas of one stream are of more than {schema.MAX_SCHEMA_BYTES} bytes")

    def _end(self, payload: bytes) -> None:
        cursor = Cursor(payload)
        exit, said = cursor.u8(), (cursor.u64(), cursor.u64(), cursor.u32())
        rejected, cause = cursor.u64(), cursor.string()
        cursor.end()
        totals = self._frames.totals
        if said != (totals.frames, totals.records, totals.digest):
            raise Malformed(
                f"its end tells of {said[0]} frames and {said[1]} records, {totals.frames} and {totals.records} came, or others than were sent"
            )
        self._frames.ended()
        self.ending = Ending(exit, cause, rejected)


def records(stream: BinaryIO) -> Iterator[Record]:
    """The records of a stream that is open for reading bytes, each a dict of the fields that it has.

    A field that is null has the value ``None``; one that a record does not have is not in its dict. Ints have all their digits, floats
    are those of the stream, times are ``datetime`` with their offset (:class:`Time` where there are nanoseconds), and text is ``str``:
    bytes that are not UTF-8 come as lone surrogates, and ``text.encode("utf-8", "surrogateescape")`` gives them back.

    Raises :class:`Incomplete` after the last whole frame of a stream that was cut, :class:`Corrupt` or :class:`Unsupported`; and
    :class:`Failed` after the last record of a whole stream whose producer failed. Whoever stops before the end has not learnt whether
    the stream is whole.
    """
    return iter(Reader(stream))
