"""Opens shells on the host. In tmux, if the host has it, they outlive the connection; else they end with it."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum

from labeltui.config.model import ShellSection
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import LabeltuiError, Refused, Unreachable
from labeltui.hosts import tmux
from labeltui.hosts.base import Completed, Host, Shell
from labeltui.hosts.tmux import Farewell, TmuxSession
from labeltui.support.processes import runs

COMMAND_S = 20.0


class Lifetime(StrEnum):
    """The lifetime of a shell."""

    TMUX = "tmux"  # in the host's tmux, until the shell exits
    CONNECTION = "connection"
    PROXY = "proxy"  # like CONNECTION, through RunPod's proxy: a terminal and nothing else


@dataclass(slots=True)
class OpenShell:
    """A shell.

    ``resumed`` is True if the shell was running before. ``no_tmux_reason`` says why the shell is not in tmux;
    it is empty for a shell in tmux.
    """

    shell: Shell
    lifetime: Lifetime
    name: str = ""  # of its tmux session; empty without one
    resumed: bool = False
    no_tmux_reason: str = ""
    farewell: Farewell | None = field(default=None)


class Ended(StrEnum):
    """The reason for a shell's end."""

    EXITED = "exited"
    LOST = "lost"  # with the connection
    TAKEN = "taken"  # another console shows it now


class Shells:
    """Opens the shells of one profile.

    ``host`` waits until the host is connected and returns it. ``proxy`` opens a shell through RunPod's proxy;
    None if there is no proxy.
    """

    def __init__(
        self,
        host: Callable[[], Awaitable[Host]],
        section: ShellSection,
        profile: str,
        *,
        read_only: bool = False,
        proxy: Callable[[int, int], Awaitable[Shell]] | None = None,
    ) -> None:
        self.section = section
        self._host = host
        self._profile = profile
        self.read_only = read_only
        self._proxy = proxy

    @property
    def owner(self) -> str:
        """This console's name on the host: ``MACHINE/PID``."""
        return f"{re.sub(r'[^A-Za-z0-9._-]', '_', socket.gethostname())}/{os.getpid()}"

    def name(self, number: int) -> str:
        """The name of the tmux session of shell ``number``."""
        return tmux.session_name(self._profile, number)

    async def plain(self, columns: int, rows: int, command: str | None = None) -> Shell:
        """Open a shell that ends with the connection. Raises Refused when the session is read-only."""
        self._allowed()
        return await (await self._host()).shell(columns, rows, command=command or self.section.command)

    async def open(self, number: int, columns: int, rows: int) -> OpenShell:
        """Open shell ``number``: attach to its tmux session if that exists, else create one.

        Without tmux the shell ends with the connection. Raises Refused if the session is read-only.
        """
        self._allowed()
        host = await self._host()
        if not self.section.tmux:
            why = "tmux is off in the profile"
        else:
            name = self.name(number)
            state, why = await self._prepare(host, name, columns, rows)
            if not why:
                shell = await host.shell(columns, rows, command=tmux.attach(name))
                return OpenShell(shell, Lifetime.TMUX, name, state == "there", farewell=Farewell())
        return OpenShell(await self.plain(columns, rows), Lifetime.CONNECTION, no_tmux_reason=why)

    async def open_proxy(self, columns: int, rows: int) -> OpenShell:
        """Open a shell through RunPod's proxy, for a host that can't be reached otherwise.

        Raises Refused ``no_door`` if there is no proxy.
        """
        self._allowed()
        if self._proxy is None:
            raise Refused(Code.NO_PROXY_SHELL, "This host has no proxy shell.", "Only RunPod pods have one.")
        return OpenShell(await self._proxy(columns, rows), Lifetime.PROXY)

    async def tmux_sessions(self) -> tuple[TmuxSession, ...]:
        """Return the profile's tmux sessions that no other console shows, sorted by number.

        Returns none if the session is read-only or tmux is missing.
        """
        if not self.section.tmux or self.read_only:
            return ()
        done = await self._ask(await self._host(), tmux.listing())
        found = tmux.parse_listing(done.stdout.decode("utf-8", "replace"), self._profile)
        return tuple(one for one in found if not self.shown_elsewhere(one))

    async def free_number(self, taken: frozenset[int]) -> int:
        """Return the lowest number that is neither in ``taken`` nor used by a tmux session of this profile."""
        used = set(taken)
        if self.section.tmux and not self.read_only:
            done = await self._ask(await self._host(), tmux.listing())
            used |= {
                one.number
                for one in tmux.parse_listing(done.stdout.decode("utf-8", "replace"), self._profile)
            }
        return next(number for number in range(1, 1000) if number not in used)

    def shown_elsewhere(self, one: TmuxSession) -> bool:
        """Whether another console shows this tmux session now. Ignores a console of this machine that has died."""
        if not one.attached or one.owner == self.owner:
            return False
        machine, _, process = one.owner.rpartition("/")
        if machine != self.owner.rpartition("/")[0] or not process.isdigit():
            return True
        return runs(int(process))

    async def ended(self, opened: OpenShell) -> tuple[Ended, int | None]:
        """Return how a shell ended, and its exit code if known. Call this once the output has ended."""
        code = await opened.shell.wait()
        farewell = opened.farewell
        if farewell is None:
            return (Ended.LOST if code is None else Ended.EXITED), code
        if farewell.detached:
            return Ended.TAKEN, None
        return (Ended.EXITED if farewell.exited else Ended.LOST), None

    async def foreground(self, opened: OpenShell) -> str | None:
        """Return the name of the program that runs in the shell: empty at the prompt, None if unknown."""
        if opened.lifetime is not Lifetime.TMUX:
            return opened.shell.foreground()
        try:
            done = await self._ask(await self._host(), tmux.foreground(opened.name))
        except LabeltuiError:
            return None
        return done.stdout.decode("utf-8", "replace").strip() if done.exit_code == 0 else None

    async def scrollback(self, opened: OpenShell) -> bytes:
        """Return the lines above the screen and the screen, with escape sequences that a terminal can draw."""
        done = await self._ask(await self._host(), tmux.scrollback(opened.name, self.section.scrollback))
        return done.stdout.removesuffix(b"\n").replace(b"\n", b"\r\n")

    async def on_alternate_screen(self, opened: OpenShell) -> bool:
        """Whether the program in a tmux session uses the alternate screen, as an editor does."""
        done = await self._ask(await self._host(), tmux.on_alternate_screen(opened.name))
        return done.stdout.strip() == b"1"

    async def relabel(self, opened: OpenShell, label: str) -> None:
        """Store the operator's name for a shell in its tmux session. Does nothing for a shell without tmux."""
        if opened.lifetime is Lifetime.TMUX:
            await self._ask(await self._host(), tmux.relabel(opened.name, label))

    async def end(self, number: int) -> None:
        """End a tmux session and every program that runs in it."""
        await self._ask(await self._host(), tmux.kill(self.name(number)))

    def _allowed(self) -> None:
        if self.read_only:
            raise Refused(Code.READ_ONLY, "A shell can change things, and this session is read-only.")

    async def _prepare(self, host: Host, name: str, columns: int, rows: int) -> tuple[str, str]:
        """Create the tmux session if it is missing. Returns a state and a reason.

        The state is ``there`` or ``made`` and the reason is empty. If no session can be created, the state is
        empty and the reason says why.
        """
        section = self.section
        command = tmux.prepare(
            name, columns, rows, command=section.command, history=section.scrollback, owner=self.owner
        )
        try:
            done = await self._ask(host, command)
        except Unreachable:
            raise
        except LabeltuiError as error:
            return "", f"tmux: {error.problem.message}"
        state = done.stdout.decode("utf-8", "replace").strip()
        if done.exit_code == 0 and state in ("there", "made"):
            return state, ""
        if state == "absent":
            return "", "no tmux on the host"
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        return "", f"tmux: {said[-1] if said else f'exit code {done.exit_code}'}"[:120]

    @staticmethod
    async def _ask(host: Host, command: str) -> Completed:
        return await host.run(command, timeout=COMMAND_S)
