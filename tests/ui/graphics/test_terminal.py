"""What a terminal can show, from its answers; and that it is asked once, and left without pictures."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import pytest

from labeltui.ui.graphics.terminal import ASKED, QUERY, Ability, Kind, Terminal, ability_of, can_ask

DRAWS, ATTRIBUTES = f"\x1b_Gi={ASKED};OK\x1b\\", "\x1b[?62c"


class FakeOutput:
    """A driver without a terminal."""

    def __init__(self) -> None:
        self.answers: Callable[[str], str] = str
        self.pictures = ""
        self.is_behind = False
        self.written: list[str] = []

    def write(self, data: str) -> None:
        self.written.append(data)


@pytest.mark.parametrize(
    ("answers", "ability"),
    [
        (["\x1bP>|kitty(0.36.4)\x1b\\", DRAWS, "\x1b[6;34;15t"], Ability(Kind.KITTY, (15, 34))),
        (["\x1bP>|ghostty 1.2.0\x1b\\", DRAWS], Ability(Kind.KITTY)),
        (["\x1bP>|kitty(0.27.1)\x1b\\", DRAWS], Ability()),
        (["\x1bP>|kitty(0.36.4)\x1b\\", f"\x1b_Gi={ASKED};EINVAL:no\x1b\\"], Ability()),
        (["\x1bP>|WezTerm 20240203\x1b\\", DRAWS, "\x1b[6;999;0t"], Ability()),
        ([DRAWS], Ability()),
        ([], Ability()),
    ],
)
def test_images_are_shown_only_where_their_characters_are_known_to_work(
    answers: list[str], ability: Ability
) -> None:
    assert ability_of([*answers, ATTRIBUTES], "auto") == ability
    assert ability_of([*answers, ATTRIBUTES], "kitty").kind is Kind.KITTY


@pytest.mark.parametrize(
    ("environment", "asked"),
    [
        ({"TERM": "xterm-kitty"}, True),
        ({"TERM": "xterm-256color"}, True),
        ({"TERM": "xterm-kitty", "TMUX": "/run/tmux"}, False),
        ({"TERM": "tmux-256color"}, False),
        ({"TERM": "screen.xterm-256color"}, False),
        ({"TERM": "linux"}, False),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "Apple_Terminal"}, False),
    ],
)
async def test_which_terminals_are_asked(environment: Mapping[str, str], asked: bool) -> None:
    output = FakeOutput()
    assert can_ask(environment) is asked
    if not asked:
        assert await Terminal(output, environment).ability("kitty") == Ability()
        assert not output.written


async def test_a_terminal_is_asked_once_and_a_late_answer_counts() -> None:
    output = FakeOutput()
    terminal = Terminal(output, {})
    assert await terminal.ability("blocks") == await terminal.ability("none") == Ability()
    assert not output.written
    first, second = (asyncio.create_task(terminal.ability("auto")) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    assert output.written == [QUERY]
    assert output.answers(f"\x1bP>|kitty(0.40.0)\x1b\\{DRAWS}j{ATTRIBUTES}k") == "jk"
    assert (await second).kind is Kind.KITTY
    assert (await terminal.ability("auto")).kind is Kind.KITTY
    assert output.written == [QUERY]


async def test_leaving_removes_the_pictures_once_and_waits_for_an_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("labeltui.ui.graphics.terminal.LEAVE_S", 0.01)
    output = FakeOutput()
    terminal = Terminal(output, {})
    for picture in ("one", "two", "three"):
        terminal.put(picture, f"<-{picture[:1]}>")
    assert output.pictures == "<-o><-t>"
    terminal.leave()
    terminal.leave()
    assert output.written == ["one", "two", "three", "<-o><-t>"]
    assert not output.pictures
