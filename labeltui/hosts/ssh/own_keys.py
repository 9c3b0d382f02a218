"""Lists the operator's SSH keys in ``~/.ssh`` and in the SSH agent, and makes new keys."""

from __future__ import annotations

import asyncio
import os
import shlex
from dataclasses import dataclass
from pathlib import Path

import asyncssh
from asyncssh.public_key import decode_ssh_public_key

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed, Misused, Problem

FOLDER = "~/.ssh"
NEW_KEY = "~/.ssh/labeltui_ed25519"
AGENT_DEADLINE_S = 3.0
LONGEST_FILE = 64 * 1024
_ORDER = ("ssh-ed25519", "sk-ssh-ed25519@openssh.com", "ecdsa-sha2-nistp256", "ssh-rsa")


@dataclass(frozen=True, slots=True)
class OwnKey:
    """A public key that a pod may get. ``path`` is its ``.pub`` file; None if only the agent has it."""

    line: str
    path: Path | None = None

    @property
    def private(self) -> Path | None:
        """The file of the private key; None if only the agent has it."""
        if self.path is None or self.path.suffix != ".pub":
            return None
        other = self.path.with_suffix("")
        return other if other.is_file() else None

    @property
    def algorithm(self) -> str:
        """The type, such as ``ssh-ed25519``."""
        return self.line.split(None, 1)[0]

    @property
    def comment(self) -> str:
        """The comment, usually ``user@machine``."""
        parts = self.line.split(None, 2)
        return parts[2] if len(parts) > 2 else ""


def read_public(path: str | Path) -> OwnKey:
    """The key in a public key file. Raises Misused for a private key and for a file without a key."""
    where = Path(path).expanduser()
    try:
        with where.open("rb") as file:
            text = file.read(LONGEST_FILE).decode("utf-8", "replace").strip()
    except OSError as error:
        raise Misused(
            Code.NO_KEY_FILE,
            f"{path} can't be read: {error.strerror}.",
            "Name a .pub file that you can read.",
        ) from None
    if "PRIVATE KEY" in text:
        raise Misused(
            Code.PRIVATE_KEY,
            f"{path} is a private key.",
            "Name the .pub file beside it. A private key must stay on this machine.",
        )
    other = other_format(where, text.encode())
    if other is not None:
        raise Misused(other.code, other.message, other.hint)
    line = text.splitlines()[0].strip() if text else ""
    try:
        asyncssh.import_public_key(line)
    except (asyncssh.KeyImportError, ValueError):
        raise Misused(
            Code.BAD_SSH_KEY,
            f"{path} holds no public SSH key.",
            "Name a .pub file, such as ~/.ssh/id_ed25519.pub.",
        ) from None
    return OwnKey(line, where)


def other_format(path: Path, data: bytes) -> Problem | None:
    """The problem of a key file in a format that ssh does not read.

    Its hint converts the file. None for other files.
    """
    file, new = shlex.quote(str(path)), shlex.quote(str(path.with_suffix("")))
    kinds = (
        (b"PuTTY-User-Key-File-", "a PuTTY key (.ppk)",
         f"Convert it: puttygen {file} -O private-openssh -o {new} (its public half: puttygen {file} -L)."),
        (b"---- BEGIN SSH2 PUBLIC KEY", "a public key in SSH2 format", f"Convert it: ssh-keygen -i -f {file}."),
        (b"---- BEGIN SSH2 ENCRYPTED PRIVATE KEY", "a private key in SSH2 format",
         f"Convert it: ssh-keygen -i -f {file}."),
    )  # fmt: skip
    for head, what, hint in kinds:
        if data.lstrip().startswith(head):
            return Problem(Code.BAD_SSH_KEY, f"{path} is {what}.", hint)
    return None


def in_folder(folder: str | Path = FOLDER) -> tuple[OwnKey, ...]:
    """Every readable public key in the folder. Keys of current types come first."""
    found = []
    for path in sorted(Path(folder).expanduser().glob("*.pub")):
        try:
            found.append(read_public(path))
        except Misused:
            continue  # a certificate or another file with such a name
    return tuple(sorted(found, key=lambda key: (_rank(key), str(key.path))))


def _rank(key: OwnKey) -> int:
    return _ORDER.index(key.algorithm) if key.algorithm in _ORDER else len(_ORDER)


async def of_agent() -> tuple[OwnKey, ...]:
    """The keys of the SSH agent. Empty if there is no agent or it does not answer."""
    try:
        async with asyncio.timeout(AGENT_DEADLINE_S):
            agent = await asyncssh.connect_agent()
            if agent is None:
                return ()
            async with agent:
                pairs = await agent.get_keys()
    except (OSError, TimeoutError, ValueError, asyncssh.Error):
        return ()
    lines = []
    for pair in pairs:
        try:
            key = decode_ssh_public_key(pair.public_data)
        except (asyncssh.KeyImportError, ValueError):
            continue
        comment = pair.get_comment() or "agent"
        kind_and_key = key.export_public_key("openssh").decode().split()[:2]
        lines.append(" ".join((*kind_and_key, _plain(comment))))
    return tuple(OwnKey(line) for line in lines)


def _plain(comment: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in comment).split())


async def all_keys() -> tuple[OwnKey, ...]:
    """The keys in the folder, then those that only the agent has."""
    filed = in_folder()
    known = {tuple(key.line.split()[:2]) for key in filed}
    return filed + tuple(key for key in await of_agent() if tuple(key.line.split()[:2]) not in known)


def make(path: str | Path = NEW_KEY, comment: str = "labeltui") -> OwnKey:
    """Make an Ed25519 key without a passphrase that only its owner can read. Raises Failed if the file exists."""
    private = Path(path).expanduser()
    public = private.with_name(private.name + ".pub")
    if private.exists() or public.exists():
        raise Failed(
            Code.KEY_EXISTS,
            f"{private} exists already.",
            "Use the existing key, or name another file for the new key.",
        )
    key = asyncssh.generate_private_key("ssh-ed25519", comment=comment)
    try:
        private.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _write_new(private, key.export_private_key("openssh"), 0o600)
        _write_new(public, key.export_public_key("openssh"), 0o644)
    except OSError as error:
        raise Failed(
            Code.NOT_WRITTEN,
            f"{private} can't be written: {error.strerror}.",
            "Check that you may write to its folder.",
        ) from None
    return read_public(public)


def new_pair(comment: str) -> tuple[str, str]:
    """Return a new Ed25519 key, private and public, without a file. The public half has no comment."""
    key = asyncssh.generate_private_key("ssh-ed25519", comment=comment)
    public = key.export_public_key("openssh").decode().split()
    return key.export_private_key("openssh").decode(), " ".join(public[:2])


def _write_new(path: Path, content: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
