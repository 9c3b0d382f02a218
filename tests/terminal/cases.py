"""Every case that is recorded from tmux."""

from __future__ import annotations

from tests.terminal.oracle import Case
from tests.terminal.sessions import sessions
from tests.terminal.tmux_vectors import TMUX_VECTORS
from tests.terminal.vectors import COLUMNS, ROWS, VECTORS

QUESTIONS = {
    "where the cursor is": b"ab\r\n\x1b[3Ccd\x1b[6n",
    "where the cursor is, in origin mode": b"\x1b[2;4r\x1b[?6h\x1b[2;2H\x1b[6n",
    "where the cursor is, while a wrap waits": b"a" * COLUMNS + b"\x1b[6n",
    "how it is": b"\x1b[5n",
    "what it is": b"\x1b[c",
    "what it is, by nought": b"\x1b[0c",
    "its version": b"\x1b[>c",
    "its name": b"\x1b[>q",
    "a mode that is set": b"\x1b[?2004h\x1b[?2004$p",
    "an ANSI mode": b"\x1b[4$p",
    "its title": b"\x1b]2;rm -rf\x07\x1b[21t",
    "its size": b"\x1b[18t",
    "the looks": b"\x1b[1;31m\x1bP$qm\x1b\\",
    "a capability": b"\x1bP+q544e\x1b\\",
    "the clipboard": b"\x1b]52;c;?\x07",
    "ENQ": b"\x05",
}

ANSWERS: dict[str, tuple[bytes, str]] = {
    "where the cursor is, in origin mode": (
        b"\x1b[2;2R",
        "tmux counts from the screen's corner, DEC and xterm from the region's",
    ),
    "where the cursor is, while a wrap waits": (b"\x1b[1;20R", "tmux names a column that there is not"),
    "what it is": (b"\x1b[?62;22c", "a VT220 with colours, as it is; tmux says that it is a VT100"),
    "what it is, by nought": (b"\x1b[?62;22c", "as above"),
    "its version": (b"\x1b[>1;0;0c", "tmux says its own"),
    "its name": (b"\x1bP>|labeltui\x1b\\", "tmux says its own"),
    "a mode that is set": (b"\x1b[?2004;1$y", "tmux 3.3a does not know the question"),
    "an ANSI mode": (b"\x1b[4;2$y", "tmux 3.3a does not know the question"),
    "its size": (b"", "the tty has it; one answer less that hostile output can call up"),
}
"""labeltui's answers that differ from tmux's, each with the reason."""

IN_PYTHON_ANSWERS = {
    "where the cursor is, in origin mode": b"\x1b[3;2R",  # from the screen's corner, as tmux
    "its version": b"\x1b[>1;10;0c",
    "its name": b"",  # it would say its own
}
"""The answers of the Python engine that differ from the native engine's."""


def vectors() -> list[Case]:
    """A case for each vector of both tables."""
    return [Case(vector.name, vector.data, COLUMNS, ROWS) for vector in (*VECTORS, *TMUX_VECTORS)]


def questions() -> list[Case]:
    """A case for each query that programs send to a terminal."""
    return [Case(f"? {name}", data, COLUMNS, ROWS, listens=True) for name, data in QUESTIONS.items()]


def everything() -> list[Case]:
    """All cases, in the order in which they are recorded."""
    return [*vectors(), *questions(), *(one for session in sessions() for one in session.cases())]
