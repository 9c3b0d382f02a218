"""Replace the tables of one profile in the text of a profile file."""

from __future__ import annotations

from collections.abc import Iterator

from labeltui.config.positions import find_positions


def with_profile(text: str, name: str, tables: str) -> str:
    """Return ``text`` with ``tables`` in place of those of the profile ``name``.

    Comments directly above the header of another table describe that table, and stay. Raises ValueError if the
    profile has no header of its own, as an inline table has none.
    """
    lines = text.splitlines(keepends=True)
    spans = list(_spans(text, lines, ("profiles", name)))
    if not spans:
        raise ValueError(f"the profile {name!r} is not written as a table")
    for start, end in reversed(spans[1:]):
        del lines[start:end]
    start, end = spans[0]
    gap = ["\n"] if end < len(lines) else []
    lines[start:end] = [f"{tables.rstrip()}\n", *gap]
    return "".join(lines)


def _spans(text: str, lines: list[str], profile: tuple[str, str]) -> Iterator[tuple[int, int]]:
    """Yield the lines, first and past the last, of each run of the profile's tables. Line numbers begin at 0."""
    at = {
        line - 1: path for path, line in find_positions(text).items()
    }  # the innermost table of a header is last
    headers = [line for line in sorted(at) if lines[line].lstrip().startswith("[")]
    start: int | None = None
    for line in headers:
        inside = at[line][:2] == profile
        if inside and start is None:
            start = line
        elif not inside and start is not None:
            yield start, _above(lines, line)
            start = None
    if start is not None:
        yield start, len(lines)


def _above(lines: list[str], header: int) -> int:
    """Return the first of the comment lines directly above a header."""
    while lines[header - 1].lstrip().startswith("#"):
        header -= 1
    return header
