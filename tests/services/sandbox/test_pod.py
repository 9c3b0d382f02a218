"""The pod over SSH, and nothing left after its end."""

import asyncio
import os
import shlex
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from labeltui.config.model import Profile
from labeltui.sandbox.launch import Pod, start_pod
from labeltui.sandbox.processes import of_pod
from tests.services.sandbox.pod_client import connected, empty, eventually, read_until
from tests.services.sandbox.sandbox_server import alive


@pytest.fixture
async def pod(tmp_path: Path) -> AsyncIterator[Pod]:
    running = await start_pod("stopped", folder=tmp_path)
    yield running
    await running.close()
    assert not of_pod(running.ready["token"])
    assert empty(tmp_path)


async def test_the_profile_is_valid(pod: Pod) -> None:
    profile = Profile.model_validate(pod.profile())
    assert profile.ssh is not None
    assert profile.host == "ssh"
    folder = Path(profile.server.folder)
    assert Path(profile.server.studies).name == "studies"
    assert (folder / "venv" / "labeltui-standin").is_file()
    assert {path.name for path in (folder / "apps").iterdir()} == {
        "radiology",
        "monaibundle",
    }


async def test_commands_behave_as_on_a_host(pod: Pod, monkeypatch: pytest.MonkeyPatch) -> None:
    async with connected(pod.ready) as connection:
        done = await connection.run("pwd; echo oops >&2; cat; exit 3", input="typed\n", check=False)
        assert (done.stdout, done.stderr, done.exit_status) == (f"{pod.ready['home']}\ntyped\n", "oops\n", 3)
        killed = await connection.run("kill -9 $$", check=False)
        assert killed.exit_signal is not None
        assert killed.exit_signal[:2] == ("KILL", False)
        version = await connection.run("python3 --version", check=True)
        assert str(version.stdout).startswith("Python 3")


async def test_nothing_of_the_outer_environment_gets_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNPOD_API_KEY", "a secret")
    running = await start_pod("stopped", folder=tmp_path)
    try:
        async with connected(running.ready) as connection:
            names = {
                line.partition("=")[0] for line in str((await connection.run("env")).stdout).splitlines()
            }
    finally:
        await running.close()
    assert "RUNPOD_API_KEY" not in names
    assert names <= {
        *(
            "HOME",
            "USER",
            "LOGNAME",
            "SHELL",
            "LANG",
            "PATH",
            "TMPDIR",
            "LABELTUI_GUARD_MEMORY",
            "TMUX_TMPDIR",
            "PS1",
            "PWD",
            "OLDPWD",
            "SHLVL",
            "_",
        ),
        "LABELTUI_DEMO_POD",
    }


async def test_large_streams_pass_in_both_directions(pod: Pod) -> None:
    data = os.urandom(1 << 20) * 20
    async with connected(pod.ready) as connection:
        done = await connection.run("cat", input=data, encoding=None, check=True)
        assert done.stdout == data


async def test_a_client_that_does_not_read_holds_the_command_back(pod: Pod) -> None:
    count = Path(pod.ready["home"]) / "count"
    script = (
        "import os, sys\nn = 0\n"
        "while True:\n n += os.write(1, b'x' * 65536)\n open(sys.argv[1], 'w').write(str(n))"
    )
    async with connected(pod.ready) as connection:
        process = await connection.create_process(
            f"exec python3 -c {shlex.quote(script)} {count}", encoding=None
        )
        await eventually(lambda: count.exists() and count.read_text() != "")
        sizes: list[str] = []

        def settled() -> bool:
            sizes.append(count.read_text())
            return len(sizes) > 20 and len(set(sizes[-20:])) == 1

        await eventually(settled)
        assert int(sizes[-1]) < 64 << 20
        process.kill()
        process.close()


async def test_a_command_outlives_its_connection_but_loses_its_pipes(pod: Pod) -> None:
    left = Path(pod.ready["home"]) / "left"
    async with connected(pod.ready) as connection:
        await connection.create_process("cat > /dev/null; echo done > left; sleep 100")
    await eventually(left.exists)


async def interrupted(shell: Any, read: Callable[[], Awaitable[bytes]]) -> None:
    """Ctrl-C until the prompt is back: one that comes while bash forks is lost, at a real terminal too."""
    for _ in range(10):
        shell.stdin.write(b"\x03")
        try:
            async with asyncio.timeout(3):
                await read_until(read, b"$ ")
        except TimeoutError:
            continue
        return
    raise AssertionError("ctrl-C does not end the command")


async def test_a_shell_with_prompt_resize_and_interrupt(pod: Pod) -> None:
    async with connected(pod.ready) as connection:
        shell = await connection.create_process(
            term_type="xterm-256color", term_size=(100, 30), encoding=None, stderr=asyncssh.STDOUT
        )

        async def read() -> bytes:
            return await shell.stdout.read(4096)

        await read_until(read, b"$ ")
        shell.stdin.write(b"stty size; echo $TERM\n")
        assert b"30 100" in await read_until(read, b"xterm-256color")
        shell.change_terminal_size(120, 40)
        shell.stdin.write(b"stty size\n")
        await read_until(read, b"40 120")
        shell.stdin.write(b"echo be''gun; sleep 1000\n")
        await read_until(read, b"begun")
        await interrupted(shell, read)
        shell.stdin.write(b"echo still he''re; exit 5\n")
        await read_until(read, b"still here")
        assert (await shell.wait()).exit_status == 5


async def test_hanging_up_ends_the_shell(pod: Pod) -> None:
    async with connected(pod.ready) as connection:
        shell = await connection.create_process(term_type="xterm", encoding=None)

        async def read() -> bytes:
            return await shell.stdout.read(4096)

        await read_until(read, b"$ ")  # what is typed before the prompt may be thrown away
        shell.stdin.write(b"echo pi''d=$$ e''nd\n")
        said = await read_until(read, b" end")
        pid = int(said.partition(b"pid=")[2].split()[0])
        assert alive(pid)
        shell.close()
        await eventually(lambda: not alive(pid))


async def test_files_and_forwarding(pod: Pod, tmp_path: Path) -> None:
    async with connected(pod.ready) as connection, connection.start_sftp_client() as sftp:
        assert await sftp.realpath(".") == pod.ready["home"]
        assert len([name for name in await sftp.listdir("studies") if str(name).endswith(".nii.gz")]) == 12
        async with sftp.open("new", "wb") as file:
            await file.write(b"over sftp")
        assert (Path(pod.ready["home"]) / "new").read_bytes() == b"over sftp"

        async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"hello")
            writer.close()

        listener = await asyncio.start_server(greet, "127.0.0.1", 0)
        port = listener.sockets[0].getsockname()[1]
        reader, writer = await connection.open_connection("127.0.0.1", port, encoding=None)
        assert await reader.read() == b"hello"
        writer.close()
        listener.close()
        with pytest.raises(asyncssh.ChannelOpenError, match="loopback only"):
            await connection.open_connection("203.0.113.1", 80)


async def test_only_its_own_key_gets_in(pod: Pod, tmp_path: Path) -> None:
    stranger = asyncssh.generate_private_key("ssh-ed25519")
    host, _, port = pod.ready["address"].partition("@")[2].partition(":")
    with pytest.raises(asyncssh.PermissionDenied):
        await asyncssh.connect(
            host,
            int(port),
            username="demo",
            client_keys=[stranger],
            known_hosts=pod.ready["known_hosts"],
            config=None,
            agent_path=None,
        )


async def test_the_network_drop_scenario_breaks_and_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from labeltui.sandbox.sshd import Sshd, break_network

    (tmp_path / "home").mkdir()
    sshd = Sshd(tmp_path, tmp_path / "home", {"PATH": os.environ["PATH"]})
    await sshd.start()
    ready = {
        "address": f"demo@127.0.0.1:{sshd.port}",
        "key": str(sshd.key_path),
        "known_hosts": str(sshd.known_hosts_path),
    }
    async with connected(ready) as connection:
        breaking = asyncio.create_task(break_network(sshd, 0.1, 0.3))
        await asyncio.wait_for(connection.wait_closed(), 5)
    with pytest.raises((OSError, asyncssh.Error)):
        async with connected(ready):
            pass
    breaking.cancel()
    sshd.refusing = False
    async with connected(ready) as connection:
        assert (await connection.run("echo back")).stdout == "back\n"
    await sshd.close()


async def test_a_demo_does_not_run_another_labeltui_of_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "checkout" / "labeltui"
    other.mkdir(parents=True)
    (other / "__init__.py").write_text("raise SystemExit('another version')")
    monkeypatch.chdir(other.parent)
    running = await start_pod("stopped", folder=tmp_path)
    await running.close()
