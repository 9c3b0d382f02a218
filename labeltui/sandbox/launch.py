"""Start and stop the sandbox's processes from the console. Imports no heavy modules."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from labeltui.sandbox.processes import sweep
from labeltui.sandbox.scenarios import find
from labeltui.support.pipes import piped

_READY_WITHIN_S = 30.0
_END_WITHIN_S = 10.0


C = TypeVar("C", bound="Child")


class PodFailed(RuntimeError):
    """The embedded pod did not start; the message says why."""


class Child:
    """A process of the sandbox. The process ends after :meth:`close`, or when the console's process ends.

    ``root`` is the folder of its files; ``autostart`` lists the steps that the console runs at the start.
    """

    account: tuple[str, str] | None = None
    """URL and key of the emulated RunPod; None for a pod without one."""

    def __init__(self, process: asyncio.subprocess.Process, ready: Mapping[str, Any]) -> None:
        self._process = process
        self._closed = False
        self.ready = dict(ready)
        scenario = find(str(ready["scenario"]))
        self.scenario, self.autostart = scenario.name, scenario.autostart
        self.root = Path(ready["root"])
        self.pid = process.pid

    def server(self, home: str) -> dict[str, Any]:
        """The ``[server]`` table of a profile whose folders are in ``home``."""
        return {
            "folder": f"{home}/labeltui",
            "app": "radiology",
            "models": ["deepedit"],
            "studies": f"{home}/studies",
            "port": self.ready["server_port"],
            "conf": {"use_pretrained_model": "false"},
            "torch": "cpu",
        }

    async def close(self) -> None:
        """End the process and all its children, and remove its folder. May be called twice."""
        if self._closed:
            return
        self._closed = True
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), _END_WITHIN_S)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        # The process removes its files itself, unless it had to be killed.
        if self.root.exists():
            await asyncio.to_thread(sweep, str(self.ready["token"]), Path(self.ready["folder"]))
            await asyncio.to_thread(shutil.rmtree, self.root, ignore_errors=True)


class Pod(Child):
    """A running pod, reached over SSH."""

    def profile(self) -> dict[str, Any]:
        """The pod as a profile of the configuration file (:class:`labeltui.config.model.Profile`)."""
        ready = self.ready
        return {
            "host": "ssh",
            "ssh": {
                "address": ready["address"],
                "key": ready["key"],
                "known_hosts": ready["known_hosts"],
                "config": "none",
            },
            "server": self.server(ready["home"]),
        }


async def start_pod(scenario: str = "healthy", *, folder: Path | None = None) -> Pod:
    """Start a pod that plays ``scenario``. Its files go into a new folder inside ``folder``.

    ``folder`` defaults to the system's temporary folder.
    Raises :class:`~labeltui.sandbox.scenarios.UnknownScenario` and :class:`PodFailed`.
    """
    find(scenario)
    arguments = ["--folder", str(folder)] if folder is not None else []
    return await started(Pod, "labeltui.sandbox", "--scenario", scenario, *arguments)


async def started(kind: type[C], module: str, *arguments: str) -> C:
    """Start a module of the sandbox as a process and wait until it is ready; raises :class:`PodFailed`."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",  # not another labeltui in the working directory
        "-m",
        module,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment(),
        start_new_session=True,
    )
    try:
        return kind(process, await ready_line(process))
    except BaseException:
        await abandon(process)
        raise


def environment() -> dict[str, str]:
    """Return this process's environment, with labeltui on ``PYTHONPATH`` for children in any folder."""
    spec = importlib.util.find_spec("labeltui")
    places = [str(Path(place).parent) for place in (spec.submodule_search_locations or [])] if spec else []
    inherited = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(dict.fromkeys([*places, *inherited]))}


async def ready_line(process: asyncio.subprocess.Process) -> dict[str, Any]:
    """Read the JSON line that a child prints when it is ready; raises :class:`PodFailed` after 30 s."""
    try:
        line = await asyncio.wait_for(piped(process.stdout).readline(), _READY_WITHIN_S)
    except TimeoutError:
        raise PodFailed(f"The demo pod was not ready within {_READY_WITHIN_S:.0f} seconds.") from None
    try:
        ready = json.loads(line)
    except ValueError:
        errors = (await piped(process.stderr).read(65536)).decode(errors="replace").strip().splitlines()
        raise PodFailed(
            f"The demo pod did not start: {errors[-1] if errors else 'it printed no reason'}"
        ) from None
    if not isinstance(ready, dict):
        raise PodFailed("The demo pod did not start: its first line is not a JSON object.")
    return ready


async def abandon(process: asyncio.subprocess.Process) -> None:
    """End a child that did not become ready. Closing its stdin makes the child clean up."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        await asyncio.wait_for(process.wait(), _END_WITHIN_S)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
