"""A program is one source, although it shares modules with others: the host's Python has no labeltui."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from labeltui.monailabel.programs import source_of
from tests.unit.hosts.agent_process import pythons

STUBS = {
    "requests/__init__.py": "class Session: pass\nclass RequestException(Exception): pass\n",
    "requests/adapters.py": "class HTTPAdapter: pass\n",
    "numpy.py": "def array(_values): pass\ndef diag(_values): pass\n",
    "dicomweb_client.py": "class DICOMwebClient: pass\n",
}


@pytest.mark.slow
@pytest.mark.parametrize("python", pythons())
@pytest.mark.parametrize("name", ["series", "segs", "series_preview"])
def test_a_program_runs_where_labeltui_is_not_installed(tmp_path: Path, name: str, python: str) -> None:
    for path, text in STUBS.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    source = source_of(name) + "\nprint(connect.__module__, callable(globals().get('main') or serve))"
    command = [
        pythons()[python],
        "-I",
        "-S",
        "-c",
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\nexec({source!r})",
    ]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.stdout.split() == ["labeltui.monailabel.programs.dicomweb", "True"], ran.stderr
