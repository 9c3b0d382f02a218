"""Named jobs: processes that outlive the connection, with a record of how they ended.

A job's record lies in ``FOLDER/jobs/NAME.json``. The job's runner (``runner.py``) writes it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from pathlib import Path
from typing import Any, Sequence

from labeltui.hosts.agent.remote.files import Problem, read_json, take_lock, write_json
from labeltui.hosts.agent.remote.processes import boot_id, end_group, is_running
from labeltui.hosts.agent.remote.wire import Send

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
POLL_S = 0.2
SHOWN = (
    *("run_id", "pid", "pgid", "exit_code", "log_path", "started_ts", "ended_ts"),
    *("stopped_by_us", "meta"),
)
"""The fields of a record that are sent to consoles."""


class Jobs:
    """The named jobs of one folder. ``program`` is the command line that starts this package."""

    def __init__(self, folder: Path, program: Sequence[str]) -> None:
        self.folder, self.program = folder, tuple(program)
        self.directory = folder / "jobs"
        self.boot = boot_id()

    def path(self, name: object, suffix: str = ".json") -> Path:
        """Return the path of a job's file. Raises Problem ``bad_request`` for an invalid name."""
        if not isinstance(name, str) or not NAME.match(name):
            raise Problem(
                "bad_request", f"{name!r} is no job name.", "Use letters, digits, dot, dash, underscore."
            )
        return self.directory / (name + suffix)

    def lock(self, name: object) -> int:
        """Take the job's lock as :func:`take_lock` does. Raises Problem ``locked``."""
        path = self.path(name, ".lock")
        self.directory.mkdir(parents=True, exist_ok=True)
        return take_lock(path)

    def record(self, name: object) -> dict[str, Any] | None:
        """Read the runner's record of the job. None if it is missing or unreadable."""
        record = read_json(self.path(name))
        return record if "run_id" in record else None

    def status(self, name: object, settle_s: float = 2.0) -> dict[str, Any]:
        """Return the job's status. If the job has just ended, wait up to ``settle_s`` seconds for its exit code."""
        deadline = time.monotonic() + settle_s
        while True:
            record = self.record(name)
            state = self.state_of(record)
            if state != "ending" or time.monotonic() >= deadline:
                break
            time.sleep(0.02)
        if record is not None and state == "ending":
            state = _live_state(record)
        job: dict[str, Any] = {"name": name, "state": state}
        job.update((key, record[key]) for key in SHOWN if record is not None and key in record)
        return job

    def state_of(self, record: dict[str, Any] | None) -> str:
        """Return absent, running, stopping, exited, lost, or ending: the exit code is not yet written."""
        if record is None:
            return "absent"
        if "ended_ts" in record:
            return "exited"
        if record.get("boot_id") != self.boot:
            return "lost"
        if is_running(record["pid"], record["pid_start"]):
            return _live_state(record)
        return "ending" if is_running(record["runner_pid"], record["runner_start"]) else "lost"

    def names(self) -> list[str]:
        """Return the names of all jobs that ever ran, sorted."""
        try:
            found = [path.stem for path in self.directory.iterdir() if path.suffix == ".json"]
        except OSError:
            return []
        return sorted(name for name in found if NAME.match(name))

    def start(
        self,
        name: str,
        argv: list[str],
        env: dict[str, str] | None = None,
        cwd: str | None = None,
        log: str | None = None,
        meta: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Start a job; ``env`` is added to the agent's own. Raises Problem ``already_running``, ``start_failed``."""
        if not (isinstance(argv, list) and argv and all(isinstance(arg, str) for arg in argv)):
            raise Problem("bad_request", "A job needs argv, a list of words.")
        if any("\0" in text for text in [*argv, *(env or {}), *(env or {}).values()]):
            raise Problem("bad_request", "A word of the job's command or environment holds a NUL byte.")
        self.status(name)  # lets the runner of an ended run write its record, which needs the lock
        lock = self.lock(name)
        try:
            if self.state_of(self.record(name)) in ("running", "stopping"):
                raise Problem("already_running", f"The job {name} runs already.", "Stop it first, or use it.")
            run_id = time.strftime("%Y%m%d-%H%M%S-", time.gmtime()) + os.urandom(3).hex()
            spec = {
                "path": str(self.path(name)), "name": name, "run_id": run_id, "argv": argv, "cwd": cwd,
                "boot_id": self.boot, "env": dict(os.environ, **(env or {})), "meta": meta or {},
                "log_path": log or str(self.folder / "runs" / run_id / "stdout.log"),
            }  # fmt: skip
            self.launch(lock, spec)
        finally:
            os.close(lock)
        return self.status(name)

    def launch(self, lock: int, spec: dict[str, Any]) -> None:
        """Start the runner. It reads the specification from a pipe, so secrets are not on disk or a command line.

        The runner inherits the lock, so that no second runner starts if this agent dies now.
        """
        with subprocess.Popen(
            [*self.program, "run", "--lock", str(lock)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            pass_fds=(lock,), start_new_session=True, cwd="/",
        ) as first:  # fmt: skip
            answer, _ = first.communicate(json.dumps(spec).encode())
        try:
            reply = json.loads(answer)
        except ValueError:
            raise Problem(
                "start_failed", "The job's runner died at once.", "Is the disk of the host full?"
            ) from None
        if "error" in reply:
            raise Problem(**reply["error"])

    def stop(self, name: str, grace_s: float = 10.0, send: Send | None = None) -> dict[str, Any]:
        """End all processes of the job. Progress events are passed to ``send``."""
        lock = self.lock(name)
        try:
            record = self.record(name)
            if record is not None and self.state_of(record) == "running":
                write_json(self.path(name), dict(record, stopped_by_us=True))
        finally:
            os.close(lock)

        if record is None or record.get("boot_id") != self.boot:
            return self.status(name)
        run_id = record["run_id"]

        def report(phase: str, alive: int, waited_s: float) -> None:
            if send is not None:
                send({"ev": "stopping", "name": name, "run_id": run_id, "phase": phase,
                      "alive": alive, "waited_s": round(waited_s, 1)})  # fmt: skip

        end_group(record["pgid"], record["pid_start"], float(grace_s), report)
        return self.status(name)


def _live_state(record: dict[str, Any]) -> str:
    return "stopping" if record.get("stopped_by_us") else "running"


class JobWatch:
    """Detects within half a second that a job began or ended, even if another agent started or stopped it."""

    def __init__(self, jobs: Jobs, send: Send) -> None:
        self.jobs, self.send = jobs, send
        self.known = {name: (self.signature(name), jobs.status(name, 0)) for name in jobs.names()}

    def signature(self, name: str) -> tuple[int, int] | None:
        """Return a value that changes when the job's record is replaced. None if there is no record."""
        try:
            found = self.jobs.path(name).stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino

    def poll(self) -> None:
        """Send an event for each job whose record has changed."""
        for name in self.jobs.names():
            signature = self.signature(name)
            before, job = self.known.get(name, (None, {}))
            if signature == before and job["state"] in ("exited", "lost"):
                continue
            now = self.jobs.status(name, 0)
            self.known[name] = (signature, now)
            if now != job:
                self.send(dict(now, ev="job"))

    def run(self) -> None:
        """Poll until the process ends."""
        while True:
            time.sleep(POLL_S)
            self.poll()
