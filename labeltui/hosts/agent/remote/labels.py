"""Label files of MONAI Label's local datastore: ``STUDIES/labels/TAG/NAME``, and their checksums.

Names may hold any character but a slash; names that begin with a dot are ignored.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from pathlib import Path
from typing import Any, Iterable, Iterator, NamedTuple

from labeltui.hosts.agent.remote.files import expand, sha256

AT_ONCE = 5000


class Label(NamedTuple):
    """One label file. Size in bytes, modification time in ns by the host's clock, SHA-256 in hex or None.

    ``problem`` says why the content can't be read. It is empty for a label that can be read, or was not read
    yet.
    """

    tag: str
    name: str
    size: int
    mtime_ns: int
    sha256: str | None = None
    problem: str = ""


def need_folder(studies: Path) -> None:
    """Raise OSError if there is no folder of studies.

    Otherwise a volume that is not mounted would count as one without labels.
    """
    if not stat.S_ISDIR(studies.stat().st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(studies))


def names_on_disk(studies: Path, tags: set[str] | None = None) -> Iterator[tuple[str, str]]:
    """Yield (tag, name) of every entry in the label folders, sorted. ``tags`` limits the folders.

    Raises OSError for a folder that can't be read.
    """
    root = studies / "labels"
    for tag in names_in(root):
        if tags is not None and tag not in tags:
            continue
        for name in names_in(root / tag):
            yield tag, name


def names_in(folder: Path) -> list[str]:
    """List the names in a folder, sorted. Empty if there is no folder."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in entries if not entry.name.startswith("."))
    except (FileNotFoundError, NotADirectoryError):
        return []


def label_of(studies: Path, tag: str, name: str, summed: bool = False) -> Label | None:
    """Read one label, with its checksum if ``summed``. None if the file is missing or not a regular file.

    A link that leads out of the labels' folder is not followed: the label has a ``problem`` then.
    """
    path = Path(studies, "labels", tag, name)
    size = mtime_ns = -1
    try:
        found = path.lstat()
        if stat.S_ISLNK(found.st_mode):
            found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            return None
        size, mtime_ns = found.st_size, found.st_mtime_ns
        if leads_out(studies / "labels", path):
            return Label(tag, name, size, mtime_ns, None, "a link leads out of the labels folder")
        return Label(tag, name, size, mtime_ns, sha256(path) if summed else None)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return Label(tag, name, size, mtime_ns, None, f"the host can't read it: {error.strerror or error}")


def leads_out(root: Path, path: Path) -> bool:
    """Whether a path below ``root`` leads, through a link, to a file outside ``root``.

    ``root`` itself may be a link.
    """
    if not path.is_symlink() and not path.parent.is_symlink():
        return False
    return os.path.commonpath((os.path.realpath(root), os.path.realpath(path))) != os.path.realpath(root)


def oddity(path: Path) -> str:
    """Describe an entry that is not a regular file, such as a folder. Empty for a regular file or a missing entry."""
    try:
        if stat.S_ISLNK(path.lstat().st_mode) and not path.exists():
            return "it is a link to a file that does not exist"
        mode = path.stat().st_mode
    except OSError:
        return ""
    kinds = ((stat.S_ISREG, ""), (stat.S_ISDIR, "it is a folder"), (stat.S_ISFIFO, "it is a pipe"),
             (stat.S_ISSOCK, "it is a socket"))  # fmt: skip
    return next((text for is_kind, text in kinds if is_kind(mode)), "it is a device")


def is_of(name: str, tag: str, wanted: set[tuple[str, str]]) -> bool:
    """Whether a file is a label of one of the (tag, study) pairs. Study ids and extensions may contain dots."""
    parts = name.split(".")
    return any((tag, ".".join(parts[: cut + 1])) in wanted for cut in range(len(parts)))


def list_labels(
    studies: str,
    only: list[list[str]] | None = None,
    after: list[str] | None = None,
    limit: int = AT_ONCE,
) -> dict[str, Any]:
    """List at most ``limit`` labels that follow the (tag, name) ``after``. ``only`` limits them to some (tag, study).

    ``more`` is true if further labels follow; ``skipped`` has the entries that are no regular files.
    Raises OSError if there is no folder of studies.
    """
    folder = expand(studies).absolute()
    wanted = None if only is None else {(str(tag), str(study)) for tag, study in only}
    start = None if after is None else (str(after[0]), str(after[1]))
    need_folder(folder)
    names = [
        (tag, name)
        for tag, name in names_on_disk(folder, None if wanted is None else {tag for tag, _ in wanted})
        if (start is None or (tag, name) > start) and (wanted is None or is_of(name, tag, wanted))
    ]
    page = names[:limit]
    found = {(tag, name): label_of(folder, tag, name) for tag, name in page}
    odd = {key: oddity(folder / "labels" / key[0] / key[1]) for key, label in found.items() if label is None}
    return {
        **described(folder, found.values()),
        "skipped": [{"tag": tag, "name": name, "problem": why} for (tag, name), why in odd.items() if why],
        "after": list(page[-1]) if page else None,
        "more": len(names) > limit,
    }


def sum_labels(studies: str, keys: list[list[str]]) -> dict[str, Any]:
    """Return the labels with these (tag, name), with checksums. Deleted labels are left out."""
    folder = expand(studies).absolute()
    return described(folder, (label_of(folder, str(tag), str(name), summed=True) for tag, name in keys))


def described(studies: Path, labels: Iterable[Label | None]) -> dict[str, Any]:
    """Convert the labels to JSON for an answer."""
    return {
        "root": str(studies / "labels"), "now_ns": time.time_ns(),
        "labels": [label._asdict() for label in labels if label is not None],
    }  # fmt: skip
