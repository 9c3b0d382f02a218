"""The guard's loop: check activity, decide by the rules, write the state, and stop the pod when a stop is due.

Each pod has one guard, which holds a lock while it runs. The guard ends when ``wish.json`` names another version. The
next guard reads the earlier activity and cost from ``state.json``.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from typing import Any, Callable
from urllib.parse import urlsplit

from labeltui.domain.guard.rules import Activity, Decision, Facts, Policy, decide
from labeltui.domain.guard.wire import LAST_SEEN, METHOD, METHODS, MISSING_METHODS, WITHOUT_KEY
from labeltui.hosts.agent.remote.files import expand, write_json
from labeltui.hosts.agent.remote.guard import work
from labeltui.hosts.agent.remote.guard.activity import Gpu, Requests, Shells, Uploads
from labeltui.hosts.agent.remote.guard.budget import Budget
from labeltui.hosts.agent.remote.guard.labels import Labels, is_missing, named, studies_of
from labeltui.hosts.agent.remote.guard.lending import NOT_LENT, lent_key, remove_stored
from labeltui.hosts.agent.remote.guard.runpod import StopKeys
from labeltui.hosts.agent.remote.guard.state_files import GuardFiles, pod_environment
from labeltui.hosts.agent.remote.guard.stopper import Stopper
from labeltui.hosts.agent.remote.guard.weights import Weights
from labeltui.hosts.agent.remote.processes import boot_id, start_of

TICK_S = 2.0
WRITE_S = 5.0
SLOW_POLL_S = 5.0  # folders, and the GPU
SLOWEST_POLL_S = 60.0
STUCK_POLL_S = 5.0
CHECK_S = 1800.0  # between two readings of the pod by each key
CHECK_AGAIN_S = 60.0  # while no key is usable
ANNOUNCE_S = 3.0  # consoles show the reason for a stop before they lose the connection


def policy_of(desired: dict[str, Any]) -> Policy:
    """Return the current policy: the profile's, with the operator's later changes applied."""
    limits = {**(desired.get("policy") or {}), **(desired.get("set") or {})}
    known = {name: limits[name] for name in Policy.__dataclass_fields__ if name in limits}
    return Policy(**known)


class LastSeen:
    """The last time of each kind of activity, on the monotonic clock and on the host's clock."""

    def __init__(self, stored: dict[str, Any], now: float) -> None:
        self.times: dict[str, tuple[float, float, str]] = {}
        for kind, entry in stored.items():
            if isinstance(entry, list) and len(entry) == 3 and float(entry[0]) <= now:
                self.times[str(kind)] = (float(entry[0]), float(entry[1]), str(entry[2]))
        if "start" not in self.times:
            self.note("start", "", now)

    def note(self, kind: str, what: str, now: float) -> None:
        """Record activity of this kind at ``now``."""
        self.times[kind] = (now, time.time(), what)

    def activity(self, now: float) -> tuple[Activity, ...]:
        """Return the activity for the rules, as seconds before ``now``."""
        return tuple(Activity(kind, max(0.0, now - at), what) for kind, (at, _, what) in self.times.items())


class Guard:
    """The guard of one pod. ``now`` is the monotonic clock in seconds, which all processes of a host share."""

    def __init__(self, files: GuardFiles, version: str) -> None:
        self.files, self.version, self.boot = files, version, boot_id()
        now = time.monotonic()
        before = files.read(files.state)
        self.last_stop = before.get("last_stop")
        if before.get("boot_id") != self.boot:
            if before.get("stopped_by"):
                self.last_stop = {
                    "at": before.get("written"),
                    "words": (before.get("decision") or {}).get("words", ""),
                    "by": before["stopped_by"],
                }
            before = {}
        self.last_seen = LastSeen(before.get(LAST_SEEN) or {}, now)
        self.budget = Budget(before, now, time.time())
        self.blocked_at: float | None = before.get("blocked_mono")
        self.desired: dict[str, Any] = {}
        self.gpu, self.requests, self.shells = Gpu(), Requests(), Shells()
        self.uploads, self.labels, self.weights = Uploads(), Labels(), Weights()
        self.problems: dict[str, str] = {}
        self.slow_pause_s = 0.0
        self.slow_at = self.written_at = self.checked_at = float("-inf")
        self.uncopied: int | None = None
        self.uncopied_what = "they were not counted yet"
        self.working: tuple[str, ...] = ()
        stopped_by = str((self.last_stop or {}).get("by") or "")
        self.keys = StopKeys(pod_environment(), self.operator_key(), stopped_by=stopped_by)
        self.stopper = Stopper(files.say)
        self.announced_at: float | None = None
        self.state = "", False
        self.number: Any = None
        self.started = time.time()

    # ---- the loop

    def run(self) -> None:
        """Run until ``wish.json`` names another version."""
        self.files.say(f"guard {self.version} began, pid {os.getpid()}")
        self.desired = self.files.read(self.files.desired)
        self.poll(time.monotonic())
        self.write(time.monotonic(), self.decide(time.monotonic()))  # RunPod may be slow to answer
        while True:
            self.desired = self.files.read(self.files.desired) or self.desired
            if self.desired.get("version") not in (None, self.version):
                self.files.say(f"guard {self.version} is replaced by {self.desired.get('version')}")
                self.write(time.monotonic(), self.decide(time.monotonic()))
                return
            try:
                self.step()
            except Exception as error:
                # The next step may succeed. A guard that has ended would not stop the pod at all.
                self.files.say(f"a step failed: {type(error).__name__}: {error}")
            time.sleep(float(self.desired.get("tick_s") or TICK_S))

    def step(self) -> None:
        """Check activity, decide, stop the pod if due, and write the state if it has changed or is old."""
        now = time.monotonic()
        self.poll(now)
        self.check_keys(now)
        self.budget.count(self.desired.get("rate"), self.desired.get("started_at"), now, time.time())
        decision = self.decide(now)
        if decision.due and (decision.state == "stopping" or now - self.slow_at >= STUCK_POLL_S):
            # Before a stop everything is checked again, since the last check of slow watchers may be a minute old. If
            # this check hangs, a console stops the pod.
            self.poll(now, thorough=True)
            decision = self.decide(now)
        decision = self.stop_if_due(now, decision)
        changed = (decision.state, decision.due) != self.state
        if changed:
            self.files.say(f"{decision.state}: {decision.words}")
            self.state = decision.state, decision.due
        if (
            changed
            or self.number != self.desired.get("number")
            or now - self.written_at >= min(WRITE_S, float(self.desired.get("write_s") or WRITE_S))
        ):
            self.write(now, decision)

    # ---- checking activity

    @property
    def studies(self) -> str:
        """The studies' folder or DICOMweb URL of the newest server, else the profile's."""
        return studies_of(work.job(self.files.jobs / "server.json"), str(self.desired.get("studies") or ""))

    @property
    def dicomweb(self) -> str:
        """The DICOMweb server's host name; empty for a folder."""
        return (urlsplit(self.studies).hostname or "?") if "://" in self.studies else ""

    def poll(self, now: float, *, thorough: bool = False) -> None:
        """Run all watchers. If one fails, its failure is recorded in ``problems``, and the others still run."""
        folder = None if self.dicomweb or not self.studies else expand(self.studies)
        self.poll_one("request", now, lambda: self.requests.poll(self.logs(), folder))
        self.poll_one("shell", now, lambda: self.shells.poll(now))
        self.poll_one("training", now, self.read_tasks)
        self.poll_one("job", now, self.read_jobs)
        self.keep_alive(now)
        if thorough or now - self.slow_at >= self.slow_pause_s:
            self.slow_at, began = now, time.monotonic()
            self.poll_one("gpu", now, self.gpu.poll)
            if self.gpu.problem:
                self.problems["gpu"] = self.gpu.problem
            self.poll_one("upload", now, lambda: self.uploads.poll(folder))
            self.poll_one("label", now, lambda: self.read_labels(folder))
            self.poll_one("model", now, lambda: self.weights.poll(self.files.read(self.files.copied)))
            # A scan of many files on a network volume is slow, so the pause grows with its duration.
            least = float(self.desired.get("slow_poll_s") or SLOW_POLL_S)
            self.slow_pause_s = max(least, min(SLOWEST_POLL_S, 20 * (time.monotonic() - began)))

    def poll_one(self, kind: str, now: float, poll: Callable[[], str | None]) -> None:
        """Run one watcher and record its activity or its failure."""
        try:
            what = poll()
            self.problems.pop(kind, None)
        except Exception as error:
            self.problems[kind] = f"{type(error).__name__}: {error}"
            if kind == "label":
                self.uncopied, self.uncopied_what = None, self.problems[kind]
            if kind == "training":
                self.working = ("it is not known whether a training runs",)
            return
        if what is not None:
            self.last_seen.note(kind, what, now)

    def read_tasks(self) -> str | None:
        """Store the running tasks of MONAI Label. Return the first one's model as text; None if no task runs."""
        self.working = tuple(work.tasks())
        return "of " + self.working[0].partition(" of ")[2].replace(" runs", "") if self.working else None

    def read_jobs(self) -> str | None:
        """Return the names of the running jobs other than the server, such as an installation. None if none runs."""
        running = work.jobs(self.files.jobs)
        return f"({', '.join(running)})" if running else None

    def logs(self) -> list[Path]:
        """Return the logs that record requests to the server: the server job's log and the app's own log."""
        record = work.job(self.files.jobs / "server.json")
        found = [str(path) for path in (record.get("log_path"), self.desired.get("app_log")) if path]
        return [expand(path) for path in found]

    def read_labels(self, folder: Path | None) -> str | None:
        """Store the labels that are not copied. Return text for a newly saved label, else None."""
        if self.dicomweb:
            here = self.dicomweb in ("localhost", "::1") or self.dicomweb.startswith("127.")
            self.uncopied = None if here else 0
            self.uncopied_what = "they are on a DICOM server on the pod itself" if here else ""
            return None
        if folder is None:
            self.uncopied, self.uncopied_what = None, "no console has said where the studies are"
            return None
        copied = self.files.read(self.files.copied).get("files") or {}
        served = "run_id" in work.job(self.files.jobs / "server.json")
        if not (served or copied or self.labels.files) and is_missing(folder):
            self.uncopied, self.uncopied_what = 0, ""  # no server has used the folder yet
            return None
        what = self.labels.poll(folder)
        missing = self.labels.uncopied(folder, copied)
        self.uncopied, self.uncopied_what = len(missing), named(missing)
        return what

    def keep_alive(self, now: float) -> None:
        """Read from ``wish.json`` the newest request to keep the pod alive, and record it as activity."""
        keep = self.desired.get("keep") or {}
        at = float(keep.get("mono") or 0)
        if keep.get("boot_id") == self.boot and at > self.last_seen.times.get("keep", (0.0, 0.0, ""))[0]:
            self.last_seen.times["keep"] = (min(at, now), float(keep.get("at") or time.time()), "")

    # ---- keys

    def operator_key(self) -> str:
        """Return the operator's API key. Empty if the profile does not lend it."""
        return lent_key(self.files.folder)

    def renew_keys(self, without_key: str) -> None:
        """Read the environment and the operator's key again. A refused key stays refused."""
        self.keys = StopKeys(
            pod_environment(), self.operator_key(), without_key, stopped_by=self.keys.stopped_by, before=self.keys
        )  # fmt: skip

    def check_keys(self, now: float) -> None:
        """Check which keys can read the pod, every ``CHECK_S`` seconds; every ``CHECK_AGAIN_S`` while none can."""
        why = str(self.desired.get(WITHOUT_KEY) or NOT_LENT)
        if (self.keys.operator_key, self.keys.without_key) != (self.operator_key(), why):
            self.renew_keys(why)
            self.checked_at = float("-inf")
        good_for = CHECK_S if self.keys.chosen() else float(self.desired.get("check_s") or CHECK_AGAIN_S)
        if now - self.checked_at < good_for:
            return
        self.checked_at = now
        if self.keys.chosen() is None and pod_environment() != self.keys.environment:
            # The pod's start script has exported more variables since.
            self.renew_keys(why)
        before, first = self.keys.chosen(), not self.keys.checked
        pod = self.keys.check()
        if isinstance(pod, dict):
            self.budget.learn(pod, self.desired.get("rate"), now, time.time())
        chosen = self.keys.chosen()
        if first or chosen is not before:
            self.files.say(
                f"will stop by {chosen.method.name}: {chosen.method.words}" if chosen else self.keys.problem()
            )

    # ---- deciding and acting

    def decide(self, now: float) -> Decision:
        """Apply the rules to the current facts."""
        policy = policy_of(self.desired)
        keep = self.desired.get("keep") or {}
        until = float(keep.get("until_mono") or 0) if keep.get("boot_id") == self.boot else 0.0
        chosen = self.keys.chosen()
        facts = Facts(
            activity=self.last_seen.activity(now), keep_s=max(0.0, until - now), working=self.working,
            uncopied=self.uncopied, uncopied_what=self.uncopied_what, models=self.weights.away,
            copying=self.weights.copying, spent=self.budget.spent, rate=self.budget.rate,
            method=chosen.method.name if chosen else "",
            clear_s=None if self.blocked_at is None else now - self.blocked_at,
            method_problem=self.keys.problem() or self.stopper.problem(now),
        )  # fmt: skip
        decision = decide(policy, facts)
        if decision.blocks:
            self.blocked_at = now
        return decision

    def stop_if_due(self, now: float, decision: Decision) -> Decision:
        """Stop the pod if a stop is due and was announced long enough ago. Returns the current decision."""
        if not decision.due:
            self.announced_at = None
            self.stopper.reset()
            return decision
        if self.announced_at is None:
            self.announced_at = now
        if now - self.announced_at < float(self.desired.get("announce_s", ANNOUNCE_S)):
            return decision
        if self.stopper.step(self.keys, now, lambda: self.write(now, decision)):
            after = self.decide(now)
            self.write(now, after)
            return after
        return decision

    def write(self, now: float, decision: Decision) -> None:
        """Write the state file, which consoles read."""
        self.written_at = now
        self.number = self.desired.get("number")
        policy, chosen = policy_of(self.desired), self.keys.chosen()
        document = {
            "version": self.version, "pid": os.getpid(), "pid_start": start_of(os.getpid()),
            "boot_id": self.boot, "pod": self.keys.pod_id, "started": self.started,
            "number": self.number, "written": time.time(), "written_mono": now,
            "policy": {name: getattr(policy, name) for name in Policy.__dataclass_fields__},
            "decision": {name: getattr(decision, name) for name in Decision.__dataclass_fields__},
            LAST_SEEN: {kind: list(entry) for kind, entry in self.last_seen.times.items()},
            "working": list(self.working), "uncopied": self.uncopied, "uncopied_what": self.uncopied_what,
            "spent": self.budget.spent, "spent_mono": self.budget.spent_at, "rate": self.budget.rate,
            "blocked_mono": self.blocked_at, METHODS: self.keys.as_json(), MISSING_METHODS: self.keys.missing,
            METHOD: chosen.method.name if chosen else "", "checked": self.keys.checked,
            "stopped_by": self.stopper.by, "last_stop": self.last_stop, "problems": self.problems,
        }  # fmt: skip
        try:
            self.files.write(self.files.state, document)
        except OSError as error:
            self.files.say(f"the state can't be written: {error.strerror}")


def run_guard(folder: Path, version: str) -> None:
    """Run this pod's guard. Returns without running it if another guard holds the lock for 15 s."""
    files = GuardFiles(folder)
    files.make()
    remove_stored(folder)
    lock = os.open(files.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    for _ in range(150):  # the previous guard may still be writing its state
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except OSError:
            time.sleep(0.1)
    else:
        return
    claim = {"folder": str(folder), "pid": os.getpid(), "pid_start": start_of(os.getpid())}
    write_json(files.claim, claim)
    Guard(files, version).run()
