"""Animations are off, the terminal has Unicode and all colours, the time zone is UTC. Actions can be recorded."""

from __future__ import annotations

import time
from typing import Any

import pytest

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed
from tests.ui.economy import economise


@pytest.fixture(autouse=True)
def _still(monkeypatch: pytest.MonkeyPatch) -> None:
    """Turn animations off, set the time zone to UTC and the locale to UTF-8, and give the terminal all colours."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    monkeypatch.setattr("textual.constants.TEXTUAL_ANIMATIONS", "none", raising=False)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("COLORTERM", "truecolor")


@pytest.fixture(autouse=True)
def _quick_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """After each key, Textual's pilot waits until this process has been idle for 20 ms, twice. 8 ms are enough here."""
    monkeypatch.setattr("textual._wait.SLEEP_GRANULARITY", 0.008)
    monkeypatch.setattr("textual._wait.SLEEP_IDLE", 0.0008)


@pytest.fixture(autouse=True)
def _economical(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parse each style sheet once, and draw no frame that nobody sees."""
    economise(monkeypatch)


@pytest.fixture(autouse=True)
def _no_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fake session has no host that could draw a study."""

    async def open_preview(*_: Any, **__: Any) -> Any:
        raise Failed(Code.NOT_FOUND, "The host has no image.")

    monkeypatch.setattr("labeltui.operations.studies.preview.open_preview", open_preview)


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """What was run, in place of running it."""
    calls: list[tuple[str, dict[str, Any]]] = []

    async def run_action(
        _session: Any, action_id: str, params: Any, report: Any, *, confirmed: bool = False
    ) -> Any:
        assert confirmed
        calls.append((action_id, dict(params)))
        report.progress("working")
        return {"state": "running"}

    monkeypatch.setattr("labeltui.operations.run.run_action", run_action)
    return calls
