"""Searches many lines at once for a pattern, with the same result as searching each line by itself."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from functools import lru_cache

SHORTEST_LITERAL = 2
MISSES = 32
"""After this many lines that contain the pattern's literal but do not match, the search uses the pattern itself."""
_LINE_BY_LINE = re.compile(rb"\\[AZ]|\(\?[<!=>(]|[*+?}]\+")
_CODES = re.compile(rb"\\[xuUN0-9]")
_TOKEN = re.compile(
    rb"\\(?P<escaped>[^\w\s])|\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|(?P<sign>[-\w /:=,;<>@#%&~'\"!`])|.", re.DOTALL
)


class Lines:
    """Lines to search: ``data`` is ``size`` bytes.

    ``starts`` has the offset of each line, and the offset at which the line after the last one would begin.
    """

    def __init__(self, data: bytes | bytearray, starts: array[int], size: int) -> None:
        self._data, self._starts, self._size = data, starts, size

    def _end(self, line: int) -> int:
        return self._starts[line + 1] - 1 if line + 1 < len(self._starts) else self._size

    def _line(self, line: int, lowered: bool) -> bytes | bytearray:
        found = self._data[self._starts[line] : self._end(line)]
        return found.lower() if lowered else found

    def matching(self, pattern: re.Pattern[bytes], start: int, stop: int, *, lowered: bool) -> list[int]:
        """Return the numbers of the lines from ``start`` to ``stop`` that match.

        With ``lowered``, lines are converted to lower case before they are compared.
        """
        pattern, line_by_line, literal = _for_bytes(pattern)
        if line_by_line:
            return [line for line in range(start, stop) if pattern.search(self._line(line, lowered))]
        if lowered and literal:
            return list(self._by_literal(pattern, literal, start, stop))
        return list(self._in_one_go(pattern, start, stop, lowered))

    def _by_literal(self, pattern: re.Pattern[bytes], literal: bytes, start: int, stop: int) -> Iterator[int]:
        """Search for the pattern's caseless literal first, which avoids a lower-case copy of the data."""
        if start >= stop:
            return
        end, line, misses = self._end(stop - 1), start, 0
        while line < stop and (at := self._data.find(literal, self._starts[line], end)) >= 0:
            line = bisect_right(self._starts, at, line) - 1
            if pattern.search(self._line(line, lowered=True)):
                yield line
            else:
                misses += 1
            line += 1
            if misses > MISSES:
                yield from self._in_one_go(pattern, line, stop, lowered=True)
                return

    def _in_one_go(self, pattern: re.Pattern[bytes], start: int, stop: int, lowered: bool) -> Iterator[int]:
        if start >= stop:
            return
        line, starts, end, window, base = start, self._starts, self._end(stop - 1), self._data, 0
        if lowered:
            base = starts[line]
            window = bytes(memoryview(window)[base:end]).lower()
        while line < stop and (match := pattern.search(window, starts[line] - base, end - base)) is not None:
            first, last = match.start() + base, match.end() + base
            line = bisect_right(starts, first, line) - 1
            if line >= stop:
                break
            # A match that continues into the next line may hide a match within this line.
            if last <= self._end(line) or pattern.search(self._line(line, lowered)):
                yield line
            line += 1


@lru_cache(maxsize=64)
def _for_bytes(pattern: re.Pattern[bytes]) -> tuple[re.Pattern[bytes], bool, bytes]:
    """Return the pattern to use, whether each line must be searched alone, and the literal of :func:`caseless`.

    Unless each line must be searched alone, ``^`` and ``$`` of the returned pattern match at line ends.
    """
    line_by_line = _LINE_BY_LINE.search(pattern.pattern) is not None
    flags = pattern.flags if line_by_line else pattern.flags | re.MULTILINE
    literal = (
        b"" if line_by_line or pattern.flags & (re.IGNORECASE | re.VERBOSE) else caseless(pattern.pattern)
    )
    return re.compile(pattern.pattern, flags), line_by_line, literal


def caseless(pattern: bytes) -> bytes:
    """Return the longest text without letters that every match contains; empty if there is none."""
    if _CODES.search(pattern):
        return b""
    runs, depth = [b""], 0
    for token in _TOKEN.finditer(pattern):
        text = token[0]
        sign = token["escaped"] or token["sign"]
        if text == b"|" and depth == 0:
            return b""
        depth += (text == b"(") - (text == b")")
        if text in (b"*", b"?", b"{"):
            runs[-1:] = [runs[-1][:-1], b""]  # the character before the quantifier is optional
        elif sign is not None and depth == 0 and not sign.isalpha() and sign < b"\x80":
            runs[-1] += sign
        else:
            runs.append(b"")
        if text == b"{":  # the digits of a repeat count are not part of the text
            depth += 1
        elif text == b"}" and depth:
            depth -= 1
    longest = max(runs, key=len)
    return longest if len(longest) >= SHORTEST_LITERAL else b""
