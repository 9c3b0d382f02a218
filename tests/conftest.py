"""What belongs to the fast suite, and what takes longer than it may."""

from __future__ import annotations

from pathlib import Path

import pytest

SLOW = (
    "services/operations",
    "services/runpod",
    "services/sandbox",
    "services/session",
    "services/test_main_job",
    "unit/hosts/test_guard_process.py",
    "unit/ui/widgets/terminal/test_fuzz.py",
    "ui/screens/test_choices.py",
    "ui/test_opening.py",
    "ui/test_snapshots.py",
    "ui/panes/log/test_folds.py",
    "ui/panes/log/test_snapshots.py",
    "ui/screens/test_pods.py",
    "ui/panes/shell/test_scrollback.py",
    "ui/panes/shell/test_snapshots.py",
    "ui/panes/shell/test_tabs.py",
)
"""Tests that start processes, and pictures of the whole console; CI runs them all the same."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark whole folders."""
    here = Path(__file__).parent
    for item in items:
        place = item.path.relative_to(here).as_posix()
        if place.startswith(SLOW):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(autouse=True)
def own_state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that a test does is kept where a person's own console keeps things; labels least of all."""
    monkeypatch.setenv("LABELTUI_STATE", str(tmp_path_factory.mktemp("state")))
