"""Two streams that tell nearly the same made into one: a run's stdout, and the ``app.log`` of its app.

MONAI Label prints every record that it also writes to ``app.log``, and prints it first. What uvicorn says (tracebacks
of HTTP 500 among it) and what is merely printed is in stdout only; what another server with the same app writes, or
what was written while stdout could not be, is in ``app.log`` only. So:

* stdout is passed on byte for byte and in its order, as it comes. Most of the time that is all there is to it.
* A line of ``app.log`` whose text stdout has too is that line, and is dropped: each line of stdout once, so that what
  was written twice is there twice.
* Any other line of ``app.log`` is *undecided* until stdout is past the place where it would be: either a later record
  of ``app.log`` has been found in stdout :data:`JITTER` lines back (threads write in slightly different order), or
  stdout has been read to an end that is younger than the line (:meth:`Merger.settle`). Then it is in ``app.log`` only,
  and goes where its time belongs.
* Lines of stdout that are younger than an undecided line wait for it, as do those that ``app.log`` has not reached
  while it is still being read from further back. That window is :data:`HELD` bytes wide; what would belong before
  lines that have been passed on already is passed on *late*, and says so.

Lines without a time (tracebacks, progress bars) have that of the record before. Nothing here has a clock.

What a server that labeltui started writes to ``app.log`` is all in its stdout; it is read nevertheless, since others
write there too. It is no substitute: MONAI Label opens it twice, and after a rotation half of the records go to the
file that is ``app.log.1`` by then.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass

from labeltui.session.log.splitter import Cutter

JITTER = 1000
"""Lines by which the two may differ in their order."""
KNOWN = 50_000
"""Lines of stdout that are remembered for ``app.log`` to claim, at most."""
AHEAD = 20_000
"""Lines of ``app.log`` from which on it had better wait for stdout."""
HELD = 1 << 20
"""Bytes of stdout that wait for ``app.log``, at most."""
STAMPED = 32
"""Bytes of a line within which its time stands."""
_STAMP = re.compile(rb"\[?(20\d\d-\d\d-\d\d \d\d:\d\d:\d\d)[,.](\d\d\d)")


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes to pass on: of stdout (``own``), else one whole line that only ``app.log`` has.

    ``when`` is the line's time as ``2026-11-23 17:02:11,683`` or empty; ``late``: younger lines went before it.
    """

    own: bool
    data: bytes
    when: bytes = b""
    late: bool = False


@dataclass(slots=True, eq=False)
class _Waiting:
    """A line of ``app.log`` that stdout has not had yet; ``limit`` is where in stdout it must have been."""

    line: bytes
    when: bytes
    head: bool
    number: int
    limit: int | None = None
    claimed: bool = False


class Merger:
    """Feed it both streams in any rhythm; each call returns what can be passed on."""

    def __init__(self) -> None:
        self.received = 0
        """Bytes of stdout that came: the offset of the next one wanted."""
        self.file_id, self.offset = "", 0
        """Of the byte of ``app.log`` wanted next."""
        self.until = b""
        """Lines of ``app.log`` that are younger are none of this run's; empty while it goes on."""
        self.over = False
        """Such a line has been seen: there is nothing more to come from there."""
        self.behind = False
        """``app.log`` is being read from further back, and has not been at its end since."""
        self._other_at_end = True
        self._alone = True
        self._own, self._other = Cutter(), Cutter()
        self._own_when, self._other_when, self._passed_when = b"", b"", b""
        self._held: deque[tuple[int, bytes, bytes]] = deque()  # which line of stdout, a part of it, when
        self._held_bytes = 0
        self._inside = False  # what was passed on last is the beginning of a line
        self._count = 0  # whole lines of stdout that came
        self._anchor = -1  # the furthest of them that a record of app.log has been found to be
        self._known: dict[int, list[int]] = {}  # lines of stdout that app.log has not claimed, by their hash
        self._order: deque[tuple[int, int]] = deque()
        self._waiting: deque[_Waiting] = deque()
        self._by_hash: dict[int, deque[_Waiting]] = {}
        self._unlimited: deque[_Waiting] = deque()
        self._numbers = 0
        self._ready: deque[_Waiting] = deque()

    def beside(self, file_id: str, offset: int) -> None:
        """There is an ``app.log`` too, from that byte on. To be said before anything is fed."""
        self.file_id, self.offset, self._alone = file_id, offset, False
        self.resumed()

    def resumed(self) -> None:
        """``app.log`` is read on from where it was left: it may have grown meanwhile."""
        self.behind, self._other_at_end = not (self._alone or self.over), self._alone or self.over

    @property
    def undecided(self) -> int:
        """The number of the newest line of ``app.log`` that stdout may still bring; 0 where there is none."""
        self._forget_claimed()
        return self._waiting[-1].number if self._waiting else 0

    @property
    def crowded(self) -> bool:
        """Enough of ``app.log`` waits for stdout: let it come first."""
        return len(self._waiting) >= AHEAD

    @property
    def idle(self) -> bool:
        """Everything that came has been passed on, and nothing more is known to be there."""
        return self._other_at_end and not (self._held or self._ready or self.undecided)

    # -- stdout

    def own(self, offset: int, data: bytes) -> list[Piece]:
        """Bytes of stdout from ``offset`` on; what came before already is skipped. Raises ValueError for a hole."""
        if offset > self.received:
            raise ValueError(f"{offset - self.received} bytes are missing before offset {offset}")
        data = data[self.received - offset :]
        self.received += len(data)
        if self._alone or not data:
            return [Piece(True, data)] if data else []
        first = self._count
        for line in self._own.feed(data):
            self._came(line)
        if self._held or self.behind or self._waiting or self._ready:
            self._hold(first, data)
            return self._release()
        self._pass(data)
        return [Piece(True, data)]

    def _came(self, line: bytes) -> None:
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

    def _hold(self, line: int, data: bytes) -> None:
        """Keep bytes, which begin in stdout's line ``line``, a line at a time."""
        for part in _lines_of(data):
            begun = b""
            if self._held and not self._held[-1][1].endswith(b"\n") and len(self._held[-1][1]) < STAMPED:
                begun = self._held.pop()[1]  # its time may not have been whole
                self._held_bytes -= len(begun)
            whole = begun + part
            if not self._inside_held and (stamp := _stamp(whole)):
                self._own_when = stamp
            self._held.append((line, whole, self._own_when))
            self._held_bytes += len(whole)
            line += part.endswith(b"\n")

    @property
    def _inside_held(self) -> bool:
        """What comes next goes on in a line that has begun."""
        return not self._held[-1][1].endswith(b"\n") if self._held else self._inside

    def _pass(self, data: bytes) -> None:
        """Note that bytes of stdout are passed on which did not wait."""
        self._inside = not data.endswith(b"\n")
        at = len(data)
        while at > 0:  # the time of the last record: found without looking at every line
            at = data.rfind(b"\n", 0, at)
            if stamp := _stamp(data[at + 1 : at + 40]):
                self._own_when, self._passed_when = stamp, max(self._passed_when, stamp)
                return

    # -- app.log

    def other(self, file_id: str, offset: int, data: bytes, *, at_end: bool) -> list[Piece]:
        """Bytes of ``app.log``. Another ``file_id`` is the next file after a rotation, from its first byte.

        What came before already is skipped. Raises ValueError for a hole.
        """
        if file_id and file_id != self.file_id:
            if self._other.within:
                self._wrote(self._other.feed(b"\n"))
            self.file_id, self.offset = file_id, 0
        if offset > self.offset and data:
            raise ValueError(f"{offset - self.offset} bytes of app.log are missing before offset {offset}")
        data = data[self.offset - offset :]
        self.offset += len(data)
        self._wrote(self._other.feed(data))
        self._other_at_end = at_end or self.over
        self.behind = self.behind and not self._other_at_end
        return self._release()

    def alone(self) -> list[Piece]:
        """There is no ``app.log`` to be read now: nothing waits for it."""
        self.behind, self._other_at_end = False, True
        return self._release()

    def _wrote(self, lines: list[bytes]) -> None:
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
        """A record of ``app.log`` is that line of stdout: what came before it must be about there too."""
        self._anchor = max(self._anchor, line)
        while self._unlimited and self._unlimited[0].number < number:
            self._unlimited.popleft().limit = self._anchor + JITTER
        while self._order and self._order[0][0] < self._anchor - JITTER:
            self._forget_oldest()

    def settle(self, number: int) -> list[Piece]:
        """Stdout has been read to its end since :attr:`undecided` was ``number``: those lines are not in it."""
        while self._waiting and self._waiting[0].number <= number:
            self._decide(self._waiting.popleft())
        return self._release()

    def _decide(self, waiting: _Waiting) -> None:
        if waiting.claimed:
            return
        key = hash(waiting.line)
        found = self._by_hash[key]
        found.remove(waiting)
        if not found:
            del self._by_hash[key]
        self._ready.append(waiting)

    # -- out

    def let_go(self) -> list[Piece]:
        """Pass on everything of stdout that came, whatever ``app.log`` may still say: the connection is gone."""
        return self._release(HELD)

    def _forget_claimed(self) -> None:
        while self._waiting and self._waiting[0].claimed:
            self._waiting.popleft()

    def _release(self, more: int = 0) -> list[Piece]:
        """What can be passed on; ``more`` bytes of those that wait besides."""
        self._forget_claimed()
        while self._waiting and (limit := self._waiting[0].limit) is not None and limit <= self._count:
            self._decide(self._waiting.popleft())
            self._forget_claimed()
        out: list[Piece] = []
        own: list[bytes] = []
        while self._held or self._ready:
            if self._ready and not self._inside and self._is_due(self._ready[0]):
                if own:
                    out.append(Piece(True, b"".join(own)))
                    own.clear()
                waiting = self._ready.popleft()
                late = waiting.when < self._passed_when
                out.append(Piece(False, waiting.line + b"\n", waiting.when, late))
            elif self._held and (self._may_go(*self._held[0]) or self._held_bytes > max(0, HELD - more)):
                _, data, when = self._held.popleft()
                self._held_bytes -= len(data)
                self._inside = not data.endswith(b"\n")
                self._passed_when = max(self._passed_when, when)
                own.append(data)
            else:
                break
        if own:
            out.append(Piece(True, b"".join(own)))
        return out

    def _is_due(self, waiting: _Waiting) -> bool:
        """Everything of stdout that is as old, or older, has been passed on."""
        return not self._held or self._held[0][2] > waiting.when

    def _may_go(self, line: int, data: bytes, when: bytes) -> bool:
        if self._inside or not (self._waiting or self.behind):
            return True
        if len(data) < STAMPED and not data.endswith(b"\n"):
            return False  # its time is not known yet
        if self._waiting and when > self._waiting[0].when:
            return False
        return not self.behind or line <= self._anchor


def _stamp(line: bytes) -> bytes:
    """When a line says that it was said; empty where it says nothing."""
    found = _STAMP.match(line)
    return b"" if found is None else b"%b,%b" % found.groups()


def _lines_of(data: bytes) -> list[bytes]:
    """Lines with their line feeds: a carriage return ends none."""
    *lines, rest = data.split(b"\n")
    return [*(line + b"\n" for line in lines), *([rest] if rest else [])]
