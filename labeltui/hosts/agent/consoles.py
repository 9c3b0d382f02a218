"""The agent's requests about the other consoles of its folder, and about the lease."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from labeltui.hosts.agent.connection import AgentConnection
from labeltui.hosts.agent.parsing import parse

LEASE_S = 10.0


@dataclass(frozen=True, slots=True)
class ListedConsole:
    """Another console, or a command that has the lease. Ages are in seconds by the host's clock.

    ``action`` is empty if the console has no lease. ``free_in_s`` is the time until the lease is free if the console
    stays silent.
    """

    id: str
    who: str
    client_id: str
    program: str
    read_only: bool
    age_s: float
    silent_s: float
    action: str = ""
    action_age_s: float = 0.0
    may_be_taken: bool = False
    free_in_s: float = 0.0


@dataclass(frozen=True, slots=True)
class _Consoles:
    consoles: tuple[ListedConsole, ...]


@dataclass(frozen=True, slots=True)
class _Lease:
    holder: ListedConsole | None


class ConsoleRequests(AgentConnection):
    """Lists the consoles of the folder, and takes and releases its lease."""

    async def enter(self, console: Mapping[str, object]) -> None:
        """Let other consoles list this one until the connection ends."""
        await self.request("console.enter", console=dict(console))

    async def consoles(self) -> tuple[ListedConsole, ...]:
        """Fetch the other consoles, oldest first."""
        return parse(_Consoles, await self.request("console.list")).consoles

    async def take_lease(
        self, console: Mapping[str, object], action: str, over: str | None = None
    ) -> ListedConsole | None:
        """Take the lease. Returns the console that has it; None if this console has it now.

        ``over`` is the id of the silent console from which the lease is taken over.
        """
        answer = await self.request(
            "lease.take", deadline_s=LEASE_S, console=dict(console), action=action, over=over
        )
        return parse(_Lease, answer).holder

    async def release_lease(self, action: str) -> None:
        """Release the lease that was taken for this action."""
        await self.request("lease.release", deadline_s=LEASE_S, action=action)
