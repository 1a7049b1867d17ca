"""Records made from a seed: of every type, null and missing, with fields that come late."""

import datetime as dt
import struct

import recpipe


def text(random):
    letters = "abc \"\\/\n\t\0\u00e4\u20ac\U0001f600,;"
    return "".join(random.choice(letters) for _ in range(random.choice([0, 1, 5, 40])))


def time(random):
    zone = random.choice([0, 3600, -5 * 3600 - 1800, 45 * 60])
    nanos = random.choice([0, random.randrange(-1 << 63, 1 << 63), random.randrange(1 << 60) // 10**9 * 10**9, random.randrange(1 << 60)])
    return recpipe.from_nanos(nanos, zone)


VALUES = [
    lambda random: None,
    lambda random: random.random() < 0.5,
    lambda random: random.randrange(300),
    lambda random: random.randrange(-1 << 63, 1 << 63),
    lambda random: random.randrange(-1 << 127, 1 << 127),
    lambda random: random.choice([0.0, -0.0, 1.5, 1e300, 5e-324, random.uniform(-1e6, 1e6)]),
    text,
    time,
]


def records(random, count):
    """A record has each field with its likelihood; the values of a field are of one type, or of any."""
    fields = []
    for n in range(random.randrange(1, 8)):
        makers = [random.choice(VALUES)] if random.random() < 0.6 else VALUES
        fields.append((f"f{n}", makers, random.choice([1, 1, 0.5, 0.05]), random.choice([0, 0, count // 2])))
    made = []
    for row in range(count):
        has = [(name, makers) for name, makers, likely, since in fields if row >= since and random.random() < likely]
        made.append({name: random.choice(makers)(random) for name, makers in has})
    return made


def exact(record):
    """Something equal only for what is the same: of a type, with all its bits, and of times the offset."""

    def of(value):
        if isinstance(value, float):
            return struct.pack("<d", value)
        if isinstance(value, dt.datetime):
            return recpipe.to_nanos(value), value.utcoffset()
        return type(value), value

    return {name: of(value) for name, value in record.items()}
