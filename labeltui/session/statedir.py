"""What labeltui remembers on this machine, one folder per profile."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import platformdirs


class StateDir:
    """A folder only its owner can read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def of_profile(cls, name: str) -> StateDir:
        """The folder of one profile, under ``LABELTUI_STATE`` or the platform's place for state."""
        root = os.environ.get("LABELTUI_STATE")
        base = Path(root) if root else platformdirs.user_state_path("labeltui")
        return cls(base / "profiles" / (re.sub(r"[^A-Za-z0-9._-]", "_", name) or "_"))

    @property
    def known_hosts(self) -> Path:
        """Host keys the operator said yes to."""
        return self.ready() / "known_hosts"

    def ready(self) -> Path:
        """The folder, made when it is not there."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self.folder

    def read(self, name: str) -> dict[str, Any]:
        """A small document kept under ``name``; empty when absent or unreadable."""
        try:
            document = json.loads((self.folder / f"{name}.json").read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return document if isinstance(document, dict) else {}

    def write(self, name: str, document: dict[str, Any]) -> None:
        """Keep a small document; replaced whole, so that a crash leaves the old or the new one."""
        target = self.ready() / f"{name}.json"
        fresh = target.with_suffix(f".{os.getpid()}.tmp")
        fresh.write_text(json.dumps(document), "utf-8")
        fresh.replace(target)
