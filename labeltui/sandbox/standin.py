"""Make the stand-in importable as ``monailabel`` in a pod, and write the folders of its apps.

Used for the ready-made venv of most scenarios, and by the stand-in's pip in a venv that ``setup`` makes.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

VERSION = "0.8.5"
MARKER = "labeltui-standin"
APPS = ("radiology", "monaibundle")
_DEPENDENCIES = ("labeltui", "numpy", "nibabel", "starlette", "uvicorn", "anyio", "python_multipart")
_ENTRY = "from labeltui.sandbox.monailabel.{0} import main\n\nif __name__ == '__main__':\n    main()\n"


def write_package(package: Path) -> None:
    """Make ``package`` (a folder called monailabel, which must not exist) importable as the stand-in."""
    (package / "interfaces" / "utils").mkdir(parents=True)
    (package / "__init__.py").write_text(f'__version__ = "{VERSION}"\n')
    for path in (package / "interfaces", package / "interfaces" / "utils"):
        (path / "__init__.py").write_text("")
    (package / "app.py").write_text('"""Where the real one has its web application."""\n')
    (package / "main.py").write_text(_ENTRY.format("main"))
    (package / "interfaces" / "utils" / "app.py").write_text(_ENTRY.format("child"))


def write_command(path: Path) -> None:
    """Write the ``monailabel`` command, for a venv whose ``python`` is in the same folder."""
    path.write_text('#!/bin/sh\nexec "$(dirname "$0")/python" -m monailabel.main "$@"\n')
    path.chmod(0o755)


def write_apps(folder: Path) -> None:
    """Make a folder for each app, with the files that identify an app."""
    for app in APPS:
        configs = folder / app / "lib" / "configs"
        configs.mkdir(parents=True)
        (folder / app / "main.py").write_text('class MyApp:\n    """Served by labeltui\'s stand-in."""\n')
        (configs / "deepedit.py").write_text("# served by labeltui's stand-in\n")


def write_metadata(site: Path, name: str, version: str) -> None:
    """Let ``importlib.metadata`` find a distribution in ``site``."""
    folder = site / f"{name.replace('-', '_')}-{version}.dist-info"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


def import_paths() -> list[str]:
    """Return the folders that contain labeltui and the stand-in's dependencies, for any kind of install."""
    paths = []
    for name in _DEPENDENCIES:
        spec = importlib.util.find_spec(name)
        for place in (spec.submodule_search_locations or []) if spec else []:
            paths.append(str(Path(place).parent))
    return list(dict.fromkeys(paths))
