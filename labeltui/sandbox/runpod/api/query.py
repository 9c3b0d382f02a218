"""Read the query parameters of a REST request, and find the emulated account that it is for."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from starlette.requests import Request

from labeltui.sandbox.runpod.world import timeline
from labeltui.sandbox.runpod.world.requests import Invalid
from labeltui.sandbox.runpod.world.world import World


def world_of(request: Request) -> World:
    """Return the app's world after carrying out all due steps."""
    world: World = request.app.state.world
    timeline.advance(world)
    return world


def whole(request: Request, name: str, default: int, least: int, most: int) -> int:
    """Return an integer query parameter. Raises :class:`Invalid`."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if not text.isdecimal() or not least <= int(text) <= most:
        raise Invalid([f"query.{name}: must be a whole number from {least} to {most}"])
    return int(text)


def choices(request: Request, name: str, allowed: tuple[str, ...] | str) -> tuple[str, ...]:
    """Return the values of a comma-separated or repeated query parameter. Raises :class:`Invalid`.

    ``allowed`` is a tuple of values, or a regular expression that each value must match.
    """
    values = [part for text in request.query_params.getlist(name) for part in text.split(",") if part]
    for value in values:
        good = re.fullmatch(allowed, value) if isinstance(allowed, str) else value in allowed
        if not good:
            raise Invalid([f"query.{name}: value '{value}' is not allowed"])
    return tuple(values)


def instant(text: str, place: str) -> datetime:
    """Parse a time with a zone and convert it to UTC. Raises :class:`Invalid` with ``place`` in the message."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise Invalid([f"{place}: '{text}' is not valid 'date-time'"])
    return at.astimezone(UTC)
