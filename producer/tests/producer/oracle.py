"""Writes hostile CSV and JSON files, and what Python reads in them: see oracle.rs.

usage: oracle.py DIRECTORY SEED
"""
import csv, json, math, os, random, re, struct, sys

csv.field_size_limit(1 << 30)
sys.setrecursionlimit(10_000)
directory, seed = sys.argv[1], int(sys.argv[2])
chance = random.Random(seed)
INT = re.compile(r"-?(0|[1-9]\d*)\Z")
FLOAT = re.compile(r"-?(?:(?:0|[1-9]\d*)?\.\d+(?:[eE][+-]?\d+)?|(?:0|[1-9]\d*)[eE][+-]\d+)\Z")


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


LONG = 20_000

# Larger files than a sample would have their leading zeros from the sample alone.
MOST = 500_000


def fits(n):
    return -2**127 <= n < 2**127


def cell(text):
    """What a cell without a type is by itself."""
    if INT.match(text) and text != "-0":
        return int(text) if fits(int(text)) else text
    if text == "-0":
        return -0.0
    number = float(text) if FLOAT.match(text) else None
    if number is None or math.isinf(number) or (number == 0 and re.search("[1-9]", re.split("[eE]", text)[0])):
        return text
    return number


def write_csv(name, delimiter=","):
    words = ["", "a", "é", "\x00", "\udcff", 'q"q', '"', '""', ",", "\n", "\r\n", "x\ny", " ", "\t", "NULL", "-", "'", "\\", "5\" pipe", "]]>", "&amp;", "\ufeff", "\u2028", "\x1a"]
    quoting = chance.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
    if quoting == csv.QUOTE_ALL:
        # Python ends a row with a bare one; here it is text.
        words.append("\r")
    ints = ["0", "-1", "9223372036854775807", "-9223372036854775808", "42", ""]
    floats = ["0.5", "-1e300", "1E-5", "3", "-0", "0.1", ""]
    large = ["9223372036854775808", "1", "007", ""]
    odd = ["1e400", "nan", "Infinity", "-inf", "1_000", " 1", "1 ", "+1", "0x10", "\u0661", "1.", ".5", "1e5", "-0", "--1", "1e", "0" * 30, "9" * 400]
    text = lambda: "".join(chance.choices(words, k=chance.randrange(4))) + "y" * (LONG if chance.random() < 0.0003 else 0)
    kinds = [text, lambda: chance.choice(odd), lambda: chance.choice(odd[12:14]), lambda: chance.choice(ints), lambda: chance.choice(floats), lambda: chance.choice(large)]
    columns = [chance.choice(kinds) for _ in range(chance.randrange(2, 7))]
    with open(name, "w", newline="", encoding="utf-8", errors="surrogateescape") as out:
        end = chance.choice(["\n", "\r\n"])
        # Tabs have no quotes around them, but backslashes: a record is a line.
        plain = lambda text: text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
        written = []
        def write(row):
            written.append(row)
            if delimiter == "\t":
                out.write(delimiter.join(map(plain, row)) + end)
            else:
                writer.writerow(row)
        writer = csv.writer(out, lineterminator=end, quoting=quoting, delimiter=delimiter)
        out.write(chance.choice(["", "", "\ufeff", end if delimiter == "," else ""]))
        names = [chance.choice([f"c{i}", f"c{i}", "", "a", "a", "a_2", 'q"', "x\ny"]) for i in range(len(columns))]
        write(names)
        for _ in range(chance.choice([0, 1, 3, chance.randrange(1, 3000)])):
            row = [column() for column in columns]
            if chance.random() < 0.002:
                row.append("ragged")
            write(row)
            if chance.random() < 0.01:
                out.write(end)
    with open(name, newline="", encoding="utf-8", errors="surrogateescape") as text:
        if text.read(1) != "\ufeff":
            text.seek(0)
        rows = written if delimiter == "\t" else [row for row in csv.reader(text, delimiter=delimiter) if row]
    header, body = rows[0], [row for row in rows[1:] if len(row) == len(rows[0])]
    readers = []
    for i in range(len(header)):
        values = [row[i] for row in body if row[i]]
        zeros = any(re.match(r"-?0[0-9]+\Z", value) for value in values)
        numbers = not zeros and any(not isinstance(cell(value), str) for value in values)
        readers.append((lambda v: v) if zeros else (lambda v, numbers=numbers: None if numbers and not v else cell(v)))
    return [[shown(reader(value)) for reader, value in zip(readers, row)] for row in body]


def write_json(name):
    def leaf(kind):
        texts = ["", "a", "\"", "\\", "\n", "\u0000", "é😀", "\u2028", "/", "{\"x\":1}", "\ufeff", "]]>", "\r\n", "\x7f", "NaN"]
        halves = ["\ud83d", "\ude00", "\ud800"] if chance.random() < 0.1 else []
        return {
            "text": lambda: "".join(chance.choices(texts + halves, k=chance.randrange(4))) + "y" * (LONG if chance.random() < 0.002 else 0),
            "int": lambda: chance.choice([0, -1, 2**63 - 1, -2**63, 42, 2**64, -2**127, 2**127]),
            "float": lambda: chance.choice([0.5, -1e300, 1e-300, 2**63, -2**70, 10**300, 3, -0.0, 5e-324, 1.7976931348623157e308, 0]),
            "bool": lambda: chance.random() < 0.5,
            "array": lambda: [chance.choice([1, "x", None, {"k": [1.5]}]) for _ in range(chance.randrange(3))],
        }[kind]()

    def hostile(text):
        """The object's text, changed to what is none, or is another one."""
        values = ["-0", "NaN", "Infinity", "-Infinity", "1" + "0" * 400, "1e400", "1E5", "01", "1.", "+1", "\"\\ud83d\\ude00\"", "\"\t\"", "tru"]
        nested = lambda n: "{\"n\":" * n + "1" + "}" * n
        comma = "" if text == "{}" else ","
        # A path that stands twice: the last counts.
        path, kind = chance.choice(list(keys.items()))
        return chance.choice([
            lambda: text[:-1] + comma + f'"odd{chance.randrange(3)}":{chance.choice(values)}}}',
            lambda: text[:-1],
            lambda: text + chance.choice(["}", ",", "{}", "x"]),
            lambda: f"{{{json.dumps(path)}:{json.dumps(leaf(kind))}{comma}{text[1:]}",
            lambda: chance.choice(["[]", "1", "null", "\"x\"", "{,}", "{\"a\"}", "[1,]", "NaN"]),
            lambda: nested(chance.choice([127, 128, 129, 900])),
            lambda: "{\"d\":" + "[" * (depth := chance.choice([126, 127, 128, 900])) + "]" * depth + "}",
            lambda: "{\"" + "k" * chance.choice([4096, 4097]) + "\":1}",
        ])()

    keys = {}
    for i in range(chance.randrange(1, 9)):
        path = ".".join(chance.choice(["a", "é", "k\"", "x y", ""]) + str(i) for _ in range(chance.choice([1, 1, 2, 3, 120])))
        keys[path] = chance.choice(["text", "int", "float", "bool", "array"])
    fields, rows = {}, []
    kinds = list(keys.values())
    with open(name, "w", encoding="utf-8", newline="") as out:
        out.write(chance.choice(["", "", "\ufeff"]))
        for nth in range(chance.randrange(150)):
            record = {}
            for path, kind in keys.items():
                if chance.random() < 0.2:
                    continue
                at, parts = record, path.split(".")
                for part in parts[:-1]:
                    at = at.setdefault(part, {})
                at[parts[-1]] = None if chance.random() < 0.1 else leaf(kind if chance.random() > 0.1 else chance.choice(kinds))
            ascii = chance.random() < 0.5
            line = json.dumps(record, ensure_ascii=ascii, separators=chance.choice([(",", ":"), (", ", ": ")]))
            if not ascii and any("\ud800" <= letter < "\ue000" for letter in line):
                line = json.dumps(record)
            # The first tells how objects lie in the file.
            if nth > 0 and chance.random() < 0.05:
                line = hostile(line)
            out.write(line + chance.choice(["\n", "\r\n", "\n \n"]))
            flat = read(line)
            if flat is not None:
                fields.update(dict.fromkeys(flat))
                rows.append(flat)

    def cell(path, row):
        value = row.get(path)
        if path not in row:
            return "-"
        if isinstance(value, list):
            return "a" + json.dumps(value)
        whole = isinstance(value, int) and not isinstance(value, bool)
        return shown(str(value) if whole and not fits(value) else value)

    return [[cell(path, row) for path in fields] for row in rows]


def finite(digits):
    value = float(digits)
    if math.isinf(value):
        raise ValueError(digits)
    return value


def depth(value):
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if parts is None else 1 + max(map(depth, parts), default=0)


def read(line):
    """The record that the line is, flat; `None` if it is none, by Python's reading and by the limits."""
    try:
        # Control characters in strings pass here, and so do NaN and infinities; a fraction that no float holds does not.
        record = json.loads(line, strict=False, parse_float=finite)
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict) or depth(record) > 128:
        return None
    flat = flatten("", (), record, {}, {})
    if flat is None:
        return None
    if any(len(path.encode("utf-8", "replace")) > 4096 for path in flat):
        return None
    # Half of a surrogate pair is no character.
    whole = lambda text: re.sub("[\ud800-\udfff]", "\ufffd", text)
    return {whole(path): whole(value) if isinstance(value, str) else value for path, value in flat.items()}


def flatten(prefix, way, record, into, ways):
    """The values by their paths; `None` where two ways make one path."""
    for key, value in record.items():
        path, own = f"{prefix}.{key}" if prefix else key, (*way, key)
        if isinstance(value, dict):
            if flatten(path, own, value, into, ways) is None:
                return None
        elif ways.setdefault(path, own) != own:
            return None
        else:
            into[path] = value
    return into


for form, write in (("csv", write_csv), ("tsv", lambda name: write_csv(name, "\t")), ("json", write_json)):
    for i in range(12):
        name = f"{directory}/{i}.{form}"
        rows = write(name)
        while os.path.getsize(name) > MOST:
            rows = write(name)
        with open(name + ".want", "w") as out:
            out.writelines("|".join(row) + "\n" for row in rows)
