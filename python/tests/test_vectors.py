"""The test vectors, which the Rust crates read, too; and all that can be done to a small stream."""

import io
import unittest

import recpipe
import shown
import vectors


class Vectors(unittest.TestCase):
    def test_the_file_is_what_is_put_together(self):
        with open(vectors.PATH, encoding="ascii") as file:
            self.assertEqual(file.read().splitlines(), list(vectors.lines()), "run `python3 vectors.py`")

    def test_every_vector_is_read_as_it_says(self):
        names = []
        for name, data, expected in vectors.read():
            with self.subTest(name):
                self.assertEqual(shown.stream(data), expected)
            names.append(name)
        self.assertGreater(len(names), 80)

    def test_trickling_bytes_are_the_same_stream(self):
        class Trickle(io.RawIOBase):
            def __init__(self, data):
                self.left = io.BytesIO(data)

            def read(self, size=-1):
                return self.left.read(min(size, 7))

        _, data, _ = next(iter(vectors.read()))
        with self.assertRaises(recpipe.Failed):
            list(recpipe.records(Trickle(data)))


class Damage(unittest.TestCase):
    """Of a stream that is cut or changed, what came before is right, and that it is damaged is found."""

    def setUp(self):
        stream = io.BytesIO()
        with recpipe.Writer(stream) as writer:
            writer.write([{"a": 1, "b": "x"}, {"a": 2.5, "b": None}])
            writer.write([{"a": 3, "c": True}])
        self.data = stream.getvalue()
        self.whole = [{"a": 1, "b": "x"}, {"a": 2.5, "b": None}, {"a": 3, "c": True}]

    def read(self, data):
        records = []
        try:
            for record in recpipe.records(io.BytesIO(data)):
                records.append(record)
        except recpipe.Error as error:
            self.assertEqual(records, self.whole[: len(records)])
            return error
        self.assertEqual(records, self.whole)
        return None

    def test_whole(self):
        self.assertIsNone(self.read(self.data))

    def test_every_cut_is_found(self):
        for size in range(len(self.data)):
            error = self.read(self.data[:size])
            self.assertIsInstance(error, recpipe.Incomplete)
            self.assertEqual(error.at, size)

    def test_every_flipped_bit_is_found(self):
        for bit in range(8 * len(self.data)):
            changed = bytearray(self.data)
            changed[bit // 8] ^= 1 << bit % 8
            self.assertIsInstance(self.read(bytes(changed)), (recpipe.Incomplete, recpipe.Corrupt), f"bit {bit}")

    def test_every_byte_that_is_forged_behind_right_checksums_is_read_or_refused(self):
        """Nothing else than the errors of the package comes of it, and nothing that takes long."""
        payload = vectors.batch(
            vectors.column(vectors.part(1, vectors.ints(3)), missing=b"\2"),
            vectors.column(vectors.texts(b"x", b"yz"), vectors.part(0, vectors.ints(1), nulls=b"\3")),
            block=b"block",
        )
        for at in range(len(payload)):
            for byte in 0, 1, 2, 0x7F, 0x80, 0xFF:
                forged = payload[:at] + bytes([byte]) + payload[at + 1 :]
                stream = vectors.Stream().schema(("a", vectors.INT), ("b", vectors.TEXT | vectors.OPEN)).frame(2, forged, records=2).end()
                try:
                    self.assertEqual(len(list(recpipe.records(io.BytesIO(stream.data)))), 2)
                except recpipe.Corrupt:
                    pass
