"""How a session makes the clients of the two REST APIs. Tests hand in clients with transports of their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from labeltui.monailabel.client import MonaiLabelClient
from labeltui.runpod.client import RunpodClient
from labeltui.runpod.keys import Secret


class MakesServerClient(Protocol):
    """Makes the client of a MONAI Label server, which sees ``client_id`` as the user's name."""

    def __call__(self, base_url: str, *, client_id: str) -> MonaiLabelClient:
        """A client of the server at this URL."""
        ...


class MakesRunpodClient(Protocol):
    """Makes the client of a RunPod account."""

    def __call__(
        self, key: Secret, *, base: str | None, api: str, now: Callable[[], datetime]
    ) -> RunpodClient:
        """A client with this API key. ``base`` is another URL than RunPod's own, for the demo."""
        ...


@dataclass(frozen=True, slots=True)
class Clients:
    """The real ones, unless told otherwise."""

    server: MakesServerClient = MonaiLabelClient
    runpod: MakesRunpodClient = RunpodClient
