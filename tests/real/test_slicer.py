"""``labeltui slicer`` beside the extension's own file, which MONAI Label installs, and over a real sshd."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from labeltui.config.load import load
from labeltui.operations.slicer import script
from tests.fakes.slicer import FakeSlicer, load_extension
from tests.real.conftest import PROFILE, Bench

URL = "http://127.0.0.1:40123"
SLICER = """\
#!{python}
# Stands in for Slicer: records how it was started, and whether the tunnel is there.
import json, os, re, socket, sys
port = re.search("127.0.0.1:([0-9]+)", sys.argv[2])[1]
socket.create_connection(("127.0.0.1", int(port)), 10).close()
with open({record!r}, "w") as file:
    json.dump([sys.argv[1:], os.environ.get("RUNPOD_API_KEY"), os.getpgid(0) == os.getpid()], file)
"""


@pytest.fixture
def extension(bench: Bench) -> Path:
    assert bench.run("setup", timeout=1200).code == 0
    return bench.folder / "venv/monailabel/plugins/slicer/MONAILabel/MONAILabel.py"


def connected(path: Path) -> tuple[str, str]:
    """Run the start code with the extension's own file. Returns the server and the client id that it uses."""
    used: dict[str, Any] = {}
    combo = SimpleNamespace(currentText="")
    for name in ("blockSignals", "clear", "addItems"):
        setattr(combo, name, lambda *_: None)
    combo.setCurrentText = lambda text: setattr(combo, "currentText", text or "")

    def opens() -> Any:
        widget = object.__new__(load_extension(path)["MONAILabelWidget"])
        assert callable(widget.onClickFetchInfo)
        widget.ui = SimpleNamespace(serverComboBox=combo)
        widget.logic = SimpleNamespace(
            setServer=lambda url: used.update(url=url), setClientId=lambda name: used.update(client=name)
        )
        widget.updateParameterNodeFromGUI = lambda: None
        widget.onClickFetchInfo = widget.updateServerSettings
        widget.updateServerUrlGUIFromSettings()  # the last step of the extension's setup()
        return widget

    FakeSlicer(opens).run(script.start_code(URL, "ana", connect=True))
    return used["url"], used["client"]


def test_the_extension_uses_the_url_and_the_name(extension: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert connected(extension) == (URL, "ana")
    text = extension.read_text()
    assert f"class {script.EXTENSION}(ScriptedLoadableModule)" in text
    monkeypatch.setattr(
        script, "CLIENT_SETTING", "MONAILabel/client"
    )  # a name that the extension does not have
    assert connected(extension) == (URL, "user-xyz")
    monkeypatch.setattr(script, "URL_SETTING", "MONAILabel/server")
    assert connected(extension)[0] != URL


def test_slicer_is_started_detached_and_the_tunnel_is_there(bench: Bench, tmp_path: Path) -> None:
    program, record, config = (
        tmp_path / "Slicer-5.8.1/Slicer",
        tmp_path / "record.json",
        tmp_path / "profile.toml",
    )
    (program.parent / "slicer.org/Extensions-33241/MONAILabel").mkdir(parents=True)
    program.write_text(SLICER.format(python=sys.executable, record=str(record)))
    program.chmod(0o700)
    config.write_bytes(bench.config.read_bytes())
    environment = {
        **bench.environment, "PATH": f"{program.parent}:{os.environ['PATH']}", "DISPLAY": ":0",
        "RUNPOD_API_KEY": "secret",
    }  # fmt: skip
    desk = replace(bench, config=config, environment=environment)
    refused = desk.run("slicer")
    assert (refused.code, refused.document["error"]["code"]) == (3, "no_client_id")
    ran = desk.run("slicer", "--as", "ana")
    assert ran.code == 0, ran.stdout + ran.stderr
    assert (ran.document["program"], ran.document["client_id"]) == (str(program), "ana")
    argv, key, leads = json.loads(record.read_text())
    assert argv[0] == "--python-code"
    assert repr(ran.document["url"]) in argv[1]
    assert (key, leads) == (None, True)
    assert load(config).file.profiles[PROFILE].slicer.client_id == "ana"
    assert desk.run("slicer").code == 0
