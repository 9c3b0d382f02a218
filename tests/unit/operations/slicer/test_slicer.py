"""Slicer is found on this desk and started, connected to the server; else the operator reads what to do."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from labeltui.domain.failure_codes import Code
from labeltui.operations.slicer import command
from labeltui.operations.slicer.find import find_slicer, has_extension
from labeltui.operations.slicer.script import start_code
from labeltui.session.runtime.state_folder import StateFolder
from tests.fakes.slicer import FakeSlicer
from tests.unit.operations.desk import desk
from tests.virtual_time import in_virtual_time


def installed(program: Path, *, extension: bool = True) -> Path:
    """Make an installation of Slicer, with the extension where Slicer's Extensions Manager puts it."""
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o700)
    if extension:
        (program.parent / "slicer.org/Extensions-33241/MONAILabel").mkdir(parents=True)
    return program


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty desk with a display."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr("labeltui.operations.slicer.find._ON_LINUX", ("~", "~/Downloads"))
    return tmp_path


def test_the_newest_slicer_of_the_usual_places_is_found(home: Path) -> None:
    assert find_slicer(None, "linux") is None
    installed(home / "Slicer-5.8.1-linux-amd64/Slicer")
    newest = installed(home / "Downloads/Slicer-5.10.0-linux-amd64/Slicer")
    assert find_slicer(None, "linux") == newest
    on_path = installed(home / "bin/Slicer")
    assert find_slicer(None, "linux") == on_path
    assert find_slicer("~/Slicer-5.8.1-linux-amd64/Slicer") == home / "Slicer-5.8.1-linux-amd64/Slicer"
    assert find_slicer("~/none") is None


def test_slicer_is_found_on_windows_and_macos(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCALAPPDATA", str(home / "Local"))
    monkeypatch.setenv("ProgramFiles", str(home / "Programs"))
    windows = installed(home / "Local/slicer.org/3D Slicer 5.8.1/Slicer.exe")
    assert find_slicer(None, "win32") == windows
    assert has_extension(windows, "win32")
    app = home / "Applications/Slicer.app"
    mac = installed(app / "Contents/MacOS/Slicer", extension=False)
    assert find_slicer(None, "darwin") == mac
    assert find_slicer(str(app)) == mac
    assert not has_extension(mac, "darwin")
    (app / "Contents/Extensions-33241/MONAILabel").mkdir(parents=True)
    assert has_extension(mac, "darwin")


def test_the_code_sets_url_and_name_before_the_module_opens() -> None:
    fetched = []

    def opens() -> Any:
        seen = dict(fake.settings)
        return SimpleNamespace(onClickFetchInfo=lambda: fetched.append(seen))

    fake = FakeSlicer(opens)
    code = start_code("http://127.0.0.1:8000", "ana", connect=True)
    fake.run(code)
    assert fake.opened == ["MONAILabel"]
    assert fetched == [{"MONAILabel/serverUrl": "http://127.0.0.1:8000", "MONAILabel/clientId": "ana"}]
    assert "\n" not in code
    assert '"' not in code  # a launcher of Windows would have to escape it
    fetched.clear()
    fake.run(start_code("http://127.0.0.1:8000", "ana", connect=False))
    assert fetched == []


def test_a_slicer_without_the_module_says_so() -> None:
    fake = FakeSlicer(None)
    fake.run(start_code("http://127.0.0.1:8000", "ana", connect=True))
    assert fake.opened == []
    assert "Extensions Manager" in fake.errors[0]


class Started:
    """The Slicer that was started. It ends when ``ends`` is set."""

    def __init__(self) -> None:
        self.argv: list[str] = []
        self.pid, self.returncode, self.polls = 4711, None, 0

    async def __call__(self, argv: list[str]) -> Started:
        self.argv = argv
        return self

    def poll(self) -> int | None:
        self.polls += 1
        self.returncode = 0 if self.polls > 3 else None
        return self.returncode


@in_virtual_time
async def test_the_tunnel_is_held_until_slicer_ends(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = installed(home / "bin/Slicer")
    monkeypatch.setattr(command, "_start", slicer := Started())
    async with desk(tmp_path / "desk", serves=True) as it:
        it.session.tunnel.hold = False
        await it.session.readiness.need_server()
        document = await it.run("slicer", **{"as": "ana"})
        assert slicer.argv[:2] == [str(program), "--python-code"]
        assert repr(document["url"]) in slicer.argv[2]
        assert "'ana'" in slicer.argv[2]
        assert "onClickFetchInfo" in slicer.argv[2]
        assert it.session.tunnel.hold
        assert slicer.polls > 3
        assert "ended with exit code 0" in document["message"]
        assert it.session.profile.slicer.client_id == "ana"
        slicer.polls = 0
        document = await it.run("slicer")  # the name is known, and the console holds the tunnel
        assert slicer.polls == 0
        assert document["client_id"] == "ana"


@in_virtual_time
async def test_what_is_missing_is_named_with_the_steps(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with desk(tmp_path / "desk") as it:
        error = await it.failing("slicer")
        assert error.problem.code == Code.NO_CLIENT_ID
        error = await it.failing("slicer", **{"as": "user-xyz"})
        assert error.problem.code == Code.BAD_NAME
        error = await it.failing("slicer", **{"as": "ana"})
        assert error.problem.code == Code.NO_SLICER
        assert "https://download.slicer.org" in error.problem.hint
        assert "Client/User-ID: ana" in error.problem.hint
        installed(home / "bin/Slicer", extension=False)
        error = await it.failing("slicer", **{"as": "ana"})
        assert error.problem.code == Code.NO_SLICER_EXTENSION
        monkeypatch.delenv("DISPLAY")
        monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
        error = await it.failing("slicer", **{"as": "ana"}, no_check=True)
        assert error.problem.code == Code.NO_DISPLAY


@in_virtual_time
async def test_the_steps_by_hand_name_the_tunnels_port_also_before_it_is_open(tmp_path: Path) -> None:
    async with desk(tmp_path / "desk", start=False) as it:
        StateFolder(it.session.state_folder.folder).write("tunnel", {"port": 8007, "pid": 1, "because": ""})
        await it.session.start(hold=False)
        error = await it.failing("slicer", **{"as": "ana"})
        assert error.problem.code == Code.NO_SLICER
        said = "server: http://127.0.0.1:8007, while a console or `labeltui tunnel` is open."
        assert said in error.problem.hint


@in_virtual_time
async def test_slicer_is_not_started_without_a_tunnel(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(*_: object, **_more: object) -> None:
        raise command.Failed(Code.FORWARDING_REFUSED, "The host forwards no ports.", "")

    installed(home / "bin/Slicer")
    async with desk(tmp_path / "desk", start=False) as it:
        monkeypatch.setattr(it.host, "forward", refused)
        await it.session.start(hold=False)
        error = await it.failing("slicer", **{"as": "ana"})
        assert error.problem.code == Code.FORWARDING_REFUSED


async def test_a_slicer_that_ends_at_once_is_a_failure(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = installed(home / "bin/Slicer")
    program.write_text('#!/bin/sh\ntest -z "$RUNPOD_API_KEY" || exit 9\nexit 3\n')
    monkeypatch.setenv("RUNPOD_API_KEY", "secret")
    with pytest.raises(command.Failed) as caught:
        await command._start([str(program)])
    assert "exit code 3" in caught.value.problem.message
