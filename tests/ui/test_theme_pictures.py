"""Pictures of labeltui's themes: each with a pane or a screen that another theme does not show."""

from __future__ import annotations

import pytest

from labeltui.config.model import Profile
from labeltui.ui.app import Console
from tests.ui.fake_session import STATES, FakeSession, console
from tests.ui.sample_pods import with_pod
from tests.ui.test_snapshots import MIDDLE, PROMPT, SMALL, WIDE, Compare, before

PICTURES = {
    "labeltui-dark": ("stale", MIDDLE, ("ctrl+t",)),
    "labeltui-ansi": ("connected", MIDDLE, ("4", "space", "down")),
    "labeltui-berry": ("connected", SMALL, ("3", "end")),
    "labeltui-contrast": ("crashed", MIDDLE, ("W",)),
    "labeltui-contrast-light": ("stopped", MIDDLE, ("s", "o")),
    "labeltui-light": ("pod", SMALL, ("p", "l")),
    "labeltui-lightbox": ("connected", WIDE, ("5",)),
    "labeltui-nord": ("connected", SMALL, ("ctrl+t",)),
    "labeltui-phosphor": ("pod", MIDDLE, ("H",)),
    "labeltui-reading-room": ("connected", SMALL, ("s", "x")),
    "labeltui-solarized-dark": ("connected", MIDDLE, ("a",)),
    "labeltui-solarized-light": ("pod", MIDDLE, ("1",)),
    "labeltui-tritanopia": ("connected", MIDDLE, ("p", "g")),
    "labeltui-deuteranopia": ("pod", SMALL, ("4",)),
}
"""What is shown in each theme: the state, the size and the keys."""


def shown(name: str, state: str) -> Console:
    """A console in the theme ``name``."""
    return console(
        with_pod() if state == "pod" else STATES[state](), profile=Profile(host="local", theme=name)
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", PICTURES)
def test_a_theme(snap_compare: Compare, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(FakeSession, "prompt", f"root@{PROMPT} ".encode())
    monkeypatch.setenv("LABELTUI_CONFIG", "/home/ana/labeltui.toml")
    state, size, keys = PICTURES[name]
    assert snap_compare(shown(name, state), terminal_size=size, run_before=before(*keys))
