"""The demo's pod, in the form that a session needs."""

from __future__ import annotations

from typing import Protocol


class DemoPod(Protocol):
    """The demo's pod, which ends with the session.

    ``autostart`` names the actions that the demo runs at its start. ``account`` is the URL and the API key of
    the emulated RunPod; None for a scenario without one.
    """

    scenario: str
    autostart: tuple[str, ...]
    account: tuple[str, str] | None

    async def close(self) -> None:
        """End the demo's pod and delete its files."""
        ...
