"""Build the body of ``POST /train/{model}`` from the trainer's declared parameters."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Misused

# For these parameters the first choice that a trainer lists does not work.
SAFE_CHOICES = {"tracking": "None", "dataset": "Dataset", "dataloader": "DataLoader"}
YES = frozenset({"true", "1", "yes", "on"})
NO = frozenset({"false", "0", "no", "off"})


def train_request(
    trainer_config: Mapping[str, Any],
    *,
    max_epochs: int | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return one value per parameter: the trainer's defaults, replaced by ``overrides``.

    A default that is a list is a list of choices, and one of them is sent. labeltui chooses three values.
    ``dataset`` does not load every volume into memory. ``tracking`` is off, because its default fails.
    ``dataloader`` stops at a damaged volume; ThreadDataLoader would silently leave out the study. Text is
    converted to the type of the default.

    Raises Misused ``bad_parameter`` for a value that can't be converted.
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
    """The default value of a parameter. None leaves it to the server."""
    if isinstance(value, list):
        safe = SAFE_CHOICES.get(key)
        return safe if safe in value else next(iter(value), None)
    return None if isinstance(value, dict) or value == "" else value


def cast(key: str, value: Any, default: Any) -> Any:
    """Convert text to the type of ``default``, or of its first choice. Raises Misused ``bad_parameter``."""
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
    """Parse the value of an undeclared parameter as JSON. Returns the text if it is not JSON."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _named(like: Any) -> str:
    return {bool: "true or false", int: "a whole number", float: "a number"}.get(type(like), "a valid value")


def _check(request: Mapping[str, Any], trainer_config: Mapping[str, Any]) -> None:
    epochs = request.get("max_epochs")
    if epochs is not None and (isinstance(epochs, bool) or not isinstance(epochs, int) or epochs < 1):
        raise Misused(
            Code.BAD_PARAMETER,
            f"max_epochs = {epochs!r} is not a number of epochs.",
            "Give a whole number of 1 or more.",
        )
    # Only bundles declare model_filename, and a bundle's training needs the file.
    if "model_filename" in trainer_config and request.get("pretrained") is False:
        raise Misused(
            Code.BAD_PARAMETER,
            "MONAI Label 0.8.5 can't train a bundle with pretrained = false.",
            "Leave the parameter pretrained out, or use a model of the radiology app.",
        )
