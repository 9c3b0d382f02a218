"""The pure parts: safe text, words, keys, filters, curves, forms."""

from __future__ import annotations

import math
import unicodedata
from dataclasses import replace
from datetime import timedelta
from string import punctuation
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.keys import _character_to_key

from labeltui.actions import ACTIONS, BY_ID, Danger, Param
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Problem
from labeltui.domain.server.server import ServerStatus
from labeltui.domain.states import ServerState
from labeltui.domain.training.training import EpochPoint
from labeltui.ui.keys import KeyMap, shown
from labeltui.ui.panes.training import TrainingCard, dice_of, measured_on, progress_share
from labeltui.ui.presentation import words
from labeltui.ui.presentation.text import elide, elide_middle, fit, fit_hints, safe
from labeltui.ui.presentation.words import Tone
from labeltui.ui.screens.action_form import as_text, parse
from labeltui.ui.widgets.bar import bar
from labeltui.ui.widgets.curve import bounds, braille, spark
from labeltui.ui.widgets.filtering import matcher_of
from tests.ui.fake_session import NOW, connected, points


@given(st.text(alphabet=st.characters(codec=None)))
def test_safe_text_has_nothing_a_terminal_obeys(text: str) -> None:
    shown = safe(text)
    assert all(unicodedata.category(c) not in ("Cc", "Cs") for c in shown)
    assert not any(c in shown for c in "\u202e\u2066\u200b\ufeff\u2028")
    assert safe(shown) == shown
    shown.encode()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31m", "␛[31m"),
        ("a\tb\n", "a␉b␊"),
        ("\x9b", "\\u009b"),
        ("[red]é 肝[/]", "[red]é 肝[/]"),
        ("\x7f", "␡"),
    ],
)
def test_control_characters_are_pictures(text: str, shown: str) -> None:
    assert safe(text) == shown


@given(st.text(max_size=40), st.integers(0, 30))
def test_elided_text_fits(text: str, width: int) -> None:
    shown = safe(text)
    assert cell_len(elide(shown, width)) <= width
    assert cell_len(elide_middle(shown, width)) <= width
    assert cell_len(fit(shown, width)) == width


@pytest.mark.parametrize("character", punctuation)
def test_a_key_is_shown_as_its_character_and_can_be_written_as_it(character: str) -> None:
    name = _character_to_key(character)  # as Textual names the key that is pressed
    assert shown(name) == character
    assert shown(f"ctrl+{name}") == f"ctrl+{character}"
    assert KeyMap({"help": f"s {character}"}).leaders["s"][name] is BY_ID["help"]


def test_ids_are_elided_where_they_are_alike() -> None:
    assert elide_middle("liver_2026_axial_0042", 11) == "liver…_0042"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (59.9, "59s"), (60, "1m"), (3599, "59m"), (11520, "3h12"), (86400 * 3, "3d"), (-5, "0s")],
)
def test_durations(seconds: float, text: str) -> None:
    assert words.duration(seconds) == text
    assert words.age(NOW - timedelta(seconds=seconds), NOW) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(None, "?"), (0, "0B"), (1023, "1023B"), (71 * 1024**3, "71.0G"), (100 * 1024**3, "100G")],
)
def test_sizes(count: float | None, text: str) -> None:
    assert words.size(count) == text


def test_no_two_actions_share_a_key() -> None:
    assert KeyMap().problems == []


def test_no_single_key_destroys() -> None:
    assert all(a.danger in (Danger.NONE,) for a in KeyMap().direct.values())


@pytest.mark.parametrize(
    ("overrides", "problem"),
    [
        ({"no.such": "x"}, "no action"), ({"zoom": "k x"}, "not a leader"), ({"zoom": "1"}, "pane.pod"),
        ({"zoom": "s"}, "leader key"),
    ],
)  # fmt: skip
def test_a_remapping_that_can_not_work_is_named(overrides: dict[str, str], problem: str) -> None:
    assert any(problem in text for text in KeyMap(overrides).problems)


def test_keys_are_shown_as_people_write_them() -> None:
    keymap = KeyMap({"zoom": "ctrl+?", "server.stop": "p k"})
    assert keymap.keys_of(BY_ID["help"]) == "?"
    assert keymap.keys_of(BY_ID["zoom"]) == "ctrl+?"
    assert keymap.keys_of(BY_ID["server.stop"]) == "p k"
    assert keymap.keys_of(BY_ID["doctor"]) == ""
    assert "question_mark" in keymap.direct
    assert "ctrl+question_mark" in keymap.direct


@given(st.text(max_size=20), st.text(max_size=20))
def test_a_filter_and_its_inverse_never_agree(query: str, row: str) -> None:
    query = query.strip().lstrip("!~")
    try:
        keeps, drops = matcher_of(query), matcher_of("!" + query)
    except ValueError:
        return
    if keeps is not None and drops is not None:
        assert keeps(row) != drops(row)


@given(st.lists(st.tuples(st.floats(), st.floats())), st.integers(1, 40), st.integers(1, 12))
def test_curves_keep_to_their_cells(series: list[tuple[float, float]], width: int, height: int) -> None:
    ordered = sorted((p for p in series if p[0] == p[0]), key=lambda p: p[0])
    finite = [(x, y) for x, y in ordered if abs(x) < 1e6]
    low, high = bounds([y for _, y in finite], unit=True)
    drawn = braille(finite, width, height, low, high)
    assert len(drawn) == height
    assert all(len(line) == width for line in drawn)


def test_a_rising_curve_rises() -> None:
    drawn = braille([(1, 0.0), (2, 1.0)], 4, 2, 0.0, 1.0)
    assert drawn[0].startswith(" ")
    assert drawn[0].rstrip() != ""
    assert drawn[1][0] != " "
    assert spark([1.0, 0.5, 0.0], 3) == "█▄▁"


def test_a_value_that_is_no_number_is_a_gap() -> None:
    drawn = braille([(1, 0.5), (2, 0.5), (3, math.nan), (4, 0.5), (5, 0.5)], 20, 1, 0.0, 1.0)[0]
    assert drawn.strip() != ""
    assert "  " in drawn.strip()
    assert "  " not in braille([(1, 0.5), (2, 0.5), (4, 0.5), (5, 0.5)], 20, 1, 0.0, 1.0)[0].strip()
    assert spark([1.0, math.nan, 0.0], 3) == "█ ▁"


def test_the_pane_names_what_is_no_number() -> None:
    state = connected()
    training = state.training.value
    assert training is not None
    bad = EpochPoint(12, None, {"val_mean_dice": 0.5}, None, ("loss", "aorta_dice"))
    training = replace(training, points=(*training.points[:11], bad), loss=None)
    state = replace(state, training=replace(state.training, value=training))
    card = TrainingCard()
    text = "\n".join(line.plain for line in card.build(state, NOW, 80, 40))
    assert "loss NaN since epoch 12" in text
    assert "aorta NaN" in text


def test_labels_that_score_nothing_are_named_last_with_a_reason() -> None:
    state = connected()
    training = state.training.value
    assert training is not None
    newest = EpochPoint(12, 0.1, {"val_mean_dice": 0.5, "aorta_dice": 0.0, "spleen_dice": 0.9})
    training = replace(training, points=(*training.points[:11], newest))
    state = replace(state, training=replace(state.training, value=training))
    text = "\n".join(line.plain for line in TrainingCard().build(state, NOW, 80, 40))
    assert "labels spleen 0.90  0.00, perhaps in no study: aorta" in text


@given(st.one_of(st.none(), st.floats(0, 100)), st.integers(1, 60))
def test_a_bar_is_as_wide_as_asked(percent: float | None, width: int) -> None:
    assert bar(percent, width, "$foreground").cell_length == width


def test_a_curve_says_on_which_studies_it_was_measured() -> None:
    name, dice = dice_of(points(5))
    assert name == "validation Dice"
    assert len(dice) == 5
    assert measured_on("val_mean_dice") == "validation"
    assert "not validation" in measured_on("train_mean_dice")
    training = connected().training.value
    assert training is not None
    assert progress_share(training) == pytest.approx(100 * (11 + 7 / 16) / 50)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("text", " a b ", "a b"), ("int", "12", 12), ("float", "0.5", 0.5), ("bool", "yes", True),
        ("pairs", "a=1 b='x y'", {"a": "1", "b": "x y"}), ("list", "a 'b c'", ["a", "b c"]),
        ("text", "  ", None),
    ],
)  # fmt: skip
def test_fields_are_read_as_the_action_takes_them(kind: Any, text: str, value: object) -> None:
    assert parse(Param("x", "help", kind), text) == value


@pytest.mark.parametrize(
    ("param", "text"),
    [
        (Param("x", "", "int"), "1.5"), (Param("x", "", "pairs"), "a"), (Param("x", "", "pairs"), "a='"),
    ],
)  # fmt: skip
def test_a_field_that_can_not_be_read_says_why(param: Param, text: str) -> None:
    with pytest.raises(ValueError, match=r"not a number|KEY=VALUE|No closing quotation"):
        parse(param, text)


@given(st.dictionaries(st.from_regex(r"[a-z]+", fullmatch=True), st.text(min_size=1)))
def test_pairs_survive_a_round_trip_through_the_form(pairs: dict[str, str]) -> None:
    assert (parse(Param("x", "", "pairs"), as_text(pairs)) or {}) == pairs


def test_every_action_can_be_reached_in_the_console_or_says_nothing_there() -> None:
    ids = [action.id for action in ACTIONS]
    assert len(ids) == len(set(ids))


def test_a_server_that_runs_with_a_problem_is_not_shown_as_good() -> None:
    failing = ServerStatus(ServerState.RUNNING, problem=Problem(Code.INFO_FAILED, "It fails."))
    assert words.server(ServerStatus(ServerState.RUNNING)).tone is Tone.GOOD
    assert (words.server(failing).text, words.server(failing).tone) == ("running, fails", Tone.WARN)


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (27, "a one · b two · esc closes"),
        (25, "a one · b two · esc"),
        (18, "a one · … · esc"),
        (5, "a on…"),
    ],
)
def test_a_border_shows_whole_hints_and_the_one_that_closes_the_box(width: int, shown: str) -> None:
    assert fit_hints("a one · b two · esc closes", width) == shown
