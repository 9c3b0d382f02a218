"""Stream lines into a log widget: ``WIDGET STORED SECONDS ANSWER``, where WIDGET is ours, log or rich."""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from textual.app import App, ComposeResult
from textual.widget import Widget
from textual.widgets import Log, RichLog

from labeltui.domain.log.query import parse_query
from labeltui.session.log.store import LogStore
from labeltui.ui.frame.themes import DEFAULT_THEME, load_theme
from labeltui.ui.widgets.log.query import Sieve
from labeltui.ui.widgets.log.view import LogView
from tests.bench.cost import resident_kib, write_answer

RATE = 10_000
BATCHES = 50  # per second: how often a chunk arrives
BLOCK = 10_000
LAG_EVERY_S = 0.005
SETTLE_S = 1.0


def line(number: int) -> str:
    """A typical line of the server; no two are the same."""
    level = "ERROR" if number % 5000 == 0 else "INFO"
    return (
        f"[2026-11-23 17:02:{number // 1000 % 60:02},{number % 1000:03}] [4242] [MainThread] [{level}] "
        f"(monailabel.datastore.local:594) - Adding New Image: case_{number:07} => x"
    )


@dataclass
class Figures:
    """The cost of a widget. Lag is the delay of the event loop in ms; CPU is in percent of a core."""

    stored: int
    load_s: float
    memory_mib: float
    rate: float
    cpu_pct: float
    lag_p99_ms: float
    lag_max_ms: float
    regex_ms: float | None = None
    filter_ms: float | None = None

    @property
    def per_million(self) -> float:
        """MiB of memory for a million lines."""
        return self.memory_mib * 1_000_000 / self.stored


class Stream(App[None]):
    """Stores ``stored`` lines in the widget, streams into it for ``seconds``, and writes the figures to ``answer``."""

    def __init__(self, which: str, stored: int, seconds: float, answer: Path) -> None:
        super().__init__()
        self.which, self.stored, self.seconds, self.answer = which, stored, seconds, answer
        self.lags: list[float] = []
        self.count, self.due = 0, 0.0
        theme = load_theme(DEFAULT_THEME)
        if theme is not None:
            self.register_theme(theme)
            self.theme = theme.name

    def compose(self) -> ComposeResult:
        self.store = LogStore()
        self.widget: Widget = {"ours": LogView, "log": Log, "rich": RichLog}[self.which]()
        yield self.widget

    def on_mount(self) -> None:
        self.run_worker(self.measure())

    def add(self, lines: Any) -> None:
        """Add lines in the form the widget takes: text for Textual's, bytes for ours."""
        if isinstance(self.widget, Log):
            self.widget.write_lines(lines)
        elif isinstance(self.widget, RichLog):
            for text in lines:
                self.widget.write(text)
        else:
            self.store.feed(self.store.size, lines)

    def made(self, count: int) -> Any:
        """Make ``count`` new lines in the form that :meth:`add` takes."""
        lines = [line(self.count + number) for number in range(count)]
        self.count += count
        return ("\n".join(lines) + "\n").encode() if isinstance(self.widget, LogView) else lines

    async def measure(self) -> None:
        if isinstance(self.widget, LogView):
            self.widget.attach(self.store)
        await asyncio.sleep(SETTLE_S)
        gc.collect()
        before, load_s = resident_kib() or 0, 0.0
        while self.count < self.stored:
            lines = self.made(min(BLOCK, self.stored - self.count))
            started = time.perf_counter()
            self.add(lines)
            load_s += time.perf_counter() - started
            await asyncio.sleep(0)
        await asyncio.sleep(SETTLE_S)
        memory = ((resident_kib() or 0) - before) / 1024
        figures = await self.stream(load_s, memory)
        if isinstance(self.widget, LogView):
            figures.regex_ms, figures.filter_ms = self.ask(self.widget)
        write_answer(self.answer, asdict(figures))
        self.exit()

    async def stream(self, load_s: float, memory: float) -> Figures:
        lag = asyncio.create_task(self.watch_lag())
        await asyncio.sleep(0)
        ready = [self.made(RATE // BATCHES) for _ in range(BATCHES)]
        started, cpu = time.perf_counter(), time.process_time()
        batch = 0
        while (passed := time.perf_counter() - started) < self.seconds:
            due = int(passed * BATCHES) - batch
            for _ in range(min(due, BATCHES)):
                self.add(ready[batch % BATCHES])
                batch += 1
            await asyncio.sleep(max(0.0, started + (batch + 1) / BATCHES - time.perf_counter()))
        passed = time.perf_counter() - started
        cpu_pct = 100 * (time.process_time() - cpu) / passed
        lag.cancel()
        # A loop that is never free has not recorded its last delay.
        self.lags.append(max(0.0, time.perf_counter() - self.due))
        late = sorted(self.lags)
        return Figures(
            self.stored, load_s, memory, batch * (RATE // BATCHES) / passed, cpu_pct,
            1000 * late[int(len(late) * 0.99)], 1000 * late[-1],
        )  # fmt: skip

    async def watch_lag(self) -> None:
        while True:
            self.due = time.perf_counter() + LAG_EVERY_S
            await asyncio.sleep(LAG_EVERY_S)
            self.lags.append(time.perf_counter() - self.due)

    def ask(self, view: LogView) -> tuple[float, float]:
        """Measure in milliseconds a regular expression over all lines, and a filter up to its first screen."""
        query = parse_query(r"case_00099\d9 ")
        assert query is not None
        started = time.perf_counter()
        sieve = Sieve(self.store, query)
        while not sieve.advance(1.0):
            continue
        regex = time.perf_counter() - started
        started = time.perf_counter()
        view.set_filter(parse_query("image"))
        return 1000 * regex, 1000 * (time.perf_counter() - started)


if __name__ == "__main__":
    Stream(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4])).run()
