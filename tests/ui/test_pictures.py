"""README's pictures show the console as it is now."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from tests.pictures.__main__ import FOLDER, draw_all
from tests.pictures.svg import Frame, draw

MOST_BYTES = 600_000


def frame(*rows: str) -> Frame:
    return Frame(tuple(Strip([Segment(row, Style(color="#ffffff", bgcolor="#101010"))]) for row in rows), 1.0)


def shown_at(svg: str, percent: float) -> str:
    """The text and paths that the rules of the animation show at a time."""
    hidden = set()
    for name, steps in re.findall(r"@keyframes (f[\d-]+)\{((?:[\d.]+%\{[^}]*\})+)\}", svg):
        states = re.findall(r"([\d.]+)%\{visibility:(\w+)\}", steps)
        if [state for at, state in states if float(at) <= percent][-1] == "hidden":
            hidden.add(name)
    drawn = [element for element in ElementTree.fromstring(svg) if element.get("class") not in hidden]
    return " ".join(text for element in drawn for text in element.itertext() if "{" not in text).strip()


def test_a_row_is_shown_while_it_lasts() -> None:
    svg = draw([frame("a<b", "one"), frame("a<b", "two"), frame("a<b", "one")], "story")
    assert [shown_at(svg, percent).split()[1:] for percent in (1, 34, 67)] == [
        ["a<b", "one"],
        ["a<b", "two"],
        ["a<b", "one"],
    ]
    assert svg.count("a&lt;b") == 1, "a row that never changes is drawn once"
    assert "<script" not in svg
    assert re.findall(r"https?://(?!www\.w3\.org)", svg) == []


@pytest.mark.slow
async def test_pictures_are_not_stale() -> None:
    for name, text in (await draw_all()).items():
        ElementTree.fromstring(text)
        assert len(text.encode()) < MOST_BYTES
        stored = (FOLDER / name).read_text(encoding="utf-8")
        assert stored == text, f"tests/pictures/{name} is stale. Look at it after: python -m tests.pictures"
