from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from labeltui.sandbox.processes import sweep
from tests.services.sandbox.sandbox_server import Running, answers, make_files, start, until


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Return a function that starts a stand-in with changed fields of its scenario. It ends after the test."""
    made: list[Running] = []

    def begin(*, wait: bool = True, **changes: Any) -> Running:
        running = start(make_files(tmp_path / f"pod{len(made)}", **changes))
        made.append(running)
        if wait:
            until(lambda: answers(running))
        return running

    yield begin
    for running in made:
        running.client.close()
        assert not sweep(running.files.token, running.files.folder)
        running.process.wait(10)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One server for the tests that can share it."""
    running = start(make_files(tmp_path_factory.mktemp("shared") / "pod"))
    until(lambda: answers(running))
    yield running
    running.client.close()
    assert not sweep(running.files.token, running.files.folder)
    running.process.wait(10)
