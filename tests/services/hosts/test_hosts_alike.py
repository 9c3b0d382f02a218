"""Every kind of host keeps the same promises."""

# ruff: noqa: ASYNC110, ASYNC240 (small files, and nothing else runs meanwhile)
from __future__ import annotations

import asyncio
import os
import socket
import tracemalloc
from pathlib import Path

import pytest

from labeltui.domain.problems import Failed, LabeltuiError, Unreachable
from labeltui.hosts.agent.client import AgentClient
from labeltui.hosts.agent.messages import Job, JobState
from labeltui.hosts.agent.starting import start_agent
from labeltui.hosts.base import Host
from tests.shell_output import read_until

WICKED = "[red]x[/] $(touch pwned) 'q\" `id` ; é"


async def test_commands_with_input_output_and_exit_code(host: Host) -> None:
    done = await host.run("cat; printf oops >&2; exit 3", stdin=b"\x00\xff in")
    assert (done.exit_code, done.stdout, done.stderr) == (3, b"\x00\xff in", b"oops")
    assert (await host.run("kill -9 $$")).exit_code == -9
    assert (
        len((await host.run("head -c 3000000 /dev/zero; head -c 100000 /dev/zero >&2")).stdout) == 3_000_000
    )
    assert (await host.run('read x; echo "[$x]"')).stdout == b"[]\n"


async def test_a_command_that_takes_too_long(host: Host) -> None:
    with pytest.raises(Failed) as caught:
        await host.run("sleep 30", timeout=0.2)
    assert caught.value.problem.code == "timeout"
    assert (await host.run("echo on")).stdout == b"on\n"


async def test_a_flood_of_output_ends_the_command_and_takes_no_memory(host: Host) -> None:
    await host.run("true")  # what the first command allocates is not counted
    tracemalloc.start()
    try:
        with pytest.raises(Failed) as caught:
            await host.run("head -c 100000000 /dev/zero")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        errors = await host.run("head -c 5000000 /dev/zero >&2; echo why >&2; cat; exit 3", stdin=b"in")
        peak = max(peak, tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()
    assert caught.value.problem.code == "too_much_output"
    assert host.address in caught.value.problem.message
    assert (errors.exit_code, errors.stdout, errors.stderr[-5:]) == (3, b"in", b"\0why\n")
    assert peak < 24 << 20


async def test_streams_in_both_directions(host: Host) -> None:
    channel = await host.open('echo warned >&2; while read line; do echo "got $line"; done; exit 4')
    await channel.write(b"one\n")
    assert await channel.read() == b"got one\n"
    await channel.write(b"two\n")
    assert await channel.read() == b"got two\n"
    assert channel.stderr_tail() == b"warned\n"
    await channel.close()
    await channel.close()


async def test_a_slow_reader_holds_the_writer_back(host: Host, tmp_path: Path) -> None:
    count = tmp_path / "count"
    channel = await host.open(
        f"i=0; while [ $i -lt 200 ]; do head -c 65536 /dev/zero; i=$((i+1)); echo $i > {count}; done"
    )
    assert await channel.read(10) == b"\0" * 10
    steady, before = 0, ""
    while steady < 20:
        await asyncio.sleep(0.02)
        now = count.read_text() if count.exists() else ""
        steady, before = (steady + 1 if now == before else 0), now
    assert int(before or 0) < 150
    size = 10
    while data := await channel.read():
        size += len(data)
    assert size == 200 * 65536
    assert await channel.wait() == 0
    await channel.close()


async def test_a_shell(host: Host) -> None:
    shell = await host.shell(
        80, 24, command='echo "<$TERM>"; read line; echo "<$line>"; printf \'\\377\\n\'; exit 5'
    )
    await read_until(shell, b"<xterm-256color>")
    shell.write("é\n".encode())
    await read_until(shell, "<é>".encode())
    while await shell.read():
        pass
    assert await shell.wait() == 5
    shell.resize(100, 30)
    shell.write(b"too late")
    await shell.close()
    await shell.close()


async def test_a_port_is_forwarded(host: Host) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello " + await reader.readline())
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        wanted = probe.getsockname()[1]
    for local_port in (0, wanted):
        forward = await host.forward(port, local_port=local_port)
        assert forward.direct == (host.kind == "local" and local_port == 0)
        assert local_port in (0, forward.local_port)
        reader, writer = await asyncio.open_connection("127.0.0.1", forward.local_port)
        writer.write(b"you\n")
        assert await reader.read() == b"hello you\n"
        writer.close()
        await writer.wait_closed()
        await forward.close()
        await forward.close()
    with pytest.raises(Failed) as caught:
        await host.forward(1, local_port=port)
    assert caught.value.problem.code == "port_taken"
    server.close()


async def test_a_file_is_copied_here(host: Host, tmp_path: Path) -> None:
    source, back = tmp_path / "home" / "deep" / WICKED, tmp_path / "back" / WICKED.replace("/", "_")
    source.parent.mkdir(parents=True)
    source.write_bytes(os.urandom(700_001))
    sizes: list[tuple[int, int]] = []
    await host.download(f"~/deep/{WICKED}", back, progress=lambda done, whole: sizes.append((done, whole)))
    assert (sizes[0], sizes[-1]) == ((0, 700_001), (700_001, 700_001))
    assert back.read_bytes() == source.read_bytes()
    assert [path.name for path in back.parent.iterdir()] == [back.name]
    assert not list(tmp_path.rglob("pwned"))
    assert not list(tmp_path.rglob("*.part"))


async def test_an_empty_file_and_one_that_is_replaced(host: Host, tmp_path: Path) -> None:
    source = tmp_path / "home" / "file"
    for content in (b"", b"other"):
        source.write_bytes(content)
        await host.download("~/file", tmp_path / "back")
        assert (tmp_path / "back").read_bytes() == content


@pytest.mark.parametrize("part_is", ["prefix", "garbage", "too long"])
async def test_a_broken_copy_goes_on_only_from_its_own_bytes(
    host: Host, tmp_path: Path, part_is: str
) -> None:
    data = os.urandom(600_000)
    part = {"prefix": data[:200_000], "garbage": os.urandom(200_000), "too long": data + b"x"}[part_is]
    started = 200_000 if part_is == "prefix" else 0
    (tmp_path / "home" / "source").write_bytes(data)
    (tmp_path / "down.part").write_bytes(part)
    sizes: list[int] = []
    await host.download("~/source", tmp_path / "down", progress=lambda done, _: sizes.append(done))
    assert (tmp_path / "down").read_bytes() == data
    assert sizes[0] == started


async def test_a_copy_that_differs_is_removed(host: Host, tmp_path: Path) -> None:
    source = tmp_path / "home" / "source"
    source.write_bytes(b"a" * 600_000)

    def meddle(done: int, whole: int) -> None:
        if done == whole:
            source.write_bytes(b"b" * 600_000)

    with pytest.raises(Failed) as caught:
        await host.download("~/source", tmp_path / "down", progress=meddle)
    assert caught.value.problem.code == "checksum"
    assert not list(tmp_path.glob("down*"))


async def test_a_file_that_is_missing_cannot_be_copied(host: Host, tmp_path: Path) -> None:
    with pytest.raises(Failed) as caught:
        await host.download("~/none", tmp_path / "x")
    assert caught.value.problem.code == "no_file"


async def test_the_agent_is_sent_once_and_mended_when_damaged(host: Host, tmp_path: Path) -> None:
    folder = f"~/{WICKED}"
    for damage in (False, False, True):
        found = list((tmp_path / "home").rglob("agent/*.zip"))
        if damage:
            found[0].write_text("print('old')")
        agent = await start_agent(host, folder)
        assert agent.hello.cpu_count >= 1
        assert 0 <= await agent.ping() < 5
        await agent.close()
        await agent.close()
    assert len(list((tmp_path / "home").rglob("agent/*"))) == 1
    assert (tmp_path / "home" / WICKED.replace("~/", "") / "agent").is_dir()
    assert not list(tmp_path.rglob("pwned"))


@pytest.mark.parametrize("python", ["python-that-is-not-there", "false"])
async def test_no_python(host: Host, python: str) -> None:
    with pytest.raises(Failed) as caught:
        await start_agent(host, "~/pod", python)
    problem = caught.value.problem
    assert problem.code == "no_python"
    assert problem.message.endswith(".")
    assert problem.hint.endswith(".")


async def test_a_job_and_its_log_over_the_agent(host: Host) -> None:
    agent = await start_agent(host, "~/pod")
    heard: list[Job] = []
    stop = agent.subscribe_jobs(heard.append)
    job = await agent.job_start(
        "server",
        ["sh", "-c", 'echo "$GREETING"; trap "exit 0" TERM; while :; do sleep 0.02; done'],
        env={"GREETING": WICKED},
    )
    assert job.state is JobState.RUNNING
    assert job.log_path is not None
    output = b""
    follow = agent.follow(job.log_path)
    async for chunk in follow:
        output += chunk.data
        if output.endswith(b"\n"):
            break
    await follow.aclose()
    assert output.decode() == WICKED + "\n"
    with pytest.raises(Failed) as caught:
        await agent.job_start("server", ["true"])
    assert caught.value.problem.code == "already_running"
    phases: list[str] = []
    ended = await agent.job_stop("server", progress=lambda phase, alive, waited: phases.append(phase))
    assert (ended.state, ended.exit_code, ended.stopped_by_us) == (JobState.EXITED, 0, True)
    assert phases[0] == "term"
    async with asyncio.timeout(5):
        while not heard or heard[-1].state is not JobState.EXITED:
            await asyncio.sleep(0.02)
    assert heard[0].run_id == job.run_id
    stop()
    assert await agent.job_list() == (ended,)
    assert await agent.job_status("setup") == Job("setup", JobState.ABSENT)
    assert await agent.orphans() == () or all(orphan.pid != job.pid for orphan in await agent.orphans())
    await agent.close()


async def test_a_big_log_arrives_whole_while_answers_stay_quick(host: Host, tmp_path: Path) -> None:
    log = tmp_path / "home" / "big.log"
    log.write_bytes(os.urandom(3_000_000))
    agent = await start_agent(host, "~/pod")
    got = bytearray()
    slowest = 0.0
    async for chunk in agent.follow("~/big.log", 1000):
        assert chunk.offset == 1000 + len(got)
        got += chunk.data
        slowest = max(slowest, await agent.ping())
        if chunk.at_end:
            break
    assert bytes(got) == log.read_bytes()[1000:]
    assert slowest < 5
    await agent.close()


async def test_a_follower_nobody_reads_blocks_nothing(host: Host, tmp_path: Path) -> None:
    (tmp_path / "home" / "big.log").write_bytes(os.urandom(3_000_000))
    agent = await start_agent(host, "~/pod")
    stuck = agent.follow("~/big.log")
    assert (await anext(stuck)).offset == 0
    for _ in range(5):
        await agent.ping()
    other = b"".join([chunk.data async for chunk in _whole(agent, "~/big.log")])
    assert other == (tmp_path / "home" / "big.log").read_bytes()
    await stuck.aclose()
    await agent.close()


async def _whole(agent: AgentClient, path: str):  # type: ignore[no-untyped-def]
    async for chunk in agent.follow(path):
        yield chunk
        if chunk.at_end:
            return


async def test_metrics(host: Host) -> None:
    agent = await start_agent(host, "~/pod")
    sample = await agent.metrics("~/pod")
    assert sample.memory_total is not None
    assert sample.disk_path.endswith("pod")
    watch = agent.watch_metrics(0.2)
    assert (await anext(watch)).cpu_count == sample.cpu_count
    await watch.aclose()
    await agent.close()


async def test_a_dead_agent_is_reported_to_every_request(host: Host) -> None:
    agent = await start_agent(host, "~/pod")
    follow = agent.follow("~/nothing.log")
    await anext(follow)
    waiting = asyncio.ensure_future(anext(follow))
    asking = asyncio.ensure_future(agent.job_stop("server"))
    await asking
    await host.run(f"kill -9 {agent.hello.pid}")
    async with asyncio.timeout(10):
        assert await agent.lost()
    with pytest.raises(LabeltuiError):
        await waiting
    with pytest.raises(Unreachable) as caught:
        await agent.ping()
    assert caught.value.problem.code == "agent_lost"
    await agent.close()


async def test_closing_ends_what_runs(host: Host, tmp_path: Path) -> None:
    channel = await host.open(
        f"trap 'touch {tmp_path}/hung-up; exit' HUP; echo up; while :; do sleep 0.02; done"
    )
    assert await channel.read() == b"up\n"
    shell = await host.shell(80, 24)
    shell.write(b"echo $((20+22))\n")
    await read_until(shell, b"42")
    lost = asyncio.ensure_future(host.lost())
    await host.close()
    await host.close()
    assert await asyncio.wait_for(lost, 5)
