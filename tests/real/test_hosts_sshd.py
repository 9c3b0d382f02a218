"""labeltui's SSH host against OpenSSH itself."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from labeltui.domain.problems import Failed, LabeltuiError, Refused, Unreachable
from labeltui.hosts.agent.messages import JobState
from labeltui.hosts.agent.starting import start_agent
from labeltui.hosts.base import HostKey
from labeltui.hosts.ssh.host import SshHost
from tests.sshd import RealSshd

FOLDER = "~/pod [red]x[/] $(touch pwned)"


class Trusting:
    def __init__(self) -> None:
        self.keys: list[HostKey] = []

    async def secret(self, title: str, prompt: str) -> str | None:
        return None

    def notice(self, text: str) -> None:
        return

    async def trust_host_key(self, key: HostKey) -> bool:
        self.keys.append(key)
        return True


def host_of(sshd: RealSshd) -> SshHost:
    return SshHost(
        sshd.address,
        key=sshd.client_key,
        own_known_hosts=sshd.folder / "known_hosts",
        known_hosts=(),
        config=None,
        prompter=Trusting(),
        keepalive_s=0.5,
    )


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[tuple[RealSshd, SshHost]]:
    with RealSshd(tmp_path) as sshd:
        made = host_of(sshd)
        await made.connect()
        yield sshd, made
        await made.close()


async def test_a_job_outlives_the_server_and_its_log_has_no_gap(host: tuple[RealSshd, SshHost]) -> None:
    sshd, ssh = host
    agent = await start_agent(ssh, FOLDER)
    job = await agent.job_start(
        "server", ["sh", "-c", "i=0; while :; do echo line $i; i=$((i+1)); sleep 0.005; done"]
    )
    assert job.log_path is not None
    got, chunks = bytearray(), 0
    follow = agent.follow(job.log_path)
    with pytest.raises(Unreachable):  # noqa: PT012 (the failure comes while it is read)
        async for chunk in follow:
            got += chunk.data
            chunks += 1
            if chunks == 5:
                sshd.kill()
    async with asyncio.timeout(5):
        assert await ssh.lost()
    await agent.close()
    sshd.start()
    await ssh.connect()
    agent = await start_agent(ssh, FOLDER)
    assert (await agent.job_status("server")).pid == job.pid
    follow = agent.follow(job.log_path, len(got))
    async for chunk in follow:
        assert chunk.offset == len(got)
        got += chunk.data
        if got.count(b"\n") > 100:
            break
    await follow.aclose()
    lines = bytes(got).split(b"\n")[:-1]
    assert lines == [b"line %d" % number for number in range(len(lines))]
    stopped = await agent.job_stop("server", grace_s=2)
    assert (stopped.state, stopped.exit_code, stopped.stopped_by_us) == (JobState.EXITED, -15, True)
    await agent.close()
    assert not list(sshd.folder.rglob("pwned"))


async def test_of_two_consoles_at_once_one_has_the_lease_until_its_connection_ends(
    host: tuple[RealSshd, SshHost],
) -> None:
    sshd, ssh = host
    other = host_of(sshd)
    await other.connect()
    agents = {"anna": await start_agent(ssh, FOLDER), "ben": await start_agent(other, FOLDER)}
    me = {
        name: {"id": name, "who": f"{name}@desk", "client_id": name, "program": "console", "read_only": False}
        for name in agents
    }
    await asyncio.gather(*(agent.enter(me[name]) for name, agent in agents.items()))
    holders = await asyncio.gather(
        *(agent.take_lease(me[name], f"Stop for {name}") for name, agent in agents.items())
    )
    (winner,) = (name for name, holder in zip(agents, holders, strict=True) if holder is None)
    (loser,) = agents.keys() - {winner}
    (holder,) = (one for one in holders if one is not None)
    assert (holder.who, holder.action) == (f"{winner}@desk", f"Stop for {winner}")
    (seen,) = await agents[loser].consoles()
    assert (seen.who, seen.action, seen.may_be_taken) == (f"{winner}@desk", f"Stop for {winner}", False)
    await {"anna": ssh, "ben": other}[winner].close()  # as a console does that loses its network
    for _ in range(600):
        still = await agents[loser].take_lease(me[loser], "Start the server")
        if still is None:
            break
        await asyncio.sleep(0.1)
    assert still is None
    assert await agents[loser].consoles() == ()
    await {"anna": ssh, "ben": other}[loser].close()


async def test_a_flood_of_output_ends_its_command_on_the_host(
    host: tuple[RealSshd, SshHost], tmp_path: Path
) -> None:
    _sshd, ssh = host
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(Failed) as caught:
        await ssh.run(f"echo $$ > {tmp_path}/pid; exec cat /dev/zero")
    assert caught.value.problem.code == "too_much_output"
    ended = await ssh.run(f"while kill -0 $(cat {tmp_path}/pid) 2>&-; do sleep 0.05; done", timeout=10)
    assert ended.exit_code == 0
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kB
    assert (await ssh.run("echo on")).stdout == b"on\n"


async def test_a_stopped_server_is_noticed(host: tuple[RealSshd, SshHost]) -> None:
    sshd, ssh = host
    sshd.signal(signal.SIGSTOP)
    try:
        async with asyncio.timeout(5):
            assert "stopped answering" in await ssh.lost()
    finally:
        sshd.signal(signal.SIGCONT)


async def test_a_copy_goes_on_after_the_server_was_killed(
    host: tuple[RealSshd, SshHost], tmp_path: Path
) -> None:
    sshd, ssh = host
    source = sshd.home / "source"
    source.write_bytes(os.urandom(30_000_000))
    starts: list[int] = []

    def pull(done: int, whole: int) -> None:
        if done > whole // 2:
            sshd.kill()

    with pytest.raises(LabeltuiError):
        await ssh.download("~/source", tmp_path / "back", progress=pull)
    sshd.start()
    await ssh.connect()
    await ssh.download("~/source", tmp_path / "back", progress=lambda done, _: starts.append(done))
    assert starts[0] > 0
    assert (tmp_path / "back").read_bytes() == source.read_bytes()


async def test_a_shell_with_its_size_and_a_forwarded_port(host: tuple[RealSshd, SshHost]) -> None:
    sshd, ssh = host
    shell = await ssh.shell(
        80, 24, command="stty size; trap 'stty size; exit 6' WINCH; echo up; while :; do sleep 0.02; done"
    )
    output = b""
    while b"up" not in output:
        output += await shell.read()
    assert b"24 80" in output
    shell.resize(132, 50)
    while data := await shell.read():
        output += data
    assert b"50 132" in output
    assert await shell.wait() == 6
    forward = await ssh.forward(sshd.port)
    reader, writer = await asyncio.open_connection("127.0.0.1", forward.local_port)
    assert (await reader.readline()).startswith(b"SSH-2.0-OpenSSH")
    writer.close()
    await forward.close()


async def test_a_changed_key_is_refused(host: tuple[RealSshd, SshHost]) -> None:
    sshd, ssh = host
    await ssh.close()
    sshd.make_key(sshd.host_key)
    sshd.restart()
    with pytest.raises(Refused) as caught:
        await ssh.connect()
    assert caught.value.problem.code == "host_key_changed"


async def test_openssh_reads_what_was_remembered(host: tuple[RealSshd, SshHost]) -> None:
    import subprocess

    sshd, _ = host
    options = [
        "-o",
        "StrictHostKeyChecking=yes",
        "-o",
        f"UserKnownHostsFile={sshd.folder / 'known_hosts'}",
        "-F",
        "none",
    ]
    done = await asyncio.to_thread(
        subprocess.run,
        [
            "ssh",
            *options,
            "-i",
            str(sshd.client_key),
            "-p",
            str(sshd.port),
            f"{sshd.user}@127.0.0.1",
            "echo in",
        ],
        capture_output=True,
        check=False,
    )
    assert done.stdout == b"in\n", done.stderr
