"""The SSH key that a new pod accepts."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from labeltui.actions.pods import PodCreateParams
from labeltui.domain.failure_codes import Code
from labeltui.domain.pod.ssh_key import SshKey
from labeltui.domain.problems import Misused
from labeltui.hosts.ssh.own_keys import NEW_KEY, OwnKey, all_keys, in_folder, make, read_public

if TYPE_CHECKING:
    from labeltui.session.session import Session


def new_key() -> OwnKey:
    """Return labeltui's own key for pods. The first call creates the key; later calls read it from its file."""
    try:
        return read_public(f"{NEW_KEY}.pub")
    except Misused:
        return make(NEW_KEY)


async def pod_key(session: Session, params: PodCreateParams) -> OwnKey:
    """Return the public key for the pod: the named one, a new one, the profile's, or the first in ``~/.ssh``.

    Raises Misused ``no_ssh_key`` if there is no key.
    """
    if params.make_key:
        return await asyncio.to_thread(new_key)
    wanted = params.key
    if wanted and wanted.startswith("SHA256:"):
        found = next((key for key in await all_keys() if SshKey(key.line).fingerprint == wanted), None)
        if found is None:
            raise Misused(
                Code.NO_SSH_KEY,
                f"Neither ~/.ssh nor the SSH agent has the key {wanted}.",
                "`ssh-add -l` lists the agent's keys.",
            )
        return found
    if wanted:
        return read_public(wanted)
    own = session.account.ssh_key
    if own is not None:
        with suppress(Misused):
            return read_public(f"{own}.pub")
    keys = in_folder() or await all_keys()
    if not keys:
        raise Misused(
            Code.NO_SSH_KEY, "This machine has no SSH key for the pod.", "Add --make-key to make a key."
        )
    return keys[0]
