"""RunPod's proxied SSH as a shell, against the emulated one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from labeltui.domain.pod.pod import PodStatus
from labeltui.domain.problems import LabeltuiError, Refused, Unreachable
from labeltui.hosts.base import HostKey
from labeltui.opening.opening import open_session
from labeltui.operations.progress import Silent
from labeltui.operations.run import run_action
from labeltui.sandbox.runpod.emulator import Emulator
from labeltui.sandbox.runpod.world import events
from labeltui.session.connection.shells import Lifetime, OpenShell
from labeltui.session.pod.proxy_shell import ProxyShell
from labeltui.session.session import Session
from tests.services.emulated_session import write_profile
from tests.shell_output import read_until


class Operator:
    """Says yes or no to host keys, and counts."""

    def __init__(self) -> None:
        self.asked: list[HostKey] = []
        self.trusts = True

    async def secret(self, title: str, prompt: str) -> str | None:
        return None

    def notice(self, text: str) -> None:
        return

    async def trust_host_key(self, key: HostKey) -> bool:
        self.asked.append(key)
        return self.trusts


class Desk:
    def __init__(self, session: Session, emulator: Emulator, operator: Operator) -> None:
        self.session, self.emulator, self.operator = session, emulator, operator


@pytest.fixture
async def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    """A rented pod without 22/tcp: only the proxy leads to it."""
    async with Emulator(folder=tmp_path) as emulator:
        operator = Operator()
        session = await open_session(write_profile(emulator, tmp_path, monkeypatch), operator)
        try:
            await run_action(
                session, "pod.create",
                {"gpu": "RTX A5000", "max_price": 5.0, "key": str(tmp_path / "key.pub")}, Silent(), confirmed=True,
            )  # fmt: skip
            await emulator.settle()
            assert (await session.account.find()).status is PodStatus.RUNNING
            yield Desk(session, emulator, operator)
        finally:
            await session.close()


async def opened(desk: Desk) -> OpenShell:
    return await desk.session.shells.open_proxy(80, 24)


@pytest.mark.slow
async def test_a_shell_through_the_proxy_and_its_key_is_asked_about_once(desk: Desk) -> None:
    first = await opened(desk)
    assert first.lifetime is Lifetime.PROXY
    await read_until(first.shell, b"pod:")
    first.shell.write(b"echo $((40+2)) $RUNPOD_POD_ID; stty size\n")
    said = await read_until(first.shell, b"24 80")
    pod = await desk.session.account.find()
    assert f"42 {pod.id}".encode() in said
    first.shell.resize(100, 30)
    first.shell.write(b"stty size; exit 3\n")
    await read_until(first.shell, b"30 100")
    while await first.shell.read():
        pass
    assert await first.shell.wait() == 3
    await first.shell.close()
    again = await opened(desk)
    await read_until(again.shell, b"pod:")
    await again.shell.close()
    assert len(desk.operator.asked) == 1
    assert pod.ssh_proxy is not None
    assert str(pod.ssh_proxy.port) in desk.operator.asked[0].address


@pytest.mark.slow
async def test_what_is_refused_is_said_with_what_to_do(desk: Desk) -> None:
    desk.operator.trusts = False
    with pytest.raises(Refused) as unknown:
        await opened(desk)
    assert unknown.value.problem.code == "host_key_unknown"
    desk.operator.trusts = True
    pod = await desk.session.account.find()
    events.happen(desk.emulator.world, "stopped_elsewhere", pod=pod.id)
    await desk.emulator.settle()
    stopped = await desk.session.account.find()
    if stopped.ssh_proxy is None:
        with pytest.raises(Refused, match="proxy does not lead to it"):
            await opened(desk)
    else:
        shell = (await opened(desk)).shell
        assert b"not running" in await read_until(shell, b"running")
        await shell.close()


class Complaining:
    """A shell of the proxy that sees no terminal."""

    async def read(self, limit: int = 65536) -> bytes:
        return b"Error: Your SSH client doesn't support PTY\n"


async def test_the_proxys_complaint_is_no_output() -> None:
    with pytest.raises(Unreachable, match="found no terminal"):
        await ProxyShell(Complaining(), None).read()  # type: ignore[arg-type]


@pytest.mark.slow
async def test_read_only_refuses(desk: Desk) -> None:
    desk.session.shells.read_only = True
    with pytest.raises(LabeltuiError, match="read-only"):
        await opened(desk)
