"""Reads the pieces of a payload one after the other, and never beyond its end."""

import struct
from typing import Optional

from .errors import Malformed

_U32, _U64, _I64 = struct.Struct("<I"), struct.Struct("<Q"), struct.Struct("<q")


class Cursor:
    """A place in a payload. Every method raises :class:`Malformed` where the payload ends before the piece does."""

    __slots__ = ("data", "at")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def skip(self, size: int) -> int:
        """Passes over so many bytes; where they begin."""
        at = self.at
        if size > len(self.data) - at:
            raise Malformed(f"a piece of {size} bytes, of which {len(self.data) - at} are there")
        self.at = at + size
        return at

    def u8(self) -> int:
        return self.data[self.skip(1)]

    def u32(self) -> int:
        return int(_U32.unpack_from(self.data, self.skip(4))[0])

    def u64(self) -> int:
        return int(_U64.unpack_from(self.data, self.skip(8))[0])

    def i64(self) -> int:
        return int(_I64.unpack_from(self.data, self.skip(8))[0])

    def sized(self) -> bytes:
        at = self.skip(self.u64())
        return self.data[at : self.at]

    def string(self) -> str:
        try:
            return self.sized().decode("utf-8")
        except UnicodeDecodeError as error:
            raise Malformed(f"a text is not UTF-8: {error}") from None

    def flag(self) -> bool:
        """Whether an optional piece is there, or another question of one byte."""
        answer = self.u8()
        if answer > 1:
            raise Malformed(f"{answer} where 0 or 1 is expected")
        return answer == 1

    def bitmap(self, count: int) -> Optional[bytes]:
        """One bit a record, if it is there."""
        if not self.flag():
            return None
        bits = self.sized()
        if len(bits) != (count + 7) // 8:
            raise Malformed("a bitmap has not one bit a record")
        return bits

    def end(self) -> None:
        """Nothing is left."""
        if self.at != len(self.data):
            raise Malformed(f"{len(self.data) - self.at} bytes are left over in a payload")
