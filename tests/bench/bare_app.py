"""The peer: a bare Textual application, one line of header and one line of text."""

from __future__ import annotations

import sys
from pathlib import Path

from textual.app import App, ComposeResult
from textual.widgets import Header, Static

SETTLE_S = 2.0


class Bare(App[None]):
    """Paints once, then idles."""

    TITLE = "bare"

    def compose(self) -> ComposeResult:
        yield Header()
        yield Static("a bare application")


class Measured(Bare):
    """Idles for ``seconds`` and writes its :class:`Cost` to ``answer``."""

    def __init__(self, seconds: float, answer: Path) -> None:
        super().__init__()
        self.seconds, self.answer = seconds, answer

    def on_mount(self) -> None:
        self.set_timer(SETTLE_S, self.begin)

    def begin(self) -> None:
        from tests.bench.cost import Start

        self.start = Start()
        self.set_timer(self.seconds, self.end)

    def end(self) -> None:
        from tests.bench.cost import Cost

        Cost.since(self.start, {}).write(self.answer)
        self.exit()


if __name__ == "__main__":
    (Measured(float(sys.argv[1]), Path(sys.argv[2])) if len(sys.argv) > 2 else Bare()).run()
