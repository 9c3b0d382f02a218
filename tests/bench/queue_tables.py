"""Show studies in a table, then sort, filter and change them: ``WIDGET COUNT ANSWER``.

WIDGET is ours, datatable or fast. All make the texts of their rows from the same studies.
"""

from __future__ import annotations

import asyncio
import importlib
import random
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from textual.app import App, ComposeResult
from textual.widget import Widget
from textual.widgets import DataTable

from labeltui.domain.log.query import parse_query
from labeltui.domain.studies.study import Fetch, Study
from labeltui.ui.panes.queue.columns import Shown, columns, haystack, identify, strategy, who, word_of
from labeltui.ui.widgets.table.column_table import ColumnTable
from tests.bench.cost import write_answer

NOW = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
PEOPLE = ("ana", "ben", "cem")
HEADS = ("state", "study", "who", "tags", "strategy")
LAG_EVERY_S = 0.002
FILTER = "ana"


@dataclass
class Figures:
    """Milliseconds until the result is painted. ``stall_ms`` is the longest delay of the event loop meanwhile."""

    load_ms: float
    stall_ms: float
    sort_ms: float
    filter_ms: float
    change_ms: float


def studies(count: int) -> tuple[Study, ...]:
    """Studies, of which a third have a final label and a tenth are open."""
    dice, made = random.Random(1), []
    for number in range(count):
        at, chance = NOW - timedelta(seconds=dice.random() * 1e6), dice.random()
        person = dice.choice(PEOPLE)
        study = Study(f"case_{number:06}")
        if chance < 0.33:
            study = replace(study, tags={"final": at}, authors={"final": person})
        elif chance < 0.43:
            study = replace(study, fetches=(Fetch("random", person, at),))
        made.append(study)
    return tuple(made)


def texts(study: Study) -> tuple[str, ...]:
    """The texts of a study's row."""
    return str(word_of(study)), study.id, who(study), ", ".join(study.tags), strategy(study)


class Ours:
    """The queue's table."""

    def __init__(self, listed: tuple[Study, ...]) -> None:
        self.listed = listed
        self.widget: ColumnTable[Study] = ColumnTable(columns(Shown(NOW)), identify, haystack)

    def load(self) -> None:
        self.widget.show(self.listed)

    def loaded(self) -> bool:
        return self.widget.count == len(self.listed)

    def ready(self) -> bool:
        return self.widget.arrangement.width("id") > 0

    def sort(self) -> None:
        self.widget.sort("who")

    def filter(self) -> None:
        self.widget.filter(parse_query(FILTER))

    def unfilter(self) -> None:
        self.widget.filter(None)

    def change(self) -> None:
        changed = list(self.listed)
        changed[7] = replace(changed[7], tags={"final": NOW}, authors={"final": "ben"})
        self.listed = tuple(changed)
        self.widget.show(self.listed)


class Textuals:
    """Textual's DataTable. It has no filter: rows are taken out and put in again."""

    def __init__(self, listed: tuple[Study, ...]) -> None:
        self.listed = listed
        self.rows: list[tuple[str, ...]] = []
        self.widget: DataTable[str] = DataTable()

    def load(self) -> None:
        self.rows = [texts(study) for study in self.listed]
        if not self.widget.columns:
            for head in HEADS:
                self.widget.add_column(head, key=head)
        for row in self.rows:
            self.widget.add_row(*row, key=row[1])

    def loaded(self) -> bool:
        return self.widget.row_count == len(self.rows) and not self.widget._require_update_dimensions

    def ready(self) -> bool:
        return True

    def sort(self) -> None:
        self.widget.sort("who")

    def filter(self) -> None:
        self.widget.clear()
        for row in self.rows:
            if any(FILTER in cell for cell in row):
                self.widget.add_row(*row, key=row[1])

    def unfilter(self) -> None:
        self.widget.clear()
        self.load()

    def change(self) -> None:
        self.widget.update_cell("case_000007", "state", "● final", update_width=True)


class Fast:
    """textual-fastdatatable on an Arrow table. A filter makes a new table for the same widget."""

    def __init__(self, listed: tuple[Study, ...]) -> None:
        package, self.arrow = (
            importlib.import_module("textual_fastdatatable"),
            importlib.import_module("pyarrow"),
        )
        self.listed = listed
        self.data: Any = None
        self.backend: Callable[[Any], Any] = package.ArrowBackend
        self.widget: Any = package.DataTable()

    def load(self) -> None:
        rows = [texts(study) for study in self.listed]
        self.data = self.arrow.table({head: [row[n] for row in rows] for n, head in enumerate(HEADS)})
        self.widget.backend = self.backend(self.data)

    def loaded(self) -> bool:
        return bool(self.widget.row_count)

    def ready(self) -> bool:
        return True

    def sort(self) -> None:
        self.widget.sort([("who", "ascending")])

    def filter(self) -> None:
        compute = importlib.import_module("pyarrow.compute")
        found = [compute.match_substring(self.data[head], FILTER) for head in HEADS]
        mask = found[0]
        for other in found[1:]:
            mask = compute.or_(mask, other)
        self.widget.backend = self.backend(self.data.filter(mask))

    def unfilter(self) -> None:
        self.load()

    def change(self) -> None:
        self.widget.update_cell(7, 0, "● final")


class TableApp(App[None]):
    """Runs the steps, and writes the figures to ``answer``."""

    def __init__(self, table: Ours | Textuals | Fast, answer: Path) -> None:
        super().__init__()
        self.table, self.answer, self.stall = table, answer, 0.0

    def compose(self) -> ComposeResult:
        widget: Widget = self.table.widget
        yield widget

    def on_mount(self) -> None:
        self.run_worker(self.measure())

    async def measure(self) -> None:
        await asyncio.sleep(0.5)
        table, lag = self.table, asyncio.create_task(self.watch_lag())
        await asyncio.sleep(0)
        load = await self.timed(table.load, table.loaded)
        await self.timed(lambda: None, table.ready)
        lag.cancel()
        sort = await self.timed(table.sort)
        filtered = await self.timed(table.filter)
        await self.timed(table.unfilter)
        change = await self.timed(table.change)
        write_answer(self.answer, asdict(Figures(load, 1000 * self.stall, sort, filtered, change)))
        self.exit()

    async def timed(self, act: Callable[[], None], holds: Callable[[], bool] = lambda: True) -> float:
        """Milliseconds until the first refresh at which ``holds`` is true."""
        started = time.perf_counter()
        act()
        while True:
            painted = asyncio.Event()
            self.call_after_refresh(painted.set)
            await painted.wait()
            if holds():
                return 1000 * (time.perf_counter() - started)
            await asyncio.sleep(0.002)

    async def watch_lag(self) -> None:
        while True:
            due = time.perf_counter() + LAG_EVERY_S
            await asyncio.sleep(LAG_EVERY_S)
            self.stall = max(self.stall, time.perf_counter() - due)


TABLES = {"ours": Ours, "datatable": Textuals, "fast": Fast}

if __name__ == "__main__":
    TableApp(TABLES[sys.argv[1]](studies(int(sys.argv[2]))), Path(sys.argv[3])).run(
        headless=True, size=(120, 40)
    )
