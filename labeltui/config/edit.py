"""Set single values in the profile file without touching comments, order or anything else."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Table

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed
from labeltui.support.atomic import write_file


def set_values(path: Path, values: Mapping[tuple[str, ...], str]) -> bool:
    """Set strings by their key paths. Returns False when the file has these values already.

    The file is replaced atomically.

    Raises:
        Failed: A value can't be set without changing something else (``not_edited``), or the file can't be
            written (``not_written``).
    """
    try:
        before = path.read_bytes().decode()  # read_text would convert the line ends
        text = before
        for keys, value in values.items():
            text = with_value(text, keys, value)
    except OSError as error:
        raise _not_written(path, error) from None
    except ValueError as error:
        raise _by_hand(path, values, str(error)) from None
    if text == before:
        return False
    try:
        write_file(path, text, mode=None, durable=True)
    except OSError as error:
        raise _not_written(path, error) from None
    return True


def with_value(text: str, keys: tuple[str, ...], value: str) -> str:
    """Return ``text`` with the value set. A key that the table lacks is added as its first.

    Raises ValueError when ``text`` is not TOML, the table is inline, the old value spans several lines, or another
    value would change.
    """
    wanted = tomllib.loads(text)
    if _value_at(wanted, keys) == value:
        return text
    try:
        changed = _edited(text, keys, value)
    except TOMLKitError as error:
        raise ValueError(str(error)) from None
    _put(wanted, keys, value)
    if tomllib.loads(changed) != wanted:
        raise ValueError("other values would change too")
    return changed


def _edited(text: str, keys: tuple[str, ...], value: str) -> str:
    document = tomlkit.parse(text)
    table = _value_at(document, keys[:-1])
    if table is None or (isinstance(table, Table) and table.is_super_table()):
        return _with_table(text, keys, value)
    if not isinstance(table, Table) or "\n" in tomlkit.item(table.get(keys[-1], "")).as_string():
        raise ValueError("the value is not on a line of its own")
    if keys[-1] in table or not table.value.body:
        table[keys[-1]] = value
    else:
        # At the table's end it could separate a comment from the next header, which the comment describes.
        table.value._insert_at(0, keys[-1], tomlkit.string(value))
    return tomlkit.dumps(document)


def _with_table(text: str, keys: tuple[str, ...], value: str) -> str:
    """Append the value under a new table header at the end of the file."""
    nested: Any = value
    for key in reversed(keys):
        nested = {key: nested}
    return f"{text.rstrip()}\n\n{tomlkit.dumps(nested)}"


def _value_at(document: Any, keys: tuple[str, ...]) -> Any:
    for key in keys:
        document = document.get(key) if isinstance(document, dict) else None
    return document


def _put(document: dict[str, Any], keys: tuple[str, ...], value: str) -> None:
    for key in keys[:-1]:
        inner = document.setdefault(key, {})
        if not isinstance(inner, dict):
            raise ValueError(f"{key} is not a table")
        document = inner
    document[keys[-1]] = value


def _not_written(path: Path, error: OSError) -> Failed:
    return Failed(
        Code.NOT_WRITTEN,
        f"{path} can't be written: {error.strerror}.",
        "Check that you may write to its folder.",
    )


def _by_hand(path: Path, values: Mapping[tuple[str, ...], str], why: str) -> Failed:
    lines = "; ".join(
        f"{'.'.join(keys)} = {tomlkit.string(value).as_string()}" for keys, value in values.items()
    )
    return Failed(
        Code.NOT_EDITED, f"{path} can't be edited automatically: {why}.", f"Add this to it yourself: {lines}."
    )
