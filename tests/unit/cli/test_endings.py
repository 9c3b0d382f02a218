"""How a command ends when it is interrupted, when its reader leaves, or when nothing can be written."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from labeltui.cli.interruptions import HINTS, NOT_BEGUN, OF_A_CHANGE
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Problem
from labeltui.operations.table import OPERATIONS
from tests.paths import ROOT
from tests.unit.cli.json_output import documents


@pytest.mark.posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_a_signal_closes_the_session_and_is_the_exit_code(rig, capsys, number):
    async def does(*_):
        os.kill(os.getpid(), number)
        await asyncio.Event().wait()

    rig.does = does
    assert rig("tunnel", "--json") == 128 + number
    assert documents(capsys.readouterr().out) == [
        {"error": {"code": "interrupted", "message": "Interrupted.", "hint": HINTS["tunnel"]}}
    ]
    assert rig.session.events[-1] == "close"


@pytest.mark.posix
@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("status",), ""),
        (("studies", "upload", "a"), HINTS["studies.upload"]),
        (("models", "push", "m", "--yes"), HINTS["models.push"]),
        (("guard", "keep"), OF_A_CHANGE),
    ],
)
def test_an_interrupted_command_says_what_it_has_left(rig, capsys, words, hint):
    async def does(*_):
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.Event().wait()

    rig.does = does
    assert rig(*words, "--json") == 130
    assert documents(capsys.readouterr().out)[0]["error"]["hint"] == hint
    assert rig(*words) == 130
    assert capsys.readouterr().err == "\n".join(filter(None, ("labeltui: Interrupted.", hint))) + "\n"


@pytest.mark.posix
@pytest.mark.parametrize(("words", "hint"), [(("labels", "pull"), ""), (("setup",), NOT_BEGUN)])
def test_a_command_that_is_interrupted_before_it_begins_has_changed_nothing(
    rig, monkeypatch, capsys, words, hint
):
    async def start(_session, *, hold):
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.Event().wait()

    monkeypatch.setattr(rig.stand_in, "start", start)
    assert rig(*words, "--json") == 130
    assert documents(capsys.readouterr().out)[0]["error"]["hint"] == hint
    assert rig.calls == []


def test_hints_of_interrupted_commands_are_of_actions():
    assert set(HINTS) <= set(OPERATIONS)


def test_interrupted_while_closing_adds_no_second_document(rig, monkeypatch, capsys):
    async def close(_session):
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.Event().wait()

    monkeypatch.setattr(rig.stand_in, "close", close)
    assert rig("status", "--json") == 130
    out, err = capsys.readouterr()
    assert len(documents(out)) == 1
    assert "Interrupted" in err


def test_a_reader_that_leaves_ends_it_quietly(rig, monkeypatch, capsys):
    class Gone:
        def write(self, _text):
            raise BrokenPipeError

        def flush(self):
            raise BrokenPipeError

        def fileno(self):
            raise ValueError

    async def does(_session, _params, report):
        report.emit({"line": "x"})
        raise AssertionError("must not go on")

    rig.does = does
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", Gone())
        assert rig("server", "logs", "-f") == 1
    assert capsys.readouterr().err == ""
    assert rig.session.events[-1] == "close"


def test_a_state_folder_that_cannot_be_used_is_named_once_and_the_command_runs(rig, capsys):
    real_open = rig.opener

    async def opener(launch, prompter):
        session = await real_open(launch, prompter)
        session.state_folder.problem = Problem(Code.NOT_WRITTEN, "/s can't be used: the disk is full.")
        return session

    rig.opener = opener
    assert rig("status", "--json") == 0
    out, err = capsys.readouterr()
    assert err == "/s can't be used: the disk is full.\n"
    assert len(documents(out)) == 1


def test_a_file_of_the_desk_that_fails_is_no_fault_of_labeltui(rig, capsys):
    async def does(*_):
        raise OSError(errno.EROFS, "Read-only file system", "/home/ann/x")

    rig.does = does
    assert rig("status") == 1
    said = capsys.readouterr().err
    assert "/home/ann/x can't be used: the file system is read-only." in said
    assert "fault of labeltui" not in said


class Full:
    """A stream on a full disk."""

    def write(self, _text):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    flush = write

    def fileno(self):
        raise ValueError


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_a_result_that_cannot_be_written_is_a_failure_with_its_reason(rig, monkeypatch, capsys, flags):
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", Full())
        assert rig("status", *flags) == 1
    said = capsys.readouterr().err
    assert said == "labeltui: The result could not be written: No space left on device.\n"
    assert rig.session.events[-1] == "close"


def test_progress_that_cannot_be_written_does_not_end_a_command(rig, monkeypatch, capsys):
    async def does(_session, _params, report):
        report.progress("x")
        return {"state": "done"}

    rig.does = does
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", Full())
        assert rig("tunnel", "--json") == 0
    assert documents(capsys.readouterr().out) == [{"state": "done"}]


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["config", "path"], ["config", "path", "--json"], []]
)
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's full device")
def test_a_full_device_gets_one_sentence(arguments):
    with Path("/dev/full").open("w") as full:
        argv = [sys.executable, "-m", "labeltui", *arguments]
        ended = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=subprocess.PIPE,
            cwd=ROOT,
            check=False,
            text=True,
        )
    assert ended.returncode == (1 if arguments else 2)
    assert "No space left on device" in ended.stderr if arguments else "needs a terminal" in ended.stderr
    assert len(ended.stderr.splitlines()) == (1 if arguments else 2)
