"""``config init``: the file that it writes, and what it prints."""

from __future__ import annotations

import stat

import pytest

from labeltui.cli import main
from labeltui.cli.asking import TerminalPrompter
from labeltui.config.load import load, select
from labeltui.config.questions import QUESTIONS
from labeltui.support import desk


def test_the_file_of_init_is_private(tmp_path):
    path = tmp_path / "new" / "config.toml"
    assert main(["config", "init", "--host", "local", "--config", str(path)], console=lambda _: 1) == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.read_text()
    assert main(["config", "init", "--host", "local", "--config", str(path)], console=lambda _: 1) == 3
    assert path.read_text() == before
    assert main(["config", "init", "--host", "local", "--name", "b", "--config", str(path)],
                console=lambda _: 1) == 0  # fmt: skip
    assert path.read_text().startswith(before.rstrip())
    assert list(load(path).file.profiles) == ["default", "b"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert main(["config", "init", "--yes", "--host", "local", "--name", "b", "--config", str(path)],
                console=lambda _: 1) == 0  # fmt: skip
    assert "[profiles.b]" in path.read_text()
    assert [p.name for p in path.parent.iterdir()] == ["config.toml"]


def test_init_for_runpod_puts_everything_on_the_volume_and_needs_no_pod_yet(tmp_path):
    path = tmp_path / "config.toml"
    assert main(["config", "init", "--host", "runpod", "--config", str(path)], console=lambda _: 1) == 0
    profile = select(load(path), None)[1]
    assert (profile.host, profile.server.folder, profile.server.studies) == (
        "runpod", "/workspace/labeltui", "/workspace/studies",
    )  # fmt: skip
    assert profile.runpod is not None
    assert profile.runpod.pod == ""
    args = ["config", "init", "--yes", "--pod", "annot", "--folder", "/x", "--config", str(path)]
    assert main(args, console=lambda _: 1) == 0
    profile = select(load(path), None)[1]
    assert profile.runpod is not None
    assert (profile.host, profile.runpod.pod, profile.server.folder) == ("runpod", "annot", "/x")


def test_init_names_the_next_step_with_the_same_file(tmp_path, capsys):
    path = tmp_path / "my config.toml"
    for host, said in (("runpod", "`p n` rents a pod"), ("local", "setup` installs MONAI Label")):
        assert (
            main(["config", "init", "--yes", "--host", host, "--config", str(path)], console=lambda _: 1) == 0
        )
        text = capsys.readouterr().out
        assert said in text
        assert f"`labeltui --config '{path}' doctor`" in text


MINE = """\
# my machines
default = "default"

[profiles.default]
host = "ssh"  # the old one
theme = "nord"
[profiles.default.ssh]
address = "root@mistyped"

# the second
[profiles.second]
host = "local"
# its folder
"""


def test_an_address_is_corrected_in_its_profile_only(tmp_path, monkeypatch, capsys):
    path = tmp_path / "config.toml"
    path.write_text(MINE)
    args = ["config", "init", "--host", "ssh", "--address", "root@right:40022", "--config", str(path)]
    assert main(args, console=lambda _: 1) == 3
    assert "Add --yes to change only this profile" in capsys.readouterr().err
    asked = typing(monkeypatch, "n", "y")
    assert main(args, console=lambda _: 1) == 3
    assert path.read_text() == MINE
    assert main(args, console=lambda _: 1) == 0
    assert "Change it? All other profiles stay." in asked[0]
    assert path.read_text() == MINE.replace("root@mistyped", "root@right:40022")
    path.write_text(MINE)
    assert main([*args, "--yes"], console=lambda _: 1) == 0
    assert path.read_text() == MINE.replace("root@mistyped", "root@right:40022")
    assert len(asked) == 2


def test_a_profile_of_another_kind_is_written_anew_between_the_others(tmp_path):
    path = tmp_path / "config.toml"
    path.write_text(MINE)
    args = ["config", "init", "--yes", "--pod", "annot", "--name", "default", "--config", str(path)]
    assert main(args, console=lambda _: 1) == 0
    text, (name, profile) = path.read_text(), select(load(path), None)
    assert (name, profile.host, profile.runpod.pod) == ("default", "runpod", "annot")
    assert text.startswith('# my machines\ndefault = "default"\n\n[profiles.default]\n')
    assert text.endswith('\n\n# the second\n[profiles.second]\nhost = "local"\n# its folder\n')
    assert text.count("[profiles.default.ssh]") == 0
    assert list(load(path).file.profiles) == ["default", "second"]


def test_an_inline_profile_is_not_replaced(tmp_path, capsys):
    path = tmp_path / "config.toml"
    text = 'default = "a"\n[profiles]\na = { host = "local" }\n'
    path.write_text(text)
    args = ["config", "init", "--yes", "--pod", "annot", "--name", "a", "--config", str(path)]
    assert main(args, console=lambda _: 1) == 1
    assert "can't be edited automatically" in capsys.readouterr().err
    assert path.read_text() == text


def test_the_next_steps_name_a_profile_that_is_not_the_default(tmp_path, capsys):
    path = tmp_path / "config.toml"
    path.write_text(MINE)
    args = ["config", "init", "--address", "root@gpu", "--name", "my lab", "--config", str(path)]
    assert main(args, console=lambda _: 1) == 0
    said = capsys.readouterr().out
    for command in ("doctor", "setup"):
        assert f"`labeltui --config {path} --profile 'my lab' {command}`" in said
    assert 'Set `default = "my lab"` in the file to leave out --profile.' in said


def test_init_takes_the_ssh_command_that_a_page_copies(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    path, key = tmp_path / "config.toml", tmp_path / ".ssh" / "id_ed25519"
    key.parent.mkdir()
    key.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n")
    typed = "ssh root@203.0.113.7 -p 40022 -i ~/.ssh/id_ed25519"
    assert main(["config", "init", "--address", typed, "--config", str(path)], console=lambda _: 1) == 0
    ssh = select(load(path), None)[1].ssh
    assert (ssh.address, ssh.key, ssh.jump) == ("root@203.0.113.7:40022", "~/.ssh/id_ed25519", None)
    again = ["config", "init", "--yes", "--address", "root@pod:99999", "--config", str(path)]
    assert main(again, console=lambda _: 1) == 2
    assert select(load(path), None)[1].ssh == ssh


def test_init_refuses_a_key_that_can_not_be_read(tmp_path, capsys):
    path = tmp_path / "config.toml"
    args = ["config", "init", "--address", "root@pod", "--key", str(tmp_path / "none"), "--config", str(path)]
    assert main(args, console=lambda _: 1) == 2
    assert "none can't be read: No such file or directory" in capsys.readouterr().err
    assert not path.exists()


def typing(monkeypatch, *lines):
    """Answer the questions with these lines; the input ends after the last."""
    left, asked = list(lines), []

    async def ask(_prompter, question, **_more):
        asked.append(question)
        return left.pop(0) if left else None

    monkeypatch.setattr(TerminalPrompter, "ask", ask)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    return asked


def test_init_asks_in_a_terminal_what_the_console_asks(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(tmp_path))
    path, key = tmp_path / "config.toml", tmp_path / "id"
    key.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n")
    by_ssh = "1" if desk.WINDOWS else "2"  # Windows can't be the host itself
    asked = typing(
        monkeypatch, "9", by_ssh, "root@pod:99999", f"ssh root@gpu-7 -p 40022 -i {key}", "", "images", ""
    )
    assert main(["config", "init", "--config", str(path)], console=lambda _: 1) == 0
    name, profile = select(load(path), None)
    assert (name, profile.ssh.address, profile.ssh.key) == ("gpu-7", "root@gpu-7:40022", str(key))
    assert profile.server.studies == "~/studies"
    printed = capsys.readouterr()
    assert "9 is none of them" in printed.err
    assert "99999" in printed.err
    assert "'images' is not a whole path" in printed.err
    assert [question.label for question in QUESTIONS["ssh"]] == list(
        dict.fromkeys(question.partition(" [")[0].rstrip(":") for question in asked[2:])
    )
    assert "opens the console" in printed.out


@pytest.mark.posix
def test_init_adds_this_machine_to_the_profiles(tmp_path, monkeypatch):
    path = tmp_path / "config.toml"
    path.write_text('[profiles.gpu-7]\nhost = "ssh"\nssh.address = "root@gpu-7"\n')
    typing(monkeypatch, "1", str(tmp_path))
    assert main(["config", "init", "--config", str(path)], console=lambda _: 1) == 0
    assert list(load(path).file.profiles) == ["gpu-7", "local"]


@pytest.mark.parametrize("more", [["--json"], ["--pod", "annot"]])
def test_init_asks_nothing_with_json_or_with_answers(tmp_path, monkeypatch, more):
    asked = typing(monkeypatch)
    main(["config", "init", *more, "--config", str(tmp_path / "c.toml")], console=lambda _: 1)
    assert not asked


def test_init_writes_nothing_if_the_input_ends_and_asks_nothing_for_a_wrong_file(
    tmp_path, monkeypatch, capsys
):
    path = tmp_path / "config.toml"
    asked = typing(monkeypatch, "2", "root@pod")
    assert main(["config", "init", "--config", str(path)], console=lambda _: 1) == 2
    assert "Nothing is written" in capsys.readouterr().err
    assert not path.exists()
    path.write_text("[profiles.a]\nhots = 1\n")
    asked.clear()
    assert main(["config", "init", "--config", str(path)], console=lambda _: 1) == 2
    assert not asked
