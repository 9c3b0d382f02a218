"""The account's ssh keys: the list is written whole, so it is read first, kept, and read again after."""

from __future__ import annotations

import re

from labeltui.domain.failure_codes import Code
from labeltui.domain.pod.ssh_key import SshKey
from labeltui.domain.problems import Failed, Misused
from labeltui.runpod.problems import Doing
from labeltui.runpod.transport import Transport

PATH = "account/ssh-keys"
_LINE = re.compile(r"(ssh|ecdsa|sk)-\S+ \S+([ \t][^\n\r]*)?")


async def read(transport: Transport) -> tuple[SshKey, ...]:
    """The keys, each exactly as the account has it. Raises ``runpod_keys_unread`` for a list of any other shape."""
    document = await transport.get(PATH, "the account's ssh keys")
    listed = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list) or not all(isinstance(line, str) for line in listed):
        raise Failed(
            Code.RUNPOD_KEYS_UNREAD,
            "The account's list of ssh keys can not be read.",
            "Nothing was written: writing a list that was not understood would lock others out.",
        )
    return tuple(SshKey(line) for line in listed)


async def add(transport: Transport, line: str) -> tuple[SshKey, ...]:
    """The account's keys with this one among them; written only when it is not there yet, and read back."""
    key = SshKey(line.strip())
    if not _LINE.fullmatch(key.line) or not key.fingerprint:
        raise Misused(
            Code.BAD_SSH_KEY,
            "This is not the line of a public ssh key.",
            "Give the one line of a .pub file, such as ~/.ssh/id_ed25519.pub.",
        )
    before = await read(transport)
    if any(key.same_as(known) for known in before):
        return before
    lines = [known.line for known in before] + [key.line]
    await transport.send("PUT", PATH, "the account's ssh keys", doing=Doing.CHANGE, body={"keys": lines})
    after = await read(transport)
    lost = [known for known in (*before, key) if not any(known.same_as(kept) for kept in after)]
    if lost:
        names = ", ".join(known.comment or known.fingerprint for known in lost)
        raise Failed(
            Code.RUNPOD_KEYS_LOST,
            f"After writing the account's ssh keys, these are missing: {names}.",
            "Somebody else may have written at the same time: look at the list and add them again.",
        )
    return after
