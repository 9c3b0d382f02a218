"""A stand-in for ``nvidia-smi``: one GPU, which is busy while a task of the server runs."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import tempfile
from pathlib import Path

GPU = "NVIDIA RTX A5000"
TASK_FILE = "gpu-task"
"""File in the pod's folder for temporary files, with the process id of the last task that uses the GPU."""
_SCRIPT = """#!/bin/sh
name={name} used=1102 load=0 heat=34 power=22
pid=$(cat {task} 2>/dev/null) && kill -0 "$pid" 2>/dev/null && {{
  turn=$(( $(date +%s) % 7 ))
  used=$((9240 + turn * 61)) load=$((84 + turn * 2)) heat=$((58 + turn)) power=$((171 + turn * 5))
}}
case "$*" in
*driver_version*) echo "$name, 580.95.05" ;;
*) echo "0, $name, $used, 24564, $load, $heat, $power.00" ;;
esac
"""
_NAME = re.compile(r"#!/bin/sh\nname=(.+) used=")
CPU = "cpu"


def devices() -> list[str]:
    """Return the devices that PyTorch would list here: the GPU if this pod has one, else ``cpu``."""
    path = shutil.which("nvidia-smi")
    found = _NAME.match(Path(path).read_text(errors="replace")) if path else None
    return [shlex.split(found[1])[0]] if found else [CPU]


def write_gpu(folder: Path, temporary: Path, name: str = GPU) -> None:
    """Write ``nvidia-smi`` into ``folder``. ``temporary`` is the pod's folder for temporary files."""
    path = folder / "nvidia-smi"
    path.write_text(_SCRIPT.format(name=shlex.quote(name), task=shlex.quote(str(temporary / TASK_FILE))))
    path.chmod(0o755)


def remove_gpu(folder: Path) -> None:
    """Remove ``nvidia-smi`` from a pod that has started without a GPU."""
    (folder / "nvidia-smi").unlink(missing_ok=True)


def use_gpu() -> None:
    """Let the pod's GPU be busy until this process ends."""
    with contextlib.suppress(OSError):
        (Path(tempfile.gettempdir()) / TASK_FILE).write_text(f"{os.getpid()}")
