"""Values of any type, as the documentation of the query language has them: equal, in order, calculated with, aggregated.

Integers are exact to 128 bits, and beyond that an `Overflow`. A field that a record lacks is `MISSING`, and counts as null.
"""

import datetime
import math
import re
from fractions import Fraction

SECOND = 10**9
LOWEST, HIGHEST = -(2**127), 2**127 - 1


class Missing:
    def __repr__(self):
        return "missing"


MISSING = Missing()
# The last of the kinds.
NULL = 4


class Moment:
    """A time: nanoseconds since 1970."""

    def __init__(self, nanos):
        if not -(2**63) <= nanos < 2**63:
            raise Overflow
        self.nanos = nanos

    @classmethod
    def of(cls, text):
        """Of RFC 3339 in UTC."""
        whole, fraction = re.fullmatch(r"(.{19})\.?([0-9]*)\+00:00", text).groups()
        seconds = (datetime.datetime.fromisoformat(whole) - datetime.datetime(1970, 1, 1)) // datetime.timedelta(seconds=1)
        return cls(seconds * SECOND + int(fraction.ljust(9, "0")))

    def __repr__(self):
        return f"Moment({self.nanos})"


class Overflow(Exception):
    """The result of an operation on integers does not fit in 128 bits, or a time is in no year that one can be."""


def present(value):
    return None if value is MISSING else value


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def rank(value):
    """The place of its kind in the order of values."""
    return 0 if is_number(value) else 1 if isinstance(value, Moment) else 2 if isinstance(value, bool) else 3 if isinstance(value, str) else NULL


def place(value):
    """Its place among the values of its kind."""
    if isinstance(value, str):
        return value.encode("utf-8")
    return value.nanos if isinstance(value, Moment) else 0 if rank(value) == NULL else value


def key(value):
    """What is the same for equal values. Python hashes and compares whole floats as the integers that they are."""
    return (rank(value), place(present(value)))


def compared(op, a, b):
    a, b = present(a), present(b)
    if op in ("==", "!="):
        return (key(a) == key(b)) == (op == "==")
    if rank(a) != rank(b) or a is None:
        return False
    a, b = place(a), place(b)
    return {"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[op]


def fits(n):
    if not LOWEST <= n <= HIGHEST:
        raise Overflow
    return n


def calculated(op, a, b):
    """Null where either is no number, but for times: what is added to one is seconds."""
    if isinstance(a, Moment) and isinstance(b, Moment) and op == "-":
        return float(Fraction(a.nanos - b.nanos, SECOND))
    if isinstance(b, Moment) and op == "+":
        a, b = b, a
    if isinstance(a, Moment) and is_number(b) and op in "+-":
        nanos = round(Fraction(b) * SECOND)
        return Moment(a.nanos + nanos if op == "+" else a.nanos - nanos)
    if not is_number(a) or not is_number(b):
        return None
    are_ints = isinstance(a, int) and isinstance(b, int)
    if op == "/":
        return None if b == 0 else float(a) / float(b)
    if not are_ints:
        a, b = float(a), float(b)
    if op in ("//", "%") and b == 0:
        return None
    if op == "//":
        return fits(a // b) if are_ints else float(math.floor(a / b))
    if op == "%":
        return a % b
    result = a + b if op == "+" else a - b if op == "-" else a * b
    return fits(result) if are_ints else result


def ordered(rows, by, descending):
    """Stable; null last in either direction."""
    nulls = [row for row in rows if present(by(row)) is None]
    others = [row for row in rows if present(by(row)) is not None]
    if not descending:
        return sorted(others, key=lambda row: key(by(row))) + nulls
    # `reverse` keeps the order of equal rows.
    return sorted(others, key=lambda row: key(by(row)), reverse=True) + nulls


def best(rows, by, largest):
    """As `top` has them: numbers first, in either direction, then the other kinds, then null."""
    found = []
    for kind in range(NULL + 1):
        found += sorted((row for row in rows if rank(present(by(row))) == kind), key=lambda row: place(present(by(row))), reverse=largest)
    return found


def total(values):
    numbers = [value for value in values if is_number(value)]
    if not numbers:
        return None
    if all(isinstance(value, int) for value in numbers):
        return fits(sum(numbers))
    return float(sum(Fraction(value) for value in numbers))


def mean(values):
    numbers = [value for value in values if is_number(value)]
    return float(sum(Fraction(value) for value in numbers)) / len(numbers) if numbers else None


def extreme(values, largest):
    """Of the numbers where there are any, else of the first kind that there is; of equal ones the first."""
    values = [value for value in values if value is not None]
    if not values:
        return None
    kind = min(rank(value) for value in values)
    of_kind = [value for value in values if rank(value) == kind]
    return (max if largest else min)(of_kind, key=place)


AGGREGATES = {
    "sum": total,
    "avg": mean,
    "min": lambda values: extreme(values, False),
    "max": lambda values: extreme(values, True),
    "first": lambda values: next((value for value in values if value is not None), None),
    "last": lambda values: next((value for value in reversed(values) if value is not None), None),
    "distinct": lambda values: len({key(value) for value in values if value is not None}),
    "count": lambda values: sum(value is not None for value in values),
}
