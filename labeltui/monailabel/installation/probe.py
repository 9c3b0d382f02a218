"""The facts about a host that the recipe needs. The agent on the host reports them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed
from labeltui.monailabel.installation import ops_shim, pins

APP_PARTS = {"radiology": ("main.py", "lib/configs/deepedit.py"), "monaibundle": ("main.py", "lib")}
"""Files whose presence shows that an app was copied completely."""

STANDIN_FILE = "labeltui-standin"  # marks a virtual environment of the demo
VERIFIED_FILE = "labeltui-verified"  # in the virtual environment: the version that was verified
SHIM_FILE = f"{ops_shim.MODULE}.pth"  # in its site-packages


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts about a host. Paths are absolute paths there; sizes are in bytes, ``utc_offset`` in seconds.

    ``packages`` are the packages that the venv's Python can import, ``system_packages`` those of the host's own
    Python.
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
    venv_found: bool = False
    venv_made_by: str = ""
    venv_python: str = ""
    venv_pip: bool = False
    venv_shared: bool = False
    standin: bool = False
    ops_shim: bool = False
    verified: str = ""

    @property
    def venv(self) -> bool:
        """Whether the virtual environment exists and can be used."""
        return self.venv_found and not self.venv_problem

    @property
    def venv_problem(self) -> str:
        """Why the existing virtual environment can't be used, in one sentence. Empty if it can."""
        if not self.venv_found:
            return ""
        problem = other_python(self.folder, self.venv_made_by, self.venv_python, self.python_version)
        series = pins.release(self.venv_python)
        if problem or not self.venv_made_by or (series and pins.PYTHONS[0] <= series <= pins.PYTHONS[1]):
            return problem
        low, high = (".".join(map(str, series)) for series in pins.PYTHONS)
        return (
            f"The virtual environment {self.venv_folder} has Python {self.venv_python}, and MONAI Label needs "
            f"{low} to {high}. The host's own Python is {self.python_version}."
        )

    @property
    def venv_folder(self) -> str:
        """The folder of the virtual environment, which need not exist yet."""
        return f"{self.folder}/venv"

    @property
    def venv_bin_python(self) -> str:
        """The Python of the virtual environment."""
        return f"{self.folder}/venv/bin/python"

    @property
    def apps_folder(self) -> str:
        """The folder of the apps, which need not exist yet."""
        return f"{self.folder}/apps"


def other_python(folder: str, made_by: str, runs: str, own: str) -> str:
    """Return why the host's virtual environment is unusable with the host's Python; empty if it is usable.

    Args:
        folder: labeltui's folder on the host.
        made_by: Version of the Python that made the environment. Empty if unknown.
        runs: Version of the Python that runs in it now. Empty if none does.
        own: Version of the host's own Python.
    """
    maker = f"Python {made_by}" if made_by else "an unknown Python"
    made = f"The virtual environment {folder}/venv was made by {maker}"
    if not runs:
        return f"{made}, which does not run on this host. The host's own Python is {own}."
    if made_by and pins.release(made_by) != pins.release(runs):
        return f"{made}, but on this host it runs with {runs}."
    return ""


def probe_request(folder: str) -> Mapping[str, object]:
    """The parameters of the agent's probe request. ``folder`` may begin with ``~``."""
    return {
        "folder": folder,
        "packages": ["torch", "torchvision", "numpy"],
        "apps": {app: list(parts) for app, parts in APP_PARTS.items()},
        "venv_files": [STANDIN_FILE, VERIFIED_FILE],
        "site_files": [SHIM_FILE],
    }


def facts_of(answer: Mapping[str, Any], python: str) -> Facts:
    """Convert the host's answer. ``python`` is the profile's setting. Raises Failed ``probe_failed``."""
    try:
        files, site = dict(answer["venv_files"]), list(answer["site_files"])
        own = {"python": python, "standin": STANDIN_FILE in files, "ops_shim": SHIM_FILE in site}
        return TypeAdapter(Facts).validate_python({**answer, **own, "verified": files.get(VERIFIED_FILE, "")})
    except (KeyError, TypeError, ValueError) as error:
        raise Failed(
            Code.PROBE_FAILED,
            f"{python} on the host did not report what is installed.",
            "Run this program in a shell on the host: it must be Python 3.10 to 3.12.",
            str(error)[-2000:],
        ) from None
