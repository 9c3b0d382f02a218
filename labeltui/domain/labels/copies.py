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
