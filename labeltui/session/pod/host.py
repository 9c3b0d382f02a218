"""A pod as a host. Each connect finds the pod by its name, and its host key in its container log."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from labeltui.domain.failure_codes import Code
from labeltui.domain.pod.pod import ADDRESS_WITHIN_S, Pod, PodStatus
from labeltui.domain.problems import Failed, LabeltuiError, Refused, Unreachable
from labeltui.hosts.base import Channel, Completed, Forward, HostKey, Progress, Prompter, Shell
from labeltui.hosts.ssh.host import SshHost
from labeltui.runpod.hostkeys import printed_keys
from labeltui.session.pod.account import PodAccount
from labeltui.session.runtime.state_folder import StateFolder

PINNED = "pod-key"
LOG_LINES = 400
PRINTS_WITHIN_S = 20.0  # from the start of a container until its log shows its host keys
ADDRESS_LAGS_S = 120.0  # RunPod reports the address of the previous start for up to 90 s
MakeHost = Callable[[str, Path, Prompter], SshHost]


class VouchedPrompter:
    """Accepts a host key that the container log shows, and asks the operator about any other key.

    ``age_s`` is the age of the container in seconds, None if unknown. A young container may not have printed
    its keys yet. RunPod may also still report its previous address, where another machine may answer now. So if
    the container is young and its log does not show the key, this prompter raises Unreachable, and the link
    tries again. ``vouched`` is True if the log showed the last key.
    """

    def __init__(self, prompter: Prompter, fingerprints: tuple[str, ...], age_s: float | None = None) -> None:
        self._prompter = prompter
        self._fingerprints = fingerprints
        self._age_s = age_s
        self.vouched = False

    async def secret(self, title: str, prompt: str) -> str | None:
        """Ask the operator."""
        return await self._prompter.secret(title, prompt)

    def notice(self, text: str) -> None:
        """Show a line to the operator."""
        self._prompter.notice(text)

    async def trust_host_key(self, key: HostKey) -> bool | None:
        """Return True for a key in the container log, else the operator's answer.

        Raises Unreachable if the container is young and its log does not show the key. Raises Refused if the log
        shows other keys and nobody can be asked.
        """
        self.vouched = key.fingerprint in self._fingerprints
        if self.vouched:
            return True
        _refuse_unseen(key.address, self._fingerprints, self._age_s)
        because = (
            "This is NOT one of the keys that the pod's log shows:"
            if self._fingerprints
            else "The pod's image does not print its host keys to the pod's log, so RunPod can't confirm this key."
        )
        question = replace(key, expected=self._fingerprints, because=because)
        trusted = await self._prompter.trust_host_key(question)
        if trusted is None and self._fingerprints:
            raise Refused(
                Code.HOST_KEY_UNKNOWN,
                f"The host key of {key.address}, {key.fingerprint}, is not one of the keys that the pod's log shows: "
                f"{', '.join(self._fingerprints)}. There is no terminal to ask you whether to trust it.",
                "Do not connect, unless you know why another key answers. `labeltui doctor` in a terminal asks you.",
            )
        return trusted


class PodHost:
    """Reads the pod from RunPod at each connect.

    The pod's address and host keys change with every start of its container.
    """

    kind: Literal["ssh", "local"] = "ssh"

    def __init__(self, account: PodAccount, state: StateFolder, prompter: Prompter, make: MakeHost) -> None:
        self.address = account.name
        self.vouched = False  # whether the container log showed the key of this connection
        self.pod_id: str | None = None  # of the pod that the last connection was made to
        self._account = account
        self._state = state
        self._prompter = prompter
        self._make = make
        self._host: SshHost | None = None

    @property
    def loopback(self) -> bool:
        """See :class:`~labeltui.hosts.base.Host`."""
        return self._host is not None and self._host.loopback

    async def connect(self) -> None:
        """Read the pod from RunPod and connect to it. Raises Refused ``pod_stopped`` if the pod does not run."""
        await self.close()
        pod = await self._account.find()
        self._account.wake()
        try:
            address = _ssh_address(pod)
        except LabeltuiError:
            self._account.pod.learned(
                pod
            )  # before the link reports the failure, of which the pod is the reason
            raise
        self.address = address
        known_hosts = self._known_hosts(pod)
        if known_hosts.exists():
            host = self._make(address, known_hosts, self._prompter)
            try:
                await host.connect()
            except Refused as changed:
                if changed.problem.code != Code.HOST_KEY_CHANGED:
                    raise
                await self._forget_restarted(pod, known_hosts, changed)
            else:
                self._host, self.pod_id = host, pod.id
                return
        prompter = VouchedPrompter(self._prompter, await self._fingerprints(pod), _age_s(pod))
        host = self._make(address, known_hosts, prompter)
        await host.connect()
        self.vouched = prompter.vouched
        self._account.report_event("pinned", _pinned(pod, prompter.vouched))
        self._host, self.pod_id = host, pod.id

    async def _forget_restarted(self, pod: Pod, known_hosts: Path, changed: Refused) -> None:
        """Delete the stored keys if the container's log shows the new one.

        RunPod may restart a container in place, with new host keys and the same start of the pod. Raises ``changed``
        for any other key, and Unreachable if the container is too young to have printed its keys.
        """
        fingerprints, shown = await self._fingerprints(pod), changed.problem.detail
        if shown not in fingerprints:
            _refuse_unseen(pod.name, fingerprints, _age_s(pod))
            raise changed
        await asyncio.to_thread(known_hosts.unlink, missing_ok=True)

    def _known_hosts(self, pod: Pod) -> Path:
        """Return the file with this container's host keys.

        Deletes the files of earlier containers and pods first.
        """
        path = self._pins(pod.id)
        if self._state.read(PINNED) != _pin_of(pod):
            for old in path.parent.glob("known_hosts-*"):
                old.unlink(missing_ok=True)
            self._state.write(PINNED, _pin_of(pod))
        return path

    def pinned(self, pod: Pod) -> Path | None:
        """Return the file with the present container's host keys.

        None before the first connection to the container.
        """
        path = self._pins(pod.id)
        return path if path.exists() and self._state.read(PINNED) == _pin_of(pod) else None

    def _pins(self, pod_id: str) -> Path:
        return self._state.ready() / f"known_hosts-{re.sub(r'[^A-Za-z0-9_-]', '_', pod_id)}"

    async def _fingerprints(self, pod: Pod) -> tuple[str, ...]:
        try:
            client = await self._account.client()
            lines = await client.recent_logs(pod.id, "container", tail=LOG_LINES)
        except LabeltuiError:
            return ()  # the operator is asked, as for any host
        return tuple(key.fingerprint for key in printed_keys(lines, pod.container_started_at))

    def _connected(self) -> SshHost:
        if self._host is None:
            raise Unreachable(
                Code.NOT_CONNECTED, "The pod is not connected.", "Try again once it is connected."
            )
        return self._host

    async def lost(self) -> str:
        """See :class:`~labeltui.hosts.base.Host`."""
        return await self._connected().lost()

    async def close(self) -> None:
        """See :class:`~labeltui.hosts.base.Host`."""
        host, self._host = self._host, None
        if host is not None:
            await host.close()

    async def run(
        self, command: str, *, stdin: bytes | None = None, timeout: float | None = 60.0
    ) -> Completed:
        """See :class:`~labeltui.hosts.base.Host`."""
        return await self._connected().run(command, stdin=stdin, timeout=timeout)

    async def open(self, command: str) -> Channel:
        """See :class:`~labeltui.hosts.base.Host`."""
        return await self._connected().open(command)

    async def shell(self, columns: int, rows: int, *, command: str | None = None) -> Shell:
        """See :class:`~labeltui.hosts.base.Host`."""
        return await self._connected().shell(columns, rows, command=command)

    async def forward(self, remote_port: int, *, local_port: int = 0) -> Forward:
        """See :class:`~labeltui.hosts.base.Host`."""
        return await self._connected().forward(remote_port, local_port=local_port)

    async def download(self, source: str, target: Path, *, progress: Progress | None = None) -> None:
        """See :class:`~labeltui.hosts.base.Host`."""
        await self._connected().download(source, target, progress=progress)


def _pin_of(pod: Pod) -> dict[str, str]:
    return {"pod": pod.id, "started": pod.started_at.isoformat() if pod.started_at else ""}


def _age_s(pod: Pod) -> float | None:
    """The age of the container in seconds, or of the pod's start if RunPod does not report it."""
    if pod.uptime_s is not None:
        return pod.uptime_s
    return None if pod.started_at is None else (pod.read_at - pod.started_at).total_seconds()


def _refuse_unseen(shown: str, fingerprints: tuple[str, ...], age_s: float | None) -> None:
    """Raise Unreachable if a container of this age may not have printed its keys yet."""
    patience = ADDRESS_LAGS_S if fingerprints else PRINTS_WITHIN_S
    if age_s is not None and age_s < patience:
        raise Unreachable(
            Code.POD_KEY_UNSEEN, f"The host key of {shown} is not in the pod's log yet.",
            "RunPod may still report the pod's previous address: try again in a minute or two.",
        )  # fmt: skip


def _pinned(pod: Pod, vouched: bool) -> str:
    begun = pod.container_started_at
    since = f" since {begun.astimezone():%H:%M}" if begun is not None else ""
    who = (
        "the pod's log confirms them"
        if vouched
        else "you accepted them, because the pod's log does not show them"
    )
    return f"New container{since}: its host keys are new, and {who}."


def _ssh_address(pod: Pod) -> str:
    if not pod.status.is_up:
        raise Refused(
            Code.POD_STOPPED,
            f"The pod {pod.name} is {pod.status}.",
            "Start it with p s (`labeltui pod start`).",
        )
    if pod.ssh is None and pod.uptime_s is not None and pod.uptime_s >= ADDRESS_WITHIN_S:
        raise Failed(Code.POD_NO_ADDRESS, f"{pod.name} runs without an SSH address.", pod.without_address)
    if pod.status is not PodStatus.RUNNING or pod.ssh is None:
        raise Unreachable(
            Code.POD_STARTING, f"The pod {pod.name} is {pod.status}, and has no ssh address yet.",
            "It takes a minute or two: try again then.",
        )  # fmt: skip
    return pod.ssh.address


def key_alias(known_hosts: Path) -> str:
    """Return the name under which a pod's host key is stored: the pod's id, because address and port may change."""
    return known_hosts.name.replace("known_hosts", "runpod", 1)


def ssh_of(account: PodAccount) -> MakeHost:
    """Return a function that makes SSH hosts.

    The hosts use the account's private key, else the keys that ssh would use.
    """

    def make(address: str, known_hosts: Path, prompter: Prompter) -> SshHost:
        options: dict[str, Any] = {
            "known_hosts": (),
            "known_as": key_alias(known_hosts),
            "forward_agent": False,
        }
        return SshHost(
            address, key=account.ssh_key, own_known_hosts=known_hosts, prompter=prompter, **options
        )

    return make
