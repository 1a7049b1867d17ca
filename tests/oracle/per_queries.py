#!/usr/bin/env python3
"""Asks random queries that depend on the order of records, and compares with a plain evaluation: record after record, key after key.

    tests/oracle/per_queries.py --bin target/release [--seed N] [--count N]

A table is as many files as it has batches, of 1, 2, 3, 7 or more records. A difference is printed with its seed, the query, and the first
row that differs. Exit codes: 0 no difference, 1 differences. Needs Python 3.8.
"""

import datetime as dt
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from fractions import Fraction

import runner
from runner import DEADLINE_SECONDS

EPOCH = dt.datetime(2026, 3, 1, tzinfo=dt.timezone.utc)


def shown(seconds):
    return (EPOCH + dt.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S+00:00")


class Table:
    """Records as `difference` evaluates them, and as the programs read them."""

    def __init__(self, programs, directory, r):
        self.programs, self.records, self.paths = programs, [], []
        count, keys = r.choice([(5, 2), (40, 3), (300, 5), (300, 250), (3000, 20), (3000, 2500)])
        names = [f"k{n}" for n in range(keys)] + [None]
        size, clock = r.choice([1, 2, 3, 7, 1000]) if count < 1000 else 700, 0
        late_from = r.choice([0, count // 2, count])
        for n in range(count):
            clock += r.choice([0, 1, 5, 30, 200])
            record = {"n": n, "t": shown(clock), "clock": clock, "k": r.choice(names), "j": r.randrange(3), "x": r.choice([None, r.randrange(-50, 50), r.randrange(5)]),
                      "f": r.randrange(-20, 20) / 4, "s": f"text {r.randrange(5)}" if r.random() < 0.9 else None}
            if n >= late_from:
                record["late"] = n % 3
            self.records.append(record)
        # A time out of order by no more than this.
        self.slack = r.choice([0, 0, 10])
        if self.slack:
            self.records.sort(key=lambda record: record["clock"] + r.randrange(self.slack + 1))
        at = 0
        while at < count:
            part = self.records[at:at + size]
            self.paths.append(os.path.join(directory, f"{len(self.paths):05}.json"))
            with open(self.paths[-1], "w", encoding="utf-8") as out:
                out.writelines(json.dumps({name: value for name, value in record.items() if name != "clock"}) + "\n" for record in part)
            at += size
        self.path = os.path.join(directory, "records.rec")
        command = [programs["producer"], "json", "-q", "--cast", "t=time", "--to", self.path, *self.paths]
        made = subprocess.run(command, capture_output=True, timeout=DEADLINE_SECONDS)
        if made.returncode or made.stderr:
            sys.exit(f"{' '.join(command)}: exit code {made.returncode}: {made.stderr.decode()}")

    def ask(self, query, options):
        return subprocess.run([self.programs["consumer"], "--from", self.path, *options, f"{query} | json"], stdin=subprocess.DEVNULL, capture_output=True, timeout=DEADLINE_SECONDS)


def exact_sum(values):
    if not values:
        return None
    return sum(values) if all(isinstance(value, int) for value in values) else float(sum(map(Fraction, values)))


AGGREGATES = {
    "count": lambda values, rows: len(rows),
    "count(x)": lambda values, rows: sum(row["x"] is not None for row in rows),
    "count(j == 1)": lambda values, rows: sum(row["j"] == 1 for row in rows),
    "sum({})": lambda values, rows: exact_sum(values),
    "avg({})": lambda values, rows: float(sum(map(Fraction, values)) / len(values)) if values else None,
    "min({})": lambda values, rows: min(values, default=None),
    "max({})": lambda values, rows: max(values, default=None),
    "first({})": lambda values, rows: values[0] if values else None,
    "last({})": lambda values, rows: values[-1] if values else None,
    "median({})": lambda values, rows: float(statistics.median(values)) if values else None,
    "distinct({})": lambda values, rows: len(set(values)),
}


def key_of(record, keys):
    return tuple(record[key] for key in keys)


def per(r):
    keys = r.choice([[], ["k"], ["k"], ["k"], ["k", "j"], ["x"], ["f"]])
    return keys, "" if not keys else f" per {keys[0]}" if len(keys) == 1 else f" per ({', '.join(keys)})"


def window(r):
    """A value that is computed of other records: its text, and what it is of the record at `at` among those of its key."""
    field = r.choice(["x", "f", "n"])
    choice = r.randrange(5)
    if choice == 0:
        field, n = r.choice(["x", "f", "s", "t", "n", "late?"]), r.choice([1, 1, 2, 5])
        text = f"prev({field})" if n == 1 else f"prev({field}, {n})"
        name = field.rstrip("?")
        return text, lambda rows, at: rows[at - n].get(name) if at >= n else None
    if choice == 1:
        return "number()", lambda rows, at: at + 1
    form = r.choice(list(AGGREGATES))
    text, of = form.format(field), AGGREGATES[form]

    def aggregate(rows):
        return of([row[field] for row in rows if row[field] is not None], rows)

    if choice == 2:
        return f"{text} so far", lambda rows, at: aggregate(rows[:at + 1])
    if choice == 3:
        n = r.choice([1, 2, 3, 10, 1000])
        return f"{text} last {n}", lambda rows, at: aggregate(rows[max(0, at + 1 - n):at + 1])
    cache = {}
    return f"total({text})", lambda rows, at: cache.setdefault(id(rows), aggregate(rows))


def groups(records, keys):
    """Of each record, those of its key and its place among them."""
    found, places = {}, []
    for record in records:
        rows = found.setdefault(key_of(record, keys), [])
        rows.append(record)
        places.append((rows, len(rows) - 1))
    return places


def let(r, table):
    parts, made = [], {}
    for i in range(r.choice([1, 1, 2, 3])):
        keys, text = per(r)
        written, of = window(r)
        parts.append(f"w{i} = {written}{text}")
        made[f"w{i}"] = (keys, of)

    def rows(records):
        columns = {name: [of(group, at) for group, at in groups(records, keys)] for name, (keys, of) in made.items()}
        return [{**record, **{name: columns[name][n] for name in columns}} for n, record in enumerate(records)]

    return f"let {', '.join(parts)}", rows


def head(r, table):
    n, (keys, text) = r.choice([0, 1, 2, 5]), per(r)
    if not keys:
        return f"head {n}", lambda records: records[:n]
    return f"head {n}{text}", lambda records: [group[at] for group, at in groups(records, keys) if at < n]


def tail(r, table):
    n, (keys, text) = r.choice([1, 2, 5]), per(r)
    if not keys:
        return f"tail {n}", lambda records: records[-n:]
    return f"tail {n}{text}", lambda records: [group[at] for group, at in groups(records, keys) if at >= len(group) - n]


def top(r, table):
    n, field, word = r.choice([1, 2, 3]), r.choice(["x", "f", "n"]), r.choice(["top", "bottom"])
    keys, text = r.choice([(["k"], "k"), (["k", "j"], "(k, j)"), (["j"], "j")])
    sign = -1 if word == "top" else 1

    def rows(records):
        best = {}
        for record in records:
            best.setdefault(key_of(record, keys), []).append(record)
        rank = lambda record: (record[field] is None, sign * (record[field] or 0))
        chosen = {id(record) for rows in best.values() for record in sorted(rows, key=rank)[:n]}
        return [record for record in records if id(record) in chosen]

    return f"{word} {n} by {field} per {text}", rows


def distinct(r, table):
    field = r.choice(["x", "s", "j"])

    def rows(records):
        seen, made = set(), []
        for record in records:
            value = (record["k"], record[field])
            if value not in seen:
                seen.add(value)
                made.append({"k": record["k"], field: record[field]})
        return made

    return f"distinct {field} per k", rows


def session(r, table):
    gap, most = r.choice([1, 5, 30, 100, 1000]), r.choice([None, 60, 500])
    slack = f" slack {table.slack}s" if table.slack else ""

    def rows(records):
        began, last, made = {}, {}, []
        # Stable, as the order of the input is kept of equal times.
        for record in sorted(records, key=lambda record: record["clock"]) if slack else records:
            key, clock = record["k"], record["clock"]
            if key not in last or clock - last[key] > gap or most is not None and clock - began[key] > most:
                began[key] = clock
            last[key] = clock
            made.append({**record, "sid": shown(began[key])})
        return made

    most_text = "" if most is None else f" max {most}s"
    return f"session k of t gap {gap}s{most_text} as sid{slack}", rows


def is_same(a, b):
    return abs(a - b) <= 1e-12 * abs(b) if isinstance(a, float) and isinstance(b, float) else a == b


def difference(table, query, rows, options):
    told = f"consumer {' '.join(options)} '{query}'"
    came = table.ask(query, options)
    if came.returncode or came.stderr:
        return f"{told}\nexit code {came.returncode}: {came.stderr.decode('utf-8', 'replace')}"
    expected = rows(table.records)
    got = [json.loads(line) for line in came.stdout.decode("utf-8").split("\n")[:-1]]
    for number, (row, wanted) in enumerate(zip(got, expected)):
        names = {name for name in {**row, **wanted} if name != "clock"}
        wrong = [name for name in names if not is_same(row.get(name), wanted.get(name))]
        if wrong:
            return f"{told}\nrow {number}, {wrong}: {row}\nexpected: {wanted}"
    if len(got) != len(expected):
        return f"{told}\n{len(got)} rows, expected {len(expected)}"
    return None


def check(programs, seed, count):
    r = random.Random(seed)
    found, agreements = [], {}
    with tempfile.TemporaryDirectory() as directory:
        table = Table(programs, directory, r)
        for _ in range(count):
            make = r.choice([let, let, let, let, head, tail, top, distinct, session])
            text, rows = make(r, table)
            stages, steps = [text], [rows]
            if make is not distinct and r.random() < 0.3:
                # Behind another stage that depends on order, it runs in one place.
                stages.insert(0, "where j != 1" if r.random() < 0.5 else "skip 1")
                steps.insert(0, (lambda records: [record for record in records if record["j"] != 1]) if "where" in stages[0] else (lambda records: records[1:]))
            options = r.choice([["-j1"], ["-j2"], ["-j4"], ["-j2", "--memory", "2MiB"], ["--processes", "2"]])

            def evaluated(records, steps=steps):
                for step in steps:
                    records = step(records)
                return records

            told = difference(table, " | ".join(stages), evaluated, options)
            if told:
                found.append(f"seed {seed}, {len(table.records)} records in {len(table.paths)} files\n{told}")
            agreements[make.__name__] = agreements.get(make.__name__, 0) + 1
    return found, agreements


if __name__ == "__main__":
    sys.exit(runner.main(__doc__, check))
