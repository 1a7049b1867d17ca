"""What can go wrong with a stream, and with the programs that write and read streams."""

from typing import Sequence


class Error(Exception):
    """Any error of this package about a stream or a program."""


class Incomplete(Error):
    """The stream stopped without an End frame: its producer died, or was cut off.

    The records that came before it are whole; that they are all of them is known to nobody.
    """

    def __init__(self, at: int, wanted: int, got: int, frames: int, records: int) -> None:
        super().__init__(at, wanted, got, frames, records)
        #: Bytes that came, from the start of the stream.
        self.at = at
        #: Bytes that the next piece needed, and those of it that came.
        self.wanted, self.got = wanted, got
        #: Frames that came whole, and the records in them.
        self.frames, self.records = frames, records

    def __str__(self) -> str:
        if self.at == 0:
            return "the stream is incomplete: nothing came; its producer failed at once, or is none"
        return (
            f"the stream is incomplete: it was truncated at byte {self.at} ({self.wanted} bytes wanted, {self.got} came), "
            f"after {self.records} records in {self.frames} frames; its producer died or was cut off"
        )


class Corrupt(Error):
    """Bytes of the stream changed on the way, or were never right; nothing after them can be trusted."""

    def __init__(self, what: str, frame: int, at: int) -> None:
        super().__init__(what, frame, at)
        #: What does not fit.
        self.what = what
        #: The number of the frame, from 0, and its first byte in the stream.
        self.frame, self.at = frame, at

    def __str__(self) -> str:
        return f"the stream is corrupt: {self.what}, in frame {self.frame} at byte {self.at}"


class NotAStream(Corrupt):
    """The first bytes are not those of a stream."""

    def __init__(self, begins: bytes) -> None:
        super().__init__("it is no stream", 0, 0)
        self.args = (begins,)
        #: What it begins with.
        self.begins = begins

    def __str__(self) -> str:
        return f"not a record stream: it begins with {self.begins!r}, not with the recpipe magic; is a `producer` missing before this?"


class Unsupported(Error):
    """A version, codec or kind of frame that this package does not know: use the same release on both sides."""


class Failed(Error):
    """The stream is whole, and its End frame tells that its producer failed; or a program ended with an exit code other than 0."""

    def __init__(self, exit: int, cause: str, reports: Sequence[str] = ()) -> None:
        super().__init__(exit, cause, reports)
        #: The exit code, as of both programs: 1 failed, 2 usage, 3 its own input was incomplete, 4 too many rejects, 128 + n signal n.
        self.exit = exit
        #: Why, for people.
        self.cause = cause
        #: What had failed before, while the stream went on.
        self.reports = tuple(reports)

    def __str__(self) -> str:
        return "; ".join([f"the producer failed (exit {self.exit}): {self.cause or 'it does not say why'}", *self.reports])


class ProgramFailed(Failed):
    """A program that this package has started ended with an exit code other than 0."""

    def __init__(self, program: str, exit: int, said: str) -> None:
        super().__init__(exit, said)
        self.args = (program, exit, said)
        #: The program, as it was started.
        self.program = program

    def __str__(self) -> str:
        return f"`{self.program}` ended with exit {self.exit}: {self.cause or 'it said nothing'}"


class Said(Warning):
    """What a program that ended well wrote to standard error: lines that were no records, values that were left out."""


class Malformed(ValueError):
    """Bytes of a payload that do not fit; whoever reads the frame says where (:class:`Corrupt`)."""
