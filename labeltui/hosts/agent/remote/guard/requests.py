"""The requests of consoles to the guard. The agent answers them.

Requests and answers are JSON objects; ``ask`` names the request. Requests change ``wish.json`` and
``copied.json``, which the guard reads, so they also take effect while the guard is being replaced. ``wire.py``
holds the field names, some of which are older than the code's own names.

``status {}``                              the guard's state
``ensure {version, wish, key?}``           start or replace the guard if needed; store the profile's settings
``keep {seconds?}``                        reset the countdown; with seconds, not idle before they are over
``set {changes}``                          change limits until the pod stops
``copied {files, drop?}``                  labels that were copied: ``[[path, size, mtime_ns or sha256], ...]``;
                                           ``drop``: paths of copies that were deleted
``models {root, files, here, copying?}``   files of weights below ``root`` that must be copied, ``{path: model}``;
                                           ``here``: those that were, ``{path: [size, mtime_ns]}``; ``copying``:
                                           the model that this console copies, which counts for one minute
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any, Callable, Sequence

from labeltui.domain.guard.rules import Policy
from labeltui.domain.guard.wire import DESIRED, WITHOUT_KEY
from labeltui.hosts.agent.remote.files import Problem, take_lock
from labeltui.hosts.agent.remote.guard.lending import lend, lent_key, remove_stored
from labeltui.hosts.agent.remote.guard.state_files import GuardFiles, pod_environment
from labeltui.hosts.agent.remote.guard.weights import merged
from labeltui.hosts.agent.remote.processes import boot_id, is_running

BEGIN_S = 20.0
TAKEN_UP_S = 10.0
HUNG_S = 300.0  # a full check takes seconds; unanswered requests to RunPod, a minute or two


def perform(folder: Path, program: Sequence[str], request: dict[str, Any]) -> dict[str, Any]:
    """Answer one request. ``program`` is the command line that starts this package. Raises Problem."""
    arguments = dict(request)
    ask = arguments.pop("ask", "")
    operation = OPERATIONS.get(ask)
    if operation is None:
        raise Problem("bad_request", "The guard does not know this request.", "Update labeltui.")
    if ask == "ensure":
        arguments.update(folder=folder, program=program, desired=arguments.pop(DESIRED))
    return operation(GuardFiles(folder), **arguments)


def status(files: GuardFiles) -> dict[str, Any]:
    """Return the state that the guard wrote last, and whether the guard runs."""
    state = files.read(files.state)
    return {
        "alive": is_alive(state), "pod": pod_environment().get("RUNPOD_POD_ID", ""),
        DESIRED: {k: v for k, v in files.read(files.desired).items() if k in ("policy", "set", "version", "keep")},
        "now_mono": time.monotonic(), "now": time.time(), "lent_key": bool(lent_key(files.folder)),
        "state": state if state.get("boot_id") == boot_id() else {},
    }  # fmt: skip


def is_alive(state: dict[str, Any]) -> bool:
    """Whether the guard that wrote ``state`` still runs."""
    return (
        state.get("boot_id") == boot_id()
        and isinstance(state.get("pid"), int)
        and is_running(state["pid"], str(state.get("pid_start")))
    )


def ensure(
    files: GuardFiles,
    folder: Path,
    program: Sequence[str],
    version: str,
    desired: dict[str, Any],
    key: str | None = None,
) -> dict[str, Any]:
    """Start or replace the guard if needed, and store the profile's settings in ``wish.json``.

    ``key`` is the operator's API key. Empty deletes the stored key; None leaves it.
    """
    files.make()
    remove_stored(folder)
    lock = take_lock(files.agent_lock)
    try:
        stored = files.read(files.desired)
        if stored.get("boot_id") != boot_id():  # changed limits apply until the pod stops
            stored = {}
        lending = {} if key is None else {WITHOUT_KEY: lend(files.folder, key)}
        merged = {**stored, **desired, **lending, "version": version, "boot_id": boot_id()}
        files.write(files.desired, merged)
        refuse_second(files, folder)
        state = files.read(files.state)
        if is_alive(state) and time.monotonic() - float(state.get("written_mono") or 0) > HUNG_S:
            end(state)
            state = {}
        started = False
        if not (is_alive(state) and state.get("version") == version):
            start(folder, version, program)
            started = True
            await_guard(files, version)
    finally:
        os.close(lock)
    return {**status(files), "started": started}


def end(state: dict[str, Any]) -> None:
    """Kill the guard that wrote ``state``, and wait up to 20 s until it has ended."""
    os.kill(state["pid"], signal.SIGKILL)
    deadline = time.monotonic() + BEGIN_S
    while is_alive(state) and time.monotonic() < deadline:
        time.sleep(0.02)


def refuse_second(files: GuardFiles, folder: Path) -> None:
    """Raise Problem ``guard_elsewhere`` if this pod's guard runs in another folder.

    With two guards, each would stop the pod without waiting for the labels that only the other knows.
    """
    claim = files.read(files.claim)
    pid, other = claim.get("pid"), str(claim.get("folder", ""))
    if other != str(folder) and isinstance(pid, int) and is_running(pid, str(claim.get("pid_start"))):
        raise Problem(
            "guard_elsewhere", f"The guard of this pod belongs to another folder: {other}.",
            "Use that folder in this profile, too: [profiles.NAME.server] folder.",
        )  # fmt: skip


def start(folder: Path, version: str, program: Sequence[str]) -> None:
    """Start the guard in its own session, so that it outlives the agent and all connections."""
    subprocess.Popen(
        [*program, "guard", "--folder", str(folder), "--version", version],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True, cwd="/",
    )  # fmt: skip


def await_guard(files: GuardFiles, version: str) -> None:
    """Wait until the guard has written its state. Raises Problem ``guard_silent`` after 20 s."""
    deadline = time.monotonic() + BEGIN_S
    while time.monotonic() < deadline:
        state = files.read(files.state)
        if is_alive(state) and state.get("version") == version:
            return
        time.sleep(0.05)
    raise Problem("guard_silent", "The guard did not begin.", f"See {files.log_file} on the host.")


def keep(files: GuardFiles, seconds: float = 0.0) -> dict[str, Any]:
    """Reset the countdown. The guard does not stop the pod as idle for at least ``seconds``."""
    now = time.monotonic()
    until = now + max(0.0, float(seconds))
    entry = {"mono": now, "at": time.time(), "until_mono": until, "boot_id": boot_id()}
    before = amend(files, {"keep": entry}).get("keep") or {}
    if before.get("boot_id") == boot_id() and float(before.get("until_mono") or 0) > until:
        # A later request never shortens an earlier one.
        amend(files, {"keep": {**entry, "until_mono": before["until_mono"]}})
    return status(files)


def change(files: GuardFiles, changes: dict[str, Any]) -> dict[str, Any]:
    """Replace limits of the profile until the pod stops. Raises Problem ``bad_request`` for an invalid value."""
    for name, value in changes.items():
        limit = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1e9
        if name == "mode":
            good = value in ("auto", "off")
        elif name == "need_copies":
            good = isinstance(value, bool)
        else:
            good = limit or (name == "budget" and value is None)
        if name not in Policy.__dataclass_fields__ or not good:
            raise Problem("bad_request", f"The guard can't be set to {name} = {value!r}.")
    stored = files.read(files.desired).get("set") or {}
    amend(files, {"set": {**stored, **changes}})
    return status(files)


def amend(files: GuardFiles, changes: dict[str, Any]) -> dict[str, Any]:
    """Change ``wish.json``, and wait up to 10 s until a running guard has read the change.

    Returns the previous document.
    """
    files.make()
    lock = take_lock(files.agent_lock)
    try:
        before = files.read(files.desired)
        number = int(before.get("number") or 0) + 1
        files.write(files.desired, {**before, **changes, "number": number})
    finally:
        os.close(lock)
    deadline = time.monotonic() + TAKEN_UP_S
    while time.monotonic() < deadline:
        state = files.read(files.state)
        if not is_alive(state) or int(state.get("number") or 0) >= number:
            break
        time.sleep(0.05)
    return before


def copied(place: GuardFiles, *, files: list[Any], drop: list[str] | None = None) -> dict[str, Any]:
    """Record labels that were copied to a desk (``files``), and copies that were deleted (``drop``)."""
    fresh: dict[str, list[Any]] = {}
    for path, size, mark in files:
        if not (isinstance(path, str) and isinstance(size, int) and isinstance(mark, (int, str))):
            raise Problem("bad_request", "A copied label is [path, size, time in ns or checksum].")
        below = path.lstrip("/")
        fresh[below if below.startswith("labels/") else "labels/" + below] = [size, mark]
    place.make()
    lock = take_lock(place.agent_lock)
    try:
        stored = {**(place.read(place.copied).get("files") or {}), **fresh}
        for path in drop or ():
            stored.pop(path, None)
        place.write(place.copied, {**place.read(place.copied), "files": stored})
    finally:
        os.close(lock)
    return {"in_all": len(stored)}


def models(
    place: GuardFiles, *, root: str, files: dict[str, str], here: dict[str, list[int]], copying: str = ""
) -> dict[str, Any]:
    """Record which models must be copied to a desk, which are, and which one is being copied."""
    place.make()
    lock = take_lock(place.agent_lock)
    try:
        stored = place.read(place.copied)
        models = merged(stored.get("models") or {}, root, files, here, copying)
        place.write(place.copied, {**stored, "models": models})
    finally:
        os.close(lock)
    return {}


OPERATIONS: dict[str, Callable[..., dict[str, Any]]] = {
    "status": status, "ensure": ensure, "keep": keep, "set": change, "copied": copied, "models": models,
}  # fmt: skip
