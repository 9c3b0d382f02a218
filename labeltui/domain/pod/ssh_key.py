"""An SSH key of the account."""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SshKey:
    """A public key of the account; ``line`` is kept exactly as the account has it."""

    line: str

    @property
    def comment(self) -> str:
        """What follows the key, usually ``user@machine``."""
        parts = self.line.split(None, 2)
        return parts[2].strip() if len(parts) > 2 else ""

    @property
    def fingerprint(self) -> str:
        """``SHA256:...`` as ssh-keygen shows it; empty for what is no key."""
        parts = self.line.split(None, 2)
        try:
            blob = base64.b64decode(parts[1], validate=True)
        except (IndexError, binascii.Error, ValueError):
            return ""
        return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")

    def same_as(self, other: SshKey) -> bool:
        """True for the same key, whatever its comment."""
        return self.line.split()[:2] == other.line.split()[:2]
