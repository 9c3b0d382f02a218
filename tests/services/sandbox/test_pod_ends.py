"""A pod that was closed, killed or ended by a signal leaves nothing behind."""

import asyncio
import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from labeltui.sandbox.launch import PodFailed, start_pod
from labeltui.sandbox.scenarios import SCENARIOS, UnknownScenario
from tests.services.sandbox.pod_client import connected, empty, eventually
from tests.services.sandbox.sandbox_server import alive

DETACH = """
import os, sys, time
if os.fork(): os._exit(0)
os.setsid()
if os.fork(): os._exit(0)
open(sys.argv[1], "w").write(str(os.getpid()))
time.sleep(1000)
"""


async def detached(ready: dict[str, str]) -> int:
    """Start a process that forks twice into a session of its own, as the agent's jobs do."""
    note = Path(ready["home"]) / "detached"
    async with connected(ready) as connection:
        await connection.run(
            f"python3 -c {shlex.quote(DETACH)} {note} </dev/null >/dev/null 2>&1", check=True
        )
    await eventually(lambda: note.exists() and bool(note.read_text()))
    return int(note.read_text())


async def test_closing_ends_even_what_detached_itself(tmp_path: Path) -> None:
    running = await start_pod("stopped", folder=tmp_path)
    pid = await detached(running.ready)
    assert alive(pid)
    await running.close()
    await running.close()
    assert not alive(pid)
    assert empty(tmp_path)


async def test_a_killed_pod_is_cleaned_up_by_the_console(tmp_path: Path) -> None:
    running = await start_pod("stopped", folder=tmp_path)
    pid = await detached(running.ready)
    os.kill(running.pid, signal.SIGKILL)
    await running.close()
    assert not alive(pid)
    assert empty(tmp_path)


CONSOLE = """
import asyncio, json, sys
from pathlib import Path
from typing import Any
from labeltui.sandbox.launch import start_pod
async def main():
    pod = await start_pod("stopped", folder=Path(sys.argv[1]))
    print(json.dumps(pod.ready), flush=True)
    await asyncio.sleep(1000)
asyncio.run(main())
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_a_console_that_is_killed_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    console = subprocess.Popen(  # noqa: ASYNC220 - it is killed, whatever the loop does
        [sys.executable, "-c", CONSOLE, str(tmp_path)], stdout=subprocess.PIPE
    )
    assert console.stdout is not None
    ready = json.loads(await asyncio.to_thread(console.stdout.readline))
    pid = await detached(ready)
    console.send_signal(number)
    console.wait(10)
    console.stdout.close()
    await eventually(lambda: not alive(pid) and not alive(ready["pid"]))
    await eventually(lambda: empty(tmp_path))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_signals_end_the_pod_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    running = await start_pod("stopped", folder=tmp_path)
    os.kill(running.pid, number)
    await eventually(lambda: empty(tmp_path))
    await running.close()


async def test_an_unknown_scenario_is_refused_with_the_list() -> None:
    with pytest.raises(UnknownScenario, match="healthy, training"):
        await start_pod("sunny")


def test_an_unknown_scenario_on_the_command_line() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "labeltui.sandbox", "--scenario", "sunny"],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert result.returncode == 2
    assert all(name in result.stderr.decode() for name in SCENARIOS)


async def test_a_pod_that_cannot_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(PodFailed, match="No such file"):
        await start_pod("stopped", folder=tmp_path / "missing")
