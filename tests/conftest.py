"""Mark the slow tests, give each test a state folder of its own, and collect garbage less often."""

from __future__ import annotations

import gc
from itertools import count
from pathlib import Path

import pytest

from labeltui.session.history import database

SLOW = (
    "services/hosts/test_hosts_alike.py",
    "services/operations",
    "services/runpod",
    "services/sandbox",
    "services/session",
    "services/test_main_job",
    "unit/domain/test_glyphs.py",
    "unit/hosts/agent/remote/test_jobs.py",
    "unit/hosts/test_guard_process.py",
    "unit/operations/test_report_file.py",
    "unit/test_import_contracts.py",
    "unit/ui/widgets/terminal/test_fuzz.py",
    "ui/screens/preview/test_images.py",
    "ui/screens/test_choices.py",
    "ui/test_first_run.py",
    "ui/test_opening.py",
    "ui/test_snapshots.py",
    "ui/panes/log/test_folds.py",
    "ui/panes/log/test_snapshots.py",
    "ui/screens/test_pods.py",
    "ui/screens/test_themes.py",
    "ui/panes/shell/test_scrollback.py",
    "ui/panes/shell/test_snapshots.py",
    "ui/panes/shell/test_tabs.py",
)
"""Files and folders whose tests start processes, render the whole console, or take long for another reason."""


LONG = 40  # bytes or characters


def pytest_configure() -> None:
    """Collect garbage less often: a console makes many objects, and collections took a quarter of the suite's time."""
    gc.set_threshold(20_000, 50, 50)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name long bytes by their parameter: a compressed file holds the time, and xdist compares the names."""
    return argname if isinstance(val, bytes) and len(val) > LONG else None


def pytest_sessionfinish() -> None:
    """Leave the garbage to the end of the process. Else pytest collects it five times, for warnings ignored here."""
    gc.freeze()


def pytest_collection_finish() -> None:
    """Never search modules and collected tests for garbage, because they live to the end."""
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests in ``SLOW``."""
    here = Path(__file__).parent
    for item in items:
        place = item.path.relative_to(here).as_posix()
        if place.startswith(SLOW):
            item.add_marker(pytest.mark.slow)


NUMBERS = count()


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Replaces pytest's, which reads the folder with those of all other tests to number the next one."""
    folder = tmp_path_factory.getbasetemp() / f"{next(NUMBERS)}_{request.function.__name__[:LONG]}"
    folder.mkdir()
    return folder


@pytest.fixture(autouse=True)
def own_state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Store state in a new folder for each test, never in the user's own state folder.

    The history does not wait for the disk, because no test survives a power failure.
    """
    folder = tmp_path_factory.getbasetemp() / str(next(NUMBERS))
    folder.mkdir()
    monkeypatch.setenv("LABELTUI_STATE", str(folder))
    monkeypatch.setattr(database, "SYNCED", "OFF")
