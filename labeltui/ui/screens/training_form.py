"""The form that starts a training: each parameter that the chosen trainer declares is a field with its default."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from labeltui.actions import Action
from labeltui.domain.state import SessionState
from labeltui.ui.presentation.options import training_parameters
from labeltui.ui.screens.action_form import FormScreen, epochs_of
from labeltui.ui.screens.dialogs.fields import Field


class TrainingForm(FormScreen):
    """Another model replaces the fields of the trainer's parameters, with that trainer's defaults."""

    def __init__(
        self,
        action: Action,
        initial: Mapping[str, str],
        state: SessionState,
        *,
        notes: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        super().__init__(action, initial, state, notes=notes)
        self._state = state
        self._own = self._parameters()
        self.fields.all[2:2] = self._own  # after the model and the epochs

    def _parameters(self) -> list[Field]:
        info = self._state.info.value
        trainer = info.trainers.get(self.fields.find("model").value) if info is not None else None
        return [
            Field(f"trainer {name}", label, help, value, options=options)
            for name, label, help, value, options in training_parameters(trainer.config if trainer else {})
        ]

    def on_field_changed(self, message: Field.Changed) -> None:
        """Show the parameters of another model's trainer."""
        if message.field.key == "model":
            self.fields.find("max_epochs").set(epochs_of(self._state, message.field.value))
            own = self._parameters()
            self.fields.replace(self._own, own)
            self._own = own
            self.arrange_fields(*self.app.size)

    def changed(self) -> dict[str, Any]:
        """Return the changed values; those of the trainer's parameters in ``param``, like the typed pairs."""
        params = super().changed()
        own = {
            field.key.removeprefix("trainer "): _sent(field.value)
            for field in self._own
            if field.value != field.initial
        }
        if own:
            params["param"] = {**own, **params.get("param", {})}
        return params


def _sent(value: str) -> str:
    return {"yes": "true", "no": "false"}.get(value, value)
