"""The API key is found in every place, and is shown in none."""

from __future__ import annotations

import copy
import logging
import pickle
import stat
import sys
import traceback
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from labeltui.domain.problems import Failed, Misused, Refused
from labeltui.runpod import keys
from labeltui.runpod.keys import Secret, find_key

CANARY = "rpa_CANARY0123456789abcdefCANARY"


@pytest.fixture(autouse=True)
def no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)


def config(tmp_path: Path, text: str, mode: int = 0o600) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_nothing_prints_a_secret(caplog: pytest.LogCaptureFixture) -> None:
    secret = Secret(CANARY)
    logging.getLogger("x").error("%s %r", secret, secret)
    shown = [str(secret), repr(secret), f"{secret}", f"{secret!r:>40}", repr([secret]), caplog.text]
    assert all(CANARY not in text for text in shown)
    assert secret.reveal() == CANARY
    assert secret.scrub(f"bad key {CANARY}!") == "bad key ***!"
    assert not hasattr(secret, "__dict__")
    with pytest.raises(TypeError, match="not be written"):
        pickle.dumps(secret)
    with pytest.raises(TypeError, match="not be written"):
        copy.copy(secret)


def test_secrets_compare_by_content() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a")}) == 1


async def test_the_environment_comes_first(tmp_path: Path) -> None:
    path = config(tmp_path, 'apikey = "rpa_of_the_file"')
    found = await find_key(
        environ={"RUNPOD_API_KEY": f" {CANARY}\n"}, config=path, command="echo rpa_of_command"
    )
    assert found.secret.reveal() == CANARY
    assert "RUNPOD_API_KEY" in found.origin
    assert CANARY not in repr(found)


@pytest.mark.parametrize(
    "text",
    [
        f'apikey = "{CANARY}"\napiurl = "https://api.runpod.io/graphql"\n',
        f'[default]\napi_key = "{CANARY}"\n',
        f'apikey = "rpa_of_runpodctl"\n[default]\napi_key = "{CANARY}"\n',
        f'apikey = "{CANARY}"\n[default]\nother = 1\n',
        f'default = "odd"\napikey = "{CANARY}"\n',
    ],
)
async def test_both_forms_of_the_file(tmp_path: Path, text: str) -> None:
    found = await find_key(environ={}, config=config(tmp_path, text))
    assert found.secret.reveal() == CANARY
    assert found.warning == ""


async def test_another_profile_of_the_file(tmp_path: Path) -> None:
    path = config(tmp_path, f'[default]\napi_key = "rpa_default0"\n[team]\napi_key = "{CANARY}"\n')
    assert (await find_key(environ={}, config=path, profile="team")).secret.reveal() == CANARY


async def test_a_file_that_others_can_read_is_said_to_be(tmp_path: Path) -> None:
    path = config(tmp_path, f'apikey = "{CANARY}"', 0o644)
    assert "Other users" in (await find_key(environ={}, config=path)).warning


async def test_a_broken_file_is_not_quoted(tmp_path: Path) -> None:
    path = config(tmp_path, f'apikey = "{CANARY}')
    with pytest.raises(Misused) as caught:
        await find_key(environ={}, config=path)
    assert caught.value.problem.code == "runpod_bad_config"
    assert CANARY not in "".join(traceback.format_exception(caught.value)) + str(caught.value.problem)


async def test_a_command_gives_its_first_line(tmp_path: Path) -> None:
    script = tmp_path / "pass"
    script.write_text(f"#!/bin/sh\necho {CANARY}\necho user: me\n")
    script.chmod(0o700)
    found = await find_key(environ={"PATH": "/bin:/usr/bin"}, command=f"{script} show 'run pod'")
    assert found.secret.reveal() == CANARY


@pytest.mark.parametrize("command", ["false", "/no/such/program x", "unclosed 'quote"])
async def test_a_command_that_fails(command: str) -> None:
    with pytest.raises(Failed) as caught:
        await find_key(environ={"PATH": "/bin:/usr/bin"}, command=command)
    assert caught.value.problem.code == "runpod_key_command"


async def test_the_keyring_where_there_is_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "keyring", SimpleNamespace(get_password=lambda _service, _user: CANARY))
    found = await find_key(environ={}, config=tmp_path / "none")
    assert (found.secret.reveal(), found.origin) == (CANARY, "the keyring")


async def test_a_keyring_that_fails_is_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "keyring", SimpleNamespace(get_password=_locked))
    found = await find_key(environ={}, config=config(tmp_path, f'apikey = "{CANARY}"'))
    assert found.secret.reveal() == CANARY


async def test_no_key_anywhere(tmp_path: Path) -> None:
    with pytest.raises(Misused) as caught:
        await find_key(environ={}, config=tmp_path / "none")
    assert caught.value.problem.code == "runpod_no_key"
    assert "install labeltui[keyring]" in caught.value.problem.hint


def _locked(_service: str, _user: str) -> str:
    raise RuntimeError("no D-Bus")


@pytest.mark.parametrize(
    ("get_password", "hint"),
    [
        (lambda _service, _user: None, "or run `keyring set runpod api_key`"),
        (_locked, "or make the keyring readable (RuntimeError)"),
    ],
)
async def test_a_keyring_without_the_key_is_named_in_the_hint(
    get_password: Any, hint: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "keyring", SimpleNamespace(get_password=get_password))
    with pytest.raises(Misused) as caught:
        await find_key(environ={}, config=tmp_path / "none")
    assert hint in caught.value.problem.hint
    assert "labeltui[keyring]" not in caught.value.problem.hint


@pytest.mark.parametrize("text", ["two words of it", f"{CANARY}\nX-Evil: 1", "short", "nön-ascii-key"])
async def test_what_is_no_key_is_refused_unseen(text: str) -> None:
    with pytest.raises(Misused) as caught:
        await find_key(environ={"RUNPOD_API_KEY": text})
    assert caught.value.problem.code == "runpod_bad_key"
    assert text not in str(caught.value.problem)


async def test_a_key_is_stored_privately_and_found_again(tmp_path: Path) -> None:
    path = tmp_path / "new" / "config.toml"
    assert keys.store_key(keys.typed_key('  rpa_"quoted\\key \n'), path) == path
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    found = await keys.find_key(environ={}, config=path)
    assert found.secret.reveal() == 'rpa_"quoted\\key'
    assert found.warning == ""


def test_what_runpods_file_has_stays(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('# mine\napikey = ""\napiurl = "https://x"\n[team]\napi_key = "other"\n')
    keys.store_key(keys.typed_key("rpa_12345678"), path)
    assert path.read_text().splitlines() == [
        'apikey = "rpa_12345678"', "# mine", 'apiurl = "https://x"', "[team]", 'api_key = "other"',
    ]  # fmt: skip
    with pytest.raises(Refused):
        keys.store_key(keys.typed_key("rpa_87654321"), path)
    path.write_text("broken")
    with pytest.raises(Misused):
        keys.store_key(keys.typed_key("rpa_87654321"), path)
    assert path.read_text() == "broken"
