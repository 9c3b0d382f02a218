"""The pod's own process: makes the files, serves SSH, plays the scenario, and cleans up however it ends."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from labeltui.sandbox.processes import sweep
from labeltui.sandbox.scenarios import Scenario, UnknownScenario, find


def main() -> int:
    """Run one pod; prints one JSON line when it is ready, and returns the exit code."""
    parser = argparse.ArgumentParser("labeltui.sandbox", description="An embedded pod for labeltui's demo.")
    parser.add_argument("--scenario", default="healthy")
    parser.add_argument("--folder", type=Path, default=None, help="where the pod's temporary folder is made")
    arguments = parser.parse_args()
    try:
        scenario = find(arguments.scenario)
    except UnknownScenario as unknown:
        print(unknown, file=sys.stderr)
        return 2
    root = Path(tempfile.mkdtemp(prefix="labeltui-demo-", dir=arguments.folder)).resolve()
    token = secrets.token_hex(12)
    try:
        asyncio.run(_run(scenario, root, token))
    finally:
        sweep(token, root / "home" / "labeltui")
        shutil.rmtree(root, ignore_errors=True)
    return 0


async def _run(scenario: Scenario, root: Path, token: str) -> None:
    leave = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, leave.set)
    watch = asyncio.create_task(end_with_console(leave))

    from labeltui.sandbox.annotators import annotate, arrive  # noqa: PLC0415 - numpy and asyncssh only once we may be ended
    from labeltui.sandbox.home import PodFiles  # noqa: PLC0415
    from labeltui.sandbox.sshd import USER, Sshd, break_network  # noqa: PLC0415

    files = PodFiles(root, token)
    files.make(scenario)
    sshd = Sshd(root, files.home, files.environment())
    await sshd.start()
    port = free_port()
    ready = {
        "ready": True,
        "scenario": scenario.name,
        "address": f"{USER}@127.0.0.1:{sshd.port}",
        "key": str(sshd.key_path),
        "known_hosts": str(sshd.known_hosts_path),
        "home": str(files.home),
        "folder": str(files.folder),
        "studies": str(files.studies),
        "server_port": port,
        "root": str(root),
        "token": token,
        "pid": os.getpid(),
    }
    print(json.dumps(ready), flush=True)
    _log_to(root / "pod.log")
    play: list[Coroutine[Any, Any, None]] = [
        annotate(name, scenario, files, port) for name in scenario.annotators
    ]
    if scenario.arrival_every is not None:
        play.append(arrive(scenario, files, scenario.arrival_every))
    if scenario.drop_every is not None:
        play.append(break_network(sshd, scenario.drop_every, scenario.refuse_for))
    tasks = [asyncio.create_task(part) for part in play]
    await leave.wait()
    for task in (*tasks, watch):
        task.cancel()
    await asyncio.gather(*tasks, watch, return_exceptions=True)
    await sshd.close()


async def end_with_console(leave: asyncio.Event) -> None:
    """Set ``leave`` when stdin ends: the console keeps it open as long as it runs."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    with contextlib.suppress(OSError):
        while await reader.read(4096):
            pass
    leave.set()


def _log_to(path: Path) -> None:
    """Redirect stderr to a file: nobody reads it once the pod is ready, and a full pipe would block."""
    with path.open("ab") as log:
        os.dup2(log.fileno(), sys.stderr.fileno())


def free_port() -> int:
    """A TCP port of 127.0.0.1 on which nothing listens at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
