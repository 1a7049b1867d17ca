#!/usr/bin/env python3
"""Asks random queries about fields that hold values of any type, come late, or are integers beyond 64 bits, and compares with `values.py`.

    tests/oracle/mixed_queries.py --bin target/release [--seed N] [--count N]

The records come as JSON or as CSV, in one file or in several. A difference is printed with the seed of its table, the query made as short
as it goes on differing, and both answers. Exit codes: 0 no difference, 1 differences. Needs Python 3.8.
"""

import csv
import json
import os
import random
import re
import subprocess
import sys
import tempfile

import runner
import values
from runner import DEADLINE_SECONDS
from values import AGGREGATES, MISSING, Moment, Overflow, calculated, compared, is_number, key, present

WIDE = [2**63, 2**64, 2**64 + 1, -2**63 - 1, 2**100, 2**127 - 1, -2**127, 2**53 + 1, 2**63 - 1, -2**63]
# A record of so many bytes, so that a sample does not see the thousandth.
FILLER = "x" * 700
# So many bytes of each input are its sample.
SAMPLE = 512 << 10


def number(r):
    return r.choice([r.randrange(-5, 6), r.randrange(-5, 6), r.randrange(-40, 41) / 4, r.choice(WIDE), 1e20, 0.1])


def anything(r):
    return r.choice([number(r), number(r), None, True, False, "a", "b", "", "10", "2.5", "true", "n/a", "ü", '"q"', "a,b", MISSING, 2**200])


def records(r):
    """The first of them have values of several types where there are such fields, so that a query of them is no certain mistake."""
    is_long = r.random() < 0.08
    count = 1020 if is_long else r.choice([4, 20, 60, 200])
    late_from = 1000 if is_long else r.choice([0, 1, count // 2, count - 2, count])
    keys = [anything(r) for _ in range(4)] + [1, 1.0, "1"]
    made = []
    for n in range(count):
        record = {"k": n, "h": number(r), "m": anything(r), "g": r.choice(keys), "s": f"s{r.randrange(4)}", "w": f"2026-03-{r.randrange(1, 29):02}T10:00:00+00:00"}
        if n < 4:
            record.update({"h": [1, 2.5, 3, -7][n], "m": ["b", 1, 2.5, True][n], "g": ["b", 1, 2.5, True][n]})
        if is_long:
            record["filler"] = FILLER
        record["late"] = ["b", 1][n - late_from] if n - late_from in (0, 1) else anything(r) if n > late_from else MISSING
        made.append({name: value for name, value in record.items() if value is not MISSING})
    return made, late_from < count, is_long


def of_json(value):
    """Whole numbers beyond 128 bits are text."""
    is_beyond = isinstance(value, int) and not values.LOWEST <= value <= values.HIGHEST
    return str(value) if is_beyond else value


def cell(value):
    return {None: "", True: "true", False: "false"}[value] if value is None or isinstance(value, bool) else repr(value) if is_number(value) else value


def of_cell(text, has_numbers=True):
    """What a cell is by its own bytes; an empty one also by whether the samples have numbers in its column."""
    if text == "":
        return None if has_numbers else ""
    if re.fullmatch(r"-?[1-9][0-9]*|0", text):
        return of_json(int(text))
    return float(text) if re.fullmatch(r"-?(0|[1-9][0-9]*)\.[0-9]+([eE][+-]?[0-9]+)?|-?[1-9][0-9]*[eE][+-][0-9]+", text) else text


class Table:
    """Records, as a saved stream and as they are to be understood."""

    def __init__(self, programs, directory, r):
        self.programs = programs
        made, self.has_late, self.is_long = records(r)
        parts = r.choice([1, 2, 3])
        size = -(-len(made) // parts)
        self.kind = r.choice(["json", "csv"])
        self.records, paths, sampled = [], [], set()
        for number, at in enumerate(range(0, len(made), size)):
            part = made[at:at + size]
            paths.append(os.path.join(directory, f"{number}.{self.kind}"))
            with open(paths[-1], "w", encoding="utf-8", newline="") as out:
                if self.kind == "json":
                    out.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in part)
                    self.records += [{name: of_json(value) for name, value in record.items()} for record in part]
                else:
                    names = sorted({name for record in part for name in record})
                    writer = csv.writer(out, lineterminator="\n")
                    writer.writerow(names)
                    for record in part:
                        cells = {name: cell(record.get(name)) for name in names}
                        writer.writerow(cells.values())
                        if out.tell() <= SAMPLE:
                            sampled.update(name for name, text in cells.items() if is_number(of_cell(text)))
                        self.records.append(cells)
        if self.kind == "csv":
            self.records = [{name: of_cell(text, name in sampled) for name, text in cells.items()} for cells in self.records]
        self.path = os.path.join(directory, "records.rec")
        command = [programs["producer"], self.kind, "-q", "--max-errors", "0", "--to", self.path, *paths]
        made = subprocess.run(command, capture_output=True, timeout=DEADLINE_SECONDS)
        if made.returncode or made.stderr:
            sys.exit(f"{' '.join(command)}: exit code {made.returncode}: {made.stderr.decode()}")

    def ask(self, query, options):
        return subprocess.run([self.programs["consumer"], "--from", self.path, *options, f"{query} | json"], stdin=subprocess.DEVNULL, capture_output=True, timeout=DEADLINE_SECONDS)


class Expression:
    """`text` and what it gives of a record; `kind` is "mixed" where it may be of any type, as far as a sample can tell."""

    def __init__(self, kind, text, of):
        self.kind, self.text, self.of = kind, text, of


def literal(r, kind):
    value = number(r) if kind == "number" else r.choice(["a", "b", "10", "s1", "n/a"])
    return Expression(kind, repr(value) if kind == "number" else f'"{value}"', lambda record: value)


class Writer:
    """Writes stages; `fields` are the names and the kinds of the columns at this place."""

    def __init__(self, r, table):
        self.r, self.made = r, 0
        self.fields = {"k": "number", "h": "number", "m": "mixed", "g": "mixed", "s": "text"}
        if table.has_late:
            self.fields["late"] = "mixed"
        self.may_come = {"late"} if table.is_long else set()
        self.has_times = True

    def field(self, kinds):
        names = [name for name, kind in self.fields.items() if kind in kinds]
        if not names:
            return None
        name = self.r.choice(names)
        return Expression(self.fields[name], name + ("?" if name in self.may_come else ""), lambda record: present(record.get(name)))

    def number(self, depth):
        """Of numbers, and of nulls where something else is calculated with."""
        r = self.r
        if depth == 0 or r.random() < 0.3:
            return (r.random() < 0.75 and self.field(("number", "mixed"))) or literal(r, "number")
        op = r.choice(["+", "-", "*", "+", "-", "*", "/", "//", "%"])
        a, b = self.number(depth - 1), self.number(depth - 1)
        return Expression("number", f"({a.text} {op} {b.text})", lambda record: calculated(op, a.of(record), b.of(record)))

    def value(self, depth):
        r = self.r
        field = self.field(("number", "mixed", "text"))
        choice = r.randrange(7)
        if depth == 0 or field is None or choice < 3:
            return field or literal(r, "number")
        if choice == 3:
            return self.number(depth)
        mixed = self.field(("mixed",))
        if mixed is None:
            return self.number(depth)
        if choice == 4:
            other = self.value(0)
            return Expression("mixed", f"({mixed.text} ?? {other.text})", lambda record: mixed.of(record) if mixed.of(record) is not None else other.of(record))
        condition, other = self.condition(depth - 1), self.value(0)
        if choice == 5 and self.has_times:
            other = Expression("mixed", "time(w)", lambda record: record.get("w") and Moment.of(record["w"]))
        return Expression("mixed", f"if({condition.text}, {mixed.text}, {other.text})", lambda record: mixed.of(record) if condition.of(record) else other.of(record))

    def condition(self, depth):
        r = self.r
        if depth > 0 and r.random() < 0.3:
            a, b = self.condition(depth - 1), self.condition(depth - 1)
            if r.random() < 0.3:
                return Expression("bool", f"(not {a.text})", lambda record: not a.of(record))
            word = r.choice(["and", "or"])
            return Expression("bool", f"({a.text} {word} {b.text})", lambda record: (a.of(record) and b.of(record)) if word == "and" else (a.of(record) or b.of(record)))
        mixed = self.field(("mixed",))
        if mixed and r.random() < 0.6:
            a, b = mixed, r.choice([self.value(1), literal(r, "number"), literal(r, "text"), Expression("null", "null", lambda record: None)])
        else:
            a, b = self.number(1), self.number(1)
        op = r.choice(["==", "!=", "<", "<=", ">", ">="])
        return Expression("bool", f"({a.text} {op} {b.text})", lambda record: compared(op, a.of(record), b.of(record)))

    def fresh(self):
        self.made += 1
        return f"n{self.made}"

    def named(self, make, most):
        """Expressions with names of their own."""
        return [(self.fresh(), make()) for _ in range(self.r.randrange(1, most + 1))]

    def next(self):
        return getattr(self, self.r.choice(["where", "where", "let", "select", "stats", "stats", "count_by", "sort", "sort", "top", "top", "distinct", "limit"]))()

    def where(self):
        condition = self.condition(2)
        return f"where {condition.text}", lambda rows: [row for row in rows if condition.of(row)]

    def let(self):
        value, name = self.value(2), self.fresh()
        self.fields[name] = value.kind
        return f"let {name} = {value.text}", lambda rows: [{**row, name: value.of(row)} for row in rows]

    def taken(self, items):
        self.fields = {name: value.kind for name, value in items}
        self.may_come, self.has_times = set(), False
        return ", ".join(f"{value.text} as {name}" for name, value in items)

    def select(self):
        items = self.named(lambda: self.value(2), 3)
        return f"select {self.taken(items)}", lambda rows: [{name: value.of(row) for name, value in items} for row in rows]

    def sort(self):
        keys = [(self.value(1), self.r.random() < 0.5) for _ in range(self.r.randrange(1, 3))]

        def ordered(rows):
            for value, descending in reversed(keys):
                rows = values.ordered(rows, value.of, descending)
            return rows

        return "sort " + ", ".join(("-" if descending else "") + f"({value.text})" for value, descending in keys), ordered

    def top(self):
        word, value, n = self.r.choice(["top", "bottom"]), self.value(1), self.r.choice([0, 1, 3, 10, 1000])
        return f"{word} {n} by {value.text}", lambda rows: values.best(rows, value.of, word == "top")[:n]

    def distinct(self):
        items = self.named(lambda: self.value(1), 2)

        def firsts(rows):
            found = {}
            for row in rows:
                given = {name: value.of(row) for name, value in items}
                found.setdefault(tuple(key(value) for value in given.values()), given)
            return list(found.values())

        return f"distinct {self.taken(items)}", firsts

    def limit(self):
        word, n = self.r.choice(["head", "tail", "skip"]), self.r.choice([0, 3, 10, 100])
        return f"{word} {n}", lambda rows: rows[:n] if word == "head" else rows[n:] if word == "skip" else rows[max(0, len(rows) - n):]

    def count_by(self):
        return self.grouped("count", [(self.fresh(), "count", None)], self.named(lambda: self.value(1), 1))

    def stats(self):
        aggregates = []
        for _ in range(self.r.randrange(1, 4)):
            word = self.r.choice(sorted(AGGREGATES))
            value = self.number(1) if word in ("sum", "avg") else self.value(1)
            aggregates.append((self.fresh(), word, value))
        return self.grouped("stats", aggregates, self.named(lambda: self.value(1), 2) if self.r.random() < 0.7 else [])

    def grouped(self, _, aggregates, keys):
        def gathered(rows):
            groups = {}
            for row in rows:
                given = {name: value.of(row) for name, value in keys}
                groups.setdefault(tuple(key(value) for value in given.values()), (given, []))[1].append(row)
            if not keys:
                groups = {(): ({}, rows)}
            # A tuple of keys is in the order of its first that differ: null is last.
            return [{**given, **{name: AGGREGATES[word]([value.of(row) for row in of]) if value else len(of) for name, word, value in aggregates}}
                    for _, (given, of) in sorted(groups.items(), key=lambda group: group[0])]

        text = "stats " + ", ".join(f"{word}({value.text}) as {name}" if value else f"count as {name}" for name, word, value in aggregates)
        kinds = {name: "number" if word in ("sum", "avg", "count", "distinct") else value.kind for name, word, value in aggregates}
        by = self.taken(keys)
        self.fields.update(kinds)
        return (f"{text} by {by}" if keys else text), gathered


def is_same(got, expected):
    """Of floats the shortest text is read back as the same float."""
    if isinstance(expected, Moment):
        return isinstance(got, str) and Moment.of(got).nanos == expected.nanos
    return isinstance(got, bool) == isinstance(expected, bool) and isinstance(got, float) == isinstance(expected, float) and got == expected


def difference(table, stages, options):
    query = " | ".join(text for text, _ in stages)
    told = f"{table.kind}: consumer {' '.join(options)} '{query} | json'"
    came = table.ask(query, options)
    errors = came.stderr.decode("utf-8", "replace")
    rows, overflows = table.records, False
    try:
        for _, of in stages:
            rows = of(rows)
    except Overflow:
        overflows = True
    if came.returncode == 1 and ("integer overflow" in errors or "in no year that a time can be" in errors):
        # More may be calculated than is needed.
        is_lazy = re.search(r"\b(if|and|or|head|skip|tail|top|bottom)\b|\?\?", query)
        return (None, "overflow") if overflows or is_lazy else (f"{told}\nan overflow that is none: {errors}", "")
    if came.returncode:
        return f"{told}\nexit code {came.returncode}: {errors}", ""
    if overflows:
        # What nobody asks for is not calculated.
        is_lazy = len(stages) > 1 or re.search(r"\b(if|and|or)\b|\?\?", query)
        return (None, "overflow not met") if is_lazy else (f"{told}\nan integer overflow was not found", "")
    got = [json.loads(line) for line in came.stdout.decode("utf-8").split("\n")[:-1]]
    for number, (row, expected) in enumerate(zip(got, rows)):
        # A field that is lacking counts as null.
        names = [name for name in {**expected, **row} if name != "w"]
        if not all(is_same(row.get(name), present(expected.get(name))) for name in names):
            return f"{told}\nrow {number}: {row}\nexpected: {expected}", ""
    if len(got) != len(rows):
        return f"{told}\n{len(got)} rows, expected {len(rows)}: {rows[:3]}", ""
    return None, "same rows" if got else "no rows"


def shrunk(table, stages, options, told):
    at = 0
    while at < len(stages) and len(stages) > 1:
        try:
            found = difference(table, stages[:at] + stages[at + 1:], options)[0]
        except (KeyError, TypeError):
            found = None
        # A stage that lacks its column is another failure than the one looked for.
        if found and all((sign in found) == (sign in told) for sign in ("exit code 2", "unknown field")):
            stages, told = stages[:at] + stages[at + 1:], found
        else:
            at += 1
    return told


def check(programs, seed, count):
    r = random.Random(seed)
    found, agreements = [], {}
    with tempfile.TemporaryDirectory() as directory:
        table = Table(programs, directory, r)
        for _ in range(count):
            writer = Writer(r, table)
            stages = [writer.next() for _ in range(r.choice([1, 1, 2, 2, 3, 4]))]
            options = r.choice([["-j1"], ["-j2"], ["-j8"], ["-j2", "--memory", "1MiB"], ["--processes", "2"]])
            told, how = difference(table, stages, options)
            if told:
                found.append(f"seed {seed}, {len(table.records)} records\n{shrunk(table, stages, options, told)}")
            agreements[how] = agreements.get(how, 0) + 1
    return found, agreements


if __name__ == "__main__":
    sys.exit(runner.main(__doc__, check))
