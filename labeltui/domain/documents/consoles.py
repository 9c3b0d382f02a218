"""The other consoles on a host, as ``status --json`` prints them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from labeltui.domain.consoles import OtherConsole
from labeltui.domain.documents.documents import moment


def consoles_document(consoles: Sequence[OtherConsole] | None) -> list[dict[str, Any]] | None:
    """Each other console, and the action for which it has the lease; None if they were not listed."""
    if consoles is None:
        return None
    return [
        {
            "who": one.shown,
            "client_id": one.client_id,
            "program": one.program,
            "read_only": one.read_only,
            "since": moment(one.since),
            "silent_since": moment(one.silent_since),
            "action": one.action or None,
            "action_since": moment(one.action_since),
        }
        for one in consoles
    ]
