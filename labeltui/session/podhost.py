"""A pod as a host: wherever it is now, with the key that its own container log vouches for."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from labeltui.domain.pod import Pod, PodStatus
from labeltui.domain.problems import LabeltuiError, Refused, Unreachable
from labeltui.hosts.base import Channel, Completed, Forward, HostKey, Progress, Prompter, Shell
from labeltui.hosts.ssh import SshHost
from labeltui.runpod.hostkeys import printed_keys
from labeltui.session.rental import Rental
from labeltui.session.statedir import StateDir

PINNED = "pod-key"
LOG_LINES = 400
MakeHost = Callable[[str, Path, Prompter], SshHost]


class VouchedPrompter:
    """Answers for a host key that the container log shows; asks the operator about any other."""

    def __init__(self, prompter: Prompter, fingerprints: frozenset[str]) -> None:
        self._prompter = prompter
        self._fingerprints = fingerprints
        self.vouched = False

    async def secret(self, title: str, prompt: str) -> str | None:
        """Passed on."""
        return await self._prompter.secret(title, prompt)

    async def trust_host_key(self, key: HostKey) -> bool:
        """True for a key that RunPod's own log of this container shows."""
        self.vouched = key.fingerprint in self._fingerprints
        return self.vouched or await self._prompter.trust_host_key(key)


class PodHost:
    """Looks the pod up at each connect: address and host keys change with every start of its container."""

    kind: Literal["ssh", "local"] = "ssh"

    def __init__(self, rental: Rental, state: StateDir, prompter: Prompter, make: MakeHost) -> None:
        self.address = rental.name
        self.vouched = False  # whether the key of the connection is one that the container log shows
        self._rental = rental
        self._state = state
        self._prompter = prompter
        self._make = make
        self._host: SshHost | None = None

    @property
    def loopback(self) -> bool:
        """As the connection that there is."""
        return self._host is not None and self._host.loopback

    async def connect(self) -> None:
        """Find the pod, and connect to where it is. Raises Refused ``pod_stopped`` when it does not run."""
        await self.close()
        pod = await self._rental.find()
        self._rental.wake()
        door = _door(pod)
        self.address = door
        known_hosts = self._known_hosts(pod)
        prompter: Prompter = self._prompter
        if not known_hosts.exists():
            prompter = VouchedPrompter(self._prompter, await self._fingerprints(pod))
        host = self._make(door, known_hosts, prompter)
        await host.connect()
        self._host = host
        if isinstance(prompter, VouchedPrompter):
            self.vouched = prompter.vouched

    def _known_hosts(self, pod: Pod) -> Path:
        """The file of this container's keys: another start of the container is another pin."""
        started = pod.started_at.isoformat() if pod.started_at else ""
        path = self._state.ready() / f"known_hosts-{re.sub(r'[^A-Za-z0-9_-]', '_', pod.id)}"
        if self._state.read(PINNED) != {"pod": pod.id, "started": started}:
            path.unlink(missing_ok=True)
            self._state.write(PINNED, {"pod": pod.id, "started": started})
        return path

    async def _fingerprints(self, pod: Pod) -> frozenset[str]:
        try:
            client = await self._rental.client()
            lines = await client.recent_logs(pod.id, "container", tail=LOG_LINES)
        except LabeltuiError:
            return frozenset()  # then the operator is asked, as for any host
        return frozenset(key.fingerprint for key in printed_keys(lines, pod.container_started_at))

    def _there(self) -> SshHost:
        if self._host is None:
            raise Unreachable("not_connected", "The pod is not connected.", "It reconnects by itself.")
        return self._host

    async def lost(self) -> str:
        """As the connection that there is."""
        return await self._there().lost()

    async def close(self) -> None:
        """As the connection that there is."""
        host, self._host = self._host, None
        if host is not None:
            await host.close()

    async def run(
        self, command: str, *, stdin: bytes | None = None, timeout: float | None = 60.0
    ) -> Completed:
        """As the connection that there is."""
        return await self._there().run(command, stdin=stdin, timeout=timeout)

    async def open(self, command: str) -> Channel:
        """As the connection that there is."""
        return await self._there().open(command)

    async def shell(self, columns: int, rows: int, *, command: str | None = None) -> Shell:
        """As the connection that there is."""
        return await self._there().shell(columns, rows, command=command)

    async def forward(self, remote_port: int, *, local_port: int = 0) -> Forward:
        """As the connection that there is."""
        return await self._there().forward(remote_port, local_port=local_port)

    async def upload(self, source: Path, target: str, *, progress: Progress | None = None) -> None:
        """As the connection that there is."""
        await self._there().upload(source, target, progress=progress)

    async def download(self, source: str, target: Path, *, progress: Progress | None = None) -> None:
        """As the connection that there is."""
        await self._there().download(source, target, progress=progress)


def _door(pod: Pod) -> str:
    if not pod.status.is_up:
        raise Refused(
            "pod_stopped", f"The pod {pod.name} is {pod.status}.", "Start it with p s (`labeltui pod start`)."
        )
    if pod.status is not PodStatus.RUNNING or pod.ssh is None:
        raise Unreachable(
            "pod_starting", f"The pod {pod.name} is {pod.status}, and has no ssh address yet.",
            "It takes a minute or two; it is tried again by itself.",
        )  # fmt: skip
    return pod.ssh.address


def ssh_of(rental: Rental) -> MakeHost:
    """How a pod's ssh is reached: with the private key of the rental, or with those that ssh itself would use."""

    def make(address: str, known_hosts: Path, prompter: Prompter) -> SshHost:
        options: dict[str, Any] = {"known_hosts": ()}
        return SshHost(address, key=rental.ssh_key, own_known_hosts=known_hosts, prompter=prompter, **options)

    return make
