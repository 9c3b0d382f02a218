"""Finds trainings, batch inferences and scorings whose server has ended. They go on, and no server lists them."""

from __future__ import annotations

import json
import os
import pwd
import re
import subprocess
from pathlib import Path
from typing import Any

from labeltui.hosts.agent.remote.files import Problem, read_text
from labeltui.hosts.agent.remote.processes import (
    HAS_PROC,
    Proc,
    end_group,
    end_processes,
    is_live,
    processes,
    start_of,
    tree_of,
)

TASKS = ("train", "batch_infer", "scoring")


def words_of(pid: int, *, any_user: bool = False) -> list[str]:
    """Return a process's command line as a list of words. Empty for another user's process if ``any_user`` is False."""
    if HAS_PROC:
        if not any_user and uid_of(pid) != os.getuid():
            return []
        line = read_text(f"/proc/{pid}/cmdline").rstrip("\0")
        return line.split("\0") if line else []
    shown = subprocess.run(
        ["ps", "-o", "uid=,command=", "-p", str(pid)], stdout=subprocess.PIPE, check=False
    ).stdout
    words = shown.decode("utf-8", "replace").split()
    return words[1:] if any_user or words[:1] == [str(os.getuid())] else []


def uid_of(pid: int) -> int | None:
    """Return the user id of a process. None if it has ended, or the system has no /proc."""
    try:
        return Path(f"/proc/{pid}").stat().st_uid
    except OSError:
        return None


def user_of(pid: int) -> str:
    """Return the name of a process's user, or the user id if it has no name. Empty if the user is unknown."""
    uid = uid_of(pid)
    try:
        return "" if uid is None else pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def folder_of(pid: int, words: list[str]) -> str:
    """Return the folder whose virtual environment a process runs in. Empty if that is unknown.

    The environment of another user's process can't be read; its command line names the Python.
    """
    variables = (pair.partition("=") for pair in read_text(f"/proc/{pid}/environ").split("\0"))
    venv = next((value for name, _, value in variables if name == "VIRTUAL_ENV"), "")
    if not venv and words and words[0].startswith("/"):
        venv = words[0].rpartition("/bin/")[0]
    return venv[: -len("/venv")] if venv.endswith("/venv") else venv


def task_of(words: list[str]) -> str:
    """Return the task of TASKS whose process has this command line. Empty for any other process."""
    if "monailabel.interfaces.utils.app" not in words:
        return ""
    asked = (words[at + 1] for at in range(len(words) - 1) if words[at] == "-m")
    return next((task for task in asked if task in TASKS), "")


def model_of(words: list[str]) -> str:
    """Return the model, or the method, in the request on a task's command line. Empty if there is none."""
    try:
        request = json.loads(words[words.index("-r") + 1])
        return str(request.get("model") or request.get("method") or "")
    except (ValueError, IndexError, AttributeError):
        return ""


def started_ts(proc: Proc) -> float | None:
    """Return the start time of a process in unix seconds. None if the system does not report it."""
    found = re.search(r"btime (\d+)", read_text("/proc/stat"))
    return int(found.group(1)) + int(proc.start) / os.sysconf("SC_CLK_TCK") if found else None


def orphans(folder: Path, server_pgid: int | None = None) -> list[dict[str, Any]]:
    """List tasks without a live MONAI Label server in their group or among their ancestors.

    ``ours`` is true for a task of this user that runs from ``folder``, even if labeltui did not start its
    server.
    """
    table = [p for p in processes() if is_live(p)]
    words = {p.pid: words_of(p.pid, any_user=True) for p in table}
    servers = {p.pid for p in table if "monailabel.main" in words[p.pid]}
    served = {p.pgid for p in table if p.pid in servers} | {server_pgid}
    return [
        {
            "pid": p.pid, "pgid": p.pgid, "model": model_of(words[p.pid]), "started_ts": started_ts(p),
            "task": task_of(words[p.pid]), **owner_of(p.pid, words[p.pid], folder),
        }
        for p in table
        if task_of(words[p.pid]) and p.pgid not in served and p.ppid not in servers
    ]  # fmt: skip


def owner_of(pid: int, words: list[str], folder: Path) -> dict[str, Any]:
    """Return the folder and the user of a task, and whether it is of this user and ``folder``."""
    theirs = folder_of(pid, words)
    own_user = bool(words_of(pid))
    ours = own_user and bool(theirs) and os.path.realpath(theirs) == os.path.realpath(folder)
    return {"folder": theirs, "user": user_of(pid), "ours": ours}


def stop_orphans(folder: Path, pgid: int, task: str, server_pgid: int | None, grace_s: float) -> None:
    """End all processes of one orphaned task, but no other task of the same server.

    Raises Problem ``not_orphaned`` for any other group.
    """
    group = [orphan for orphan in orphans(folder, server_pgid) if orphan["ours"] and orphan["pgid"] == pgid]
    wanted = {orphan["pid"] for orphan in group if orphan["task"] == task}
    if not wanted:
        raise Problem(
            "not_orphaned",
            f"Process group {pgid} has no {task} of this folder without a server.",
            "Refresh the list.",
        )
    if len(wanted) < len(group):
        end_processes(tree_of(wanted), 0, grace_s, lambda _phase, _alive, _waited_s: None)
    else:
        end_group(pgid, start_of(pgid) or None, grace_s, lambda _phase, _alive, _waited_s: None)
