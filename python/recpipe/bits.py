"""Bitmaps: bit ``i`` of the byte ``i // 8`` is the record ``i``."""

from typing import Sequence

_BYTES = [bytes(byte >> bit & 1 for bit in range(8)) for byte in range(256)]


def number(bits: bytes, count: int) -> int:
    """An int whose bit ``i`` is the record ``i``; what is behind the last record is dropped."""
    return int.from_bytes(bits, "little") & (1 << count) - 1


def flags(bits: bytes, low: int, high: int) -> bytes:
    """One byte, 0 or 1, for each record from ``low`` to before ``high``."""
    spread = b"".join([_BYTES[byte] for byte in bits[low // 8 : (high + 7) // 8]])
    return spread[low % 8 : low % 8 + high - low]


def pack(flags: Sequence[object]) -> bytes:
    """The bitmap of the records for which this is true."""
    text = "".join(["1" if flag else "0" for flag in reversed(flags)])
    return int(text or "0", 2).to_bytes((len(flags) + 7) // 8, "little")
