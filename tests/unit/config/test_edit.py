"""One value of the profile file changes; comments, order and all else stay."""

from __future__ import annotations

import os
import stat
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeltui.config.edit import set_values, with_value
from labeltui.domain.problems import LabeltuiError

FILE = """# mine
default = "liver"   # the usual one

[profiles.liver]
host = "runpod"
[profiles.liver.runpod]  # rented
api = "v2"
pod = "old"   # found by name
"""


def test_a_value_is_replaced_where_it_stands() -> None:
    after = with_value(FILE, ("profiles", "liver", "runpod", "pod"), "new")
    assert after == FILE.replace('"old"', '"new"')


def test_a_missing_value_goes_into_its_table_and_a_missing_table_to_the_end() -> None:
    after = with_value(FILE, ("profiles", "liver", "runpod", "key"), "~/.ssh/k")
    assert '[profiles.liver.runpod]  # rented\nkey = "~/.ssh/k"\napi = "v2"' in after
    after = with_value('[profiles."a b"]\nhost = "runpod"\n', ("profiles", "a b", "runpod", "pod"), "x")
    assert after.endswith('\n[profiles."a b".runpod]\npod = "x"\n')


def test_a_new_value_does_not_come_between_a_comment_and_what_it_describes() -> None:
    about_next = '\n# the other hospital\n[profiles.other]\nhost = "local"\n'
    pod = ("profiles", "liver", "runpod", "pod")
    for table in ("[profiles.liver.runpod]\n", '[profiles.liver.runpod]\nkey = "k"\n', "[profiles.liver]\n"):
        assert about_next in with_value(table + about_next, pod, "x")


def test_tables_in_any_order_and_line_ends_stay_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "labeltui.toml"
    before = b'[profiles.liver]\r\n[ui]\r\n[profiles.liver.runpod]\r\npod = "old" # found by name\r\n'
    path.write_bytes(before)
    assert set_values(path, {("profiles", "liver", "runpod", "pod"): "new"})
    assert path.read_bytes() == before.replace(b"old", b"new")


@given(st.text(max_size=40))
def test_whatever_the_name_holds_nothing_else_changes(name: str) -> None:
    keys = ("profiles", "liver", "runpod", "pod")
    try:
        after = with_value(FILE, keys, name)
    except ValueError:
        assert any(0xD800 <= ord(c) < 0xE000 for c in name)
        return
    wanted = tomllib.loads(FILE)
    wanted["profiles"]["liver"]["runpod"]["pod"] = name
    assert tomllib.loads(after) == wanted
    assert [line for line in FILE.splitlines() if "#" in line][:3] == [
        line
        for line in after.splitlines()
        if line.startswith(("# mine", "default", "[profiles.liver.runpod]"))
    ]


@pytest.mark.parametrize(
    "text",
    [
        '[profiles.liver]\nrunpod = { pod = "old" }\n',
        'profiles.liver.runpod = "x"\n',
        '[profiles.liver.runpod]\npod = """\nold"""\n',
    ],
)
def test_what_only_a_person_can_change_is_left_and_said(tmp_path: Path, text: str) -> None:
    path = tmp_path / "labeltui.toml"
    path.write_text(text)
    with pytest.raises(LabeltuiError, match="can't be edited automatically") as failed:
        set_values(path, {("profiles", "liver", "runpod", "pod"): "new"})
    assert 'profiles.liver.runpod.pod = "new"' in failed.value.problem.hint
    assert path.read_text() == text


@pytest.mark.posix
def test_the_file_is_replaced_whole_keeps_its_mode_and_stays_a_link(tmp_path: Path) -> None:
    real, link = tmp_path / "dot" / "labeltui.toml", tmp_path / "labeltui.toml"
    real.parent.mkdir()
    real.write_text(FILE)
    real.chmod(0o640)
    link.symlink_to(real)
    assert set_values(link, {("profiles", "liver", "runpod", "pod"): "new"})
    assert link.is_symlink()
    assert '"new"' in real.read_text()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert os.listdir(real.parent) == ["labeltui.toml"]  # noqa: PTH208
    assert not set_values(link, {("profiles", "liver", "runpod", "pod"): "new"})
