#!/usr/bin/env python3
"""Asks random queries about random records, of `consumer` and of SQLite, and compares the answers.

    tests/oracle/random_queries.py --bin target/release [--seed N] [--count N]

Each table of records comes with its own seed, from which its queries follow; a difference is printed with that seed, the
query made as short as it goes on differing, the SQL, and both answers. Exit codes: 0 no difference, 1 differences, 2 it
could not be run. Needs Python 3.8 with an SQLite of 3.30 or newer.
"""

import json
import math
import os
import random
import re
import sqlite3
import subprocess
import sys
import tempfile

import rules
import runner
from runner import DEADLINE_SECONDS
from stages import Column, Stages
from expressions import TEXTS

COLUMNS = (Column("a", "int"), Column("b", "int"), Column("c", "int"), Column("x", "float"), Column("y", "float"),
           Column("s", "text"), Column("u", "text"), Column("p", "bool"), Column("t", "time"))


def rows(r):
    """Records with nulls, duplicates, empty texts, and now and then integers near the ends of their range."""
    is_wide = r.random() < 0.3

    def maybe(value, nulls):
        return None if r.random() < nulls else value

    def row(i):
        wide = r.choice([2**63 - 1, -2**63, 2**62, -2**62, 2**53 + 1, 3]) if is_wide else r.randrange(-10**6, 10**6)
        minute = r.randrange(7 * 24 * 60)
        time = f"2026-03-{2 + minute // 1440:02}T{minute // 60 % 24:02}:{minute % 60:02}:{r.choice([0, 0, 30, 59]):02}+00:00"
        return (maybe(r.randrange(-5, 6), 0.1), maybe(r.randrange(-1000, 1000), 0.05), maybe(wide, 0.1),
                maybe(r.randrange(-40, 41) / 4, 0.1), maybe(round(r.uniform(-100, 100), 3), 0.05),
                maybe(r.choice(TEXTS), 0.1), f"k{i * 7919 % 1000}", maybe(r.random() < 0.5, 0.1), maybe(time, 0.1))

    return [row(i) for i in range(r.choice([0, 1, 10, 60, 60, 60, 200, 200, 200, 200]))]


class Table:
    """Records, as a saved stream and in SQLite."""

    def __init__(self, programs, directory, records, parts):
        self.programs, self.records = programs, records
        self.path = os.path.join(directory, "records.rec")
        # The stream has batches of several sizes: one for each file.
        size = max(1, -(-len(records) // parts))
        # The first record of the first file has a value for each field, so that all types are known; it is then left out.
        names = [column.name for column in COLUMNS]
        full = (0, 0, 0, 0.5, 0.5, "", "", True, "2026-03-01T00:00:00Z")
        parted = [[full]] + [records[at:at + size] for at in range(0, len(records), size)]
        files = []
        for number, part in enumerate(parted):
            files.append(os.path.join(directory, f"{number}.json"))
            with open(files[-1], "w", encoding="utf-8") as out:
                out.writelines(json.dumps(dict(zip(names, record))) + "\n" for record in part)
        casts = [f"--cast={name}={kind}" for name, kind in (("a", "int"), ("b", "int"), ("c", "int"), ("x", "float"), ("y", "float"), ("s", "str"), ("u", "str"), ("t", "time"))]
        made = subprocess.run([programs["producer"], "json", "-q", "--max-errors", "0", *casts, "--to", self.path, *files], capture_output=True, timeout=DEADLINE_SECONDS)
        if made.returncode:
            sys.exit(f"producer: {made.stderr.decode()}")
        for file in files:
            os.remove(file)
        self.sqlite = sqlite3.connect(":memory:")
        rules.install(self.sqlite)
        self.sqlite.execute(f"CREATE TABLE records (_o, {', '.join(names)})")
        self.sqlite.executemany(f"INSERT INTO records VALUES ({', '.join('?' * (len(names) + 1))})", [(i, *record) for i, record in enumerate(records)])

    def ask(self, query, threads):
        return subprocess.run([self.programs["consumer"], "--from", self.path, "-j", str(threads), f'where u != "" | {query} | json'],
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=DEADLINE_SECONDS)

    def expected(self, stages):
        """The rows, each a list of values; None where an integer did not fit. The SQL that was run."""
        rules.Overflow.seen = rules.Wide.seen = False
        of, made = "records", []
        try:
            for number, stage in enumerate(stages):
                made.append(f"CREATE TEMP TABLE t{number} AS {stage.sql.format(of=of)}")
                self.sqlite.execute(made[-1])
                of = f"t{number}"
            columns = stages[-1].columns
            answer = self.sqlite.execute(f"SELECT {', '.join(f'[{column.name}]' for column in columns)} FROM {of} ORDER BY _o").fetchall()
        finally:
            for number in range(len(made)):
                self.sqlite.execute(f"DROP TABLE IF EXISTS t{number}")
        as_bool = [column.kind == "bool" for column in columns]
        return [[bool(value) if is_bool and value is not None else value for is_bool, value in zip(as_bool, row)] for row in answer], made


def is_same(got, expected, column):
    if got is None or expected is None:
        return got is expected
    if column.kind == "float":
        if not (isinstance(got, float) and isinstance(expected, (int, float))):
            return False
        return got == expected or column.tolerance and math.isclose(got, expected, rel_tol=column.tolerance, abs_tol=column.tolerance)
    return type(got) is type(expected) and got == expected


def difference(table, stages, threads):
    """What is different, or None; and what kind of agreement it is."""
    query = " | ".join(stage.text for stage in stages)
    came = table.ask(query, threads)
    errors = came.stderr.decode("utf-8", "replace")
    expected, made = table.expected(stages)
    overflows = rules.Overflow.seen
    told = f"query: {query}\nthreads: {threads}\nSQL:\n  " + "\n  ".join(made)
    # `if`, `and` and the like need not calculate all of their parts, nor a query what comes after its `head`.
    is_strict = all(stage.is_strict for stage in stages) and not any(re.search(r"\b(if|coalesce|and|or|in|head|count|distinct|top|bottom|grep|parse|stats)\b|\?\?", stage.text) for stage in stages)
    if came.returncode == 1 and ("integer overflow" in errors or "does not fit" in errors):
        return (None, "overflow") if overflows or rules.Wide.seen or not is_strict else (f"{told}\nan overflow that is none: {errors}", "")
    if came.returncode or errors:
        return f"{told}\nexit code {came.returncode}: {errors}", ""
    if overflows:
        return (None, "overflow not met") if not is_strict else (f"{told}\nan integer overflow was not found", "")
    if rules.Wide.seen:
        return None, "wider than SQLite has"
    columns = stages[-1].columns
    got = [json.loads(line, object_pairs_hook=list) for line in came.stdout.decode("utf-8").split("\n")[:-1]]
    names = [column.name for column in columns]
    for number, row in enumerate(got):
        if [name for name, _ in row] != names:
            return f"{told}\nrow {number}: columns {[name for name, _ in row]}, expected {names}", ""
        if number < len(expected) and not all(is_same(value, wanted, column) for (_, value), wanted, column in zip(row, expected[number], columns)):
            return f"{told}\nrow {number}: {[value for _, value in row]}\nexpected: {expected[number]}", ""
    if len(got) != len(expected):
        return f"{told}\n{len(got)} rows, expected {len(expected)}: {expected[:3]}", ""
    return None, "same rows" if got else "no rows"


def shrunk(table, stages, threads, told):
    """The query without the stages that the difference does not need."""
    at = 0
    while at < len(stages) and len(stages) > 1:
        fewer = stages[:at] + stages[at + 1:]
        try:
            found = difference(table, fewer, threads)[0]
        except sqlite3.Error:
            found = None
        # A stage that lacks its column, or has others, is another failure than the one looked for.
        if found and all((sign in found) == (sign in told) for sign in ("exit code 2", ": columns [")):
            stages, told = fewer, found
        else:
            at += 1
    return told


def check(programs, seed, count):
    """Asks `count` queries about one table; the differences, and how often there was which agreement."""
    r = random.Random(seed)
    found, agreements = [], {}
    with tempfile.TemporaryDirectory() as directory:
        table = Table(programs, directory, rows(r), r.choice([1, 3, 40]))
        for _ in range(count):
            writer = Stages(r, COLUMNS)
            stages = [writer.next() for _ in range(r.choice([1, 1, 2, 2, 3, 3, 4, 5, 6]))]
            threads = r.choice([1, 2, 8])
            told, how = difference(table, stages, threads)
            if told:
                found.append(f"seed {seed}, {len(table.records)} records\n{shrunk(table, stages, threads, told)}")
            agreements[how] = agreements.get(how, 0) + 1
    return found, agreements


def main():
    if sqlite3.sqlite_version_info < (3, 30):
        print(f"skipped: SQLite is {sqlite3.sqlite_version}, and NULLS LAST came with 3.30")
        return 0
    return runner.main(__doc__, check)


if __name__ == "__main__":
    sys.exit(main())
