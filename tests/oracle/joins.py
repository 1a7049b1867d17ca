#!/usr/bin/env python3
"""Asks `consumer` random lookups and joins of two random tables, and compares the answers with those of plain Python.

    tests/oracle/joins.py --bin target/release [--seed N] [--count N]

Each pair of tables comes with its own seed, from which its queries follow. Every answer is asked for with several numbers of threads and
processes, and within little memory, where a join sorts both sides in temporary files. Exit codes: 0 no difference, 1 differences.
"""

import bisect
import collections
import datetime
import ipaddress
import json
import os
import random
import subprocess
import sys
import tempfile
from fractions import Fraction

import runner
from runner import DEADLINE_SECONDS

WAYS = (("-j", "1"), ("-j", "3"), ("--processes", "2"), ("-j", "2", "--memory", "64KiB"), ("--processes", "1", "--memory", "1MiB"))
EPOCH = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)


def stamp(second):
    offset = datetime.timezone(datetime.timedelta(hours=second % 3 - 1))
    return (EPOCH + datetime.timedelta(seconds=second)).astimezone(offset).isoformat()


def key_of(value):
    """What is equal has the same; `None` is equal to nothing."""
    if value is None:
        return None
    if isinstance(value, bool):
        return ("bool", value)
    if isinstance(value, (int, float)):
        return ("number", Fraction(value))
    return ("text", value)


def keys_of(row, names):
    keys = tuple(key_of(row[name]) for name in names)
    return None if None in keys else keys


class Tables:
    """Two tables: `k` and `l` are keys, `t` is a time, `a` an address, `net` a network, `v` and `w` are values."""

    def __init__(self, r, directory):
        self.r = r
        pools = [[1, 2, 3, 4, 5, 2**62, -7], [1, 1.0, 2.5, 2**70, 3, -0.0, 0], ["a", "b", "", "a b", "é", "b\u0000c"], [1, 1.0, "1", True, "a", 2.5, False]]
        pool = r.choice(pools)
        spread = r.choice([0, 0, 50, 1000])
        if spread:
            pool = pool + [r.randrange(spread) if not isinstance(pool[0], str) else f"k{r.randrange(spread)}" for _ in range(spread)]
        self.seconds = r.choice([20, 1000])

        def maybe(value):
            return None if r.random() < 0.1 else value

        def left(i):
            return {"k": maybe(r.choice(pool)), "l": maybe(r.randrange(3)), "t": maybe(stamp(r.randrange(self.seconds))), "a": maybe(r.choice([f"10.0.0.{r.randrange(40)}", f"2001:db8::{r.randrange(20):x}", "none"])), "v": i}

        def right(i):
            bits = r.randrange(24, 33)
            network = ipaddress.ip_network((f"10.0.0.{r.randrange(40)}", bits), strict=False) if r.random() < 0.8 else ipaddress.ip_network((f"2001:db8::{r.randrange(20):x}", r.randrange(120, 129)), strict=False)
            return {"k": maybe(r.choice(pool)), "l": maybe(r.randrange(3)), "t": maybe(stamp(r.randrange(self.seconds))), "net": maybe(str(network)), "w": maybe(r.choice([i, f"text {i}", i / 4, "x" * (i % 7 * 20)]))}

        self.left = [left(i) for i in range(r.choice([1, 30, 300, 900]))]
        self.right = [right(i) for i in range(r.choice([1, 5, 40, 400, 400]))]
        if r.random() < 0.5:
            # Keys that are there once.
            seen = set()
            self.right = [row for row in self.right if row["k"] is None or not (key_of(row["k"]) in seen or seen.add(key_of(row["k"])))]
        self.directory = directory
        with open(os.path.join(directory, "right.json"), "w", encoding="utf-8") as out:
            out.writelines(json.dumps(row) + "\n" for row in self.right)
        # All fields are known from the beginning.
        with open(os.path.join(directory, "left.json"), "w", encoding="utf-8") as out:
            out.writelines(json.dumps(row) + "\n" for row in self.left)

    def query(self):
        """A query, and its answer; `None` where a key is there twice and must not be."""
        r = self.r
        how = r.choice(["equal", "equal", "join", "join", "time", "network"])
        partners = r.choice(["", "first", "last", "each"])
        keep, word, nearby = "all", "lookup", None
        if how == "network":
            names, written, nearby = (), "a in net", "network"
        elif how == "time":
            names = r.choice([(), ("l",), ("k",)])
            side = r.choice(["before", "after", "nearest"])
            within = r.choice([None, None, 0, 5, 60])
            written, nearby = ", ".join([*names, f"t {side}" + ("" if within is None else f" within {within}s")]), "time"
        else:
            names = r.choice([("k",), ("k",), ("k", "l"), ("l", "k")])
            written = ", ".join(names)
            if how == "join":
                word, keep = "join", r.choice(["only", "all", "none"])
        policy = partners or ("each" if word == "join" else "one")
        query = f'{word} "right.json" on {written} keep w {partners} {keep if word == "join" else ""}'

        groups = collections.OrderedDict()
        for row in self.right:
            keys = keys_of(row, names)
            exact = row["net"] and ipaddress.ip_network(row["net"]) if nearby == "network" else row["t"] and datetime.datetime.fromisoformat(row["t"]) if nearby == "time" else 0
            if keys is not None and exact is not None:
                groups.setdefault((keys, exact), []).append(row)
        if policy == "one" and any(len(rows) > 1 for rows in groups.values()):
            return query, None
        by_keys = collections.defaultdict(list)
        for (keys, exact), rows in groups.items():
            by_keys[keys].append((exact, rows))
        if nearby == "time":
            for found in by_keys.values():
                found.sort(key=lambda pair: pair[0])

        def rows_of(row):
            keys = keys_of(row, names)
            if keys is None:
                return []
            if nearby == "network":
                try:
                    address = ipaddress.ip_address(row["a"] or "")
                except ValueError:
                    return []
                held = [(network.prefixlen, rows) for network, rows in by_keys[keys] if address in network]
                return max(held, key=lambda pair: pair[0])[1] if held else []
            if nearby == "time":
                if row["t"] is None:
                    return []
                time = datetime.datetime.fromisoformat(row["t"])
                found = by_keys[keys]
                times = [at for at, _ in found]
                before, after = bisect.bisect_right(times, time) - 1, bisect.bisect_left(times, time)
                near = {"before": [before] if before >= 0 else [], "after": [after] if after < len(times) else []}
                near["nearest"] = sorted(near["before"] + near["after"], key=lambda i: abs(times[i] - time))[:1]
                return [rows for i in near[side] if within is None or abs((times[i] - time).total_seconds()) <= within for rows in found[i][1]]
            return groups.get((keys, 0), [])

        answer = []
        for row in self.left:
            rows = rows_of(row)
            rows = {"first": rows[:1], "last": rows[-1:]}.get(policy, rows)
            if keep == "none":
                answer += [] if rows else [(row["v"], None)]
            elif rows:
                answer += [(row["v"], other["w"]) for other in rows]
            elif keep == "all":
                answer.append((row["v"], None))
        return query + (" | let w = null" if keep == "none" else ""), answer


def check(programs, seed, count):
    r = random.Random(seed)
    differences, agreements = [], collections.Counter()
    with tempfile.TemporaryDirectory() as directory:
        tables = Tables(r, directory)
        made = subprocess.run([programs["producer"], "json", "-q", "--cast", "t=time", "-j", "1", "--to", "left.rec", "left.json"], cwd=directory, capture_output=True, timeout=DEADLINE_SECONDS)
        if made.returncode:
            sys.exit(f"producer: {made.stderr.decode()}")
        for _ in range(count):
            query, answer = tables.query()
            ways = [WAYS[0], r.choice(WAYS[1:])]
            told = None
            for way in ways:
                got = subprocess.run([programs["consumer"], "-q", "--from", "left.rec", *way, f"{query} | select v, w | json"], cwd=directory, stdin=subprocess.DEVNULL, capture_output=True, timeout=DEADLINE_SECONDS)
                said = got.stderr.decode()
                if "more than" in said and got.returncode == 2 and "--memory" in way and query.startswith("lookup"):
                    agreements["too large for a lookup"] += 1
                elif answer is None:
                    if got.returncode != 2 or "is there twice" not in said or got.stdout:
                        told = f"expected an error, exit {got.returncode}: {said}"
                elif "they are never equal" in said and got.returncode == 2:
                    agreements["refused"] += 1
                elif got.returncode:
                    told = f"exit {got.returncode}: {said}"
                else:
                    came = [(row["v"], row.get("w")) for row in map(json.loads, got.stdout.decode().splitlines())]
                    if came != answer or [type(w) for _, w in came] != [type(w) for _, w in answer]:
                        first = next((i for i, pair in enumerate(zip(came, answer)) if pair[0] != pair[1]), min(len(came), len(answer)))
                        told = f"{len(came)} records for {len(answer)}; at {first}: {came[first:first + 3]} for {answer[first:first + 3]}"
                if told:
                    differences.append(f"seed {seed}: consumer {' '.join(way)} '{query}'\n{told}")
                    break
            else:
                agreements["twice" if answer is None else "same"] += 1
    return differences, dict(agreements)


if __name__ == "__main__":
    sys.exit(runner.main(__doc__, check))
