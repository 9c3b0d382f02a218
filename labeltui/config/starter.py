"""Make the commented profile file that ``labeltui config init`` writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import tomlkit
from pydantic import BaseModel
from tomlkit.items import Item

from labeltui.config.model import (
    LabelsSection,
    ModelsSection,
    Profile,
    RunpodSection,
    ServerSection,
    ShellSection,
    SlicerSection,
    SshSection,
)
from labeltui.config.shape import keys_of

VOLUME = "/workspace"  # where RunPod mounts a pod's volume


def starter_text(name: str, given: Mapping[str, Any]) -> str:
    """Return a file with one profile, which is its default; see :func:`profile_text`."""
    lines = [
        "# labeltui profiles. Check this file with `labeltui config validate`.",
        "# Never put a password here: labeltui asks for it, or reads it from an environment variable.",
        "",
        f"default = {tomlkit.string(name).as_string()}",
        "",
    ]
    return "\n".join(lines) + "\n" + profile_text(name, given)


def profile_text(name: str, given: Mapping[str, Any]) -> str:
    """Return the tables of one profile. Keys in ``given`` are set; the others are comments with their defaults.

    ``given`` has ``host`` and any of ``address pod key jump app models studies folder``; ``models`` is comma separated.
    On RunPod, ``folder`` and ``studies`` default to the volume, because a stopped pod loses all other files.
    """
    values: dict[str, Any] = {key: value for key, value in given.items() if value}
    if values["host"] == "runpod":
        values = {"folder": f"{VOLUME}/labeltui", "studies": f"{VOLUME}/studies", **values}
    if "models" in values:
        values["models"] = [model.strip() for model in str(values["models"]).split(",") if model.strip()]
    table = f"profiles.{tomlkit.key(name).as_string()}"
    lines = [
        f"[{table}]",
        *_section(
            Profile,
            values,
            skip=("ssh", "runpod", "server", "guard", "labels", "models", "slicer", "shell", "keys"),
        ),
    ]
    if values["host"] == "ssh":
        lines += ["", f"[{table}.ssh]", *_section(SshSection, values)]
    if values["host"] == "runpod":
        lines += ["", f"[{table}.runpod]", *_section(RunpodSection, values)]
    lines += ["", f"[{table}.server]", *_section(ServerSection, values)]
    lines += ["", f"[{table}.labels]", *_section(LabelsSection, {})]
    lines += ["", f"[{table}.models]", *_section(ModelsSection, {})]
    lines += ["", f"[{table}.slicer]", *_section(SlicerSection, {})]
    lines += ["", f"[{table}.shell]", *_section(ShellSection, {})]
    return "\n".join(lines) + "\n"


def _section(section: type[BaseModel], given: Mapping[str, Any], skip: tuple[str, ...] = ()) -> Iterator[str]:
    for name, field in keys_of(section).items():
        if name in skip:
            continue
        yield f"# {' '.join((field.description or '').split()).replace('``', '`')}"
        if name in given:
            yield f"{name} = {_toml(given[name])}"
        else:
            default = field.get_default(call_default_factory=True)
            yield f"# {name} = {'...' if default is None else _toml(default)}"


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        table = tomlkit.inline_table()
        table.update(value)
        return table.as_string()
    item: Item = tomlkit.item(list(value) if isinstance(value, tuple) else value)
    return item.as_string()
