"""The frames of a stream: preamble, headers, checksums, numbers and totals, verified before anything in them is believed."""

import struct
from contextlib import contextmanager
from typing import BinaryIO, Iterator, NamedTuple, Tuple

from .crc32c import crc32c
from .errors import Corrupt, Incomplete, Malformed, NotAStream, Unsupported

MAGIC = b"\x89RECPIPE"
VERSION, CODEC = 2, 1
MAX_PAYLOAD = 8 << 20
SCHEMA, BATCH, ERROR, END = 1, 2, 3, 4
#: Kinds from this on are about a connection and never come inside a stream.
CONTROL = range(16, 21)
#: The flag of a frame that may be skipped by who does not know its kind.
OPTIONAL = 1

_PREAMBLE = struct.Struct("<8sHBBI")
_HEADER = struct.Struct("<BBHIIIQII")
_CHECKED = _HEADER.size - 4


class Header(NamedTuple):
    """The header of a frame, and where the frame begins in the stream."""

    kind: int
    flags: int
    schema: int
    records: int
    stream: int
    size: int
    sequence: int
    payload_crc: int
    crc: int
    at: int

    def corrupt(self, what: str) -> Corrupt:
        return Corrupt(what, self.sequence, self.at)

    @contextmanager
    def judged(self) -> Iterator[None]:
        """What is :class:`Malformed` in here makes the stream corrupt, in this frame."""
        try:
            yield
        except Malformed as error:
            raise self.corrupt(str(error)) from None


class Totals:
    """What the End frame must agree with: the frames and records before it, and a checksum of all headers."""

    def __init__(self) -> None:
        self.frames = self.records = self.digest = 0

    def add(self, header: bytes, records: int) -> None:
        # Without its own checksum: with it, every header would leave the same behind.
        self.frames, self.records = self.frames + 1, self.records + records
        self.digest = crc32c(header[:_CHECKED], self.digest)


def preamble() -> bytes:
    """The first bytes of every stream."""
    begin = _PREAMBLE.pack(MAGIC, VERSION, CODEC, 0, 0)[:12]
    return begin + struct.pack("<I", crc32c(begin))


def header(kind: int, schema: int, records: int, payload: bytes, sequence: int) -> bytes:
    """The header of a frame with this payload."""
    checked = _HEADER.pack(kind, 0, schema, records, 0, len(payload), sequence, crc32c(payload), 0)[:_CHECKED]
    return checked + struct.pack("<I", crc32c(checked))


class FrameReader:
    """Reads the frames of a stream one after the other."""

    def __init__(self, stream: BinaryIO) -> None:
        self.totals = Totals()
        self._stream = stream
        self._at = 0

    def _read(self, size: int) -> bytes:
        """So many bytes, or as many as there are before the end."""
        pieces, missing = [], size
        while missing:
            piece = self._stream.read(missing)
            if piece is None:
                raise BlockingIOError("the stream does not block, and has nothing to read now: open it in blocking mode")
            if not isinstance(piece, bytes):
                raise TypeError(f"a stream of bytes is read, not of {type(piece).__name__}: `sys.stdin.buffer`, `open(path, \"rb\")`")
            if not piece:
                break
            pieces.append(piece)
            missing -= len(piece)
        self._at += size - missing
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _whole(self, size: int, frames: int, records: int) -> bytes:
        data = self._read(size)
        if len(data) < size:
            raise Incomplete(self._at, size, len(data), frames, records)
        return data

    def _preamble(self) -> None:
        data = self._read(_PREAMBLE.size)
        if data[: len(MAGIC)] != MAGIC[: len(data)]:
            raise NotAStream(data)
        if len(data) < _PREAMBLE.size:
            raise Incomplete(self._at, _PREAMBLE.size, len(data), 0, 0)
        _, version, codec, flags, crc = _PREAMBLE.unpack(data)
        if crc != crc32c(data[:12]):
            raise Corrupt("the checksum of the preamble differs", 0, 0)
        if version != VERSION:
            raise Unsupported(f"the stream is of version {version}, this package reads version {VERSION}: use the same release on both sides")
        if codec != CODEC or flags:
            raise Unsupported(f"a stream of codec {codec} with flags {flags:#x}; this package reads codec {CODEC}")

    def next(self) -> Tuple[Header, bytes]:
        """The next frame of a known kind, its payload verified by its checksum."""
        if not self._at:
            self._preamble()
        while True:
            at, totals = self._at, self.totals
            frames, records = totals.frames, totals.records
            data = self._whole(_HEADER.size, frames, records)
            found = Header._make((*_HEADER.unpack(data), at))
            if found.crc != crc32c(data[:_CHECKED]):
                raise Corrupt("the checksum of the header differs", frames, at)
            if found.sequence != frames:
                raise Corrupt(f"it has the number {found.sequence}, a frame was lost, repeated or swapped", frames, at)
            if found.size > MAX_PAYLOAD:
                raise found.corrupt(f"a payload of {found.size} bytes, the limit is {MAX_PAYLOAD}")
            if found.kind in CONTROL:
                raise found.corrupt("a frame about a connection came inside the stream")
            is_known = SCHEMA <= found.kind <= END
            if not is_known and not found.flags & OPTIONAL:
                raise Unsupported(f"a frame of kind {found.kind}: use the same release on both sides")
            payload = self._whole(found.size, frames, records)
            if found.kind != END:
                totals.add(data, found.records)
            if not is_known:
                continue
            if crc32c(payload) != found.payload_crc:
                raise found.corrupt("the checksum of the payload differs")
            return found, payload

    def ended(self) -> None:
        """Nothing follows the End frame."""
        at = self._at
        if self._read(1):
            raise Corrupt("bytes follow the End frame", self.totals.frames, at)
