"""The command line becomes an action and its parameters, or wrong usage."""

from __future__ import annotations

import pytest

from labeltui import actions
from labeltui.__main__ import plain_launch
from labeltui.cli import parser as grammar
from labeltui.opening.launch import Launch
from tests.unit.cli.json_output import documents


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
        (["server"], "needs a command"),
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
        (["demo", "oom"], None, Launch(demo="oom")),
        (["demo", "oom", "--theme", "labeltui-light"], None, Launch(demo="oom", theme="labeltui-light")),
        (["--ascii", "demo"], None, Launch(demo="story", ascii_only=True)),
        (["--reduced-motion"], None, Launch(reduced_motion=True)),
        (["--theme", "labeltui-light"], None, Launch(theme="labeltui-light")),
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


@pytest.mark.parametrize(
    "argv", [["demo", "--scenario", "helthy"], ["demo", "helthy"], ["--demo", "helthy", "status"]]
)
def test_an_unknown_scenario_is_wrong_usage(rig, capsys, argv):
    assert plain_launch(argv) is None
    assert rig(*argv) == 2
    err = capsys.readouterr().err
    assert "'helthy'" in err
    assert "healthy" in err
    assert rig.consoles == []


def test_a_name_that_starts_with_a_dash_can_be_invited() -> None:
    request = grammar.parse(["invite", "--", "-ana"])
    assert (request.command, request.params) == (("invite",), {"name": "-ana"})
