"""Read the query of a REST request, and reach the world that it is about."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from starlette.requests import Request

from labeltui.sandbox.runpod.world import timeline
from labeltui.sandbox.runpod.world.requests import Invalid
from labeltui.sandbox.runpod.world.world import World


def world_of(request: Request) -> World:
    """The world that the app serves, after everything that is due has happened."""
    world: World = request.app.state.world
    timeline.advance(world)
    return world


def whole(request: Request, name: str, default: int, least: int, most: int) -> int:
    """An integer query parameter; raises :class:`Invalid`."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if not text.isdecimal() or not least <= int(text) <= most:
        raise Invalid([f"query.{name}: must be a whole number from {least} to {most}"])
    return int(text)


def choices(request: Request, name: str, allowed: tuple[str, ...] | str) -> tuple[str, ...]:
    """The values of a comma-separated or repeated query parameter; raises :class:`Invalid`.

    ``allowed`` lists the values, or is a regular expression that each must match.
    """
    values = [part for text in request.query_params.getlist(name) for part in text.split(",") if part]
    for value in values:
        good = re.fullmatch(allowed, value) if isinstance(allowed, str) else value in allowed
        if not good:
            raise Invalid([f"query.{name}: value '{value}' is not allowed"])
    return tuple(values)


def instant(text: str, place: str) -> datetime:
    """A time with its zone, in UTC; raises :class:`Invalid`, which names ``place``."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise Invalid([f"{place}: '{text}' is not valid 'date-time'"])
    return at.astimezone(UTC)
