"""Reading: what there is besides the vectors."""

import io
import pickle
import tracemalloc
import unittest

import recpipe
import vectors
from recpipe import crc32c


class Reading(unittest.TestCase):
    def test_the_end_of_a_failed_producer_comes_after_the_last_record(self):
        stream = vectors.Stream().schema(("a", vectors.INT)).batch(1, vectors.column(vectors.part(1, vectors.ints(5))))
        stream.frame(3, b"\1" + vectors.sized(b"f: gone")).end(1, 2, "a file could not be read")
        reader = recpipe.Reader(io.BytesIO(stream.data))
        records = iter(reader)
        self.assertEqual(next(records), {"a": 5})
        with self.assertRaises(recpipe.Failed) as raised:
            next(records)
        self.assertEqual((raised.exception.exit, raised.exception.cause), (1, "a file could not be read"))
        self.assertIn("f: gone", str(raised.exception))
        self.assertEqual(reader.ending, recpipe.Ending(1, "a file could not be read", 2))

    def test_errors_say_what_and_where(self):
        data = vectors.one(vectors.part(1, vectors.ints(1, 1, b"\0"))).data
        with self.assertRaises(recpipe.Corrupt) as raised:
            list(recpipe.records(io.BytesIO(data)))
        said = "the stream is corrupt: in the column `a`: an array of numbers has not one number a record, in frame 1 at byte 71"
        self.assertEqual(str(raised.exception), said)
        with self.assertRaises(recpipe.Incomplete) as raised:
            list(recpipe.records(io.BytesIO(data[:50])))
        self.assertIn("truncated at byte 50 (23 bytes wanted, 2 came), after 0 records in 0 frames", str(raised.exception))
        with self.assertRaisesRegex(recpipe.Incomplete, "nothing came"):
            list(recpipe.records(io.BytesIO()))
        with self.assertRaisesRegex(recpipe.NotAStream, "GET /"):
            list(recpipe.records(io.BytesIO(b"GET / HTTP/1.1\r\n")))

    def test_errors_cross_processes(self):
        for error in recpipe.Incomplete(1, 2, 3, 4, 5), recpipe.Corrupt("x", 1, 2), recpipe.Failed(1, "c", ["r"]), recpipe.NotAStream(b"x"):
            self.assertEqual(str(pickle.loads(pickle.dumps(error))), str(error))
        error = recpipe.ProgramFailed("producer x", 2, "no")
        self.assertEqual(str(pickle.loads(pickle.dumps(error))), str(error))

    def test_what_is_no_stream_of_bytes(self):
        with self.assertRaisesRegex(TypeError, "sys.stdin.buffer"):
            list(recpipe.records(io.StringIO("x")))

        class Empty(io.RawIOBase):
            def read(self, size=-1):
                return None

        with self.assertRaises(BlockingIOError):
            list(recpipe.records(Empty()))

    def test_a_record_knows_its_place(self):
        data = vectors.one(vectors.part(1, vectors.ints(1)), lines=vectors.ints(0, 1, b"\0\7")).data
        batch = next(recpipe.Reader(io.BytesIO(data)).batches())
        self.assertEqual([batch.place(row) for row in range(len(batch))], ["f:1", "f:8"])

    def test_what_few_bytes_claim_takes_no_memory(self):
        """A million records of a thousand columns, all alike, and of texts that each are all of the block."""
        many = 1000
        ints = [vectors.column(vectors.part(1, vectors.ints(7)))] * many
        texts = [vectors.column(vectors.part(5, vectors.ints(0), vectors.ints(1 << 20)))] * many
        anchors = vectors.ints(0, 1, bytes(8))
        frames = [
            vectors.Stream().schema(*[(f"f{n}", vectors.INT) for n in range(many)]).batch(1 << 20, *ints),
            vectors.Stream().schema(*[(f"f{n}", vectors.TEXT) for n in range(many)]).batch(8, *texts, block=bytes(1 << 20), anchors=anchors),
        ]
        for stream in frames:
            tracemalloc.start()
            try:
                records = recpipe.records(io.BytesIO(stream.data))
                try:
                    self.assertEqual(len(next(records)), many)
                except recpipe.Corrupt as error:
                    self.assertIn("bytes of text", str(error))
                self.assertLess(tracemalloc.get_traced_memory()[1], 64 << 20)
            finally:
                tracemalloc.stop()

    def test_null_text_costs_nothing_that_is_not_there(self):
        """Columns of a batch that is larger than what is made at a time are the same."""
        count = 3 * 65_536
        flags = bytes(index % 251 for index in range(count // 8))
        stream = vectors.one(vectors.part(1, vectors.ints(0, 2, b"".join(n.to_bytes(2, "little") for n in range(65_536)) * 3), nulls=flags), records=count)
        expected = [None if flags[n // 8] >> n % 8 & 1 else n % 65_536 for n in range(count)]
        self.assertEqual([record["a"] for record in recpipe.records(io.BytesIO(stream.data))], expected)


class Checksums(unittest.TestCase):
    def test_check_value(self):
        self.assertEqual(crc32c.crc32c(b"123456789"), 0xE3069283)

    def test_the_polynomials_of_few_terms_are_multiples(self):
        def power(exponent):
            remainder = 1
            for _ in range(exponent):
                remainder <<= 1
                remainder ^= 0x11EDC6F41 if remainder >> 32 else 0
            return remainder

        for terms in crc32c.LONG, crc32c.SHORT:
            remainder = 0
            for exponent in terms:
                remainder ^= power(exponent)
            self.assertEqual(remainder, 0, terms)

    def test_folding_is_the_same_as_byte_by_byte(self):
        segment = crc32c.LONG[0] // 8
        data = bytes(n * n >> 3 & 255 for n in range(3 * segment + 5))
        sizes = [0, 1, 1693, 1694, 1695, 1696, 5000, segment - 1, segment, segment + 1, 2 * segment - 1, 2 * segment, 2 * segment + 1]
        for size in [*sizes, len(data)]:
            # Short pieces take the table alone.
            expected = 0
            for at in range(0, size, 1000):
                expected = crc32c.crc32c(data[at : min(at + 1000, size)], expected)
            self.assertEqual(crc32c.crc32c(data[:size]), expected, size)
            self.assertEqual(crc32c.crc32c(data[:size], 12345), crc32c.crc32c(data[1:size], crc32c.crc32c(data[:1], 12345)) if size else 12345)
