"""Without RunPod's published contracts, a test that needs them is skipped, and in CI it fails."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import contracts
from tests.unit.hosts.publishedrunpod import PublishedRunpod
from tests.unit.runpod import openapi
from tests.unit.runpod.published_account import PublishedAccount

NEEDS = [
    lambda: contracts.required("schema.graphql"),
    openapi.spec,
    lambda: PublishedAccount(time.monotonic),
    lambda: PublishedRunpod(time.monotonic),
]


@pytest.fixture(autouse=True)
def _missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(contracts, "ROOT", tmp_path / "repository")
    monkeypatch.delenv(contracts.VARIABLE, raising=False)
    monkeypatch.delenv("CI", raising=False)
    openapi.spec.cache_clear()
    yield
    openapi.spec.cache_clear()


@pytest.mark.parametrize("need", NEEDS)
def test_a_test_that_needs_them_is_skipped_before_its_first_request(need: Callable[[], object]) -> None:
    with pytest.raises(pytest.skip.Exception, match="LABELTUI_CONTRACTS names their folder"):
        need()


@pytest.mark.parametrize(("variable", "value"), [("CI", "true"), (contracts.VARIABLE, "/nowhere")])
def test_it_fails_where_they_are_expected(variable: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(pytest.fail.Exception, match="contracts are not in"):
        openapi.spec()
