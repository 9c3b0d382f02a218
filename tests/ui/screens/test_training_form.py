"""The form that starts a training: the server's defaults are choices, and only what was changed is sent."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from labeltui.domain.states import TrainState
from labeltui.domain.training.training import TrainStatus
from labeltui.monailabel.convert import server_info
from labeltui.ui.app import Console
from labeltui.ui.presentation.options import training_parameters
from labeltui.ui.screens.dialogs.choice_field import Choice
from labeltui.ui.screens.dialogs.dialog import Button
from labeltui.ui.screens.training_form import TrainingForm
from tests.paths import MONAILABEL
from tests.ui.fake_session import connected, console, fresh, settled, wait_for
from tests.ui.screen_text import screen_text


def recorded(name: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads((MONAILABEL / name).read_text())["body"]
    return body


def idle() -> Console:
    info = server_info(recorded("info.response.json"))
    return console(replace(connected(), info=fresh(info), training=fresh(TrainStatus(TrainState.IDLE))))


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_what_the_server_declares_is_chosen_and_only_changes_are_sent(
    ran: list[tuple[str, dict[str, Any]]], size: tuple[int, int]
) -> None:
    app = idle()
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        await pilot.press("t", "o")
        await wait_for(pilot, lambda: isinstance(app.screen, TrainingForm), "the form")
        await pilot.pause()
        form = app.screen
        assert isinstance(form, TrainingForm)
        text = screen_text(app)
        for shown in ("20% of the labels (default)", "random weights (default)", "Dataset (default)"):
            assert shown in text
        for button in form.query(Button):
            assert form.region.contains_region(button.region), "the buttons are always in sight"
        for name, value in (("train_batch_size", "4"), ("pretrained", "yes"), ("val_split", "0.3")):
            form.set_focus(form.fields.find(f"trainer {name}").control)
            await pilot.press({"pretrained": "p"}.get(name, value[-1] if name == "val_split" else value))
            assert form.fields.find(f"trainer {name}").value == value
        await pilot.press("ctrl+s")
        await wait_for(pilot, lambda: bool(ran), "the training")
    assert ran == [
        ("train.start", {"param": {"train_batch_size": "4", "pretrained": "true", "val_split": "0.3"}})
    ]


async def test_another_model_brings_its_own_defaults(ran: list[tuple[str, dict[str, Any]]]) -> None:
    app = idle()
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("t", "o")
        await wait_for(pilot, lambda: isinstance(app.screen, TrainingForm), "the form")
        await pilot.press("right")
        await wait_for(pilot, lambda: "pretrained weights (default)" in screen_text(app), "its defaults")
        await pilot.press("ctrl+s")
        await wait_for(pilot, lambda: bool(ran), "the training")
    assert ran == [("train.start", {"model": "segmentation"})]


def test_a_bundle_is_not_offered_random_weights_which_end_its_training() -> None:
    config = recorded("bundle_info.response.json")["trainers"]["tiny_seg"]["config"]
    found = {name: options for name, _, _, _, options in training_parameters(config)}
    assert found["pretrained"] == [("yes", "pretrained weights")]
    assert found["model_filename"] == [("model.pt", "model.pt")]


@pytest.mark.parametrize("value", [None, {}, [], "", [{}]])
def test_a_parameter_of_an_unknown_kind_is_left_out(value: Any) -> None:
    assert training_parameters({"odd": value, "max_epochs": 3}) == []


def test_hostile_names_are_shown_literally() -> None:
    (name, label, _, default, options), *_ = training_parameters({"[red]\x1b": ["[b]x", "y"]})
    assert (name, label, default) == ("[red]\x1b", "[red]\x1b", "[b]x")
    assert options is not None
    assert "\x1b" not in Choice([("a", "\x1b")], "a", name="x").render().plain
