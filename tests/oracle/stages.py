"""Random stages: each as the query language writes it, and as SQL that makes one table of another.

A table has, besides the columns of its records, `_o`: their order.
"""

import re
from dataclasses import dataclass, replace

from expressions import ATOM, PATTERNS, Expressions, sql_text, wrapped

KINDS = ("int", "float", "text", "bool", "time")


@dataclass(frozen=True)
class Column:
    name: str
    kind: str
    # Relative difference that is allowed; what is not exact is shown and not calculated with.
    tolerance: float = 0.0

    @property
    def usable(self):
        return self.tolerance == 0.0


@dataclass(frozen=True)
class Stage:
    """`sql` makes the next table of the one named `{of}`; `columns` are those of the next table."""

    text: str
    sql: str
    columns: tuple
    # Whether all of its values are needed for the answer: what a query need not calculate, it need not fail at.
    is_strict: bool = True


def listed(columns):
    return ", ".join(f"[{column.name}]" for column in columns)


class Stages:
    def __init__(self, random, columns):
        self.random = random
        self.columns = tuple(columns)
        self.made = 0
        self.counts = False

    def expressions(self):
        return Expressions(self.random, self.columns)

    def expression(self, kind=None, depth=None):
        kind = kind or self.kind()
        return kind, self.expressions().of(kind, self.random.choice([0, 1, 2, 3]) if depth is None else depth)

    def kind(self):
        kinds = sorted({column.kind for column in self.columns if column.usable})
        return self.random.choice(kinds or ["int"])

    def fresh(self):
        self.made += 1
        return f"n{self.made}"

    def some(self, least=1, most=3):
        usable = [column for column in self.columns if column.usable]
        return self.random.sample(usable, min(len(usable), self.random.randrange(least, most + 1)))

    def next(self):
        """One more stage, of any kind that the columns allow."""
        kinds = ["where"] * 4 + ["let"] * 3 + ["select", "stats", "stats", "stats", "sort", "sort", "top", "top", "distinct", "grep", "drop", "rename",
                                              "head", "skip", "tail", "parse"]
        stage = None
        while stage is None:
            stage = getattr(self, self.random.choice(kinds))()
        self.columns = stage.columns
        # `top` without `by` needs exactly one aggregate.
        self.counts = re.match(r"stats [^,]*( by |$)", stage.text) is not None and stage.columns[-1].usable
        return stage

    def where(self):
        _, condition = self.expression("bool")
        if condition[0] in ("true", "false", "null"):
            return None
        return Stage(f"{self.random.choice(['where', 'where', 'filter'])} {condition[0]}", f"SELECT * FROM {{of}} WHERE {condition[2]}", self.columns)

    def grep(self):
        texts = [column for column in self.columns if column.kind == "text" and column.usable]
        if not texts or any(column.kind == "text" and not column.usable for column in self.columns):
            return None
        pattern = self.random.choice(PATTERNS)
        field = self.random.choice(texts + [None])
        where = " OR ".join(f"coalesce(rp_matches([{column.name}], {sql_text(pattern)}), 0)" for column in ([field] if field else texts))
        return Stage(f"grep /{pattern}/" + (f" in {field.name}" if field else ""), f"SELECT * FROM {{of}} WHERE {where}", self.columns)

    def let(self):
        kind, expression = self.expression()
        if self.random.random() < 0.3:
            old = self.random.choice(self.columns)
            columns = tuple(Column(old.name, kind) if column == old else column for column in self.columns)
            values = ", ".join(f"{expression[2]} AS [{old.name}]" if column == old else f"[{column.name}]" for column in self.columns)
            return Stage(f"let {old.name} = {expression[0]}", f"SELECT _o, {values} FROM {{of}}", columns)
        name = self.fresh()
        return Stage(f"let {name} = {expression[0]}", f"SELECT *, {expression[2]} AS [{name}] FROM {{of}}", (*self.columns, Column(name, kind)))

    def select(self):
        texts, values, columns = [], [], []
        for column in self.some(1, 4):
            if self.random.random() < 0.4:
                kind, expression = self.expression()
                name = self.fresh()
                texts.append(f"{expression[0]} as {name}")
                values.append(f"{expression[2]} AS [{name}]")
                columns.append(Column(name, kind))
            else:
                texts.append(column.name)
                values.append(f"[{column.name}]")
                columns.append(column)
        if not columns:
            return None
        return Stage(f"select {', '.join(texts)}", f"SELECT _o, {', '.join(values)} FROM {{of}}", tuple(columns), False)

    def drop(self):
        gone = self.some(1, 2)
        left = tuple(column for column in self.columns if column not in gone)
        if not left or not gone:
            return None
        return Stage(f"drop {', '.join(column.name for column in gone)}", f"SELECT _o, {listed(left)} FROM {{of}}", left, False)

    def rename(self):
        old = self.random.choice(self.columns)
        name = self.fresh()
        columns = tuple(replace(column, name=name) if column == old else column for column in self.columns)
        values = ", ".join(f"[{column.name}] AS [{new.name}]" for column, new in zip(self.columns, columns))
        return Stage(f"rename {old.name} as {name}", f"SELECT _o, {values} FROM {{of}}", columns)

    def parse(self):
        texts = [column for column in self.columns if column.kind == "text" and column.usable]
        if not texts:
            return None
        field, name, pattern = self.random.choice(texts), self.fresh(), self.random.choice(["([a-z])", "([0-9]+)", "^(.)b?", "x(1)?"])
        return Stage(f"parse {field.name} /{pattern.replace('(', f'(?P<{name}>', 1)}/", f"SELECT *, rp_group([{field.name}], {sql_text(pattern)}) AS [{name}] FROM {{of}}",
                     (*self.columns, Column(name, "text")))

    def ordered(self, keys, limit=""):
        return f"SELECT row_number() OVER (ORDER BY {keys}, _o) AS _o, {listed(self.columns)} FROM {{of}} ORDER BY 1{limit}"

    def sort(self):
        texts, keys = [], []
        for _ in range(self.random.randrange(1, 4)):
            _, expression = self.expression(depth=self.random.choice([0, 0, 0, 1]))
            if expression[0].startswith(("-", "(")) or expression[1] != ATOM:
                expression = (f"({expression[0]})", ATOM, expression[2])
            minus = self.random.random() < 0.5
            texts.append(("-" if minus else "") + expression[0])
            keys.append(f"{expression[2]} {'DESC' if minus else 'ASC'} NULLS LAST")
        return Stage(f"sort {', '.join(texts)}", self.ordered(", ".join(keys)), self.columns)

    def top(self):
        word, direction = self.random.choice([("top", "DESC"), ("bottom", "ASC")])
        n = self.random.choice([0, 1, 2, 5, 20, 100, 10000])
        if self.counts:
            return Stage(f"{word} {n}", self.ordered(f"[{self.columns[-1].name}] {direction} NULLS LAST", f" LIMIT {n}"), self.columns)
        if self.random.random() < 0.3 and all(column.name != "count" for column in self.columns):
            keys = self.some(1, 2)
            if keys:
                names, order = listed(keys), ", ".join(f"[{column.name}] NULLS LAST" for column in keys)
                sql = f"SELECT row_number() OVER (ORDER BY count(*) {direction}, {order}) AS _o, {names}, count(*) AS count FROM {{of}} GROUP BY {names} ORDER BY 1 LIMIT {n}"
                return Stage(f"{word} {n} {', '.join(column.name for column in keys)}", sql, (*keys, Column("count", "int")))
        _, expression = self.expression(depth=1)
        return Stage(f"{word} {n} by {expression[0]}", self.ordered(f"{expression[2]} {direction} NULLS LAST", f" LIMIT {n}"), self.columns)

    def distinct(self):
        if self.random.random() < 0.3:
            if not all(column.usable for column in self.columns):
                return None
            return Stage("distinct", f"SELECT min(_o) AS _o, {listed(self.columns)} FROM {{of}} GROUP BY {listed(self.columns)} ORDER BY 1", self.columns)
        texts, values, columns = self.keys(1, 3)
        names = ", ".join(f"[{column.name}]" for column in columns)
        return Stage(f"distinct {', '.join(texts)}", f"SELECT min(_o) AS _o, {names} FROM (SELECT _o, {', '.join(values)} FROM {{of}}) GROUP BY {names} ORDER BY 1", tuple(columns))

    def keys(self, least, most):
        texts, values, columns = [], [], []
        for column in self.some(least, most) or self.columns[:0]:
            if self.random.random() < 0.6:
                texts.append(column.name)
                values.append(f"[{column.name}]")
                columns.append(column)
            else:
                kind, expression = self.expression(depth=1)
                name = self.fresh()
                texts.append(f"{expression[0]} as {name}")
                values.append(f"{expression[2]} AS [{name}]")
                columns.append(Column(name, kind))
        if least and not columns:
            kind, expression = self.expression(depth=1)
            name = self.fresh()
            return [f"{expression[0]} as {name}"], [f"{expression[2]} AS [{name}]"], [Column(name, kind)]
        return texts, values, columns

    def limit(self, word, sql):
        n = self.random.choice([0, 3, 10, 50, 100, 150, 1000000])
        return Stage(f"{word} {n}", sql.format(of="{of}", n=n), self.columns, word != "head")

    def head(self):
        return self.limit("head", "SELECT * FROM {of} ORDER BY _o LIMIT {n}")

    def skip(self):
        return self.limit("skip", "SELECT * FROM {of} ORDER BY _o LIMIT -1 OFFSET {n}")

    def tail(self):
        return self.limit("tail", "SELECT * FROM (SELECT * FROM {of} ORDER BY _o DESC LIMIT {n}) ORDER BY _o")

    def stats(self):
        texts, values, keys = self.keys(0, 2) if self.random.random() < 0.7 else ([], [], [])
        aggregates = [self.aggregate() for _ in range(self.random.randrange(1, 5))]
        inner = ", ".join(["_o", *values, *(f"{argument} AS [{name}]" for _, _, _, arguments in aggregates for name, argument in arguments)])
        outer = ", ".join(f"{sql} AS [{column.name}]" for _, sql, column, _ in aggregates)
        columns = (*keys, *(column for _, _, column, _ in aggregates))
        text = f"stats {', '.join(text for text, _, _, _ in aggregates)}"
        if not keys:
            return Stage(text, f"SELECT 0 AS _o, {outer} FROM (SELECT {inner} FROM {{of}})", columns)
        names = listed(keys)
        order = ", ".join(f"[{key.name}] NULLS LAST" for key in keys)
        sql = f"SELECT row_number() OVER (ORDER BY {order}) AS _o, {names}, {outer} FROM (SELECT {inner} FROM {{of}}) GROUP BY {names} ORDER BY 1"
        return Stage(f"{text} by {', '.join(texts)}", sql, columns)

    def aggregate(self):
        """Text, SQL, column, and the arguments that the SQL needs, by name."""
        r, name = self.random, self.fresh()

        def argument(kind=None):
            kind, expression = self.expression(kind, depth=r.choice([0, 0, 1, 2]))
            return kind, expression[0], (self.fresh(), expression[2])

        word = r.choice(["count", "count if", "count of", "sum", "sum", "avg", "min", "max", "distinct", "stdev", "first", "last", "argmin", "argmax",
                         "median", "p90", "set", "list"])
        if word == "count":
            return f"count as {name}", "count(*)", Column(name, "int"), []
        if word == "count if":
            _, text, a = argument("bool")
            return f"count({text}) as {name}", f"count(CASE WHEN [{a[0]}] THEN 1 END)", Column(name, "int"), [a]
        if word in ("count of", "distinct"):
            kind, text, a = argument()
            if kind == "bool" and word == "count of":
                return self.aggregate()
            of = "count([{}])" if word == "count of" else "count(DISTINCT [{}])"
            return f"{word.split()[0]}({text}) as {name}", of.format(a[0]), Column(name, "int"), [a]
        if word in ("sum", "avg", "stdev", "median", "p90"):
            kind, text, a = argument(r.choice(["int", "float"]))
            share = {"median": ", 0.5", "p90": ", 0.9"}.get(word, "")
            function = "quantile" if share else word
            tolerance = {"stdev": 1e-12, "median": 1e-12, "p90": 1e-12}.get(word, 0.0)
            return f"{word}({text}) as {name}", f"rp_{function}([{a[0]}]{share})", Column(name, kind if word == "sum" else "float", tolerance), [a]
        if word in ("argmin", "argmax"):
            _, by, a = argument()
            kind, text, b = argument()
            return f"{word}({by}, {text}) as {name}", f"rp_{word}(_o, [{a[0]}], [{b[0]}])", Column(name, kind), [a, b]
        if word in ("set", "list"):
            _, text, a = argument(r.choice(["int", "text"]))
            return f"{word}({text}) as {name}", f"coalesce(rp_{word}({'_o, ' if word == 'list' else ''}[{a[0]}]), '[]')", Column(name, "text"), [a]
        kind, text, a = argument()
        sql = f"rp_{word}(_o, [{a[0]}])" if word in ("first", "last") else f"{word}([{a[0]}])"
        return f"{word}({text}) as {name}", sql, Column(name, kind), [a]
