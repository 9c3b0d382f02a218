import json
import os
import secrets
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx

from labeltui.sandbox.home import PodFiles
from labeltui.sandbox.monailabel.gpu import remove_gpu
from labeltui.sandbox.scenarios import Scenario, find
from tests.paths import EMULATED_MONAILABEL

NO_REUSE = httpx.Limits(max_keepalive_connections=0)  # a 500 ends its connection, as with the real server
FAST = {"epoch_seconds": 0.05, "annotators": ()}


def recording(name: str) -> dict[str, Any]:
    return json.loads((EMULATED_MONAILABEL / f"{name}.response.json").read_text())


def until(condition: Callable[[], Any], seconds: float = 15.0) -> Any:
    deadline = time.monotonic() + seconds
    while True:
        if value := condition():
            return value
        assert time.monotonic() < deadline, "the condition never came true"
        time.sleep(0.02)


@dataclass
class Running:
    """A stand-in server without a pod around it."""

    files: PodFiles
    process: subprocess.Popen[bytes]
    port: int
    log: Path
    client: httpx.Client

    def train_state(self) -> str:
        return str(self.client.get("/train/").json()["status"])

    def trained(self, seconds: float = 20.0) -> dict[str, Any]:
        until(lambda: self.train_state() not in ("SUBMITTED", "RUNNING"), seconds)
        answer: dict[str, Any] = self.client.get("/train/").json()
        return answer


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def make_files(root: Path, **changes: Any) -> PodFiles:
    files = PodFiles(root, secrets.token_hex(8))
    scenario: Scenario = replace(find("healthy"), **{**FAST, **changes})
    files.make(scenario)
    remove_gpu(files.bin)  # the recordings are of a host without a GPU
    return files


def start_command(files: PodFiles, port: int, /, **options: str) -> list[str]:
    known = {
        "--app": str(files.folder / "apps" / "radiology"),
        "--studies": str(files.studies),
        "--host": "127.0.0.1",
        "--port": str(port),
    }
    command = [str(files.folder / "venv" / "bin" / "python"), "-m", "monailabel.main", "start_server"]
    for name, value in {**known, **{f"--{key}": value for key, value in options.items()}}.items():
        command += [name, value]
    return command


def start(
    files: PodFiles, port: int | None = None, conf: tuple[str, ...] = ("models", "deepedit")
) -> Running:
    port = port or free_port()
    log = files.folder / "run" / "stdout"
    command = [*start_command(files, port), "--conf", *conf]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env=files.environment(), start_new_session=True
        )
    client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, limits=NO_REUSE)
    return Running(files, process, port, log, client)


def answers(running: Running) -> bool:
    assert running.process.poll() is None, running.log.read_text()
    try:
        return running.client.get("/info/").status_code == 200
    except httpx.TransportError:
        return False


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
