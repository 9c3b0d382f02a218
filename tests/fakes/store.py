"""Puts values into a store as if their owners had written them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from labeltui.session.runtime.store import Store


def put(store: Store, **fields: Any) -> None:
    """Replace fields of the state by name, all at once. Raises TypeError for a name that is no field."""
    store.publish(replace(store.state, **fields))
