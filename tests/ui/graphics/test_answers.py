"""A terminal's answers never become keys: whole, in pieces, late, or broken off."""

from __future__ import annotations

import pytest

from labeltui.ui.graphics.answers import LONGEST, SURE_S, UNSURE_S, Answers

NAME, DRAWS = "\x1bP>|kitty(0.36.4)\x1b\\", "\x1b_Gi=31;OK\x1b\\"
CELL, COLOURS, ATTRIBUTES = "\x1b[6;20;10t", "\x1b[?1;0;256S", "\x1b[?62;4;52c"
ALL = NAME + DRAWS + CELL + COLOURS + ATTRIBUTES
KEYS = "jk\x1b[A\x1b[6;5~\x1b[?2026;2$y\x1b[48;24;80;480;800tä\x1b[200~paste\x1b[201~"


class Typed:
    """Answers with a clock of their own. ``text`` is what the keyboard gets."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self.now = 0.0
        self.answers = Answers(self.found.append, lambda: self.now)
        self.text = ""

    def feed(self, *pieces: str) -> None:
        for piece in pieces:
            self.text += self.answers(piece)

    def later(self, seconds: float) -> None:
        self.now += seconds
        self.feed("")


@pytest.mark.parametrize("place", range(1, len(ALL)))
def test_answers_split_anywhere_are_found_between_keys(place: int) -> None:
    it = Typed()
    it.feed(KEYS + ALL[:place])
    it.later(UNSURE_S / 2)
    it.feed(ALL[place:] + KEYS)
    it.later(2 * SURE_S)
    assert (it.found, it.text) == ([NAME, DRAWS, CELL, COLOURS, ATTRIBUTES], KEYS * 2)


def test_answers_that_arrive_letter_by_letter_over_a_slow_connection() -> None:
    it = Typed()
    for letter in ALL:
        it.feed(letter)
        it.later(0.9 * UNSURE_S)
    assert (it.found, it.text) == ([NAME, DRAWS, CELL, COLOURS, ATTRIBUTES], "")


def test_esc_is_a_key_soon_while_an_answer_may_come_and_at_once_afterwards() -> None:
    it = Typed()
    it.feed("\x1b")
    assert it.text == ""
    it.later(UNSURE_S)
    assert it.text == "\x1b"
    it.feed(ATTRIBUTES, "\x1b")
    assert it.text == "\x1b\x1b"


@pytest.mark.parametrize("begun", ["\x1b_Gi=31;O", "\x1bP>|kit", "\x1b[?62;4"])
def test_an_answer_without_an_end_is_dropped(begun: str) -> None:
    it = Typed()
    it.feed(begun)
    it.later(SURE_S)
    it.feed("jk")
    assert (it.found, it.text) == ([], "jk")


def test_an_answer_that_is_broken_off_by_a_key_ends_there() -> None:
    it = Typed()
    it.feed("\x1b_Gi=31;\x00\x9c garb", "age\x1b[A\x1bP>|x\x07j")
    assert (len(it.found), it.text) == (2, "\x1b[Aj")


def test_an_endless_answer_takes_no_memory_and_types_nothing() -> None:
    it = Typed()
    for _ in range(50):
        it.feed("\x1b_G" + "x" * LONGEST if not it.found and it.now == 0 else "x" * LONGEST)
    it.feed("\x1b\\j")
    assert it.text == "j"
    assert all(len(found) <= LONGEST for found in it.found)
