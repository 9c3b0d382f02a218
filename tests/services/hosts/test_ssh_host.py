"""Logging in over SSH, and connections that go away in the middle of things."""

# ruff: noqa: ASYNC240 (small files, and nothing else runs meanwhile)
from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labeltui.domain.problems import LabeltuiError, Misused, Refused, Unreachable
from labeltui.hosts.agent.starting import start_agent
from labeltui.hosts.ssh.host import SshHost
from tests.services.hosts.ssh_server import PASSWORD, Answers, Server

Make = Callable[..., SshHost]


async def refusal(host: SshHost, kind: type[LabeltuiError], code: str) -> str:
    with pytest.raises(kind) as caught:
        await host.connect()
    problem = caught.value.problem
    assert problem.code == code, problem
    assert problem.message.endswith(".")
    return problem.message


async def test_an_unknown_key_is_asked_about_once(server: Server, ssh: Make, tmp_path: Path) -> None:
    answers = Answers()
    host = ssh(server.address, key=server.key_file, prompter=answers)
    for _ in range(2):
        await host.connect()
    assert [key.fingerprint for key in answers.keys] == [server.host_key.get_fingerprint()]
    assert answers.keys[0].algorithm == "ssh-ed25519"
    known_hosts_file = tmp_path / "state" / "known_hosts"
    assert known_hosts_file.read_text().startswith(f"[127.0.0.1]:{server.port} ssh-ed25519 ")
    assert known_hosts_file.stat().st_mode & 0o777 == 0o600


async def test_an_unknown_key_that_is_not_trusted(server: Server, ssh: Make, tmp_path: Path) -> None:
    host = ssh(server.address, key=server.key_file, prompter=Answers(trust=False))
    assert server.host_key.get_fingerprint() in await refusal(host, Refused, "host_key_unknown")
    assert not (tmp_path / "state" / "known_hosts").exists()


async def test_an_unknown_key_without_a_terminal_is_refused_with_the_command_that_trusts_it(
    server: Server, ssh: Make, tmp_path: Path
) -> None:
    (tmp_path / "state").mkdir()
    host = ssh(server.address, key=server.key_file, prompter=Answers(trust=None))
    with pytest.raises(Refused) as caught:
        await host.connect()
    problem = caught.value.problem
    assert problem.code == "host_key_unknown"
    assert f"ssh-ed25519 {server.host_key.get_fingerprint()}" in problem.message
    assert "no terminal" in problem.message
    command = problem.hint.partition("or run: ")[2]
    shell = await asyncio.create_subprocess_exec("sh", "-c", command)
    assert await shell.wait() == 0
    await host.connect()


async def test_a_changed_key_is_refused_unasked(server: Server, ssh: Make, tmp_path: Path) -> None:
    host = ssh(server.address, key=server.key_file)
    await host.connect()
    old = server.host_key.get_fingerprint()
    await host.close()
    await server.change_host_key()
    answers = Answers()
    again = ssh(server.address, key=server.key_file, prompter=answers)
    message = await refusal(again, Refused, "host_key_changed")
    assert old in message
    assert server.host_key.get_fingerprint() in message
    assert f"{tmp_path / 'state' / 'known_hosts'}, line 1" in message
    assert not answers.keys
    with pytest.raises(Refused) as caught:
        await again.connect()
    assert caught.value.problem.detail == server.host_key.get_fingerprint()


@pytest.mark.parametrize("hashed", [False, True])
async def test_keys_known_to_ssh_are_known(server: Server, ssh: Make, tmp_path: Path, hashed: bool) -> None:
    import base64
    import hmac

    name = f"[127.0.0.1]:{server.port}"
    if hashed:
        salt = os.urandom(20)
        digest = hmac.new(salt, name.encode(), "sha1").digest()
        name = f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"
    theirs = tmp_path / "ssh_known_hosts"
    theirs.write_text(f"# theirs\nnonsense\n{name} {server.host_key.export_public_key().decode()}")
    answers = Answers(trust=False)
    await ssh(server.address, key=server.key_file, known_hosts=(theirs,), prompter=answers).connect()
    assert not answers.keys


async def test_a_revoked_key(server: Server, ssh: Make, tmp_path: Path) -> None:
    theirs = tmp_path / "revoked"
    theirs.write_text(f"@revoked * {server.host_key.export_public_key().decode()}")
    await refusal(
        ssh(server.address, key=server.key_file, known_hosts=(theirs,)), Refused, "host_key_revoked"
    )


async def test_a_login_that_is_refused_names_user_and_methods(
    server: Server, ssh: Make, tmp_path: Path
) -> None:
    import asyncssh

    wrong = tmp_path / "wrong"
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(wrong)
    message = await refusal(ssh(server.address, key=wrong), Refused, "login_failed")
    assert "tester" in message
    assert "publickey" in message
    await refusal(ssh(server.address, key=tmp_path / "none"), Refused, "bad_key")
    (tmp_path / "text").write_text("no key")
    await refusal(ssh(server.address, key=tmp_path / "text"), Refused, "bad_key")


async def test_a_key_with_a_passphrase(server: Server, ssh: Make, tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    server.user_key.write_private_key(locked, passphrase="sesame", rounds=16, ignore_few_rounds=True)
    answers = Answers("wrong", "sesame")
    host = ssh(server.address, key=locked, prompter=answers)
    for _ in range(2):
        await host.connect()
    assert [title for title, _ in answers.asked] == [f"Key {locked}"] * 2
    declined = Answers()
    await refusal(ssh(server.address, key=locked, prompter=declined), Refused, "login_failed")
    assert len(declined.asked) == 1


async def test_passwords(ssh: Make, tmp_path: Path) -> None:
    server = Server(tmp_path / "home", "password")
    await server.start()
    answers = Answers("wrong", PASSWORD)
    host = ssh(server.address, prompter=answers)
    for _ in range(2):
        await host.connect()  # the second time unasked
        assert (await host.run("echo in")).stdout == b"in\n"
    assert len(answers.asked) == 2
    always_wrong = Answers(*["wrong"] * 9)
    message = await refusal(ssh(server.address, prompter=always_wrong), Refused, "login_failed")
    assert "password" in message
    assert len(always_wrong.asked) == 3
    assert "wrong" not in message
    await server.close()


async def test_keyboard_interactive(ssh: Make, tmp_path: Path) -> None:
    server = Server(tmp_path / "home", "keyboard-interactive")
    await server.start()
    answers = Answers(PASSWORD, "123456")
    await ssh(server.address, prompter=answers).connect()
    assert [prompt for _, prompt in answers.asked] == ["Second factor Password:", "Second factor Code:"]
    await refusal(ssh(server.address, prompter=Answers()), Refused, "login_failed")
    await server.close()


async def test_the_configuration_of_ssh_is_followed(server: Server, ssh: Make, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(
        f"Host pod\n  HostName 127.0.0.1\n  Port {server.port}\n  User tester\n  IdentityFile {server.key_file}\n"
        "  IdentitiesOnly yes\n"
    )
    host = ssh("pod", config=config)
    await host.connect()
    assert (await host.run("echo in")).stdout == b"in\n"


async def test_through_a_jump_host_with_its_key_checked_too(
    server: Server, ssh: Make, tmp_path: Path
) -> None:
    jump = Server(tmp_path / "jump home")
    await jump.start()
    config = tmp_path / "config"
    config.write_text(
        f'Host gate\n  HostName 127.0.0.1\n  Port {jump.port}\n  User tester\n  IdentityFile "{jump.key_file}"\n'
        f"Host pod\n  HostName 127.0.0.1\n  Port {server.port}\n  User tester\n  IdentityFile {server.key_file}\n"
        "  ProxyJump gate\n"
    )
    answers = Answers()
    host = ssh("pod", config=config, prompter=answers)
    await host.connect()
    assert [key.fingerprint for key in answers.keys] == [
        one.host_key.get_fingerprint() for one in (jump, server)
    ]
    assert (await host.run("echo $HOME")).stdout.decode().strip() == str(server.home)
    explicit = ssh(server.address, key=server.key_file, jump="gate", config=config, prompter=Answers())
    await explicit.connect()
    lost = asyncio.ensure_future(host.lost())
    jump.wire.cut()
    assert "closed" in await asyncio.wait_for(lost, 5)
    await jump.change_host_key()
    await refusal(ssh("pod", config=config), Refused, "host_key_changed")
    await jump.close()


@pytest.mark.parametrize(
    ("address", "kind", "code"),
    [
        ("someone@127.0.0.1:1", Unreachable, "refused"),
        ("someone@no-such-host.invalid", Unreachable, "dns"),
        ("", Misused, "bad_address"),
        ("user@host:port", Misused, "bad_address"),
        ("user@-oProxyCommand=x", Misused, "bad_address"),
        ("user@host:0", Misused, "bad_address"),
        ("a b", Misused, "bad_address"),
    ],
)
async def test_where_nobody_is(ssh: Make, address: str, kind: type[LabeltuiError], code: str) -> None:
    await refusal(ssh(address), kind, code)


async def test_a_short_name_that_nobody_knows_may_lack_its_lines_in_ssh_s_configuration(
    ssh: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: object, **_more: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", unknown)
    with pytest.raises(Unreachable) as caught:
        await ssh("annotate").connect()
    assert caught.value.problem.code == "dns"
    assert "a line `Host annotate`" in caught.value.problem.hint


async def test_one_that_says_nothing(ssh: Make) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"someone@127.0.0.1:{silent.getsockname()[1]}"
        message = await refusal(ssh(address, connect_timeout=0.3), Unreachable, "timeout")
    assert address in message


async def test_a_frozen_machine_is_noticed(server: Server, ssh: Make) -> None:
    host = ssh(server.address, key=server.key_file, keepalive_s=0.2)
    await host.connect()
    running = asyncio.ensure_future(host.run("sleep 60"))
    server.wire.freeze()
    async with asyncio.timeout(5):
        assert "stopped answering" in await host.lost()
    with pytest.raises(Unreachable):
        await running
    with pytest.raises(Unreachable):
        await host.open("true")


async def test_a_connection_that_ends_in_this_moment_is_lost_and_refuses_no_session(
    server: Server, ssh: Make
) -> None:
    host = ssh(server.address, key=server.key_file)
    await host.connect()
    host._connections[-1].abort()  # asyncssh reports this to the host later
    with pytest.raises(Unreachable) as lost:
        await host.run("true")
    assert lost.value.problem.code == "connection_lost"


@pytest.mark.parametrize("count", [1, 5_000, 60_000, 250_000])
async def test_a_log_goes_on_where_the_wire_was_cut(server: Server, ssh: Make, count: int) -> None:
    log = server.home / "server.log"
    log.write_bytes(os.urandom(400_000))
    host = ssh(server.address, key=server.key_file)
    got, last, cuts = bytearray(), None, 0
    while not (last is not None and last.at_end and len(got) == 400_000):
        await host.connect()
        agent = await start_agent(host, "~/pod")
        if cuts == 0:
            server.wire.cut_after("down", count)
        follow = agent.follow("~/server.log", len(got), file_id=last.file_id if last else None)
        try:
            async for chunk in follow:
                assert chunk.offset == len(got)
                got += chunk.data
                last = chunk
                if chunk.at_end:
                    break
        except Unreachable:
            cuts += 1
        await follow.aclose()
        await agent.close()
    assert cuts == 1
    assert bytes(got) == log.read_bytes()


async def test_a_copy_goes_on_where_the_wire_was_cut(server: Server, ssh: Make, tmp_path: Path) -> None:
    data = os.urandom(5_000_000)
    (server.home / "source").write_bytes(data)
    host = ssh(server.address, key=server.key_file)
    starts: list[int] = []

    async def copy() -> None:
        sizes: list[int] = []
        try:
            await host.download("~/source", tmp_path / "copy", progress=lambda done, _: sizes.append(done))
        finally:
            starts.append(sizes[0])

    await host.connect()
    server.wire.cut_after("down", 2_000_000)
    with pytest.raises(Unreachable):
        await copy()
    target = tmp_path / "copy"
    assert not target.exists()
    await host.connect()
    await copy()
    assert target.read_bytes() == data
    assert starts[0] == 0
    assert 0 < starts[1] < len(data)


async def test_what_the_login_shell_prints_is_passed_over(server: Server, ssh: Make, tmp_path: Path) -> None:
    server.noise = b"*** Welcome ***\nLABELTUI-AGENT of mine {\n no newline at the end: labeltui:"
    host = ssh(server.address, key=server.key_file)
    await host.connect()
    agent = await start_agent(host, "~/pod")
    assert agent.hello.home == str(server.home)
    (server.home / "source").write_bytes(b"bytes")
    await host.download("~/source", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == b"bytes"
    await agent.close()


async def test_an_address_that_is_no_text_for_a_shell(ssh: Make) -> None:
    host: Any = ssh("$(touch pwned)@127.0.0.1:1")
    await refusal(host, Misused, "bad_address")
    assert not Path("pwned").exists()
