"""The agent: carries out a console's requests on its host, and reports events.

It speaks JSON, one object per line, on stdin and stdout.

The wire
    The first line is ``LABELTUI-AGENT {hello}``. Earlier output comes from the login shell.
    Request  ``{"id": n, "op": "...", ...}``; a request without an id gets no answer.
    Answer   ``{"id": n, "ok": {...}}`` or ``{"id": n, "error": {"code", "message", "hint", "detail"}}``, in any order.
    Event    ``{"ev": "job" | "stopping" | "chunk" | "follow.error" | "metrics" | "studies", ...}``, at any time.
    The agent ends at the end of its stdin. Jobs go on.

Operations
    hello, ping
    job.start {name, argv, env?, cwd?, log?, meta?}   -> job; error already_running. ``env`` is added to the agent's
    job.status {name}, job.list                       -> job; {"jobs": [job]}
    job.stop {name, grace_s?}                         -> job, once all processes of its group and session ended
    follow {path, key, offset?, file_id?}             -> {}; then chunk events of at most 64 kB, base64 in ``data``;
    ack {key, bytes}                                     no more than 512 kB of them are sent ahead of these acks
    unfollow {key}
    metrics {disk_path}                               -> a sample of the load
    metrics.watch {interval_s, disk_path}             -> {}; then metrics events; an interval of 0 ends them
    disk.sum {path, start?}                           -> {used, age_s}: the newest sum of a volume's files
    orphans {server_pgid?}    -> {"orphans": [{pid, pgid, model, started_ts, folder, user, ours, task}]}
    orphans.stop {pgid, task?, grace_s?}
    servers                                           -> {"servers": [{pid, port, studies, dicomweb_cache_s, app}]}
    stat {path}, listdir {path}, mkdir {path}, read {path, offset, limit}, sha256 {path, limit?}
    write {path, data, replaces?}                     -> {}; a file of the agent's folder, in one step. ``replaces`` is
                                                         the SHA-256 of its present bytes; error file_changed
    labels.list {studies, only?, after?, limit?}      -> {root, now_ns, labels, skipped, after, more}
    labels.sum {studies, keys: [[tag, name]]}         -> {root, now_ns, labels}, with checksums
    models.list {folder, names, summed}               -> {root, files: [{name, size, mtime_ns, sha256}]}
    studies.watch {studies, key}                      -> {}; then studies events {key, state, whole, data, last}: all
                                                         studies, later the differences; ``data`` is JSON {changed:
                                                         entries of domain/studies/datastore.py, gone: ids}, zlib,
                                                         base64. Then {key, sizes, last}: bytes by id, as ``data``
    studies.check {key}                               -> {state}: that of the file as it is now; all of it was sent
    studies.unwatch
    upload.compare {studies, names, parts}            -> {there, parts, free}: see ``uploads/staging.py``
    upload.tidy {studies, every, done}                -> {}; deletes what no upload will continue
    preflight {folder, app, studies, port}            -> whether the server can start
    probe {folder, packages, apps, venv_files, site_files}
                                                      -> the installed packages and files
    program.run {key, python, source, arguments?, memory_bytes?, wall_s?, answer_bytes?}
                                                      -> {"answer": the result of the program's main}
    program.stop {key}                                -> {}; the program's group is killed
    console.enter {console}                           -> {}; ``console`` has the fields ``SHOWN`` of ``consoles.py``
    console.list                                      -> {consoles: [{SHOWN, age_s, silent_s, action?, action_age_s?,
                                                         may_be_taken?, free_in_s?}]}: the other consoles
    lease.take {console, action, over?}               -> {holder}: the other console that has the lease, else null
    lease.release {action}                            -> {}
    guard {request}                                   -> the answer of ``guard/requests.py``
    invitations {ask, local, ...}                     -> the answer of ``invited/keys.py``

A job is ``{name, state, run_id, pid, pgid, exit_code, log_path, started_ts, ended_ts, stopped_by_us, meta}``.
"""

from __future__ import annotations

import base64
import getpass
import hashlib
import json
import os
import platform
import socket
import stat
import sys
import threading
import time
from pathlib import Path
from typing import Any, Callable, Sequence

from labeltui.hosts.agent.remote.consoles import Consoles
from labeltui.hosts.agent.remote.files import Problem, expand, problem_of, sha256, take_lock, write_bytes
from labeltui.hosts.agent.remote.guard import requests as guard_requests
from labeltui.hosts.agent.remote.installation.preflight import preflight
from labeltui.hosts.agent.remote.installation.probe import probe
from labeltui.hosts.agent.remote.invited import keys as invited_keys
from labeltui.hosts.agent.remote.jobs import Jobs, JobWatch
from labeltui.hosts.agent.remote.labels import list_labels, sum_labels
from labeltui.hosts.agent.remote.load.disk_sum import DiskSums
from labeltui.hosts.agent.remote.load.metrics import Metrics, MetricsWatch
from labeltui.hosts.agent.remote.models import ModelSums
from labeltui.hosts.agent.remote.orphans import orphans, stop_orphans
from labeltui.hosts.agent.remote.programs import Programs
from labeltui.hosts.agent.remote.servers import servers
from labeltui.hosts.agent.remote.studies import Studies
from labeltui.hosts.agent.remote.tail import CHUNK, Tails, identify
from labeltui.hosts.agent.remote.uploads.staging import compare, tidy
from labeltui.hosts.agent.remote.wire import Wire

VERSION = "1"
SENTINEL = "LABELTUI-AGENT "
LONGEST_REQUEST = 4 << 20
AT_ONCE = 64  # requests that run in parallel
LARGEST_READ = 1 << 20
MOST_NAMES = 10_000
EMPTY_SUM = hashlib.sha256().hexdigest()  # also stands for a file that does not exist


class Agent:
    """Answers each request in a separate thread, so that a slow request does not delay others.

    ``program`` is the command line that starts this package.
    """

    def __init__(self, folder: Path, wire: Wire, program: Sequence[str]) -> None:
        self.folder, self.wire, self.program = folder, wire, tuple(program)
        self.jobs = Jobs(folder, program)
        self.consoles = Consoles(folder, self.jobs.boot)
        self.tails = Tails(wire.send)
        self.metrics = Metrics()
        self.programs = Programs(program)
        self.studies = Studies(wire.send)
        self.watch = MetricsWatch(self.metrics, wire.send)
        self.slots = threading.BoundedSemaphore(AT_ONCE)
        self.operations: dict[str, Callable[..., dict[str, Any]]] = {
            "hello": self.hello, "ping": lambda: {"now_ts": time.time()},
            "job.start": self.jobs.start, "job.status": self.jobs.status, "job.stop": self.stop_job,
            "job.list": lambda: {"jobs": [self.jobs.status(name) for name in self.jobs.names()]},
            "follow": self.tails.add, "unfollow": self.tails.remove,
            "ack": self.tails.ack,
            "disk.sum": DiskSums(folder).ask,
            "metrics": self.metrics.sample, "metrics.watch": self.watch.set,
            "orphans": lambda server_pgid=None: {"orphans": orphans(folder, server_pgid)},
            "orphans.stop": self.stop_orphans, "servers": lambda: {"servers": servers()},
            "stat": file_facts, "listdir": list_folder, "mkdir": make_folder, "read": read_file,
            "write": self.write_file,
            "sha256": lambda path, limit=None: {"sha256": sha256(expand(path), limit)},
            "labels.list": list_labels, "labels.sum": sum_labels, "models.list": ModelSums().find,
            "studies.watch": self.studies.watch, "studies.check": self.studies.check,
            "studies.unwatch": self.studies.unwatch,
            "upload.compare": compare, "upload.tidy": tidy,
            "preflight": preflight, "probe": probe,
            "program.run": self.programs.run, "program.stop": self.programs.stop,
            "invitations": invited_keys.perform,
            "console.enter": self.consoles.enter, "console.list": self.consoles.listed,
            "lease.take": self.consoles.take, "lease.release": self.consoles.release,
            "guard": lambda request: guard_requests.perform(self.folder, self.program, request),
        }  # fmt: skip

    def hello(self) -> dict[str, Any]:
        """Return the first message: version, process and machine."""
        return {
            "version": VERSION, "python": platform.python_version(), "hostname": socket.gethostname(),
            "system": f"{platform.system()} {platform.release()} {platform.machine()}",
            "user": user_name(), "home": str(expand("~")), "boot_id": self.jobs.boot,
            "pid": os.getpid(),
            "now_ts": time.time(), "cpu_count": os.cpu_count() or 1, "folder": str(self.folder),
            "utc_offset_s": time.localtime().tm_gmtoff,
        }  # fmt: skip

    def serve(self) -> None:
        """Answer requests until stdin ends, then end the process."""
        job_watch = JobWatch(self.jobs, self.wire.send)
        for target in (job_watch.run, self.tails.run, self.watch.run):
            threading.Thread(target=target, daemon=True).start()
        self.wire.write(f"\n{SENTINEL}{json.dumps(self.hello())}\n".encode("ascii"))
        while True:
            line = sys.stdin.buffer.readline(LONGEST_REQUEST)
            if not line:
                self.programs.stop_all()
                self.consoles.leave()
                os._exit(0)  # ends all threads; jobs go on
            if len(line) == LONGEST_REQUEST and not line.endswith(b"\n"):
                while line and not line.endswith(b"\n"):
                    line = sys.stdin.buffer.readline(LONGEST_REQUEST)
                self.fail(None, Problem("bad_request", "A request is longer than 4 MB."))
            elif line.strip():
                self.consoles.hear()
                self.slots.acquire()
                threading.Thread(target=self.answer, args=(line,), daemon=True).start()

    def fail(self, number: object, problem: Problem) -> None:
        """Send the answer for a failed request."""
        self.wire.send({"id": number, "error": problem.document})

    def answer(self, line: bytes) -> None:
        """Perform one request, send its answer, and let the next waiting request begin."""
        number = None
        try:
            request = json.loads(line)
            number = request.pop("id", None)
            result = self.perform(request.pop("op"), request)
            if number is not None:
                self.wire.send({"id": number, "ok": result})
        except Exception as error:
            self.fail(number, problem_of(error))
        finally:
            self.consoles.note()
            self.slots.release()

    def perform(self, op: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Carry out one request. Returns the ``ok`` of its answer."""
        operation = self.operations.get(op)
        if operation is None:
            raise Problem("bad_request", "The agent does not know this request.", "Update labeltui.")
        return operation(**arguments)

    def write_file(self, path: str, data: str, replaces: str | None = None) -> dict[str, Any]:
        """Replace a file below the agent's folder. With ``replaces``, only while its content has that SHA-256."""
        file, folder = Path(os.path.realpath(expand(path))), os.path.realpath(self.folder)
        if os.path.commonpath((folder, str(file))) != folder:
            raise Problem("bad_request", f"{path} is not in {self.folder}.")
        file.parent.mkdir(parents=True, exist_ok=True)
        lock = take_lock(self.folder / ".write.lock")
        try:
            if replaces is not None and replaces != (sha256(file) if file.exists() else EMPTY_SUM):
                raise Problem("file_changed", f"{path} was changed meanwhile.", "Try again.")
            write_bytes(file, base64.b64decode(data))
        finally:
            os.close(lock)
        return {}

    def stop_job(self, name: str, grace_s: float = 10.0) -> dict[str, Any]:
        """Carry out ``job.stop``: end a job, and send its progress while processes end."""
        return self.jobs.stop(name, grace_s, self.wire.send)

    def stop_orphans(self, pgid: int, task: str = "train", grace_s: float = 5.0) -> dict[str, Any]:
        """Carry out ``orphans.stop``: end the processes of an orphaned task."""
        job = self.jobs.status("server")
        live = job.get("pgid") if job["state"] in ("running", "stopping") else None
        stop_orphans(self.folder, pgid, task, live, float(grace_s))
        return {}


def file_facts(path: str) -> dict[str, Any]:
    """Return ``size`` in bytes, ``mtime`` in unix seconds, ``is_dir``, and a regular file's ``file_id``."""
    there = expand(path)
    found = there.stat()
    facts: dict[str, Any] = {
        "size": found.st_size,
        "mtime": found.st_mtime,
        "is_dir": stat.S_ISDIR(found.st_mode),
    }
    if stat.S_ISREG(found.st_mode):
        handle = os.open(there, os.O_RDONLY | os.O_CLOEXEC)
        try:
            facts.update(file_id=identify(handle), size=os.fstat(handle).st_size)
        finally:
            os.close(handle)
    return facts


def list_folder(path: str) -> dict[str, Any]:
    """List the names in a folder, sorted; at most 10 000."""
    return {"names": sorted(entry.name for entry in expand(path).iterdir())[:MOST_NAMES]}


def make_folder(path: str) -> dict[str, Any]:
    """Make a folder and its parents."""
    expand(path).mkdir(parents=True, exist_ok=True)
    return {}


def read_file(path: str, offset: int = 0, limit: int = CHUNK) -> dict[str, Any]:
    """Read at most 1 MiB of a file. Returns the bytes in base64."""
    with expand(path).open("rb") as file:
        file.seek(offset)
        return {"data": base64.b64encode(file.read(min(limit, LARGEST_READ))).decode("ascii")}


def user_name() -> str:
    """Return the user's name, or the user id if it has no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return str(os.getuid())
