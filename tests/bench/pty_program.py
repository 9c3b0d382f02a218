"""Run a program on a PTY and read its output."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

COLUMNS, ROWS = 120, 40


@dataclass
class Program:
    """A child on a PTY. ``started`` is the monotonic time just before exec."""

    process: subprocess.Popen[bytes]
    terminal: int
    started: float
    output: bytearray = field(default_factory=bytearray)

    def wait_for(self, wanted: bytes, timeout: float) -> float:
        """Seconds from exec until ``wanted`` was painted. Raises TimeoutError with the output instead."""
        deadline = self.started + timeout
        while wanted not in self.output:
            ready, _, _ = select.select([self.terminal], [], [], max(0.0, deadline - time.monotonic()))
            try:
                piece = os.read(self.terminal, 65536) if ready else b""
            except OSError:
                piece = b""
            if not piece:
                raise TimeoutError(f"{wanted!r} was not painted, but: {bytes(self.output[-2000:])!r}")
            self.output += piece
        return time.monotonic() - self.started

    def drain(self) -> None:
        """Read and drop the output in the background, so that the program never blocks."""

        def read() -> None:
            try:
                while os.read(self.terminal, 65536):
                    pass
            except OSError:
                return

        threading.Thread(target=read, daemon=True).start()


@contextmanager
def on_terminal(argv: Sequence[str], environment: Mapping[str, str]) -> Iterator[Program]:
    """Run ``argv`` on a new PTY; its process group is killed afterwards."""
    outer, inner = pty.openpty()
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    variables = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", **environment}
    # pytest's workers set these, and they would override the size of the PTY.
    for name in ("COLUMNS", "LINES"):
        variables.pop(name, None)
    started = time.monotonic()
    process = subprocess.Popen(
        argv, stdin=inner, stdout=inner, stderr=inner, env=variables, start_new_session=True, cwd=_root()
    )
    os.close(inner)
    try:
        yield Program(process, outer, started)
    finally:
        _end(process)
        os.close(outer)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(10)
            return
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _root() -> Path:
    return Path(__file__).resolve().parents[2]
