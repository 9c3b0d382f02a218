"""The pod's process: makes the files, serves SSH, plays the scenario, and always cleans up at the end."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import shutil
import socket
import sys
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from labeltui.sandbox.annotators import annotate, arrive
from labeltui.sandbox.home import PodFiles
from labeltui.sandbox.lifetime import log_to, stop_event
from labeltui.sandbox.processes import sweep
from labeltui.sandbox.scenarios import Scenario, UnknownScenario, find
from labeltui.sandbox.sshd import USER, Sshd, break_network


def main() -> int:
    """Run one pod; prints one JSON line when it is ready, and returns the exit code."""
    parser = argparse.ArgumentParser("labeltui.sandbox", description="An embedded pod for labeltui's demo.")
    parser.add_argument("--scenario", default="healthy")
    parser.add_argument(
        "--folder", type=Path, default=None, help="folder in which the pod's temporary folder is made"
    )
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
    async with stop_event() as stop:
        await _serve(scenario, root, token, stop)


async def _serve(scenario: Scenario, root: Path, token: str, stop: asyncio.Event) -> None:
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
    log_to(root / "pod.log")
    play: list[Coroutine[Any, Any, None]] = [
        annotate(name, scenario, files, port) for name in scenario.annotators
    ]
    if scenario.arrival_every is not None:
        play.append(arrive(scenario, files, scenario.arrival_every))
    if scenario.drop_every is not None:
        play.append(break_network(sshd, scenario.drop_every, scenario.refuse_for))
    tasks = [asyncio.create_task(part) for part in play]
    await stop.wait()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await sshd.close()


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that is free at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
