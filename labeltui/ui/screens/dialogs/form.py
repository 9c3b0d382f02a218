"""A form for an action's parameters."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.widgets import Input

from labeltui.actions import Action, Param
from labeltui.domain.state import SessionState
from labeltui.operations.report.place import default_name
from labeltui.ui.presentation.models import offer_notes
from labeltui.ui.screens.dialogs.dialog import Button, Dialog
from labeltui.ui.widgets.columns import Static

CONSOLE_ONLY = ("follow",)
"""Parameters that only the command line has, because its output scrolls."""

APPLYING = ("train.start", "infer", "infer.batch")


def fields(action: Action) -> list[Param]:
    """Return the parameters that a form for ``action`` asks for."""
    return [param for param in action.params if param.name not in CONSOLE_ONLY]


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
    if param.name == "max_epochs" and model in trainers:
        return as_text(trainers[model].config.get("max_epochs"))
    return ""


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
            raise ValueError(f"{param.name}: {text!r} is not a number") from error
    if param.kind == "bool":
        if text.lower() not in ("yes", "no", "y", "n", "true", "false"):
            raise ValueError(f"{param.name}: write yes or no")
        return text.lower() in ("yes", "y", "true")
    if param.kind == "choice" and text not in param.choices:
        raise ValueError(f"{param.name}: write one of {', '.join(param.choices)}")
    if param.kind == "pairs":
        return _pairs(param, text)
    return shlex.split(text) if param.kind == "list" else text


def _pairs(param: Param, text: str) -> dict[str, str]:
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ValueError(f"{param.name}: {error}") from error
    if any("=" not in word for word in words):
        raise ValueError(f"{param.name}: write KEY=VALUE, with a space between pairs")
    return dict(word.split("=", 1) for word in words)


class FormScreen(Dialog[dict[str, Any]]):
    """A field per parameter, validated when it is left. Enter in the last field submits, and ctrl+s in any.

    ``only`` are the names of the parameters to ask for; by default all of them. ``notes`` are further lines below a
    field, by parameter.
    """

    BINDINGS: ClassVar = [Binding("ctrl+s", "submit", show=False, priority=True)]

    def __init__(
        self,
        action: Action,
        initial: Mapping[str, str],
        only: Sequence[str] = (),
        notes: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        super().__init__()
        self._notes = notes or {}
        self._action = action
        self._params = [param for param in fields(action) if not only or param.name in only]
        self._initial = dict(initial)
        self._inputs: dict[str, Input] = {}
        self._error = Static("", classes="error", markup=False)

    def compose(self) -> ComposeResult:
        """Yield a field and an explanation per parameter."""
        with Container(classes="box -wide") as box:
            box.border_title = Content(self._action.title)
            box.border_subtitle = Content("tab next field · ctrl+s submits · esc cancels")
            with VerticalScroll(classes="scroll"):
                for param in self._params:
                    field = Input(
                        self._initial.get(param.name, ""),
                        placeholder=_placeholder(param),
                    )
                    field.cursor_blink = False
                    self._inputs[param.name] = field
                    with Container(classes="field"):
                        yield Static(Content(param.name.replace("_", " ")), classes="label")
                        yield field
                    lines = (param.help, *self._notes.get(param.name, ()))
                    yield Static(Content("\n".join(lines)), classes="note")
            yield self._error
            with Container(classes="buttons"):
                yield Button("Cancel", "no")
                yield Button(self._action.title, "yes")

    def on_mount(self) -> None:
        """Focus the first field."""
        next(iter(self._inputs.values())).focus()

    def on_key(self, event: events.Key) -> None:
        """Move between fields with up and down, as tab does."""
        if event.key in ("down", "up"):
            event.stop()
            (self.focus_next if event.key == "down" else self.focus_previous)()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go to the next field; submit from the last field."""
        event.stop()
        if event.input is list(self._inputs.values())[-1]:
            self._send()
        else:
            self.focus_next()

    def on_input_blurred(self, event: Input.Blurred) -> None:
        """Show the error in the field that was left."""
        param = next(param for param in self._params if self._inputs[param.name] is event.input)
        try:
            parse(param, event.input.value)
            self._error.update("")
        except ValueError as error:
            self._error.update(Content(str(error)))

    def action_submit(self) -> None:
        """Submit the form."""
        self._send()

    def on_button_pressed(self, message: Button.Pressed) -> None:
        """Submit or cancel the form."""
        if message.button.name == "yes":
            self._send()
        else:
            self.dismiss(None)

    def _send(self) -> None:
        """Validate the form and return the changed values. The action takes the others from the profile."""
        params: dict[str, Any] = {}
        for param in self._params:
            field = self._inputs[param.name]
            try:
                value = parse(param, field.value)
            except ValueError as error:
                self._error.update(Content(str(error)))
                field.focus()
                return
            if value is not None and (param.required or field.value != self._initial.get(param.name, "")):
                params[param.name] = value
        self.dismiss(params)


def _placeholder(param: Param) -> str:
    if param.kind == "choice":
        return " | ".join(param.choices)
    return {"pairs": "KEY=VALUE KEY=VALUE", "bool": "yes | no", "list": "a b c"}.get(param.kind, "")
