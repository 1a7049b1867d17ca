"""The programs as child processes: found, started, listened to, and always waited for."""

import functools
import io
import os
import shutil
import subprocess
import sys
import threading
import warnings
from collections import deque
from typing import IO, Any, BinaryIO, Deque, List, Mapping, Optional, Sequence

from .errors import ProgramFailed, Said

#: Of what a program says on standard error so much is kept: the last of it.
_SAID_BYTES = 64 << 10
#: How long a program that is no longer needed is given to notice it, and then, to act on SIGTERM.
GRACE_SECONDS = 2.0


def find(program: str) -> str:
    """Where a program is: in the ``PATH``, or beside this Python, where pip puts it.

    Raises :class:`FileNotFoundError`.
    """
    beside = os.path.dirname(os.path.abspath(sys.executable)) if sys.executable else ""
    found = shutil.which(program) or shutil.which(program, path=beside)
    if found is None:
        raise FileNotFoundError(f"there is no program `{program}` in the PATH, nor beside {sys.executable}: install recpipe's programs")
    return found


def options(named: Mapping[str, Any]) -> List[str]:
    """Keywords as options: ``max_errors=3`` is ``--max-errors 3``, ``strict=True`` is ``--strict``, ``j=2`` is ``-j 2``, each of a list
    stands for itself, and ``from_`` is what ``from`` would be, were it no word of Python."""
    words: List[str] = []
    for name, value in named.items():
        name = name.rstrip("_").replace("_", "-")
        option, joint = (f"-{name}", "") if len(name) == 1 else (f"--{name}", "=")
        for each in value if isinstance(value, (list, tuple)) else [value]:
            if each is True:
                words.append(option)
            elif each is not None and each is not False:
                # In one word, so that a value may begin with a dash.
                words.append(f"{option}{joint}{each}")
    return words


class Child:
    """A program that runs, with a pipe from its standard output, and one to its standard input where ``is_fed``."""

    def __init__(self, words: Sequence[str], is_fed: bool = False, stdin: Optional[IO[bytes]] = None) -> None:
        self.shown = " ".join(words)
        self._process = subprocess.Popen(
            [find(words[0]), *words[1:]],
            stdin=subprocess.PIPE if is_fed else stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._said: Deque[bytes] = deque()
        self._listener = threading.Thread(target=self._listen, name=f"what {words[0]} says", daemon=True)
        self._listener.start()

    @property
    def output(self) -> BinaryIO:
        assert self._process.stdout is not None
        return self._process.stdout  # type: ignore[return-value]

    @property
    def input(self) -> BinaryIO:
        assert self._process.stdin is not None
        return self._process.stdin  # type: ignore[return-value]

    def close_input(self) -> None:
        """Nothing more is written to it."""
        self._close(self._process.stdin)

    def _listen(self) -> None:
        """Reads what it says as it says it, so that it never waits for somebody to listen."""
        pipe = self._process.stderr
        assert isinstance(pipe, io.BufferedReader)
        kept = 0
        for some in iter(functools.partial(pipe.read1, 1 << 14), b""):
            self._said.append(some)
            kept += len(some)
            while kept - len(self._said[0]) > _SAID_BYTES:
                kept -= len(self._said.popleft())

    def _heard(self) -> str:
        # A descendant that lives on may keep standard error open: what was said until now is what it said.
        self._listener.join(GRACE_SECONDS)
        return b"".join(self._said.copy()).decode("utf-8", "replace").strip()

    def wait(self) -> None:
        """Waits for its end, and raises :class:`ProgramFailed` where that is no good one; else says what it said as a warning."""
        self._close(self._process.stdout)
        code = self._process.wait()
        said = self._heard()
        self._close(self._process.stderr)
        if code:
            raise ProgramFailed(self.shown, code if code > 0 else 128 - code, said)
        if said:
            warnings.warn(f"{self.shown}: {said}", Said, stacklevel=4)

    def stop(self) -> None:
        """It is no longer needed: closes its pipes, and ends it if it does not notice; whatever it says to that is not of interest."""
        self._close(self._process.stdout)
        for end in (self._process.terminate, self._process.kill):
            try:
                self._process.wait(GRACE_SECONDS)
                break
            except subprocess.TimeoutExpired:
                end()
        self._process.wait()
        self._listener.join(GRACE_SECONDS)
        if not self._listener.is_alive():
            self._close(self._process.stderr)

    @staticmethod
    def _close(pipe: Optional[IO[bytes]]) -> None:
        if pipe is not None:
            try:
                pipe.close()
            except BrokenPipeError:
                # What was still to be flushed is not wanted.
                pass
