"""The tunnel to the server. Its local port stays the same, because Slicer remembers the URL."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace

from labeltui.domain.failure_codes import Code
from labeltui.domain.host import TunnelStatus
from labeltui.domain.problems import Failed, LabeltuiError, Problem
from labeltui.domain.reading import Reading
from labeltui.domain.state import Alert, Level
from labeltui.domain.states import TunnelState
from labeltui.domain.text import one_line
from labeltui.hosts.base import Forward, Host
from labeltui.session.runtime.fields import Fields
from labeltui.session.runtime.state_folder import StateFolder
from labeltui.session.runtime.store import Store
from labeltui.session.runtime.supervise import Clock
from labeltui.support.ports import accepts, listener
from labeltui.support.processes import runs

PORTS_TRIED = 50
DOCUMENT = "tunnel"


class Tunnel:
    """One forward to the server.

    With ``hold`` the tunnel uses the fixed port to which Slicer connects; otherwise it uses any free port, for
    labeltui's own requests. The tunnel with the fixed port stores its number, so that a command that runs
    beside the console can show the console's URL.
    """

    def __init__(
        self, store: Store, state: StateFolder, remote_port: int, clock: Clock, *, hold: bool
    ) -> None:
        self._store = store
        self._field = store.own(Fields.tunnel)
        self._state = state
        self._clock = clock
        self._forward: Forward | None = None
        self._opened = 0
        self._changing = asyncio.Lock()  # opening and closing exclude each other
        self.hold = hold
        self.remote_port = remote_port

    @property
    def base_url(self) -> str | None:
        """The base URL of labeltui's own requests. None while the tunnel is down."""
        return None if self._forward is None else f"http://127.0.0.1:{self._forward.local_port}"

    @property
    def problem(self) -> Problem | None:
        """Why the host forwards no ports. None while the tunnel is open, and before a connection."""
        return self.status.problem

    @property
    def status(self) -> TunnelStatus:
        """The status that was last written to the store."""
        return self._field.value.value or TunnelStatus(remote_port=self.remote_port)

    async def open(self, host: Host) -> None:
        """Open the forward on a host that has just connected. Does nothing if :meth:`hold_port` has opened it.

        If the host refuses to forward ports, the tunnel has failed, and the host stays connected.
        """
        async with self._changing:
            if self._forward is None:
                await self._open(host)

    async def hold_port(self, host: Host) -> bool:
        """Change to the fixed local port on a connected host, and hold it. Returns False if it is held already.

        The host may be so new that :meth:`open` has not run yet, or is running.
        """
        async with self._changing:
            if self.hold:
                return False
            self.hold = True
            await self._close("the tunnel is changing to the port that Slicer uses")
            await self._open(host)
        return True

    async def _open(self, host: Host) -> None:
        wanted = self._wanted(host)
        try:
            forward = await self._forward_sticky(host, wanted) if self.hold else await self._forward_any(host)
        except Failed as error:
            if error.problem.code != Code.FORWARDING_REFUSED:
                raise
            self._fail(error.problem)
            return
        self._forward = forward
        self._store.dismiss(DOCUMENT)
        port = forward.local_port if self.hold or forward.direct else wanted
        because = await self._moved_because(wanted, port)
        reason = self._reason(host, wanted, port, because)
        url_open = self.hold or forward.direct or await self._is_held_elsewhere(wanted)
        if self.hold and not forward.direct:
            self._store_port(port, wanted, because)
            self._alert_moved(wanted, port, reason)
        self._publish(
            replace(
                self.status,
                state=TunnelState.OPEN,
                local_port=port,
                preferred_port=wanted,
                port_reason=reason,
                url_open=url_open,
                reconnects=self._opened,
                detail="",
                problem=None,
            )
        )
        self._opened += 1

    def _fail(self, problem: Problem) -> None:
        self._publish(
            replace(
                self.status,
                state=TunnelState.FAILED,
                local_port=None,
                url_open=False,
                detail=problem.message,
                problem=problem,
            )
        )
        self._store.alert(Alert(DOCUMENT, Level.ERROR, problem.message, problem.hint, self._clock()))

    async def close(self, why: str) -> None:
        """Close the forward. ``why`` is shown as the reason."""
        async with self._changing:
            await self._close(why)

    async def _close(self, why: str) -> None:
        forward, self._forward = self._forward, None
        if forward is not None:
            await forward.close()
        self._publish(replace(self.status, state=TunnelState.DOWN, url_open=False, detail=why, problem=None))

    def request_succeeded(self) -> None:
        """Mark the tunnel as up, because a request succeeded."""
        if self._forward is not None:
            self._publish(replace(self.status, state=TunnelState.UP, detail=""))

    def request_failed(self, why: str) -> None:
        """Mark the tunnel as open but not up, because a request failed. ``why`` is shown as the reason."""
        if self._forward is not None:
            self._publish(replace(self.status, state=TunnelState.OPEN, detail=why))

    async def _is_held_elsewhere(self, port: int) -> bool:
        """Return whether another running labeltui holds the port to which Slicer connects."""
        return self._holder() is not None and await asyncio.to_thread(accepts, port)

    def _holder(self) -> int | None:
        """Return the process id of another running labeltui that holds a port for Slicer."""
        holder = self._state.read(DOCUMENT).get("pid")
        return holder if isinstance(holder, int) and holder != os.getpid() and runs(holder) else None

    async def _moved_because(self, wanted: int, port: int) -> str:
        """Return a clause that names the program that used the wanted port when the local port was chosen."""
        if port != wanted:
            user = one_line(await asyncio.to_thread(listener, wanted))
            return f"port {wanted} of this machine was in use by {user or 'another program'}"
        stored = self._state.read(DOCUMENT).get("because")
        return one_line(stored) if isinstance(stored, str) else ""

    def _reason(self, host: Host, wanted: int, port: int, because: str) -> str:
        """Return a sentence that says why the local port differs from the server's; empty if it does not."""
        if port == self.remote_port:
            return ""
        if port != wanted:
            return because[:1].upper() + because[1:] + "."
        if port == self._first(host):
            return f"Port {self.remote_port} is the server's own."
        reason = f"Slicer knows port {port} from an earlier session, so labeltui uses it again"
        return f"{reason}. That session chose it because {because}." if because else f"{reason}."

    def _store_port(self, port: int, wanted: int, because: str) -> None:
        """Store the port for the next start.

        A different port is not stored while another running labeltui uses the port that Slicer knows.
        """
        if port == wanted or self._holder() is None:
            self._state.write(DOCUMENT, {"port": port, "pid": os.getpid(), "because": because})

    def _wanted(self, host: Host) -> int:
        stored = self._state.read(DOCUMENT).get("port")
        first = self._first(host)
        return (
            stored if isinstance(stored, int) and (stored != self.remote_port or stored == first) else first
        )

    def _first(self, host: Host) -> int:
        """Return the first local port to try.

        This is the server's port, or the next one if the host is this machine.
        """
        shared = host.loopback and host.kind != "local"
        return self.remote_port + 1 if shared else self.remote_port

    async def _forward_any(self, host: Host) -> Forward:
        if host.kind == "local":
            return await host.forward(self.remote_port, local_port=self.remote_port)
        return await host.forward(self.remote_port)

    async def _forward_sticky(self, host: Host, wanted: int) -> Forward:
        if host.kind == "local":
            return await host.forward(self.remote_port, local_port=self.remote_port)
        first = self._first(host)
        tries = [wanted, *(port for port in range(first, first + PORTS_TRIED) if port != wanted)]
        for port in (p for p in tries if p <= 65535):
            try:
                return await host.forward(self.remote_port, local_port=port)
            except LabeltuiError as error:
                if error.problem.code != Code.PORT_TAKEN:
                    raise
        raise Failed(
            Code.PORT_TAKEN,
            f"The tunnel can't open: all local ports from {first} on are in use.",
            "End some of the programs that use these ports.",
        )

    def _alert_moved(self, wanted: int, port: int, reason: str) -> None:
        if port == wanted:
            return
        self._store.alert(
            Alert(
                "tunnel-port", Level.WARNING, f"{reason} The tunnel uses local port {port}.",
                f"Enter http://127.0.0.1:{port} in Slicer, or free port {wanted} and reconnect.", self._clock(),
            )
        )  # fmt: skip

    def _publish(self, status: TunnelStatus) -> None:
        self._field.write(Reading(status, self._clock()))
