"""Finds trainings whose server has ended. They occupy the GPU, and no server lists them."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

from labeltui.hosts.agent.remote.files import Problem, read_text
from labeltui.hosts.agent.remote.processes import HAS_PROC, Proc, end_group, is_live, processes, start_of


def words_of(pid: int) -> list[str]:
    """Return a process's command line as a list of words. Empty for another user's process."""
    if HAS_PROC:
        try:
            if Path(f"/proc/{pid}").stat().st_uid != os.getuid():
                return []
        except OSError:
            return []
        line = read_text(f"/proc/{pid}/cmdline").rstrip("\0")
        return line.split("\0") if line else []
    shown = subprocess.run(
        ["ps", "-o", "uid=,command=", "-p", str(pid)], stdout=subprocess.PIPE, check=False
    ).stdout
    words = shown.decode("utf-8", "replace").split()
    return words[1:] if words[:1] == [str(os.getuid())] else []


def is_training(words: list[str]) -> bool:
    """Whether a command line is that of MONAI Label's training process."""
    asked = any(words[at : at + 2] == ["-m", "train"] for at in range(len(words)))
    return "monailabel.interfaces.utils.app" in words and asked


def model_of(words: list[str]) -> str:
    """Return the model in the request on a task's command line. Empty if there is none."""
    try:
        request = json.loads(words[words.index("-r") + 1])
        return str(request.get("model", ""))
    except (ValueError, IndexError, AttributeError):
        return ""


def started_ts(proc: Proc) -> float | None:
    """Return the start time of a process in unix seconds. None if the system does not report it."""
    found = re.search(r"btime (\d+)", read_text("/proc/stat"))
    return int(found.group(1)) + int(proc.start) / os.sysconf("SC_CLK_TCK") if found else None


def orphans(server_pgid: int | None = None) -> list[dict[str, Any]]:
    """List trainings of this user without a live MONAI Label server in their group or among their ancestors."""
    table = [p for p in processes() if is_live(p)]
    words = {p.pid: words_of(p.pid) for p in table}
    servers = {p.pid for p in table if "monailabel.main" in words[p.pid]}
    served = {p.pgid for p in table if p.pid in servers} | {server_pgid}
    return [
        {"pid": p.pid, "pgid": p.pgid, "model": model_of(words[p.pid]), "started_ts": started_ts(p)}
        for p in table
        if is_training(words[p.pid]) and p.pgid not in served and p.ppid not in servers
    ]


def stop_orphans(pgid: int, server_pgid: int | None, grace_s: float) -> None:
    """End all processes of one orphaned training. Raises Problem ``not_orphaned`` for any other group."""
    if pgid not in [orphan["pgid"] for orphan in orphans(server_pgid)]:
        raise Problem(
            "not_orphaned",
            f"Process group {pgid} is no training without a server.",
            "Refresh the list.",
        )
    end_group(pgid, start_of(pgid) or None, grace_s, lambda _phase, _alive, _waited_s: None)
