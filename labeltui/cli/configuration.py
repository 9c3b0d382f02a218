"""``labeltui config``: the profile file, from the command line."""

from __future__ import annotations

import asyncio
import json
import shlex
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from labeltui.cli.asking import TerminalPrompter
from labeltui.cli.output import Output
from labeltui.cli.parser import Request
from labeltui.cli.questions import ask_for_profile
from labeltui.config.adding import add_profile, known_profiles, replace_profile
from labeltui.config.load import Loaded, effective_values, find_config_path, load, select
from labeltui.config.model import ConfigFile
from labeltui.config.questions import checked, profile_name
from labeltui.domain.documents.documents import moment
from labeltui.domain.failure_codes import Code
from labeltui.domain.literal import visible
from labeltui.domain.problems import ExitCode, Misused


def run_config(request: Request, output: Output) -> ExitCode:
    """Run one of the ``config`` commands. Raises LabeltuiError."""
    path = find_config_path(request.launch.config)
    match request.command[1]:
        case "path":
            if output.as_json:
                output.document({"as_of": _now(), "path": str(path), "exists": path.exists()})
            else:
                output.raw(visible(str(path)))
        case "schema":
            output.raw(json.dumps(ConfigFile.model_json_schema(), indent=2))
        case "init":
            output.document(_init(path, request, output))
        case "validate":
            loaded = load(path)
            if request.launch.profile is not None:
                select(loaded, request.launch.profile)
            output.document(_summary(loaded))
        case _:
            output.document(_show(load(path), request))
    return ExitCode.DONE


def _now() -> str | None:
    return moment(datetime.now(UTC))


def _summary(loaded: Loaded) -> Mapping[str, Any]:
    return {
        "as_of": _now(),
        "path": str(loaded.path),
        "valid": True,
        "default": loaded.file.default,
        "profiles": list(loaded.file.profiles),
    }


def _show(loaded: Loaded, request: Request) -> Mapping[str, Any]:
    profile = None if request.launch.profile is None else select(loaded, request.launch.profile)[0]
    origin = bool(request.params.get("origin"))
    values = [
        {"key": value.key, "value": value.value, **({"origin": value.origin} if origin else {})}
        for value in effective_values(loaded, profile)
    ]
    return {"as_of": _now(), "path": str(loaded.path), "values": values}


def _init(path: Path, request: Request, output: Output) -> Mapping[str, Any]:
    params: Mapping[str, Any] = request.params
    name: str | None = params.get("name") or request.launch.profile
    if not params.keys() - {"name"} and not output.as_json and _at_a_terminal():
        known_profiles(path)  # a wrong file is reported before anything is asked
        kind, given = asyncio.run(ask_for_profile(TerminalPrompter(output.progress), output.progress))
        params = {**given, "host": kind}
    else:
        name = name or "default"
    implied = "ssh" if params.get("address") else "runpod" if params.get("pod") else None
    host = params.get("host") or implied
    if host is None:
        raise Misused(
            Code.USAGE,
            "The profile needs a machine.",
            "Add --host ssh --address user@name:port, --host runpod, or --host local for this machine.",
        )
    if host == "ssh" and not params.get("address"):
        raise Misused(Code.USAGE, "`--host ssh` needs an address.", "Add --address user@name:port.")
    answers = {key: str(value) for key, value in params.items() if key not in ("host", "name")}
    if request.yes is not None:
        name = name or profile_name(host, checked(host, answers), ())
    if name in known_profiles(path) and _replaces(path, str(name), request, output):
        replace_profile(path, str(name), host, answers)
    else:
        name = add_profile(path, host, answers, name)
    return {
        "as_of": _now(), "path": str(path), "profile": name,
        "next": _next_step(host, bool(params.get("pod")), request.launch.config, _to_open(path, str(name))),
    }  # fmt: skip


def _replaces(path: Path, name: str, request: Request, output: Output) -> bool:
    """Return whether the operator agrees to change a profile that the file has, by ``--yes`` or by an answer."""
    if request.yes is not None or output.as_json or not _at_a_terminal():
        return request.yes is not None
    question = (
        f"{visible(str(path))} has a profile {name!r} already. Change it? All other profiles stay. [y/N]"
    )
    answer = asyncio.run(TerminalPrompter(output.progress).ask(question))
    return (answer or "").strip().lower() in ("y", "yes")


def _to_open(path: Path, name: str) -> str | None:
    """Return the profile to name in commands; None if labeltui opens it by itself."""
    try:
        opened = select(load(path), None)[0]
    except Misused:  # the file has no default
        opened = None
    return None if opened == name else name


def _at_a_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def _next_step(host: str, has_pod: bool, config: str | None, profile: str | None) -> str:
    """Say what to do after the profile was written: the commands to run, in order.

    ``profile`` is its name if labeltui does not open it by itself.
    """
    program = f"labeltui --config {shlex.quote(config)}" if config is not None else "labeltui"
    program += f" --profile {shlex.quote(profile)}" if profile is not None else ""
    check = f"`{program} doctor` checks what is missing"
    console = f"`{program}` opens the console"
    line = f"default = {json.dumps(profile)}"
    default = f" Set `{line}` in the file to leave out --profile." if profile is not None else ""
    if host == "runpod" and not has_pod:
        return f"{check}; {console}, where `p n` rents a pod and goes on to the server.{default}"
    return f"{check}; `{program} setup` installs MONAI Label on the host; {console}.{default}"
