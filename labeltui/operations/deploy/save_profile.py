"""Writes the rented pod into the profile, so that the next session finds it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labeltui.config.edit import set_values
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Misused

if TYPE_CHECKING:
    from labeltui.session.session import Session


def save_pod(session: Session, pod: str, key: str | None) -> str | None:
    """Write the pod's name, and its key if the profile has none, to the profile's file.

    Returns a text on the change, such as ``pod in /home/me/labeltui.toml``; None if the profile has the pod
    already. Raises Misused ``no_config`` for a session without a file, and Failed if the file can't be edited.
    """
    if session.config is None:
        raise Misused(
            Code.NO_CONFIG,
            "This session has no profile file to write to.",
            "`labeltui config init` writes one.",
        )
    section = session.profile.runpod
    values: dict[tuple[str, ...], str] = {}
    if key is not None and (section is None or section.key is None):
        values["runpod", "key"] = key
    if section is None or section.pod != pod:
        values["runpod", "pod"] = pod  # set last, because each new value is inserted at the top of its table
    if not values:
        return None
    changed = set_values(
        session.config, {("profiles", session.name, *path): value for path, value in values.items()}
    )
    return f"{' and '.join(path[-1] for path in values)} in {session.config}" if changed else None
