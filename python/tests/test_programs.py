"""The package beside the programs: what one writes the other reads, and how each of them fails."""

import gc
import io
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest
import warnings

import random_records
import recpipe

LOG = "".join(f'10.0.0.{n % 7} - - [02/Mar/2026:00:00:{n % 60:02} +0100] "GET /{n % 11} HTTP/1.1" {404 if n % 5 == 0 else 200} {n}\n' for n in range(3000))


def children():
    """The processes whose parent is this one."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as file:
                if int(file.read().rpartition(")")[2].split()[1]) == os.getpid():
                    found.append(int(pid))
        except FileNotFoundError:
            pass
    return found


@unittest.skipUnless(shutil.which("producer") and shutil.which("consumer"), "the programs are not in the PATH")
class Programs(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.log = os.path.join(directory.name, "access.log")
        with open(self.log, "w") as file:
            file.write(LOG)
        caught = warnings.catch_warnings()
        caught.__enter__()
        self.addCleanup(caught.__exit__, None, None, None)
        warnings.simplefilter("error")

    def tearDown(self):
        gc.collect()
        if os.path.isdir("/proc"):
            self.assertEqual(children(), [])

    def consumer(self, *query, records):
        stream = io.BytesIO()
        recpipe.dump(records, stream)
        return subprocess.run(["consumer", *query], input=stream.getvalue(), stdout=subprocess.PIPE, check=True).stdout

    def test_a_producer_is_an_iterator(self):
        rows = list(recpipe.producer("apache", self.log))
        self.assertEqual((len(rows), sum(row["bytes"] for row in rows)), (3000, sum(range(3000))))
        self.assertEqual({type(row["status"]) for row in rows}, {int})
        rows = list(recpipe.producer("apache", self.log, grep=" 404 ", fields=["host", "status"], j=1))
        self.assertEqual((len(rows), rows[0]), (600, {"host": "10.0.0.0", "status": 404}))
        with open(self.log, "rb") as file:
            self.assertEqual(len(list(recpipe.producer("lines", stdin=file))), 3000)

    def test_a_producer_that_fails(self):
        with self.assertRaises(recpipe.ProgramFailed) as raised:
            list(recpipe.producer("apache", "no/such/log"))
        self.assertEqual(raised.exception.exit, 1)
        self.assertIn("no/such/log", str(raised.exception))
        with self.assertRaises(recpipe.ProgramFailed) as raised:
            list(recpipe.producer("nonsense"))
        self.assertEqual(raised.exception.exit, 2)
        rows, error = [], None
        try:
            for row in recpipe.producer("apache", self.log, "no/such/log"):
                rows.append(row)
        except recpipe.Failed as failed:
            error = failed
        self.assertEqual((len(rows), error.exit), (3000, 1))

    def test_what_a_program_says_besides_is_a_warning(self):
        with open(self.log, "a") as file:
            file.write("no record\n")
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            self.assertEqual(len(list(recpipe.producer("apache", self.log))), 3000)
        self.assertEqual([warning.category for warning in caught], [recpipe.Said])
        self.assertIn("line 3001", str(caught[0].message))

    def test_there_is_no_such_program(self):
        path = os.environ["PATH"]
        os.environ["PATH"] = "/nowhere"
        try:
            with self.assertRaisesRegex(FileNotFoundError, "no program `producer`"):
                list(recpipe.producer("apache", self.log))
        finally:
            os.environ["PATH"] = path

    def test_who_stops_early_ends_the_program(self):
        for count in 0, 1, 1500:
            rows = recpipe.producer("apache", self.log, follow=True, from_start=True)
            for _ in range(count):
                next(rows)
            rows.close()
        rows = recpipe.producer("apache", self.log, follow=True, from_start=True)
        next(rows)
        del rows

    def test_a_consumer_answers(self):
        rows = list(recpipe.producer("apache", self.log))
        self.assertEqual(next(recpipe.consumer("where status == 404 | head 1", rows))["status"], 404)
        answer = list(recpipe.consumer("count by status | sort status", recpipe.producer("apache", self.log)))
        self.assertEqual(answer, [{"status": 200, "count": 2400}, {"status": 404, "count": 600}])
        self.assertEqual(list(recpipe.consumer("where status == 500", rows)), [])
        self.assertEqual(list(recpipe.consumer("where missing == 1", [])), [])

    def test_more_than_pipes_hold_goes_both_ways(self):
        """Who would write all before reading would wait for ever."""
        rows = ({"n": n, "text": "x" * 1000} for n in range(20_000))
        self.assertEqual(sum(row["n"] for row in recpipe.consumer("where n >= 0", rows)), sum(range(20_000)))

    def test_a_consumer_that_fails(self):
        with self.assertRaises(recpipe.ProgramFailed) as raised:
            list(recpipe.consumer("where nonsense(", [{"a": 1}]))
        self.assertEqual(raised.exception.exit, 2)
        self.assertIn("nonsense", str(raised.exception))
        with self.assertRaises(recpipe.ProgramFailed) as raised:
            list(recpipe.consumer("let b = a * a | sum(b)", [{"a": 1 << 126}]))
        self.assertEqual(raised.exception.exit, 1)

    def test_records_that_fail_are_raised_here(self):
        def records():
            yield {"a": 1}
            raise KeyError("mine")

        with self.assertRaisesRegex(KeyError, "mine"):
            list(recpipe.consumer("count", records()))
        with self.assertRaisesRegex(TypeError, "in the field `a`"):
            list(recpipe.consumer("count", [{"a": object()}]))

    def test_endless_records_end_with_the_answer(self):
        closed = threading.Event()

        def endless():
            try:
                n = 0
                while True:
                    yield {"n": n}
                    n += 1
            finally:
                closed.set()

        self.assertEqual([row["n"] for row in recpipe.consumer("head 3", endless())], [0, 1, 2])
        self.assertTrue(closed.wait(60))
        answer = recpipe.consumer("where n > 2", endless())
        self.assertEqual(next(answer)["n"], 3)
        answer.close()
        counted = recpipe.consumer("where n >= 0", endless())
        next(counted)
        del counted

    def test_random_records_are_what_the_consumer_shows(self):
        for seed in range(8):
            records = random_records.records(random.Random(1000 + seed), 40)
            shown = self.consumer("json", records=records).decode().splitlines()
            self.assertEqual([json.loads(line) for line in shown], [as_json(record) for record in records], seed)
            emitted = list(recpipe.records(io.BytesIO(self.consumer("emit", records=records))))
            self.assertEqual(list(map(random_records.exact, emitted)), list(map(random_records.exact, records)), seed)

    def test_a_consumer_finds_a_stream_cut(self):
        stream = io.BytesIO()
        recpipe.dump([{"n": n} for n in range(10)], stream)
        ended = subprocess.run(["consumer", "count"], input=stream.getvalue()[:-20], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(ended.returncode, 3)


def as_json(record):
    """A record as `json` of a consumer shows it."""

    def of(value):
        if hasattr(value, "isoformat"):
            return shown_time(value)
        return value

    return {name: of(value) for name, value in record.items()}


def shown_time(time):
    """RFC 3339 with as many digits of a second as there are."""
    text = time.isoformat()
    whole, sign, zone = text[:19], text[-6], text[-5:]
    fraction = text[19:-6].rstrip("0").rstrip(".")
    return whole + fraction + sign + zone


@unittest.skipUnless(shutil.which("producer") and shutil.which("consumer"), "the programs are not in the PATH")
class Stages(unittest.TestCase):
    TWICE = """
import recpipe, sys

@recpipe.stage
def twice(records):
    print("not among the records")
    for record in records:
        if record["n"] == int(sys.argv[1]):
            raise ValueError("no more")
        yield record
        yield {**record, "again": True}

if __name__ == "__main__":
    twice.run()
"""

    def run_stage(self, data, argument="-1"):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "twice.py")
            with open(path, "w") as file:
                file.write(self.TWICE)
            return subprocess.run([sys.executable, path, argument], input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def stream(self, count=3):
        stream = io.BytesIO()
        recpipe.dump([{"n": n} for n in range(count)], stream)
        return stream.getvalue()

    def test_streams(self):
        ended = self.run_stage(self.stream())
        self.assertEqual((ended.returncode, ended.stderr.decode()), (0, "not among the records\n"))
        rows = list(recpipe.records(io.BytesIO(ended.stdout)))
        self.assertEqual(rows, [row for n in range(3) for row in ({"n": n}, {"n": n, "again": True})])

    def test_pickles(self):
        pickles = subprocess.run(["consumer", "emit"], input=self.stream(), stdout=subprocess.PIPE, check=True).stdout
        pickles = subprocess.run(["producer", "records", "--as", "pickle"], input=pickles, stdout=subprocess.PIPE, check=True).stdout
        ended = self.run_stage(pickles)
        self.assertEqual(ended.returncode, 0)
        answer = subprocess.run(["consumer", "--as", "pickle", "count | print"], input=ended.stdout, stdout=subprocess.PIPE, check=True)
        self.assertEqual(answer.stdout, b"6\n")
        self.assertEqual((self.run_stage(b"").returncode, self.run_stage(b"").stdout), (0, b""))
        self.assertEqual(self.run_stage(pickles[:-3]).returncode, 1)

    def test_a_stage_that_fails_tells_its_reader(self):
        ended = self.run_stage(self.stream(), "1")
        self.assertEqual(ended.returncode, 1)
        self.assertIn(b"ValueError: no more", ended.stderr)
        rows = recpipe.records(io.BytesIO(ended.stdout))
        self.assertEqual([next(rows), next(rows)], [{"n": 0}, {"n": 0, "again": True}])
        with self.assertRaisesRegex(recpipe.Failed, "no more"):
            next(rows)

    def test_a_stage_hands_on_what_was_wrong_before_it(self):
        ended = self.run_stage(self.stream()[:-10])
        self.assertEqual(ended.returncode, 3)
        with self.assertRaisesRegex(recpipe.Failed, "exit 3.*truncated"):
            list(recpipe.records(io.BytesIO(ended.stdout)))
        stream = io.BytesIO()
        recpipe.Writer(stream).end(4, "too many rejects")
        self.assertEqual(self.run_stage(stream.getvalue()).returncode, 4)

    def test_who_reads_no_more_is_no_failure(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "twice.py")
            with open(path, "w") as file:
                file.write(self.TWICE)
            stage = subprocess.Popen([sys.executable, path, "-1"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            stage.stdout.close()
            try:
                recpipe.dump(({"n": n} for n in range(1_000_000)), stage.stdin)
            except BrokenPipeError:
                pass
            try:
                stage.stdin.close()
            except BrokenPipeError:
                pass
            said = stage.stderr.read()
            stage.stderr.close()
            self.assertEqual((stage.wait(), said), (0, b"not among the records\n"))
