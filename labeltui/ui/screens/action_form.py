"""The form for an action's parameters."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from labeltui.actions import Action, Param
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Misused
from labeltui.domain.state import SessionState
from labeltui.operations.report.place import default_name
from labeltui.ui.presentation.models import offer_notes
from labeltui.ui.presentation.options import label_of, options_of, with_value
from labeltui.ui.screens.dialogs.fields import Field
from labeltui.ui.screens.dialogs.form import Form

CONSOLE_ONLY = ("follow",)
"""Parameters that only the command line has, because its output scrolls."""

APPLYING = ("train.start", "infer", "infer.batch")


def fields(action: Action) -> list[Param]:
    """Return the parameters that a form for ``action`` asks for."""
    return [param for param in action.params if param.name not in CONSOLE_ONLY]


def models_of(session: Any) -> tuple[str, ...]:
    """Return the profile's models; none without a session."""
    return tuple(getattr(getattr(getattr(session, "profile", None), "server", None), "models", ()) or ())


def prefilled(action: Action, session: Any, state: SessionState) -> dict[str, str]:
    """Return the fields' initial texts by parameter name.

    They come from the profile, the guard's present settings or the trainer's defaults.
    """
    server = getattr(getattr(session, "profile", None), "server", None)
    known: dict[str, str] = {}
    for param in fields(action):
        if action.id == "server.start" and server is not None:
            known[param.name] = as_text(getattr(server, param.name, None))
        elif action.id in ("models.push", "models.rollback") and param.name == "model":
            known[param.name] = next(iter(getattr(server, "models", None) or ()), "")
        elif action.id == "report" and param.name == "file":
            name = default_name(state.identity.profile, datetime.now(UTC), ".html")
            known[param.name] = str(Path("~") / name)
        elif action.id == "guard.set":
            known[param.name] = _guard_default(param, state)
        elif action.id == "train.start":
            known[param.name] = _trainer_default(param, server, state)
    return known


def notes(action: Action, state: SessionState) -> dict[str, tuple[str, ...]]:
    """Return further lines below a field, by parameter. They describe the weights of the models to choose from."""
    if action.id == "server.start":
        return {"models": offer_notes(state, starts=True)}
    return {"model": offer_notes(state, starts=False)} if action.id in APPLYING else {}


def _guard_default(param: Param, state: SessionState) -> str:
    guard = state.guard.value
    if guard is None or guard.idle_s is None:
        return ""
    copies = "wait" if guard.need_copies else "ignore"
    budget = "" if guard.budget is None else f"{guard.budget:g}"
    return {"idle": f"{guard.idle_s / 60:g}", "budget": budget, "copies": copies}[param.name]


def _trainer_default(param: Param, server: Any, state: SessionState) -> str:
    models = tuple(getattr(server, "models", ()) or ())
    trainers = state.info.value.trainers if state.info.value is not None else {}
    model = next((m for m in models if m in trainers), next(iter(trainers), models[0] if models else ""))
    if param.name == "model":
        return model
    return epochs_of(state, model) if param.name == "max_epochs" else ""


def epochs_of(state: SessionState, model: str) -> str:
    """Return the number of epochs that a trainer has by default, as text; empty if it is unknown."""
    info = state.info.value
    trainer = info.trainers.get(model) if info is not None else None
    return "" if trainer is None else as_text(trainer.config.get("max_epochs"))


def as_text(value: Any) -> str:
    """Format a value as an operator would type it; empty for None.

    Lists are separated by commas. Pairs are written as ``KEY=VALUE``, quoted as in a shell.
    """
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return shlex.join(f"{key}={item}" for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return ",".join(str(item) for item in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def parse(param: Param, text: str) -> Any:
    """Parse a field's text. Returns None for an empty text.

    Raises ValueError with a message for the operator.
    """
    text = text.strip()
    if not text:
        return None
    if param.kind in ("int", "float"):
        try:
            return int(text) if param.kind == "int" else float(text)
        except ValueError as error:
            raise ValueError(f"{text!r} is not a number.") from error
    if param.kind == "bool":
        return text == "yes"
    if param.kind == "pairs":
        return _pairs(param, text)
    if param.kind == "list":
        return _paths(text) if param.local else shlex.split(text)
    return text


def _paths(text: str) -> list[str]:
    """Split a text into paths. A path that exists may have spaces and needs no quotes. Raises ValueError."""
    if _exists(text):
        return [text]
    words, paths = shlex.split(text), list[str]()
    while words:
        lengths = () if _exists(words[0]) else range(len(words), 1, -1)
        count = next((length for length in lengths if _exists(" ".join(words[:length]))), 1)
        paths.append(" ".join(words[:count]))
        del words[:count]
    return paths


def _exists(text: str) -> bool:
    try:
        return Path(text).expanduser().exists()
    except (OSError, RuntimeError):  # a name that is too long, or the home of an unknown user
        return False


def _pairs(param: Param, text: str) -> dict[str, str]:
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ValueError(f"{error}.") from error
    if any("=" not in word for word in words):
        raise ValueError("Write KEY=VALUE, with a space between pairs.")
    return dict(word.split("=", 1) for word in words)


class FormScreen(Form[dict[str, Any]]):
    """A field per parameter of an action. Returns the values that were changed.

    ``initial`` are the values that the action takes anyway, ``typed`` those that the operator gave before. ``only``
    are the names of the parameters to ask for; by default all of them. ``notes`` are further lines below a
    field, by parameter. Options come from ``state`` and the session's profile.
    """

    def __init__(
        self,
        action: Action,
        initial: Mapping[str, str],
        state: SessionState,
        only: Sequence[str] = (),
        *,
        notes: Mapping[str, Sequence[str]] | None = None,
        models: Sequence[str] = (),
        typed: Mapping[str, str] | None = None,
    ) -> None:
        """``models`` are the profile's models."""
        self._params = [param for param in fields(action) if not only or param.name in only]
        super().__init__(
            action.title,
            action.title,
            [
                _field(
                    action,
                    param,
                    initial.get(param.name, ""),
                    state,
                    (notes or {}).get(param.name, ()),
                    models,
                    (typed or {}).get(param.name),
                )
                for param in self._params
            ],
        )

    def submit(self) -> None:
        """Close the form with the changed values. The action takes the others from the profile."""
        self.dismiss(self.changed())

    @property
    def typed(self) -> dict[str, str]:
        """The texts of the fields that were changed, by parameter."""
        return {field.key: field.value for field in self.fields.all if field.value != field.initial}

    def changed(self) -> dict[str, Any]:
        """Return the values that were changed, by parameter."""
        params: dict[str, Any] = {}
        for param in self._params:
            field = self.fields.find(param.name)
            value = parse(param, field.value)
            if value is not None and (param.required or field.value != field.initial):
                params[param.name] = value
        return params


def _field(
    action: Action,
    param: Param,
    value: str,
    state: SessionState,
    notes: Sequence[str],
    models: Sequence[str],
    typed: str | None,
) -> Field:
    options = options_of(action, param, state, models)
    if options is not None:
        value = value or ("no" if param.kind == "bool" else options[0][0] if param.required else "")
        options = with_value(param.name, options, value, action.id)
        options = with_value(param.name, options, typed, action.id) if typed is not None else options
    field = Field(
        param.name, label_of(action, param), "\n".join((param.help, *notes)), value if typed is None else typed,
        options=options,
        example={"pairs": "KEY=VALUE KEY=VALUE", "list": "with a space between"}.get(param.kind, ""),
        check=partial(_check, param), required=param.required,
    )  # fmt: skip
    field.initial = value
    return field


def _check(param: Param, text: str) -> str:
    try:
        parse(param, text)
    except ValueError as error:
        raise Misused(Code.BAD_PARAMETER, str(error)) from error
    return ""
