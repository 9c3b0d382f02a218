"""The fixed parts of the screen: strip, tabs, the body with the panes, and the bottom rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from textual.app import App, ComposeResult
from textual.content import Content
from textual.events import Key
from textual.geometry import NULL_OFFSET, NULL_SPACING, Region, Size
from textual.layout import ArrangeResult, Layout, WidgetPlacement
from textual.message import Message
from textual.screen import Screen
from textual.style import Style
from textual.widget import Widget

from labeltui.domain.state import Level, SessionState
from labeltui.ui.contract import console_of
from labeltui.ui.frame.compositor import NarrowCompositor
from labeltui.ui.frame.layout import EXTRAS, PANES, Plan, Shape, plan, shape_of
from labeltui.ui.keys import named
from labeltui.ui.presentation import words
from labeltui.ui.presentation.fact import LONG
from labeltui.ui.presentation.strip import facts, identity, strip_line
from labeltui.ui.presentation.text import elide, fit, safe, two_rows
from labeltui.ui.presentation.words import Tone
from labeltui.ui.widgets.columns import Static

if TYPE_CHECKING:
    from textual import events

    from labeltui.session.session import Session

TITLES: Mapping[str, str] = {
    "pod": "1 pod",
    "shell": "2 shell",
    "log": "3 server log",
    "queue": "4 study queue",
    "training": "5 training",
    "tunnels": "tunnel & endpoints",
    "cost": "labels & cost",
    "alerts": "alerts",
}
CAPTURED = "keys go to the host"
STAMP_CELLS = len("✗ 17:02:31 ")
GUIDE = "guide"
"""The document of the state folder that says whether the next step is hidden."""
Hint = tuple[str, str]


def clickable(content: Content, **does: str) -> Content:
    """Let a click on the text run ``action``, an action's id, or type ``keys``."""
    return content.stylize(Style.from_meta(does))


def press(app: App[Any], keys: str) -> None:
    """Type keys, which are separated by spaces and written as people write them."""
    for key in keys.split():
        name = named(key.replace("pgup", "pageup").replace("pgdn", "pagedown"))
        event = Key(name, key if len(key) == 1 else None)
        # An event does not bubble to its sender, which by default is the widget that was clicked.
        app.post_message(event.set_sender(app.focused or app))


class Line(Static):
    """One row of text, which redraws only if the text changed."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id, markup=False)
        self._shown = Content("")

    def set(self, content: Content) -> None:
        """Show ``content``; does nothing if the row already shows the same text."""
        if not content.is_same(self._shown):
            self._shown = content
            self.update(content)

    async def on_click(self, event: events.Click) -> None:
        """Do what the clicked text stands for."""
        meta = event.style.meta
        if action := meta.get("action"):
            await console_of(self).dispatcher.invoke(action)
        press(self.app, meta.get("keys", ""))


class Strip(Line):
    """The status strip: the session's facts in one row."""

    def show(self, state: SessionState, now: datetime) -> None:
        """Show a snapshot."""
        self.set(strip_line(state, now, self.app.size.width))


class TooSmall(Line):
    """Lists the strip's facts, one a line, if the terminal is too small for a pane."""

    def show(self, state: SessionState, now: datetime) -> None:
        """Show a snapshot."""
        width, height = self.app.size
        lines = [
            identity(state, LONG),
            Content.styled(
                f"{width}x{height} is too small for a pane; 60x18 shows one pane, 120x40 all.", Tone.FAINT
            ),
            *(fact.at(LONG) for fact in facts(state, now)),
        ]
        self.set(Content("\n").join(lines))


class Tabs(Line):
    """The names of the numbered panes; shown while one pane fills the body."""

    def show(self, current: str, marks: Mapping[str, str]) -> None:
        """Show the tabs with ``current`` highlighted. ``marks`` are warnings by pane, such as ``!``."""
        parts: list[Content] = []
        for name in PANES:
            label = f" {TITLES[name].replace('server ', '').replace('study ', '')}{marks.get(name, '')} "
            style = "bold reverse $text-primary" if name == current else Tone.PLAIN
            parts += [clickable(Content.styled(label, style), action=f"pane.{name}"), Content("  ")]
        self.set(Content.assemble(" ", *parts))


class FlashLine(Line):
    """Shows the result of the last action or the progress of the running action."""

    def show(
        self,
        at: datetime | None,
        text: str,
        level: Level,
        keys: str,
        action: str = "",
        *,
        alert: bool = False,
        standing: str = "",
    ) -> None:
        """Show a text, with ``keys`` at its right, on which a click runs ``action``.

        ``at`` is the time of a result; None if the text is not a result. An ``alert`` that needs the operator is drawn
        as a bar, which is seen before everything else. If the text of the ``standing`` alert does not fit in one row,
        there are two rows, whatever they show, so that the panes stay where they are.
        """
        width = self.app.size.width - 2
        named = width > 70 and cell_len(safe(standing)) < 2 * (width - STAMP_CELLS - len(keys))
        tail = f"  {keys if named else keys.partition(' ')[0]}" if keys else ""
        word = (words.ALERT if alert else words.LEVEL)[level]
        stamp = "" if at is None else f"{word.glyph} {words.clock_time(at)} "
        room = max(10, width - len(stamp) - len(tail))
        tall = cell_len(safe(standing)) > width - STAMP_CELLS - len(tail)
        self.set_class(tall, "-tall")
        first, last = (
            two_rows(safe(text), width - len(stamp), room) if tall else ("", elide(safe(text), room))
        )
        tone = word.tone if at is not None else Tone.FAINT
        bar = f"bold reverse {tone}" if alert and level is not Level.INFO else ""
        style = bar or (Tone.PLAIN if level is Level.INFO and at is not None else tone)
        above = f"{fit(first, width - len(stamp))} \n {' ' * len(stamp)}" if tall else ""
        padded = fit(last, room) if tall else last
        gap = " " * max(0, room - cell_len(padded))
        line = Content.assemble(
            (f" {stamp}", bar or tone), (f"{above}{padded}", style), (f"{gap}{tail}", Tone.FAINT)
        )
        self.set(clickable(line, action=action) if action else line)


class NextLine(Line):
    """The next step of the session. It takes no row if there is none, or if the operator hid it for the profile."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._session: Session | None = None
        self._hidden = False
        self._made: tuple[SessionState, int] | None = None

    def show(self, session: Session, keys: Callable[[str], str]) -> None:
        """Show the next step of a session."""
        if session is not self._session:
            self._session, self._made = session, None
            self._hidden = bool(session.state_folder.read(GUIDE).get("hidden"))
        made = (session.store.state, self.app.size.width)
        if self._made is not None and made[0] is self._made[0] and made[1] == self._made[1]:
            return
        from labeltui.ui.presentation.guide import next_line  # noqa: PLC0415 - no session is open at first paint

        self._made = made
        content = Content("") if self._hidden else next_line(made[0], keys, made[1] - 1)
        self.set_class(bool(content), "-on")
        self.set(content)

    def toggle(self) -> bool:
        """Hide the line, or show it again, in this session and later ones. Returns whether it is shown."""
        if self._session is not None:
            self._hidden, self._made = not self._hidden, None
            self._session.state_folder.write(GUIDE, {"hidden": self._hidden})
        return not self._hidden


class KeyLine(Line):
    """The keys that work now."""

    def show(self, hints: Sequence[Hint]) -> None:
        """Show the hints in order, as many as fit."""
        room = self.app.size.width - 1
        items: list[Content] = []
        used = 0
        for key, text in hints:
            item = Content.assemble((key, "bold $text-accent"), (f" {text}", Tone.PLAIN))
            item = clickable(item, keys=key)
            if used + item.cell_length + 2 > room:
                break
            used += item.cell_length + 2
            items.append(item)
        self.set(Content(" ") + Content("  ").join(items))


class PaneFrame(Widget):
    """A pane's border: number and name above, facts below. Its content is mounted after the first paint."""

    class Picked(Message):
        """The pane was clicked."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.pane = name

    def __init__(self, name: str) -> None:
        super().__init__(id=f"pane-{name}", classes="pane")
        self.pane = name
        self.border_title = Content(TITLES[name])
        self._titles = ("", "")
        self._captured = False

    def set_titles(self, note: str, facts_below: str) -> None:
        """Show ``note`` after the name and ``facts_below`` in the lower border. Both may be hostile text."""
        titles = (note, facts_below)
        if titles != self._titles:
            self._titles = titles
            self._show_title()
            self.border_subtitle = Content(safe(facts_below)) if facts_below else None

    def set_captured(self, captured: bool) -> None:
        """Show by title and colour whether the keys go to the host."""
        if captured != self._captured:
            self._captured = captured
            self.set_class(captured, "-captured")
            self._show_title()

    def _show_title(self) -> None:
        parts = (TITLES[self.pane], CAPTURED if self._captured else "", safe(self._titles[0]))
        self.border_title = Content(" · ".join(part for part in parts if part))

    async def on_click(self, event: events.Click) -> None:
        """Ask the console to focus this pane; list all alerts if the pane shows the alerts."""
        self.post_message(self.Picked(self.pane))
        if self.pane == "alerts":
            await console_of(self).dispatcher.invoke("alerts")


class _PlanLayout(Layout):
    """Arranges the panes according to a plan of :mod:`labeltui.ui.frame.layout`."""

    name = "labeltui"

    def __init__(self, planner: Callable[[Size], Plan]) -> None:
        self._planner = planner

    def arrange(
        self, parent: Widget, children: list[Widget], size: Size, greedy: bool = True
    ) -> ArrangeResult:
        parent.pre_layout(self)
        regions = self._planner(size).regions
        return [
            WidgetPlacement(Region(*regions[child.pane]), NULL_OFFSET, NULL_SPACING, child)
            for child in children
            if isinstance(child, PaneFrame) and child.pane in regions
        ]


class Body(Widget):
    """Contains all panes; ``planner`` returns their regions for the body's size."""

    def __init__(self, planner: Callable[[Size], Plan]) -> None:
        super().__init__(id="body")
        self._plan_layout = _PlanLayout(planner)
        self.frames = {name: PaneFrame(name) for name in (*PANES, *EXTRAS)}

    @property
    def layout(self) -> Layout:
        """The layout that follows the plan."""
        return self._plan_layout

    def compose(self) -> ComposeResult:
        """Yield the frames of all panes, without content."""
        yield from self.frames.values()


class FrameScreen(Screen[None], inherit_bindings=False):
    """The lowest screen, with the panes."""

    def __init__(self) -> None:
        super().__init__()
        self._compositor = NarrowCompositor()
        self.current = "log"
        self.zoomed = False
        self.strip = Strip(id="strip")
        self.small = TooSmall(id="small")
        self.tabs = Tabs(id="tabs")
        self.body = Body(self.planned)
        self.next = NextLine(id="next")
        self.flash = FlashLine(id="flash")
        self.keys = KeyLine(id="keys")

    def compose(self) -> ComposeResult:
        """Yield strip, tabs, panes, next step, flash line and keys."""
        yield self.strip
        yield self.small
        yield self.tabs
        yield self.body
        yield self.next
        yield self.flash
        yield self.keys

    def frame_of(self, pane: str) -> PaneFrame:
        """Return the border of a pane."""
        return self.body.frames[pane]

    @property
    def shape(self) -> Shape:
        """The division of the screen at the terminal's current size."""
        return shape_of(*self.app.size)

    def planned(self, size: Size) -> Plan:
        """The regions of the panes in a body of ``size``."""
        return plan(self.shape, size.width, size.height, self.current, self.zoomed)

    def arrange_panes(self) -> None:
        """Lay the panes out again after a change of size, current pane or zoom."""
        shape = self.shape
        single = self.zoomed or shape is Shape.COMPACT
        self.set_class(shape is Shape.SMALL, "-small")
        self.set_class(single and shape is not Shape.SMALL, "-single")
        for frame in self.query(PaneFrame):  # one child's request makes the parent lay out all children
            frame.set_class(frame.pane == self.current, "-current")
            frame.refresh(layout=True)
