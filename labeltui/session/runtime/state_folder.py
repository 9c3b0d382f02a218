"""What labeltui remembers on this machine, one folder per profile."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import platformdirs

from labeltui.support.atomic import write_file


class StateFolder:
    """A folder only its owner can read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def of_profile(cls, name: str) -> StateFolder:
        """The folder of one profile, under ``LABELTUI_STATE`` or the platform's place for state."""
        return cls(_root(platformdirs.user_state_path) / "profiles" / _folder_name(name))

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

    def write(self, name: str, document: dict[str, Any], *, durable: bool = False) -> None:
        """Store a small document; a crash leaves the old or the new one. ``durable``: a power failure too."""
        write_file(self.ready() / f"{name}.json", json.dumps(document), durable=durable)


def labels_folder(name: str) -> Path:
    """Where the labels of a profile are copied to: below ``LABELTUI_STATE``, or in the platform's place for data."""
    return _root(platformdirs.user_data_path) / "labels" / _folder_name(name)


def _root(platform: Callable[[str], Path]) -> Path:
    chosen = os.environ.get("LABELTUI_STATE")
    return Path(chosen) if chosen else platform("labeltui")


def _folder_name(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "_", name).lstrip(".") or "_"
