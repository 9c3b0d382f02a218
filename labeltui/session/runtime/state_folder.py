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
    """A folder that no other user of the machine can read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def of_profile(cls, name: str) -> StateFolder:
        """Return the folder of one profile, below ``LABELTUI_STATE`` or in the platform's folder for state."""
        return cls(_root(platformdirs.user_state_path) / "profiles" / _folder_name(name))

    @property
    def known_hosts(self) -> Path:
        """The file of host keys that the operator accepted."""
        return self.ready() / "known_hosts"

    def ready(self) -> Path:
        """Return the folder. Creates it with mode 0700 if it is missing."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self.folder

    def read(self, name: str) -> dict[str, Any]:
        """Return the document stored as ``NAME.json``; empty if it is missing, unreadable or not an object."""
        try:
            document = json.loads((self.folder / f"{name}.json").read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return document if isinstance(document, dict) else {}

    def write(self, name: str, document: dict[str, Any], *, durable: bool = False) -> None:
        """Store a document as ``NAME.json``. Raises OSError.

        After a crash the file has either the old document or the new one, complete. With ``durable`` the same
        holds after a power failure.
        """
        write_file(self.ready() / f"{name}.json", json.dumps(document), durable=durable)


def labels_folder(name: str) -> Path:
    """Return the folder for copies of a profile's labels.

    It is below ``LABELTUI_STATE`` if that is set, else in the platform's folder for user data.
    """
    return _root(platformdirs.user_data_path) / "labels" / _folder_name(name)


def _root(platform: Callable[[str], Path]) -> Path:
    chosen = os.environ.get("LABELTUI_STATE")
    return Path(chosen) if chosen else platform("labeltui")


def _folder_name(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "_", name).lstrip(".") or "_"
