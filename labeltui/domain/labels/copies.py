"""The copies of the host's labels on this machine: their number, and why others are missing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from labeltui.domain.studies.study import FINAL_TAG

NOT_ASKED = "the DICOM server has not been asked for its SEGs yet"
"""The reason why a listing is incomplete before the DICOM server's first answer. It is not a failure."""


@dataclass(frozen=True, slots=True)
class LabelCopies:
    """The copies of the host's labels, of every tag. ``reason`` says why others are missing.

    A damaged label counts as missing, even if its bytes were copied. ``by_checksum`` is False when labels are copied
    through the server's API, which has no checksums.
    """

    total: int
    here: int
    folder: str = ""  # on this machine
    missing: tuple[str, ...] = ()  # the first missing ones, as TAG/FILE
    reason: str = ""
    hint: str = ""
    copying: str = ""  # TAG/FILE that is being copied
    last: str = ""  # TAG/FILE that was copied last
    last_at: datetime | None = None
    last_by: str = ""  # who submitted the label copied last, if known
    source: str = ""  # the pod or address, and the folder of studies
    root: str = (
        ""  # the whole path of the labels' folder on the host; empty when they are copied through the API
    )
    by_checksum: bool = True
    copies: bool = True  # False: the profile says to count labels only
    damaged: frozenset[tuple[str, str]] = frozenset()  # (tag, study) of labels that are empty or cut off
    skipped: tuple[str, ...] = ()  # entries among the labels that are no files, with what they are
    stuck: int = (
        0  # missing ones that ``reason`` is about: failed or damaged, not just waiting for their turn
    )

    by_models: int = 0  # of ``total``: labels that models made, with the tag ``original``
    by_models_here: int = 0  # of ``here``
    unlisted: str = ""  # why a part of the labels could not be listed, so that more may be missing

    @property
    def damaged_finals(self) -> tuple[str, ...]:
        """The studies whose final label is damaged, sorted."""
        return tuple(sorted(study for tag, study in self.damaged if tag == FINAL_TAG))

    @property
    def people(self) -> int:
        """Number of labels on the host that people made."""
        return self.total - self.by_models

    @property
    def people_here(self) -> int:
        """Number of people's labels that are on this machine."""
        return self.here - self.by_models_here

    @property
    def count_text(self) -> str:
        """The text ``12 of 12 labels``, with ``and 24 of 25 that models made`` where there are such."""
        models = f" and {self.by_models_here} of {self.by_models} that models made" if self.by_models else ""
        return f"{self.people_here} of {self.people} labels{models}"

    @property
    def whole_text(self) -> str:
        """The text ``All 12 labels``, with ``and 25 that models made`` where there are such."""
        models = f"{self.by_models} that models made" if self.by_models else ""
        return f"All {self.people} labels{models and f' and {models}'}"

    @property
    def absent_text(self) -> str:
        """The text ``2 of 12 labels are`` or ``3 of 25 labels that models made are``, for what is not here."""
        people = self.people - self.people_here
        parts = [f"{people} of {self.people} labels"] if people else []
        if models := self.by_models - self.by_models_here:
            parts.append(f"{models} of {self.by_models} {'' if parts else 'labels '}that models made")
        if not parts:
            return "Some labels are perhaps"
        return f"{' and '.join(parts)} {'is' if self.absent == 1 else 'are'}"

    @property
    def absent(self) -> int:
        """Number of labels on the host that are not on this machine."""
        return max(0, self.total - self.here)

    @property
    def concerned(self) -> int:
        """Number of labels that ``reason`` is about; 0 if the host's labels have not been listed."""
        return self.stuck or (0 if self.unlisted else self.absent)

    @property
    def safe(self) -> bool:
        """True when every label on the host is on this machine."""
        return self.absent == 0 and not self.unlisted


@dataclass(frozen=True, slots=True)
class HostLabel:
    """One label file on the host. ``mtime_ns`` is by the host's clock. ``problem`` is why it can't be read there."""

    tag: str
    name: str
    size: int
    mtime_ns: int
    sha256: str | None = None
    problem: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """Tag and file name, which identify the label."""
        return self.tag, self.name

    @property
    def shown(self) -> str:
        """``TAG/FILE``, as messages name it."""
        return f"{self.tag}/{self.name}"


@dataclass(frozen=True, slots=True)
class Listing:
    """The label files of one folder. ``root`` has a folder per tag; ``now_ns`` is the host's clock.

    ``skipped`` names entries that are no files (``final/x: it is a folder``). ``unlisted`` says why a part of the
    labels could not be listed, and ``hint`` what to do; empty after a complete listing.
    """

    root: str
    now_ns: int
    labels: tuple[HostLabel, ...]
    skipped: tuple[str, ...] = ()
    unlisted: str = ""
    hint: str = ""
