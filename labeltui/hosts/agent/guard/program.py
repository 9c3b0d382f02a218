"""The guard's loop: look, decide by the rules, write down, and stop the pod when it is time.

``python3 guard-X.pyz run --folder F --version X``. One for each pod: it holds a lock while it lives. It ends when a
newer version asks it to (``wish.json`` names another version), and hands on what it has seen.
"""

# mypy: allow-untyped-calls
from __future__ import annotations

import argparse
import fcntl
import os
import posixpath
import time
from typing import Any
from urllib.parse import urlsplit

from labeltui.domain.guard.rules import Decision, Facts, Policy, Sign, decide
from labeltui.hosts.agent.agent import boot_id, process, read_text, write_json
from labeltui.hosts.agent.guard import work
from labeltui.hosts.agent.guard.files import GuardFiles, pod_environment
from labeltui.hosts.agent.guard.labels import Labels, named
from labeltui.hosts.agent.guard.runpod import Ways
from labeltui.hosts.agent.guard.signs import Gpu, Requests, Shells, Uploads

TICK_S = 2.0
WRITE_S = 5.0
SLOW_LOOK_S = 5.0  # folders, and the GPU
SLOWEST_LOOK_S = 60.0
STUCK_LOOK_S = 5.0
PROVE_AGAIN_S = 60.0
PROVEN_FOR_S = 1800.0
STOP_AGAIN_S = 30.0
ANNOUNCE_S = 3.0  # consoles see that it comes, and why, before their connection ends with the pod


def policy_of(wish: dict[str, Any]) -> Policy:
    """The policy that is in force: the profile's, with what was set since on top."""
    told = {**(wish.get("policy") or {}), **(wish.get("set") or {})}
    known = {name: told[name] for name in Policy.__dataclass_fields__ if name in told}
    return Policy(**known)


class Seen:
    """When each kind of use was last seen, on the monotonic clock and on the host's."""

    def __init__(self, kept: dict[str, Any], now: float) -> None:
        self.last: dict[str, tuple[float, float, str]] = {}
        for kind, entry in kept.items():
            if isinstance(entry, list) and len(entry) == 3 and float(entry[0]) <= now:
                self.last[str(kind)] = (float(entry[0]), float(entry[1]), str(entry[2]))
        if "start" not in self.last:
            self.note("start", "", now)

    def note(self, kind: str, what: str, now: float) -> None:
        """It was used just now."""
        self.last[kind] = (now, time.time(), what)

    def signs(self, now: float) -> tuple[Sign, ...]:
        """For the rules."""
        return tuple(Sign(kind, max(0.0, now - at), what) for kind, (at, _, what) in self.last.items())


class Guard:
    """One guard. ``now`` is the monotonic clock, which all processes of a host share."""

    def __init__(self, files: GuardFiles, version: str) -> None:
        self.files, self.version = files, version
        self.boot = boot_id()
        now = time.monotonic()
        before = files.read(files.state)
        self.last_stop = before.get("last_stop")
        if before.get("boot_id") != self.boot:
            if before.get("stopped_by"):
                self.last_stop = {
                    "at": before.get("written"),
                    "words": (before.get("decision") or {}).get("words", ""),
                }
            before = {}
        self.seen = Seen(before.get("seen") or {}, now)
        self.spent: float | None = before.get("spent")
        self.spent_at: float = before.get("spent_mono") or now
        self.rate: float | None = before.get("rate")
        self.blocked_at: float | None = before.get("blocked_mono")
        self.wish: dict[str, Any] = {}
        self.gpu, self.requests, self.shells = Gpu(), Requests(), Shells()
        self.uploads, self.labels = Uploads(), Labels()
        self.problems: dict[str, str] = {}
        self.slow_pause_s = 0.0
        self.slow_at = self.written_at = self.proven_at = self.stopped_at = float("-inf")
        self.uncopied: int | None = None
        self.uncopied_what = "they were not counted yet"
        self.working: tuple[str, ...] = ()
        self.ways = Ways(pod_environment(), self.operator_key())
        self.announced_at: float | None = None
        self.stopped_by = ""
        self.state = ""
        self.number: Any = None
        self.started = time.time()

    # ---- the loop

    def run(self) -> None:
        """Until another version is wanted."""
        self.files.say("guard %s began, pid %d" % (self.version, os.getpid()))
        self.wish = self.files.read(self.files.wish)
        self.look(time.monotonic())
        self.write(time.monotonic(), self.decide(time.monotonic()))  # RunPod may be slow to answer
        while True:
            self.wish = self.files.read(self.files.wish) or self.wish
            if self.wish.get("version") not in (None, self.version):
                self.files.say("guard %s makes way for %s" % (self.version, self.wish.get("version")))
                self.write(time.monotonic(), self.decide(time.monotonic()))
                return
            try:
                self.step()
            except (
                Exception
            ) as error:  # whatever it is, the next look may be better, and a guard that ended is none
                self.files.say("a step failed: %s: %s" % (type(error).__name__, error))
            time.sleep(float(self.wish.get("tick_s") or TICK_S))

    def step(self) -> None:
        """Look, decide, act, write."""
        now = time.monotonic()
        self.look(now)
        self.prove(now)
        self.count_money(now)
        decision = self.decide(now)
        if decision.state == "stopping" or (decision.state == "stuck" and now - self.slow_at >= STUCK_LOOK_S):
            # Nothing is stopped on what was seen a minute ago: a console stops where we are stuck.
            self.look(now, thorough=True)
            decision = self.decide(now)
        if decision.state != "stopping":
            self.announced_at = None
        elif self.announced_at is None:
            self.announced_at = now
        announced_s = float(self.wish.get("announce_s", ANNOUNCE_S))
        due = self.announced_at is not None and now - self.announced_at >= announced_s
        if due and now - self.stopped_at >= STOP_AGAIN_S:
            self.stop(now, decision)
        changed = decision.state != self.state
        if changed:
            self.files.say("%s: %s" % (decision.state, decision.words))
            self.state = decision.state
        if (
            changed
            or self.number != self.wish.get("number")
            or now - self.written_at >= min(WRITE_S, float(self.wish.get("write_s") or WRITE_S))
        ):
            self.write(now, decision)

    # ---- looking

    @property
    def studies(self) -> str:
        """The studies' folder, or the URL of a DICOMweb server: of the server that runs, else of the profile."""
        record = work.job(os.path.join(self.files.jobs, "server.json"))
        meta = record.get("meta")
        served = meta.get("studies") if isinstance(meta, dict) and record["live"] else None
        return str(served or self.wish.get("studies") or "")

    @property
    def dicomweb(self) -> str:
        """The DICOMweb server's host name; empty for a folder."""
        return (urlsplit(self.studies).hostname or "?") if "://" in self.studies else ""

    def look(self, now: float, *, thorough: bool = False) -> None:
        """Everything that shows use; one that fails is named, and does not keep the others from being looked at."""
        folder = "" if self.dicomweb else os.path.expanduser(self.studies)
        self.one("request", now, lambda: self.requests.look(self.logs(), folder))
        self.one("shell", now, lambda: self.shells.look(now))
        self.one("training", now, self.look_at_work)
        self.one("job", now, self.look_at_jobs)
        self.keep_alive(now)
        if thorough or now - self.slow_at >= self.slow_pause_s:
            self.slow_at, began = now, time.monotonic()
            self.one("gpu", now, self.gpu.look)
            if self.gpu.problem:
                self.problems["gpu"] = self.gpu.problem
            self.one("upload", now, lambda: self.uploads.look(folder))
            self.one("label", now, lambda: self.look_at_labels(folder))
            # A hundred thousand files on a network volume are not looked at all the time.
            least = float(self.wish.get("slow_look_s") or SLOW_LOOK_S)
            self.slow_pause_s = max(least, min(SLOWEST_LOOK_S, 20 * (time.monotonic() - began)))

    def one(self, kind: str, now: float, look: Any) -> None:
        """One watcher."""
        try:
            what = look()
            self.problems.pop(kind, None)
        except Exception as error:
            self.problems[kind] = "%s: %s" % (type(error).__name__, error)
            if kind == "label":
                self.uncopied, self.uncopied_what = None, self.problems[kind]
            if kind == "training":
                self.working = ("nobody can tell whether a training runs",)
            return
        if what is not None:
            self.seen.note(kind, what, now)

    def look_at_work(self) -> str | None:
        """Note what works."""
        self.working = tuple(work.tasks())
        return "of " + self.working[0].partition(" of ")[2].replace(" runs", "") if self.working else None

    def look_at_jobs(self) -> str | None:
        """An installation, for one."""
        running = work.jobs(self.files.jobs)
        return "(%s)" % ", ".join(running) if running else None

    def logs(self) -> list[str]:
        """The logs in which a server writes what it was asked: of the run that we started, and the app's own."""
        record = work.job(os.path.join(self.files.jobs, "server.json"))
        found = [str(record["log_path"])] if record.get("log_path") else []
        app = str(self.wish.get("app_log") or "")
        return [*found, os.path.expanduser(app)] if app else found

    def look_at_labels(self, folder: str) -> str | None:
        """Note which labels are not copied; returns words for one that was saved."""
        if self.dicomweb:
            here = self.dicomweb in ("localhost", "::1") or self.dicomweb.startswith("127.")
            self.uncopied = None if here else 0
            self.uncopied_what = "they are on a DICOM server on the pod itself" if here else ""
            return None
        what = self.labels.look(folder) if folder else None
        if not folder:
            self.uncopied, self.uncopied_what = None, "no console has said where the studies are"
            return None
        copied = self.files.read(self.files.copied).get("files") or {}
        missing = self.labels.uncopied(folder, copied)
        self.uncopied, self.uncopied_what = len(missing), named(missing)
        return what

    def keep_alive(self, now: float) -> None:
        """A key press in some console."""
        keep = self.wish.get("keep") or {}
        at = float(keep.get("mono") or 0)
        if keep.get("boot_id") == self.boot and at > self.seen.last.get("keep", (0.0, 0.0, ""))[0]:
            self.seen.last["keep"] = (min(at, now), float(keep.get("at") or time.time()), "")

    # ---- ways and money

    def operator_key(self) -> str:
        """The key that the operator lent, if any."""
        return str(read_text(self.files.key)).strip()

    def prove(self, now: float) -> None:
        """Prove a way to stop the pod: at start, after a failure, and from time to time."""
        if self.ways.operator_key != self.operator_key():
            self.ways = Ways(pod_environment(), self.operator_key())
            self.proven_at = float("-inf")
        good_for = PROVEN_FOR_S if self.ways.chosen() else float(self.wish.get("prove_s") or PROVE_AGAIN_S)
        if now - self.proven_at < good_for:
            return
        self.proven_at = now
        if self.ways.chosen() is None and pod_environment() != self.ways.environment:
            self.ways = Ways(pod_environment(), self.operator_key())  # the start script has come further
        before = self.ways.chosen()
        pod = self.ways.prove()
        if isinstance(pod, dict):
            self.learn_money(pod, now)
        if self.ways.chosen() is not before or before is None:
            chosen = self.ways.chosen()
            self.files.say("stops by %s" % chosen.way.name if chosen else self.ways.problem())

    def learn_money(self, pod: dict[str, Any], now: float) -> None:
        """Rate and age from what RunPod tells of the pod; what a console says wins."""
        cost = pod.get("cost")
        if isinstance(cost, (int, float)) and cost > 0 and not self.wish.get("rate"):
            self.set_rate(float(cost), now)
        self.learn_start(pod.get("startedAt"))
        if (
            self.spent is None and self.rate is not None
        ):  # RunPod does not say since when: since the guard began
            self.spent = self.rate * max(0.0, time.time() - self.started) / 3600.0

    def learn_start(self, started: Any) -> None:
        """Money spent before the guard began is spent, too: from the pod's start, once."""
        if self.spent is not None or not isinstance(started, str) or self.rate is None:
            return
        age = age_s(started, time.time())
        if age is not None:
            self.spent = self.rate * age / 3600.0

    def set_rate(self, rate: float, now: float) -> None:
        """From now on it costs that much."""
        self.add_money(now)
        self.rate = rate

    def add_money(self, now: float) -> None:
        """Rate times time since the last addition."""
        if self.spent is not None and self.rate is not None:
            self.spent += self.rate * max(0.0, now - self.spent_at) / 3600.0
        self.spent_at = now

    def count_money(self, now: float) -> None:
        """What the session has cost until now."""
        told = self.wish.get("rate")
        if isinstance(told, (int, float)) and told != self.rate:
            self.set_rate(float(told), now)
        self.learn_start(self.wish.get("started_at"))
        self.add_money(now)

    # ---- deciding and acting

    def decide(self, now: float) -> Decision:
        """By the rules."""
        policy = policy_of(self.wish)
        keep = self.wish.get("keep") or {}
        until = float(keep.get("until_mono") or 0) if keep.get("boot_id") == self.boot else 0.0
        chosen = self.ways.chosen()
        facts = Facts(
            signs=self.seen.signs(now), keep_s=max(0.0, until - now), working=self.working,
            uncopied=self.uncopied, uncopied_what=self.uncopied_what, spent=self.spent, rate=self.rate,
            clear_s=None if self.blocked_at is None else now - self.blocked_at,
            way=chosen.way.name if chosen else "", way_problem=self.ways.problem(),
        )  # fmt: skip
        decision = decide(policy, facts)
        if decision.blocks:
            self.blocked_at = now
        return decision

    def stop(self, now: float, decision: Decision) -> None:
        """Stop the pod; where that fails, other ways are tried with the next steps."""
        self.stopped_at = now
        self.files.say("stops the pod: %s" % decision.words)
        self.write(now, decision)
        self.stopped_by = self.ways.stop()
        if self.stopped_by:
            self.files.say("RunPod takes the stop, by %s" % self.stopped_by)
            self.write(now, decision)
            return
        self.files.say("the stop failed: %s" % self.ways.problem())
        self.stopped_at = self.proven_at = float("-inf")

    def write(self, now: float, decision: Decision) -> None:
        """What consoles read."""
        self.written_at = now
        self.number = self.wish.get("number")
        policy = policy_of(self.wish)
        here = process(os.getpid())
        document = {
            "version": self.version, "pid": os.getpid(), "pid_start": here.start if here else "",
            "boot_id": self.boot, "pod": self.ways.pod_id, "started": self.started,
            "number": self.number, "written": time.time(), "written_mono": now,
            "policy": {name: getattr(policy, name) for name in Policy.__dataclass_fields__},
            "decision": {name: getattr(decision, name) for name in Decision.__dataclass_fields__},
            "seen": {kind: list(entry) for kind, entry in self.seen.last.items()},
            "working": list(self.working), "uncopied": self.uncopied, "uncopied_what": self.uncopied_what,
            "spent": self.spent, "spent_mono": self.spent_at, "rate": self.rate,
            "blocked_mono": self.blocked_at, "ways": self.ways.told(), "missing_ways": self.ways.missing,
            "way": getattr(getattr(self.ways.chosen(), "way", None), "name", ""),
            "stopped_by": self.stopped_by, "last_stop": self.last_stop, "problems": self.problems,
        }  # fmt: skip
        try:
            self.files.write(self.files.state, document)
        except OSError as error:
            self.files.say("the state can't be written: %s" % error.strerror)


def age_s(started: str, now: float) -> float | None:
    """Seconds since an RFC 3339 instant; None when it is none."""
    from datetime import datetime

    try:
        at = (
            datetime.fromisoformat(started[:19] + "+00:00")
            if started.endswith("Z")
            else datetime.fromisoformat(started)
        )
    except ValueError:
        return None
    return max(0.0, now - at.timestamp()) if at.tzinfo else None


def main(arguments: list[str] | None = None) -> None:
    """Run, unless a guard of this pod runs already."""
    parser = argparse.ArgumentParser("guard")
    parser.add_argument("command", choices=["run"])
    parser.add_argument("--folder", required=True)
    parser.add_argument("--version", required=True)
    told = parser.parse_args(arguments)
    files = GuardFiles(posixpath.abspath(told.folder))
    files.make()
    lock = os.open(files.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    for _ in range(150):  # the one before may still be writing down what it has seen
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except OSError:
            time.sleep(0.1)
    else:
        return
    here = process(os.getpid())
    write_json(
        files.claim, {"folder": told.folder, "pid": os.getpid(), "pid_start": here.start if here else ""}
    )
    Guard(files, told.version).run()
