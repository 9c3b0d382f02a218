"""Read studies from the file on the host into a table, then sort, filter and change them: ``WIDGET COUNT ANSWER``.

WIDGET is ours, datatable or fast. All make the texts of their rows from the same list, which the agent reads.
"""

from __future__ import annotations

import asyncio
import importlib
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from textual.app import App, ComposeResult
from textual.widget import Widget
from textual.widgets import DataTable

from labeltui.domain.log.query import parse_query
from labeltui.domain.studies.study import Study, StudyQueue
from labeltui.ui.panes.queue.columns import columns, haystack, identify, strategy, who, word_of
from labeltui.ui.panes.queue.shown import Shown
from labeltui.ui.widgets.table.column_table import ColumnTable
from tests.bench.cost import write_answer
from tests.bench.queue_host import Loop, listing, running

NOW = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
SHOWN = Shown(NOW)
HEADS = ("state", "study", "who", "tags", "strategy")
FILTER = "ana"


@dataclass
class Figures:
    """Milliseconds until the result is painted; ``load_ms`` is from the request for the list.

    ``load_cpu_ms`` is what this process used of it, which tells more than the time on a machine that others use too.
    ``stall_ms`` is the longest delay of the event loop until all is ready for the next key, ``stall_cpu_ms`` what its
    thread used of it.
    """

    load_ms: float
    load_cpu_ms: float
    stall_ms: float
    stall_cpu_ms: float
    sort_ms: float
    filter_ms: float
    change_ms: float


def texts(study: Study) -> tuple[str, ...]:
    """The texts of a study's row."""
    return str(word_of(study)), study.id, who(study), ", ".join(study.tags), strategy(study)


class Ours:
    """The queue's table."""

    def __init__(self) -> None:
        self.listed: tuple[Study, ...] = ()
        self.widget: ColumnTable[Study] = ColumnTable(
            columns(SHOWN), identify, lambda study: haystack(study, SHOWN)
        )

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
        changed[7] = changed[7]._replace(tags={"final": NOW}, authors={"final": "ben"})
        self.listed = tuple(changed)
        self.widget.show(self.listed)


class Textuals:
    """Textual's DataTable. It has no filter: rows are taken out and put in again."""

    def __init__(self) -> None:
        self.listed: tuple[Study, ...] = ()
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

    def __init__(self) -> None:
        package, self.arrow = (
            importlib.import_module("textual_fastdatatable"),
            importlib.import_module("pyarrow"),
        )
        self.listed: tuple[Study, ...] = ()
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

    def __init__(self, table: Ours | Textuals | Fast, count: int, answer: Path) -> None:
        super().__init__()
        self.table, self.count, self.answer = table, count, answer

    def compose(self) -> ComposeResult:
        widget: Widget = self.table.widget
        yield widget

    def on_mount(self) -> None:
        self.run_worker(self.measure())

    async def measure(self) -> None:
        loop = Loop()
        with tempfile.TemporaryDirectory() as folder:
            async with listing(self.count, Path(folder)) as listed:
                listed.store.subscribe(lambda state, _changed: self.load(state.queue.value))
                async with running(loop.watch(), listed.poller.run()):
                    await asyncio.sleep(0.5)
                    loop.taken_ms()
                    cpu = time.process_time()
                    load = await self.timed(listed.ask, self.is_loaded)
                    load_cpu_ms = 1000 * (time.process_time() - cpu)
                    await self.timed(lambda: None, self.table.ready)
                    stalls = loop.taken_ms()
        write_answer(self.answer, asdict(Figures(load, load_cpu_ms, *stalls, *await self.steps())))
        self.exit()

    def load(self, queue: StudyQueue | None) -> None:
        if queue is not None and queue.studies is not self.table.listed:
            self.table.listed = queue.studies
            self.table.load()

    def is_loaded(self) -> bool:
        return len(self.table.listed) == self.count and self.table.loaded()

    async def steps(self) -> tuple[float, float, float]:
        """Sort, filter and change the painted table."""
        sort = await self.timed(self.table.sort)
        filtered = await self.timed(self.table.filter)
        await self.timed(self.table.unfilter)
        return sort, filtered, await self.timed(self.table.change)

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


TABLES = {"ours": Ours, "datatable": Textuals, "fast": Fast}

if __name__ == "__main__":
    TableApp(TABLES[sys.argv[1]](), int(sys.argv[2]), Path(sys.argv[3])).run(headless=True, size=(120, 40))
