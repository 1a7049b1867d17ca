"""Times: a moment to the nanosecond, and the offset from UTC in which it was written.

A time whose nanoseconds are whole microseconds is a plain :class:`datetime.datetime`; any other is a :class:`Time`, which is one, too.
"""

import datetime as dt
from functools import lru_cache
from typing import Any, Callable, Optional, Tuple

from .ints import MAX, MIN

UTC = dt.timezone.utc
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = dt.timedelta(microseconds=1)
#: Offsets of a day and more, which `datetime` does not have, are shown as UTC: the moment is the same.
_DAY_S = 86_400


class Time(dt.datetime):
    """A ``datetime`` with nanoseconds: compared, sorted, shifted by ``timedelta`` and shown with them.

    Made by :func:`from_nanos`. The difference of two times is a ``timedelta``, and so without nanoseconds: subtract :func:`to_nanos`
    of them where these matter.

    >>> time = from_nanos(1_000_000_001, 3600)
    >>> time.isoformat(), time.nanosecond, to_nanos(time)
    ('1970-01-01T01:00:01.000000001+01:00', 1, 1000000001)
    >>> time > from_nanos(1_000_000_000, 0), time + dt.timedelta(hours=1) == from_nanos(3_601_000_000_001, 0)
    (True, True)
    """

    #: Nanoseconds beyond the microsecond, 0 to 999.
    nanosecond: int = 0

    def _shifted(self, other: Any, shift: Callable[..., Any]) -> Any:
        moved = shift(self, other)
        return _with_nanosecond(moved, self.nanosecond) if isinstance(moved, dt.datetime) else moved

    def __add__(self, other: Any) -> Any:
        return self._shifted(other, dt.datetime.__add__)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        return self._shifted(other, dt.datetime.__sub__)

    def astimezone(self, tz: Optional[dt.tzinfo] = None) -> "Time":
        return _with_nanosecond(super().astimezone(tz), self.nanosecond)

    def replace(self, *args: Any, nanosecond: Optional[int] = None, **named: Any) -> "Time":
        return _with_nanosecond(super().replace(*args, **named), self.nanosecond if nanosecond is None else nanosecond)

    def isoformat(self, sep: str = "T", timespec: str = "auto") -> str:
        if timespec != "auto" or not self.nanosecond:
            return super().isoformat(sep, timespec)
        text = super().isoformat(sep, "microseconds")
        whole = len("0000-00-00T00:00:00.000000")
        return f"{text[:whole]}{self.nanosecond:03}{text[whole:]}"

    def __str__(self) -> str:
        return self.isoformat(" ")

    def __repr__(self) -> str:
        return f"recpipe.from_nanos({to_nanos(self)}, {offset_s(self)})"

    def __reduce_ex__(self, protocol: Any) -> Tuple[Any, ...]:
        return _with_nanosecond, (dt.datetime.combine(self.date(), self.timetz()), self.nanosecond)

    def _compared(self, other: object) -> Optional[int]:
        if not isinstance(other, dt.datetime) or other.tzinfo is None:
            return None
        return to_nanos(self) - to_nanos(other)

    def __eq__(self, other: object) -> bool:
        return self._compared(other) == 0

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __lt__(self, other: Any) -> Any:
        difference = self._compared(other)
        return NotImplemented if difference is None else difference < 0

    def __le__(self, other: Any) -> Any:
        difference = self._compared(other)
        return NotImplemented if difference is None else difference <= 0

    def __gt__(self, other: Any) -> Any:
        difference = self._compared(other)
        return NotImplemented if difference is None else difference > 0

    def __ge__(self, other: Any) -> Any:
        difference = self._compared(other)
        return NotImplemented if difference is None else difference >= 0

    def __hash__(self) -> int:
        return hash((super().__hash__(), self.nanosecond)) if self.nanosecond else super().__hash__()


def _with_nanosecond(moment: dt.datetime, nanosecond: int) -> Time:
    fields = moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second, moment.microsecond
    time = Time(*fields, tzinfo=moment.tzinfo, fold=moment.fold)
    time.nanosecond = nanosecond
    return time


@lru_cache(maxsize=256)
def _epoch(offset: int) -> dt.datetime:
    """The beginning of 1970, as a clock of this offset shows it."""
    zone = dt.timezone(dt.timedelta(seconds=offset)) if offset and abs(offset) < _DAY_S else UTC
    return _EPOCH.astimezone(zone)


def from_nanos(nanos: int, offset: int = 0) -> dt.datetime:
    """The time of so many nanoseconds since 1970-01-01T00:00:00Z, on a clock of so many seconds east of UTC."""
    micros, nanosecond = divmod(nanos, 1000)
    moment = _epoch(offset) + dt.timedelta(microseconds=micros)
    return _with_nanosecond(moment, nanosecond) if nanosecond else moment


def to_nanos(time: dt.datetime) -> int:
    """The nanoseconds since 1970-01-01T00:00:00Z of a time, which is in UTC where it does not say its offset.

    Raises :class:`ValueError` for a time that 64 bits do not hold: they reach from 1677 to 2262.
    """
    if time.tzinfo is None:
        time = time.replace(tzinfo=UTC)
    since = dt.datetime.__sub__(time, _EPOCH)
    micros = (since.days * _DAY_S + since.seconds) * 1_000_000 + since.microseconds
    nanos = 1000 * micros + getattr(time, "nanosecond", 0)
    if not MIN <= nanos <= MAX:
        raise ValueError(f"the time {time} is not between 1677 and 2262")
    return nanos


def offset_s(time: dt.datetime) -> int:
    """The seconds east of UTC of the clock that shows this time."""
    offset = time.utcoffset()
    return round(offset.total_seconds()) if offset else 0
