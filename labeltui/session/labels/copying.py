"""Copies labels from the host to the folder on this machine."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable
from dataclasses import replace

from labeltui.domain.documents.documents import moment
from labeltui.domain.failure_codes import Code
from labeltui.domain.labels.copies import HostLabel
from labeltui.domain.labels.names import split_label
from labeltui.domain.problems import Failed, LabeltuiError, Unreachable
from labeltui.session.labels.folder import LabelFolder, digest_of
from labeltui.session.labels.index import BY_CHECKSUM, BY_SIZE, Entry
from labeltui.session.labels.soundness import damage
from labeltui.session.labels.status import UNREADABLE_HINT, CopyStatus, Fault, fault_of
from labeltui.session.labels.transports import LabelTransport
from labeltui.session.runtime.supervise import Clock, error_text

YOUNG_NS = 300_000_000  # a file younger than this may not be complete yet
GROWING_S = 4.0  # how long an empty or cut-off file must stay as it is before it counts as damaged
OLD_NS = 60_000_000_000  # an empty or cut-off file older than this is damaged at once
AT_ONCE = 3

Copied = Callable[[HostLabel, int, int], None]
"""Called after each copy with the label, the number copied so far and the number to copy."""


def settles_in(label: HostLabel, now_ns: int) -> float:
    """Seconds until the server is taken to have written the label, 0 if it has.

    ``now_ns`` is the host's clock, 0 if it is unknown.
    """
    age_ns = now_ns - label.mtime_ns
    return (YOUNG_NS - age_ns) / 1e9 if now_ns and 0 <= age_ns < YOUNG_NS else 0.0


class Suspects:
    """Labels that are empty, cut off or changing, and which the server may still be writing.

    MONAI Label empties a label's file before it writes the new label. The time since a change is measured on
    this machine's clock: a file can change after the listing, and the clock of a network volume can differ from
    the host's.
    """

    def __init__(self) -> None:
        self._since: dict[tuple[str, str], tuple[tuple[int, int], float]] = {}

    def may_change(self, label: HostLabel) -> bool:
        """Whether this version of the file was first seen less than :data:`GROWING_S` ago."""
        version, now = (label.size, label.mtime_ns), asyncio.get_running_loop().time()
        if self._since.get(label.key, (None, now))[0] != version:
            self._since[label.key] = (version, now)
        return now - self._since[label.key][1] < GROWING_S

    def may_grow(self, label: HostLabel, now_ns: int) -> bool:
        """Whether an empty or cut-off label may still be written. ``now_ns`` is the host's clock."""
        return now_ns - label.mtime_ns < OLD_NS and self.may_change(label)


class Copying:
    """Copies labels, several at once, and writes each one's result to the status.

    ``unfinished`` has the labels of the last call that were still being written.
    """

    def __init__(self, folder: LabelFolder, status: CopyStatus, clock: Clock) -> None:
        self._folder, self._status, self._clock = folder, status, clock
        self.unfinished: list[HostLabel] = []
        self.suspects = Suspects()

    async def copy(
        self, transport: LabelTransport, wanted: list[HostLabel], now_ns: int, copied: Copied | None
    ) -> None:
        """Copy these labels. ``now_ns`` is the host's clock. Raises Unreachable; the status names other failures."""
        self.unfinished = []
        if not wanted:
            return
        left = iter(await transport.with_checksums(wanted))
        done = 0

        async def work() -> None:
            nonlocal done
            for label in left:
                if await self._copied(transport, label, now_ns):
                    done += 1
                    if copied is not None:
                        copied(label, done, len(wanted))

        workers = [asyncio.create_task(work()) for _ in range(min(AT_ONCE, len(wanted)))]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            self._status.copying = ""

    async def _copied(self, transport: LabelTransport, label: HostLabel, now_ns: int) -> bool:
        """Copy one label. Returns False if it failed or is damaged; the status has the reason. Raises Unreachable."""
        if label.problem:
            self._status.faulty(label, Fault(label.problem, UNREADABLE_HINT))
            return False
        self._status.copying = label.shown
        self._status.publish()
        try:
            entry = await self._copy(transport, label, now_ns)
        except Unreachable:
            raise
        except LabeltuiError as error:
            self._status.failures[label.key] = (error_text(error), error.problem.hint)
            return False
        except OSError as error:
            self._status.failures[label.key] = self._os_error_text(error)
            return False
        if entry is None:
            self.unfinished.append(label)
            return False
        fault = fault_of(label, entry)
        if fault is not None:
            self._status.faulty(label, fault)
            return False
        self._status.copied(label, entry)
        return True

    async def _copy(self, transport: LabelTransport, label: HostLabel, now_ns: int) -> Entry | None:
        """Copy one label. Returns None if the server is still writing it."""
        at = moment(self._clock()) or ""
        newest = self._folder.index.newest(label.key)
        if newest is not None and newest.sha256 == label.sha256 and self._folder.has_newest(newest):
            # The same content came from another machine, or was written again.
            entry = replace(newest, mtime_ns=label.mtime_ns, source=transport.source, copied_at=at)
            await asyncio.to_thread(self._folder.index.add, entry)
            return entry
        arrived = self._folder.incoming(*label.key)
        await transport.fetch(label, arrived, lambda _done, _size: None)
        size, digest = await asyncio.to_thread(digest_of, arrived)
        changed = label.sha256 is not None and digest != label.sha256
        why = "" if changed else await asyncio.to_thread(damage, arrived, label.name)
        may_change, may_grow = self.suspects.may_change, self.suspects.may_grow
        if (changed and may_change(label)) or (why and may_grow(label, now_ns)):
            arrived.unlink(missing_ok=True)
            return None
        if changed:
            arrived.unlink(missing_ok=True)
            raise Failed(
                Code.LABEL_CHANGED, "The label changed during the copy.", "labeltui copies it again at once."
            )
        entry = Entry(
            label.tag, label.name, split_label(label.name)[0], self._folder.index.file_for(label.key), size, digest,
            label.mtime_ns, transport.source, at, "", BY_CHECKSUM if transport.by_checksum else BY_SIZE, why,
        )  # fmt: skip
        await asyncio.to_thread(self._folder.place, arrived, entry)
        return entry

    def _os_error_text(self, error: OSError) -> tuple[str, str]:
        elsewhere = "Set [profiles.NAME.labels] folder to another place."
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return (
                "disk full",
                f"Make room on the disk of {self._folder.root}, or {elsewhere[0].lower()}{elsewhere[1:]}",
            )
        return f"{self._folder.root} can't be written ({error.strerror or error})", elsewhere
