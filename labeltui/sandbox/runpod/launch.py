"""Start and stop an emulated RunPod from the console. Light: only the standard library."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from labeltui.sandbox.launch import GONE_WITHIN, PodFailed, abandon, environment, ready_line
from labeltui.sandbox.processes import sweep
from labeltui.sandbox.scenarios import find


class RunPod:
    """A running emulator. It ends when :meth:`close` is called, or by itself when this process ends in any way.

    ``url`` stands for ``https://api.runpod.io``; ``key`` is an API key that may do everything.
    """

    def __init__(self, process: asyncio.subprocess.Process, ready: Mapping[str, Any]) -> None:
        self._process = process
        self._closed = False
        self.ready = dict(ready)
        self.url = str(ready["url"])
        self.key = str(ready["key"])
        self.control_token = str(ready["control"])
        self.server_port = int(ready["server_port"])
        self.folder = Path(ready["folder"])
        self.pid = process.pid

    def environment(self) -> dict[str, str]:
        """Variables that lead a client, the unmodified SDK too, here instead of to RunPod."""
        return {"RUNPOD_API_BASE_URL": self.url, "RUNPOD_API_KEY": self.key}

    def server(self) -> dict[str, Any]:
        """Return the ``[server]`` table of a profile for whatever pod is rented here with a mount."""
        return {
            "folder": "~/workspace/labeltui",
            "app": "radiology",
            "models": ["deepedit"],
            "studies": "~/workspace/studies",
            "port": self.server_port,
            "conf": {"use_pretrained_model": "false"},
            "torch": "cpu",
        }

    async def close(self) -> None:
        """End it with everything that runs in its pods, and remove its folder; may be called twice."""
        if self._closed:
            return
        self._closed = True
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), GONE_WITHIN)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        # It cleans up after itself; where it was killed, this is the only one left to do it.
        if self.folder.exists():
            await asyncio.to_thread(sweep, str(self.ready["token"]), self.folder)
            await asyncio.to_thread(shutil.rmtree, self.folder, ignore_errors=True)


async def start_runpod(
    scenario: str = "healthy",
    *,
    folder: Path | None = None,
    balance: str = "25.00",
    fake_clock: bool = False,
) -> RunPod:
    """Start an emulator in a process of its own; its files go into a new folder inside ``folder``.

    Without ``folder`` that is the system's temporary folder. ``scenario`` is what plays inside started pods.
    Raises :class:`~labeltui.sandbox.scenarios.UnknownScenario` and :class:`~labeltui.sandbox.launch.PodFailed`.
    """
    find(scenario)
    command = [sys.executable, "-m", "labeltui.sandbox.runpod", "--scenario", scenario, "--balance", balance]
    if folder is not None:
        command += ["--folder", str(folder)]
    if fake_clock:
        command.append("--fake-clock")
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment(),
        start_new_session=True,
    )
    try:
        return RunPod(process, await ready_line(process))
    except BaseException:
        await abandon(process)
        raise


__all__ = ["PodFailed", "RunPod", "start_runpod"]
