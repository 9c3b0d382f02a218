"""Look up the keys that the model allows, so that error messages can suggest the right one."""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterator
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from labeltui.config.model import ConfigFile, Profile
from labeltui.config.positions import KeyPath

CLOSE_ENOUGH = 0.6


def section_at(path: KeyPath) -> type[BaseModel] | None:
    """The model of the table at ``path``. None for a table with free keys, or an unknown one."""
    found: Any = ConfigFile
    for key in path:
        found = _child(found, key)
        if found is None:
            return None
    return found if isinstance(found, type) and issubclass(found, BaseModel) else None


def nearest_key(path: KeyPath) -> str | None:
    """Suggest a key for the unknown last key of ``path``: a similar one in its table, else the same name elsewhere."""
    *above, wrong = path
    section = section_at(tuple(above))
    if section is None or not isinstance(wrong, str):
        return None
    close = difflib.get_close_matches(wrong.lower(), keys_of(section), n=1, cutoff=CLOSE_ENOUGH)
    if close:
        return close[0]
    elsewhere = [place for place in _places(Profile) if place.rpartition(".")[2] == wrong]
    if not elsewhere:
        return None
    return elsewhere[0] if section is Profile else f"profiles.NAME.{elsewhere[0]}"


def keys_of(section: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields of a table by their keys in the file: a field's alias, else its name."""
    return {field.alias or name: field for name, field in section.model_fields.items()}


def nearest(wrong: object, choices: list[str]) -> str | None:
    """The choice most similar to ``wrong``. None when no choice is similar enough."""
    close = difflib.get_close_matches(str(wrong), choices, n=1, cutoff=CLOSE_ENOUGH)
    return close[0] if close else None


def _places(section: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in keys_of(section).items():
        yield prefix + name
        inner = _bare(field.annotation)
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from _places(inner, f"{prefix}{name}.")


def _bare(annotation: Any) -> Any:
    """Strip ``| None`` and ``Annotated`` from a type."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return _bare(next(a for a in get_args(annotation) if a is not type(None)))
    return annotation


def _child(found: Any, key: str | int) -> Any:
    if isinstance(found, type) and issubclass(found, BaseModel):
        field = keys_of(found).get(str(key))
        return None if field is None else _bare(field.annotation)
    if get_origin(found) is dict:
        return _bare(get_args(found)[1])
    return None
