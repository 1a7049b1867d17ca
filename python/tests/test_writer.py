"""Writing, and what is written read again."""

import collections
import dataclasses
import datetime as dt
import decimal
import enum
import io
import random
import unittest
import uuid

import random_records
import recpipe


def again(records, **more):
    stream = io.BytesIO()
    recpipe.dump(records, stream, **more)
    stream.seek(0)
    return list(recpipe.records(stream))


class Writing(unittest.TestCase):
    def test_random_records_are_the_same_again(self):
        for seed in range(15):
            records = random_records.records(random.Random(seed), 50)
            with self.subTest(seed=seed):
                self.assertEqual(list(map(random_records.exact, again(records))), list(map(random_records.exact, records)))

    def test_values_that_are_made_others(self):
        class Color(str, enum.Enum):
            RED = "red"

        class Scalar:
            def item(self):
                return 7

        moment = dt.datetime(2024, 3, 2, 12, tzinfo=dt.timezone.utc)
        identity = uuid.UUID(int=5)
        for value, expected in [
            (Color.RED, "red"),
            (Scalar(), 7),
            (bytearray(b"ab"), "ab"),
            (b"\xff", "\udcff"),
            (dt.date(2024, 3, 2), "2024-03-02"),
            (dt.timedelta(seconds=1.5), 1.5),
            (decimal.Decimal("1.10"), "1.10"),
            (identity, str(identity)),
            ([1, "\u00e4", None, (True, 2.5), {"x": float("nan")}, moment], '[1,"\u00e4",null,[true,2.5],{"x":null},"2024-03-02T12:00:00+00:00"]'),
            ({"b"}, '["b"]'),
            (moment.replace(tzinfo=None), moment),
        ]:
            self.assertEqual(again([{"v": value}]), [{"v": expected}], value)

    def test_records_that_are_no_flat_dicts(self):
        Pair = collections.namedtuple("Pair", "a b")

        @dataclasses.dataclass
        class Point:
            x: int

        records = [{"a": {"b": 7, "c": {"d": None}}, "e": {}}, Pair(1, Point(2)), Point(3), 5, "text", None, collections.OrderedDict(z=1)]
        expected = [{"a.b": 7, "a.c.d": None}, {"a": 1, "b.x": 2}, {"x": 3}, {"value": 5}, {"value": "text"}, {"value": None}, {"z": 1}]
        self.assertEqual(again(records), expected)

    def test_what_is_no_value_is_named(self):
        for record, error, said in [
            ({"f": object()}, TypeError, "in the field `f`: a object is no value"),
            ({"f": [object()]}, TypeError, "in the field `f`"),
            ({1: 2}, TypeError, "the name of a field is a str"),
            ({"f": 1 << 127}, ValueError, "`f`.*128 bits"),
            ({"f": dt.datetime(1500, 1, 1)}, ValueError, "`f`.*1677"),
            ({"f": "\ud800"}, ValueError, "`f`.*no Unicode"),
            ({"a.b": 1, "a": {"b": 2}}, ValueError, "two ways to the field `a.b`"),
            ({"x" * 5000: 1}, ValueError, "the limit is 4096"),
            ({"x": "y" * (9 << 20)}, ValueError, "no frame holds it"),
        ]:
            with self.assertRaisesRegex(error, said):
                again([{"ok": 1}, record])

    def test_a_stream_whose_records_fail_is_incomplete(self):
        def records():
            yield {"a": 1}
            raise KeyError("mine")

        stream = io.BytesIO()
        with self.assertRaisesRegex(KeyError, "mine"):
            recpipe.dump(records(), stream)
        stream.seek(0)
        with self.assertRaises(recpipe.Incomplete):
            list(recpipe.records(stream))

    def test_fields_and_types_change_in_the_stream(self):
        records = [{"n": n, f"late{n % 3}": n, "any": [n, str(n), n / 2, None, n > 5][n % 5]} for n in range(10_000)]
        self.assertEqual(again(records), records)

    def test_names_are_names_whatever_they_look_like(self):
        odd = ["", "'", '"', "\\", "{x}", "a': 1, **{'b", "\n", "𝄞", "lambda"]
        records = [{name: row for name in odd} for row in range(20)]
        self.assertEqual(again(records), records)
        for fields in (1, 199, 200, 201, 300):
            records = [{f"f{n}": n * row for n in range(fields)} for row in range(3)]
            self.assertEqual(again(records), records)

    def test_each_record_has_a_key_of_its_own(self):
        records = [{f"key{n}": n} for n in range(3000)]
        stream = io.BytesIO()
        recpipe.dump(records, stream)
        # Without a limit for those that come late, each batch would have the columns of all before.
        self.assertLess(len(stream.getvalue()), 8 << 20)
        stream.seek(0)
        self.assertEqual(list(recpipe.records(stream)), records)

    def test_large_batches_are_split(self):
        records = [{"n": n, "text": "x" * (1 << 20), **({"late": n} if n == 19 else {})} for n in range(20)]
        self.assertEqual(again(records), records)
        wide = [{f"f{row}-{n}": n for n in range(33_000)} for row in range(2)]
        self.assertEqual(again(wide), wide)

    def test_no_records_are_a_stream(self):
        self.assertEqual(again([]), [])
        self.assertEqual(again([{}, {}, {"a": 1}]), [{}, {}, {"a": 1}])

    def test_slow_records_are_written_as_they_come(self):
        stream, seen = io.BytesIO(), []

        def records():
            for n in range(3):
                seen.append(len(stream.getvalue()))
                yield {"n": n}

        clock = iter(range(100))
        module = __import__("recpipe.writer", fromlist=["time"])
        real, module.time = module.time, type("Clock", (), {"monotonic": staticmethod(lambda: next(clock))})
        try:
            recpipe.dump(records(), stream)
        finally:
            module.time = real
        self.assertTrue(seen[0] < seen[1] < seen[2], seen)

    def test_the_writer_tells_of_failures(self):
        stream = io.BytesIO()
        writer = recpipe.Writer(stream, source="mine")
        writer.write([{"a": 1}])
        writer.report(1, "one file less")
        writer.end(4, "too many rejects", 7)
        stream.seek(0)
        reader = recpipe.Reader(stream)
        batch = next(reader.batches())
        self.assertEqual((batch.place(0), list(batch)), ("mine:1", [{"a": 1}]))
        with self.assertRaises(recpipe.Failed):
            list(reader)
        self.assertEqual((reader.ending, reader.reports), (recpipe.Ending(4, "too many rejects", 7), [recpipe.Report(1, "one file less")]))

    def test_raw_streams_that_take_little(self):
        class Little(io.RawIOBase):
            def __init__(self):
                self.taken = b""

            def write(self, data):
                self.taken += bytes(data[:5])
                return len(data[:5])

        stream = Little()
        recpipe.dump([{"a": "text"}], stream)
        self.assertEqual(list(recpipe.records(io.BytesIO(stream.taken))), [{"a": "text"}])
