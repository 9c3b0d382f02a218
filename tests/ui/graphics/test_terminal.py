"""What a terminal can show, from its answers; and that it is asked once, and left without pictures."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import pytest

from labeltui.ui.graphics.terminal import ASKED, QUERY, SIZES, Ability, Kind, Terminal, ability_of, can_ask

NAMED_KITTY = "\x1bP>|kitty(0.36.4)\x1b\\"
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

    def window_cell(self) -> tuple[int, int] | None:
        return 9, 18


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


SIXELS = "\x1b[?63;1;2;4;6;22c"


@pytest.mark.parametrize(
    ("answers", "window_cell", "ability"),
    [
        ([SIXELS, "\x1b[6;18;9t"], None, Ability(Kind.SIXEL, (9, 18))),
        ([SIXELS], (9, 18), Ability(Kind.SIXEL, (9, 18))),
        ([SIXELS, "\x1b[6;20;10t"], (9, 18), Ability(Kind.SIXEL, (10, 20))),
        ([SIXELS], None, Ability()),
        ([SIXELS, "\x1b[6;999;1t"], (9, 18), Ability()),
        ([SIXELS, "\x1b[?1;0;1024S", "\x1b[?2;3;0S"], (9, 18), Ability(Kind.SIXEL, (9, 18))),
        (
            [SIXELS, "\x1b[?1;0;16S", "\x1b[?2;0;800;480S"],
            (9, 18),
            Ability(Kind.SIXEL, (9, 18), 16, (800, 480)),
        ),
        ([SIXELS, "\x1b[?1;0;4S"], (9, 18), Ability()),
        ([SIXELS, "\x1b[?2;0;0;0S"], (9, 18), Ability()),
        (["\x1b[?4;6c"], (9, 18), Ability(Kind.BLOCKS, (9, 18))),
        (["\x1b[?64;14;24;44c"], (9, 18), Ability(Kind.BLOCKS, (9, 18))),
        ([NAMED_KITTY, DRAWS, SIXELS, "\x1b[6;34;15t"], None, Ability(Kind.KITTY, (15, 34))),
        (["\x1bP>|kitty(0.26.5)\x1b\\", "\x1b[?62;c"], (9, 20), Ability(Kind.BLOCKS, (9, 20))),
    ],
)
def test_sixels_are_painted_only_where_the_attributes_have_them_and_a_cells_size_is_known(
    answers: list[str], window_cell: tuple[int, int] | None, ability: Ability
) -> None:
    assert ability_of(answers, "auto", window_cell) == ability
    if ability.kind is Kind.SIXEL:
        assert ability_of(answers, "blocks", window_cell).kind is Kind.BLOCKS
        assert ability_of([*answers[1:], ATTRIBUTES], "sixel", window_cell) == ability


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
        for setting in ("auto", "kitty", "sixel"):
            assert await Terminal(output, environment).ability(setting) == Ability()
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


async def test_a_terminal_with_sixels_is_asked_for_their_sizes_each_time() -> None:
    output = FakeOutput()
    terminal = Terminal(output, {})
    first = asyncio.create_task(terminal.ability("auto"))
    await asyncio.sleep(0)
    assert output.answers(f"a{SIXELS}b") == "ab"
    others = [asyncio.create_task(terminal.ability("auto")) for _ in range(2)]
    for asked, width in enumerate((8, 9, 10), 1):
        for _ in range(9):
            await asyncio.sleep(0)
        assert output.written == [QUERY] + [SIZES] * asked, "one is on its way at a time"
        assert output.answers(f"\x1b[6;20;{width}t\x1b[?1;0;64S{SIXELS}") == ""
    cells = {(await one).cell for one in (first, *others)}
    assert cells == {(8, 20), (9, 20), (10, 20)}
    assert (await first).colours == 64


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
