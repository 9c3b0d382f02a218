"""The tables of the history, as the steps that make them."""

from __future__ import annotations

MIGRATIONS: tuple[str, ...] = ()
