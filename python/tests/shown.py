"""What a reader makes of a stream, in the words of the test vectors."""

import datetime
import io
import struct

import recpipe


def value(of):
    if of is None:
        return "null"
    if isinstance(of, bool):
        return f"bool:{str(of).lower()}"
    if isinstance(of, int):
        return f"int:{of}"
    if isinstance(of, float):
        return "float:" + struct.pack(">d", of).hex()
    if isinstance(of, datetime.datetime):
        return f"time:{recpipe.to_nanos(of)},{round(of.utcoffset().total_seconds())}"
    return "text:" + of.encode("utf-8", "surrogateescape").hex()


def record(of):
    return " ".join(["record", *(f"{name}={value(each)}" for name, each in of.items())])


def stream(data):
    """The lines that a vector of these bytes has behind them; reports stand before the batch that they came before."""
    reader, lines, told = recpipe.Reader(io.BytesIO(data)), [], 0

    def tell():
        nonlocal told
        lines.extend(f"report {report.exit} {report.message.encode().hex()}" for report in reader.reports[told:])
        told = len(reader.reports)

    try:
        for batch in reader.batches():
            tell()
            lines.extend(map(record, batch))
    except recpipe.Failed:
        pass
    except recpipe.Incomplete as error:
        return [*lines, f"incomplete {error.at}"]
    except recpipe.NotAStream:
        return [*lines, "none"]
    except recpipe.Corrupt:
        return [*lines, "corrupt"]
    except recpipe.Unsupported:
        return [*lines, "unsupported"]
    tell()
    ending = reader.ending
    lines.append(f"end {ending.exit} {ending.rejected} {ending.cause.encode().hex()}".rstrip())
    return lines
