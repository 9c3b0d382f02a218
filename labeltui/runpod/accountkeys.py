"""The account's public ssh keys.

Every write replaces the whole list. So :func:`add` reads the list, writes the longer one, and reads it again.
"""

from __future__ import annotations

import re

from labeltui.domain.failure_codes import Code
from labeltui.domain.pod.ssh_key import SshKey
from labeltui.domain.problems import Failed, Misused
from labeltui.runpod.replies import Purpose
from labeltui.runpod.transport import Transport

PATH = "account/ssh-keys"
WHAT = "the request for the account's SSH keys"
_LINE = re.compile(r"(ssh|ecdsa|sk)-\S+ \S+([ \t][^\n\r]*)?")


async def read(transport: Transport) -> tuple[SshKey, ...]:
    """Fetch the keys, with their lines as RunPod stores them.

    Raises ``runpod_keys_unread`` if the answer is malformed.
    """
    document = await transport.get(PATH, WHAT)
    listed = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list) or not all(isinstance(line, str) for line in listed):
        raise Failed(
            Code.RUNPOD_KEYS_UNREAD,
            "The account's list of SSH keys cannot be read.",
            "Nothing was changed, because replacing a list that labeltui cannot read could remove other people's keys.",
        )
    return tuple(SshKey(line) for line in listed)


async def add(transport: Transport, line: str) -> tuple[SshKey, ...]:
    """Add a key to the account's list and return the new list. Sends nothing if the list has the key already.

    Raises ``bad_ssh_key`` if ``line`` is no public key, ``runpod_keys_lost`` if the saved list lacks a key.
    """
    key = SshKey(line.strip())
    if not _LINE.fullmatch(key.line) or not key.fingerprint:
        raise Misused(
            Code.BAD_SSH_KEY,
            "This is not a public SSH key.",
            "Give the line of a .pub file, such as ~/.ssh/id_ed25519.pub.",
        )
    before = await read(transport)
    if any(key.same_as(known) for known in before):
        return before
    lines = [known.line for known in before] + [key.line]
    await transport.send("PUT", PATH, WHAT, purpose=Purpose.CHANGE, body={"keys": lines})
    after = await read(transport)
    lost = [known for known in (*before, key) if not any(known.same_as(saved) for saved in after)]
    if lost:
        names = ", ".join(known.comment or known.fingerprint for known in lost)
        raise Failed(
            Code.RUNPOD_KEYS_LOST,
            f"These SSH keys are missing from the account after saving: {names}.",
            "Somebody else may have saved the list at the same time: check it and add them again.",
        )
    return after
