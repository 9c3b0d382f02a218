"""Set single values in the profile file; comments, order and everything else stay as they are."""

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
    """Set texts by their key path; False when the file has them already. The file is replaced whole, or not at all.

    Raises Failed when a value can't be set without changing something else, or the file can't be written.
    """
    try:
        before = path.read_bytes().decode()  # line ends stay too
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
    """Return ``text`` with the value set; a new one stands first in its table.

    Raises ValueError when ``text`` is not TOML, the table is not one with a header and lines of its own, or
    something else would change.
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
        raise ValueError("something else would change with it")
    return changed


def _edited(text: str, keys: tuple[str, ...], value: str) -> str:
    document = tomlkit.parse(text)
    table = _value_at(document, keys[:-1])
    if table is None or (isinstance(table, Table) and table.is_super_table()):
        return _with_table(text, keys, value)
    if not isinstance(table, Table) or "\n" in tomlkit.item(table.get(keys[-1], "")).as_string():
        raise ValueError("the value does not stand on a line of its own")
    if keys[-1] in table or not table.value.body:
        table[keys[-1]] = value
    else:
        # At the table's end it could come between a comment and the next header, which that comment describes.
        table.value._insert_at(0, keys[-1], tomlkit.string(value))
    return tomlkit.dumps(document)


def _with_table(text: str, keys: tuple[str, ...], value: str) -> str:
    """A table that no header opens yet goes to the end, for the same reason."""
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
            raise ValueError(f"{key} is no table")
        document = inner
    document[keys[-1]] = value


def _not_written(path: Path, error: OSError) -> Failed:
    return Failed(Code.NOT_WRITTEN, f"{path} can't be written: {error.strerror}.", "Check the folder.")


def _by_hand(path: Path, values: Mapping[tuple[str, ...], str], why: str) -> Failed:
    lines = "; ".join(
        f"{'.'.join(keys)} = {tomlkit.string(value).as_string()}" for keys, value in values.items()
    )
    return Failed(Code.NOT_EDITED, f"{path} can't be changed by itself: {why}.", f"Write into it: {lines}.")
