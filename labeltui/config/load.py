"""Read and check the profile file. Each error names the file, the line and the key."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from labeltui.config.model import ConfigFile, Profile
from labeltui.config.paths import find_config_path
from labeltui.config.positions import KeyPath, find_positions
from labeltui.config.secrets import has_url_password, looks_secret
from labeltui.config.shape import nearest, nearest_key
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Misused

__all__ = [
    "Loaded",
    "Value",
    "check",
    "effective_values",
    "find_config_path",
    "load",
    "read_text",
    "select",
]

_AT_LINE = re.compile(r" \(at line (\d+), column \d+\)$")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_MODEL_TYPES = {"string_type": "a string", "int_type": "a whole number", "bool_type": "true or false",
                "tuple_type": "a list", "dict_type": "a table", "model_type": "a table",
                "model_attributes_type": "a table"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Loaded:
    """A valid file: its values, and the line (from 1) of each key."""

    file: ConfigFile
    origins: Mapping[KeyPath, int]
    path: Path


@dataclass(frozen=True, slots=True)
class Value:
    """An effective value with its dotted key; ``origin`` is ``file:line`` or ``default``."""

    key: str
    value: Any
    origin: str


@dataclass(frozen=True, slots=True)
class _Finding:
    line: int
    key: str
    text: str
    nearest: str | None = None


def load(path: Path) -> Loaded:
    """Read and check the file. Raises Misused with one message that lists all errors, ordered by line."""
    return check(path, read_text(path))


def check(path: Path, text: str) -> Loaded:
    """Check a text that is, or will be, the file's. Raises Misused as :func:`load` does."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _bad_syntax(path, text, str(error)) from None
    origins = find_positions(text)
    findings = [*_secrets(data, origins)]
    file: ConfigFile | None = None
    try:
        # Validate as JSON: in strict mode pydantic accepts a JSON array for a tuple, but not a Python list.
        file = ConfigFile.model_validate_json(json.dumps(data, default=_not_json), strict=True)
    except ValidationError as error:
        secret = {finding.key for finding in findings}
        found = (_finding(details, data, origins) for details in error.errors(include_url=False))
        findings += [finding for finding in found if finding.key not in secret]
    else:
        findings += _contradictions(file, origins)
    if findings or file is None:
        raise _report(path, findings)
    return Loaded(file, origins, path)


def select(loaded: Loaded, name: str | None) -> tuple[str, Profile]:
    """Return the profile ``name``, else the file's default, else its only profile.

    Raises Misused: ``no_profile`` if none of these is given, ``unknown_profile`` if the file lacks the profile.
    """
    profiles = loaded.file.profiles
    wanted = name or loaded.file.default
    if wanted is None and len(profiles) == 1:
        wanted = next(iter(profiles))
    listed = ", ".join(profiles) or "none"
    if wanted is None:
        raise Misused(
            Code.NO_PROFILE,
            f"No profile was named, and {loaded.path} sets no `default`.",
            f"Name one with --profile, or set `default` in the file. Its profiles: {listed}.",
        )
    if wanted not in profiles:
        close = nearest(wanted, list(profiles))
        raise Misused(
            Code.UNKNOWN_PROFILE,
            f"{loaded.path} has no profile {wanted!r}.",
            f"Did you mean {close!r}? Its profiles: {listed}." if close else f"Its profiles: {listed}.",
        )
    return wanted, profiles[wanted]


def effective_values(loaded: Loaded, profile: str | None = None) -> Iterator[Value]:
    """Yield every value with its origin, defaults included, for one profile or the whole file."""
    document: dict[str, Any] = loaded.file.model_dump(mode="json", by_alias=True)
    if profile is not None:
        document = {"profiles": {profile: document["profiles"][profile]}}
    for path, value in _leaves(document, ()):
        line = loaded.origins.get(path)
        yield Value(dotted(path), value, "default" if line is None else f"{loaded.path}:{line}")


def dotted(path: KeyPath) -> str:
    """Format a key path as in TOML, with array indexes in brackets."""
    text = ""
    for key in path:
        if isinstance(key, int):
            text += f"[{key}]"
        else:
            text += ("." if text else "") + (key if _BARE_KEY.fullmatch(key) else json.dumps(key))
    return text


def _leaves(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(inner, (*path, key))
    else:
        yield path, value


def read_text(path: Path) -> str:
    """Return the file's text, with line ends as LF. Raises Misused ``no_config`` and ``bad_config``."""
    try:
        return path.read_bytes().decode("utf-8").replace("\r\n", "\n")
    except FileNotFoundError:
        raise Misused(
            Code.NO_CONFIG,
            f"There is no profile file {path}.",
            "Create one with `labeltui config init`, or try `labeltui demo` first.",
        ) from None
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise Misused(
            Code.BAD_CONFIG, f"{path}:{line}: the file is not UTF-8.", "Save it as UTF-8."
        ) from None
    except OSError as error:
        message = f"{path} can't be read: {error.strerror}."
        raise Misused(Code.BAD_CONFIG, message, "Check the path and the file's permissions.") from None


def _not_json(value: object) -> object:
    """Replace each date by a plain object. No key takes a date, and the model reports the object as a wrong type."""
    return {"date": str(value)}


def _bad_syntax(path: Path, text: str, error: str) -> Misused:
    match = _AT_LINE.search(error)
    line = int(match.group(1)) if match else text.count("\n") + 1
    problem = _AT_LINE.sub("", error).removesuffix(" (at end of document)")
    return Misused(
        Code.BAD_CONFIG,
        f"{path}:{line}: the file is not valid TOML: {problem}.",
        "Correct that line. Strings need quotes.",
    )


def _secrets(data: Mapping[str, Any], origins: Mapping[KeyPath, int]) -> Iterator[_Finding]:
    for path, value in _leaves(data, ()):
        name = path[-1] if path else ""
        if isinstance(name, str) and looks_secret(name):
            text = (
                "a secret does not belong in this file; put the password into an environment variable"
                " and name the variable in `dicomweb_password_env`"
            )
            yield _Finding(_line(path, origins), dotted(path), text)
        elif isinstance(value, str) and has_url_password(value):
            text = "a password does not belong in this file; use `dicomweb_user` and `dicomweb_password_env`"
            yield _Finding(_line(path, origins), dotted(path), text)


def _line(path: KeyPath, origins: Mapping[KeyPath, int]) -> int:
    """The line of a key, or of the nearest table that contains it."""
    while path and path not in origins:
        path = path[:-1]
    return origins.get(path, 1)


def _finding(details: Any, data: Any, origins: Mapping[KeyPath, int]) -> _Finding:
    path: KeyPath = tuple(details["loc"])
    kind: str = details["type"]
    close: str | None = None
    if kind == "extra_forbidden":
        close = nearest_key(path)
        text = "unknown key" + (f"; did you mean `{close}`?" if close else "")
    elif kind == "missing":
        text = "is missing"
    elif kind == "literal_error":
        expected = [part.strip("' ") for part in re.split(r",| or ", details["ctx"]["expected"])]
        value = _value_at(data, path)
        close = nearest(value, expected)
        text = f"can't be {_shown(value)}; it is one of {', '.join(expected)}"
        text += f"; did you mean `{close}`?" if close else ""
    else:
        text = _wrong_value(kind, details, _value_at(data, path))
    return _Finding(_line(path, origins), dotted(path), text, close)


def _wrong_value(kind: str, details: Any, value: Any) -> str:
    if kind == "address":
        return str(details["msg"]).removesuffix(".")
    wanted = _MODEL_TYPES.get(kind)
    if wanted is None:
        bounds = {"greater_than_equal": "at least {ge}", "less_than_equal": "at most {le}"}
        rule = bounds[kind].format(**details["ctx"]) if kind in bounds else str(details["msg"])
        return f"can't be {_shown(value)}; it must be {rule}"
    quoted = isinstance(value, bool | int | float) and kind == "string_type"
    hint = f'; write "{_shown(value)}"' if quoted else ""
    return f"must be {wanted}, not {_shown(value)}{hint}"


def _shown(value: Any) -> str:
    """Format a value as in the file, cut to 60 characters."""
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list"
    text = json.dumps(value, default=str) if isinstance(value, str | bool | int | float) else str(value)
    return text if len(text) <= 60 else text[:59] + "…"


def _value_at(data: Any, path: KeyPath) -> Any:
    for key in path:
        try:
            data = data[key]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def _contradictions(file: ConfigFile, origins: Mapping[KeyPath, int]) -> Iterator[_Finding]:
    """Yield contradictions between values: a default profile that is missing, or ``host = "ssh"`` without its table."""
    if file.default is not None and file.default not in file.profiles:
        close = nearest(file.default, list(file.profiles))
        text = f"there is no profile {_shown(file.default)}" + (f"; did you mean `{close}`?" if close else "")
        yield _Finding(_line(("default",), origins), "default", text, close)
    for name, profile in file.profiles.items():
        if profile.host == "ssh" and profile.ssh is None:
            path = ("profiles", name, "host")
            text = f'"ssh" needs the table [{dotted(("profiles", name, "ssh"))}] with `address`'
            yield _Finding(_line(path, origins), dotted(path), text)


def _report(path: Path, findings: list[_Finding]) -> Misused:
    lines = [f"{path}:{f.line}: {f.key}: {f.text}" for f in sorted(findings, key=lambda f: f.line)]
    message = "\n".join(lines if len(lines) == 1 else [f"{path} has {len(lines)} errors:", *lines])
    hint = "Correct the file; `labeltui config schema` lists every key."
    return Misused(Code.BAD_CONFIG, message, hint)
