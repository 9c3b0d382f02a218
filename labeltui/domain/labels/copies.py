"""Copies of the labels on this machine: how many there are of those on the host, and why some are not. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class LabelCopies:
    """What is here of the host's labels, of every tag. ``reason`` is why the others are not.

    ``by_checksum`` is False where the labels come through the server's API, which tells no checksums.
    """

    total: int
    here: int
    folder: str = ""  # on this machine
    missing: tuple[str, ...] = ()  # the first of those that are not here, as TAG/FILE
    reason: str = ""
    hint: str = ""
    copying: str = ""  # TAG/FILE that comes now
    last: str = ""  # TAG/FILE that came last
    last_at: datetime | None = None
    last_by: str = ""  # who submitted it, where the server told
    source: str = ""  # whose labels: pod or address, and the folder of studies
    root: str = ""  # the folder of labels on the host, in full; empty where they come through the API
    by_checksum: bool = True
    copies: bool = True  # False: the profile does not want them copied, they are only counted

    @property
    def absent(self) -> int:
        """Labels on the host that are not here."""
        return max(0, self.total - self.here)

    @property
    def safe(self) -> bool:
        """Every label on the host is here."""
        return self.absent == 0


@dataclass(frozen=True, slots=True)
class HostLabel:
    """One label file as it lies on the host. ``mtime_ns`` is by the host's clock."""

    tag: str
    name: str
    size: int
    mtime_ns: int
    sha256: str | None = None

    @property
    def key(self) -> tuple[str, str]:
        """Tag and file name: which label it is."""
        return self.tag, self.name

    @property
    def shown(self) -> str:
        """As it is told to people."""
        return f"{self.tag}/{self.name}"


@dataclass(frozen=True, slots=True)
class Listing:
    """Label files of one folder. ``root`` holds a folder for each tag; ``now_ns`` is the host's clock."""

    root: str
    now_ns: int
    labels: tuple[HostLabel, ...]
