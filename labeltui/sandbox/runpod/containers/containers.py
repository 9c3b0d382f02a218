"""The containers of running pods. Each one is a real SSH server on loopback with the demo's home."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh

from labeltui.sandbox.annotators import annotate, arrive
from labeltui.sandbox.home import PodFiles
from labeltui.sandbox.pod import free_port
from labeltui.sandbox.processes import sweep
from labeltui.sandbox.runpod.containers import inside
from labeltui.sandbox.runpod.world.pods import Pod
from labeltui.sandbox.runpod.world.world import World
from labeltui.sandbox.scenarios import Scenario
from labeltui.sandbox.sshd import Sshd, break_network

_LOG = logging.getLogger(__name__)
_KEYS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("ssh-rsa", {"key_size": 2048}),
    ("ecdsa-sha2-nistp256", {}),
    ("ssh-ed25519", {}),
)


@dataclass(slots=True)
class _Container:
    """The container of one start of a pod."""

    files: PodFiles
    root: Path
    sshd: Sshd | None = None
    keys: list[asyncssh.SSHKey] = field(default_factory=list)
    plays: list[asyncio.Task[None]] = field(default_factory=list)


class Containers:
    """The world's hardware. It runs queued jobs one after the other, and needs a running event loop."""

    def __init__(self, world: World, root: Path, token: str, scenario: Scenario, server_port: int) -> None:
        self._world = world
        self._root = root
        self._token = token
        self.scenario = scenario
        self._server_port = server_port
        self._jobs: asyncio.Queue[Coroutine[Any, Any, None]] = asyncio.Queue()
        self._running: dict[str, _Container] = {}
        self._lost: set[str] = set()  # destroyed volumes: a pod on one of these starts empty
        self._worker: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Start to process the queued jobs."""
        self._worker = asyncio.create_task(self._work())

    async def close(self) -> None:
        """End every container. The caller removes the files."""
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)
        while not self._jobs.empty():
            self._jobs.get_nowait().close()
        for pod_id in list(self._running):
            await self._down(pod_id)

    async def settled(self) -> None:
        """Wait until every job is done."""
        await self._jobs.join()

    # Requests from the world
    def container_up(self, pod: Pod) -> None:
        """Queue the start of this pod's container."""
        self._jobs.put_nowait(self._up(pod, pod.starts))

    def container_down(self, pod: Pod) -> None:
        """Queue the end of this pod's container."""
        self._jobs.put_nowait(self._down(pod.id))

    def move(self, pod: Pod) -> None:
        """Queue a change of the SSH port. The host keys do not change."""
        self._jobs.put_nowait(self._move(pod))

    def discard(self, volume_key: str) -> None:
        """Queue the deletion of a volume's files."""
        self._lost.add(volume_key)
        self._jobs.put_nowait(asyncio.to_thread(shutil.rmtree, self.volume(volume_key), ignore_errors=True))

    def volume(self, volume_key: str) -> Path:
        """The folder of a volume."""
        return self._root / "volumes" / volume_key

    def home(self, pod_id: str) -> Path | None:
        """Return the home folder inside a running pod; None if the pod does not run."""
        container = self._running.get(pod_id)
        return container.files.home if container else None

    def shell(self, pod_id: str) -> tuple[Path, dict[str, str]] | None:
        """Return home and environment for a shell in a running pod; None if the pod does not run."""
        container = self._running.get(pod_id)
        return (container.files.home, inside.shell_environment(container.files)) if container else None

    def drop(self, pod_id: str, *, refuse: bool) -> None:
        """Break a pod's SSH connections. If ``refuse`` is True, refuse new ones until the next call."""
        container = self._running.get(pod_id)
        if container is not None and container.sshd is not None:
            container.sshd.refusing = refuse
            container.sshd.drop_all()

    # Jobs
    async def _work(self) -> None:
        while True:
            job = await self._jobs.get()
            try:
                await job
            except Exception:
                _LOG.exception("a container job failed")
            finally:
                self._jobs.task_done()

    async def _up(self, pod: Pod, start: int) -> None:
        if pod.starts != start or pod.status != "RUNNING":
            return
        await self._down(pod.id)
        root = self._root / "pods" / pod.id / str(start)
        files = await asyncio.to_thread(self._make_files, pod, root)
        container = self._running[pod.id] = _Container(files, root)
        mapping = {inside.number(port): inside.number(port) for port in pod.spec.ports}
        lines = ["Pod Started"]
        if inside.has_sshd(pod):
            container.keys = await asyncio.to_thread(_host_keys)
            lines += inside.ssh_lines(pod, container.keys)
            if "no_sshd" not in pod.start_faults:
                await self._listen(pod, container)
        if 22 in mapping:
            mapping[22] = container.sshd.port if container.sshd else free_port()
        await asyncio.to_thread(inside.write_environment, pod, files, mapping, self._world.extra_env)
        lines.append("Start script(s) finished, Pod is ready to use.")
        self._play(container)
        self._world.container_ready(pod, start, mapping, lines)

    async def _listen(self, pod: Pod, container: _Container) -> None:
        container.sshd = Sshd(
            container.root,
            container.files.home,
            inside.shell_environment(container.files),
            authorized_keys=inside.usable_keys(pod.spec.env.get("PUBLIC_KEY", "")),
            host_keys=container.keys,
        )
        await container.sshd.start()

    async def _down(self, pod_id: str) -> None:
        container = self._running.pop(pod_id, None)
        if container is None:
            return
        for play in container.plays:
            play.cancel()
        await asyncio.gather(*container.plays, return_exceptions=True)
        if container.sshd is not None:
            await container.sshd.close()
        await asyncio.to_thread(sweep, container.files.token, container.files.folder)
        await asyncio.to_thread(shutil.rmtree, container.root, ignore_errors=True)

    async def _move(self, pod: Pod) -> None:
        container = self._running.get(pod.id)
        if container is None or container.sshd is None:
            return
        await container.sshd.close()
        await self._listen(pod, container)
        pod.mapping = {**pod.mapping, 22: container.sshd.port}

    def _make_files(self, pod: Pod, root: Path) -> PodFiles:
        """Write the files of a container around its volume. A new volume gets the demo's studies and apps."""
        store = self.volume(pod.volume_key) if pod.volume_key else root
        files = PodFiles(store, f"{self._token}.{pod.id}")
        files.home = root / "home"
        workspace = store / "workspace"
        files.folder, files.studies = workspace / "labeltui", workspace / "studies"
        if workspace.exists():
            files.make_home()
        else:
            files.make(self.scenario)
            if pod.volume_key in self._lost:
                shutil.rmtree(workspace)
                workspace.mkdir()
        where = pod.spec.mount.path if pod.spec.mount else "/workspace"
        link = files.home / where.strip("/").replace("..", "")
        link.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            link.symlink_to(workspace, target_is_directory=True)
        return files

    def _play(self, container: _Container) -> None:
        scenario, files, port = self.scenario, container.files, self._server_port
        parts = [annotate(name, scenario, files, port) for name in scenario.annotators]
        if scenario.arrival_every is not None:
            parts.append(arrive(scenario, files, scenario.arrival_every))
        if scenario.drop_every is not None and container.sshd is not None:
            parts.append(break_network(container.sshd, scenario.drop_every, scenario.refuse_for))
        container.plays = [asyncio.create_task(part) for part in parts]


def _host_keys() -> list[asyncssh.SSHKey]:
    return [asyncssh.generate_private_key(name, **options) for name, options in _KEYS]
