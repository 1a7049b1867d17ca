"""Writes generated data as Python's struct, pickle and ElementTree have it, and beside each file what its records are: python.py DIR SEED.

A line of `NAME.args` is an argument, a line of `NAME.want` a record: `name=value` with the fields sorted, nulls left out,
values as type and hex digits.
"""
import io
import json
import pathlib
import pickle
import pickletools
import random
import struct
import sys
import xml.etree.ElementTree as tree
from xml.sax.saxutils import escape, quoteattr

directory, rng = pathlib.Path(sys.argv[1]), random.Random(int(sys.argv[2]))


ANY_REJECTS = ["--max-errors", "100%"]


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
        codes = "xcbB?hHiIlLqQefdsp" + ("nN" if order in ("", "@") else "")
        form = order + "".join(rng.choice(["", "", "2", "3"]) + rng.choice(codes) + rng.choice(["", " "]) for _ in range(rng.randrange(1, 8)))
        size = struct.calcsize(form)
        if size == 0:
            continue
        data = rng.randbytes(size * rng.randrange(1, 200))
        if rng.random() < 0.5:
            # Zeros, small numbers, and those at the edges.
            data = bytes(rng.choice([0, 0, 0, 1, 0x7F, 0x80, 0xFF]) for _ in data)
        records = []
        for values in struct.iter_unpack(form, data):
            records.append({f"f{n}": value.rstrip(b"\0") if isinstance(value, bytes) and "s" in kinds(form)[n] else value for n, value in enumerate(values)})
        # What is left at the end is a reject.
        write(f"{number}.bin", ["struct", form, *ANY_REJECTS], data + rng.randbytes(rng.randrange(size)), records)


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
        ("large", lambda: rng.choice([rng.randrange(-(1 << 63), 1 << 63), 1 << 63, -(1 << 127), (1 << 127) - 1])),
        ("huge", lambda: rng.choice([1 << 127, -(1 << 127) - 1, 10**60, -(10**300)])),
        ("ratio", lambda: rng.choice([0.1, -1e300, float("inf"), 5e-324, rng.random()])),
        ("text", text),
        ("long", lambda: text(600)),
        ("bytes", lambda: rng.randbytes(rng.randrange(300))),
        ("mixed", lambda: rng.choice([1, 2.5, -7, 1e300, 2**53 + 1, True, "x", None])),
        ("odd", lambda: rng.choice([float("nan"), -0.0, 5e-324, float("-inf")])),
        ("half", lambda: text(letters="a\ud800\udfff\x00\ufeff'\\\r\u2028")),
        ("\u00e9 k\"", lambda: shared),
        ("same", lambda: shared),
        ("", lambda: True),
    ]
    shared = "shared text"
    # What is no record.
    wrong = [{1: 2}, {None: 1}, {"text": complex(1, 2)}, {"text": [complex(1, 2)]}]
    # What is no flat dict, and the record that it is.
    others = [
        ([1, None, "x"], {"value": '[1,null,"x"]'}),
        ("text", {"value": "text"}),
        ({"text": (1, 2.5)}, {"text": "[1,2.5]"}),
        ({"flag": {"a": {"b": 1}, "c": 2}}, {"flag.a.b": 1, "flag.c": 2}),
        ({"text": {"a"}}, {"text": '["a"]'}),
    ]
    for protocol in range(6):
        records, data = [], b""
        for _ in range(300):
            fields = [maker for maker in makers if rng.random() < 0.9 and (maker[0] != "bytes" or protocol > 2)]
            record = {name: make() for name, make in fields}
            if rng.random() < 0.02:
                record.update((f"wide{n}", n) for n in range(rng.choice([1001, 2000])))
            if rng.random() < 0.01:
                record["huge"] = "z" * 100_000 + str(len(records))
            data += dump(record, protocol)
            records.append(record)
            if rng.random() < 0.05:
                data += pickle.dumps(rng.choice(wrong), protocol)
            if rng.random() < 0.05:
                other, record = rng.choice(others)
                data += pickle.dumps(other, protocol)
                records.append(dict(record))
        if len(data) > MOST:
            continue
        for record in records:
            if isinstance(record.get("huge"), int):
                record["huge"] = str(record["huge"])
        write(f"{protocol}.pickle", ["pickle", *ANY_REJECTS], data, records)


# Larger files take longer, and say nothing new.
MOST = 500_000


def dump(record, protocol):
    """A pickle, in one of the ways that there are."""
    way = rng.randrange(4)
    if way == 0:
        return pickletools.optimize(pickle.dumps(record, protocol))
    out = io.BytesIO()
    pickler = (pickle._Pickler if way == 1 else pickle.Pickler)(out, protocol)
    pickler.fast = way == 2
    pickler.dump(record)
    return out.getvalue()


def piece():
    """Some text, in XML."""
    return rng.choice([
        lambda: escape(text()),
        lambda: "<![CDATA[" + text().replace("]]>", "") + "]]>",
        lambda: "<![CDATA[]]]]><![CDATA[>]]>",
        lambda: rng.choice(["&#233;", "&#xE9;", "&#13;", "&#10;", "&#x1F600;", "&quot;", "&apos;", "\r\n", "\r", "\t", "]]"]),
        lambda: rng.choice(["<?p q?>", "<!-- </bus> -->", "<!---->"]),
        lambda: "long" * (5000 if rng.random() < 0.01 else 1),
    ])()


def element(depth):
    """An element's name, its attributes and its content, as XML text."""
    name = rng.choice(["a", "b", "c.d", "stop", "bus", "\u00e9"])
    attributes = "".join(f" {key}={quoteattr(text(6))}" for key in rng.sample(["id", "at"], rng.randrange(3)))
    if depth and rng.random() < 0.3:
        between = lambda: rng.choice(["\n  ", "", "<!-- </bus> -->", " ", piece()])
        content = "".join(between() + element(depth - 1) for _ in range(rng.randrange(1, 4))) + between()
    else:
        content = "".join(piece() for _ in range(rng.randrange(3)))
    return f"<{name}{attributes}/>" if not content and rng.random() < 0.5 else f"<{name}{attributes}>{content}</{name}>"


def own_text(node):
    """The text of an element itself; white space between children is none."""
    own = (node.text or "") + "".join(child.tail or "" for child in node)
    return own if not len(node) or own.strip(" \t\r\n") else None


def groups(node):
    """What an element holds, by name: the texts of attributes, and elements."""
    found = {"@" + key: [value] for key, value in node.attrib.items()}
    for child in node:
        found.setdefault(child.tag, []).append(child)
    return found.items()


def tree_of(node):
    """An attribute or element as a value of JSON."""
    if isinstance(node, str):
        return node
    made = {name: tree_of(held[0]) if len(held) == 1 else [tree_of(one) for one in held] for name, held in groups(node)}
    own = own_text(node)
    if not made:
        return own
    return {**made, "#text": own} if own else made


def fields(node, path, record):
    """The values of each field: what stands several times in one element is a list."""
    put = lambda path, value: record.setdefault(".".join(path), []).append(value)
    for name, held in groups(node):
        if len(held) > 1:
            put([*path, name], [tree_of(one) for one in held])
        elif isinstance(held[0], str):
            put([*path, name], held[0])
        else:
            fields(held[0], [*path, name], record)
    own = own_text(node)
    if own is not None if path else own and own.strip(" \t\r\n"):
        put(path or ["#text"], own)


def record_of(node):
    """What the record is; two paths of one name make a list as well."""
    record = {}
    fields(node, [], record)
    one = lambda values: values[0] if len(values) == 1 else values
    dump = lambda value: value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return {name: dump(one(values)) for name, values in record.items()}


def records_in(node):
    """The outermost elements of the name."""
    for child in node:
        yield from [child] if child.tag == "bus" else records_in(child)


def documents():
    for number in range(30):
        buses = ["<bus" + f" n='{n}'>" + "".join(rng.choice(["", "\r\n\t"]) + element(2) for _ in range(rng.randrange(5))) + "</bus >" for n in range(rng.choice([0, 1, rng.randrange(1, 300)]))]
        if rng.random() < 0.2:
            deep = rng.randrange(100, 127)
            buses.append("<bus>" + "<a>" * deep + "x" + "</a>" * deep + "</bus>")
        around = ["\n", "<other><a>not</a></other>", "<!-- <bus> -->", "<?p <bus> ?>", "text", "<![CDATA[<bus>]]>", "<other>", "</other>", ""]
        body, others = "", 0
        for bus in buses:
            between = rng.choice(around)
            if between == "</other>" and not others:
                between = ""
            others += (between == "<other>") - (between == "</other>")
            body += between + bus
        body += "</other>" * others
        head = rng.choice(["", "<?xml version='1.0'?>\n", "\ufeff<?xml version=\"1.0\" encoding='UTF-8'?>", "\ufeff"])
        types = rng.choice(["", "<!DOCTYPE buses>\n", "<!DOCTYPE buses [<!-- ]> --><!ELEMENT bus ANY><!ENTITY e '<bus/>'>]>"])
        document = (head + types + "<buses>" + body + "</buses>\n").encode()
        records = [record_of(bus) for bus in records_in(tree.fromstring(document))]
        if len(document) < MOST:
            write(f"{number}.xml", ["xml", "bus"], document, records)


structs()
pickles()
documents()
