"""Recordings of a real MONAI Label 0.8.5."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# Shared machines are slow at random; what is tested here is that nothing raises.
settings.register_profile(
    "monailabel", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("monailabel")

FIXTURES = Path(__file__).parents[2] / "fixtures" / "monailabel"


@pytest.fixture(scope="session")
def body() -> Callable[[str], Any]:
    return lambda name: json.loads((FIXTURES / f"{name}.response.json").read_text())["body"]


@pytest.fixture(scope="session")
def log_lines() -> Callable[[str], list[str]]:
    return lambda name: (FIXTURES / f"log_{name}.txt").read_text().splitlines()
