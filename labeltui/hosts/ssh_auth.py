"""The login over SSH: the order in which keys are tried, and the questions to the operator."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncssh

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Refused
from labeltui.hosts.base import Prompter
from labeltui.hosts.ssh_address import Target

TRIES = 3


class Secrets:
    """The operator's answers, stored in memory so that a reconnect does not ask again."""

    def __init__(self, prompter: Prompter) -> None:
        self.prompter = prompter
        self.keys: dict[Path, asyncssh.SSHKey] = {}
        self.passwords: dict[str, str] = {}


class Deadline:
    """A deadline that is paused while the operator is asked."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._timeout: asyncio.Timeout | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the body within the deadline. Raises TimeoutError when the time is over."""
        async with asyncio.timeout(self._seconds) as self._timeout:
            yield

    @asynccontextmanager
    async def paused(self) -> AsyncIterator[None]:
        """Pause the deadline. Afterwards the deadline starts again with the full time."""
        if self._timeout is not None:
            self._timeout.reschedule(None)
        try:
            yield
        finally:
            if self._timeout is not None and not self._timeout.expired():
                self._timeout.reschedule(asyncio.get_running_loop().time() + self._seconds)


class Login(asyncssh.SSHClient):
    """One attempt to log in to ``target``.

    Afterwards ``offered`` has the server's login methods, and ``shown_key`` its host key if it was unknown.
    """

    def __init__(
        self,
        target: Target,
        secrets: Secrets,
        deadline: Deadline,
        on_lost: Callable[[str], None],
    ) -> None:
        self.target = target
        self.shown_key: asyncssh.SSHKey | None = None
        self.peer = ""
        self.offered: dict[str, None] = {}
        self.declined = False
        self.accepted = False
        self._secrets = secrets
        self._deadline = deadline
        self._on_lost = on_lost
        self._tries = 0
        self._sent: str | None = None
        self._locked: list[Path] = []
        self._conn: asyncssh.SSHClientConnection | None = None

    # ---- asyncssh's callbacks

    def connection_made(self, conn: asyncssh.SSHClientConnection) -> None:
        """Store the connection, which has the server's login methods."""
        self._conn = conn

    def connection_lost(self, exc: Exception | None) -> None:
        """Report the reason if the login has succeeded. After a failed login, connect raises the reason."""
        if self.accepted:
            self._on_lost(lost_reason(exc, self.target.shown))

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        """Store an unknown host key in ``shown_key`` and reject it. The caller of connect asks the operator."""
        self.shown_key, self.peer = key, addr
        return False

    async def public_key_auth_requested(self) -> asyncssh.SSHKey | None:
        """Return the next key with a passphrase. Keys without a passphrase were tried before."""
        self._note_offer()
        while self._locked and not self.declined:
            path = self._locked.pop(0)
            key = await self._unlock(path)
            if key is not None:
                return key
        return None

    async def password_auth_requested(self) -> str | None:
        """Ask for the password, at most three times."""
        self._note_offer()
        return await self._password("Password")

    def kbdint_auth_requested(self) -> str | None:
        """Accept any keyboard-interactive method, unless the operator declined or had three tries."""
        self._note_offer()
        return None if self.declined or self._tries >= TRIES else ""

    async def kbdint_challenge_received(
        self, name: str, instructions: str, lang: str, prompts: Sequence[tuple[str, bool]]
    ) -> Sequence[str] | None:
        """Ask the operator the server's questions. A single password is stored, a one-time code is not."""
        if len(prompts) == 1 and "password" in prompts[0][0].lower():
            password = await self._password(prompts[0][0].strip().rstrip(":"))
            return None if password is None else [password]
        answers = []
        self._tries += bool(prompts)
        for prompt, _ in prompts:
            answer = await self._ask(f"Log in to {self.target.shown}", f"{instructions} {prompt}".strip())
            if answer is None:
                self.declined = True
                return None
            answers.append(answer)
        return answers

    # ---- questions and keys

    def _note_offer(self) -> None:
        if self._conn is not None:
            self.offered.update(dict.fromkeys(self._conn.get_server_auth_methods()))

    async def _ask(self, title: str, prompt: str) -> str | None:
        async with self._deadline.paused():
            return await self._secrets.prompter.secret(title, prompt)

    async def _password(self, prompt: str) -> str | None:
        stored = self._secrets.passwords
        shown = self.target.shown
        if self._sent is not None:
            stored.pop(shown, None)  # the server rejected it
        if shown in stored:
            self._sent = stored[shown]
            return self._sent
        if self.declined or self._tries >= TRIES:
            return None
        self._tries += 1
        again = "" if self._sent is None else " (the last one was rejected)"
        answer = await self._ask(f"Log in to {shown}", prompt + again)
        if answer is None:
            self.declined = True
            return None
        self._sent = stored[shown] = answer
        return answer

    async def _unlock(self, path: Path) -> asyncssh.SSHKey | None:
        data = await asyncio.to_thread(path.read_bytes)
        for attempt in range(TRIES):
            again = " (the last one did not open it)" if attempt else ""
            passphrase = await self._ask(f"Key {path}", "Passphrase" + again)
            if passphrase is None:
                return None
            try:
                key = await asyncio.to_thread(asyncssh.import_private_key, data, passphrase)
            except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError):
                continue
            self._secrets.keys[path] = key
            return key
        return None

    async def keys(self, required: Path | None) -> list[Any]:
        """The keys to try first: those of the agent, then files without a passphrase. Others come later.

        Raises Refused ``bad_key`` if the ``required`` key can't be used.
        """
        offered: list[Any] = list(await self._agent_keys())
        for path in self.target.identities:
            if path in self._secrets.keys:
                offered.append(self._secrets.keys[path])
                continue
            try:
                # This includes a certificate beside the key.
                offered.extend(await asyncio.to_thread(asyncssh.load_keypairs, [str(path)]))
            except asyncssh.KeyImportError as error:
                if str(error).startswith("Passphrase"):
                    self._locked.append(path)
                elif path == required:
                    raise Refused(
                        Code.BAD_KEY, f"{path} is not a private key: {error}.", "Choose another key."
                    ) from None
            except OSError as error:
                if path == required:
                    raise Refused(
                        Code.BAD_KEY, f"The key {path} can't be read: {error.strerror}.", "Check the path."
                    ) from None
        return offered

    async def _agent_keys(self) -> Sequence[Any]:
        if not self.target.agent:
            return []
        wanted = None
        if self.target.identities_only:
            wanted = [found for path in self.target.identities if (found := public_half(path)) is not None]
            if not wanted:
                return []
        try:
            agent = await asyncssh.connect_agent(self.target.agent)
            return await agent.get_keys(wanted)
        except (OSError, ValueError, asyncssh.Error):
            return []  # like ssh, try the files if the agent does not answer


def public_half(path: Path) -> bytes | None:
    """Return the public key of a private key file. None if it can't be read without a passphrase."""
    for candidate in (path.with_name(path.name + ".pub"), path):
        try:
            return bytes(asyncssh.read_public_key(candidate).public_data)
        except (OSError, asyncssh.KeyImportError):
            continue
    return None


def lost_reason(exc: Exception | None, shown: str) -> str:
    """Return the reason for the lost connection as one sentence."""
    said = str(exc or "")
    if "keepalive" in said:
        return f"{shown} has stopped answering."
    if isinstance(exc, asyncssh.ConnectionLost | ConnectionError) or exc is None:
        return f"The connection to {shown} was closed."
    return f"The connection to {shown} was lost: {said}."
