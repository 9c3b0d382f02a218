"""The body of ``POST /train/{model}``, made from what the trainer says it takes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Misused

# Of the choices a trainer lists, the first is not always the one that works.
SAFE_CHOICES = {"tracking": "None", "dataset": "Dataset", "dataloader": "DataLoader"}
YES = frozenset({"true", "1", "yes", "on"})
NO = frozenset({"false", "0", "no", "off"})


def train_request(
    trainer_config: Mapping[str, Any],
    *,
    max_epochs: int | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """A request with one value per parameter: the trainer's defaults, then ``overrides``.

    Lists are choices, of which one is sent: a list sent whole reaches the training as a list. ``dataset``
    is the one that does not hold every volume in memory, ``tracking`` is off (its default ends in an
    error), and ``dataloader`` the one that fails on a damaged volume: ThreadDataLoader leaves out studies
    without a word. Values given as text take the type of the default. Raises Misused for a value that has
    no such type.
    """
    request = {key: _default(key, value) for key, value in trainer_config.items()}
    request = {key: value for key, value in request.items() if value is not None}
    request["tracking"] = SAFE_CHOICES["tracking"]
    for key, value in (overrides or {}).items():
        request[key] = cast(key, value, trainer_config.get(key))
    if max_epochs is not None:
        request["max_epochs"] = max_epochs
    _check(request, trainer_config)
    return request


def _default(key: str, value: Any) -> Any:
    """The one value that stands for a parameter; None to leave it to the server."""
    if isinstance(value, list):
        safe = SAFE_CHOICES.get(key)
        return safe if safe in value else next(iter(value), None)
    return None if isinstance(value, dict) or value == "" else value


def cast(key: str, value: Any, default: Any) -> Any:
    """``value`` in the type of ``default`` (of its first choice, for a list). Raises Misused."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    like = next(iter(default), "") if isinstance(default, list) else default
    try:
        if isinstance(like, bool):
            return _truth(text)
        if isinstance(like, int):
            return int(text)
        if isinstance(like, float):
            return float(text)
        if isinstance(like, dict) or (like is None and default is None):
            return _literal(text)
    except ValueError as error:
        raise Misused(
            Code.BAD_PARAMETER,
            f"{key} = {value!r} is not {_named(like)}.",
            f"The trainer's default is {like!r}.",
        ) from error
    return text


def _truth(text: str) -> bool:
    if text.lower() in YES | NO:
        return text.lower() in YES
    raise ValueError(text)


def _literal(text: str) -> Any:
    """A value for a parameter the trainer does not list: JSON where it is, else the text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _named(like: Any) -> str:
    return {bool: "true or false", int: "a whole number", float: "a number"}.get(
        type(like), "a value of its kind"
    )


def _check(request: Mapping[str, Any], trainer_config: Mapping[str, Any]) -> None:
    epochs = request.get("max_epochs")
    if epochs is not None and (isinstance(epochs, bool) or not isinstance(epochs, int) or epochs < 1):
        raise Misused(
            Code.BAD_PARAMETER, f"max_epochs = {epochs!r} is not a count of epochs.", "Give 1 or more."
        )
    # Only bundles list their model files, and theirs cannot start without one.
    if "model_filename" in trainer_config and request.get("pretrained") is False:
        raise Misused(
            Code.BAD_PARAMETER,
            "A bundle cannot be trained with pretrained = false: MONAI Label 0.8.5 fails on it.",
            "Leave pretrained out, or use a model of the radiology app.",
        )
