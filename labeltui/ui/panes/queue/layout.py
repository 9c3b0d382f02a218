"""Stores a profile's choice of the queue's columns and order, for the next time."""

from __future__ import annotations

from typing import Any

from labeltui.domain.studies.study import Study
from labeltui.session.runtime.state_folder import StateFolder
from labeltui.ui.widgets.table.column_table import ColumnTable

DOCUMENT = "queue"


def store(folder: StateFolder, table: ColumnTable[Study]) -> None:
    """Store the hidden columns and the order."""
    sorts = [list(one) for one in table.arrangement.sorts]
    folder.write(DOCUMENT, {"hidden": sorted(table.hidden), "sorts": sorts})


def restore(folder: StateFolder, table: ColumnTable[Study]) -> None:
    """Use the stored columns and order. Names of unknown columns are left out."""
    document, names = folder.read(DOCUMENT), {column.name for column in table.columns}
    hidden, sorts = document.get("hidden"), document.get("sorts")
    table.hide(
        frozenset(name for name in hidden if name in names) if isinstance(hidden, list) else frozenset()
    )
    for name, backwards in reversed(
        [one for one in sorts if _is_sort(one, names)] if isinstance(sorts, list) else []
    ):
        table.sort(name, backwards=backwards)


def _is_sort(one: Any, names: set[str]) -> bool:
    return isinstance(one, list) and len(one) == 2 and one[0] in names and isinstance(one[1], bool)
