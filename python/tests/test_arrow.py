"""Tables of pyarrow and pandas."""

import importlib.util
import io
import unittest

import recpipe

MOMENT = recpipe.from_nanos(1_700_000_000_123_456_789, 3600)


@unittest.skipUnless(importlib.util.find_spec("pyarrow"), "there is no pyarrow")
class Tables(unittest.TestCase):
    RECORDS = [
        {"int": 1, "float": 1.5, "text": "a", "bool": True, "time": MOMENT, "wide": 1 << 100, "huge": (1 << 127) - 1, "number": 1, "null": None},
        {"int": None, "float": None, "text": "\udcff", "time": None, "wide": 2, "huge": 3, "number": 2.5, "mixed": "x"},
        {"int": -1 << 63, "mixed": 7, "late": 1},
        {"mixed": MOMENT},
    ]
    TYPES = {
        "int": "int64",
        "float": "double",
        "text": "string",
        "bool": "bool",
        "time": "timestamp[ns, tz=UTC]",
        "wide": "decimal128(38, 0)",
        "huge": "string",
        "number": "double",
        "null": "null",
        "mixed": "string",
        "late": "int64",
    }

    def stream(self):
        stream = io.BytesIO()
        recpipe.dump(self.RECORDS, stream)
        stream.seek(0)
        return stream

    def test_columns_have_the_type_of_their_values(self):
        for source in self.stream(), self.RECORDS:
            table = recpipe.to_arrow(source)
            self.assertEqual({field.name: str(field.type) for field in table.schema}, self.TYPES)
            self.assertEqual(table.num_rows, 4)
            self.assertEqual(table["int"].to_pylist(), [1, None, -1 << 63, None])
            self.assertEqual(table["text"].to_pylist(), ["a", "\ufffd", None, None])
            self.assertEqual(table["time"][0].value, recpipe.to_nanos(MOMENT))
            self.assertEqual(table["wide"].to_pylist()[:2], [1 << 100, 2])
            self.assertEqual(table["number"].to_pylist(), [1.0, 2.5, None, None])
            self.assertEqual(table["mixed"].to_pylist(), [None, "x", "7", MOMENT.isoformat()])

    def test_a_stream_that_is_cut_is_no_table(self):
        with self.assertRaises(recpipe.Incomplete):
            recpipe.to_arrow(io.BytesIO(self.stream().getvalue()[:-1]))

    @unittest.skipUnless(importlib.util.find_spec("pandas"), "there is no pandas")
    def test_pandas(self):
        frame = recpipe.to_pandas(self.stream())
        self.assertEqual((len(frame), frame["number"].sum(), list(frame.columns)), (4, 3.5, list(self.TYPES)))
