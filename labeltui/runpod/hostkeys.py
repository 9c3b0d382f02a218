"""Read the host keys that a pod's container prints at its start from the pod's log.

RunPod sends the log over TLS to the account that rents the pod, so labeltui trusts these keys without asking the
operator. This needs an image that prints its host keys, as all of RunPod's own images do.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from labeltui.domain.pod.pod import PodLogLine

_HEADING = re.compile(r"SSH host keys:")
_PRINTED = re.compile(r"\s*(\d{3,5}) (SHA256:[A-Za-z0-9+/]{43}) .*\(([A-Z0-9-]{2,20})\)\s*")
_END = re.compile(r"Start script\(s\) finished")
CLOCKS_DIFFER = timedelta(seconds=90)


@dataclass(frozen=True, slots=True)
class PrintedKey:
    """One host key; ``fingerprint`` is ``SHA256:...``, as ssh-keygen and asyncssh write it."""

    fingerprint: str
    algorithm: str  # "ED25519", "RSA", "ECDSA"
    bits: int
    at: datetime | None = None


def printed_keys(lines: Iterable[PodLogLine], started_at: datetime | None = None) -> tuple[PrintedKey, ...]:
    """Read the newest container's host keys from ``lines`` (oldest first). Empty if none are printed yet.

    Lines before ``started_at`` are skipped: they belong to an earlier container, whose keys are invalid now.
    """
    keys: list[PrintedKey] = []
    inside = False
    for line in lines:
        if line.source not in ("container", ""):
            continue
        if started_at is not None and line.at is not None and line.at < started_at - CLOCKS_DIFFER:
            continue
        if _HEADING.search(line.text):
            keys, inside = [], True
            continue
        if inside and _END.search(line.text):
            inside = False
        matched = _PRINTED.fullmatch(line.text) if inside else None
        if matched:
            keys.append(PrintedKey(matched[2], matched[3], int(matched[1]), line.at))
    return tuple(keys)
