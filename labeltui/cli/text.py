"""Documents as aligned plain text, with control characters and escape sequences shown literally."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from labeltui.domain.amounts import AmountNumber, AmountText
from labeltui.domain.literal import visible
from labeltui.domain.text import plural

UNKNOWN = "unknown"
NOTHING = "-"
WIDEST = 28
"""The most terminal columns for each column but the first, in a table that does not fit the terminal."""
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?[+-]\d\d:\d\d", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_QUIET = frozenset({"stale_because"})  # shown together with "stale"


def paragraph(text: str) -> str:
    """Several lines, each made visible."""
    return "\n".join(visible(line) for line in text.splitlines())


def render(document: Mapping[str, Any], width: int | None = None) -> str:
    """Return a document as lines: plain values first, then nested ones.

    An unknown value is left out, unless it is a state. Tables fit into ``width`` terminal columns; None means
    any width.
    """
    return "\n".join(_block(document, "", width))


def record_line(record: Mapping[str, Any]) -> str:
    """One record of a stream as one line: ``epoch 3 loss 0.2 ...``. A log line stays unchanged."""
    if "line" in record:
        return visible(str(record["line"]))
    if "check" in record:
        return _check_line(record)
    if "step" in record and "title" in record:
        return _step_line(record)
    shown = ((key, value) for key, value in record.items() if key != "as_of" and _filled(record, key))
    return "  ".join(f"{visible(key)} {cell(value)}" for key, value in shown)


_STEP_GLYPHS = {"done": "✓", "ok": "✓", "skipped": "✓", "running": "▶", "failed": "✗", "cancelled": "✗"}


def _step_line(record: Mapping[str, Any]) -> str:
    """A step of a checklist; empty for one that has not begun."""
    state = str(record.get("state") or "")
    if state == "waiting":
        return ""
    parts = [f"{_STEP_GLYPHS.get(state, '·')} {visible(str(record['title']))}"]
    parts += [state] if state not in ("done", "running") else []
    parts += [visible(str(record["detail"]))] if record.get("detail") else []
    parts += [f"({record['took_s']:.0f} s)"] if record.get("took_s") else []
    return "  ".join(parts)


def _check_line(record: Mapping[str, Any]) -> str:
    """One check as ``ok pod annot is running.``, with its hint on the next line."""
    head = f"{record['verdict']:<8} {record['check']:<11}"
    hint = f"\n{'':<20} {visible(str(record['hint']))}" if record.get("hint") else ""
    return f"{head} {visible(str(record['message']))}{hint}"


def cell(value: Any) -> str:
    """A value on one line."""
    if value is None or isinstance(value, bool):
        return {None: NOTHING, True: "yes", False: "no"}[value]
    if isinstance(value, AmountText | AmountNumber):
        return value.shown
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        if "message" in value:
            return visible(str(value["message"]))
        return ", ".join(
            f"{visible(str(k))}={cell(v)}" if v is not None else visible(str(k)) for k, v in value.items()
        )
    if isinstance(value, list | tuple):
        return ", ".join(cell(item) for item in value)
    return visible(str(value))


def _block(document: Mapping[str, Any], indent: str, limit: int | None) -> Iterator[str]:
    plain = {key: value for key, value in document.items() if _is_plain(key, value)}
    width = max((len(key) for key in plain), default=0)
    for key, value in plain.items():
        shown = UNKNOWN if value is None else cell(_short(value))
        if key == "stale":
            shown += f" ({cell(document['stale_because'])})" if document.get("stale_because") else ""
        yield f"{indent}{visible(key):<{width}}  {shown}"
    for key, value in document.items():
        if isinstance(value, Mapping) and value and not _is_plain(key, value):
            yield f"{indent}{visible(key)}"
            yield from _block(value, indent + "  ", limit)
        elif _is_table(value):
            yield f"{indent}{visible(key)}"
            inner = None if limit is None else limit - len(indent) - 2
            yield from (f"{indent}  {line}" for line in table(value, inner))


def _is_plain(key: str, value: Any) -> bool:
    if key in _QUIET or (key == "stale" and not value):
        return False
    if value is None:
        return key == "state"
    if isinstance(value, Mapping):
        return "as_of" not in value and bool(value)
    return not _is_table(value) and value not in ([], (), "")


def _is_table(value: Any) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(row, Mapping) for row in value)


def table(rows: Sequence[Mapping[str, Any]], limit: int | None = None) -> list[str]:
    """Return rows under headings, with times in local time.

    A column without values is left out. If the table is wider than ``limit`` terminal columns, cells are cut
    and the last columns are left out; a line below the table names them. The first column has at least half of it.
    """
    columns = [
        key
        for key in dict.fromkeys(key for row in rows for key in row)
        if any(_filled(row, key) for row in rows)
    ]
    heads = [visible(key).upper().replace("_", " ") for key in columns]
    lines = [heads, *([cell(_short(row.get(key))) or NOTHING for key in columns] for row in rows)]
    widths = [max(map(_cells, column)) for column in zip(*lines, strict=True)]
    if limit is None or _total(widths) <= limit:
        return [_aligned(line, widths) for line in lines]
    widths = _narrowed(widths, limit)
    lines = [[_cut(text, width) for text, width in zip(line, widths, strict=True)] for line in lines]
    while len(widths) > 1 and _total(widths) > limit:
        widths.pop()
    left_out = heads[len(widths) :]
    note = f"not shown: {plural(len(left_out), 'column')}, see --json: {', '.join(left_out)}"
    note = note if len(note) <= limit else f"{note[: limit - 1]}…"
    return [_aligned(line[: len(widths)], widths) for line in lines] + ([note] if left_out else [])


def _narrowed(widths: Sequence[int], limit: int) -> list[int]:
    """Narrow the widest columns so that the table fits; none below ``WIDEST``, and the first not below half."""
    least = [limit // 2, *(WIDEST for _ in widths[1:])]
    narrowed = list(widths)
    while (over := _total(narrowed) - limit) > 0:
        spare = [width - smallest for width, smallest in zip(narrowed, least, strict=True)]
        if max(spare) <= 0:
            break
        narrowed[spare.index(max(spare))] -= min(over, max(1, max(spare) // 4))
    return narrowed


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + 2 * (len(widths) - 1)


def _short(value: Any) -> Any:
    """A value with each time in local time without milliseconds, and each SHA-256 as its first digits."""
    if isinstance(value, Mapping):
        return value if "message" in value else {key: _short(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_short(each) for each in value]
    if type(value) is not str:
        return value
    if _SHA256.fullmatch(value):
        return value[:12]
    return _local(value) if _TIME.fullmatch(value) else value


def _local(text: str) -> str:
    try:
        return f"{datetime.fromisoformat(text).astimezone():%Y-%m-%d %H:%M:%S}"
    except (ValueError, OverflowError, OSError):  # it only has the shape of a time
        return text


def _cut(text: str, width: int) -> str:
    """Cut ``text`` in its middle to at most ``width`` terminal columns, because names often differ at their end."""
    if _cells(text) <= width:
        return text
    head, tail = text[: (width + 1) // 2], text[-(width // 2) :]
    while _cells(head) + _cells(tail) >= max(1, width) and (head or tail):
        head, tail = (head[:-1], tail) if _cells(head) >= _cells(tail) else (head, tail[1:])
    return f"{head}…{tail}"


def _filled(row: Mapping[str, Any], key: str) -> bool:
    return row.get(key) not in (None, [], (), {}, "")


def _aligned(texts: Sequence[str], widths: Sequence[int]) -> str:
    padded = (text + " " * (width - _cells(text)) for text, width in zip(texts, widths, strict=True))
    return "  ".join(padded).rstrip()


def _cells(text: str) -> int:
    """The width of the text in terminal columns."""
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return len(text) + wide - sum(unicodedata.combining(c) > 0 for c in text)
