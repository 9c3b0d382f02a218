"""Reports the packages and files installed on the host. It changes nothing and imports no reported package.

The console's request names the packages, apps and files.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import time
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from labeltui.hosts.agent.remote.files import expand
from labeltui.hosts.agent.remote.installation.environment import environment, short_text
from labeltui.hosts.agent.remote.installation.preflight import from_home


def probe(
    folder: str,
    packages: list[str],
    apps: dict[str, list[str]],
    venv_files: list[str],
    site_files: list[str],
) -> dict[str, Any]:
    """Return facts about the folder's virtual environment and its base Python, which runs this.

    Args:
        folder: labeltui's folder on the host.
        packages: Report the versions of these packages in the base Python.
        apps: For each app, the files that it must have.
        venv_files: Report the text of these small files of the virtual environment.
        site_files: Report which of these files its site-packages folder has.
    """
    importlib.invalidate_caches()  # packages may have changed while this process runs
    there = from_home(folder)
    venv = there / "venv"
    inside = environment(venv)
    outside = versions_in([path for path in sys.path if path and Path(path).is_dir()])
    parent = existing_parent(there)
    gpus, driver, gpu_error = gpu_driver()
    return {
        "venv_found": inside["found"],
        "venv_made_by": inside["made_by"],
        "venv_python": inside["python"],
        "venv_shared": inside["shared"],
        "venv_pip": (inside["site"] / "pip").is_dir(),
        "venv_files": {name: short_text(venv / name) for name in venv_files if (venv / name).exists()},
        "site_files": [name for name in site_files if (inside["site"] / name).exists()],
        "python_version": platform.python_version(),
        "has_venv": has_module("venv"),
        "has_ensurepip": has_module("ensurepip"),
        "machine": platform.machine(),
        "system": platform.system(),
        "libc": " ".join(platform.libc_ver()),
        "home": str(expand("~")),
        "path": os.environ.get("PATH", ""),
        "folder": str(there),
        "folder_writable": os.access(parent, os.W_OK),
        "disk_free": shutil.disk_usage(parent).free,
        "utc_offset": time.localtime().tm_gmtoff,
        "gpus": gpus,
        "driver": driver,
        "gpu_error": gpu_error,
        "system_packages": {name: outside[name] for name in packages if name in outside},
        "packages": versions_in(inside["paths"]),
        "apps": {app: all((there / "apps" / app / part).exists() for part in apps[app]) for app in apps},
    }


def versions_in(paths: list[str]) -> dict[str, str]:
    """Map package names (lower case, dashes) to versions. The first of ``paths`` takes precedence."""
    found: dict[str, str] = {}
    for path in paths:
        for item in distributions(path=[path]):
            try:
                name = (item.metadata["Name"] or "").lower().replace("_", "-").replace(".", "-")
                version = item.version
            except Exception:  # noqa: S112 - a half-installed package has no readable metadata
                continue
            if name and version:
                found.setdefault(name, version)
    return found


def existing_parent(path: Path) -> Path:
    """Return the path, or the nearest folder above it that exists."""
    while not path.is_dir() and path != path.parent:
        path = path.parent
    return path


def gpu_driver() -> tuple[list[str], str, str]:
    """Return GPU names, driver version and error text; all empty without nvidia-smi."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return [], "", ""
    try:
        done = subprocess.run(
            [tool, "--query-gpu=name,driver_version", "--format=csv,noheader"], check=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        return [], "", str(error)
    text = done.stdout.decode("utf-8", "replace").strip()
    if done.returncode != 0:
        return [], "", text[:300]
    rows = [row.rsplit(",", 1) for row in text.splitlines() if "," in row]
    return [row[0].strip() for row in rows], rows[0][1].strip() if rows else "", ""


def has_module(name: str) -> bool:
    """Whether a module of the standard library is installed. Debian packages some modules separately."""
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False
