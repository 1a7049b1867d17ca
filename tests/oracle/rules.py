"""What the documentation of the query language says of values, in Python: functions and aggregates for SQLite.

Written anew from docs/query-language.md, so that a mistake of the program is not made twice. Integers are exact. One that
does not fit in 128 bits is remembered in `Overflow`, since the program ends there while SQLite goes on; one that does, and
not in the 64 that SQLite has, in `Wide`.
"""

import datetime
import json
import math
import re
from fractions import Fraction

LOW, HIGH = -(2**63), 2**63 - 1
LOWEST, HIGHEST = -(2**127), 2**127 - 1
TIME = "%Y-%m-%dT%H:%M:%S+00:00"


class Overflow:
    """Whether some integer did not fit since this was last set to False."""

    seen = False


class Wide:
    """Whether SQLite had no room for some integer since this was last set to False: null stands in its place."""

    seen = False


def stored(n):
    if LOW <= n <= HIGH:
        return n
    Wide.seen = True
    return None


def fits(n):
    if not LOWEST <= n <= HIGHEST:
        Overflow.seen = True
    return stored(n)


def strict(function):
    """Null of null."""
    return lambda *args: None if None in args else function(*args)


def remainder(a, b):
    return None if b == 0 else a % b


def floor_div(a, b):
    if b == 0:
        return None
    return float(math.floor(a / b)) if isinstance(a, float) or isinstance(b, float) else fits(a // b)


def whole(x):
    """An integer where it fits, else null."""
    return None if not math.isfinite(x) or not LOWEST <= int(x) <= HIGHEST else stored(int(x))


def int_of(x):
    if not isinstance(x, str):
        return whole(x)
    x = x.strip(" \t\n\r\x0b\x0c")
    return whole(int(x)) if re.fullmatch(r"[+-]?[0-9]+", x) else None


def round_half_even(x):
    if isinstance(x, int):
        return x
    return whole(float(round(Fraction(x)))) if math.isfinite(x) else None


def substr(text, start, length=None):
    begin = start if start >= 0 else max(0, len(text) + start)
    return text[begin:] if length is None else text[begin:begin + max(0, length)]


def split(text, separator, n):
    pieces = text.split(separator)
    return pieces[n] if -len(pieces) <= n < len(pieces) else None


def moment(text):
    return datetime.datetime.strptime(text, TIME)


def shifted(text, seconds):
    return (moment(text) + datetime.timedelta(seconds=seconds)).strftime(TIME)


def bin_time(text, width):
    """Bins begin at a Monday."""
    monday = datetime.datetime(1970, 1, 5)
    since = int((moment(text) - monday).total_seconds())
    return (monday + datetime.timedelta(seconds=since // width * width)).strftime(TIME)


FUNCTIONS = {
    "rp_add": strict(lambda a, b: fits(a + b)),
    "rp_sub": strict(lambda a, b: fits(a - b)),
    "rp_mul": strict(lambda a, b: fits(a * b)),
    "rp_neg": strict(lambda a: fits(-a)),
    "rp_abs": strict(lambda a: fits(abs(a))),
    "rp_floordiv": strict(floor_div),
    "rp_mod": strict(remainder),
    "rp_int": strict(int_of),
    "rp_floor": strict(lambda x: whole(math.floor(x))),
    "rp_ceil": strict(lambda x: whole(math.ceil(x))),
    "rp_round": strict(round_half_even),
    "rp_bin": strict(lambda x, w: fits(x // w * w)),
    "rp_lower": strict(str.lower),
    "rp_upper": strict(str.upper),
    "rp_trim": strict(lambda s: s.strip(" \t\n\r\x0b\x0c")),
    "rp_substr": strict(substr),
    "rp_split": strict(split),
    "rp_matches": strict(lambda s, pattern: int(re.search(pattern, s) is not None)),
    "rp_group": strict(lambda s, pattern: m[1] if (m := re.search(pattern, s)) else None),
    "rp_shift": strict(shifted),
    "rp_seconds": strict(lambda a, b: (moment(a) - moment(b)).total_seconds()),
    "rp_bin_time": strict(bin_time),
    "rp_weekday": strict(lambda t: moment(t).isoweekday()),
}


class Collect:
    """An aggregate over all values that are not null, with their places."""

    def __init__(self):
        self.rows = []

    def step(self, *row):
        if None not in row:
            self.rows.append(row)

    def finalize(self):
        return self.of(self.rows) if self.rows else None


def aggregate(of):
    return type("Aggregate", (Collect,), {"of": staticmethod(of)})


def total(rows):
    values = [value for (value,) in rows]
    return math.fsum(values) if isinstance(values[0], float) else fits(sum(values))


def mean(rows):
    """The exact sum, rounded once to a float, divided by the count."""
    return float(sum(Fraction(value) for (value,) in rows)) / len(rows)


def stdev(rows):
    if len(rows) < 2:
        return None
    values = [Fraction(value) for (value,) in rows]
    middle = sum(values) / len(values)
    return math.sqrt(sum((value - middle) ** 2 for value in values) / (len(values) - 1))


def quantile(rows):
    values, share = sorted(value for value, _ in rows), rows[0][1]
    at = share * (len(values) - 1)
    low = math.floor(at)
    high = min(low + 1, len(values) - 1)
    return float(values[low] + (values[high] - values[low]) * (at - low))


def as_list(rows):
    return json.dumps([value for _, value in sorted(rows)], ensure_ascii=False, separators=(",", ":"))


def as_set(rows):
    return json.dumps(sorted({value for (value,) in rows}), ensure_ascii=False, separators=(",", ":"))


AGGREGATES = {
    "rp_sum": (1, aggregate(total)),
    "rp_avg": (1, aggregate(mean)),
    "rp_stdev": (1, aggregate(stdev)),
    "rp_quantile": (2, aggregate(quantile)),
    "rp_first": (2, aggregate(lambda rows: min(rows)[1])),
    "rp_last": (2, aggregate(lambda rows: max(rows)[1])),
    "rp_argmin": (3, aggregate(lambda rows: min(rows, key=lambda row: (row[1], row[0]))[2])),
    "rp_argmax": (3, aggregate(lambda rows: max(rows, key=lambda row: (row[1], -row[0]))[2])),
    "rp_list": (2, aggregate(as_list)),
    "rp_set": (1, aggregate(as_set)),
}


def install(connection):
    for name, function in FUNCTIONS.items():
        connection.create_function(name, -1, function, deterministic=True)
    for name, (arguments, kind) in AGGREGATES.items():
        connection.create_aggregate(name, arguments, kind)
