"""Facts about a host, for the recipe: asked of the agent there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed
from labeltui.monailabel import ops_shim

APP_PARTS = {"radiology": ("main.py", "lib/configs/deepedit.py"), "monaibundle": ("main.py", "lib")}
"""Files that tell a whole app."""

STANDIN_FILE = "labeltui-standin"  # in the virtual environment: the demo made it
VERIFIED_FILE = "labeltui-verified"  # in the virtual environment: holds what was verified
SHIM_FILE = f"{ops_shim.MODULE}.pth"  # in its site-packages


@dataclass(frozen=True, slots=True)
class Facts:
    """What is on the host. Paths are absolute and on the host; sizes in bytes; ``utc_offset`` in seconds.

    ``packages`` are those that the venv's Python finds; ``system_packages`` those of the Python under it.
    """

    folder: str
    home: str = ""
    python: str = "python3"
    python_version: str = ""
    has_venv: bool = False
    has_ensurepip: bool = False
    machine: str = ""
    system: str = ""
    libc: str = ""
    path: str = ""
    folder_writable: bool = True
    disk_free: int = 0
    utc_offset: int = 0
    gpus: tuple[str, ...] = ()
    driver: str = ""
    gpu_error: str = ""
    system_packages: Mapping[str, str] = field(default_factory=dict)
    packages: Mapping[str, str] = field(default_factory=dict)
    apps: Mapping[str, bool] = field(default_factory=dict)
    venv: bool = False
    venv_python: str = ""
    venv_pip: bool = False
    venv_shared: bool = False
    standin: bool = False
    ops_shim: bool = False
    verified: str = ""

    @property
    def venv_folder(self) -> str:
        """Where the virtual environment is, or will be."""
        return f"{self.folder}/venv"

    @property
    def venv_bin_python(self) -> str:
        """Its Python."""
        return f"{self.folder}/venv/bin/python"

    @property
    def apps_folder(self) -> str:
        """Where the apps are, or will be."""
        return f"{self.folder}/apps"


def probe_request(folder: str) -> Mapping[str, object]:
    """What the host is asked, by the names that MONAI Label and this recipe use; ``folder`` may begin with ``~``."""
    return {
        "folder": folder,
        "packages": ["torch", "torchvision", "numpy"],
        "apps": {app: list(parts) for app, parts in APP_PARTS.items()},
        "venv_files": [STANDIN_FILE, VERIFIED_FILE],
        "site_files": [SHIM_FILE],
    }


def facts_of(answer: Mapping[str, Any], python: str) -> Facts:
    """The host's answer; ``python`` is how the profile names its Python. Raises Failed ``probe_failed``."""
    try:
        files, site = dict(answer["venv_files"]), list(answer["site_files"])
        own = {"python": python, "standin": STANDIN_FILE in files, "ops_shim": SHIM_FILE in site}
        return TypeAdapter(Facts).validate_python({**answer, **own, "verified": files.get(VERIFIED_FILE, "")})
    except (KeyError, TypeError, ValueError) as error:
        raise Failed(
            Code.PROBE_FAILED,
            f"{python} on the host does not say what is installed.",
            "Try it in the shell: it has to be Python 3.10 to 3.12.",
            str(error)[-2000:],
        ) from None
