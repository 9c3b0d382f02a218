"""The command line's output, read by a test."""

from __future__ import annotations

import json


def documents(text: str) -> list[dict]:
    """Every line is one JSON document and there is nothing else."""
    return [json.loads(line) for line in text.splitlines()]
