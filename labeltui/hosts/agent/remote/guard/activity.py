"""Detects that somebody uses the pod. The polls of a console do not count as use.

Each watcher checks one thing that changes when the pod is used, and reports once whether it changed *since the
previous check*. The guard measures the time since a use on the monotonic clock. It never compares a file's time
stamp with the wall clock, because that clock may be changed.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Tuple

from labeltui.hosts.agent.remote.guard.work import is_of_this_pod
from labeltui.hosts.agent.remote.load.metrics import Metrics
from labeltui.hosts.agent.remote.processes import is_live, processes
from labeltui.hosts.agent.remote.uploads.staging import staging_of

Stamp = Tuple[int, int, int]

GPU_BUSY_PCT = 5.0
TAIL = 1 << 18
NEWEST = 64
OPENING_S = 20.0

# MONAI Label logs these lines when a client asks it to do something. For polls it logs nothing or (with studies
# on a DICOMweb server) lines of other loggers.
_USE = re.compile(
    rb"\(monailabel\.(?:endpoints|tasks)\.(infer|datastore|activelearning|scoring|train|session|batch_infer)[\w.]*:\d+\)"
    rb"|\(monailabel\.datastore\.local:\d+\) - (?:Saving Label|Adding Label:|Adding Image:|Removing (?:Image|Label))"
)
# A line of uvicorn's access log, which may be enabled.
_ACCESS = re.compile(rb'"([A-Z]+) (/[^ "]*) HTTP/[\d.]+" (\d{3})')
_POLLED = re.compile(
    rb"/(?:info|train|logs|scoring|batch/infer|docs|redoc|openapi\.json|proxy/[^/?]+/qido[^?]*)?/?(?:\?.*)?$"
)
_LISTED = re.compile(rb"/datastore/?(?:\?.*)?$")
_PART = re.compile(r"(\.[0-9a-f]{12})?\.part$")
_CALLED = {
    b"infer": "for an inference", b"datastore": "for a study or a label", b"activelearning": "for the next study",
    b"session": "with a study of its own", b"batch_infer": "for a batch inference", b"train": "for a training",
}  # fmt: skip


class Gpu:
    """Detects a GPU load above ``threshold_pct``. A GPU that can't be queried does not count as used."""

    kind = "gpu"

    def __init__(self, threshold_pct: float = GPU_BUSY_PCT) -> None:
        self.metrics = Metrics()
        self.threshold_pct = threshold_pct
        self.problem = ""

    def poll(self) -> str | None:
        """Return the load of the busiest GPU as text, such as ``(93 %)``. None if no GPU is busy."""
        gpus, self.problem = self.metrics.gpus()
        used = [gpu["utilisation_pct"] for gpu in gpus if gpu["utilisation_pct"] is not None]
        most = max(used, default=0.0)
        return f"({most:.0f} %)" if most > self.threshold_pct else None


class Tail:
    """Reads new bytes of logs. The bytes at the first check are skipped; a file that appears later is read whole."""

    def __init__(self) -> None:
        self.offsets: dict[Path, tuple[int, int]] = {}
        self.first = True

    def new(self, path: Path) -> bytes:
        """Return the bytes since the previous call, at most the newest 256 KiB. Empty if the file can't be read."""
        try:
            with path.open("rb") as file:
                found = os.fstat(file.fileno())
                inode, offset = self.offsets.get(path, (0, 0 if not self.first else found.st_size))
                if inode and (inode != found.st_ino or found.st_size < offset):
                    offset = 0
                self.offsets[path] = (found.st_ino, found.st_size)
                file.seek(max(offset, found.st_size - TAIL))
                return file.read(TAIL)
        except OSError:
            return b""


class Requests:
    """Detects requests to the server other than polls, from its logs and from changes of its datastore file."""

    kind = "request"

    def __init__(self) -> None:
        self.tail = Tail()
        self.stamp: Stamp | None = None

    def poll(self, logs: list[Path], studies: Path | None) -> str | None:
        """Return the purpose of the newest request, such as ``for an inference``. None if there was none."""
        found = [use_of(self.tail.new(path)) for path in logs]
        self.tail.first = False
        used = next((what for what in reversed(found) if what is not None), None)
        before = self.stamp
        self.stamp = None if studies is None else _stamp(studies / "datastore_v2.json")
        if used is None and before is not None and self.stamp not in (before, None):
            return "that changed the datastore"
        return used


def use_of(data: bytes) -> str | None:
    """Return the purpose of the newest request in ``data``: empty if unknown, None if there are only polls."""
    newest = None
    for line in data.splitlines():
        found = _USE.search(line)
        if found:
            newest = _CALLED.get(found.group(1) or b"datastore", "")
            continue
        access = _ACCESS.search(line)
        if access:
            method, path = access.group(1), access.group(2)
            only_reads = method in (b"GET", b"HEAD", b"OPTIONS")
            if only_reads and (_POLLED.match(path) or _LISTED.match(path)):
                continue
            head = path.strip(b"/").split(b"/")[0].split(b"?")[0]
            newest = _CALLED.get(head, "")
    return newest


class Shells:
    """Detects keys typed into terminals. Reading a terminal's input sets its access time; output does not.

    Opening a terminal does not count as use, nor does its input in the first ``opening_s`` seconds, because consoles
    open terminals when they reconnect.
    """

    kind = "shell"

    def __init__(self, folder: Path = Path("/dev/pts"), opening_s: float = OPENING_S) -> None:
        self.folder, self.opening_s = folder, opening_s
        self.before: dict[str, float] = {}
        self.opened: dict[str, float] = {}

    def poll(self, now: float) -> str | None:
        """Return an empty text if a key was typed since the previous call, else None."""
        mine = terminals_of_this_pod()
        accessed: dict[str, float] = {}
        for path in self.folder.glob("[0-9]*"):
            if mine is None or path.name in mine:
                with suppress(OSError):
                    accessed[path.name] = path.stat().st_atime
        self.opened = {path: self.opened.get(path, now) for path in accessed}
        before, self.before = self.before, accessed
        typed = [
            path for path, at in accessed.items()
            if at != before.get(path, at) and now - self.opened[path] >= self.opening_s
        ]  # fmt: skip
        return "" if typed else None


def terminals_of_this_pod() -> set[str] | None:
    """Return the numbers of this pod's pseudo terminals, in the demo.

    None outside it, because there all belong to the pod.
    """
    if not os.environ.get("LABELTUI_DEMO_POD"):
        return None
    numbers = set()
    for proc in processes():
        if is_live(proc) and is_of_this_pod(proc.pid):
            for number in (0, 1, 2, 255):
                try:
                    target = os.readlink(f"/proc/{proc.pid}/fd/{number}")
                except OSError:
                    continue
                if target.startswith("/dev/pts/"):
                    numbers.add(target[len("/dev/pts/") :])
    return numbers


class Uploads:
    """Detects files that appear or grow in the studies' folder or one level below it.

    The server's own files do not count.
    """

    kind = "upload"

    def __init__(self) -> None:
        self.names: dict[Path, frozenset[str]] = {}
        self.stamps: dict[Path, Stamp] = {}
        self.growing: dict[Path, int] = {}

    def poll(self, studies: Path | None) -> str | None:
        """Return ``of NAME`` with the newest uploaded file. None if there is no upload."""
        arrived: list[Path] = []
        for folder in self.folders(studies):
            stamp = _stamp(folder)
            if stamp is None or stamp == self.stamps.get(folder):
                continue
            known = folder in self.stamps
            self.stamps[folder] = stamp
            before, names = self.names.get(folder, frozenset()), names_in(folder)
            self.names[folder] = names
            if known:
                arrived += [folder / name for name in sorted(names - before)]
        grown = []
        for path, size in list(self.growing.items()):
            try:
                now = path.stat().st_size
            except OSError:
                del self.growing[path]
                continue
            self.growing[path] = now
            if now != size:
                grown.append(path)
        for path in arrived[-NEWEST:]:
            self.growing[path] = -1
            while len(self.growing) > NEWEST:
                del self.growing[next(iter(self.growing))]
        newest = (arrived or grown)[-1:]
        return f"of {_PART.sub('', newest[0].name)}" if newest else None

    def folders(self, studies: Path | None) -> list[Path]:
        """Return the folders of studies and of unfinished uploads, and up to 200 in the first, except ``labels``."""
        if studies is None:
            return []
        below: list[Path] = []
        try:
            with os.scandir(studies) as entries:
                for entry in entries:
                    if len(below) < 200 and entry.name != "labels" and entry.is_dir():
                        below.append(Path(entry.path))
        except OSError:
            return []
        return [studies, *below, staging_of(studies)]


def names_in(folder: Path) -> frozenset[str]:
    """Return the names in a folder, without labels, hidden files and the server's datastore files."""
    try:
        names = [entry.name for entry in folder.iterdir()]
    except OSError:
        return frozenset()
    return frozenset(
        name for name in names if name != "labels" and not name.startswith(("datastore_v2", "."))
    )


def _stamp(path: Path) -> Stamp | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_size, found.st_ino)
