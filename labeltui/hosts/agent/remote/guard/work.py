"""What runs on the pod that must not be interrupted: trainings, and what else MONAI Label runs in a process."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from labeltui.hosts.agent.remote.files import read_json
from labeltui.hosts.agent.remote.orphans import model_of, words_of
from labeltui.hosts.agent.remote.processes import is_live, is_running, processes

MARK = "LABELTUI_DEMO_POD"
TASK = "monailabel.interfaces.utils.app"
_CALLED = {
    "train": "a training of {model} runs",
    "batch_infer": "a batch inference of {model} runs",
    "scoring": "a scoring runs",
}


def is_of_this_pod(pid: int) -> bool:
    """True outside the demo, whose pods share a machine and mark their processes."""
    mark = os.environ.get(MARK)
    if not mark:
        return True
    try:
        with Path(f"/proc/{pid}/environ").open("rb") as file:
            return f"{MARK}={mark}".encode() in file.read(1 << 20).split(b"\0")
    except OSError:
        return False


def tasks() -> list[str]:
    """What MONAI Label's children do, in words; a training whose server is gone counts too."""
    found = set()
    for proc in processes():
        if not is_live(proc):
            continue
        words = words_of(proc.pid)
        if TASK in words and is_of_this_pod(proc.pid):
            found.add(task_words(words))
    return sorted(found)


def task_words(words: list[str]) -> str:
    """``a training of deepedit runs``, from the command line of a task."""
    after = words[words.index(TASK) + 1 :]
    method = after[after.index("-m") + 1] if "-m" in after[:-1] else ""
    form = _CALLED.get(method, "a task of MONAI Label runs")
    return form.replace("{model}", model_of(words) or "a model")


def jobs(folder: Path) -> list[str]:
    """Names of the agent's jobs that run, the server's aside: an installation, for one."""
    try:
        records = [path for path in folder.iterdir() if path.suffix == ".json"]
    except OSError:
        return []
    return sorted(path.stem for path in records if path.stem != "server" and job(path)["live"])


def job(path: Path) -> dict[str, Any]:
    """A job's record, with ``live``."""
    record = read_json(path)
    pid = record.get("pid")
    live = isinstance(pid, int) and "ended_ts" not in record and is_running(pid, str(record.get("pid_start")))
    return dict(record, live=live)
