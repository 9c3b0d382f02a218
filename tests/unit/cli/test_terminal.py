from __future__ import annotations

import argparse
import asyncio
import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from labeltui.__main__ import open_console, why_no_console
from labeltui.cli.asking import TerminalPrompter
from labeltui.cli.parser import build_parser
from labeltui.cli.shell import command_text, passthrough
from labeltui.domain.problems import Misused, Unreachable
from labeltui.hosts.base import HostKey
from labeltui.opening.launch import Launch
from tests.paths import ROOT


class FakeShell:
    """A shell that prints ``says``, then ends with ``code`` once ``until`` was typed."""

    def __init__(self, says: bytes = b"hi\r\n", code: int | None = 0, until: bytes = b"") -> None:
        self.typed = b""
        self.sizes: list[tuple[int, int]] = []
        self.closed = False
        self._says, self._code, self._until = says, code, until
        self._enough = asyncio.Event()

    async def read(self, _limit: int = 65536) -> bytes:
        if self._says:
            says, self._says = self._says, b""
            return says
        if self._until:
            await self._enough.wait()
        return b""

    def write(self, data: bytes) -> None:
        self.typed += data
        if self._until in self.typed:
            self._enough.set()

    def resize(self, columns: int, rows: int) -> None:
        self.sizes.append((columns, rows))
        self._enough.set()

    async def wait(self) -> int | None:
        return self._code

    async def close(self) -> None:
        self.closed = True


@pytest.fixture
def terminal():
    outer, inner = pty.openpty()
    yield outer, inner
    for descriptor in (outer, inner):
        os.close(descriptor)


async def until(condition) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - a terminal tells nobody that its mode changed
            await asyncio.sleep(0.005)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ([], None),
        (["ls | wc -l"], "ls | wc -l"),
        (["ls", "my file", "$HOME"], "ls 'my file' '$HOME'"),
    ],
)
def test_one_word_is_a_command_line_and_several_are_arguments(words, text):
    assert command_text(words) == text


@pytest.mark.posix
async def test_bytes_pass_in_both_directions_unread_and_the_terminal_is_restored(terminal):
    outer, inner = terminal
    before = termios.tcgetattr(inner)
    shell = FakeShell(b"\x1b[31mhi", code=3, until=b"\x03q")
    running = asyncio.create_task(passthrough(shell, inner, inner))
    await until(lambda: not termios.tcgetattr(inner)[3] & termios.ICANON)
    os.write(outer, b"\x03")  # Ctrl-C is the remote's
    os.write(outer, b"q")
    assert await running == 3
    assert shell.typed == b"\x03q"
    assert os.read(outer, 100) == b"\x1b[31mhi"
    assert termios.tcgetattr(inner)[:4] == before[:4]


@pytest.mark.posix
async def test_the_remote_follows_the_size_of_the_terminal(terminal):
    outer, inner = terminal
    shell = FakeShell(until=b"never")
    running = asyncio.create_task(passthrough(shell, inner, inner))
    await until(lambda: not termios.tcgetattr(inner)[3] & termios.ICANON)
    fcntl.ioctl(outer, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 132, 0, 0))
    os.kill(os.getpid(), 28)  # SIGWINCH
    assert await running == 0
    assert shell.sizes == [(132, 50)]


async def test_piped_input_ends_with_the_end_of_input():
    source, feed = os.pipe()
    reader, target = os.pipe()
    shell = FakeShell(b"out", code=-15, until=b"\x04")
    os.write(feed, b"ls\n")
    os.close(feed)
    assert await passthrough(shell, source, target) == 143
    assert shell.typed == b"ls\n\x04"
    assert os.read(reader, 100) == b"out"
    for descriptor in (source, reader, target):
        os.close(descriptor)


async def test_a_connection_that_goes_is_unreachable():
    source, feed = os.pipe()
    with pytest.raises(Unreachable):
        await passthrough(FakeShell(code=None), source, feed)
    os.close(feed)
    os.close(source)


def test_shell_runs_a_command_and_hands_on_its_exit_code(rig, capsys):
    rig.shell = FakeShell(b"a\r\nb\r\n", code=5)
    assert rig("shell", "--json", "--", "ls", "x y") == 5
    assert rig.session.events == ["start hold=False", "shell ls 'x y'", "close"]
    document = json.loads(capsys.readouterr().out)
    assert (document["exit_code"], document["output"]) == (5, "a\nb\n")
    assert rig.shell.closed


@pytest.mark.parametrize(
    ("argv", "code"), [(["shell", "--json"], 2), (["shell", "--read-only", "--", "ls"], 3)]
)
def test_when_there_is_no_shell(rig, argv, code):
    assert rig(*argv) == code
    assert rig.session is None


@pytest.mark.posix
async def test_a_secret_is_asked_without_echo(terminal, monkeypatch):
    outer, inner = terminal
    monkeypatch.setattr("labeltui.cli.terminal.TERMINAL", os.ttyname(inner))
    prompter = TerminalPrompter(lambda _: None)
    answer = asyncio.create_task(prompter.secret("root@h\x1b[2J", "Password:"))
    await until(lambda: not termios.tcgetattr(inner)[3] & termios.ECHO)
    os.write(outer, b"hunter2\n")
    assert await answer == "hunter2"
    shown = os.read(outer, 1000)
    assert b"hunter2" not in shown
    assert b"\x1b" not in shown
    assert b"Password:" in shown
    assert termios.tcgetattr(inner)[3] & termios.ECHO
    assert prompter.asked_s > 0


@pytest.mark.posix
@pytest.mark.parametrize(
    ("typed", "trusted"), [(b"yes\n", True), (b"y\n", False), (b"\n", False), (b"\x04", False)]
)
async def test_a_host_key_is_trusted_by_a_whole_yes_only(terminal, monkeypatch, typed, trusted):
    outer, inner = terminal
    monkeypatch.setattr("labeltui.cli.terminal.TERMINAL", os.ttyname(inner))
    prompter = TerminalPrompter(lambda _: None)
    answer = asyncio.create_task(prompter.trust_host_key(HostKey("h:22", "ssh-ed25519", "SHA256:abc")))
    os.write(outer, typed)
    assert await answer is trusted
    shown = b""
    while b"SHA256:abc" not in shown:  # the echo of what was typed may come first, by itself
        shown += os.read(outer, 1000)


@pytest.mark.posix
async def test_without_a_terminal_the_answer_is_no_and_the_reason_is_said(monkeypatch, tmp_path):
    monkeypatch.setattr("labeltui.cli.terminal.TERMINAL", str(tmp_path / "none"))
    said: list[str] = []
    prompter = TerminalPrompter(said.append)
    assert not prompter.present
    assert await prompter.secret("root@h", "Password:") is None
    assert await prompter.trust_host_key(HostKey("h", "a", "f")) is None
    assert ["needs a terminal" in line for line in said] == [True]


def modules_after(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return set(done.stdout.split())


HEAVY = {"httpx", "asyncssh", "pydantic", "numpy", "nibabel", "runpod", "bittty", "starlette", "uvicorn"}
BARE = "import textual.app, textual.drivers.linux_driver\nfrom textual.widgets import Static"
NOT_ON_AN_EMPTY_CONSOLE = (
    *("domain.server", "domain.training", "domain.studies.study", "domain.studies.worklist", "domain.host"),
    *("domain.pod.pod", "domain.pod.load", "domain.money", "domain.guard", "domain.labels", "domain.log"),
    *("domain.deploy", "domain.documents", "config", "hosts", "monailabel", "runpod", "operations"),
    *("session.session", "session.history", "ui.panes", "ui.screens", "ui.widgets.log", "sandbox"),
)
MOST_MODULES = 80
"""Each module takes about 0.3 ms of the time to first paint, and each frozen dataclass in it another 0.5 ms."""


def test_first_paint_imports_little_more_than_textual():
    loaded = modules_after("import labeltui.__main__, labeltui.ui.app, labeltui.ui.restore")
    own = {name.removeprefix("labeltui.") for name in loaded if name.startswith("labeltui.")}
    others = {name for name in loaded if not name.startswith("labeltui")} - modules_after(BARE)
    assert {name.partition(".")[0] for name in others} <= {"gc", "tomllib"}
    assert not [name for name in own if name.startswith(NOT_ON_AN_EMPTY_CONSOLE)]
    assert len(own) <= MOST_MODULES, sorted(own)


def test_the_command_line_is_light_until_something_runs():
    assert not modules_after("import labeltui.__main__, labeltui.cli") & (HEAVY | {"textual", "asyncio"})


ONLY_FOR_RESULTS = (
    "cli.people",
    "domain.documents",
    "domain.server",
    "domain.training",
    "support.file_errors",
)


@pytest.mark.slow
def test_help_of_every_command_imports_nothing_that_runs_one():
    code = (
        "import contextlib, io\n"
        "from labeltui import cli\nfrom labeltui.actions import ACTIONS\n"
        "with contextlib.redirect_stdout(io.StringIO()):\n"
        "  for action in ACTIONS:\n"
        "    for words in {action.command, action.command[:1]} - {()}:\n"
        "      assert cli.main([*words, '--help'], console=None) == 0\n"
        "  assert cli.main(['completion', 'bash'], console=None) == 0\n"
    )
    loaded = modules_after(code)
    assert not loaded & (HEAVY | {"textual", "asyncio", "pathlib", "traceback"})
    own = {name.removeprefix("labeltui.") for name in loaded if name.startswith("labeltui.")}
    assert not [name for name in own if name.startswith(ONLY_FOR_RESULTS)]


def test_commands_share_the_parser_of_the_global_flags():
    parser = build_parser()
    commands = next(one for one in parser._actions if isinstance(one, argparse._SubParsersAction)).choices
    status, doctor = (commands[name]._option_string_actions["--json"] for name in ("status", "doctor"))
    assert status is doctor


def test_a_refusal_imports_neither_network_nor_session(tmp_path):
    profiles = tmp_path / "labeltui.toml"
    profiles.write_text(
        '[profiles.pod]\nhost = "runpod"\n[profiles.pod.runpod]\npod = "annot"\n'
        '[profiles.none]\nhost = "runpod"\n[profiles.ro]\nhost = "local"\nread_only = true\n'
    )
    refused = {
        "server start --read-only": 3, "server stop --profile ro": 3, "train start --profile ro": 3,
        "status --profile pod": 2, "shell --profile pod": 2, "pod list --profile ro": 2,
        "status --profile none": 2, "status --profile absent": 2,
    }  # fmt: skip
    loaded = modules_after(
        f"import os; os.environ.update(HOME={str(tmp_path)!r}); os.environ.pop('RUNPOD_API_KEY', None)\n"
        f"from labeltui.cli import main\n"
        f"for line, code in {refused!r}.items():\n"
        f"    argv = ['--config', {str(profiles)!r}, *line.split()]\n"
        f"    assert (line, main(argv, console=None)) == (line, code)"
    )
    assert "pydantic" in loaded
    assert not loaded & {"httpx", "asyncssh", "sqlite3", "textual"}


@pytest.mark.slow
def test_a_session_does_not_know_textual():
    loaded = modules_after("import labeltui.operations.table, labeltui.cli.configuration, labeltui.cli.shell")
    assert "textual" not in loaded
    assert "pydantic" in loaded  # the modules were really imported


def test_without_a_terminal_the_console_is_wrong_usage():
    done = subprocess.run(
        [sys.executable, "-m", "labeltui"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert "needs a terminal" in done.stderr


def test_a_pipe_that_closes_early_is_quiet():
    reader, writer = os.pipe()
    os.close(reader)
    argv = [sys.executable, "-m", "labeltui", "config", "schema"]
    done = subprocess.run(argv, stdout=writer, stderr=subprocess.PIPE, cwd=ROOT, check=False)
    os.close(writer)
    assert done.stderr == b""
    assert done.returncode == 1


@pytest.mark.parametrize(
    ("kind", "redirected", "why"),
    [
        ("xterm-256color", "", None),
        ("dumb", "", "TERM=dumb"),
        ("xterm", "stdin", "standard input is no terminal"),
        ("xterm", "stdout", "standard output is no terminal"),
        ("xterm", "stderr", "standard error is no terminal"),
    ],
)
def test_the_console_says_why_it_cannot_be_shown_here(monkeypatch, terminal, kind, redirected, why):
    monkeypatch.setenv("TERM", kind)
    with os.fdopen(os.dup(terminal[1]), "w") as on, Path(os.devnull).open() as off:
        for name in ("stdin", "stdout", "stderr"):
            monkeypatch.setattr(sys, name, off if name == redirected else on)
        found = why_no_console()
        if why is None:
            assert found is None
        else:
            assert why in found
            with pytest.raises(Misused, match="The console needs a terminal"):
                open_console(Launch())
        monkeypatch.undo()


def test_a_notice_during_the_login_is_one_line_without_control_characters() -> None:
    said: list[str] = []
    TerminalPrompter(said.append).notice("Touch the security key of \x1b[2Jyubi.")
    assert len(said) == 1
    assert "\x1b" not in said[0]
    assert "yubi" in said[0]
