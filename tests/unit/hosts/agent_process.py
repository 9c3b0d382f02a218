"""Run an agent as a child process and exchange its JSON lines."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from labeltui.hosts.agent.package import build_package

SENTINEL = "LABELTUI-AGENT "
PATIENCE_S = 20.0


def wait_for(condition: Callable[[], Any], what: str = "the condition") -> Any:
    """Poll until ``condition()`` is true, and return its value. Fails after 20 seconds."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError(f"timed out waiting for {what}")


@cache
def pythons() -> dict[str, str]:
    """Python interpreters by version: the one running the tests, and 3.8 and 3.12 if they are installed."""
    root = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
    found = {".".join(map(str, sys.version_info[:2])): sys.executable}
    for version in ("3.8", "3.12"):
        paths = [*root.glob(f"versions/{version}.*/bin/python{version}"), shutil.which(f"python{version}")]
        for path in filter(None, paths):
            done = subprocess.run([path, "-c", ""], capture_output=True, check=False)
            if done.returncode == 0:
                found.setdefault(version, str(path))
    return found


def is_alive(pid: int) -> bool:
    """Whether the process runs. A zombie does not."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return text.rsplit(")", 1)[1].split()[0] not in "ZX"


class AgentProcess:
    def __init__(self, folder: Path, python: str = sys.executable, env: dict[str, str] | None = None) -> None:
        self.folder = folder
        self.program = folder.with_name("agent.zip")
        self.program.write_bytes(build_package().source)
        self.process = subprocess.Popen(
            [python, str(self.program), "serve", "--folder", str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **(env or {})},
        )
        self.answers: dict[Any, dict[str, Any]] = {}
        self.events: list[dict[str, Any]] = []
        self.hello: dict[str, Any] = {}
        self._news = threading.Condition()
        self._numbers = iter(range(1, 1 << 30))
        threading.Thread(target=self._read, daemon=True).start()
        self.until(lambda: self.hello, "hello")

    def _read(self) -> None:
        assert self.process.stdout is not None
        for raw in self.process.stdout:
            line = raw.decode()
            with self._news:
                if line.startswith(SENTINEL):
                    self.hello = json.loads(line[len(SENTINEL) :])
                elif line.strip():
                    message = json.loads(line)
                    if "ev" in message:
                        self.events.append(message)
                    else:
                        self.answers[message["id"]] = message
                self._news.notify_all()

    def until(self, condition: Callable[[], Any], what: str = "an event") -> Any:
        with self._news:
            assert self._news.wait_for(condition, PATIENCE_S), f"timed out waiting for {what}"
            return condition()

    def raw(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def send(self, op: str, **arguments: Any) -> int:
        number = next(self._numbers)
        self.raw(json.dumps({"id": number, "op": op, **arguments}).encode() + b"\n")
        return number

    def answer(self, number: Any) -> dict[str, Any]:
        self.until(lambda: number in self.answers, f"the answer to {number}")
        return self.answers.pop(number)

    def ask(self, op: str, **arguments: Any) -> dict[str, Any]:
        """Send a request and return the ``ok`` of its answer."""
        answer = self.answer(self.send(op, **arguments))
        assert "ok" in answer, answer
        return answer["ok"]

    def fail(self, op: str, **arguments: Any) -> dict[str, Any]:
        """Send a request that must fail, and return the ``error`` of its answer."""
        answer = self.answer(self.send(op, **arguments))
        assert "error" in answer, answer
        return answer["error"]

    def shell(self, script: str, name: str = "server", **more: Any) -> dict[str, Any]:
        """Start a job that runs a shell script."""
        return self.ask("job.start", name=name, argv=["sh", "-c", script], **more)

    def state(self, name: str = "server") -> str:
        return self.ask("job.status", name=name)["state"]

    def until_state(self, state: str, name: str = "server") -> dict[str, Any]:
        wait_for(lambda: self.state(name) == state, f"{name} to be {state}")
        return self.ask("job.status", name=name)

    def job_events(self, name: str = "server") -> list[str]:
        return [event["state"] for event in self.events if event["ev"] == "job" and event["name"] == name]

    def chunks(self, key: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["ev"] == "chunk" and event["key"] == key]

    def received(self, key: str) -> list[tuple[str, bytes]]:
        """The bytes received from each file, with its id. Fails when offsets have a gap or overlap."""
        files: list[tuple[str, bytes]] = []
        for chunk in self.chunks(key):
            if not files or files[-1][0] != chunk["file_id"]:
                files.append((chunk["file_id"], b""))
            name, data = files[-1]
            assert chunk["offset"] == len(data), chunk
            files[-1] = (name, data + base64.b64decode(chunk["data"]))
        return files

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def close(self) -> int:
        """Close the agent's stdin and return its exit code."""
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            self.process.stdin.close()
        return self.process.wait(PATIENCE_S)


def clean_up(folder: Path) -> None:
    """Kill the jobs and runners whose records are in ``folder``."""
    for record in _records(folder):
        for group in (record["pgid"], record["runner_pid"]):
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(group, signal.SIGKILL)


def _records(folder: Path) -> Iterator[dict[str, Any]]:
    for path in folder.rglob("jobs/*.json"):
        with suppress(ValueError, OSError):
            yield json.loads(path.read_text())
