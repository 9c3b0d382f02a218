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
SIZES = "\x1b[16t\x1b[?1;1;0S\x1b[?2;1;0S\x1b[c"
"""Asks a terminal with sixels for a cell's size, for its colours and its largest picture, and last the attributes.

A terminal without sixels may scroll instead.
"""
CELL = (10, 20)
"""A cell's width and height in pixels, for Kitty's images if the terminal does not report them."""
COLOURS = 256
FEWEST_COLOURS = 16
"""Fewer do not show a slice with its label: half blocks do."""
LARGEST = (10_000, 10_000)
MOST_ANSWERS = 16
DRAINED_EVERY_S = 0.005
LEAVE_S = 1.0
"""Seconds for which an answer is waited for at the end, because it would be typed into the operator's shell."""
# kitty 0.28 and Ghostty place images by characters; other terminals answer Kitty's query, and show only the characters.
_PLACES = re.compile(r"\x1bP>\|(?:kitty\((?P<major>\d+)\.(?P<minor>\d+)|ghostty\b)", re.IGNORECASE)
_CELL = re.compile(r"\x1b\[6;(\d{1,3});(\d{1,3})t")
_REGISTERS = re.compile(r"\x1b\[\?1;0;(\d{1,6})S")
_LARGEST = re.compile(r"\x1b\[\?2;0;(\d{1,6});(\d{1,6})S")
_ATTRIBUTES = re.compile(r"\x1b\[\?([0-9;]*)c")
_SIXELS = "4"


class Kind(StrEnum):
    """How pictures are shown. The values are those of the profile's ``graphics``."""

    BLOCKS = "blocks"
    KITTY = "kitty"
    SIXEL = "sixel"


@dataclass(frozen=True, slots=True)
class Ability:
    """What the terminal shows, and the width and height of a cell in pixels.

    ``colours`` and ``largest`` are the limits of a picture of sixels: its colours, and its width and height in pixels.
    """

    kind: Kind = Kind.BLOCKS
    cell: tuple[int, int] = CELL
    colours: int = COLOURS
    largest: tuple[int, int] = LARGEST


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

    def window_cell(self) -> tuple[int, int] | None:
        """A cell's width and height in pixels by the window's size; None if that is not known."""
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


def _found(pattern: re.Pattern[str], answers: Sequence[str]) -> tuple[int, ...] | None:
    """Return the numbers of the first answer that a pattern fits."""
    found = next((one for one in map(pattern.fullmatch, answers) if one), None)
    return tuple(map(int, found.groups())) if found else None


def _kind_of(answers: Sequence[str], setting: str) -> Kind:
    if setting != "auto":
        return Kind(setting)
    place = next((one for one in map(_PLACES.match, answers) if one), None)
    places = place is not None and (
        place["major"] is None or (int(place["major"]), int(place["minor"])) >= (0, 28)
    )
    if places and any(one.startswith(f"\x1b_Gi={ASKED};OK") for one in answers):
        return Kind.KITTY
    attributes = next((one[1] for one in map(_ATTRIBUTES.fullmatch, answers) if one), "")
    return (
        Kind.SIXEL if _SIXELS in attributes.split(";")[1:] else Kind.BLOCKS
    )  # the first is the terminal's class


def ability_of(answers: Sequence[str], setting: str, window_cell: tuple[int, int] | None = None) -> Ability:
    """Return what a terminal with these answers can show. ``setting`` is ``auto``, or what to show unproven.

    Sixels can't be placed without the size of a cell: ``window_cell`` if the terminal did not answer it.
    """
    kind, height_and_width = _kind_of(answers, setting), _found(_CELL, answers)
    cell = (height_and_width[1], height_and_width[0]) if height_and_width else window_cell
    if cell is None or not all(4 <= side <= 100 for side in cell):
        return Ability(Kind.BLOCKS if kind is Kind.SIXEL else kind)
    (colours,) = _found(_REGISTERS, answers) or (COLOURS,)
    width, height = _found(_LARGEST, answers) or LARGEST
    if kind is Kind.SIXEL and (colours < FEWEST_COLOURS or width < cell[0] or height < cell[1]):
        return Ability()
    return Ability(kind, cell, min(COLOURS, colours), (width, height))


class Terminal:
    """The terminal behind an output. It is asked once, when the first picture is to be shown."""

    def __init__(self, output: Output, environment: Mapping[str, str] = os.environ) -> None:
        self._output, self._environment = output, environment
        self._proof: asyncio.Future[list[str]] | None = None
        self._asked: asyncio.Future[list[str]] | None = None
        self._answers: list[str] = []
        self._taking: Answers | None = None

    async def ability(self, setting: str) -> Ability:
        """Return what the terminal can show under the profile's setting, once it has answered.

        That may be late, or never. Where pictures are sixels, their sizes are asked each time, because they change with
        the terminal's font.
        """
        if setting not in ("auto", Kind.KITTY, Kind.SIXEL) or not can_ask(self._environment):
            return Ability()
        if self._proof is None:
            self._proof = self._ask(QUERY)
        answers = await asyncio.shield(self._proof)
        if _kind_of(answers, setting) is Kind.SIXEL:
            answers = [*await self._sizes(), *answers]
        return ability_of(answers, setting, self._output.window_cell())

    async def _sizes(self) -> list[str]:
        """Ask for the sizes of sixels. Queries take turns, because all have the same last answer."""
        while self._asked is not None and not self._asked.done():
            await asyncio.shield(self._asked)
        return await asyncio.shield(self._ask(SIZES))

    def _ask(self, query: str) -> asyncio.Future[list[str]]:
        loop = asyncio.get_running_loop()
        self._asked, self._answers = loop.create_future(), []

        def taken(answer: str) -> None:
            with suppress(RuntimeError):  # the loop is closed, so the console has ended
                loop.call_soon_threadsafe(self._take, answer)

        if self._taking is None:
            self._output.answers = self._taking = Answers(taken)
        self._taking.ended.clear()
        self._output.write(query)
        return self._asked

    def _take(self, answer: str) -> None:
        if len(self._answers) < MOST_ANSWERS:
            self._answers.append(answer)
        if _ATTRIBUTES.fullmatch(answer) and self._asked is not None and not self._asked.done():
            self._asked.set_result(self._answers)

    @property
    def is_behind(self) -> bool:
        """Whether something that was written is still on its way to the terminal."""
        return self._output.is_behind

    async def drained(self) -> None:
        """Wait until everything that was written has gone to the terminal."""
        while True:
            if not self.is_behind:
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
