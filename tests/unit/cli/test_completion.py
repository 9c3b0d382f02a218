"""The completion scripts, asked in the shells themselves."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from labeltui import actions
from labeltui.cli.completion import script
from labeltui.cli.parser import COMPLETED, build_parser

LINES = [
    ("labeltui ser", {"server"}),
    ("labeltui server st", {"start", "stop", "status"}),
    ("labeltui --profile server studies li", {"list"}),
    ("labeltui server start --conf server stop --po", {"--port"}),
    ("labeltui setup --torch c", {"cuda", "cpu"}),
    ("labeltui train start deepedit --max-e", {"--max-epochs"}),
    ("labeltui labels export --name a server --fo", {"--format"}),
    ("labeltui completion f", {"fish"}),
    ("labeltui invite re", {"revoke"}),
]
ASK = {
    "bash": """\
source {script}
COMP_WORDS=({line}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_labeltui; printf '%s\\n' "${{COMPREPLY[@]}}"
""",
    "zsh": """\
compdef() {{ }}; _files() {{ }}
_describe() {{ for one in "${{(@P)2}}"; do print -r -- "${{one%%:*}}"; done }}
source {script}
words=({line}); CURRENT=$#words; _labeltui
""",
    "fish": "source {script}\ncomplete -C '{line}' | string replace -r '\\t.*' ''; or true\n",
}


def asked(shell: str, folder: Path, line: str) -> set[str]:
    """What the shell offers after ``line``; bash and fish have filtered it, for zsh the last word filters here."""
    path = folder / "labeltui.completion"
    path.write_text(script(shell, build_parser()))
    no_start = {"bash": ["--norc"], "zsh": ["-f"], "fish": ["--no-config"]}[shell]
    done = subprocess.run(
        [shell, *no_start, "-c", ASK[shell].format(script=path, line=line)],
        capture_output=True, text=True, check=True, cwd=folder, env={"HOME": str(folder), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert done.stderr == ""
    return {word for word in done.stdout.split("\n") if word.startswith(line.rpartition(" ")[2])}


@pytest.mark.slow
@pytest.mark.parametrize(("line", "offered"), LINES)
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_completes(tmp_path, shell, line, offered):
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    assert asked(shell, tmp_path, line) == offered


@pytest.mark.parametrize("shell", COMPLETED)
def test_every_command_and_option_is_in_every_script(shell):
    text = script(shell, build_parser())
    for action in actions.ACTIONS:
        if action.command:
            assert f"'{' '.join(action.command)}'" in text or f'"{" ".join(action.command)}"' in text
        for param in action.params if action.command else ():
            if not param.positional:
                assert param.flag.removeprefix("--") in text


def test_no_option_takes_a_value_in_one_command_and_none_in_another():
    """The scripts skip the one value of an option without knowing the command."""
    kinds: dict[str, set[bool]] = {}
    for action in actions.ACTIONS:
        for param in action.params if action.command else ():
            if not param.positional:
                kinds.setdefault(param.flag, set()).add(param.kind == "bool")
    assert [flag for flag, kind in kinds.items() if len(kind) > 1] == []


def test_powershell_has_balanced_brackets_and_no_help_that_ends_a_quote():
    text = script("powershell", build_parser())
    assert all(text.count(a) == text.count(b) for a, b in ("{}", "()", "[]"))
    assert all(line.count("'") % 2 == 0 for line in text.splitlines())


def test_a_shell_that_nobody_knows_is_wrong_usage(rig, capsys):
    assert rig("completion", "tcsh") == 2
    assert "Choose among: bash, zsh, fish, powershell." in capsys.readouterr().err
    assert rig("completion", "bash") == 0
    assert "complete " in capsys.readouterr().out
