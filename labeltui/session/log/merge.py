"""Merges two streams with nearly the same lines: a run's stdout, and the ``app.log`` of its app.

MONAI Label prints every record before it writes the record to ``app.log``. The lines of uvicorn (such as the
traceback of an HTTP 500) and of print() are in stdout only. The lines of another server with the same app are
in ``app.log`` only, and so are lines that could not be written to stdout. The rules:

* stdout is passed on byte for byte, in its order, as it arrives. Usually no other rule applies.
* A line of ``app.log`` is dropped if stdout has a line with the same text. Each line of stdout matches only
  one line, so a text that was written twice is shown twice.
* Any other line of ``app.log`` is *undecided* until stdout has passed the place where the line would be: a
  later record of ``app.log`` was found in stdout :data:`JITTER` lines back (threads write in slightly
  different order), or stdout was read up to an end that is later than the line (:meth:`Merger.decide`). Then
  the line is in ``app.log`` only, and is inserted by its time.
* Lines of stdout that are later than an undecided line wait for that line. While ``app.log`` is still read
  from further back, lines that the reading has not reached wait too. At most :data:`PENDING_BYTES` wait. A
  line that belongs before lines that were passed on already is passed on with the mark *late*.

A line without a time (tracebacks, progress bars) has the time of the record before. No clock is used.

Everything that a server started by labeltui writes to ``app.log`` is in its stdout too. labeltui reads
``app.log`` as well, because other servers write there. ``app.log`` alone would not be enough: MONAI Label
opens the file twice, and after a rotation half of the records go to the rotated file, ``app.log.1``.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass

from labeltui.session.log.splitter import LineSplitter

JITTER = 1000
"""Most lines by which a line's position in ``app.log`` may differ from that in stdout."""
KNOWN = 50_000
"""Most lines of stdout that are stored for comparison with ``app.log``."""
AHEAD = 20_000
"""Most lines of ``app.log`` that wait for stdout. At this number, reading ``app.log`` pauses until some are placed."""
PENDING_BYTES = 1 << 20
"""Most bytes of stdout that wait for ``app.log``."""
STAMPED = 32
"""Bytes at the start of a line that are searched for its time."""
_STAMP = re.compile(rb"\[?(20\d\d-\d\d-\d\d \d\d:\d\d:\d\d)[,.](\d\d\d)")


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes to pass on: part of stdout if ``own``, else one complete line of ``app.log``.

    ``when`` is the line's time as ``2026-11-23 17:02:11,683``, or empty. ``late`` is True if later lines were
    passed on before this one.
    """

    own: bool
    data: bytes
    when: bytes = b""
    late: bool = False


@dataclass(slots=True, eq=False)
class _Waiting:
    """A line of ``app.log`` that was not found in stdout yet. ``limit`` is the last line of stdout that can match."""

    line: bytes
    when: bytes
    head: bool
    number: int
    limit: int | None = None
    claimed: bool = False


class Merger:
    """Merges the two streams, in whatever order they arrive. Each call returns the pieces that can be passed on."""

    def __init__(self) -> None:
        self.received = 0
        """Bytes of stdout that have arrived, which is the offset of the next one."""
        self.file_id, self.offset = "", 0
        """File and offset of the next byte of ``app.log``."""
        self.until = b""
        """Time of the run's end, as ``Piece.when``. Empty while it runs. Later lines are another run's."""
        self.over = False
        """True once a line after ``until`` was read: ``app.log`` has no more lines of this run."""
        self.behind = False
        """True while ``app.log`` is read from an earlier offset and its end is not reached."""
        self._other_at_end = True
        self._alone = True
        self._own, self._other = LineSplitter(), LineSplitter()
        self._own_when, self._other_when, self._passed_when = b"", b"", b""
        self._pending: deque[tuple[int, bytes, bytes]] = (
            deque()
        )  # number of the line of stdout, a part of it, its time
        self._pending_bytes = 0
        self._inside = False  # whether the last byte that was passed on is inside a line
        self._count = 0  # complete lines of stdout
        self._anchor = -1  # number of the last line of stdout that was found in app.log
        self._known: dict[int, list[int]] = {}  # lines of stdout not found in app.log yet, by hash
        self._order: deque[tuple[int, int]] = deque()
        self._waiting: deque[_Waiting] = deque()
        self._by_hash: dict[int, deque[_Waiting]] = {}
        self._unlimited: deque[_Waiting] = deque()
        self._numbers = 0
        self._ready: deque[_Waiting] = deque()

    def with_app_log(self, file_id: str, offset: int) -> None:
        """Merge an ``app.log`` too, from byte ``offset`` on. Call this before feeding either stream."""
        self.file_id, self.offset, self._alone = file_id, offset, False
        self.resumed()

    def resumed(self) -> None:
        """Note that reading ``app.log`` resumes. The file may have grown in between."""
        self.behind, self._other_at_end = not (self._alone or self.over), self._alone or self.over

    @property
    def undecided(self) -> int:
        """The number of the newest undecided line of ``app.log``; 0 if there is none."""
        self._forget_claimed()
        return self._waiting[-1].number if self._waiting else 0

    @property
    def crowded(self) -> bool:
        """Whether to pause reading ``app.log``: true once the number of undecided lines reaches :data:`AHEAD`."""
        return len(self._waiting) >= AHEAD

    @property
    def idle(self) -> bool:
        """Whether all bytes that arrived were passed on, and ``app.log`` was read to its end."""
        return self._other_at_end and not (self._pending or self._ready or self.undecided)

    # -- stdout

    def own(self, offset: int, data: bytes) -> list[Piece]:
        """Add bytes of stdout that begin at ``offset``. Bytes that arrived before are skipped.

        Raises ValueError if bytes before ``offset`` are missing.
        """
        if offset > self.received:
            raise ValueError(f"{offset - self.received} bytes are missing before offset {offset}")
        data = data[self.received - offset :]
        self.received += len(data)
        if self._alone or not data:
            return [Piece(True, data)] if data else []
        first = self._count
        for line in self._own.feed(data):
            self._compare_stdout(line)
        if self._pending or self.behind or self._waiting or self._ready:
            self._add_pending(first, data)
            return self._release()
        self._pass(data)
        return [Piece(True, data)]

    def _compare_stdout(self, line: bytes) -> None:
        key = hash(line)
        if self._waiting and (found := self._by_hash.get(key)):
            waiting = found.popleft()
            if not found:
                del self._by_hash[key]
            waiting.claimed = True
            if waiting.head:
                self._reached(self._count, waiting.number)
        else:
            known = self._known.get(key)
            if known is None:
                self._known[key] = [self._count]
            else:
                known.append(self._count)
            self._order.append((self._count, key))
            if len(self._order) > KNOWN:
                self._forget_oldest()
        self._count += 1

    def _forget_oldest(self) -> None:
        line, key = self._order.popleft()
        known = self._known.get(key)
        if known is not None and known[0] == line:
            if len(known) > 1:
                del known[0]
            else:
                del self._known[key]

    def _add_pending(self, line: int, data: bytes) -> None:
        """Queue bytes of stdout, line by line. The first byte belongs to line ``line`` of stdout."""
        for part in _lines_of(data):
            begun = b""
            if (
                self._pending
                and not self._pending[-1][1].endswith(b"\n")
                and len(self._pending[-1][1]) < STAMPED
            ):
                begun = self._pending.pop()[1]  # its time may have been incomplete
                self._pending_bytes -= len(begun)
            whole = begun + part
            if not self._inside_pending and (stamp := _stamp(whole)):
                self._own_when = stamp
            self._pending.append((line, whole, self._own_when))
            self._pending_bytes += len(whole)
            line += part.endswith(b"\n")

    @property
    def _inside_pending(self) -> bool:
        """Whether the next byte of stdout continues a line."""
        return not self._pending[-1][1].endswith(b"\n") if self._pending else self._inside

    def _pass(self, data: bytes) -> None:
        """Record the newest time in bytes of stdout that are passed on at once."""
        self._inside = not data.endswith(b"\n")
        at = len(data)
        while at > 0:  # search backwards for the time of the last record
            at = data.rfind(b"\n", 0, at)
            if stamp := _stamp(data[at + 1 : at + 40]):
                self._own_when, self._passed_when = stamp, max(self._passed_when, stamp)
                return

    # -- app.log

    def other(self, file_id: str, offset: int, data: bytes, *, at_end: bool) -> list[Piece]:
        """Add bytes of ``app.log``. A new ``file_id`` means the next file after a rotation, from its first byte.

        Bytes that arrived before are skipped. Raises ValueError if bytes before ``offset`` are missing.
        """
        if file_id and file_id != self.file_id:
            if self._other.in_line:
                self._compare_app_log(self._other.feed(b"\n"))
            self.file_id, self.offset = file_id, 0
        if offset > self.offset and data:
            raise ValueError(f"{offset - self.offset} bytes of app.log are missing before offset {offset}")
        data = data[self.offset - offset :]
        self.offset += len(data)
        self._compare_app_log(self._other.feed(data))
        self._other_at_end = at_end or self.over
        self.behind = self.behind and not self._other_at_end
        return self._release()

    def without_app_log(self) -> list[Piece]:
        """Stop waiting for ``app.log``, which can't be read now. Returns the pieces that waited."""
        self.behind, self._other_at_end = False, True
        return self._release()

    def _compare_app_log(self, lines: list[bytes]) -> None:
        for line in lines:
            stamp = _stamp(line)
            self._other_when = stamp or self._other_when
            if self.until and self._other_when > self.until:
                self.over = True
            if self.over:
                return
            key = hash(line)
            self._numbers += 1
            known = self._known.get(key)
            if known is None:
                waiting = _Waiting(line, self._other_when, bool(stamp), self._numbers)
                self._waiting.append(waiting)
                self._unlimited.append(waiting)
                self._by_hash.setdefault(key, deque()).append(waiting)
                continue
            found = known.pop(0)
            if not known:
                del self._known[key]
            if stamp:
                self._reached(found, self._numbers)

    def _reached(self, line: int, number: int) -> None:
        """Record that line ``line`` of stdout is record ``number`` of ``app.log``, so earlier records are before it."""
        self._anchor = max(self._anchor, line)
        while self._unlimited and self._unlimited[0].number < number:
            self._unlimited.popleft().limit = self._anchor + JITTER
        while self._order and self._order[0][0] < self._anchor - JITTER:
            self._forget_oldest()

    def decide(self, number: int) -> list[Piece]:
        """Treat the undecided lines up to ``number`` as missing from stdout, which was read past them."""
        while self._waiting and self._waiting[0].number <= number:
            self._not_in_stdout(self._waiting.popleft())
        return self._release()

    def _not_in_stdout(self, waiting: _Waiting) -> None:
        if waiting.claimed:
            return
        key = hash(waiting.line)
        found = self._by_hash[key]
        found.remove(waiting)
        if not found:
            del self._by_hash[key]
        self._ready.append(waiting)

    # -- out

    def flush(self) -> list[Piece]:
        """Pass on all of stdout that has arrived, because the connection was lost."""
        return self._release(PENDING_BYTES)

    def _forget_claimed(self) -> None:
        while self._waiting and self._waiting[0].claimed:
            self._waiting.popleft()

    def _release(self, more: int = 0) -> list[Piece]:
        """Return pieces to pass on. Afterwards at most :data:`PENDING_BYTES` minus ``more`` bytes of stdout wait."""
        self._forget_claimed()
        while self._waiting and (limit := self._waiting[0].limit) is not None and limit <= self._count:
            self._not_in_stdout(self._waiting.popleft())
            self._forget_claimed()
        room = max(0, PENDING_BYTES - more)
        out: list[Piece] = []
        own: list[bytes] = []
        while self._pending or self._ready:
            if self._ready and not self._inside and self._is_due(self._ready[0]):
                if own:
                    out.append(Piece(True, b"".join(own)))
                    own.clear()
                waiting = self._ready.popleft()
                late = waiting.when < self._passed_when
                out.append(Piece(False, waiting.line + b"\n", waiting.when, late))
            elif self._pending and (self._may_go(*self._pending[0]) or self._pending_bytes > room):
                _, data, when = self._pending.popleft()
                self._pending_bytes -= len(data)
                self._inside = not data.endswith(b"\n")
                self._passed_when = max(self._passed_when, when)
                own.append(data)
            else:
                break
        if own:
            out.append(Piece(True, b"".join(own)))
        return out

    def _is_due(self, waiting: _Waiting) -> bool:
        """Whether every line of stdout that is not later than this one was passed on."""
        return not self._pending or self._pending[0][2] > waiting.when

    def _may_go(self, line: int, data: bytes, when: bytes) -> bool:
        if self._inside or not (self._waiting or self.behind):
            return True
        if len(data) < STAMPED and not data.endswith(b"\n"):
            return False  # its time may be incomplete
        if self._waiting and when > self._waiting[0].when:
            return False
        return not self.behind or line <= self._anchor


def _stamp(line: bytes) -> bytes:
    """Return the time at the start of a line; empty if there is none."""
    found = _STAMP.match(line)
    return b"" if found is None else b"%b,%b" % found.groups()


def _lines_of(data: bytes) -> list[bytes]:
    """Split bytes into lines, each with its line feed. A carriage return does not end a line."""
    *lines, rest = data.split(b"\n")
    return [*(line + b"\n" for line in lines), *([rest] if rest else [])]
