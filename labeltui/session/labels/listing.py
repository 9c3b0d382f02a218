"""What label files there are on the host, and their checksums, asked in one go."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable

from labeltui.domain.failure_codes import Code
from labeltui.domain.labels.copies import HostLabel, Listing
from labeltui.domain.problems import Failed
from labeltui.hosts.base import Host

# MONAI Label's local datastore keeps each label in labels/TAG/ beside the studies. Names are sent as JSON in ASCII:
# a name can hold anything, and none passes through a shell.
PROGRAM = r"""
import hashlib, json, os, stat, sys, time
asked = json.load(sys.stdin)
root = os.path.join(os.path.expanduser(asked["studies"]), "labels")
only, files = asked.get("only"), []
def look(tag, name):
    path = os.path.join(root, tag, name)
    try:
        found = os.stat(path)
    except OSError:
        return
    if not stat.S_ISREG(found.st_mode):
        return
    digest = None
    if asked.get("sums"):
        whole = hashlib.sha256()
        with open(path, "rb") as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                whole.update(block)
        digest = whole.hexdigest()
    files.append([tag, name, found.st_size, found.st_mtime_ns, digest])
def names(path):
    try:
        return sorted(os.listdir(path))
    except OSError:
        return []
if asked.get("sums"):
    for tag, name in asked["sums"]:
        look(tag, name)
else:
    wanted = None if only is None else {(tag, study) for tag, study in only}
    for tag in names(root) if wanted is None else sorted({tag for tag, _ in wanted}):
        if tag.startswith("."):
            continue
        for name in names(os.path.join(root, tag)):
            if name.startswith("."):
                continue
            parts = name.split(".")
            if wanted is None or any((tag, ".".join(parts[:cut + 1])) in wanted for cut in range(len(parts))):
                look(tag, name)
print("\nlabeltui:labels " + json.dumps({"now_ns": time.time_ns(), "root": os.path.abspath(root), "files": files}))
"""
MARK = "labeltui:labels "


async def labels_on(
    host: Host,
    python: str,
    studies: str,
    *,
    only: Iterable[tuple[str, str]] | None = None,
    sums: Iterable[tuple[str, str]] | None = None,
) -> Listing:
    """The label files below ``studies``: all, those of some (tag, study), or some (tag, file) with checksums."""
    asked = {
        "studies": studies,
        "only": None if only is None else [list(pair) for pair in only],
        "sums": None if sums is None else [list(pair) for pair in sums],
    }
    command = f"{shlex.quote(python)} -c {shlex.quote(PROGRAM)}"
    done = await host.run(command, stdin=json.dumps(asked).encode(), timeout=None if sums else 120.0)
    line = next(
        (
            text
            for text in reversed(done.stdout.decode("utf-8", "replace").splitlines())
            if text.startswith(MARK)
        ),
        "",
    )
    try:
        told = json.loads(line.removeprefix(MARK))
        labels = tuple(HostLabel(*entry) for entry in told["files"])
        return Listing(str(told["root"]), int(told["now_ns"]), labels)
    except (ValueError, KeyError, TypeError):
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise Failed(
            Code.LABELS_UNREAD,
            f"The labels on the host can't be listed: {said[-1] if said else 'no answer'}.",
            "Check [profiles.NAME.server] studies and python; `labeltui doctor` looks at the host.",
        ) from None
