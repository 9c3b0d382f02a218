"""The agent: what must stay true on a host while consoles come and go.

One file, standard library only, Python 3.8 or newer, so that it runs wherever MONAI Label does. It is sent to
the host and started as ``python3 agent.py serve --folder F``; it speaks JSON, one object per line, on stdin
and stdout.

The wire
    The first line of ours is ``LABELTUI-AGENT {hello}``; whatever a login shell printed before it is noise.
    Request  ``{"id": n, "op": "...", ...}``; without an id nothing is answered.
    Answer   ``{"id": n, "ok": {...}}`` or ``{"id": n, "error": {"code", "message", "hint"}}``, in any order.
    Event    ``{"ev": "job" | "stopping" | "chunk" | "follow.error" | "metrics", ...}``, at any time.
    The agent ends when its stdin does. Jobs do not.

Operations
    hello, ping
    job.start {name, argv, env?, cwd?, log?, meta?}   -> job; error already_running. ``env`` adds to ours
    job.status {name}, job.list                       -> job; {"jobs": [job]}
    job.stop {name, grace_s?}                         -> job, once nothing of its group and session is alive
    follow {path, key, offset?, file_id?}             -> {}; then chunk events of at most 64 kB, base64 in
    ``data``; ack {key, bytes}                                     no more than 512 kB of them are sent ahead
    of these acks unfollow {key} metrics {disk_path}, metrics.watch {interval_s, disk_path}     (0 ends the
    watch) orphans {server_pgid?}, orphans.stop {pgid, grace_s?} stat {path}, listdir {path}, mkdir {path},
    read {path, offset, limit}, sha256 {path, limit?}
    guard {program, request}                    -> what the guard's program answers; see its ``door``

A job is ``{name, state, run_id, pid, pgid, exit_code, log_path, started_ts, ended_ts, stopped_by_us, meta}``
and lives in ``F/jobs/NAME.json``, which its *runner* (``agent.py run``: a process of its own, that outlives
the agent) writes. The environment of a job reaches the runner through a pipe: secrets touch neither a disk
nor a command line.
"""

# mypy: allow-untyped-defs, allow-untyped-calls, allow-any-generics
import argparse
import base64
import collections
import errno
import fcntl
import getpass
import glob
import hashlib
import json
import math
import os
import platform
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from typing import Any

VERSION = "1"
SENTINEL = "LABELTUI-AGENT "
CHUNK = 65536
WINDOW = 8 * CHUNK
LONGEST_REQUEST = 4 << 20
POLL_S = 0.2
HEAD = 256  # bytes at the beginning of a log that tell it from another
TELLING = 48  # so many of them are needed to know a copy by them
ROTATIONS = 100
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")


class Problem(Exception):
    """A failure in words; becomes the ``error`` of an answer."""

    def __init__(self, code, message, hint=""):
        super().__init__(message)
        self.words = {"code": code, "message": message, "hint": hint}


# ---- processes
# -------------------------------------------------------------------------------------------------

Proc = collections.namedtuple("Proc", "pid ppid pgid sid state start")
HAS_PROC = os.path.exists("/proc/self/stat")


def read_text(path):
    """A small file's text, or "" when it can't be read."""
    try:
        with open(path, "rb") as file:
            return file.read(1 << 20).decode("utf-8", "replace")
    except OSError:
        return ""


def process(pid):
    """The process with this id, or None. ``start`` tells two processes with one id apart."""
    if not HAS_PROC:
        return next((p for p in processes() if p.pid == pid), None)
    text = read_text("/proc/%d/stat" % pid)
    if not text:
        return None
    field = text.rsplit(")", 1)[1].split()  # the command name before it may hold spaces and parentheses
    return Proc(pid, int(field[1]), int(field[2]), int(field[3]), field[0], field[19])


def processes():
    """Every process that can be seen."""
    if HAS_PROC:
        found = (process(int(entry)) for entry in os.listdir("/proc") if entry.isdigit())
        return [p for p in found if p is not None]
    listing = subprocess.run(
        ["ps", "-axo", "pid=,ppid=,pgid=,stat=,lstart="],
        stdout=subprocess.PIPE,
        env=dict(os.environ, LC_ALL="C"),
    ).stdout.decode("utf-8", "replace")
    rows = [line.split(None, 4) for line in listing.splitlines()]
    # ps has no session id here worth the name; the group stands in for it
    return [Proc(int(r[0]), int(r[1]), int(r[2]), int(r[2]), r[3][0], r[4]) for r in rows if len(r) == 5]


def is_live(proc):
    """A zombie is dead: containers often have nobody who reaps it."""
    return proc is not None and proc.state not in "ZX"


def is_running(pid, start):
    """True while the very process that was recorded runs, not another one with its number."""
    proc = process(pid)
    return is_live(proc) and proc.start == start


def boot_id():
    """Changes when the machine boots, and when a container gets process ids of its own."""
    boot = read_text("/proc/sys/kernel/random/boot_id").strip()
    if not boot:
        boot = (
            subprocess.run(["sysctl", "-n", "kern.boottime"], stdout=subprocess.PIPE).stdout.decode().strip()
        )
    try:
        return boot + "/" + os.readlink("/proc/self/ns/pid")
    except OSError:
        return boot


def group_members(pgid, start=None):
    """Live processes of a group or of the session it leads.

    With ``start``: none when the leader's id now belongs to another process. While its group has members the
    kernel does not give the id away, so members without a leader are its own.
    """
    table = processes()
    leader = next((p for p in table if p.pid == pgid), None)
    if start is not None and leader is not None and leader.start != start:
        return []
    return [p for p in table if is_live(p) and pgid in (p.pgid, p.sid)]


def send_signal(members, pgid, number):
    """Signal a whole group at once, then those of its session that made groups of their own."""
    if any(p.pgid == pgid for p in members):
        try:
            os.killpg(pgid, number)
        except ProcessLookupError:
            pass
    for proc in members:
        if proc.pgid != pgid:
            try:
                os.kill(proc.pid, number)
            except ProcessLookupError:
                pass


def end_group(pgid, start, grace_s, tell):
    """SIGTERM, wait, SIGKILL; returns when nothing of the group is alive.

    ``tell(phase, alive, waited_s)``.
    """
    began = told = time.monotonic()
    phase, number = "term", signal.SIGTERM
    members = group_members(pgid, start)
    signalled = False
    while members:
        waited = time.monotonic() - began
        if phase == "term" and waited >= grace_s:
            phase, number, signalled = "kill", signal.SIGKILL, False
        if phase == "kill" and waited >= grace_s + 15:
            pids = ", ".join(str(p.pid) for p in members)
            raise Problem(
                "still_alive", "Process %s does not end, even when killed." % pids, "Look at it on the host."
            )
        try:
            if not signalled or phase == "kill":
                send_signal(members, pgid, number)
        except PermissionError:
            raise Problem(
                "not_permitted", "Process group %d belongs to another user." % pgid, "Stop it as that user."
            ) from None
        if not signalled or time.monotonic() - told >= 1:
            tell(phase, len(members), waited)
            told = time.monotonic()
        signalled = True
        time.sleep(0.05)
        members = group_members(pgid, start)


# ---- jobs
# ------------------------------------------------------------------------------------------------------


def write_json(path, value):
    """Replace a file whole; a reader sees the old one or the new one."""
    handle, temporary = tempfile.mkstemp(prefix=".", dir=os.path.dirname(path))
    try:
        with os.fdopen(handle, "w") as file:
            json.dump(value, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def take_lock(path, wait_s=15.0):
    """An exclusive lock on a file; give it back by closing the descriptor returned.

    A child may inherit it.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return handle
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES) or time.monotonic() > deadline:
                os.close(handle)
                raise Problem(
                    "locked", "Another console is busy with %s." % path, "Try again in a moment."
                ) from None
        time.sleep(0.02)


class Jobs:
    """The named jobs of one folder."""

    def __init__(self, folder):
        self.folder = folder
        self.directory = os.path.join(folder, "jobs")
        self.boot = boot_id()

    def path(self, name, suffix=".json"):
        if not isinstance(name, str) or not NAME.match(name):
            raise Problem(
                "bad_request", "%r is no job name." % (name,), "Use letters, digits, dot, dash, underscore."
            )
        return os.path.join(self.directory, name + suffix)

    def lock(self, name):
        path = self.path(name, ".lock")
        os.makedirs(self.directory, exist_ok=True)
        return take_lock(path)

    def record(self, name):
        """What the runner wrote, or None."""
        text = read_text(self.path(name))
        try:
            record = json.loads(text) if text else None
        except ValueError:
            return None
        return record if isinstance(record, dict) and "run_id" in record else None

    def status(self, name, settle_s=2.0):
        """The job as it stands. A job that just ended is given ``settle_s`` for its runner to write how."""
        deadline = time.monotonic() + settle_s
        while True:
            record = self.record(name)
            state = self.state_of(record)
            if state != "ending" or time.monotonic() >= deadline:
                break
            time.sleep(0.02)
        job = {"name": name, "state": "running" if state == "ending" else state}
        for key in (
            "run_id",
            "pid",
            "pgid",
            "exit_code",
            "log_path",
            "started_ts",
            "ended_ts",
            "stopped_by_us",
            "meta",
        ):
            if record is not None and key in record:
                job[key] = record[key]
        return job

    def state_of(self, record):
        if record is None:
            return "absent"
        if "ended_ts" in record:
            return "exited"
        if record.get("boot_id") != self.boot:
            return "lost"
        if is_running(record["pid"], record["pid_start"]):
            return "stopping" if record.get("stopped_by_us") else "running"
        return "ending" if is_running(record["runner_pid"], record["runner_start"]) else "lost"

    def names(self):
        paths = glob.glob(os.path.join(glob.escape(self.directory), "*.json"))
        names = (os.path.basename(path)[: -len(".json")] for path in paths)
        return sorted(name for name in names if NAME.match(name))

    def start(self, name, argv, env=None, cwd=None, log=None, meta=None):
        if not (isinstance(argv, list) and argv and all(isinstance(arg, str) for arg in argv)):
            raise Problem("bad_request", "A job needs argv, a list of words.")
        if any("\0" in text for text in [*argv, *(env or {}), *(env or {}).values()]):
            raise Problem("bad_request", "A word of the job's command or environment holds a NUL byte.")
        self.status(name)  # a run that just ended is written down first; its runner needs the lock for that
        lock = self.lock(name)
        try:
            if self.state_of(self.record(name)) in ("running", "stopping"):
                raise Problem(
                    "already_running", "The job %s runs already." % name, "Stop it first, or use it."
                )
            run_id = time.strftime("%Y%m%d-%H%M%S-", time.gmtime()) + os.urandom(3).hex()
            log = log or os.path.join(self.folder, "runs", run_id, "stdout.log")
            self.launch(
                lock,
                {
                    "path": self.path(name),
                    "name": name,
                    "run_id": run_id,
                    "argv": argv,
                    "cwd": cwd,
                    "boot_id": self.boot,
                    "env": dict(os.environ, **(env or {})),
                    "log_path": log,
                    "meta": meta or {},
                },
            )
        finally:
            os.close(lock)
        return self.status(name)

    def launch(self, lock, spec):
        """Start the runner.

        It inherits the lock, so that nobody starts a second one should this agent die now.
        """
        first = subprocess.Popen(
            [sys.executable, os.path.abspath(__file__), "run", "--lock", str(lock)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            pass_fds=(lock,), start_new_session=True, cwd="/",
        )  # fmt: skip
        answer, _ = first.communicate(json.dumps(spec).encode())
        try:
            told = json.loads(answer)
        except ValueError:
            raise Problem(
                "start_failed", "The job's runner died at once.", "Is the disk of the host full?"
            ) from None
        if "error" in told:
            raise Problem(**told["error"])

    def stop(self, name, grace_s=10.0, tell=None):
        lock = self.lock(name)
        try:
            record = self.record(name)
            if record is not None and self.state_of(record) == "running":
                write_json(self.path(name), dict(record, stopped_by_us=True))
        finally:
            os.close(lock)

        if record is None or record.get("boot_id") != self.boot:
            return self.status(name)

        def report(phase, alive, waited_s):
            if tell is not None:
                tell({"ev": "stopping", "name": name, "run_id": record["run_id"], "phase": phase,
                      "alive": alive, "waited_s": round(waited_s, 1)})  # fmt: skip

        end_group(record["pgid"], record["pid_start"], float(grace_s), report)
        return self.status(name)


def run_job(lock):
    """The runner: start the job in a session of its own, wait for it, write how it ended."""
    spec = json.loads(sys.stdin.buffer.read())
    if os.fork():
        os._exit(0)  # the runner proper belongs to nobody: the agent need not live to reap it
    try:
        job, record = start_job(spec)
        answer: dict = {"ok": True}
    except OSError as error:
        what = error.filename or spec["argv"][0]
        answer = {"error": {"code": "start_failed", "message": "%s: %s." % (what, error.strerror),
                            "hint": "Check the command, its folder and the disk of the host."}}  # fmt: skip
    os.write(1, json.dumps(answer).encode())
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    os.close(lock)
    if "ok" not in answer:
        return
    exit_code = job.wait()
    record.update(exit_code=exit_code, ended_ts=time.time())
    for _ in range(600):  # a full disk may have room again soon
        try:
            finish_record(spec["path"], record)
            return
        except (OSError, Problem):
            time.sleep(1)


def start_job(spec):
    """Start the process and record it; returns (Popen, record)."""
    os.makedirs(os.path.dirname(spec["log_path"]) or "/", exist_ok=True)
    log = os.open(spec["log_path"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    job = subprocess.Popen(
        spec["argv"], env=spec["env"], cwd=spec["cwd"] or os.path.expanduser("~"), stdin=subprocess.DEVNULL,
        stdout=log, stderr=log, start_new_session=True,
    )  # fmt: skip
    os.close(log)
    kept = {key: spec[key] for key in ("name", "run_id", "boot_id", "log_path", "meta")}
    record = dict(
        kept, pid=job.pid, pgid=job.pid, pid_start=process(job.pid).start, started_ts=time.time(),
        runner_pid=os.getpid(), runner_start=process(os.getpid()).start,
    )  # fmt: skip
    try:
        write_json(spec["path"], record)
    except OSError:
        os.killpg(job.pid, signal.SIGKILL)  # a job that nobody could find again must not run
        job.wait()
        raise
    return job, record


def finish_record(path, record):
    """Write how a job ended, unless its name was given to another run meanwhile."""
    lock = take_lock(path[: -len(".json")] + ".lock")
    try:
        kept = json.loads(read_text(path) or "{}")
        if kept.get("run_id") == record["run_id"]:
            write_json(path, dict(record, stopped_by_us=bool(kept.get("stopped_by_us"))))
    finally:
        os.close(lock)


class JobWatch:
    """Notices within half a second that a job began or ended, whoever caused it."""

    def __init__(self, jobs, send):
        self.jobs, self.send = jobs, send
        self.known = {}
        for name in jobs.names():
            self.known[name] = (self.signature(name), jobs.status(name, 0))

    def signature(self, name):
        try:
            found = os.stat(self.jobs.path(name))
            return (found.st_mtime_ns, found.st_ino)
        except OSError:
            return None

    def look(self):
        for name in self.jobs.names():
            signature = self.signature(name)
            before, job = self.known.get(name, (None, None))
            if signature == before and job["state"] in ("exited", "lost"):
                continue
            now = self.jobs.status(name, 0)
            self.known[name] = (signature, now)
            if now != job:
                self.send(dict(now, ev="job"))

    def run(self):
        while True:
            time.sleep(POLL_S)
            self.look()


# ---- following files
# -------------------------------------------------------------------------------------------


def head_of(handle, count):
    """(how many, a digest) of the first bytes of a file, at most ``count``: they tell two logs apart."""
    head = os.pread(handle, count, 0)
    return len(head), hashlib.sha256(head).hexdigest()[:12] if head else ""


def identify(handle, generation=0):
    """What ``file_id`` says of an open file: device and inode, how often it was emptied, and its head."""
    found = os.fstat(handle)
    return "%x-%x.%d.%d.%s" % (found.st_dev, found.st_ino, generation, *head_of(handle, HEAD))


def parts_of(file_id):
    """(device and inode, generation, bytes of the head, their digest) of a ``file_id``, whoever sent it."""
    inode, generation, count, digest = ((file_id or "").split(".") + [""] * 4)[:4]
    return (
        inode, int(generation) if generation.isdigit() else 0, int(count) if count.isdigit() else 0, digest
    )  # fmt: skip


def open_file(path):
    """A descriptor of a regular file, or None where there is nothing. OSError for what is no file."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "Not a file", path)
    return handle


def rotated(path):
    """The files that a log was before: ``path.1`` is the newest of them."""
    names: list = []
    while len(names) < ROTATIONS and os.path.isfile("%s.%d" % (path, len(names) + 1)):
        names.append("%s.%d" % (path, len(names) + 1))
    return names


class Follow:
    """One log that is sent as it grows, through whatever rotation does to it.

    Offsets count from the beginning of the file that ``file_id`` names. A file that was renamed, or copied and
    emptied, is read to its end among ``path.1``, ``path.2``..., then those that came after it, then ``path``.
    A chunk is ``torn`` where what stood between it and the one before is not on the disk any more.
    """

    def __init__(self, path, key, offset, file_id):
        self.path, self.key, self.offset = path, key, offset
        self.wanted_id = file_id
        self.handle: Any = None
        self.file_id = ""
        self.archived = self.torn = False
        self.unacked = 0
        self.told_end = False

    def close(self):
        if self.handle is not None:
            os.close(self.handle)
            self.handle = None

    def step(self):
        """The next chunk to send, or None when there is nothing new. OSError: the file can't be followed."""
        try:
            return self.look()
        except OSError as error:
            if error.errno != errno.ESTALE:
                raise
        self.wanted_id = self.file_id  # a network volume lost the handle, not necessarily the file
        self.close()
        return self.look()

    def look(self):
        while self.unacked < WINDOW:
            if self.handle is None and not self.open():
                return self.end_chunk()
            if self.is_rewritten():
                self.emptied()
                continue
            data = os.pread(self.handle, CHUNK, self.offset)
            if not data and (self.archived or self.is_replaced()):
                # written between the read above and the look at the path
                data = os.pread(self.handle, CHUNK, self.offset)
                if not data:
                    self.go_on()
                    continue
            return self.chunk(data) if data else self.end_chunk()
        return None

    def open(self):
        wanted, self.wanted_id = self.wanted_id, None
        if wanted and self.find(wanted):
            return True
        handle = open_file(self.path)
        if handle is None:
            self.wanted_id = wanted
            return False
        inode, generation = parts_of(wanted)[:2]
        fresh = identify(handle)
        self.take(handle, identify(handle, generation + 1) if parts_of(fresh)[0] == inode else fresh)
        if wanted or self.offset > os.fstat(handle).st_size:
            self.torn = self.offset > 0
            self.offset = 0
        return True

    def find(self, file_id):
        """Go on with the file that was read up to ``offset``, under whatever name it is now."""
        inode, _, count, digest = parts_of(file_id)
        for same in (True, False):
            for path in [self.path] + rotated(self.path):  # noqa: RUF005
                handle = open_file(path)
                if handle is None:
                    continue
                found = os.fstat(handle)
                is_it = ("%x-%x" % (found.st_dev, found.st_ino) == inode) if same else count >= TELLING
                if is_it and found.st_size >= self.offset and head_of(handle, count) == (count, digest):
                    self.take(handle, file_id, archived=path != self.path)
                    return True
                os.close(handle)
        return False

    def take(self, handle, file_id, archived=False):
        self.close()
        self.handle, self.file_id, self.archived, self.told_end = handle, file_id, archived, False

    def is_rewritten(self):
        """Somebody emptied the file in place; it may have grown beyond where it was since."""
        size = os.fstat(self.handle).st_size
        _, _, count, digest = parts_of(self.file_id)
        return size < self.offset or head_of(self.handle, count) != (count, digest)

    def emptied(self):
        """Read what was copied before that, where it was; then the file from its start."""
        generation = parts_of(self.file_id)[1]
        if not self.archived and self.find(self.file_id):
            return
        self.take(os.dup(self.handle), identify(self.handle, generation + 1))
        self.offset, self.torn = 0, self.offset > 0

    def go_on(self):
        """To the file that was begun after this one."""
        here, names = os.fstat(self.handle), rotated(self.path)
        after = self.path
        for name, newer in zip(names, [self.path] + names):  # noqa: B905, RUF005
            try:
                found = os.stat(name)
            except OSError:
                continue  # it is being renamed at this moment
            if (found.st_dev, found.st_ino) == (here.st_dev, here.st_ino):
                after = newer
        self.close()
        self.offset, self.file_id = 0, ""
        handle = open_file(after)
        if handle is not None:
            self.take(handle, identify(handle), archived=after != self.path)

    def is_replaced(self):
        if self.handle is None:
            return False
        try:
            there = os.stat(self.path)
        except OSError:
            return False  # moved away, and no new one yet: the writer may still hold the old one
        here = os.fstat(self.handle)
        return (there.st_dev, there.st_ino) != (here.st_dev, here.st_ino)

    def chunk(self, data):
        if not self.offset and not parts_of(self.file_id)[2]:  # it was empty, and has a head by now
            self.file_id = identify(self.handle, parts_of(self.file_id)[1])
        at_end = os.fstat(self.handle).st_size <= self.offset + len(data)
        at_end = at_end and not self.archived and not self.is_replaced()
        event = self.event(data, at_end)
        self.offset += len(data)
        self.unacked += len(data)
        self.told_end = at_end
        return event

    def end_chunk(self):
        if self.told_end:
            return None
        self.told_end = True
        return self.event(b"", True)

    def event(self, data, at_end):
        torn, self.torn = self.torn, False
        return {"ev": "chunk", "key": self.key, "path": self.path, "file_id": self.file_id,
                "offset": self.offset, "torn": torn,
                "data": base64.b64encode(data).decode("ascii"), "at_end": at_end}  # fmt: skip


class Tails:
    """All the followed files, served in turn by one thread."""

    def __init__(self, send):
        self.send = send
        self.follows = {}
        self.wake = threading.Event()
        self.lock = threading.Lock()

    def add(self, path, key, offset=0, file_id=None):
        with self.lock:
            old = self.follows.pop(key, None)
            self.follows[key] = Follow(os.path.expanduser(path), key, max(0, int(offset)), file_id)
            if old is not None:
                old.close()
        self.wake.set()

    def remove(self, key):
        with self.lock:
            follow = self.follows.pop(key, None)
            if follow is not None:
                follow.close()

    def ack(self, key, count):
        with self.lock:
            follow = self.follows.get(key)
            if follow is not None:
                follow.unacked = max(0, follow.unacked - int(count))
        self.wake.set()

    def step(self, key):
        with self.lock:
            follow = self.follows.get(key)
            if follow is None:
                return None
            try:
                return follow.step()
            except OSError as error:
                follow.close()
                del self.follows[key]
                return {"ev": "follow.error", "key": key, "code": "unreadable",
                        "message": "%s can't be read: %s." % (follow.path, error.strerror)}  # fmt: skip

    def run(self):
        while True:
            self.wake.clear()
            busy = False
            for key in list(self.follows):
                event = self.step(key)
                if event is not None:
                    busy = True
                    self.send(event, bulk=True)
            if not busy:
                self.wake.wait(POLL_S)


# ---- load of the host
# ------------------------------------------------------------------------------------------

CGROUP = "/sys/fs/cgroup"
GPU_FIELDS = "index,name,memory.used,memory.total,utilization.gpu,temperature.gpu,power.draw"


def number(text):
    """A number that a tool printed, or None for "[N/A]" and the like."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def whole(text):
    value = number(text)
    return None if value is None else int(value)


class Metrics:
    """Samples of GPU, CPU, memory and disk; CPU in percent since the sample before."""

    def __init__(self):
        self.lock = threading.Lock()
        self.before = None
        self.last_pct = None
        self.no_gpu_until = 0.0

    def sample(self, disk_path="/"):
        with self.lock:
            result = {"cpu_pct": self.cpu_pct(), "cpu_count": self.cpu_limit()[1]}
            result["memory_used"], result["memory_total"] = self.memory()
            result["disk_used"], result["disk_total"], result["disk_path"] = self.disk(disk_path)
            result["gpus"], result["gpu_error"] = self.gpus()
            return result

    def cpu_limit(self):
        """(cores allowed or None, cores as a person counts them)."""
        quota, _, period = read_text(CGROUP + "/cpu.max").strip().partition(" ")
        if not quota:
            quota = read_text(CGROUP + "/cpu/cpu.cfs_quota_us").strip()
            period = read_text(CGROUP + "/cpu/cpu.cfs_period_us").strip()
        allowed, each = whole(quota), whole(period)
        if allowed and each and allowed > 0:
            cores = allowed / each
            return cores, max(1, math.ceil(cores))
        return None, os.cpu_count()

    def cpu_counters(self):
        """(busy, in all), in any unit, ever growing; None where nobody counts."""
        cores = self.cpu_limit()[0]
        if cores is not None:
            found = re.search(r"usage_usec (\d+)", read_text(CGROUP + "/cpu.stat"))
            used = (
                float(found.group(1)) / 1e6
                if found
                else number(read_text(CGROUP + "/cpuacct/cpuacct.usage").strip())
            )
            if used is not None:
                return (used if found else used / 1e9), time.monotonic() * cores
        ticks = [int(t) for t in read_text("/proc/stat").partition("\n")[0].split()[1:9]]
        return (sum(ticks) - ticks[3] - ticks[4], sum(ticks)) if len(ticks) == 8 else None

    def cpu_pct(self):
        before = self.before
        if before is None:
            before = self.cpu_counters()
            time.sleep(0.1)
        now = self.cpu_counters()
        if now is None or before is None or now[1] <= before[1]:
            return self.last_pct  # asked again before the counters moved
        self.before = now
        self.last_pct = round(min(100.0, max(0.0, 100.0 * (now[0] - before[0]) / (now[1] - before[1]))), 1)
        return self.last_pct

    def memory(self):
        lines = dict(re.findall(r"(\w+):\s+(\d+) kB", read_text("/proc/meminfo")))
        if "MemTotal" not in lines:
            return None, None
        total = int(lines["MemTotal"]) * 1024  # kB in the file
        used = total - int(lines.get("MemAvailable") or lines.get("MemFree") or 0) * 1024
        for limit, usage, detail, cache in (
            ("/memory.max", "/memory.current", "/memory.stat", r"^inactive_file (\d+)"),
            ("/memory/memory.limit_in_bytes", "/memory/memory.usage_in_bytes", "/memory/memory.stat",
             r"^total_inactive_file (\d+)"),
        ):  # fmt: skip
            allowed, taken = (whole(read_text(CGROUP + name).strip()) for name in (limit, usage))
            if allowed and taken is not None and allowed < total:
                cached = re.search(cache, read_text(CGROUP + detail), re.MULTILINE)
                return max(0, taken - (int(cached.group(1)) if cached else 0)), allowed
        return used, total

    def disk(self, path):
        path = os.path.abspath(os.path.expanduser(path))
        while not os.path.exists(path):
            path = os.path.dirname(path)
        try:
            found = os.statvfs(path)
        except OSError:
            return None, None, path
        free = found.f_bavail * found.f_frsize
        used = (found.f_blocks - found.f_bfree) * found.f_frsize
        return used, used + free, path

    def gpus(self):
        """(list of GPUs, why there is no reading or "")."""
        if time.monotonic() < self.no_gpu_until:
            return [], ""
        tool = shutil.which("nvidia-smi")
        if tool is None:
            self.no_gpu_until = time.monotonic() + 60
            return [], ""
        try:
            done = subprocess.run(
                [tool, "--query-gpu=" + GPU_FIELDS, "--format=csv,noheader,nounits"],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=5,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return [], "nvidia-smi did not answer within 5 s."
        except OSError as error:
            return [], "nvidia-smi can't be run: %s." % error.strerror
        text = done.stdout.decode("utf-8", "replace")
        if done.returncode != 0:
            said = text.strip().splitlines() or ["exit code %d" % done.returncode]
            return [], "nvidia-smi failed: " + said[0][:200]
        return [gpu for gpu in map(self.gpu, text.splitlines()) if gpu is not None], ""

    def gpu(self, line):
        cells = [cell.strip() for cell in line.split(",")]
        if len(cells) < 7 or whole(cells[0]) is None:
            return None
        cells[1:-5] = [", ".join(cells[1:-5])]
        return {
            "index": whole(cells[0]), "name": cells[1], "memory_used_mib": whole(cells[2]),
            "memory_total_mib": whole(cells[3]), "utilisation_pct": number(cells[4]),
            "temperature_c": number(cells[5]), "power_w": number(cells[6]),
        }  # fmt: skip


class MetricsWatch:
    """Sends a sample every so often."""

    def __init__(self, metrics, send):
        self.metrics, self.send = metrics, send
        self.change = threading.Event()
        self.interval_s, self.disk_path = 0.0, "/"

    def set(self, interval_s, disk_path="/"):
        self.interval_s, self.disk_path = float(interval_s), disk_path
        self.change.set()

    def run(self):
        while True:
            self.change.wait(max(0.2, self.interval_s) if self.interval_s > 0 else None)
            self.change.clear()
            if self.interval_s > 0:
                try:
                    self.send(dict(self.metrics.sample(self.disk_path), ev="metrics"))
                except Exception as error:
                    self.send({"ev": "metrics", "error": "%s: %s" % (type(error).__name__, error)})


# ---- trainings whose server is gone
# ------------------------------------------------------------------------------


def words_of(pid):
    """The command line of one of this user's processes, as a list of words; [] for others'."""
    try:
        if HAS_PROC:
            if os.stat("/proc/%d" % pid).st_uid != os.getuid():
                return []
            with open("/proc/%d/cmdline" % pid, "rb") as file:
                return file.read(1 << 20).decode("utf-8", "replace").rstrip("\0").split("\0")
    except OSError:
        return []
    shown = subprocess.run(["ps", "-o", "uid=,command=", "-p", str(pid)], stdout=subprocess.PIPE).stdout
    words = shown.decode("utf-8", "replace").split()
    return words[1:] if words[:1] == [str(os.getuid())] else []


def is_training(words):
    pairs = zip(words, words[1:])  # noqa: B905, RUF007 (strict and pairwise are of newer Pythons)
    return "monailabel.interfaces.utils.app" in words and ("-m", "train") in pairs


def model_of(words):
    """The model that a training command names in its request, or ""."""
    try:
        request = json.loads(words[words.index("-r") + 1])
        return str(request.get("model", ""))
    except (ValueError, IndexError, AttributeError):
        return ""


def started_ts(proc):
    """When a process started, in unix seconds, or None."""
    found = re.search(r"btime (\d+)", read_text("/proc/stat"))
    return int(found.group(1)) + int(proc.start) / os.sysconf("SC_CLK_TCK") if found else None


def orphans(server_pgid=None):
    """Trainings of this user in whose group, and above which, no MONAI Label server lives."""
    table = [p for p in processes() if is_live(p)]
    words = {p.pid: words_of(p.pid) for p in table}
    servers = {p.pid for p in table if "monailabel.main" in words[p.pid]}
    served = {p.pgid for p in table if p.pid in servers} | {server_pgid}
    return [
        {"pid": p.pid, "pgid": p.pgid, "model": model_of(words[p.pid]), "started_ts": started_ts(p)}
        for p in table
        if is_training(words[p.pid]) and p.pgid not in served and p.ppid not in servers
    ]


# ---- the conversation
# ------------------------------------------------------------------------------------------


class Wire:
    """Lines out, whole. Answers go before the next chunk of a followed file, however many are waiting."""

    def __init__(self, descriptor):
        self.descriptor = descriptor
        self.turn = threading.Condition()
        self.busy = False
        self.urgent = 0

    def send(self, message, bulk=False):
        data = json.dumps(message).encode("ascii") + b"\n"
        with self.turn:
            self.urgent += not bulk
            self.turn.wait_for(lambda: not self.busy and not (bulk and self.urgent))
            self.urgent -= not bulk
            self.busy = True
        try:
            self.write(data)
        except OSError:
            os._exit(0)  # nobody listens any more
        finally:
            with self.turn:
                self.busy = False
                self.turn.notify_all()

    def write(self, data):
        while data:
            data = data[os.write(self.descriptor, data) :]


def sha256(path, limit=None):
    """Checksum of the first ``limit`` bytes of a file."""
    digest, left = hashlib.sha256(), math.inf if limit is None else limit
    with open(path, "rb") as file:
        while left > 0:
            data = file.read(int(min(left, 1 << 20)))
            if not data:
                break
            digest.update(data)
            left -= len(data)
    return digest.hexdigest()


class Agent:
    """Answers requests; one thread for each, so that a slow one holds up nobody."""

    def __init__(self, folder, wire):
        self.folder, self.wire = folder, wire
        self.jobs = Jobs(folder)
        self.tails = Tails(wire.send)
        self.metrics = Metrics()
        self.watch = MetricsWatch(self.metrics, wire.send)
        self.slots = threading.BoundedSemaphore(64)

    def hello(self):
        return {
            "version": VERSION, "python": platform.python_version(), "hostname": socket.gethostname(),
            "system": "%s %s %s" % (platform.system(), platform.release(), platform.machine()),
            "user": user_name(), "home": os.path.expanduser("~"), "boot_id": self.jobs.boot,
            "pid": os.getpid(),
            "now_ts": time.time(), "cpu_count": os.cpu_count() or 1, "folder": self.folder,
            "utc_offset_s": time.localtime().tm_gmtoff,
        }  # fmt: skip

    def serve(self):
        job_watch = JobWatch(self.jobs, self.wire.send)
        for target in (job_watch.run, self.tails.run, self.watch.run):
            threading.Thread(target=target, daemon=True).start()
        self.wire.write(("\n" + SENTINEL + json.dumps(self.hello()) + "\n").encode("ascii"))
        while True:
            line = sys.stdin.buffer.readline(LONGEST_REQUEST)
            if not line:
                os._exit(0)  # jobs go on; threads of ours need not be asked
            if len(line) == LONGEST_REQUEST and not line.endswith(b"\n"):
                while line and not line.endswith(b"\n"):
                    line = sys.stdin.buffer.readline(LONGEST_REQUEST)
                self.fail(None, "bad_request", "A request is longer than 4 MB.")
            elif line.strip():
                self.slots.acquire()
                threading.Thread(target=self.answer, args=(line,), daemon=True).start()

    def fail(self, number, code, message, hint=""):
        self.wire.send({"id": number, "error": {"code": code, "message": message, "hint": hint}})

    def answer(self, line):
        number = None
        try:
            request = json.loads(line)
            number = request.pop("id", None)
            result = self.perform(request.pop("op"), request)
            if number is not None:
                self.wire.send({"id": number, "ok": result})
        except Problem as problem:
            self.wire.send({"id": number, "error": problem.words})
        except OSError as error:
            what = "%s: %s." % (error.filename, error.strerror) if error.filename else "%s." % error
            code = "not_found" if isinstance(error, FileNotFoundError) else "io_error"
            self.fail(number, code, what, "Check the path and the disk of the host.")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            self.fail(number, "bad_request", "The request can't be understood: %s." % type(error).__name__)
        except Exception as error:
            self.fail(number, "internal", "The agent failed: %s: %s." % (type(error).__name__, error))
        finally:
            self.slots.release()

    def perform(self, op, arguments):
        operations: dict = {
            "hello": self.hello, "ping": lambda: {"now_ts": time.time()},
            "job.start": self.jobs.start, "job.status": self.jobs.status, "job.stop": self.stop_job,
            "job.list": lambda: {"jobs": [self.jobs.status(name) for name in self.jobs.names()]},
            "follow": lambda **a: self.tails.add(**a) or {},
            "unfollow": lambda key: self.tails.remove(key) or {},
            "ack": lambda key, bytes: self.tails.ack(key, bytes),
            "metrics": self.metrics.sample, "metrics.watch": lambda **a: self.watch.set(**a) or {},
            "orphans": lambda server_pgid=None: {"orphans": orphans(server_pgid)},
            "orphans.stop": self.stop_orphans,
            "stat": self.stat,
            "listdir": lambda path: {"names": sorted(os.listdir(os.path.expanduser(path)))[:10000]},
            "mkdir": self.mkdir, "read": self.read,
            "sha256": lambda path, limit=None: {"sha256": sha256(os.path.expanduser(path), limit)},
            "guard": self.ask_guard,
        }  # fmt: skip
        operation = operations.get(op)
        if operation is None:
            raise Problem("bad_request", "The agent does not know this request.", "Update labeltui.")
        return operation(**arguments)

    def stop_job(self, name, grace_s=10.0):
        return self.jobs.stop(name, grace_s, self.wire.send)

    def stop_orphans(self, pgid, grace_s=5.0):
        job = self.jobs.status("server")
        live = job.get("pgid") if job["state"] in ("running", "stopping") else None
        if pgid not in [orphan["pgid"] for orphan in orphans(live)]:
            raise Problem(
                "not_orphaned", "Process group %s is no training without a server." % pgid, "Look again."
            )
        leader = process(pgid)
        end_group(pgid, leader.start if leader else None, float(grace_s), lambda *_: None)
        return {}

    def ask_guard(self, program, request):
        """The guard is a program of its own, sent as a zip file; what is asked of it is answered from there."""
        program = os.path.expanduser(program)
        if program not in sys.path:
            sys.path.insert(0, program)
        from labeltui.hosts.agent.guard import door

        try:
            return door.perform(self.folder, program, request)
        except Exception as error:
            words = getattr(error, "words", None)  # it has a Problem of its own
            if words is None:
                raise
            raise Problem(**words) from None

    def stat(self, path):
        path = os.path.expanduser(path)
        found = os.stat(path)
        told = {"size": found.st_size, "mtime": found.st_mtime, "is_dir": stat.S_ISDIR(found.st_mode)}
        if stat.S_ISREG(found.st_mode):
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                told.update(file_id=identify(handle), size=os.fstat(handle).st_size)
            finally:
                os.close(handle)
        return told

    def mkdir(self, path):
        os.makedirs(os.path.expanduser(path), exist_ok=True)
        return {}

    def read(self, path, offset=0, limit=CHUNK):
        with open(os.path.expanduser(path), "rb") as file:
            file.seek(offset)
            return {"data": base64.b64encode(file.read(min(limit, 1 << 20))).decode("ascii")}


def user_name():
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return str(os.getuid())


def main():
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("serve").add_argument("--folder", required=True)
    commands.add_parser("run").add_argument("--lock", type=int, required=True)
    arguments = parser.parse_args()
    if arguments.command == "run":
        run_job(arguments.lock)
        return
    folder = os.path.abspath(os.path.expanduser(arguments.folder))
    os.makedirs(folder, exist_ok=True)
    Agent(folder, Wire(sys.stdout.fileno())).serve()


if __name__ == "__main__":
    main()
