"""What is different on a Windows desk."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Any, cast

import asyncssh
import pytest

from labeltui.cli import main
from labeltui.cli.asking import TerminalPrompter
from labeltui.cli.running import ENDING
from labeltui.cli.windows_terminal import read_line
from labeltui.hosts.ssh.address import OPENSSH_PIPE, resolve
from labeltui.hosts.ssh.offers import Offers
from labeltui.support.atomic import move_file, write_file
from labeltui.support.locks import lock_file
from tests.windows_desk import FakeMsvcrt

LOCAL = '[profiles.here]\nhost = "local"\n[profiles.here.server]\nstudies = "C:/studies"\n'


def console() -> FakeMsvcrt:
    """Windows' console, with nothing typed or shown yet."""
    fake = cast(FakeMsvcrt, sys.modules["msvcrt"])
    fake.keys, fake.shown = [], ""
    return fake


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["demo"], "The demo's pod needs Linux or macOS."),
        (["status"], 'host = "local" needs Linux or macOS.'),
        (["shell"], "On Windows, labeltui has an interactive shell only in its console."),
    ],
)
def test_what_windows_lacks_is_said_with_what_to_do(
    argv: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    config = tmp_path / "config.toml"
    config.write_text(LOCAL)
    monkeypatch.setenv("LABELTUI_CONFIG", str(config))
    monkeypatch.setenv("LABELTUI_STATE", str(tmp_path / "state"))
    words = ["--demo", "stopped", "status"] if argv == ["demo"] else argv
    code = main(words, console=lambda _launch: 0)
    output = capsys.readouterr()
    assert code == 3
    assert said in output.err
    assert "WSL" in output.err or "console" in output.err


@pytest.mark.parametrize(
    ("typed", "echo", "line", "shown"),
    [
        ("yes\r", True, "yes", "Trust it? yes\r\n"),
        ("yea\bs\r", True, "yes", "Trust it? yea\b \bs\r\n"),
        ("secret\r", False, "secret", "Trust it? \r\n"),
        ("a\xe0Hb\r", True, "ab", "Trust it? ab\r\n"),
        ("ye\x03", True, None, "Trust it? ye\r\n"),
        ("\x1a", True, None, "Trust it? \r\n"),
    ],
)
def test_a_line_is_read_from_the_console(typed: str, echo: bool, line: str | None, shown: str) -> None:
    fake = console()
    fake.keys = list(typed)
    assert read_line("Trust it? ", echo=echo) == line
    assert fake.shown == shown


async def test_without_a_console_nothing_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # in which there is no CONIN$
    said: list[str] = []
    prompter = TerminalPrompter(said.append)
    assert not prompter.present
    assert await prompter.ask("Go on?") is None
    assert "needs a terminal" in said[0]


async def test_a_lock_is_waited_for(tmp_path: Path) -> None:
    waited: list[bool] = []
    first = await lock_file(tmp_path / "lock")

    def waiting() -> None:
        waited.append(True)
        first.close()

    (await lock_file(tmp_path / "lock", waiting)).close()
    assert waited == [True]


def test_files_are_replaced_whole_without_permission_bits(tmp_path: Path) -> None:
    write_file(tmp_path / "one", "text", durable=True)
    move_file(tmp_path / "one", tmp_path / "two")
    assert (tmp_path / "two").read_text() == "text"


async def test_the_keys_of_both_agents_are_offered_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    keys = [
        asyncssh.generate_private_key("ssh-ed25519", comment=name) for name in ("shared", "pipe", "pageant")
    ]
    shared, pipe, pageant = asyncssh.load_keypairs(keys)

    class Agent:
        def __init__(self, *pairs: Any) -> None:
            self.pairs, self.closed = pairs, False

        async def get_keys(self) -> Any:
            return self.pairs

        def close(self) -> None:
            self.closed = True

        async def wait_closed(self) -> None:
            return

    agents = {OPENSSH_PIPE: Agent(shared, pipe), "": Agent(shared, pageant)}

    async def connect(place: str) -> Agent:
        return agents[place]

    monkeypatch.setattr(asyncssh, "connect_agent", connect)
    offers = Offers(resolve("me@host", None, None), {}, cast(Any, None), cast(Any, None))
    await offers.read(None)
    offered = []
    while (pair := await offers.next()) is not None:
        offered.append(pair.public_data)
    assert sorted(offered) == sorted(one.public_data for one in (shared, pipe, pageant))
    await offers.close()
    assert all(agent.closed for agent in agents.values())


def test_only_signals_that_windows_has_end_a_command() -> None:
    assert [signal.Signals(number).name for number in ENDING] == [
        "SIGTERM"
    ]  # beside SIGBREAK, which Linux lacks
