"""The request that starts a training."""

from __future__ import annotations

import pytest

from labeltui.domain.problems import Misused
from labeltui.monailabel.train_request import cast, train_request


def config_of(body, name, trainer):
    return body(name)["trainers"][trainer]["config"]


def test_lists_become_the_one_that_works(body):
    request = train_request(config_of(body, "info", "deepedit"), max_epochs=2)
    assert request == {
        "name": "train_01", "pretrained": False, "device": "cpu", "max_epochs": 2, "early_stop_patience": -1,
        "val_split": 0.2, "train_batch_size": 1, "val_batch_size": 1, "multi_gpu": True, "gpus": "all",
        "dataset": "Dataset", "dataloader": "DataLoader", "tracking": "None",
    }  # fmt: skip


def test_a_bundle_keeps_pretrained(body):
    config = config_of(body, "bundle_info_after_train", "tiny_seg")
    request = train_request(config, max_epochs=1)
    assert (request["pretrained"], request["model_filename"]) == (True, "model.pt")
    with pytest.raises(Misused, match="bundle"):
        train_request(config, overrides={"pretrained": "false"})


@pytest.mark.parametrize(
    ("key", "text", "default", "value"),
    [
        ("pretrained", "false", True, False),
        ("pretrained", "YES", False, True),
        ("max_epochs", "7", 50, 7),
        ("val_split", "0.5", 0.2, 0.5),
        ("name", "12", "train_01", "12"),
        ("dataset", "CacheDataset", ["SmartCacheDataset", "CacheDataset"], "CacheDataset"),
        ("unknown", "3", None, 3),
        ("unknown", "plain words", None, "plain words"),
        ("max_epochs", 9, 50, 9),
        ("sizes", "[1, 2]", {"a": 1}, [1, 2]),
    ],
)
def test_text_takes_the_type_of_the_default(key, text, default, value):
    assert cast(key, text, default) == value
    assert type(cast(key, text, default)) is type(value)


@pytest.mark.parametrize(
    ("key", "text", "default", "said"),
    [
        ("pretrained", "maybe", True, "true or false"),
        ("max_epochs", "many", 50, "a whole number"),
        ("val_split", "half", 0.2, "a number"),
    ],
)
def test_what_has_no_such_type_is_refused(key, text, default, said):
    with pytest.raises(Misused, match=said):
        cast(key, text, default)


@pytest.mark.parametrize("epochs", [0, -1])
def test_no_epochs_is_no_training(epochs):
    with pytest.raises(Misused, match="max_epochs"):
        train_request({}, max_epochs=epochs)
