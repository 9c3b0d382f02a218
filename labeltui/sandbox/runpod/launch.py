"""Start and stop an emulated RunPod from the console. Imports only the standard library."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from labeltui.sandbox.launch import Child, PodFailed, started
from labeltui.sandbox.scenarios import find

POD = "annot-demo"
"""The name of the demo's pod."""


class RunPod(Child):
    """A running emulator. ``url`` replaces ``https://api.runpod.io``; ``key`` has all permissions."""

    def __init__(self, process: asyncio.subprocess.Process, ready: Mapping[str, Any]) -> None:
        super().__init__(process, ready)
        self.url = str(ready["url"])
        self.key = str(ready["key"])
        self.account = (self.url, self.key)
        self.control_token = str(ready["control"])
        self.server_port = int(ready["server_port"])

    def environment(self) -> dict[str, str]:
        """Return environment variables that make a client, such as the unmodified SDK, use the emulator."""
        return {"RUNPOD_API_BASE_URL": self.url, "RUNPOD_API_KEY": self.key}

    def profile(self) -> dict[str, Any]:
        """Return a profile for the pod ``POD``, with an SSH key for the login."""
        return {
            "host": "runpod",
            "runpod": {"pod": POD, "key": self.ready["ssh_key"]},
            "server": self.server("~/workspace"),
        }


async def start_runpod(
    scenario: str = "healthy",
    *,
    folder: Path | None = None,
    balance: str = "25.00",
    fake_clock: bool = False,
    with_pod: bool = False,
) -> RunPod:
    """Start an emulator in its own process. Its files go into a new folder inside ``folder``.

    ``folder`` defaults to the system's temporary folder. Started pods play ``scenario``. If ``with_pod`` is True, the
    pod ``POD`` of :meth:`RunPod.profile` runs already; otherwise the account has no pods.
    Raises :class:`~labeltui.sandbox.scenarios.UnknownScenario` and :class:`~labeltui.sandbox.launch.PodFailed`.
    """
    find(scenario)
    arguments = ["--scenario", scenario, "--balance", balance]
    if folder is not None:
        arguments += ["--folder", str(folder)]
    if fake_clock:
        arguments.append("--fake-clock")
    if with_pod:
        arguments += ["--pod", POD]
    return await started(RunPod, "labeltui.sandbox.runpod", *arguments)


__all__ = ["PodFailed", "RunPod", "start_runpod"]
