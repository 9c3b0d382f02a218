"""Programs that run on a host, in the Python in which MONAI Label is installed. Nothing here imports them."""

from __future__ import annotations

from importlib import resources


def source_of(name: str) -> str:
    """Return the source of the program in ``NAME.py``."""
    return (resources.files(__name__) / f"{name}.py").read_text(encoding="utf-8")
