"""Lists MONAI Label's running tasks, which must not be interrupted, and the agent's running jobs."""

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
    """Whether a process belongs to this pod. In the demo, pods share a machine and mark their processes."""
    mark = os.environ.get(MARK)
    if not mark:
        return True
    try:
        with Path(f"/proc/{pid}/environ").open("rb") as file:
            return f"{MARK}={mark}".encode() in file.read(1 << 20).split(b"\0")
    except OSError:
        return False


def tasks() -> list[str]:
    """Return the running tasks of MONAI Label as text, including trainings whose server has ended."""
    found = set()
    for proc in processes():
        if not is_live(proc):
            continue
        words = words_of(proc.pid)
        if TASK in words and is_of_this_pod(proc.pid):
            found.add(task_words(words))
    return sorted(found)


def task_words(words: list[str]) -> str:
    """Describe a task from its command line, such as ``a training of deepedit runs``."""
    after = words[words.index(TASK) + 1 :]
    method = after[after.index("-m") + 1] if "-m" in after[:-1] else ""
    form = _CALLED.get(method, "a task of MONAI Label runs")
    return form.replace("{model}", model_of(words) or "a model")


def jobs(folder: Path) -> list[str]:
    """Return the names of the agent's running jobs except the server, such as an installation."""
    try:
        records = [path for path in folder.iterdir() if path.suffix == ".json"]
    except OSError:
        return []
    return sorted(path.stem for path in records if path.stem != "server" and job(path)["live"])


def job(path: Path) -> dict[str, Any]:
    """Read a job's record, and add ``live``, which is True while the job runs."""
    record = read_json(path)
    pid = record.get("pid")
    live = isinstance(pid, int) and "ended_ts" not in record and is_running(pid, str(record.get("pid_start")))
    return dict(record, live=live)
