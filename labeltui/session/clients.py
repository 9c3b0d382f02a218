"""Creates a session's clients for the two REST APIs. Tests pass clients with their own transports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from labeltui.monailabel.client import MonaiLabelClient
from labeltui.runpod.client import RunpodClient
from labeltui.runpod.keys import Secret


class MakesServerClient(Protocol):
    """Creates the client of a MONAI Label server. The server treats ``client_id`` as the user's name."""

    def __call__(self, base_url: str, *, client_id: str) -> MonaiLabelClient:
        """Return a client of the server at this URL."""
        ...


class MakesRunpodClient(Protocol):
    """Creates the client of a RunPod account."""

    def __call__(
        self, key: Secret, *, base: str | None, api: str, team: str | None, now: Callable[[], datetime]
    ) -> RunpodClient:
        """Return a client with this API key. ``base`` replaces RunPod's own URL, for the demo; ``team`` is its id."""
        ...


@dataclass(frozen=True, slots=True)
class Clients:
    """Creates the real clients unless other ones are passed."""

    server: MakesServerClient = MonaiLabelClient
    runpod: MakesRunpodClient = RunpodClient
