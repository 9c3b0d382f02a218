"""What the console's terminal can show, from its own answers."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from labeltui.support.desk import WINDOWS
from labeltui.ui.graphics.answers import Answers

ASKED = 31
QUERY = f"\x1b[>q\x1b_Gi={ASKED},s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\\x1b[16t\x1b[c"
"""Asks for the name, Kitty's graphics, a cell's size, and last the attributes, which every terminal answers."""
CELL = (10, 20)
"""A cell's width and height in pixels, where the terminal does not report them."""
MOST_ANSWERS = 16
DRAINED_EVERY_S = 0.005
LEAVE_S = 1.0
"""Seconds for which an answer is waited for at the end, because it would be typed into the operator's shell."""
# kitty 0.28 and Ghostty place images by characters; other terminals answer Kitty's query, and show only the characters.
_PLACES = re.compile(r"\x1bP>\|(?:kitty\((?P<major>\d+)\.(?P<minor>\d+)|ghostty\b)", re.IGNORECASE)
_CELL = re.compile(r"\x1b\[6;(\d{1,3});(\d{1,3})t")
_ATTRIBUTES = re.compile(r"\x1b\[\?([0-9;]*)c")


class Kind(StrEnum):
    """How pictures are shown. The values are those of the profile's ``graphics``."""

    BLOCKS = "blocks"
    KITTY = "kitty"


@dataclass(frozen=True, slots=True)
class Ability:
    """What the terminal shows, and the width and height of a cell in pixels."""

    kind: Kind = Kind.BLOCKS
    cell: tuple[int, int] = CELL


class Output(Protocol):
    """The driver of the terminal."""

    answers: Callable[[str], str]
    """Takes answers out of what is typed, in the thread that reads the keyboard."""
    pictures: str
    """What removes all pictures from the terminal."""

    @property
    def is_behind(self) -> bool:
        """Whether something that was written is still on its way to the terminal."""
        ...

    def write(self, data: str) -> None:
        """Write to the terminal."""
        ...


def can_ask(environment: Mapping[str, str]) -> bool:
    """Whether a terminal may be asked: not inside a multiplexer, and none that prints what it does not know."""
    term = environment.get("TERM", "")
    return not (
        WINDOWS
        or any(environment.get(name) for name in ("TMUX", "STY", "ZELLIJ"))
        or term.startswith(("screen", "tmux", "linux", "dumb"))
        or environment.get("TERM_PROGRAM") == "Apple_Terminal"
    )


def ability_of(answers: Sequence[str], setting: str) -> Ability:
    """Return what a terminal with these answers can show. ``setting`` is ``auto``, or what to show unproven."""
    cell = next(((int(one[2]), int(one[1])) for one in map(_CELL.fullmatch, answers) if one), CELL)
    if not all(4 <= side <= 100 for side in cell):
        cell = CELL
    if setting != "auto":
        return Ability(Kind(setting), cell)
    place = next((one for one in map(_PLACES.match, answers) if one), None)
    places = place is not None and (
        place["major"] is None or (int(place["major"]), int(place["minor"])) >= (0, 28)
    )
    draws = any(one.startswith(f"\x1b_Gi={ASKED};OK") for one in answers)
    return Ability(Kind.KITTY if places and draws else Kind.BLOCKS, cell)


class Terminal:
    """The terminal behind an output. It is asked once, when the first picture is to be shown."""

    def __init__(self, output: Output, environment: Mapping[str, str] = os.environ) -> None:
        self._output, self._environment = output, environment
        self._asked: asyncio.Future[None] | None = None
        self._answers: list[str] = []
        self._taking: Answers | None = None

    async def ability(self, setting: str) -> Ability:
        """Return what the terminal can show under the profile's setting, once it has answered.

        That may be late, or never.
        """
        if setting not in ("auto", Kind.KITTY) or not can_ask(self._environment):
            return Ability()
        if self._asked is None:
            self._asked = self._ask()
        await asyncio.shield(self._asked)
        return ability_of(self._answers, setting)

    def _ask(self) -> asyncio.Future[None]:
        loop = asyncio.get_running_loop()
        asked: asyncio.Future[None] = loop.create_future()

        def take(answer: str) -> None:
            if len(self._answers) < MOST_ANSWERS:
                self._answers.append(answer)
            if _ATTRIBUTES.fullmatch(answer) and not asked.done():
                asked.set_result(None)

        def taken(answer: str) -> None:
            with suppress(RuntimeError):  # the loop is closed, so the console has ended
                loop.call_soon_threadsafe(take, answer)

        self._output.answers = self._taking = Answers(taken)
        self._output.write(QUERY)
        return asked

    async def drained(self) -> None:
        """Wait until everything that was written has gone to the terminal."""
        while True:
            if not self._output.is_behind:
                return
            await asyncio.sleep(DRAINED_EVERY_S)

    def put(self, picture: str, removal: str) -> None:
        """Write a picture. ``removal`` removes it when the console ends in any manner, or on :meth:`remove`."""
        if removal not in self._output.pictures:
            self._output.pictures += removal
        self._output.write(picture)

    def remove(self) -> None:
        """Remove all pictures."""
        if self._output.pictures:
            removal, self._output.pictures = self._output.pictures, ""
            self._output.write(removal)

    def leave(self) -> None:
        """Remove all pictures, and wait for an answer that has not arrived. Blocks up to ``LEAVE_S``."""
        self.remove()
        if self._taking is not None:
            self._taking.ended.wait(LEAVE_S)
