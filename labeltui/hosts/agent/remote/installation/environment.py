"""Facts about the virtual environment in labeltui's folder, as its own Python reports them.

An environment on a network volume outlives its pod, and the next pod may have another image. Its files are then
still there, but its Python may be missing, or be another version that can't import the packages. Only a run of
that Python shows it.
"""

from __future__ import annotations

import errno
import json
import os
import subprocess
from pathlib import Path
from typing import Any

from labeltui.hosts.agent.remote.files import Problem

RUN_S = 25.0
NO_PROGRAM = (errno.ENOENT, errno.EACCES, errno.ENOEXEC, errno.ENOTDIR, errno.ELOOP)
SHOW = """
import json, sys, sysconfig
version = ".".join(map(str, sys.version_info[:3]))
print(json.dumps([version, sysconfig.get_path("purelib"), sys.path]))
"""


def environment(venv: Path) -> dict[str, Any]:
    """Return facts about a virtual environment.

    ``found`` is False if there is none at all. ``made_by`` is the version of the Python that made it, ``python`` the
    version that runs in it now; each is empty if unknown. ``site`` is its package folder, ``paths`` are the folders
    from which it imports. Raises Problem ``io_error`` if its Python does not end within 25 s.
    """
    config = _config(venv)
    python = venv / "bin" / "python"
    version, site, paths = _run(python)
    return {
        "found": bool(config) or os.path.lexists(python),
        "made_by": ".".join((config.get("version") or config.get("version_info", "")).split(".")[:3]),
        "python": version,
        "site": Path(site or venv / "nowhere"),
        "paths": [path for path in paths if path and Path(path).is_dir()],
        "shared": config.get("include-system-site-packages", "").lower() == "true",
    }


def short_text(path: Path, limit: int = 200) -> str:
    """Return the start of a file, stripped. Empty if it can't be read."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(limit).strip()
    except OSError:
        return ""


def _config(venv: Path) -> dict[str, str]:
    config = {}
    for line in short_text(venv / "pyvenv.cfg", 1 << 16).splitlines():
        key, _, value = line.partition("=")
        config[key.strip()] = value.strip()
    return config


def _run(python: Path) -> tuple[str, str, list[str]]:
    """Return version, package folder and import paths of a Python; all empty if it does not run."""
    try:
        done = subprocess.run(
            [str(python), "-c", SHOW], check=False, timeout=RUN_S,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
    except OSError as error:
        if error.errno in NO_PROGRAM:
            return "", "", []
        raise
    except subprocess.TimeoutExpired:
        raise _unknown(python, f"did not end within {RUN_S:.0f} s") from None
    if done.returncode < 0:  # killed, most likely for memory, which says nothing about the environment
        raise _unknown(python, f"was ended by signal {-done.returncode}")
    try:
        version, site, paths = json.loads(done.stdout.decode("utf-8", "replace").splitlines()[-1])
        return str(version), str(site), [str(path) for path in paths]
    except (IndexError, TypeError, ValueError):
        return "", "", []


def _unknown(python: Path, why: str) -> Problem:
    return Problem("io_error", f"{python} {why}.", "Check the load and the disk of the host, then try again.")
