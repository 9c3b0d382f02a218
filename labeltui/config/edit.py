"""Changing single values of the profile file: comments, order and everything else stay as they are."""

from __future__ import annotations

import json
import os
import re
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from labeltui.config.positions import find_positions
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_VALUE = re.compile(
    r"""(?P<head>[^=]*=[ \t]*)(?P<value>"(?:[^"\\]|\\.)*"|'[^']*'|[^#\s]+)(?P<tail>[ \t]*(?:#.*)?)$"""
)


def set_values(path: Path, values: Mapping[tuple[str, ...], str]) -> bool:
    """Set texts by their key path; False when the file says so already. The file is replaced whole, or not at all.

    Raises Failed when it can't be changed without touching something else, or can't be written.
    """
    try:
        before = path.read_text("utf-8")
        text = before
        for keys, value in values.items():
            text = with_value(text, keys, value)
    except OSError as error:
        raise _not_written(path, error.strerror or "") from None
    except (tomllib.TOMLDecodeError, ValueError) as error:
        raise _by_hand(path, values, str(error)) from None
    if text == before:
        return False
    _replace(path, text)
    return True


def with_value(text: str, keys: tuple[str, ...], value: str) -> str:
    """``text`` with one more value, or another one. Raises ValueError where only a person can do it."""
    wanted = tomllib.loads(text)
    if _at(wanted, keys) == value:
        return text
    lines = text.splitlines()
    positions = find_positions(text)
    line = f"{_key(keys[-1])} = {quoted(value)}"
    if keys in positions:
        number = positions[keys] - 1
        found = _VALUE.match(lines[number])
        if found is None:
            raise ValueError("the value does not stand on a line of its own")
        lines[number] = f"{found['head']}{quoted(value)}{found['tail']}"
    else:
        header = _header(lines, keys[:-1])
        if header is None:
            lines += [""] * bool(lines and lines[-1].strip())
            lines += [f"[{'.'.join(_key(key) for key in keys[:-1])}]", line]
        else:
            lines.insert(header + 1, line)
    changed = "\n".join(lines) + "\n"
    _put(wanted, keys, value)
    if tomllib.loads(changed) != wanted:
        raise ValueError("something else would change with it")
    return changed


def _header(lines: list[str], table: tuple[str, ...]) -> int | None:
    """The line that opens exactly this table."""
    for number, line in enumerate(lines):
        if not line.lstrip().startswith("["):
            continue
        try:
            opened = tomllib.loads(line)
        except tomllib.TOMLDecodeError:
            continue
        path: list[str] = []
        while isinstance(opened, dict) and len(opened) == 1:
            key, opened = next(iter(opened.items()))
            path.append(key)
        if tuple(path) == table:
            return number
    return None


def _at(document: Any, keys: tuple[str, ...]) -> Any:
    for key in keys:
        document = document.get(key) if isinstance(document, dict) else None
    return document


def _put(document: dict[str, Any], keys: tuple[str, ...], value: str) -> None:
    for key in keys[:-1]:
        inner = document.setdefault(key, {})
        if not isinstance(inner, dict):
            raise ValueError(f"{key} is no table")
        document = inner
    document[keys[-1]] = value


def _key(text: str) -> str:
    return text if _BARE.fullmatch(text) else quoted(text)


def quoted(text: str) -> str:
    """A TOML basic string: JSON's, but for DEL, which TOML wants escaped."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _replace(path: Path, text: str) -> None:
    target = path.resolve()  # a link into a folder of dotfiles stays one
    fresh = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        mode = stat.S_IMODE(target.stat().st_mode)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), mode)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(target)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise _not_written(path, error.strerror or "") from None


def _not_written(path: Path, why: str) -> Failed:
    return Failed(Code.NOT_WRITTEN, f"{path} can't be written: {why}.", "Check the folder.")


def _by_hand(path: Path, values: Mapping[tuple[str, ...], str], why: str) -> Failed:
    lines = "; ".join(f"{'.'.join(keys)} = {quoted(value)}" for keys, value in values.items())
    return Failed(Code.NOT_EDITED, f"{path} can't be changed by itself: {why}.", f"Write into it: {lines}.")
