"""recpipe streams in Python."""
from .errors import Corrupt, Error, Failed, Incomplete, NotAStream, ProgramFailed, Said, Unsupported
from .reader import Reader, records
from .times import Time, from_nanos, to_nanos
from .writer import Writer, dump
