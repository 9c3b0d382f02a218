"""Read what a screen shows. Textual has no public method for it, so this file uses its compositor."""

from __future__ import annotations

from typing import Any

from textual.app import App
from textual.strip import Strip


def rows(app: App[Any]) -> list[Strip]:
    """The rows of the current screen, with their styles."""
    return app.screen._compositor.render_strips()


def screen_text(app: App[Any]) -> str:
    """The text of the current screen, one line for each row."""
    return "\n".join(strip.text for strip in rows(app))


def flashed(app: App[Any]) -> str:
    """The text of the console's last short message."""
    return str(app.frame_screen.flash.content.plain)  # type: ignore[attr-defined]
