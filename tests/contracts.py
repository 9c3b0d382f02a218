"""RunPod's published contracts. They are read in place, because no licence allows copies."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.paths import ROOT

VARIABLE = "LABELTUI_CONTRACTS"


def required(name: str) -> Path:
    """Return the path of a published file, such as ``schema.graphql``.

    If it is missing, skip the test, or fail it in CI and where the variable names a folder. Call this before a
    test begins, or from the test itself: a request handler can't skip a test.
    """
    named = os.environ.get(VARIABLE)
    folder = Path(named) if named else ROOT.parent / "shared" / "contracts"
    path = folder / "runpod" / name
    if path.is_file():
        return path
    why = f"RunPod's published contracts are not in {folder} ({VARIABLE} names their folder)"
    if named or os.environ.get("CI"):
        pytest.fail(why, pytrace=False)
    pytest.skip(why)
