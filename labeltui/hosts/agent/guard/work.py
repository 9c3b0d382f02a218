"""What runs on the pod that must not be interrupted: trainings, and what else MONAI Label runs in a process."""

# mypy: allow-untyped-calls
from __future__ import annotations

import glob
import json
import os

from labeltui.hosts.agent.agent import is_live, model_of, process, processes, read_text, words_of

MARK = "LABELTUI_DEMO_POD"
TASK = "monailabel.interfaces.utils.app"
_CALLED = {
    "train": "a training of %s runs",
    "batch_infer": "a batch inference of %s runs",
    "scoring": "a scoring runs",
}


def is_of_this_pod(pid: int) -> bool:
    """True outside the demo, whose pods share a machine and mark their processes."""
    mark = os.environ.get(MARK)
    if not mark:
        return True
    try:
        with open("/proc/%d/environ" % pid, "rb") as file:
            return ("%s=%s" % (MARK, mark)).encode() in file.read(1 << 20).split(b"\0")
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
    return form % (model_of(words) or "a model") if "%s" in form else form


def jobs(folder: str) -> list[str]:
    """Names of the agent's jobs that run, the server's aside: an installation, for one."""
    running = []
    for path in glob.glob(os.path.join(glob.escape(folder), "*.json")):
        record = job(path)
        name = os.path.basename(path)[: -len(".json")]
        if name != "server" and record.get("live"):
            running.append(name)
    return sorted(running)


def job(path: str) -> dict[str, object]:
    """A job's record, with ``live``."""
    try:
        record = json.loads(read_text(path) or "{}")
    except ValueError:
        record = {}
    if not isinstance(record, dict):
        return {}
    pid = record.get("pid")
    proc = process(pid) if isinstance(pid, int) and "ended_ts" not in record else None
    live = proc is not None and is_live(proc) and proc.start == record.get("pid_start")
    return dict(record, live=live)
