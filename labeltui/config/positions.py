"""Find the line of each key in a TOML text, because ``tomllib`` returns only the values."""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right

KeyPath = tuple[str | int, ...]
"""Keys from the outermost to the innermost. A number is an index into an array."""

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_INLINE_BLANK = re.compile(r"[ \t]*")
_KEY_PART = re.compile(r"""[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'""")
_STRING = re.compile(
    r'''"""(?:[^\\]|\\.)*?"""(?:"{0,2})'''
    r"""|'''.*?'''(?:'{0,2})"""
    r'''|"(?:[^"\\\n]|\\.)*"'''
    r"""|'[^'\n]*'""",
    re.DOTALL,
)
_SCALAR = re.compile(r"[^,\]}#\n]+")


def find_positions(text: str) -> dict[KeyPath, int]:
    """Return the line (from 1) of every key, table and array element of ``text``, which must be valid TOML.

    For a table with several headers or dotted keys, it is the line of the first.
    """
    return _Scanner(text).scan()


class _Scanner:
    """Reads text that ``tomllib`` has accepted, once from start to end. It checks nothing."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._newlines = [m.start() for m in re.finditer("\n", text)]
        self._lines: dict[KeyPath, int] = {}
        self._elements: dict[KeyPath, int] = {}  # the number of tables so far in each array of tables

    def scan(self) -> dict[KeyPath, int]:
        table: KeyPath = ()
        self._skip(_BLANK)
        while self._at < len(self._text):
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._assignment(table)
            self._skip(_BLANK)
        return self._lines

    def _line(self) -> int:
        return bisect_right(self._newlines, self._at) + 1

    def _skip(self, pattern: re.Pattern[str]) -> None:
        if (match := pattern.match(self._text, self._at)) is not None:
            self._at = match.end()

    def _take(self, character: str) -> bool:
        if not self._text.startswith(character, self._at):
            return False
        self._at += len(character)
        return True

    def _record(self, path: KeyPath, line: int) -> None:
        self._lines.setdefault(path, line)

    def _key(self) -> list[tuple[str, int]]:
        """Read a dotted key. Returns each part with its line."""
        parts = []
        while True:
            self._skip(_INLINE_BLANK)
            match = _KEY_PART.match(self._text, self._at)
            if match is None:
                raise ValueError(f"no key at line {self._line()}")
            parts.append((_plain(match.group()), self._line()))
            self._at = match.end()
            self._skip(_INLINE_BLANK)
            if not self._take("."):
                return parts

    def _header(self) -> KeyPath:
        repeated = self._take("[[")
        if not repeated:
            self._take("[")
        parts = self._key()
        self._take("]]" if repeated else "]")
        path: KeyPath = ()
        for index, (name, line) in enumerate(parts):
            path = (*path, name)
            self._record(path, line)
            if repeated and index == len(parts) - 1:
                self._elements[path] = self._elements.get(path, 0) + 1
            if path in self._elements:
                path = (*path, self._elements[path] - 1)
                self._record(path, line)
        return path

    def _assignment(self, table: KeyPath) -> None:
        path = table
        for name, line in self._key():
            path = (*path, name)
            self._record(path, line)
        self._take("=")
        self._skip(_INLINE_BLANK)
        self._value(path)

    def _value(self, path: KeyPath) -> None:
        if self._take("["):
            self._array(path)
        elif self._take("{"):
            self._inline_table(path)
        else:
            match = _STRING.match(self._text, self._at) or _SCALAR.match(self._text, self._at)
            if match is None:
                raise ValueError(f"no value at line {self._line()}")
            self._at = match.end()

    def _array(self, path: KeyPath) -> None:
        index = 0
        self._skip(_BLANK)
        while not self._take("]"):
            self._record((*path, index), self._line())
            self._value((*path, index))
            index += 1
            self._skip(_BLANK)
            self._take(",")
            self._skip(_BLANK)

    def _inline_table(self, path: KeyPath) -> None:
        self._skip(_BLANK)
        while not self._take("}"):
            self._assignment(path)
            self._skip(_BLANK)
            self._take(",")
            self._skip(_BLANK)


def _plain(part: str) -> str:
    """Remove quotes and escapes from a key."""
    if part[0] not in "\"'":
        return part
    value: str = tomllib.loads(f"k = {part}")["k"]
    return value
