//! Writes expressions for the oracle.

use recpipe::Type;

/// Writes a valid expression of a type, choosing by the bytes it was given; of fields that hold values of all types, too, if
/// it may.
pub(super) struct Writer<'a> {
    pub(super) choices: std::slice::Iter<'a, u8>,
    pub(super) open: bool,
}

impl Writer<'_> {
    fn pick<'t>(&mut self, from: &[&'t str]) -> &'t str {
        from[usize::from(self.choices.next().copied().unwrap_or(0)) % from.len()]
    }

    pub(super) fn write(&mut self, kind: Type, depth: usize) -> String {
        if depth == 0 {
            if self.open && self.pick(&["open", "closed"]) == "open" {
                return match kind {
                    Type::Int => "x",
                    Type::Float => "y",
                    Type::Text => "z",
                    Type::Time => "m",
                    _ => self.pick(&["b", "x == 1", "z < 'b'", "y != x"]),
                }
                .to_owned();
            }
            return match kind {
                Type::Int => self.pick(&["i", "j", "3", "0", "-7", "404", "9223372036854775807", "-9223372036854775808", "null"]),
                Type::Float => self.pick(&["f", "g", "1.5", "0.0", "-2.5", "1e300", "404.0", "9.3e18"]),
                Type::Text => self.pick(&["t", "u", "'a'", "'ab'", "''", "' 42 '", "'é'", "'/a.b?a=1'", "'$1'"]),
                Type::Time => self.pick(&["m", "n", "@2008-02-24T00:08:59-06:00", "@2008-02-24", "@1700-01-01T00:00:00.5Z"]),
                _ => self.pick(&["b", "c", "true", "false"]),
            }
            .to_owned();
        }
        let shape = match kind {
            Type::Int => self.pick(&[
                "i0 + i0",
                "i0 - i0",
                "i0 * i0",
                "i0 // i0",
                "i0 % i0",
                "-i0",
                "len(t0)",
                "int(t0)",
                "int(f0)",
                "floor(f0)",
                "ceil(f0)",
                "round(f0)",
                "abs(i0)",
                "if(b0, i0, i0)",
                "i0 ?? i0",
                "min(i0, i0)",
                "max(i0, i0, i0)",
                "coalesce(i0, i0, i0)",
                "round(i0, 2)",
                "bin(i0, 5)",
                "bin(i0, i0 + 0)",
                "year(m0)",
                "month(m0)",
                "day(m0)",
                "hour(m0)",
                "minute(m0)",
                "weekday(m0)",
                "epoch(m0)",
                "hash(t0)",
                "hash(i0)",
                "hash(f0)",
                "hash(b0)",
                "hash(m0)",
                "hash(t0) % 7",
                "i0",
            ]),
            Type::Float => self.pick(&[
                "f0 + i0",
                "i0 - f0",
                "f0 * f0",
                "i0 / i0",
                "f0 / f0",
                "f0 // f0",
                "f0 % f0",
                "-f0",
                "float(t0)",
                "abs(f0)",
                "if(b0, f0, f0)",
                "f0 ?? f0",
                "min(f0, f0)",
                "max(f0, f0)",
                "round(f0, 1)",
                "round(f0, 15)",
                "bin(f0, 0.5)",
                "bin(f0, i0 + 0)",
                "m0 - m0",
                "f0",
            ]),
            Type::Text => self.pick(&[
                "lower(t0)",
                "upper(t0)",
                "trim(t0)",
                "str(i0)",
                "str(b0)",
                "if(b0, t0, t0)",
                "t0 ?? t0",
                "min(t0, t0)",
                "max(t0, t0)",
                "substr(t0, i0)",
                "substr(t0, 1)",
                "substr(t0, -2)",
                "substr(t0, i0, i0)",
                "substr(t0, -3, 2)",
                "split(t0, ',', 1)",
                "split(t0, 'a', -1)",
                "split(t0, lower(t0), i0)",
                "split(t0, '.', i0)",
                "replace(t0, 'a', t0)",
                "replace(t0, lower(t0), t0)",
                "replace(t0, /([ab])(.)/i, '$2$1$$')",
                "replace(t0, /(a)|/, t0)",
                "path(t0)",
                "ext(t0)",
                "ext(path(t0))",
                "query(t0, 'a')",
                "query(t0, t0)",
                "mask(t0)",
                "strftime(m0, '%d/%b/%Y:%T %z')",
                "strftime(m0, '%A %3f %p %U')",
                "strftime(bin(m0, 1h), '%a %H %j %:z')",
                "str(m0)",
                "t0",
            ]),
            Type::Time => self.pick(&[
                "m0 + i0",
                "m0 + 5m",
                "m0 + 250ms",
                "m0 - f0",
                "f0 + m0",
                "m0 - 1h30m",
                "bin(m0, 1d)",
                "bin(m0, 1w)",
                "bin(m0, 7m)",
                "bin(m0, 0.1)",
                "bin(m0, f0 * 1)",
                "bin(m0, i0 + 0)",
                "time(t0)",
                "time(m0)",
                "time(str(m0))",
                "time(t0, '%Y-%m-%d')",
                "time(strftime(m0, '%s'), '%s')",
                "if(b0, m0, m0)",
                "m0 ?? m0",
                "coalesce(null, m0)",
                "min(m0, m0)",
                "max(m0, m0, m0)",
                "m0",
            ]),
            _ => self.pick(&[
                "i0 == i0",
                "i0 != f0",
                "f0 < i0",
                "i0 >= i0",
                "i0 > 1.5",
                "i0 <= 9.3e18",
                "i0 == 404.0",
                "1.5 >= i0",
                "f0 == 404",
                "f0 > f0",
                "t0 == t0",
                "t0 != 'ab'",
                "t0 < t0",
                "t0 >= 'a'",
                "b0 == b0",
                "b0 and b0",
                "b0 or b0",
                "b0 and b0 and b0",
                "not b0",
                "i0 in (1, 404, null)",
                "i0 in (i0, 3..404, 2.5)",
                "f0 in (404, 1.5)",
                "i0 in 0..500",
                "i0 not in -7..3",
                "f0 in 0..1.5",
                "t0 in ('a', t0)",
                "t0 in ('a', '')",
                "t0 =~ /^a/i",
                "t0 !~ /4/",
                "t0 contains t0",
                "t0 contains 'a'",
                "t0 startswith t0",
                "t0 not endswith 'b'",
                "if(b0, b0, b0)",
                "b0 ?? b0",
                "i0 == null",
                "null != t0",
                "i0 == 404",
                "i0 < 404",
                "m0 == m0",
                "m0 != m0",
                "m0 < m0",
                "m0 >= @2008-02-24T00:08:59-06:00",
                "@2008-02-24T06:08:59Z == m0",
                "m0 in (@2008-02-24T06:08:59Z, null)",
                "m0 in (m0, @1970-01-01)",
                "m0 in @2008-02-24..@2008-02-25",
                "m0 not in n..m0",
                "t0 in 10.0.0.0/8",
                "t0 in (10.0.0.0/8, ::1/128, 'ab')",
                "t0 not in (10.0.0.0/16, null, t0)",
                "t0 in 'a'..'b'",
                "f0 in (404..500, 1.5)",
            ]),
        };
        let mut out = String::new();
        let mut chars = shape.chars().peekable();
        while let Some(c) = chars.next() {
            let kind = match c {
                'i' => Type::Int,
                'f' => Type::Float,
                't' => Type::Text,
                'm' => Type::Time,
                _ => Type::Bool,
            };
            if "iftbm".contains(c) && chars.peek() == Some(&'0') && !out.ends_with(|last: char| last.is_alphanumeric()) {
                chars.next();
                out.push_str(&format!("({})", self.write(kind, depth - 1)));
            } else {
                out.push(c);
            }
        }
        out
    }
}
