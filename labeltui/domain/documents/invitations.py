"""The invitations as JSON documents of the command line."""

from __future__ import annotations

from typing import Any

from labeltui.domain.documents.documents import moment
from labeltui.domain.invitations import Invitations


def invitation_rows(found: Invitations) -> list[dict[str, Any]]:
    """One row per invitation. ``connected`` is null if the host does not show which connection belongs to whom."""
    return [
        {
            "name": one.name, "since": moment(one.since), "on_this_host": one.installed, "connected": one.connected,
            "state": one.words,
        }
        for one in found.all
    ]  # fmt: skip
