"""Own labels: which are possible, how a model gets them, and how its training gets the same."""

from __future__ import annotations

import subprocess
from types import SimpleNamespace
from typing import Any

import pytest

from labeltui.domain.problems import Misused
from labeltui.monailabel.own_labels import files_of, parse_labels, read_record, record_text, refuse_unfit
from labeltui.monailabel.serving.own_labels import change_models, change_tasks

TASK = ["python", "-m", "monailabel.interfaces.utils.app", "-m", "train", "-r", "{}"]


@pytest.mark.parametrize(
    "names",
    [
        ["liver", "Liver"],
        ["Background"],
        ["image"],
        ["off", "liver"],
        [""],
        ["liver", " "],
        ["a,b"],
        ["-x"],
        ["a: 1"],
        ["a\x1b[31m"],
        ["a\nb"],
        ["[red]"],
        ["liver\u202e"],
        ["a/../b"],
        ["x" * 65],
        [f"n{i}" for i in range(256)],
    ],
)
def test_names_that_no_model_can_have_are_refused(names: list[str]) -> None:
    with pytest.raises(Misused) as caught:
        parse_labels(names)
    assert caught.value.problem.code == "bad_labels"
    assert caught.value.problem.message.isprintable()


def test_names_lose_the_spaces_around_them() -> None:
    assert parse_labels(["liver", " Lebertumor (größer) "]) == ("liver", "Lebertumor (größer)")


@pytest.mark.parametrize(
    ("app", "models", "why"),
    [
        ("radiology", ("deepedit", "segmentation_vertebra"), "segmentation_vertebra finds vertebrae"),
        ("radiology", ("segmentation_spleen",), "segmentation_spleen has one label"),
        ("radiology", ("all",), "fixed labels"),
        ("monaibundle", ("x",), "bring their own labels"),
    ],
)
def test_models_whose_labels_are_fixed_are_named(app: str, models: tuple[str, ...], why: str) -> None:
    with pytest.raises(Misused, match=why):
        refuse_unfit(app, models, ("liver", "tumour"))
    refuse_unfit(app, models, ())


def test_the_files_of_a_model_are_not_those_of_another() -> None:
    names = ["deepedit_dynunet", "deepedit_dynunet.pt", "pretrained_deepedit_dynunet.pt", "segmentation.pt",
             "segmentation_spleen.pt", "sam"]  # fmt: skip
    assert files_of("deepedit", names) == tuple(names[:3])
    assert files_of("segmentation", names) == ("segmentation.pt",)


@pytest.mark.parametrize("text", [b"", b"\xff", b"[1]", b'{"deepedit": 3}'])
def test_a_malformed_record_names_no_labels(text: bytes) -> None:
    assert read_record(text) == {}
    assert read_record(record_text({"deepedit": ("größer",)})) == {"deepedit": ("größer",)}


def test_a_model_builds_its_network_from_the_own_labels() -> None:
    class TaskConfig:
        labels: Any

        def __init__(self) -> None:
            self.labels = None

    class DeepEdit(TaskConfig):
        def init(self) -> int:
            self.labels = {"spleen": 1, "liver": 6, "background": 0, "aorta": 8, "stomach": 7}
            return len(self.labels)

    change_models(TaskConfig, ("liver", "tumour"))
    model = DeepEdit()
    assert model.labels is None
    assert model.init() == 3
    assert model.labels == {"liver": 1, "tumour": 2, "background": 0}
    model.labels = ["spleen", "aorta", "liver"]
    assert model.labels == ["liver", "tumour"]
    model.labels = {"spleen": 1}
    assert model.labels == {"liver": 1, "tumour": 2}


def test_a_training_goes_through_our_module_and_still_names_monai_labels(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr(subprocess, "Popen", lambda command, **_named: started.append(command))
    module = SimpleNamespace(subprocess=subprocess)
    change_tasks(module)
    module.subprocess.Popen(TASK, stdout=module.subprocess.PIPE)
    assert started == [
        ["python", "-m", "labeltui.monailabel.serving.task", "monailabel.interfaces.utils.app", *TASK[3:]]
    ]
