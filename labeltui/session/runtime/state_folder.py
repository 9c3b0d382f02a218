"""labeltui's own files on this machine, one folder per profile."""

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
    """A folder that only its owner can read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def of_profile(cls, name: str) -> StateFolder:
        """The folder of one profile, under ``LABELTUI_STATE`` or the platform's place for state."""
        return cls(_root(platformdirs.user_state_path) / "profiles" / _folder_name(name))

    @property
    def known_hosts(self) -> Path:
        """The file of host keys that the operator accepted."""
        return self.ready() / "known_hosts"

    def ready(self) -> Path:
        """The folder, created with mode 0700 if it is missing."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self.folder

    def read(self, name: str) -> dict[str, Any]:
        """The document stored as ``NAME.json``; empty if it is missing, unreadable or not an object."""
        try:
            document = json.loads((self.folder / f"{name}.json").read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return document if isinstance(document, dict) else {}

    def write(self, name: str, document: dict[str, Any], *, durable: bool = False) -> None:
        """Store a document as ``NAME.json``. Raises OSError.

        A crash leaves the old or the new one whole; with ``durable`` so does a power failure.
        """
        write_file(self.ready() / f"{name}.json", json.dumps(document), durable=durable)


def labels_folder(name: str) -> Path:
    """The folder for copies of a profile's labels: below ``LABELTUI_STATE``, else where the platform keeps data."""
    return _root(platformdirs.user_data_path) / "labels" / _folder_name(name)


def _root(platform: Callable[[str], Path]) -> Path:
    chosen = os.environ.get("LABELTUI_STATE")
    return Path(chosen) if chosen else platform("labeltui")


def _folder_name(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "_", name).lstrip(".") or "_"
