"""Random expressions: each as the query language writes it, and as SQL with the same meaning.

An expression is (text, how tightly its loosest operator binds, SQL). Parentheses stand only where the documented table of
operators asks for them, so that precedence is tested too.
"""

OR, AND, NOT, COMPARE, ELSE, ADD, MULTIPLY, SIGN, ATOM = range(9)
NUMBERS = ("int", "float")
PATTERNS = ["a", "^b", "[0-9]+$", "(?i)AB", "^$", "ü|x", " "]
TEXTS = ["", "a", "b", "ab", "A b", "ü", "x1", "10", "-7", " 3 ", "1.5", "k12", "k7", "日本", "a,b,c", "\"q\"", "a'b"]


def wrapped(expression, at_least):
    text, binds, _ = expression
    return text if binds >= at_least else f"({text})"


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def sql_text(text):
    return "'" + text.replace("'", "''") + "'"


def truth(sql):
    return f"coalesce({sql}, 0)"


class Expressions:
    """Expressions over some columns, drawn with some random numbers."""

    def __init__(self, random, columns):
        self.random = random
        self.columns = [column for column in columns if column.usable]

    def names(self, kind):
        return [column.name for column in self.columns if column.kind == kind]

    def of(self, kind, depth):
        """An expression of this type, at most so deep."""
        names = self.names(kind)
        if depth <= 0 or self.random.random() < 0.25:
            if names and self.random.random() < 0.75:
                name = self.random.choice(names)
                return (name, ATOM, f"[{name}]")
            return self.literal(kind)
        return getattr(self, kind)(depth - 1)

    def literal(self, kind):
        r = self.random
        if kind == "int":
            n = r.choice([0, 1, 2, 3, 5, 7, 10, 100, r.randrange(1000)])
            return (str(n), ATOM, str(n)) if r.random() < 0.8 else (f"-{n}", SIGN, f"(-{n})")
        if kind == "float":
            x = r.choice([0.0, 0.5, 1.0, 2.5, 0.1, round(r.uniform(0, 100), 3)])
            return (repr(x), ATOM, repr(x)) if r.random() < 0.8 else (f"-{x!r}", SIGN, f"(-{x!r})")
        if kind == "text":
            # The name of a field in quotes is a mistake where a field is meant.
            names = {column.name for column in self.columns}
            text = r.choice([text for text in TEXTS if text not in names])
            return (quoted(text), ATOM, sql_text(text))
        if kind == "time":
            day = f"2026-03-{r.randrange(1, 10):02}"
            return (f"@{day}", ATOM, f"'{day}T00:00:00+00:00'")
        value = r.random() < 0.5
        return ("true" if value else "false", ATOM, str(int(value)))

    def call(self, name, sql, *arguments):
        return (f"{name}({', '.join(argument[0] for argument in arguments)})", ATOM, sql.format(*(argument[2] for argument in arguments)))

    def binary(self, op, binds, left, right, sql):
        # All operators of one level go from left to right.
        return (f"{wrapped(left, binds)} {op} {wrapped(right, binds + 1)}", binds, sql.format(left[2], right[2]))

    def either(self, kind, depth):
        """What every type has."""
        a, b = self.of(kind, depth), self.of(kind, depth)
        choice = self.random.randrange(4)
        if choice == 0:
            condition = self.of("bool", depth)
            return self.call("if", "CASE WHEN {0} THEN {1} ELSE {2} END", condition, a, b)
        if choice == 1:
            return self.call("coalesce", "coalesce({0}, {1})", a, b)
        if choice == 2:
            return self.binary("??", ELSE, a, b, "coalesce({0}, {1})")
        least = self.random.choice(["min", "max"])
        return self.call(least, least + "({0}, {1})", a, b)

    def int(self, depth):
        r = self.random
        choice = r.randrange(14)
        if choice < 5:
            op, binds, name = r.choice([("+", ADD, "add"), ("-", ADD, "sub"), ("*", MULTIPLY, "mul"), ("//", MULTIPLY, "floordiv"), ("%", MULTIPLY, "mod")])
            return self.binary(op, binds, self.of("int", depth), self.of("int", depth), f"rp_{name}({{0}}, {{1}})")
        if choice == 5:
            a = self.of("int", depth)
            return (f"-{wrapped(a, ATOM)}", SIGN, f"rp_neg({a[2]})")
        if choice == 6:
            return self.call("len", "length({0})", self.of("text", depth))
        if choice == 7:
            kind = r.choice(["float", "text", "bool", "int"])
            return self.call("int", "{0}" if kind == "bool" else "rp_int({0})", self.of(kind, depth))
        if choice == 8:
            name = r.choice(["floor", "ceil", "round"])
            return self.call(name, f"rp_{name}({{0}})", self.of("float", depth))
        if choice == 9:
            return self.call("abs", "rp_abs({0})", self.of("int", depth))
        if choice == 10 and self.names("time"):
            name, sql = r.choice([("year", "CAST(substr({0}, 1, 4) AS INT)"), ("month", "CAST(substr({0}, 6, 2) AS INT)"), ("day", "CAST(substr({0}, 9, 2) AS INT)"),
                                  ("hour", "CAST(substr({0}, 12, 2) AS INT)"), ("minute", "CAST(substr({0}, 15, 2) AS INT)"), ("weekday", "rp_weekday({0})"),
                                  ("epoch", "CAST(strftime('%s', {0}) AS INT)")])
            return self.call(name, sql, self.of("time", depth))
        if choice == 11:
            width = r.choice([1, 2, 7, 100])
            a = self.of("int", depth)
            return (f"bin({a[0]}, {width})", ATOM, f"rp_bin({a[2]}, {width})")
        return self.either("int", depth)

    def float(self, depth):
        r = self.random
        choice = r.randrange(10)
        if choice < 4:
            left, right = r.choice([("float", "float"), ("int", "float"), ("float", "int")])
            op, binds, sql = r.choice([("+", ADD, "({0} + {1})"), ("-", ADD, "({0} - {1})"), ("*", MULTIPLY, "({0} * {1})"),
                                       ("//", MULTIPLY, "rp_floordiv({0}, {1})"), ("%", MULTIPLY, "rp_mod({0}, {1})")])
            return self.binary(op, binds, self.of(left, depth), self.of(right, depth), sql)
        if choice == 4:
            kind = r.choice(NUMBERS)
            return self.binary("/", MULTIPLY, self.of(kind, depth), self.of(r.choice(NUMBERS), depth), "(CAST({0} AS REAL) / NULLIF(CAST({1} AS REAL), 0.0))")
        if choice == 5:
            return self.call("float", "CAST({0} AS REAL)", self.of(r.choice(["int", "float", "bool"]), depth))
        if choice == 6:
            a = self.of("float", depth)
            return (f"-{wrapped(a, ATOM)}", SIGN, f"(-{a[2]})")
        if choice == 7:
            return self.call("abs", "abs({0})", self.of("float", depth))
        if choice == 8 and self.names("time"):
            return self.binary("-", ADD, self.of("time", depth), self.of("time", depth), "rp_seconds({0}, {1})")
        return self.either("float", depth)

    def text(self, depth):
        r = self.random
        a = self.of("text", depth)
        choice = r.randrange(9)
        if choice < 3:
            name = r.choice(["lower", "upper", "trim"])
            return self.call(name, f"rp_{name}({{0}})", a)
        if choice == 3:
            start, length = r.randrange(-4, 5), r.choice([None, 0, 1, 2, 9])
            rest = str(start) if length is None else f"{start}, {length}"
            return (f"substr({a[0]}, {rest})", ATOM, f"rp_substr({a[2]}, {rest})")
        if choice == 4:
            n = r.randrange(-2, 3)
            return (f'split({a[0]}, ",", {n})', ATOM, f"rp_split({a[2]}, ',', {n})")
        if choice == 5:
            b, c = r.choice(["a", "b", "1", "ü"]), r.choice(["", "z", "aa"])
            return (f"replace({a[0]}, {quoted(b)}, {quoted(c)})", ATOM, f"replace({a[2]}, {sql_text(b)}, {sql_text(c)})")
        if choice == 6:
            if r.random() < 0.3:
                return self.call("str", "CASE {0} WHEN 1 THEN 'true' WHEN 0 THEN 'false' END", self.of("bool", depth))
            return self.call("str", "CAST({0} AS TEXT)", self.of("int", depth))
        if choice == 7 and self.names("time"):
            t = self.of("time", depth)
            return (f'strftime({t[0]}, "%Y-%m-%d %H")', ATOM, f"strftime('%Y-%m-%d %H', {t[2]})")
        return self.either("text", depth)

    def time(self, depth):
        r = self.random
        choice = r.randrange(3)
        a = self.of("time", depth)
        if choice == 0:
            op, sign = r.choice([("+", ""), ("-", "-")])
            text, seconds = r.choice([("1h30m", 5400), ("2d", 172800), ("90", 90)])
            return (f"{wrapped(a, ADD)} {op} {text}", ADD, f"rp_shift({a[2]}, {sign}{seconds})")
        if choice == 1:
            text, seconds = r.choice([("1m", 60), ("1h", 3600), ("1d", 86400), ("1w", 604800)])
            return (f"bin({a[0]}, {text})", ATOM, f"rp_bin_time({a[2]}, {seconds})")
        return self.either("time", depth)

    def bool(self, depth):
        r = self.random
        choice = r.randrange(12)
        kind = r.choice(["int", "float", "text", "int", "text", "bool", "time"])
        if choice < 4:
            left, right = (r.choice(NUMBERS), r.choice(NUMBERS)) if kind in NUMBERS else (kind, kind)
            op, sql = r.choice([("==", "({0} IS {1})"), ("!=", "({0} IS NOT {1})"), ("<", "coalesce({0} < {1}, 0)"), ("<=", "coalesce({0} <= {1}, 0)"),
                                (">", "coalesce({0} > {1}, 0)"), (">=", "coalesce({0} >= {1}, 0)")])
            a, b = self.of(left, depth), self.of(right, depth)
            return (f"{wrapped(a, ELSE)} {op} {wrapped(b, ELSE)}", COMPARE, sql.format(a[2], b[2]))
        if choice < 6:
            op, binds, sql = r.choice([("and", AND, "({0} AND {1})"), ("or", OR, "({0} OR {1})")])
            return self.binary(op, binds, self.of("bool", depth), self.of("bool", depth), sql.format(truth("{0}"), truth("{1}")))
        if choice == 6:
            a = self.of("bool", depth)
            return (f"not {wrapped(a, NOT)}", NOT, f"(NOT {truth(a[2])})")
        negated = r.random() < 0.3
        word, no = ("not ", "NOT ") if negated else ("", "")
        if choice == 7:
            kind = r.choice(["int", "text"])
            a, items = self.of(kind, depth), [self.literal(kind) for _ in range(r.randrange(1, 4))]
            if r.random() < 0.3:
                items.append(("null", ATOM, "NULL"))
            found = " OR ".join(f"{a[2]} IS {item[2]}" for item in items)
            return (f"{wrapped(a, ELSE)} {word}in ({', '.join(item[0] for item in items)})", COMPARE, f"({no}({found}))")
        if choice == 8:
            a, low = self.of(r.choice(NUMBERS), depth), r.randrange(0, 10)
            high = low + r.randrange(-1, 50)
            if high < low:
                high = low
            return (f"{wrapped(a, ELSE)} {word}in {low}..{high}", COMPARE, f"({no}{truth(f'{a[2]} BETWEEN {low} AND {high}')})")
        if choice == 9:
            a, pattern = self.of("text", depth), r.choice(PATTERNS)
            return (f"{wrapped(a, ELSE)} {'!~' if negated else '=~'} /{pattern}/", COMPARE, f"({no}{truth(f'rp_matches({a[2]}, {sql_text(pattern)})')})")
        if choice == 10:
            a, b = self.of("text", depth), self.of("text", depth - 1)
            op, sql = r.choice([("contains", "instr({0}, {1}) > 0"), ("startswith", "substr({0}, 1, length({1})) = {1}"),
                                ("endswith", "(length({1}) = 0 AND {0} IS NOT NULL OR substr({0}, -length({1})) = {1} AND length({0}) >= length({1}))")])
            return (f"{wrapped(a, ELSE)} {word}{op} {wrapped(b, ELSE)}", COMPARE, f"({no}{truth(sql.format(a[2], b[2]))})")
        return self.either("bool", depth)
