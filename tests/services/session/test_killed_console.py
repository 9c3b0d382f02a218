"""``kill -9`` of the console loses nothing that was committed, and repeats nothing."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from typing import Any

import pytest

from tests.paths import ROOT
from tests.services.session.killed_console import TIMES


async def consoles(kind: str) -> list[dict[str, Any]]:
    """What became of the console at each moment."""
    helper = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.services.session.killed_console", kind,
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await helper.communicate()
    assert helper.returncode == 0, err.decode()
    return [json.loads(line) for line in out.splitlines()]


@pytest.mark.timeout(400)
async def test_a_console_that_is_killed_at_any_moment_loses_and_repeats_nothing() -> None:
    at_commits, at_times = await asyncio.gather(consoles("commit"), consoles("time"))
    for one in (*at_commits, *at_times):
        assert not one["problems"], one
        assert one["signal"] == signal.SIGKILL
    assert len(at_commits) == len(at_times) == TIMES
    assert all(one["committed"] == one["commit"] - 1 for one in at_commits)
    assert len({one["committed"] for one in at_times}) > 3, "the moments were all the same"
