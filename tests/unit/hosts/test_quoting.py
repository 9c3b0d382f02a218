"""Command lines that every login shell hands on unchanged."""

from __future__ import annotations

import subprocess

import pytest

from labeltui.hosts.login_shell import MARK, command_line, first_line
from labeltui.hosts.quoting import posix

COMMANDS = [
    "echo plain",
    "printf '%s\\n' 'a b' \"$((1 + 2))\"",
    "echo \"it's\" '!' ; echo 'a\\'",
    "for i in 1 2; do\n  echo $i\ndone\n# the end",
    "printf %s 'é \udcff'",
    "echo 100%d | cat; exit 3",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_means_the_same_in_one_line_without_what_shells_disagree_on(command: str) -> None:
    line = posix(command)
    inside = line.removeprefix("exec /bin/sh -c '").removesuffix("'")
    assert line == f"exec /bin/sh -c '{inside}'"
    assert not set("'!\n") & set(inside)
    assert "\\'" not in line
    assert "\\\\" not in line
    wanted, got = (
        subprocess.run(
            ["/bin/sh", "-c", text.encode("utf-8", "surrogateescape")], capture_output=True, check=False
        )
        for text in (command, line)
    )
    assert (got.returncode, got.stdout) == (wanted.returncode, wanted.stdout)


@pytest.mark.parametrize("streams", [True, False])
def test_the_mark_is_printed_and_is_in_no_command_line(streams: bool) -> None:
    line, first = command_line("cat", streams=streams), first_line("cat", streams=streams)
    assert MARK.strip() not in line.encode() + first
    given = first + (b"go\ninput" if streams else b"")
    done = subprocess.run(["/bin/sh", "-c", line], input=given, capture_output=True, check=False)
    assert done.stdout == MARK + (b"input" if streams else b"")
    for unread in ("/bin/sh", "bash"):  # shells that took the login shell's place
        done = subprocess.run([unread], input=first, capture_output=True, check=False)
        assert (done.returncode, done.stdout) == (0, MARK)
