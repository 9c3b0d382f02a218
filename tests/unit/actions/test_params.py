"""The parameters of an action: what keys, forms and the command line give becomes one typed value, or is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from labeltui.actions import ACTIONS, BY_ID
from labeltui.actions.model import Command, PodParams
from labeltui.actions.params import Params, choice, number, pairs, required_text, switch, text, texts, whole
from labeltui.actions.pods import PodCreateParams
from labeltui.actions.training import TrainStartParams
from labeltui.domain.problems import Misused


class Everything(Params):
    name: str = required_text("which")
    note: str | None = text("a note")
    count: int | None = whole("how many")
    share: float | None = number("how much")
    loud: bool = switch("loudly")
    colour: str | None = choice("which colour", "red", "blue")
    or_: tuple[str, ...] = texts("else this")
    env: Mapping[str, str] = pairs("environment")


def test_what_is_left_out_has_the_empty_value_of_its_kind() -> None:
    values = Everything.of({"name": "a", "count": None})
    assert (values.name, values.note, values.count, values.share, values.loud) == (
        "a",
        None,
        None,
        None,
        False,
    )
    assert (values.colour, values.or_, dict(values.env)) == (None, (), {})
    assert values.given() == {"name": "a"}


def test_given_values_have_their_own_types() -> None:
    given = {
        "name": "a", "note": "", "count": 0, "share": 2, "loud": True, "colour": "red", "or": ["x", "y"],
        "env": {"K": "v"},
    }  # fmt: skip
    values = Everything.of(given)
    assert values.or_ == ("x", "y")
    assert values == Everything.of(values.given())
    assert values.given() == {**given, "or": ("x", "y")}
    assert values != Everything.of({**given, "count": 1})


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "'name' is missing"),
        ({"name": ""}, "'name' is missing"),
        ({"name": "a", "nmae": "b"}, "no parameter 'nmae'"),
        ({"name": 1}, "'name' can't be 1"),
        ({"name": "a", "count": 1.5}, "'count' can't be 1.5"),
        ({"name": "a", "count": True}, "'count' can't be True"),
        ({"name": "a", "count": "1"}, "'count' can't be '1'"),
        ({"name": "a", "share": "1"}, "'share'"),
        ({"name": "a", "share": False}, "'share'"),
        ({"name": "a", "loud": 1}, "'loud'"),
        ({"name": "a", "colour": "green"}, "'colour'"),
        ({"name": "a", "or": "x"}, "'or'"),
        ({"name": "a", "or": [1]}, "'or'"),
        ({"name": "a", "env": [("K", "v")]}, "'env'"),
    ],
)
def test_what_does_not_fit_is_refused_by_its_name(given: dict[str, Any], words: str) -> None:
    with pytest.raises(Misused) as refused:
        Everything.of(given)
    assert refused.value.problem.code == "bad_parameter"
    assert words in refused.value.problem.message


def test_a_value_is_read_only_and_values_of_two_actions_differ() -> None:
    values = TrainStartParams(model="deepedit")
    with pytest.raises(AttributeError, match="read only"):
        values.model = "other"  # type: ignore[misc]
    assert values == TrainStartParams(model="deepedit")
    assert hash(values) == hash(TrainStartParams(model="deepedit"))
    assert PodParams(pod="deepedit") != values
    assert repr(values) == "TrainStartParams(model='deepedit')"


def test_the_confirmed_name_is_neither_an_option_nor_a_field() -> None:
    assert PodParams.of({"pod": "a", "named": "a"}).named == "a"
    assert [param.name for param in BY_ID["pod.stop"].params] == ["pod", "lose_labels"]


def test_a_keyword_is_declared_with_an_underscore_and_known_without() -> None:
    assert "--or" in [param.flag for param in BY_ID["pod.create"].params]
    assert PodCreateParams.of({"or": ["L40S"]}) == PodCreateParams(or_=("L40S",))


def test_an_action_has_an_operation_or_is_the_consoles() -> None:
    for action in ACTIONS:
        assert isinstance(action, Command) == bool(action.command) != bool(action.console), action.id
