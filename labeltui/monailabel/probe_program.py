"""Run on the host as ``PYTHON - FOLDER PYTHON < probe_program.py``: prints one JSON line of facts.

Standard library only, Python 3.7 and later, changes nothing, imports nothing that it looks at.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import time

WANTED_BY_APP = {"radiology": ("main.py", "lib/configs/deepedit.py"), "monaibundle": ("main.py", "lib")}


def versions_in(paths: list[str]) -> dict[str, str]:
    """Names (lower case, dashes) and versions of what is installed in folders; the first folder wins."""
    try:
        from importlib.metadata import distributions
    except ImportError:
        return {}
    found: dict[str, str] = {}
    for path in paths:
        for item in distributions(path=[path]):
            try:
                name = (item.metadata["Name"] or "").lower().replace("_", "-").replace(".", "-")
                if name and name not in found:
                    found[name] = item.version
            except Exception:
                continue
    return found


def venv_facts(folder: str) -> dict[str, object]:
    """What the venv holds; empty when there is none."""
    venv = os.path.join(folder, "venv")
    config = {}
    try:
        with open(os.path.join(venv, "pyvenv.cfg")) as lines:
            for line in lines:
                key, _, value = line.partition("=")
                config[key.strip()] = value.strip()
    except OSError:
        pass
    python = os.path.join(venv, "bin", "python")
    version = ".".join(config.get("version", "").split(".")[:2])
    site = os.path.join(venv, "lib", "python" + version, "site-packages")
    shared = config.get("include-system-site-packages", "").lower() == "true"
    return {
        "venv": bool(config) and os.access(python, os.X_OK),
        "venv_python": config.get("version", ""),
        "venv_pip": os.path.isdir(os.path.join(site, "pip")),
        "venv_shared": shared,
        "standin": os.path.exists(os.path.join(venv, "labeltui-standin")),
        "ops_shim": os.path.exists(os.path.join(site, "labeltui_torchvision_ops.pth")),
        "verified": read(os.path.join(venv, "labeltui-verified")),
        "site": site,
    }


def read(path: str) -> str:
    try:
        with open(path) as file:
            return file.read(200).strip()
    except OSError:
        return ""


def existing_parent(path: str) -> str:
    while not os.path.isdir(path) and path != os.path.dirname(path):
        path = os.path.dirname(path)
    return path


def driver() -> tuple[list[str], str, str]:
    """GPU names and driver version, empty without a working nvidia-smi."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return [], "", ""
    try:
        done = subprocess.run(
            [tool, "--query-gpu=name,driver_version", "--format=csv,noheader"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=20,
        )
    except (OSError, subprocess.SubprocessError) as error:
        return [], "", str(error)
    text = done.stdout.decode("utf-8", "replace").strip()
    if done.returncode != 0:
        return [], "", text[:300]
    rows = [row.rsplit(",", 1) for row in text.splitlines() if "," in row]
    return [row[0].strip() for row in rows], rows[0][1].strip() if rows else "", ""


def has(module: str) -> bool:
    try:
        import importlib.util

        return importlib.util.find_spec(module) is not None
    except Exception:
        return False


def main() -> None:
    home = os.path.expanduser("~")
    folder, python = sys.argv[1], sys.argv[2]
    folder = home + folder[1:] if folder == "~" or folder.startswith("~/") else folder
    folder = os.path.join(home, folder)
    venv = venv_facts(folder)
    outside = [path for path in sys.path if path and os.path.isdir(path)]
    shared = versions_in(outside)
    inside = versions_in([str(venv["site"])]) if venv["venv"] else {}
    if venv["venv_shared"]:
        inside = {**shared, **inside}
    parent = existing_parent(folder)
    gpus, driver_version, gpu_error = driver()
    facts = {
        "facts": 1,
        "python": python,
        "python_version": platform.python_version(),
        "has_venv": has("venv"),
        "has_ensurepip": has("ensurepip"),
        "machine": platform.machine(),
        "system": platform.system(),
        "libc": " ".join(platform.libc_ver()),
        "home": home,
        "path": os.environ.get("PATH", ""),
        "folder": folder,
        "folder_writable": os.access(parent, os.W_OK),
        "disk_free": shutil.disk_usage(parent).free,
        "utc_offset": time.localtime().tm_gmtoff,
        "gpus": gpus,
        "driver": driver_version,
        "gpu_error": gpu_error,
        "system_packages": {
            name: shared[name] for name in ("torch", "torchvision", "numpy") if name in shared
        },
        "packages": inside,
        "apps": {
            app: all(os.path.exists(os.path.join(folder, "apps", app, part)) for part in parts)
            for app, parts in WANTED_BY_APP.items()
        },
    }
    facts.update({key: value for key, value in venv.items() if key != "site"})
    print(json.dumps(facts))


main()
