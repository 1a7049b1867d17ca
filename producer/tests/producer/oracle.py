"""Writes hostile CSV and JSON files, and what Python reads in them: see oracle.rs.

usage: oracle.py DIRECTORY SEED
"""
import csv, json, random, re, struct, sys

directory, seed = sys.argv[1], int(sys.argv[2])
chance = random.Random(seed)
INT = re.compile(r"-?(0|[1-9]\d*)\Z")
FLOAT = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?\Z")


def shown(value):
    if value is None:
        return "~"
    if isinstance(value, bool):
        return "b" + str(value).lower()
    if isinstance(value, int):
        return "i" + str(value)
    if isinstance(value, float):
        return "f" + struct.pack(">d", value).hex()
    return "t" + value.encode("utf-8", "surrogateescape").hex()


def fits(n):
    return -2**63 <= n < 2**63


def as_int(text):
    return int(text) if INT.match(text) and text != "-0" and fits(int(text)) else None


def as_float(text):
    if not FLOAT.match(text) or (INT.match(text) and not fits(int(text))):
        return None
    number = float(text)
    return number if abs(number) != float("inf") else None


def write_csv(name):
    words = ["", "a", "é", "\x00", "\udcff", 'q"q', '"', '""', ",", "\n", "\r\n", "x\ny", " ", "\t", "NULL", "-", "'", "\\", "5\" pipe"]
    ints = ["0", "-1", "9223372036854775807", "-9223372036854775808", "42", ""]
    floats = ["0.5", "-1e300", "1E-5", "3", "-0", "0.1", ""]
    large = ["9223372036854775808", "1", "007", ""]
    text = lambda: "".join(chance.choices(words, k=chance.randrange(4)))
    kinds = [text, lambda: chance.choice(ints), lambda: chance.choice(floats), lambda: chance.choice(large)]
    columns = [chance.choice(kinds) for _ in range(chance.randrange(2, 7))]
    with open(name, "w", newline="", encoding="utf-8", errors="surrogateescape") as out:
        end = chance.choice(["\n", "\r\n"])
        writer = csv.writer(out, lineterminator=end, quoting=chance.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
        writer.writerow([f"c{i}" for i in range(len(columns))])
        for _ in range(chance.randrange(1, 3000)):
            row = [column() for column in columns]
            if chance.random() < 0.002:
                row.append("ragged")
            writer.writerow(row)
            if chance.random() < 0.01:
                out.write(end)
    with open(name, newline="", encoding="utf-8", errors="surrogateescape") as text:
        rows = [row for row in csv.reader(text) if row]
    header, body = rows[0], [row for row in rows[1:] if len(row) == len(rows[0])]
    readers = []
    for i in range(len(header)):
        values = [row[i] for row in body if row[i]]
        reader = next((r for r in (as_int, as_float) if values and all(r(v) is not None for v in values)), None)
        readers.append((lambda v, r=reader: r(v) if v else None) if reader else lambda v: v)
    return [[shown(reader(value)) for reader, value in zip(readers, row)] for row in body]


def write_json(name):
    def leaf(kind):
        texts = ["", "a", "\"", "\\", "\n", "\u0000", "é😀", "\u2028", "/", "{\"x\":1}"]
        return {
            "text": lambda: "".join(chance.choices(texts, k=chance.randrange(4))),
            "int": lambda: chance.choice([0, -1, 2**63 - 1, -2**63, 42]),
            "float": lambda: chance.choice([0.5, -1e300, 1e-300, 2**63, -2**70, 10**300, 3]),
            "bool": lambda: chance.random() < 0.5,
            "array": lambda: [chance.choice([1, "x", None, {"k": [1.5]}]) for _ in range(chance.randrange(3))],
        }[kind]()

    keys = {}
    for i in range(chance.randrange(1, 9)):
        path = ".".join(chance.choice(["a", "é", "k\"", "x y", ""]) + str(i) for _ in range(chance.choice([1, 1, 2, 3, 120])))
        keys[path] = chance.choice(["text", "int", "float", "bool", "array"])
    fields, rows = {}, []
    with open(name, "w", encoding="utf-8") as out:
        for _ in range(chance.randrange(1, 150)):
            record = {}
            for path, kind in keys.items():
                if chance.random() < 0.2:
                    continue
                at, parts = record, path.split(".")
                for part in parts[:-1]:
                    at = at.setdefault(part, {})
                at[parts[-1]] = None if chance.random() < 0.1 else leaf(kind if chance.random() > 0.001 else "text")
            line = json.dumps(record, ensure_ascii=chance.random() < 0.5, separators=chance.choice([(",", ":"), (", ", ": ")]))
            out.write(line + chance.choice(["\n", "\r\n", "\n \n"]))
            flat = flatten("", record, {})
            kinds = dict(fields)
            if all(learn(kinds, path, value) for path, value in flat.items()):
                fields = kinds
                rows.append(flat)
            else:
                fields = {path: "float" if kinds[path] == "float" and kind == "int" else kind for path, kind in fields.items()}

    def cell(path, row):
        value = row.get(path)
        if isinstance(value, list):
            return "a" + json.dumps(value)
        is_float = fields[path] == "float" and isinstance(value, int)
        return shown(float(value) if is_float else value)

    return [[cell(path, row) for path in fields] for row in rows]


def flatten(prefix, record, into):
    for key, value in record.items():
        path = f"{prefix}.{key}" if prefix else key
        if isinstance(value, dict):
            flatten(path, value, into)
        else:
            into[path] = value
    return into


def learn(fields, path, value):
    """Whether the value fits the field; the field may become another for it."""
    known = fields.setdefault(path, None)
    kind = {bool: "bool", int: "int", float: "float", str: "text", list: "text", type(None): None}[type(value)]
    if kind == "int" and not fits(value):
        kind = "float"
    if kind is None or known == kind or (known, kind) == ("float", "int"):
        return True
    if known is None or (known, kind) == ("int", "float"):
        fields[path] = kind
        return True
    return False


for form, write in (("csv", write_csv), ("json", write_json)):
    for i in range(12):
        name = f"{directory}/{i}.{form}"
        rows = write(name)
        with open(name + ".want", "w") as out:
            out.writelines("|".join(row) + "\n" for row in rows)
