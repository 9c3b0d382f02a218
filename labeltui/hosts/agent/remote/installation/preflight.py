"""Checks whether the server can start. The server itself reports some problems only after minutes, and others never."""

from __future__ import annotations

import os
import platform
import socket
from pathlib import Path
from typing import Any

from labeltui.hosts.agent.remote.files import expand
from labeltui.hosts.agent.remote.installation.environment import environment

DATASTORE = "datastore_v2."  # the datastore's own files lie among the studies


def preflight(folder: str, app: str, studies: str, port: int) -> dict[str, Any]:
    """Return facts about the installation. ``app`` is a name or path; ``studies`` is empty for DICOMweb.

    ``any_study`` is True if the folder of studies has a file; None for DICOMweb, and if it can't be read.
    """
    there = from_home(folder)
    venv = environment(there / "venv")
    source = from_home(app) if "/" in app or app.startswith("~") else there / "apps" / app
    return {
        "home": str(expand("~")),
        "path": os.environ.get("PATH", ""),
        "python_path": os.environ.get("PYTHONPATH", ""),
        "venv_found": venv["found"],
        "venv_made_by": venv["made_by"],
        "venv_python": venv["python"],
        "python_version": platform.python_version(),
        "app": str(source) if (source / "main.py").is_file() else "",
        "studies": from_home(studies).is_dir() if studies else True,
        "any_study": has_file(from_home(studies)) if studies else None,
        "port_free": is_free(int(port)),
    }


def from_home(path: str) -> Path:
    """Resolve a profile's path: a relative one starts in the home folder."""
    return expand("~") / expand(path)


def has_file(folder: Path) -> bool | None:
    """Whether a folder has a file that may be a study; None if it can't be read. A missing folder has none."""
    try:
        with os.scandir(folder) as entries:
            return any(one.is_file() and not one.name.startswith((".", DATASTORE)) for one in entries)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return None


def is_free(port: int) -> bool:
    """Whether a port of 127.0.0.1 is free."""
    try:
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True
