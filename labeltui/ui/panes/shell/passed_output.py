"""Filters a program's output for the real terminal, which stays on its alternate screen.

If a program switched the terminal between main and alternate screen, the terminal's content from before
labeltui would show. Instead, labeltui paints the content of the screen that the program switches to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

# Resets all modes that a program may have set: cut-off sequences, mouse, paste, focus, keys, margins, colours.
RESET = (
    b"\x18\x1b\\\x1b[?9l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1005l\x1b[?1006l\x1b[?1015l\x1b[?1016l\x1b[?1004l\x1b[?2004l"
    b"\x1b[?2026l\x1b[?2048l\x1b[>4m\x1b[!p\x1b[?1l\x1b>\x1b[?5l\x1b[?6l\x1b[?69l\x1b[4l\x1b[20l\x1b[r\x1b[?7h\x1b[?25h"
    b"\x1b[0 q\x1b[m\x1b(B\x0f\x1b]104\x07\x1b]110\x07\x1b]111\x07\x1b]112\x07"
)
SCREENS = {b"47", b"1047", b"1049"}
CANCEL = b"\x18"  # ends the sequence that the terminal is in
# Modes, erasing the scrollback (which is not the shell's), a full reset, kitty's stack of keyboard modes. The last is a
# control within a sequence: terminals obey it and go on with the sequence, which would hide that from this filter.
_KEPT_BACK = re.compile(
    rb"\x1b\[\?([0-9;]+)([hl])|(\x1b\[3J)|(\x1bc)|\x1b\[([<>])([0-9]*)u"
    rb"|\x1b(?:\[[?<>]?[0-9;]*)?([\x00-\x17\x19\x1c-\x1f\x7f])"
)
_CUT_OFF = re.compile(rb"\x1b(?:\[[?<>]?[0-9;]{0,64})?\Z")


class Piece(NamedTuple):
    """A part of the output.

    ``raw`` is the program's output, ``shown`` the part that the terminal gets. If ``repaints``, the screen must
    be painted afterwards.
    """

    raw: bytes
    shown: bytes
    repaints: bool


class PassedOutput:
    """Filters output. A sequence that is cut off at the end waits for the rest."""

    def __init__(self) -> None:
        self._cut_off = b""
        self._pushed = 0

    @property
    def pops(self) -> bytes:
        """The sequence that undoes the keyboard modes that programs have set and not undone."""
        return b"\x1b[<%du" % self._pushed if self._pushed else b""

    def pieces(self, data: bytes) -> Iterator[Piece]:
        """Split output after each switch to the main screen and after each reset."""
        data = self._cut_off + data
        cut = _CUT_OFF.search(data)
        self._cut_off = data[cut.start() :] if cut else b""
        data = data[: len(data) - len(self._cut_off)]
        begun, at, shown = 0, 0, b""
        for found in _KEPT_BACK.finditer(data):
            instead, repaints = self._instead_of(found)
            shown += data[at : found.start()] + instead
            at = found.end()
            if repaints:
                yield Piece(data[begun:at], shown, True)
                begun, shown = at, b""
        if begun < len(data):
            yield Piece(data[begun:], shown + data[at:], False)

    def _instead_of(self, found: re.Match[bytes]) -> tuple[bytes, bool]:
        modes, switch, scrollback, reset, stack, number, control = found.groups()
        if modes is not None:
            return _without_screens(found[0], modes.split(b";"), switch)
        if scrollback:
            return b"", False
        if control:
            return CANCEL + control, False
        if reset:
            pops, self._pushed = self.pops, 0
            return pops + RESET, True
        if stack == b">":
            self._pushed += 1
            return found[0], False
        popped = min(int(number or 1), self._pushed)
        self._pushed -= popped
        return (b"\x1b[<%du" % popped if popped else b""), False


def _without_screens(sequence: bytes, modes: list[bytes], switch: bytes) -> tuple[bytes, bool]:
    others = [mode for mode in modes if mode.lstrip(b"0") not in SCREENS]
    if len(others) == len(modes):
        return sequence, False
    rest = b"\x1b[?%b%b" % (b";".join(others), switch) if others else b""
    return (rest + b"\x1b[2J", False) if switch == b"h" else (rest, True)
