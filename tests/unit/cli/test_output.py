"""What a command prints for people."""

from __future__ import annotations

import pytest

from labeltui.cli.output import Output
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Problem


def test_a_name_with_newlines_forges_no_line_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    name = "a\nlabeltui: all labels are here\r\x1b[2K\u2028done"
    out = Output()
    out.progress(f"Fetching {name}")
    out.failure(Problem(Code.COPY_FAILED, f"{name} can't be read.", f"Delete {name}."))
    lines = capsys.readouterr().err.splitlines()
    ours = (" ", "Fetching a", "labeltui: a", "Delete a\\n")
    assert [line for line in lines if not line.startswith(ours)] == []
    assert "\x1b" not in "".join(lines)
    assert len(lines) > 3
