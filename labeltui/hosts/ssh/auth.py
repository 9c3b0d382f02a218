"""The login over SSH: the callbacks of asyncssh, and the questions to the operator."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import asyncssh

from labeltui.hosts.base import Prompter
from labeltui.hosts.ssh.address import Target
from labeltui.hosts.ssh.offers import Offers

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

    Afterwards ``methods`` has the server's login methods, ``offers.made`` the offered keys, and ``shown_key`` the
    server's host key if it was unknown.
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
        self.methods: dict[str, None] = {}
        self.offers = Offers(target, secrets.keys, self._unlock, self._touch)
        self.declined = False
        self.accepted = False
        self._secrets = secrets
        self._deadline = deadline
        self._on_lost = on_lost
        self._tries = 0
        self._sent: str | None = None
        self._conn: asyncssh.SSHClientConnection | None = None

    # ---- asyncssh's callbacks

    def connection_made(self, conn: asyncssh.SSHClientConnection) -> None:
        """Store the connection, which has the server's login methods."""
        self._conn = conn

    def connection_lost(self, exc: Exception | None) -> None:
        """Report why the connection ended, if the login had succeeded.

        For a failed login, connect raises the reason.
        """
        if self.accepted:
            self._on_lost(lost_reason(exc, self.target.shown))

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        """Store an unknown host key in ``shown_key`` and reject it. The caller of connect asks the operator."""
        self.shown_key, self.peer = key, addr
        return False

    async def public_key_auth_requested(self) -> asyncssh.SSHKeyPair | None:
        """Return the next key, None after the last one."""
        self._note_methods()
        return await self.offers.next()

    async def password_auth_requested(self) -> str | None:
        """Ask for the password, at most three times."""
        self._note_methods()
        return await self._password("Password")

    def kbdint_auth_requested(self) -> str | None:
        """Accept any keyboard-interactive method, until the operator declines or has tried three times."""
        self._note_methods()
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

    def _note_methods(self) -> None:
        if self._conn is not None:
            self.methods.update(dict.fromkeys(self._conn.get_server_auth_methods()))

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
        again = "" if self._sent is None else " (the last answer was rejected)"
        answer = await self._ask(f"Log in to {shown}", prompt + again)
        if answer is None:
            self.declined = True
            return None
        self._sent = stored[shown] = answer
        return answer

    @asynccontextmanager
    async def _touch(self, name: str) -> AsyncIterator[None]:
        self._secrets.prompter.notice(f"Touch the security key of {name}, if it blinks.")
        async with self._deadline.paused():
            yield

    async def _unlock(self, path: Path) -> asyncssh.SSHKey | None:
        data = await asyncio.to_thread(path.read_bytes)
        for attempt in range(TRIES):
            again = " (the last passphrase was wrong)" if attempt else ""
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


def lost_reason(exc: Exception | None, shown: str) -> str:
    """Return the reason for the lost connection as one sentence."""
    said = str(exc or "")
    if "keepalive" in said:
        return f"{shown} has stopped answering."
    if isinstance(exc, asyncssh.ConnectionLost | ConnectionError) or exc is None:
        return f"The connection to {shown} was closed."
    return f"The connection to {shown} was lost: {said}."
