"""What a headless console may leave out: the same style sheets parsed for each test, and frames that nobody sees.

Opening a console takes most of a test's time. Textual parses its style sheets for each app, and draws up to sixty
frames a second although a headless driver shows none. Here a sheet is parsed once per process, and the widgets
render their lines once, when the test is about to look.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from typing import Any

import pytest
from textual._context import visible_screen_stack
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet
from textual.geometry import Region
from textual.pilot import Pilot
from textual.screen import Screen

_parsed: dict[Hashable, list[RuleSet]] = {}
_parse_rules = Stylesheet._parse_rules
_compositor_refresh = Screen._compositor_refresh
_pause = Pilot.pause


def parse_once(sheet: Stylesheet, css: str, **source: Any) -> list[RuleSet]:
    """Parse a source with the variables of a theme once per process. Nothing changes parsed rules."""
    key = (frozenset(sheet._variables.items()), css, *source.items())
    if key not in _parsed:
        _parsed[key] = _parse_rules(sheet, css, **source)
    return _parsed[key]


def postpone_frame(screen: Screen[Any]) -> None:
    """Leave the changed regions to the next pause of the test."""
    app = screen.app
    if app.is_inline or not app.is_headless or screen is not app.screen:
        _compositor_refresh(screen)
        return
    screen._dirty_widgets.clear()
    app._update_mouse_over(screen)


def draw(screen: Screen[Any]) -> None:
    """Let the widgets of the changed regions render their lines, without joining them to rows that nobody sees."""
    compositor = screen._compositor
    if not compositor._dirty_regions:
        return
    visible_screen_stack.set(screen.app._background_screens)
    changed = Region.from_union(compositor._dirty_regions).intersection(screen.size.region)
    compositor._dirty_regions.clear()
    deque(compositor._get_renders(changed), maxlen=0)


async def pause_and_draw(pilot: Pilot[Any], delay: float | None = None) -> None:
    """Pause as Textual's pilot does, then draw."""
    await _pause(pilot, delay)
    draw(pilot.app.screen)


def economise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out for one test what a headless console does not need."""
    monkeypatch.setattr(Stylesheet, "_parse_rules", parse_once)
    monkeypatch.setattr(Screen, "_compositor_refresh", postpone_frame)
    monkeypatch.setattr(Pilot, "pause", pause_and_draw)
