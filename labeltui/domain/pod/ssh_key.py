"""An SSH key of the RunPod account."""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SshKey:
    """A public key of the account; ``line`` is stored exactly as the account has it."""

    line: str

    @property
    def comment(self) -> str:
        """The text after the key, usually ``user@machine``."""
        parts = self.line.split(None, 2)
        return parts[2].strip() if len(parts) > 2 else ""

    @property
    def fingerprint(self) -> str:
        """``SHA256:...`` as ssh-keygen shows it; empty for a malformed line."""
        parts = self.line.split(None, 2)
        try:
            blob = base64.b64decode(parts[1], validate=True)
        except (IndexError, binascii.Error, ValueError):
            return ""
        return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")

    def same_as(self, other: SshKey) -> bool:
        """True for the same key, ignoring the comment."""
        return self.line.split()[:2] == other.line.split()[:2]
