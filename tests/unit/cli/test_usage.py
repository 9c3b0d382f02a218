"""A mistyped or incomplete command is answered with what to type."""

from __future__ import annotations

import pytest

from labeltui import actions
from tests.unit.cli.json_output import documents


@pytest.mark.parametrize(
    ("argv", "nearest"),
    [
        (["sttus"], "`labeltui status`"),
        (["serv", "start"], "`labeltui server`"),
        (["server", "strt"], "`labeltui server start`"),
        (["studies", "lsit"], "`labeltui studies list`"),
        (["config", "pth"], "`labeltui config path`"),
        (["complete"], "`labeltui completion`"),
    ],
)
def test_the_nearest_command_is_named(rig, capsys, argv, nearest):
    assert rig(*argv) == 2
    err = capsys.readouterr().err
    assert f"Did you mean {nearest}?" in err


@pytest.mark.parametrize("argv", [["xqz"], ["setup", "--torch", "gpu"]])
def test_without_a_near_command_or_for_a_choice_all_are_named(rig, capsys, argv):
    assert rig(*argv) == 2
    err = capsys.readouterr().err
    assert "Did you mean" not in err
    assert "Choose among: " in err


@pytest.mark.parametrize(
    "group", ["server", "studies", "labels", "train", "models", "pod", "guard", "config", "invite"]
)
def test_a_group_alone_lists_its_commands_one_a_line(rig, capsys, group):
    assert rig(group) == 2
    lines = capsys.readouterr().err.splitlines()
    for action in actions.ACTIONS:
        if action.command[:1] == (group,) and len(action.command) == 2:
            shown = [
                line.split(maxsplit=1)[1] for line in lines if line.startswith(f"  {action.command[1]} ")
            ]
            assert shown == [action.help]
    assert rig(group, "--json") == 2
    (failure,) = documents(capsys.readouterr().out)
    assert failure["error"]["code"] == "usage"
    assert rig(group, "--help") == 0


def test_config_path_prints_one_path(rig, capsys, tmp_path):
    path = tmp_path / "a b.toml"
    assert rig("config", "path", "--config", str(path)) == 0
    assert capsys.readouterr().out == f"{path}\n"
    assert rig("config", "path", "--config", str(path), "--json") == 0
    (document,) = documents(capsys.readouterr().out)
    assert (document["path"], document["exists"]) == (str(path), False)


def test_a_group_that_is_a_command_itself_names_that_commands_options(rig, capsys):
    assert rig("infer", "--help") == 0
    assert "`labeltui infer STUDY` takes --model MODEL, and" in " ".join(capsys.readouterr().out.split())
    assert rig("infer", "liver_042", "--help") == 0
    usage = " ".join(capsys.readouterr().out.split())
    assert usage.startswith("usage: labeltui infer [-h]"), "the study stands once, at the end"
    assert rig("labels", "--help") == 0
    assert "has a help of its own" not in capsys.readouterr().out
