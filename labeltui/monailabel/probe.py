"""Facts about a host, for the recipe: learnt by one small program that runs there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources

from pydantic import TypeAdapter, ValidationError

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed

PROBE_FILE = "probe_program.py"


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


def probe_program() -> bytes:
    """The program, to be given to the host's Python on stdin."""
    return resources.files(__package__ or "labeltui.monailabel").joinpath(PROBE_FILE).read_bytes()


def probe_argv(folder: str, python: str) -> tuple[str, ...]:
    """How it is started on the host; ``folder`` may begin with ``~``."""
    return (python, "-", folder, python)


def read_facts(exit_code: int, stdout: bytes, stderr: bytes, python: str) -> Facts:
    """What the probe printed. Raises Failed when it could not run: there is no Python of use."""
    if exit_code in (126, 127):
        raise Failed(
            Code.PYTHON_MISSING,
            f"There is no {python} on the host.",
            "Install one there (apt-get install python3 python3-venv), or name another in server.python.",
        )
    for line in reversed(stdout.decode("utf-8", "replace").splitlines()):  # a login shell may print before it
        if line.startswith("{"):
            try:
                return TypeAdapter(Facts).validate_python(json.loads(line))
            except (ValueError, ValidationError):
                continue
    raise Failed(
        Code.PROBE_FAILED,
        f"{python} on the host could not be asked what is there (exit code {exit_code}).",
        "Try it in the shell: it has to be Python 3.10 to 3.12.",
        stderr.decode("utf-8", "replace")[-2000:],
    )
