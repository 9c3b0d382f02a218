from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from labeltui.cli import main, running
from labeltui.domain.problems import Failed, Misused, Refused, Unreachable
from labeltui.domain.reading import Reading
from labeltui.domain.state import SessionState
from labeltui.domain.states import TrainState
from labeltui.domain.training.training import TrainStatus
from tests.fakes.store import put
from tests.unit.cli.json_output import documents

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


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


def test_destructive_needs_a_yes(rig, capsys, monkeypatch):
    monkeypatch.setattr(running, "FIRST_POLL_S", 0.01)
    assert rig("studies", "delete", "case_005") == 3
    assert "Delete case_005" in capsys.readouterr().err
    assert rig.session is None  # refused before anything was opened
    assert rig("server", "stop", "--json") == 3
    assert documents(capsys.readouterr().out)[0]["error"]["code"] == "unconfirmed"
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


def test_states_of_the_stand_in_are_real_ones(rig):
    assert rig("status") == 0
    assert isinstance(rig.session.store.state, SessionState)


@pytest.mark.parametrize("verb", ["start", "stop", "show"])
def test_a_profile_that_is_no_pod_is_not_asked_for_an_api_key(tmp_path, monkeypatch, capsys, verb):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("RUNPOD_API_KEY", raising=False)
    path = tmp_path / "config.toml"
    path.write_text('[profiles.lab]\nhost = "ssh"\nssh.address = "root@lab"\n')
    for pod, said in (((), 'its `host` is "ssh"'), (("annot",), "There is no RunPod API key.")):
        assert main(["pod", verb, *pod, "--yes", "--config", str(path)], console=lambda _: 1) == 2
        assert said in capsys.readouterr().err


def test_doctor_says_once_what_is_wrong(rig, capsys):
    wrong = {
        "check": "host",
        "verdict": "wrong",
        "message": "gpu refuses connections.",
        "hint": "Check the port.",
    }
    error = {"code": "host", "message": wrong["message"], "hint": wrong["hint"]}

    async def does(_session, _params, report):
        report.emit(wrong)
        raise Failed.of_document({"message": "1 wrong", "checks": [wrong], "error": error})

    rig.does = does
    assert rig("doctor") == 1
    printed = capsys.readouterr()
    assert (printed.out + printed.err).count("gpu refuses connections.") == 1
    assert printed.err.strip() == "labeltui: 1 wrong."
    assert rig("doctor", "--json") == 1
    assert documents(capsys.readouterr().out)[0]["error"] == error
