"""The consoles that use one folder of this host, and the lease: only one of them changes something at a time.

Each agent writes a record of its console to ``FOLDER/consoles/PID.json``. All times in it are of the host's monotonic
clock, which every process of the host shares, so that neither the clocks of the desks nor a change of the host's
clock matter. A record counts only while its agent runs: the end of an agent frees its lease.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Callable, Iterator

from labeltui.hosts.agent.remote.files import read_json, take_lock, write_json
from labeltui.hosts.agent.remote.processes import is_running, start_of

LOCK_S = 5.0
HEARD_S = 8.0  # a record says at most this late when its console was last heard
SILENT_S = 45.0  # a console sends a ping every 15 s; from a silent one, another may take the lease
EXPIRED_S = 120.0  # the lease of a console that was silent for so long is free
STUCK_S = 1800.0  # a lease that is so old may be taken over, even from a console that answers
LONGEST_S = 1e9
OLD_S = 86400.0  # a record from another boot, or from another machine with this folder, is deleted then
SHOWN = ("id", "who", "client_id", "program", "read_only")


class Consoles:
    """This agent's console, and those of the other agents. ``boot`` tells the records of this boot from others."""

    def __init__(self, folder: Path, boot: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.directory, self.boot, self.clock = folder / "consoles", boot, clock
        self.pid, self.start = os.getpid(), start_of(os.getpid())
        self.path = self.directory / f"{self.pid}.json"
        self.entered = False
        self.heard = self.written = clock()
        self.turn = threading.Lock()  # flock does not exclude threads of one process from the same record

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Exclude all other agents of the folder. Raises Problem ``locked`` and OSError."""
        self.directory.mkdir(parents=True, exist_ok=True)
        with self.turn:
            lock = take_lock(self.directory / ".lock", LOCK_S)
            try:
                yield
            finally:
                os.close(lock)

    def hear(self) -> None:
        """Remember that the console was heard now."""
        self.heard = self.clock()

    def note(self) -> None:
        """Write when the console was heard, unless the record is newer than ``HEARD_S``. Never raises."""
        if self.entered and self.heard - self.written >= HEARD_S:
            with suppress(Exception), self.locked():
                self.write(self.own())

    def enter(self, console: dict[str, Any]) -> dict[str, Any]:
        """Carry out ``console.enter``: other consoles list this one from now on."""
        with self.locked():
            self.write({**self.own(), **described(console), "present": True})
        return {}

    def listed(self) -> dict[str, Any]:
        """Carry out ``console.list``: the other consoles, and the commands that have a lease."""
        own = self.own().get("id")
        return {"consoles": [self.shown(one) for one in self.others(own) if one["present"] or one["leases"]]}

    def take(self, console: dict[str, Any], action: str, over: str | None = None) -> dict[str, Any]:
        """Carry out ``lease.take``. The holder is None if the console has the lease now, or had it already.

        ``over`` is the id of the console whose lease the operator wants to take over. It is left alone if that console
        was heard meanwhile. Raises Problem ``locked`` and OSError.
        """
        with self.locked():
            others = self.others(console["id"], tidy=True)
            for other in others:
                taken_over = other["id"] == over and self.may_be_taken(other)
                if other["leases"] and self.silent_s(other) < EXPIRED_S and not taken_over:
                    return {"holder": self.shown(other)}
            for other in others:
                if other["leases"]:
                    write_json(other.pop("path"), dict(other, leases=[]))
            record = {**self.own(), **described(console)}
            if all(one["action"] != action for one in record["leases"]):
                record["leases"] = [*record["leases"], {"action": action[:100], "since": self.clock()}]
            self.write(record)
        return {"holder": None}

    def release(self, action: str) -> dict[str, Any]:
        """Carry out ``lease.release``. Does nothing if another console has taken the lease over."""
        with self.locked():
            record = self.own()
            record["leases"] = [one for one in record["leases"] if one["action"] != action]
            self.write(record)
        return {}

    def leave(self) -> None:
        """Delete this console's record. Never raises."""
        if self.entered:
            with suppress(Exception):
                self.path.unlink()

    def own(self) -> dict[str, Any]:
        """Return this agent's record from the disk, because another console may have taken the lease over."""
        record = read_json(self.path)
        mine = (record.get("pid"), record.get("start"), record.get("boot_id")) == (
            self.pid,
            self.start,
            self.boot,
        )
        if mine and isinstance(record.get("leases"), list):
            return record
        return {
            "pid": self.pid, "start": self.start, "boot_id": self.boot, "since": self.clock(),
            "present": False, "leases": [],
        }  # fmt: skip

    def write(self, record: dict[str, Any]) -> None:
        """Write this agent's record. The lock must be held."""
        self.entered, self.written = True, self.heard
        write_json(self.path, dict(record, heard=self.heard))

    def others(self, own: object, tidy: bool = False) -> list[dict[str, Any]]:
        """Return the records of the other consoles whose agents run, oldest first.

        ``own`` is this console's id: after a lost connection its earlier agent may still run. With ``tidy``, which
        needs the lock, records of agents that have ended are deleted.
        """
        found = []
        for path in self.directory.glob("*.json"):
            if path == self.path:
                continue
            record = read_json(path)
            if self.is_valid(record) and record["id"] != own:
                found.append({**record, "path": str(path)})
            elif tidy and (record.get("boot_id") == self.boot or is_old(path)):
                with suppress(OSError):
                    path.unlink()
        return sorted(found, key=lambda one: float(one["since"]))

    def is_valid(self, record: dict[str, Any]) -> bool:
        """Whether the record's agent runs on this machine, and the record has the fields that it needs."""
        try:
            float(record["since"]), float(record["heard"]), [float(one["since"]) for one in record["leases"]]
            known = all(name in record for name in (*SHOWN, "present"))
            return (
                known and record["boot_id"] == self.boot and is_running(int(record["pid"]), record["start"])
            )
        except (KeyError, TypeError, ValueError):
            return False

    def age_s(self, moment: Any) -> float:
        """Return the seconds since a moment in a record, at least 0 and at most ``LONGEST_S``."""
        return min(max(0.0, self.clock() - float(moment)), LONGEST_S)

    def silent_s(self, record: dict[str, Any]) -> float:
        """Return the seconds since the record's console was last heard."""
        return self.age_s(record["heard"])

    def may_be_taken(self, record: dict[str, Any]) -> bool:
        """Whether another console may take the lease over before the end of the action."""
        if not record["leases"]:
            return False
        age = max(self.age_s(one["since"]) for one in record["leases"])
        return self.silent_s(record) >= SILENT_S or age >= STUCK_S

    def shown(self, record: dict[str, Any]) -> dict[str, Any]:
        """Return what other consoles may know of a console. ``age_s`` and ``silent_s`` are in seconds."""
        shown: dict[str, Any] = {name: record[name] for name in SHOWN}
        shown.update(age_s=self.age_s(record["since"]), silent_s=self.silent_s(record))
        if record["leases"] and self.silent_s(record) < EXPIRED_S:
            first = record["leases"][0]
            shown.update(
                action=first["action"], action_age_s=self.age_s(first["since"]),
                may_be_taken=self.may_be_taken(record), free_in_s=EXPIRED_S - self.silent_s(record),
            )  # fmt: skip
        return shown


def described(console: dict[str, Any]) -> dict[str, Any]:
    """Return a console's description with texts of at most 100 characters. Raises KeyError for a missing one."""
    return {name: value[:100] if isinstance(value := console[name], str) else bool(value) for name in SHOWN}


def is_old(path: Path) -> bool:
    """Whether the record was not written for a day."""
    try:
        return time.time() - path.stat().st_mtime > OLD_S
    except OSError:
        return False
