"""CRC-32C (Castagnoli), in plain Python, without a step for each byte.

A message is a polynomial over GF(2), and its CRC the remainder of that by P, of degree 32. Where P divides x^a + x^b + x^c + x^d,
the factor x^a of the front of a message may be replaced by x^b + x^c + x^d: the front is shifted and added (XOR) to what comes
behind. With b, c, d small, a few operations on long ints take 28 KiB off the message; such polynomials, of few terms, were found by
searching. Only the last bytes take the usual table.

A byte's lowest bit is its highest power, so that of a little-endian int of n bits, bit i is the coefficient of x^(n-1-i).
"""

_POLYNOMIAL = 0x82F63B78
_ONES = 0xFFFFFFFF


def _entry(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ (_POLYNOMIAL if byte & 1 else 0)
    return byte


_TABLE = [_entry(byte) for byte in range(256)]

#: P divides x^a + x^b + x^c + x^d for each of these; a test divides.
LONG = (8 * 28911, 138, 128, 5)
SHORT = (6777, 484, 100, 0)

_SEGMENT = LONG[0] // 8
_FEW_BYTES = 2 * SHORT[0] // 8


def crc32c(data: bytes, crc: int = 0) -> int:
    """The checksum of ``data``, or of what has the checksum ``crc`` and ``data`` behind it.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    >>> crc32c(b"56789", crc32c(b"1234")) == crc32c(b"123456789")
    True
    """
    crc ^= _ONES
    if len(data) > _FEW_BYTES:
        data, crc = _folded(data, crc), 0
    table = _TABLE
    for byte in data:
        crc = table[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ _ONES


def _folded(data: bytes, crc: int) -> bytes:
    """A short message with the remainder of this one, into whose first bytes ``crc`` goes."""
    size = len(data)
    first = size if size < 2 * _SEGMENT else _SEGMENT + size % _SEGMENT
    number, bits = int.from_bytes(data[:first], "little") ^ crc, 8 * first
    _, b, c, d = LONG
    for at in range(first, size, _SEGMENT):
        behind = int.from_bytes(data[at : at + _SEGMENT], "little")
        bits += b
        number = number ^ number << b - c ^ number << b - d ^ behind << bits - LONG[0]
    # The square of a multiple of P is one, with all exponents doubled.
    doublings = (bits // SHORT[0]).bit_length() - 1
    while doublings >= 0:
        a, b, c, _ = (exponent << doublings for exponent in SHORT)
        take = min(bits - a, a - b)
        if take <= 0:
            doublings -= 1
            continue
        front = number & (1 << take) - 1
        number = number >> take ^ front << a - b - take ^ front << a - c - take ^ front << a - take
        bits -= take
    number, bits = number << -bits % 8, bits + -bits % 8
    return number.to_bytes(bits // 8, "little")
