from __future__ import annotations

import asyncio
import errno
import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from labeltui import actions
from labeltui.__main__ import plain_launch
from labeltui.cli import parser as grammar
from labeltui.cli import running
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed, Misused, Problem, Refused, Unreachable
from labeltui.domain.reading import Reading
from labeltui.domain.state import SessionState
from labeltui.domain.states import TrainState
from labeltui.domain.training.training import TrainStatus
from labeltui.opening.launch import Launch
from tests.fakes.store import put
from tests.paths import ROOT

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def documents(text: str) -> list[dict]:
    """Every line is one JSON document and there is nothing else."""
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize(
    ("argv", "action", "params"),
    [
        (["status"], "status", {}),
        (["server", "start", "--app", "radiology", "--models", "deepedit,segmentation", "--port", "8001"],
         "server.start", {"app": "radiology", "models": "deepedit,segmentation", "port": 8001}),
        (["server", "start", "--conf", "a", "1", "--conf", "b", "x y", "--conf", "a", "2"],
         "server.start", {"conf": {"a": "2", "b": "x y"}}),
        (["train", "start", "deepedit", "--max-epochs", "2", "--follow"],
         "train.start", {"model": "deepedit", "max_epochs": 2, "follow": True}),
        (["train", "start"], "train.start", {}),
        (["train", "start", "--enqueue", "--param", "k", "v"],
         "train.start", {"enqueue": True, "param": {"k": "v"}}),
        (["server", "logs", "-f", "--lines", "10"], "server.logs", {"follow": True, "lines": 10}),
        (["studies", "next", "random", "--yes"], "studies.next", {"strategy": "random"}),
        (["setup", "--check", "--torch", "cpu"], "setup", {"check": True, "torch": "cpu"}),
        (["studies", "order", "--", "-rf"], "studies.order", {"studies": ("-rf",)}),
        (["studies", "delete", "--yes", "--", "-rf"], "studies.delete", {"study": "-rf"}),
        (["studies", "skip", "a", "--", "-rf"], "studies.skip", {"studies": ("a", "-rf")}),
        (["train", "start", "--", "--odd-name"], "train.start", {"model": "--odd-name"}),
    ],
)  # fmt: skip
def test_arguments_become_an_action_and_its_parameters(rig, argv, action, params):
    assert rig(*argv) == 0
    assert rig.calls == [(action, params)]
    assert rig.session.events[0] == "start hold=False"
    assert rig.session.events[-1] == "close"


def test_every_action_with_a_command_has_one_and_only_they_do():
    for action in actions.ACTIONS:
        if action.command:
            extra = ["x" for param in action.params if param.positional and param.required]
            assert grammar.parse([*action.command, *extra]).action is action


@pytest.mark.parametrize(
    "argv",
    [
        ["--profile", "p", "--config", "f", "--read-only", "--json", "-v", "server", "status"],
        ["server", "status", "--profile", "p", "--config", "f", "--read-only", "--json", "-v"],
        ["server", "--profile", "p", "--json", "status", "--config", "f", "--read-only", "-v"],
        ["--read-only", "--profile=p", "server", "-v", "status", "--json", "--config=f"],
        [
            "--profile",
            "other",
            "server",
            "status",
            "--profile",
            "p",
            "--config",
            "f",
            "--read-only",
            "--json",
            "-v",
        ],
    ],
)
def test_global_flags_stand_before_or_after_the_command(argv):
    request = grammar.parse(argv)
    assert request.launch == Launch("f", "p", True, None)
    assert request.as_json
    assert request.verbose
    assert request.command == ("server", "status")


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["sttus"], "'sttus'"),
        (["server"], "COMMAND"),
        (["server", "strt"], "'strt'"),
        (["status", "more"], "more"),
        (["status", "--jsno"], "--jsno"),
        (["status", "--prof", "x"], "--prof"),
        (["train", "start", "--max-epochs", "two"], "two"),
        (["setup", "--torch", "gpu"], "gpu"),
        (["server", "start", "--conf", "k"], "--conf"),
        (["--profile"], "--profile"),
        (["server", "stop", "--yes", "now"], "now"),
    ],
)
def test_wrong_usage_is_exit_2_and_json_when_asked(rig, capsys, argv, words):
    assert rig(*argv) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err
    assert "--help" in err
    assert rig(*argv[:1], "--json", *argv[1:]) == 2
    (failure,) = documents(capsys.readouterr().out)
    assert set(failure["error"]) == {"code", "message", "hint"}
    assert failure["error"]["code"] == "usage"
    assert rig.calls == []


def test_help_and_version_are_done(rig, capsys):
    assert rig("--help") == 0
    text = capsys.readouterr().out
    assert all(action.command[0] in text for action in actions.ACTIONS if action.command)
    assert rig("--version") == 0
    assert capsys.readouterr().out.startswith("labeltui ")


@pytest.mark.parametrize(
    ("argv", "environment", "launch"),
    [
        ([], None, Launch()),
        (["--profile", "p", "--read-only"], None, Launch(profile="p", read_only=True)),
        (["demo"], None, Launch(demo="story")),
        (["demo", "--scenario", "oom"], None, Launch(demo="oom")),
        (["--demo", "oom"], None, Launch(demo="oom")),
        (["--demo", "oom", "demo"], None, Launch(demo="oom")),
        (["demo", "--read-only", "--config", "f"], None, Launch(config="f", read_only=True, demo="story")),
        ([], "training", Launch(demo="training")),
        (["demo"], "training", Launch(demo="training")),
    ],
)
def test_no_command_opens_the_console_with_or_without_the_parser(rig, monkeypatch, argv, environment, launch):
    if environment is not None:
        monkeypatch.setenv("LABELTUI_DEMO", environment)
    assert rig(*argv) == 7
    assert rig.consoles == [launch]
    assert plain_launch(argv) == launch


@pytest.mark.parametrize(
    "argv",
    [["-h"], ["status"], ["--json"], ["--profile"], ["--profile", "--json"], ["--scenario", "x", "demo"],
     ["demo", "demo"], ["--profile=p"]],
)  # fmt: skip
def test_whatever_is_not_plain_is_left_to_the_parser(argv):
    assert plain_launch(argv) is None


@pytest.mark.parametrize("argv", [["demo", "--scenario", "helthy"], ["--demo", "helthy", "status"]])
def test_an_unknown_scenario_is_wrong_usage(rig, capsys, argv):
    assert plain_launch(argv) is None
    assert rig(*argv) == 2
    err = capsys.readouterr().err
    assert "'helthy'" in err
    assert "healthy" in err
    assert rig.consoles == []


def test_the_console_is_not_json(rig, capsys):
    assert rig("--json") == 2
    assert documents(capsys.readouterr().out)[0]["error"]["code"] == "usage"


def test_json_is_one_document_and_progress_stays_away(rig, capsys):
    async def does(_session, _params, report):
        report.progress("half way")
        report.emit({"step": 1})
        return {"as_of": "now", "text": "é\x1b[31m\u202e", "unknown": None}

    rig.does = does
    assert rig("setup", "--json") == 0
    out, err = capsys.readouterr()
    assert documents(out) == [{"as_of": "now", "text": "é\x1b[31m\u202e", "unknown": None}]
    assert out.isascii()
    assert "\x1b" not in out
    assert "half way" in err
    assert "step 1" in err


def test_follow_is_json_lines_then_the_final_state(rig, capsys):
    async def does(_session, _params, report):
        for epoch in (1, 2):
            report.emit({"epoch": epoch, "loss": 0.5})
        return {"state": "done"}

    rig.does = does
    assert rig("train", "start", "--follow", "--json") == 0
    assert documents(capsys.readouterr().out) == [
        {"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.5}, {"state": "done"},
    ]  # fmt: skip


def test_logs_are_lines_of_text_and_one_document_of_json(rig, capsys):
    async def does(_session, _params, report):
        report.emit({"line": "a\x1b]0;t\x07", "index": 0})
        return {"as_of": "now", "lines": 1}

    rig.does = does
    assert rig("server", "logs") == 0
    assert capsys.readouterr() == ("a\\x1b]0;t\\x07\n", "")
    assert rig("server", "logs", "--json") == 0
    (document,) = documents(capsys.readouterr().out)
    assert document["records"] == [{"line": "a\x1b]0;t\x07", "index": 0}]
    assert rig("server", "logs", "--json", "-f") == 0
    assert len(documents(capsys.readouterr().out)) == 2


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Failed("c", "What.", "Do."), 1),
        (Misused("c", "What.", "Do."), 2),
        (Unreachable("c", "What.", "Do."), 4),
    ],
)
def test_failures_have_their_exit_code_and_words(rig, capsys, error, code):
    async def does(*_):
        raise error

    rig.does = does
    assert rig("status") == code
    assert capsys.readouterr() == ("", "labeltui: What.\nDo.\n")
    assert rig("status", "--json") == code
    out, err = capsys.readouterr()
    assert documents(out) == [{"error": {"code": "c", "message": "What.", "hint": "Do."}}]
    assert err == ""
    assert rig.session.events[-1] == "close"


def test_a_failure_that_has_something_to_show_shows_it(rig, capsys):
    document = {"state": "error", "error": {"code": "c", "message": "What.", "hint": "Do."}}

    async def does(*_):
        raise Failed.of_document(document)

    rig.does = does
    assert rig("train", "start", "--json") == 1
    assert documents(capsys.readouterr().out) == [document]
    assert rig("train", "start") == 1
    out, err = capsys.readouterr()
    assert "error" in out
    assert "What." in err


def test_a_mistake_of_ours_is_still_json(rig, capsys):
    async def does(*_):
        raise KeyError("x")

    rig.does = does
    assert rig("status", "--json") == 1
    assert documents(capsys.readouterr().out)[0]["error"]["code"] == "internal"
    assert rig("status") == 1
    assert "Traceback" not in capsys.readouterr().err
    assert rig("status", "-v") == 1
    assert "Traceback" in capsys.readouterr().err


def test_read_only_refuses_what_changes_and_allows_what_reads(rig):
    assert rig("status", "--read-only") == 0
    assert rig("server", "start", "--read-only") == 3
    assert rig("--read-only", "server", "stop", "--yes") == 3
    assert [call[0] for call in rig.calls] == ["status"]


def test_destructive_needs_a_yes(rig, capsys):
    assert rig("server", "stop", "--json") == 3
    assert documents(capsys.readouterr().out)[0]["error"]["code"] == "unconfirmed"
    assert rig.session is None  # refused before anything was opened
    assert rig("server", "stop", "--yes") == 0
    assert rig("--yes", "server", "stop") == 0
    assert len(rig.calls) == 2


@pytest.mark.parametrize(
    ("answer", "code"), [("y", 0), ("YES", 0), ("", 3), (None, 3), ("n", 3), ("yeah", 3)]
)
def test_on_a_terminal_destructive_is_asked_and_no_is_the_default(rig, monkeypatch, answer, code):
    monkeypatch.setattr(running, "FIRST_POLL_S", 0.01)
    questions = rig.terminal(present=True, answers=(answer,))
    assert rig("server", "stop") == code
    assert "Stop the server?" in questions[0]
    assert len(rig.calls) == (code == 0)


def test_the_question_knows_that_a_training_runs(rig):
    questions = rig.terminal(present=True, answers=("n",))
    training = Reading(TrainStatus(TrainState.RUNNING), NOW)
    start = running.opened
    real_open = rig.opener

    async def opener(launch, prompter):
        session = await real_open(launch, prompter)
        put(session.store, training=training, server=Reading(None, NOW))
        return session

    rig.opener = opener
    assert rig("server", "stop") == 3
    assert "running training is stopped too" in questions[0]
    assert start is running.opened


@pytest.mark.parametrize(
    ("flags", "code"),
    [(["--yes", "liver"], 0), (["--yes=liver"], 0), (["--yes", "lung"], 3), (["--yes"], 3), ([], 3)],
)
def test_irreversible_needs_the_name(rig, flags, code):
    rig.irreversible("server.stop")
    rig.terminal(present=True, answers=("",))
    assert rig("server", "stop", *flags) == code
    assert len(rig.calls) == (code == 0)


def test_a_host_that_never_connects_is_exit_4_with_its_last_error(rig, monkeypatch, capsys):
    monkeypatch.setattr(running, "CONNECT_DEADLINE_S", 0.05)
    rig.host.refusals = [
        Unreachable(
            "refused", "203.0.113.7 refuses connections.", "Check the port, and that sshd runs on the host."
        )
    ]
    assert rig("status", "--json") == 4
    (failure,) = documents(capsys.readouterr().out)
    assert "203.0.113.7 refuses connections" in failure["error"]["message"]
    assert "Check the port, and that sshd runs on the host." in failure["error"]["hint"]
    assert rig.session.events[-1] == "close"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Refused("host_key_changed", "Its key has changed.", "Compare it."), 3),
        (Misused("no_pod_named", "This profile names no pod.", "Rent one."), 2),
        (Misused("bad_address", "'a b' is not an SSH address.", "Write user@host:port."), 2),
        (Failed("no_pod", "There is no pod 'annot'.", "List them."), 1),
        (
            Unreachable(
                "dns", "The name h is not known.", "Check the spelling of the name, and the network."
            ),
            4,
        ),
    ],
)
def test_what_waiting_does_not_cure_ends_a_command_at_once(rig, monkeypatch, capsys, error, code):
    monkeypatch.setattr(running, "CONNECT_DEADLINE_S", 5)
    rig.host.refusals = [error] * 9
    assert rig("status", "--json") == code
    (failure,) = documents(capsys.readouterr().out)
    assert failure["error"]["code"] == error.problem.code
    assert (failure["error"]["message"], failure["error"]["hint"]) == (
        error.problem.message,
        error.problem.hint,
    )
    assert rig.host.connects == 1


@pytest.mark.parametrize("whose", ["flag", "profile"])
@pytest.mark.parametrize(
    "command", [("train", "start"), ("pod", "stop", "--yes"), ("server", "stop", "--yes")]
)
def test_read_only_refuses_before_it_connects(rig, monkeypatch, capsys, whose, command):
    rig.host.refusals = [Unreachable("refused", "h refuses connections.")] * 9
    monkeypatch.setattr(rig.stand_in, "profile_read_only", whose == "profile")
    assert rig(*command, "--json", *(("--read-only",) if whose == "flag" else ())) == 3
    assert documents(capsys.readouterr().out)[0]["error"]["code"] == "read_only"
    assert rig.host.connects == 0
    assert not rig.calls


def test_doctor_runs_without_a_connection(rig, monkeypatch):
    monkeypatch.setattr(running, "CONNECT_DEADLINE_S", 0.05)
    rig.host.refusals = [Unreachable("network", "No route.")]
    assert rig("doctor") == 0


def test_the_time_a_question_takes_does_not_count(rig, monkeypatch):
    monkeypatch.setattr(running, "CONNECT_DEADLINE_S", 0.05)
    monkeypatch.setattr("labeltui.cli.asking.TerminalPrompter.asked_s", property(lambda _: 1e6))
    connect = rig.host.connect

    async def slowly():
        await asyncio.sleep(0.2)
        await connect()

    monkeypatch.setattr(rig.host, "connect", slowly)
    assert rig("status") == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_a_signal_closes_the_session_and_is_the_exit_code(rig, capsys, number):
    async def does(*_):
        os.kill(os.getpid(), number)
        await asyncio.Event().wait()

    rig.does = does
    assert rig("tunnel", "--json") == 128 + number
    assert documents(capsys.readouterr().out) == [
        {"error": {"code": "interrupted", "message": "Interrupted.", "hint": ""}}
    ]
    assert rig.session.events[-1] == "close"


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


def test_states_of_the_stand_in_are_real_ones(rig):
    assert rig("status") == 0
    assert isinstance(rig.session.store.state, SessionState)


def test_a_name_that_starts_with_a_dash_can_be_invited() -> None:
    request = grammar.parse(["invite", "--", "-ana"])
    assert (request.command, request.params) == (("invite",), {"name": "-ana"})
