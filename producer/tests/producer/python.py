"""Writes generated data as Python's struct, pickle and ElementTree have it, and beside each file what its records are: python.py DIR SEED.

A line of `NAME.args` is an argument, a line of `NAME.want` a record: `name=value` with the fields sorted, nulls left out,
values as type and hex digits.
"""
import pathlib
import pickle
import random
import struct
import sys
import xml.etree.ElementTree as tree
from xml.sax.saxutils import escape, quoteattr

directory, rng = pathlib.Path(sys.argv[1]), random.Random(int(sys.argv[2]))


def shown(value):
    if isinstance(value, bool):
        return f"b{int(value)}"
    if isinstance(value, int):
        return f"i{value}"
    if isinstance(value, float):
        return "f" + ("nan" if value != value else struct.pack(">d", value).hex())
    return "t" + (value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")).hex()


def write(name, args, data, records):
    (directory / name).write_bytes(data)
    (directory / f"{name}.args").write_text("".join(f"{arg}\n" for arg in args))
    lines = (" ".join(f"{key}={shown(value)}" for key, value in sorted(record.items()) if value is not None) for record in records)
    (directory / f"{name}.want").write_text("".join(f"{line}\n" for line in lines))


def text(length=12, letters="ab &<>'\"\\\n\u00e9\u20ac\U0001f600"):
    return "".join(rng.choice(letters) for _ in range(rng.randrange(length)))


def structs():
    for number in range(40):
        order = rng.choice(["", "@", "=", "<", ">", "!"])
        codes = "xcbB?hHiIlLqefdsp" + ("nN" if order in ("", "@") else "")
        form = order + "".join(rng.choice(["", "", "2", "3"]) + rng.choice(codes) + rng.choice(["", " "]) for _ in range(rng.randrange(1, 8)))
        size = struct.calcsize(form)
        if size == 0:
            continue
        data = rng.randbytes(size * rng.randrange(1, 200))
        records = []
        for values in struct.iter_unpack(form, data):
            records.append({f"f{n}": value.rstrip(b"\0") if isinstance(value, bytes) and "s" in kinds(form)[n] else value for n, value in enumerate(values)})
        good = all(not isinstance(v, int) or v < 1 << 63 for record in records for v in record.values())
        if good:
            write(f"{number}.bin", ["struct", form], data, records)


def kinds(form):
    """The letter of every field."""
    letters, count = [], ""
    for letter in form.lstrip("@=<>!"):
        if letter.isdigit():
            count += letter
        elif letter != " ":
            letters += [letter] if letter in "sp" else [] if letter == "x" else [letter] * int(count or 1)
            count = ""
    return letters


def pickles():
    makers = [
        ("none", lambda: None),
        ("flag", lambda: rng.random() < 0.5),
        ("small", lambda: rng.randrange(-300, 70000)),
        ("large", lambda: rng.randrange(-(1 << 63), 1 << 63)),
        ("ratio", lambda: rng.choice([0.1, -1e300, float("inf"), 5e-324, rng.random()])),
        ("text", text),
        ("long", lambda: text(600)),
        ("bytes", lambda: rng.randbytes(rng.randrange(300))),
    ]
    for protocol in range(6):
        records, data = [], b""
        for _ in range(300):
            fields = [maker for maker in makers if rng.random() < 0.9 and (maker[0] != "bytes" or protocol > 2)]
            record = {name: make() for name, make in fields}
            data += pickle.dumps(record, protocol)
            records.append(record)
        write(f"{protocol}.pickle", ["pickle"], data, records)


def element(depth):
    """An element's name, its attributes and its content, as XML text."""
    name = rng.choice(["a", "b", "c.d", "stop"])
    attributes = "".join(f" {key}={quoteattr(text(6))}" for key in rng.sample(["id", "at"], rng.randrange(3)))
    if depth and rng.random() < 0.3:
        content = "".join(rng.choice(["\n  ", "", "<!-- </bus> -->"]) + element(depth - 1) for _ in range(rng.randrange(1, 4)))
    else:
        content = "".join(rng.choice([lambda: escape(text()), lambda: "<![CDATA[" + text().replace("]]>", "") + "]]>", lambda: "&#233;", lambda: "<?p q?>"])() for _ in range(rng.randrange(3)))
    return f"<{name}{attributes}/>" if not content and rng.random() < 0.5 else f"<{name}{attributes}>{content}</{name}>"


def fields(node, path, record):
    """What the records are: the first of each name, text without white space where there are children."""
    for key, value in node.attrib.items():
        record.setdefault(".".join([*path, "@" + key]), value)
    own = (node.text or "") + "".join(child.tail or "" for child in node)
    for child in node:
        fields(child, [*path, child.tag], record)
    if path and (not len(node) or own.strip(" \t\r\n")):
        record.setdefault(".".join(path), own)
    elif not path and own.strip(" \t\r\n"):
        record.setdefault("#text", own)


def documents():
    for number in range(30):
        buses = ["<bus" + f" n='{n}'>" + "".join(rng.choice(["", "\r\n\t"]) + element(2) for _ in range(rng.randrange(5))) + "</bus >" for n in range(rng.randrange(1, 300))]
        around = ["\n", "<other><a>not</a></other>", "<!-- <bus> -->", "<?p <bus> ?>"]
        document = "<?xml version='1.0'?>\n<!DOCTYPE buses>\n<buses>" + "".join(rng.choice(around) + bus for bus in buses) + "</buses>\n"
        records = []
        for bus in tree.fromstring(document.encode()).iter("bus"):
            records.append({})
            fields(bus, [], records[-1])
        write(f"{number}.xml", ["xml", "bus"], document.encode(), records)


structs()
pickles()
documents()
