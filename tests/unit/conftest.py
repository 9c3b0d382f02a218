"""Hypothesis without deadlines, and recordings of MONAI Label 0.8.5."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.paths import MONAILABEL

# Deadlines fail at random on a loaded machine, and none of these tests measures time. CI draws more examples.
settings.register_profile(
    "unit",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    max_examples=int(os.environ.get("LABELTUI_EXAMPLES", "50")),
)
settings.load_profile("unit")


@pytest.fixture(scope="session")
def body() -> Callable[[str], Any]:
    return lambda name: json.loads((MONAILABEL / f"{name}.response.json").read_text())["body"]


@pytest.fixture(scope="session")
def log_lines() -> Callable[[str], list[str]]:
    return lambda name: (MONAILABEL / f"log_{name}.txt").read_text().splitlines()
