"""Users of every login shell, and start-up files that print, fail or start another shell."""

from __future__ import annotations

import pwd
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from labeltui.domain.problems import Failed
from labeltui.hosts import login_shell, tmux
from labeltui.hosts.agent.messages import JobState
from labeltui.hosts.agent.starting import start_agent
from labeltui.hosts.base import HostKey
from labeltui.hosts.quoting import quote_path
from labeltui.hosts.ssh.host import SshHost
from tests.sshd import RealSshd

SHELLS = ("bash", "dash", "fish", "tcsh")
START_UP = {
    "bash": ".bashrc", "dash": ".profile", "fish": ".config/fish/config.fish", "tcsh": ".tcshrc",
}  # fmt: skip
ODD = "a!b \\ \\\\ it's \"$HOME\" `id` 100% \n \\' é"


class Trusting:
    async def secret(self, title: str, prompt: str) -> str | None:
        return None

    def notice(self, text: str) -> None:
        return

    async def trust_host_key(self, key: HostKey) -> bool:
        return True


@dataclass
class User:
    """A user of this machine, made for these tests, whose login shell is ``shell``."""

    shell: str

    @property
    def name(self) -> str:
        return f"labeltui-{self.shell}"

    @property
    def home(self) -> Path:
        return Path(pwd.getpwnam(self.name).pw_dir)

    def start_up(self, text: str) -> None:
        """Write the file that the login shell reads before a command."""
        path = self.home / START_UP[self.shell]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture(scope="module")
def users() -> Iterator[dict[str, User]]:
    made: dict[str, User] = {}
    try:
        for shell in SHELLS:
            path = shutil.which(shell)
            assert path is not None, f"{shell} must be installed for this test"
            user = made[shell] = User(shell)
            subprocess.run(["userdel", "-rf", user.name], capture_output=True, check=False)
            subprocess.run(
                ["useradd", "-m", "-p", "*", "-k", "/var/empty", "-s", path, user.name],
                check=True, capture_output=True,
            )  # fmt: skip
        yield made
    finally:
        for user in made.values():
            subprocess.run(["userdel", "-rf", user.name], capture_output=True, check=False)


@pytest.fixture(scope="module")
def sshd(users: dict[str, User]) -> Iterator[RealSshd]:
    folder = Path(tempfile.mkdtemp(prefix="labeltui-shells-"))
    folder.chmod(0o755)
    server = RealSshd(folder, own_homes=True)
    (folder / "authorized_keys").chmod(0o644)
    with server:
        yield server
    shutil.rmtree(folder)


Connect = Callable[[User], Awaitable[SshHost]]


@pytest.fixture
async def connect(sshd: RealSshd, users: dict[str, User], tmp_path: Path) -> AsyncIterator[Connect]:
    """Log in as a user; every home is empty again afterwards."""
    hosts: list[SshHost] = []

    async def log_in(user: User) -> SshHost:
        host = SshHost(
            f"{user.name}@127.0.0.1:{sshd.port}", key=sshd.client_key, own_known_hosts=tmp_path / "known",
            known_hosts=(), config=None, prompter=Trusting(),
        )  # fmt: skip
        hosts.append(host)
        await host.connect()
        return host

    yield log_in
    for host in hosts:
        await host.close()
    for user in users.values():
        for path in user.home.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()


async def works(host: SshHost, tmp_path: Path) -> None:
    """Commands, streams, copies, shells in tmux and the agent."""
    command = f"cat; printf %s {tmux.shlex.quote(ODD)}; exit 3"
    done = await host.run(command, stdin=b"\x00in!\n")
    assert (done.exit_code, done.stdout) == (3, b"\x00in!\n" + ODD.encode())
    assert (await host.run(command)).stdout == ODD.encode()
    channel = await host.open("while read line; do echo \"got '$line' \\ !\"; done")
    await channel.write(b"one\n")
    assert await channel.read() == b"got 'one' \\ !\n"
    await channel.close()
    target, data = quote_path("~/it's !new"), b"bytes\n" * 1000
    assert (await host.run(f"mkdir -p {target}; cat > {target}/target", stdin=data)).exit_code == 0
    await host.download("~/it's !new/target", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == data
    name = tmux.session_name("p!", 1)
    made = await host.run(tmux.prepare(name, 80, 24, command=None, history=100, owner="me/1"))
    try:
        assert made.stdout == b"made\n", made
        assert [
            entry.number
            for entry in tmux.parse_listing((await host.run(tmux.listing())).stdout.decode(), "p!")
        ] == [1]
    finally:
        await host.run(tmux.kill(name))
    agent = await start_agent(host, "~/pod it's !", "/usr/bin/python3")
    job = await agent.job_start("job", ["sh", "-c", 'printf %s "$0"', ODD])
    assert job.log_path is not None
    async for chunk in agent.follow(job.log_path):
        if chunk.data:
            assert chunk.data == ODD.encode()
            break
    assert (await agent.job_stop("job")).state is JobState.EXITED
    await agent.close()


@pytest.mark.parametrize("shell", SHELLS)
async def test_every_login_shell(
    users: dict[str, User], connect: Connect, tmp_path: Path, shell: str
) -> None:
    await works(await connect(users[shell]), tmp_path)


@pytest.mark.parametrize("shell", ["bash", "fish", "tcsh"])
@pytest.mark.parametrize("last", ["", "\\n"], ids=["no newline at the end", "newline"])
async def test_start_up_files_that_print(
    users: dict[str, User], connect: Connect, tmp_path: Path, shell: str, last: str
) -> None:
    users[shell].start_up(
        f"printf 'Welcome!\\nlabeltui:begin LABELTUI-AGENT {{{last}'\nsh -c 'echo warned >&2'\n"
    )
    host = await connect(users[shell])
    await works(host, tmp_path)
    assert b"warned" in (await host.run("true")).stderr


@pytest.mark.parametrize("other", ["dash", "tcsh", "bash --norc"])
async def test_a_bashrc_that_starts_another_shell(
    users: dict[str, User], connect: Connect, tmp_path: Path, other: str
) -> None:
    users["bash"].start_up(f"printf hello\nexec {other}\n")
    await works(await connect(users["bash"]), tmp_path)


@pytest.mark.parametrize(
    ("start_up", "said"),
    [
        ("exec fish\n", "The start-up files of {address} start another shell in place of the command."),
        ("cat >/dev/null\n", "The start-up files of {address} start another shell in place of the command."),
        ("echo 'No disk quota left!' >&2; exit 7\n",
         "{address} ended the session (exit code 7) before a command started: No disk quota left!."),
        ("sleep 60\n", "{address} started no command within 1 s."),
    ],
    ids=["fish, which runs its input only at the end of it", "reads all input", "ends", "hangs"],
)  # fmt: skip
async def test_start_up_files_that_let_no_command_begin_are_named(
    users: dict[str, User], connect: Connect, monkeypatch: pytest.MonkeyPatch, start_up: str, said: str
) -> None:
    monkeypatch.setattr(login_shell, "START_S", 1.0)
    monkeypatch.setattr(login_shell, "END_S", 3.0)
    users["bash"].start_up(start_up)
    host = await connect(users["bash"])
    with pytest.raises(Failed) as caught:
        await start_agent(host, "~/pod", "/usr/bin/python3")
    problem = caught.value.problem
    assert (problem.code, problem.message) == ("login_shell", said.format(address=host.address))
    assert "start-up files" in problem.hint
    assert not (users["bash"].home / "pod").exists()


async def test_a_python_that_fails_is_shown_with_its_own_words(
    users: dict[str, User], connect: Connect
) -> None:
    broken = users["tcsh"].home / "python"
    broken.write_text("#!/bin/sh\necho 'python: libexpat.so.1: no such file!' >&2\nexit 127\n")
    broken.chmod(0o755)
    with pytest.raises(Failed) as caught:
        await start_agent(await connect(users["tcsh"]), "~/pod", "~/python")
    assert caught.value.problem.code == "no_python"
    assert caught.value.problem.message.endswith("does not run: python: libexpat.so.1: no such file!.")
