"""What every script that asks random queries does: tables by their seeds, several at a time, and what came of them."""

import argparse
import concurrent.futures
import os
import random

QUERIES_OF_A_TABLE = 50
DEADLINE_SECONDS = 120


def main(doc, check):
    """`check(programs, seed, count)` asks so many queries about one table: the differences, and how often there was which agreement."""
    parser = argparse.ArgumentParser(description=doc.split("\n", 1)[0])
    parser.add_argument("--bin", required=True, help="the directory of producer and consumer")
    parser.add_argument("--seed", type=int, default=None, help="of the first table; default: a random one")
    parser.add_argument("--count", type=int, default=1000, help="how many queries, in all")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="how many tables at the same time")
    args = parser.parse_args()
    programs = {name: os.path.join(os.path.abspath(args.bin), name) for name in ("producer", "consumer")}
    first = random.SystemRandom().randrange(2**32) if args.seed is None else args.seed
    tables = -(-args.count // QUERIES_OF_A_TABLE)
    counts = [min(QUERIES_OF_A_TABLE, args.count - i * QUERIES_OF_A_TABLE) for i in range(tables)]
    differences, agreements = [], {}
    with concurrent.futures.ProcessPoolExecutor(args.jobs) as pool:
        for found, how in pool.map(check, [programs] * tables, range(first, first + tables), counts):
            differences += found
            for kind, times in how.items():
                agreements[kind] = agreements.get(kind, 0) + times
    for told in differences[:10]:
        print(f"{told}\n")
    print(f"{args.count} queries from seed {first}: {len(differences)} differences; " + ", ".join(f"{times} {kind}" for kind, times in sorted(agreements.items()) if kind))
    return 1 if differences else 0
