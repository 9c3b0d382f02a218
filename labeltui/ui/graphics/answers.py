"""Takes a terminal's answers out of what is typed, also when they arrive late or in pieces."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable

LONGEST = 4096
"""Characters of one answer that are stored. The rest of a longer one is dropped."""
SURE_S, UNSURE_S = 5.0, 0.2
"""Seconds for which the beginning of an answer waits for its end: one that no key sends, and one that a key may."""
ANSWER = re.compile(
    r"\x1b_G[^\x1b\x07]*(?:\x1b\\|\x07|(?=\x1b[^\\]))"  # Kitty's graphics
    r"|\x1bP>\|[^\x1b\x07]*(?:\x1b\\|\x07|(?=\x1b[^\\]))"  # name and version
    r"|(?P<last>\x1b\[\?[0-9;]*c)"  # attributes
    r"|\x1b\[[46](?:;[0-9]*){2}t"  # sizes in pixels
    r"|\x1b\[\?[0-9;]*S"  # limits of sixels
)
_BEGUN = re.compile(
    r"\x1b(?:_(?:G[^\x1b\x07]*\x1b?)?|P(?:>(?:\|[^\x1b\x07]*\x1b?)?)?|\[(?:\?[0-9;]*|[46](?:;[0-9]*){0,2})?)?\Z"
)
_SURE = ("\x1b_G", "\x1bP>|", "\x1b[?")


class Answers:
    """Passes answers to ``taken``. The thread that reads the keyboard calls it with each piece of input.

    The last answer is that of the terminal's attributes. Before it, the beginning of an answer that a key may also
    send, such as Esc, waits too.
    """

    def __init__(self, taken: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._taken, self._clock = taken, clock
        self._held, self._since = "", 0.0
        self.ended = threading.Event()
        """Set once the last answer has arrived."""

    def __call__(self, text: str) -> str:
        """Return what was typed. Call it without text from time to time, for what waits."""
        if text:
            self._since = self._clock()
        data, self._held = self._held + text, ""
        typed, at = [], 0
        for found in ANSWER.finditer(data):
            typed.append(data[at : found.start()])
            at = found.end()
            if found["last"]:
                self.ended.set()
            self._taken(found[0][:LONGEST])
        return "".join((*typed, self._without_begun(data[at:])))

    def _without_begun(self, rest: str) -> str:
        """Hold the beginning of an answer back while its end may arrive."""
        found = _BEGUN.search(rest)
        if found is None:
            return rest
        begun = found[0]
        sure = begun.startswith(_SURE)
        patience = SURE_S if sure else 0.0 if self.ended.is_set() else UNSURE_S
        waits = self._clock() - self._since < patience
        if waits:
            self._held = begun if len(begun) < LONGEST else begun[:3]
        return rest[: found.start()] if sure or waits else rest
