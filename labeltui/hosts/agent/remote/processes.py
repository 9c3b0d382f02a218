"""Lists the host's processes and ends groups of them."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Callable, NamedTuple

from labeltui.hosts.agent.remote.files import Problem, read_text

HAS_PROC = Path("/proc/self/stat").exists()
KILL_WAIT_S = 15.0

StopProgress = Callable[[str, int, float], None]
"""A function that is called with the phase, ``term`` or ``kill``, the number of live processes, and seconds waited."""


class Proc(NamedTuple):
    """One process. ``start`` is the start time in the system's unit. It distinguishes processes with the same id."""

    pid: int
    ppid: int
    pgid: int
    sid: int
    state: str
    start: str


def process(pid: int) -> Proc | None:
    """Return the process with this id. None if there is none."""
    if not HAS_PROC:
        return next((p for p in processes() if p.pid == pid), None)
    text = read_text(f"/proc/{pid}/stat")
    if not text:
        return None
    field = text.rsplit(")", 1)[1].split()  # the command name may contain spaces and parentheses
    return Proc(pid, int(field[1]), int(field[2]), int(field[3]), field[0], field[19])


def processes() -> list[Proc]:
    """Return every process that this user may read."""
    if HAS_PROC:
        found = (process(int(entry.name)) for entry in Path("/proc").iterdir() if entry.name.isdigit())
        return [p for p in found if p is not None]
    listing = subprocess.run(
        ["ps", "-axo", "pid=,ppid=,pgid=,stat=,lstart="], stdout=subprocess.PIPE, check=False,
        env=dict(os.environ, LC_ALL="C"),
    ).stdout.decode("utf-8", "replace")  # fmt: skip
    rows = [line.split(None, 4) for line in listing.splitlines()]
    # This ps has no usable session id, so the group's id is used for both.
    return [Proc(int(r[0]), int(r[1]), int(r[2]), int(r[2]), r[3][0], r[4]) for r in rows if len(r) == 5]


def is_live(proc: Proc | None) -> bool:
    """Whether a process runs. A zombie counts as ended, because many containers have no init that reaps it."""
    return proc is not None and proc.state not in "ZX"


def is_running(pid: int, start: str) -> bool:
    """Whether the recorded process still runs; another process with the same id does not count."""
    proc = process(pid)
    return proc is not None and is_live(proc) and proc.start == start


def start_of(pid: int) -> str:
    """Return the ``start`` of a process. Empty if it has ended."""
    proc = process(pid)
    return "" if proc is None else proc.start


def boot_id() -> str:
    """Return an id that changes when the machine boots or the container gets a new PID namespace."""
    boot = read_text("/proc/sys/kernel/random/boot_id").strip()
    if not boot:
        done = subprocess.run(["sysctl", "-n", "kern.boottime"], stdout=subprocess.PIPE, check=False)
        boot = done.stdout.decode().strip()
    try:
        return f"{boot}/{os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return boot


def group_members(pgid: int, start: str | None = None) -> list[Proc]:
    """Return the live processes of a group and of the session with the same id.

    ``start`` is the recorded start of the group's leader. If the leader's id now belongs to a process with
    another start, the list is empty. The kernel does not reuse an id while its group has members, so members
    without a leader belong to the group.
    """
    table = processes()
    leader = next((p for p in table if p.pid == pgid), None)
    if start is not None and leader is not None and leader.start != start:
        return []
    return [p for p in table if is_live(p) and pgid in (p.pgid, p.sid)]


def send_signal(members: list[Proc], pgid: int, number: int) -> None:
    """Send a signal to a whole group, then to processes of its session that are in other groups."""
    if any(p.pgid == pgid for p in members):
        with suppress(ProcessLookupError):
            os.killpg(pgid, number)
    for proc in members:
        if proc.pgid != pgid:
            with suppress(ProcessLookupError):
                os.kill(proc.pid, number)


def tree_of(pids: set[int]) -> Callable[[], list[Proc]]:
    """Return a function that lists these live processes and all that they have started, also after a parent's end."""
    known: dict[int, str] = {}

    def members() -> list[Proc]:
        table = [p for p in processes() if is_live(p)]
        if not known:
            known.update({p.pid: p.start for p in table if p.pid in pids})
        for _ in table:
            began = {p.pid: p.start for p in table if p.ppid in known and p.pid not in known}
            if not began:
                break
            known.update(began)
        return [p for p in table if known.get(p.pid) == p.start]

    return members


def end_group(pgid: int, start: str | None, grace_s: float, progress: StopProgress) -> None:
    """Send SIGTERM, and SIGKILL after ``grace_s`` seconds. Returns when no process of the group is alive.

    Raises Problem ``still_alive`` or ``not_permitted``.
    """
    end_processes(lambda: group_members(pgid, start), pgid, grace_s, progress)


def end_processes(
    listed: Callable[[], list[Proc]], pgid: int, grace_s: float, progress: StopProgress
) -> None:
    """End processes like :func:`end_group`. A ``pgid`` of 0 spares all that are not listed."""
    began = reported = time.monotonic()
    phase, number = "term", signal.SIGTERM
    members = listed()
    signalled = False
    while members:
        waited = time.monotonic() - began
        if phase == "term" and waited >= grace_s:
            phase, number, signalled = "kill", signal.SIGKILL, False
        if phase == "kill" and waited >= grace_s + KILL_WAIT_S:
            pids = ", ".join(str(p.pid) for p in members)
            raise Problem(
                "still_alive",
                f"Process {pids} does not end, even when killed.",
                "Check the process on the host.",
            )
        try:
            if not signalled or phase == "kill":
                send_signal(members, pgid, number)
        except PermissionError:
            raise Problem(
                "not_permitted", f"Process {members[0].pid} belongs to another user.", "Stop it as that user."
            ) from None
        if not signalled or time.monotonic() - reported >= 1:
            progress(phase, len(members), waited)
            reported = time.monotonic()
        signalled = True
        time.sleep(0.05)
        members = listed()
