"""Times reading and writing of the same records as a recpipe stream, as pickles, and as JSON lines.

    PYTHONPATH=python python3 python/bench/reading.py [--records N] [--rounds N] [LOG]

The records are those of an access log; without one, of `scripts/sample-log`. `producer` must be in the PATH. Time is that of the
processor, of the fastest round: other things that run disturb it least.
"""

import argparse
import gc
import io
import json
import os
import pickle
import platform
import subprocess
import tempfile
import time

import recpipe

SAMPLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scripts", "sample-log")


def pickles(data):
    stream = io.BytesIO(data)
    try:
        while True:
            yield pickle.load(stream)
    except EOFError:
        pass


def seconds(work, rounds):
    best = float("inf")
    for _ in range(rounds):
        gc.collect()
        began = time.process_time()
        work()
        best = min(best, time.process_time() - began)
    return best


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("log", nargs="?")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        log = args.log
        if log is None:
            log = os.path.join(directory, "access.log")
            with open(log, "wb") as file:
                subprocess.run([SAMPLE, str(args.records)], stdout=file, check=True)
        stream = subprocess.run(["producer", "apache", log], stdout=subprocess.PIPE, check=True).stdout
    rows = list(recpipe.records(io.BytesIO(stream)))
    each = b"".join(pickle.dumps(row, 2) for row in rows)
    # Each text its own object, as it comes from a reader: those of constants in a program would be written once.
    whole = pickle.dumps(rows, pickle.HIGHEST_PROTOCOL)
    lines = "".join(json.dumps(row) + "\n" for row in rows).encode()
    assert list(pickles(each)) == rows and pickle.loads(whole) == rows
    print(f"Python {platform.python_version()}, {len(rows)} records of {len(rows[0])} fields\n")
    print("| | MB | seconds | µs a record | beside `pickle.load` of each |\n| --- | --: | --: | --: | --: |")
    ways = {
        "`pickle.load` of each record, one after the other": (each, lambda: list(pickles(each))),
        "`recpipe.records`": (stream, lambda: list(recpipe.records(io.BytesIO(stream)))),
        "`pickle.load` of one list of all": (whole, lambda: pickle.load(io.BytesIO(whole))),
        "`json.loads` of each line": (lines, lambda: [json.loads(line) for line in io.BytesIO(lines)]),
        "`pickle.dump` of each record": (each, lambda: [pickle.dump(row, io.BytesIO(), 2) for row in rows]),
        "`recpipe.dump`": (stream, lambda: recpipe.dump(rows, io.BytesIO())),
    }
    first = None
    for name, (data, work) in ways.items():
        took = seconds(work, args.rounds)
        first = first or took
        print(f"| {name} | {len(data) / 1e6:.0f} | {took:.2f} | {took / len(rows) * 1e6:.1f} | {took / first:.2f} |")


if __name__ == "__main__":
    main()
