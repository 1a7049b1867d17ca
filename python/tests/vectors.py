"""Test vectors: streams put together by the words of `docs/wire-format.md` alone, and what a reader makes of them.

They stand in `tests/data/vectors.txt`, where the tests of the Rust crates read them, too. ``python3 vectors.py`` writes that file anew.

A vector is a line with its name in brackets, one with the bytes of the stream in hex, and what a reader gives: `record`s with the
fields that they have, `report`s, and last `end` with exit code, rejected and cause, or one of `incomplete` with the place of the cut,
`corrupt`, `unsupported` and `none` for what is no stream. Text is hex, floats are their 64 bits, times nanoseconds and offset.
"""

import os
import struct

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PATH = os.path.join(ROOT, "tests", "data", "vectors.txt")
GOLDEN = os.path.join(ROOT, "shared", "tests", "golden.rec")

NULL, BOOL, INT, FLOAT, TIME, TEXT, MIXED = range(7)
OPEN = 0x80


def crc(data, value=0):
    """CRC-32C, bit by bit."""
    value ^= 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return value ^ 0xFFFFFFFF


def with_crc(data):
    return data + struct.pack("<I", crc(data))


def sized(data):
    return struct.pack("<Q", len(data)) + data


def listed(pieces):
    return struct.pack("<Q", len(pieces)) + b"".join(pieces)


def optional(piece):
    return b"\0" if piece is None else b"\1" + piece


def ints(base, width=0, data=b""):
    return struct.pack("<qB", base, width) + sized(data)


def schema(*fields, grows=0, kept=0):
    return struct.pack("<B", grows) + listed([sized(name.encode()) + bytes([kind]) for name, kind in fields]) + struct.pack("<I", kept)


def part(form, *values, nulls=None):
    return optional(None if nulls is None else sized(nulls)) + struct.pack("<I", form) + b"".join(values)


def column(*parts, missing=None):
    return optional(None if missing is None else sized(missing)) + listed(parts)


def batch(*columns, block=b"", lines=None, anchors=None, source=b"f"):
    return struct.pack("<Q", 1) + sized(source) + bytes(16) + optional(lines) + optional(anchors) + listed(columns) + sized(block)


def texts(*values):
    """The form Text, a byte for each start and length."""
    starts = [sum(map(len, values[:i])) for i in range(len(values))]
    return part(6, ints(0, 1, bytes(starts)), ints(0, 1, bytes(map(len, values))), sized(b"".join(values)))


class Stream:
    """Frames behind a preamble, numbered and with checksums that are right."""

    def __init__(self, version=2, codec=1, flags=0):
        self.data = with_crc(b"\x89RECPIPE" + struct.pack("<HBB", version, codec, flags))
        self.frames = self.records = self.digest = 0

    def frame(self, kind, payload, number=0, records=0, flags=0, sequence=None):
        sequence = self.frames if sequence is None else sequence
        head = struct.pack("<BBHIIIQI", kind, flags, number, records, 0, len(payload), sequence, crc(payload))
        self.data += with_crc(head) + payload
        self.frames, self.records, self.digest = self.frames + 1, self.records + records, crc(head, self.digest)
        return self

    def schema(self, *fields, number=0, **more):
        return self.frame(1, schema(*fields, **more), number)

    def batch(self, records, *columns, number=0, **more):
        return self.frame(2, batch(*columns, **more), number, records)

    def end(self, exit=0, rejected=0, cause="", digest=None, records=None):
        digest, records = self.digest if digest is None else digest, self.records if records is None else records
        said = struct.pack("<BQQIQ", exit, self.frames, records, digest, rejected) + sized(cause.encode())
        return self.frame(4, said)


def one(*parts, kind=INT, records=2, missing=None, **more):
    """A stream of one field `a` and one batch."""
    return Stream().schema(("a", kind)).batch(records, column(*parts, missing=missing), **more).end()


def record(**fields):
    return " ".join(["record", *(f"{name}={value}" for name, value in fields.items())])


def text(value):
    return "text:" + value.hex()


def bits(value):
    return "float:" + struct.pack(">d", value).hex()


DONE = "end 0 0 "


def good():
    golden = [
        record(host=text(b"ab"), status="int:200", rest=text(b"x"), ok="bool:true", took=bits(0.5), at="time:-1,3600", id="int:1", any="int:5"),
        record(host=text(b"cde"), status="int:404", rest="null", ok="bool:false", took=bits(-2.0), at="time:0,3600",
               id="int:18446744073709551616", any=text(b"404")),
        record(host=text(b"-"), status="int:7", rest=text(b"zz"), ok="bool:true", took=bits(0.5), at="time:1000000000,3600", id="int:-1"),
    ]
    with open(GOLDEN, "rb") as stream:
        report, end = "report 1 " + b"b.log: no such file".hex(), "end 1 4 " + b"a file could not be read".hex()
        yield "golden", stream.read(), [*golden, report, *golden[:2], end]
    yield "nothing", Stream().end(), [DONE]
    yield "no records", Stream().schema(("a", INT)).end(), [DONE]
    yield "a batch of none", Stream().schema(("a", INT)).batch(0, column()).end(), [DONE]
    yield "records without fields", Stream().schema().batch(2).end(), ["record", "record", DONE]
    wraps = ints((1 << 63) - 1, 1, b"\0\1")
    yield "a number beyond 64 bits begins again", one(part(1, wraps)), [record(a=f"int:{n}") for n in ((1 << 63) - 1, -1 << 63)] + [DONE]
    for width, code in (1, "B"), (2, "H"), (4, "I"), (8, "Q"):
        most = (1 << 8 * width) - 1
        stream = one(part(1, ints(-5, width, struct.pack(f"<2{code}", 0, most))))
        last = most - 5 if width < 8 else -6
        yield f"ints of {width} bytes", stream, [record(a="int:-5"), record(a=f"int:{last}"), DONE]
    yield "ints that are alike", one(part(1, ints(7))), [record(a="int:7"), record(a="int:7"), DONE]
    high, low = ints(0, 8, struct.pack("<2q", (1 << 63) - 1, -1 << 63)), ints(-1, 1, b"\0\1")
    wide = [record(a=f"int:{n}") for n in ((1 << 127) - 1, -1 << 127)]
    yield "ints of 128 bits", one(part(2, high, low), kind=INT | OPEN), [*wide, DONE]
    floats = [0.0, -0.0, 5e-324, float("inf"), float("-inf"), 1.7976931348623157e308]
    stream = one(part(3, ints(0, 8, struct.pack("<6d", *floats))), kind=FLOAT, records=6)
    yield "floats", stream, [record(a=bits(value)) for value in floats] + [DONE]
    nan = struct.unpack("<q", struct.pack("<d", float("nan")))[0]
    yield "no number", one(part(3, ints(nan)), kind=FLOAT), [record(a=bits(float("nan")))] * 2 + [DONE]
    yield "all but 0 is true", one(part(0, ints(0, 1, b"\0\7")), kind=BOOL), [record(a="bool:false"), record(a="bool:true"), DONE]
    nanos = [-1 << 63, (1 << 63) - 1]
    stream = one(part(4, ints(0, 8, struct.pack("<2q", *nanos)), ints(-86399, 4, struct.pack("<2I", 0, 2 * 86399))), kind=TIME)
    yield "the first and the last time", stream, [record(a=f"time:{nanos[0]},-86399"), record(a=f"time:{nanos[1]},86399"), DONE]
    words = [b"", b"\xff\xfe", "\u00e4\U0001f600".encode(), b"a\0b"]
    yield "texts", one(texts(*words), kind=TEXT, records=4), [record(a=text(word)) for word in words] + [DONE]
    views = part(5, ints(-1, 1, b"\4\0\2"), ints(0, 1, b"\2\3\0"), nulls=b"\4")
    stream = one(views, kind=TEXT, records=3, block=b"abcdef", anchors=ints(0, 1, b"\0\1\5"))
    yield "views that overlap", stream, [record(a=text(b"de")), record(a=text(b"abc")), record(a="null"), DONE]
    yield "texts that are alike", one(part(6, ints(1), ints(2), sized(b"abcd")), kind=TEXT), [record(a=text(b"bc"))] * 2 + [DONE]
    yield "null and missing", one(part(1, ints(3), nulls=b"\6"), missing=b"\4", records=3), [record(a="int:3"), record(a="null"), "record", DONE]
    yield "nulls without a part", one(), [record(a="null"), record(a="null"), DONE]
    yield "missing without a part", one(missing=b"\xff"), ["record", "record", DONE]
    yield "behind the last record bits mean nothing", one(part(1, ints(3), nulls=b"\xfc"), missing=b"\xfc"), [record(a="int:3")] * 2 + [DONE]
    parts = [
        part(0, ints(1), nulls=b"\x3e"),
        part(2, ints(1), ints(0), nulls=b"\x3d"),
        part(3, ints(0), nulls=b"\x3b"),
        part(4, ints(1), ints(0), nulls=b"\x37"),
        part(6, ints(0), ints(1), sized(b"x"), nulls=b"\x2f"),
    ]
    mixed = ["bool:true", "int:18446744073709551616", bits(0.0), "time:1,0", text(b"x"), "null"]
    yield "values of all types", one(*parts, kind=MIXED | OPEN, records=6), [record(a=value) for value in mixed] + [DONE]
    yield "an open field has others", one(texts(b"x", b"y"), kind=INT | OPEN), [record(a=text(b"x")), record(a=text(b"y")), DONE]
    stream = Stream().schema(("a", INT | OPEN), grows=1).batch(1, column(part(1, ints(1)))).schema(("b", TEXT | OPEN), grows=1, kept=1)
    stream.batch(1, column(missing=b"\1"), column(texts(b"x"))).end()
    yield "a schema that grows", stream, [record(a="int:1"), record(b=text(b"x")), DONE]
    stream = Stream().schema(("a", INT)).schema(("b", BOOL), number=1)
    stream.batch(1, column(part(0, ints(1))), number=1).batch(1, column(part(1, ints(1)))).schema(("c", INT), number=1)
    stream.batch(1, column(part(1, ints(2))), number=1).end()
    yield "several schemas", stream, [record(b="bool:true"), record(a="int:1"), record(c="int:2"), DONE]
    stream = Stream().schema(("a", INT)).frame(200, b"later", flags=1).batch(1, column(part(1, ints(1)))).end()
    yield "an optional frame is skipped", stream, [record(a="int:1"), DONE]
    stream = Stream().frame(3, b"\4" + sized("\u00fcber".encode())).end(143, 5, "SIGTERM")
    yield "a failure", stream, ["report 4 " + "\u00fcber".encode().hex(), "end 143 5 " + b"SIGTERM".hex()]
    yield "fields and lines", one(part(1, ints(1)), lines=ints(0, 1, b"\0\1")), [record(a="int:1")] * 2 + [DONE]


def bad():
    whole = one(part(1, ints(1))).data
    for size in 0, 1, 8, 15, 16, 40, len(whole) - 1:
        yield f"cut after {size} bytes", whole[:size], [f"incomplete {size}"] if size < 130 else [record(a="int:1")] * 2 + [f"incomplete {size}"]
    yield "no stream", b"GET / HTTP/1.1\r\n", ["none"]
    yield "no stream, and short", b"hi", ["none"]
    yield "another version", Stream(version=3).end(), ["unsupported"]
    yield "another codec", Stream(codec=2).end(), ["unsupported"]
    yield "flags of a stream", Stream(flags=1).end(), ["unsupported"]
    yield "an unknown frame", Stream().frame(200, b"").end(), ["unsupported"]
    two = [record(a="int:1")] * 2
    yield "bytes after the end", whole + b"\0", [*two, "corrupt"]
    stream = Stream().schema(("a", INT)).batch(2, column(part(1, ints(1))))
    yield "another number of records", stream.end(records=3), [*two, "corrupt"]
    stream = Stream().schema(("a", INT)).batch(2, column(part(1, ints(1))))
    yield "headers of another stream", stream.end(digest=1), [*two, "corrupt"]
    yield "a lost frame", Stream().schema(("a", INT)).frame(2, batch(column()), records=1, sequence=2), ["corrupt"]
    for kind in range(16, 21):
        yield f"a frame of the kind {kind}", Stream().frame(kind, b""), ["corrupt"]
    too_long = struct.pack("<BBHIIIQI", 2, 0, 0, 1, 0, (8 << 20) + 1, 0, 0)
    yield "a payload that is too long", Stream().data + with_crc(too_long), ["corrupt"]
    yield "too many records", one(part(1, ints(1)), records=(1 << 20) + 1), ["corrupt"]
    yield "a batch before its schema", Stream().batch(1, column()), ["corrupt"]
    yield "a schema that is not the next", Stream().schema(("a", INT), number=1), ["corrupt"]
    yield "a name that stands twice", Stream().schema(("a", INT), ("a", INT)), ["corrupt"]
    yield "a name that is too long", Stream().schema(("a" * 4097, INT)), ["corrupt"]
    yield "an unknown type", Stream().schema(("a", 7)), ["corrupt"]
    yield "fields that are not kept", Stream().schema(("a", INT), kept=1), ["corrupt"]
    yield "a name that is not UTF-8", Stream().frame(1, b"\0" + listed([sized(b"\xff") + b"\2"]) + bytes(4)), ["corrupt"]
    yield "a bool that is none", Stream().frame(1, b"\2" + listed([]) + bytes(4)), ["corrupt"]
    yield "more than the payload", Stream().frame(1, schema(("a", INT)) + b"\0"), ["corrupt"]
    yield "a number that claims gigabytes", Stream().frame(1, b"\0" + b"\xff" * 8), ["corrupt"]
    for name, columns in ("no column", []), ("two columns", [column(), column()]):
        yield f"{name} for one field", Stream().schema(("a", INT)).batch(1, *columns), ["corrupt"]
    seven, x = part(1, ints(7)), part(6, ints(0), ints(1), sized(b"x"))
    any_kind = {"kind": MIXED | OPEN}
    yield "two values in one record", one(seven, x, **any_kind), ["corrupt"]
    yield "two parts of a type", one(part(1, ints(7), nulls=b"\1"), part(2, ints(7), ints(0), nulls=b"\2"), **any_kind), ["corrupt"]
    yield "a value of what is missing", one(seven, missing=b"\1"), ["corrupt"]
    yield "six parts", one(*[part(1, ints(7), nulls=b"\3")] * 6, **any_kind), ["corrupt"]
    yield "another type than is promised", one(x), ["corrupt"]
    yield "more bits than are promised", one(part(2, ints(0), ints(7))), ["corrupt"]
    yield "several types where one is promised", one(part(1, ints(7), nulls=b"\1"), part(0, ints(7), nulls=b"\2")), ["corrupt"]
    yield "a bitmap that is too long", one(part(1, ints(7), nulls=b"\0\0")), ["corrupt"]
    yield "a bitmap that is too short", one(missing=b""), ["corrupt"]
    yield "a bitmap that is there twice", one(b"\2" + part(1, ints(7))[1:]), ["corrupt"]
    yield "too few numbers", one(part(1, ints(7, 1, b"\0"))), ["corrupt"]
    yield "numbers of three bytes", one(part(1, ints(7, 3, bytes(6)))), ["corrupt"]
    yield "too few lines", one(seven, lines=ints(0, 1, b"\0")), ["corrupt"]
    yield "an unknown form", one(part(7, ints(7))), ["corrupt"]
    of_text = {"kind": TEXT}
    yield "a text beyond its bytes", one(part(6, ints(0, 1, b"\0\1"), ints(1), sized(b"x")), **of_text), ["corrupt"]
    yield "a null text beyond its bytes", one(part(6, ints(0, 1, b"\0\1"), ints(1), sized(b"x"), nulls=b"\2"), **of_text), ["corrupt"]
    yield "a text before its bytes", one(part(6, ints(-1), ints(1), sized(b"xy")), **of_text), ["corrupt"]
    yield "a text of less than nothing", one(part(6, ints(1), ints(-1), sized(b"xy")), **of_text), ["corrupt"]
    yield "views without anchors", one(part(5, ints(0), ints(1)), block=b"xy", **of_text), ["corrupt"]
    outside = {"block": b"xy", "anchors": ints(0, 1, b"\0\2"), **of_text}
    yield "a view beyond the block", one(part(5, ints(0), ints(1)), **outside), ["corrupt"]
    yield "a source that is not UTF-8", one(seven, source=b"\xff"), ["corrupt"]


def lines():
    yield "# Written by python/tests/vectors.py, which says what stands here."
    for name, stream, expected in [*good(), *bad()]:
        data = stream if isinstance(stream, bytes) else stream.data
        yield from ["", f"[{name}]", f"bytes {data.hex()}", *(line.rstrip() for line in expected)]


def read(path=PATH):
    """The vectors of the file: name, bytes and what a reader gives."""
    with open(path, encoding="ascii") as file:
        for block in file.read().split("\n\n")[1:]:
            name, data, *expected = block.splitlines()
            yield name[1:-1], bytes.fromhex(data[len("bytes "):]), expected


if __name__ == "__main__":
    with open(PATH, "w", encoding="ascii") as file:
        file.writelines(line + "\n" for line in lines())
