"""The private keys that a login offers: each once, in the order in which ssh offers them."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import shlex
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from copy import copy
from functools import partial
from pathlib import Path

import asyncssh
from asyncssh.sk import sk_available

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Problem, Refused
from labeltui.hosts.ssh.address import OPENSSH_PIPE, Target
from labeltui.hosts.ssh.own_keys import other_format
from labeltui.support.desk import WINDOWS

AGENT_DEADLINE_S = 3.0
SECURITY_KEY = b"sk-"
Unlock = Callable[[Path], Awaitable[asyncssh.SSHKey | None]]
"""Asks for the passphrase of a key file. None if the operator does not give it."""

Touch = Callable[[str], AbstractAsyncContextManager[None]]
"""Takes the name of a security key. Returns a context manager that asks the operator to touch the key meanwhile."""


class LockedKey(asyncssh.SSHKeyPair):
    """A key whose passphrase is asked for only when the host has accepted its public half."""

    def __init__(self, path: Path, public: asyncssh.SSHKey, unlock: Unlock) -> None:
        types = public.sig_algorithms
        super().__init__(public.algorithm, public.algorithm, types, types, public.public_data, None)
        self._path, self._unlock = path, unlock

    async def sign_async(self, data: bytes) -> bytes:
        """Return the signature. Raises ValueError without a passphrase; asyncssh then goes on to the next key."""
        key = await self._unlock(self._path)
        if key is None:
            raise ValueError(f"{self._path} was not unlocked")
        return key.sign(data, self.sig_algorithm)


class TouchKey(asyncssh.SSHKeyPair):
    """A key on a security key, which must be touched to sign. It signs within ``touch()``, which asks for that."""

    def __init__(
        self, pair: asyncssh.SSHKeyPair, touch: Callable[[], AbstractAsyncContextManager[None]]
    ) -> None:
        self.__dict__.update(pair.__dict__)
        self._pair, self._touch = pair, touch

    @property
    def has_cert(self) -> bool:
        """Whether the key has a certificate; asyncssh calls this."""
        return self._pair.has_cert

    async def sign_async(self, data: bytes) -> bytes:
        """Return the signature. Raises ValueError if there is none; asyncssh then goes on to the next key."""
        sign = getattr(self._pair, "sign_async", None)
        async with self._touch():
            signing = sign(data) if sign is not None else asyncio.to_thread(self._pair.sign, data)
            signature: bytes = await signing
        return signature


class Offers:
    """The keys for one login, as ssh orders them.

    Keys of the agent that are also identity files come first. Then come the agent's other keys, then the other
    files. Unlike with ssh, files that the operator chose come before the agent's other keys, because a host
    accepts only a few offers. With ``target.identities_only`` the agent's other keys are not offered.
    """

    def __init__(
        self,
        target: Target,
        opened: dict[Path, asyncssh.SSHKey],
        unlock: Unlock,
        touch: Touch,
    ) -> None:
        self.made: list[str] = []  # the offered keys, as the operator knows them
        self.left_out: list[Problem] = []  # the files that hold no usable key
        self._target, self._opened, self._unlock, self._touch = target, opened, unlock, touch
        self._agents: list[asyncssh.SSHAgentClient] = []
        self._pairs: list[tuple[str, asyncssh.SSHKeyPair]] = []
        self._opaque: list[Path] = []  # locked, and the public half is not known
        self._sent: set[bytes] = set()

    async def read(self, required: Path | None) -> None:
        """Read the agent's keys and the files. Raises Refused ``bad_key`` if ``required`` can't be used."""
        agent = await self._agent_keys()
        ours: list[tuple[str, asyncssh.SSHKeyPair]] = []
        files: list[tuple[str, asyncssh.SSHKeyPair]] = []
        for path in self._target.identities:
            pair, problem = await asyncio.to_thread(self._of_file, path, agent)
            if pair is not None:
                certified = await asyncio.to_thread(_certified, pair, path, self._target.certificates)
                (ours if agent.get(pair.key_public_data) is pair else files).extend(
                    (str(path), one) for one in (*certified, pair)
                )
            elif problem is not None and path == required:
                raise Refused(problem.code, problem.message, problem.hint)
            elif problem is not None and problem.code is not Code.NO_KEY_FILE:
                self.left_out.append(problem)
        others = [] if self._target.identities_only else [(_agent_name(one), one) for one in agent.values()]
        self._pairs = [*ours, *files, *others] if self._target.chosen else [*ours, *others, *files]

    async def next(self) -> asyncssh.SSHKeyPair | None:
        """Return the next key that was not offered yet. None after the last one."""
        while self._pairs or self._opaque:
            if self._pairs:
                name, pair = self._pairs.pop(0)
            else:
                path = self._opaque.pop(0)
                key = await self._unlock(path)
                if key is None:
                    continue
                name, pair = str(path), asyncssh.load_keypairs([key])[0]
            if pair.public_data not in self._sent:
                self._sent.add(pair.public_data)
                self.made.append(f"{name} ({_fingerprint(pair)})")
                if pair.algorithm.startswith(SECURITY_KEY):
                    return TouchKey(pair, partial(self._touch, name))
                return pair
        return None

    async def close(self) -> None:
        """Close the connections to agents."""
        for agent in self._agents:
            agent.close()
            with suppress(OSError):
                await agent.wait_closed()

    def _of_file(
        self, path: Path, agent: dict[bytes, asyncssh.SSHKeyPair]
    ) -> tuple[asyncssh.SSHKeyPair | None, Problem | None]:
        """Return the key of a file, or a problem if it can't be used.

        Returns neither for a key without a public half.
        """
        if path in self._opened:
            return asyncssh.load_keypairs([self._opened[path]])[0], None
        public = public_half(path)
        if public is not None and public.public_data in agent:
            return agent[public.public_data], None
        try:
            data = path.read_bytes()
        except OSError as error:
            missing = isinstance(error, FileNotFoundError) and not self._target.chosen
            code = Code.NO_KEY_FILE if missing else Code.BAD_KEY
            return None, Problem(
                code, f"The key {path} can't be read: {error.strerror}.", "Choose another key."
            )
        if public is not None and public.algorithm.startswith(SECURITY_KEY) and not sk_available:
            why = f"{path} is on a security key, which labeltui reaches through the SSH agent only."
            return None, Problem(Code.BAD_KEY, why, f"Add it to the agent: ssh-add {shlex.quote(str(path))}.")
        try:
            key = asyncssh.import_private_key(data)
        except asyncssh.KeyImportError as error:
            if not str(error).startswith("Passphrase"):
                return None, _unusable(path, data, str(error), is_public=public is not None)
            if public is not None:
                return LockedKey(path, public, self._unlock), None
            self._opaque.append(path)
            return None, None
        return asyncssh.load_keypairs([key])[0], None

    async def _agent_keys(self) -> dict[bytes, asyncssh.SSHKeyPair]:
        """Return the agent's keys by their public data. Like ssh, go on without an agent that does not answer."""
        found: dict[bytes, asyncssh.SSHKeyPair] = {}
        for place in _places(self._target.agent):
            with suppress(OSError, ValueError, asyncssh.Error):  # TimeoutError is an OSError too
                async with asyncio.timeout(AGENT_DEADLINE_S):
                    agent = await asyncssh.connect_agent(place)
                    self._agents.append(agent)
                    for pair in await agent.get_keys():
                        found.setdefault(pair.public_data, pair)
        return found


def _places(agent: str) -> Sequence[str]:
    """Where agents are asked for keys. On Windows, asyncssh asks Pageant if it is given no place."""
    if WINDOWS and agent == OPENSSH_PIPE:
        return (agent, "")
    return (agent,) if agent else ()


def _unusable(path: Path, data: bytes, error: str, *, is_public: bool) -> Problem:
    """The problem of a file that is not a private key."""
    other = other_format(path, data)
    if other is not None:
        return Problem(Code.BAD_KEY, other.message, other.hint)
    if is_public and b"PRIVATE KEY" not in data:
        return Problem(Code.BAD_KEY, f"{path} is a public key.", "Name the file of its private key.")
    return Problem(Code.BAD_KEY, f"{path} is not a private key: {error}.", "Choose another key.")


def _certified(
    pair: asyncssh.SSHKeyPair, path: Path, certificates: Sequence[Path]
) -> Iterator[asyncssh.SSHKeyPair]:
    """Yield the key with each of its certificates.

    The certificates are files that the configuration names, and the file beside the key.
    """
    for file in (*certificates, path.with_name(f"{path.name}-cert.pub")):
        with suppress(OSError, ValueError):  # no such file, not a certificate, or not this key's
            certified = copy(pair)
            certified.set_certificate(asyncssh.read_certificate(file))
            yield certified


def public_half(path: Path) -> asyncssh.SSHKey | None:
    """Return the public key of a private key file. None if it can't be read without a passphrase."""
    for candidate in (path, path.with_name(path.name + ".pub")):
        with suppress(OSError, asyncssh.KeyImportError):
            return asyncssh.read_public_key(candidate)
    return None


def _agent_name(pair: asyncssh.SSHKeyPair) -> str:
    comment = pair.get_comment(errors="replace") or ""
    return f"the agent's {' '.join(''.join(c if c.isprintable() else ' ' for c in comment).split()) or 'key'}"


def _fingerprint(pair: asyncssh.SSHKeyPair) -> str:
    digest = hashlib.sha256(pair.key_public_data).digest()
    return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"
