"""A job's runner: a separate process that starts the job, waits for its end, and records its exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from labeltui.hosts.agent.remote.files import Problem, read_json, take_lock, write_json
from labeltui.hosts.agent.remote.processes import start_of

WRITES_WITHIN_S = 600  # a full disk may have free space again later


def run_job(lock: int) -> None:
    """Read the job's specification from stdin, report on stdout whether it started, and wait for its end."""
    spec = json.loads(sys.stdin.buffer.read())
    if os.fork():
        os._exit(0)  # the child goes on as the runner; init reaps it even if the agent has ended
    answer: dict[str, Any] = {"ok": True}
    job = record = None
    try:
        job, record = start_job(spec)
    except OSError as error:
        what = error.filename or spec["argv"][0]
        answer = {"error": {"code": "start_failed", "message": f"{what}: {error.strerror}.",
                            "hint": "Check the command, its folder and the disk of the host."}}  # fmt: skip
    os.write(1, json.dumps(answer).encode())
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    os.close(lock)
    if job is None or record is None:
        return
    record.update(exit_code=job.wait(), ended_ts=time.time())
    for _ in range(WRITES_WITHIN_S):
        try:
            finish_record(spec["path"], record)
        except (OSError, Problem):
            time.sleep(1)
        else:
            return


def start_job(spec: dict[str, Any]) -> tuple[subprocess.Popen[bytes], dict[str, Any]]:
    """Start the process in a session of its own and record it. Raises OSError."""
    Path(spec["log_path"]).parent.mkdir(parents=True, exist_ok=True)
    log = os.open(spec["log_path"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        job = subprocess.Popen(
            spec["argv"], env=spec["env"], cwd=spec["cwd"] or Path.home(), stdin=subprocess.DEVNULL,
            stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    finally:
        os.close(log)
    fields = {key: spec[key] for key in ("name", "run_id", "boot_id", "log_path", "meta")}
    record = dict(
        fields, pid=job.pid, pgid=job.pid, pid_start=start_of(job.pid), started_ts=time.time(),
        runner_pid=os.getpid(), runner_start=start_of(os.getpid()),
    )  # fmt: skip
    try:
        write_json(spec["path"], record)
    except OSError:
        os.killpg(
            job.pid, signal.SIGKILL
        )  # a job without a record could not be found again, so it must not run
        job.wait()
        raise
    return job, record


def finish_record(path: str, record: dict[str, Any]) -> None:
    """Record a job's exit code, unless a newer run has taken its name."""
    lock = take_lock(path[: -len(".json")] + ".lock")
    try:
        stored = read_json(path)
        if stored.get("run_id") == record["run_id"]:
            write_json(path, dict(record, stopped_by_us=bool(stored.get("stopped_by_us"))))
    finally:
        os.close(lock)
