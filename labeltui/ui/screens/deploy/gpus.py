"""The deploy form's table of GPUs: price, stock, and whether a GPU's memory is enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from textual import events
from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content
from textual.message import Message
from textual.widgets import Input

from labeltui.domain.amounts import dollars
from labeltui.domain.deploy.candidates import STOCK_ORDER, newest_cuda, stock_in, suitable
from labeltui.domain.deploy.catalogue import GpuOffer, Stock
from labeltui.domain.deploy.gpu_memory import Fit, Size, fit
from labeltui.domain.deploy.quote import price
from labeltui.domain.pod.pod import Cloud
from labeltui.ui.presentation.text import fit as fit_text
from labeltui.ui.presentation.text import safe
from labeltui.ui.presentation.words import Tone, Word
from labeltui.ui.widgets.columns import Static
from labeltui.ui.widgets.filtering import Matches, matcher_of
from labeltui.ui.widgets.table.rows import Table

STOCK = {
    Stock.HIGH: Word("●●●", "high", Tone.GOOD),
    Stock.MEDIUM: Word("●●○", "medium", Tone.GOOD),
    Stock.LOW: Word("●○○", "low", Tone.WARN),
    Stock.NONE: Word("○○○", "none", Tone.FAINT),
    Stock.UNKNOWN: Word("???", "unknown", Tone.FAINT),
}
FIT = {
    Fit.ENOUGH: Word("✓", "enough", Tone.GOOD),
    Fit.SHORT: Word("✗", "too little", Tone.BAD),
    Fit.UNKNOWN: Word("?", "unknown", Tone.FAINT),
}
FIXED = 2 + 19 + 6 + 8 + 12 + 6 + 13  # cells before the column of data centres
SORTS = ("price", "memory", "stock", "name")


class GpuPart(Container):
    """A table of GPUs. The GPU under the cursor is chosen."""

    class Chosen(Message):
        """Another GPU was chosen, or the rows were updated."""

    def __init__(self, models: Sequence[str], size: Size | None) -> None:
        super().__init__(classes="gpus")
        self._models, self._spatial = tuple(models), size
        self.cloud = Cloud.SECURE
        self.centre: str | None = None
        self.sort, self.backwards = "price", False
        self.chosen: str | None = None  # the GPU's id
        self.picked = False  # whether the operator chose the GPU; a refresh then never replaces it
        self._offers: tuple[GpuOffer, ...] = ()
        self._view: list[GpuOffer] = []
        self._matches: Matches | None = None
        self.table = Table(self._draw)
        self._why = Static("", classes="why", markup=False)
        self._filter = Input(placeholder="filter: re, !re, ~letters", select_on_focus=False, classes="filter")
        self._filter.cursor_blink = False

    def compose(self) -> ComposeResult:
        """Yield the table, the reason for the verdict, and the filter."""
        yield self.table
        yield self._filter
        yield self._why

    def on_mount(self) -> None:
        """Hide the filter."""
        self._filter.display = False

    # -- offers

    def show(self, offers: Sequence[GpuOffer], *, cloud: Cloud, centre: str | None) -> None:
        """Show these offers. The operator's chosen GPU stays listed and chosen if RunPod stops offering it.

        Until the operator has chosen a GPU, the most suitable one is chosen.
        """
        gone = next((one for one in self._offers if one.id == self.chosen), None)
        matching = () if gone is None or any(one.id == gone.id for one in offers) else (_gone(gone),)
        self._offers, self.cloud, self.centre = (*offers, *matching), cloud, centre
        if not self.picked:
            best = suitable(offers, self._models, size=self._spatial, cloud=cloud, data_centre=centre)
            self.chosen = best.id if best is not None else self.chosen
        self.list_rows()

    def choose(self, name: str) -> bool:
        """Choose the GPU with the id or name ``name``, ignoring case. Returns False if it is not offered."""
        low = name.lower()
        found = next((one for one in self._offers if low in (one.id.lower(), one.name.lower())), None)
        if found is not None:
            self.chosen, self.picked = found.id, True
            self.list_rows()
        return found is not None

    @property
    def offer(self) -> GpuOffer | None:
        """The chosen GPU's offer; None without a chosen GPU."""
        return next((one for one in self._offers if one.id == self.chosen), None)

    @property
    def shown(self) -> list[GpuOffer]:
        """The listed offers, in the order of their rows."""
        return list(self._view)

    def list_rows(self) -> None:
        """Filter and sort the rows. The cursor stays on the chosen GPU."""
        offered = [one for one in self._offers if price(one, self.cloud) is not None or one.id == self.chosen]
        matching = [one for one in offered if self._matches is None or self._matches(self._text(one))]
        self._view = sorted(matching, key=self._key, reverse=self.backwards)
        cursor = next((i for i, one in enumerate(self._view) if one.id == self.chosen), 0)
        self.table.update_rows(len(self._view), cursor, self._header())
        self.table.redraw()
        self._explain()
        self.post_message(self.Chosen())

    def _key(self, one: GpuOffer) -> tuple[object, ...]:
        stock = stock_in(one, self.centre)
        cost = price(one, self.cloud) or Decimal(10**6)
        gone = stock is Stock.NONE
        keys: dict[str, tuple[object, ...]] = {
            "price": (gone, cost, one.name),
            "memory": (-one.vram_gb, cost, one.name),
            "stock": (STOCK_ORDER.index(stock), cost, one.name),
            "name": (one.name.lower(),),
        }
        return keys[self.sort]

    def _text(self, one: GpuOffer) -> str:
        """Return the text that a filter searches for an offer."""
        stock = STOCK[stock_in(one, self.centre)].text
        verdict = FIT[fit(self._models, one.vram_gb, self._spatial)[0]].text
        return f"{one.name} {one.vram_gb}GB {stock} {verdict} {' '.join(one.data_centres)}"

    # -- drawing

    def _header(self) -> Content:
        mark = "▲" if self.backwards else "▼"

        def head(name: str, text: str, width: int) -> str:
            return fit_text(f"{text}{mark if self.sort == name else ''}", width)

        line = "  " + head("name", "GPU", 19) + head("memory", "GB", 6) + head("price", "$/h", 8)
        line += head("stock", "stock", 12) + fit_text("CUDA", 6) + fit_text("for model", 13) + "where"
        return Content.styled(line, Tone.FAINT)

    def _draw(self, index: int, width: int, under_cursor: bool) -> Content:
        one = self._view[index]
        stock, cost = STOCK[stock_in(one, self.centre)], price(one, self.cloud)
        verdict = FIT[fit(self._models, one.vram_gb, self._spatial)[0]]
        plain = Tone.FAINT if stock is STOCK[Stock.NONE] else Tone.PLAIN
        chosen = one.id == self.chosen
        places = [place for place, level in one.data_centres.items() if level is not Stock.NONE]
        line = Content.assemble(
            ("▸ " if chosen else "  ", Tone.BUSY),
            (fit_text(safe(one.name), 18) + " ", plain),
            (f"{one.vram_gb:>4}  ", plain),
            (f"{'?' if cost is None else dollars(cost).replace('$', ''):>6}  ", plain),
            (f"{stock.glyph} {stock.text:<8}", stock.tone),
            (fit_text(newest_cuda(one) or "?", 5) + " ", plain),
            (fit_text(str(verdict), 12) + " ", verdict.tone),
            (_places(places, width - FIXED), plain),
        ).truncate(width, ellipsis=True, pad=True)
        if under_cursor and self.table.has_focus:
            return line.stylize("$block-cursor-foreground on $block-cursor-background")
        return line.stylize("bold") if chosen else line

    def _explain(self) -> None:
        one = self.offer
        if one is None:
            self._why.update(Content.styled("No GPU is chosen yet.", Tone.FAINT))
            return
        verdict, reason = fit(self._models, one.vram_gb, self._spatial)
        word = FIT[verdict]
        self._why.update(
            Content.assemble((f"{word.glyph} {safe(one.name)}, {one.vram_gb} GB: ", word.tone), safe(reason))
        )

    # -- keys

    def on_rows_moved(self) -> None:
        """Choose the GPU under the cursor."""
        if 0 <= self.table.cursor < len(self._view):
            chosen = self._view[self.table.cursor].id
            if chosen != self.chosen:
                self.chosen, self.picked = chosen, True
                self.table.redraw()
                self._explain()
                self.post_message(self.Chosen())

    def on_key(self, event: events.Key) -> None:
        """Move, sort or filter. While a filter is typed, only handle up and down, which leave the filter."""
        if self._filter.has_focus:
            if event.key in ("down", "up"):
                event.stop()
                self.table.focus()
            return
        moves = {
            "j": 1, "down": 1, "k": -1, "up": -1, "g": -(10**6), "home": -(10**6), "G": 10**6, "end": 10**6,
            "pagedown": self.table.page, "ctrl+f": self.table.page,
            "pageup": -self.table.page, "ctrl+b": -self.table.page,
        }  # fmt: skip
        if event.key in moves:
            event.stop()
            self.table.move(moves[event.key])
        elif event.character == "/":
            event.stop()
            self._filter.display = True
            self._filter.focus()
        elif event.character == "o":
            event.stop()
            self.sort = SORTS[(SORTS.index(self.sort) + 1) % len(SORTS)]
            self.list_rows()
        elif event.character == "O":
            event.stop()
            self.backwards = not self.backwards
            self.list_rows()

    @property
    def filtering(self) -> bool:
        """Whether the filter's input is shown."""
        return self._filter.display

    def clear_filter(self) -> None:
        """Clear and close the filter, and show all rows."""
        self._filter.value = ""
        self._filter.display = False
        self._matches = None
        self.table.focus()
        self.list_rows()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Apply the filter while it is typed. An invalid pattern changes nothing."""
        event.stop()
        try:
            self._matches = matcher_of(event.value)
        except ValueError:
            return
        self.list_rows()
        self.on_rows_moved()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go back to the rows, and close an empty filter."""
        event.stop()
        if not event.value.strip():
            self.clear_filter()
        self.table.focus()

    def on_descendant_focus(self) -> None:
        """Redraw the cursor as focused."""
        self.table.redraw()

    def on_descendant_blur(self) -> None:
        """Redraw the cursor as not focused."""
        self.table.redraw()


def _places(places: Sequence[str], room: int) -> str:
    """Return the data centres that fit in ``room`` cells, and the number of the others."""
    whole = safe(", ".join(places)) or "-"
    if len(whole) <= room:
        return whole
    for matching in range(len(places) - 1, 0, -1):
        text = f"{safe(', '.join(places[:matching]))} +{len(places) - matching}"
        if len(text) <= room:
            return text
    return f"{len(places)} places"


def _gone(one: GpuOffer) -> GpuOffer:
    return replace(one, stock=Stock.NONE, data_centres={})
