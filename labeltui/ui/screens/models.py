"""Lists the models' versions: enter sends one to the host."""

from __future__ import annotations

from datetime import datetime

from textual.content import Content

from labeltui.domain.models import ModelCopy, Models
from labeltui.domain.state import SessionState
from labeltui.ui.presentation import words
from labeltui.ui.presentation.fact import stale_age
from labeltui.ui.presentation.models import weights_of
from labeltui.ui.presentation.text import safe
from labeltui.ui.presentation.words import Tone
from labeltui.ui.screens.dialogs.picklist import Entry, PickList


class ModelsScreen(PickList):
    """Lists the host's models, then the versions on this machine, newest first. The answer is ``MODEL SHA256``."""

    TITLE_TEXT = "models"
    FOOT_TEXT = "type to search · enter sends the version to the host · esc closes"

    def __init__(self, state: SessionState, copies: tuple[ModelCopy, ...], now: datetime) -> None:
        models = state.models.value
        old = stale_age(state.models, now)
        present = [] if models is None else [_on_host(models, model.name, old) for model in models.on_host]
        unknown = _heading(f"The host's models are unknown: {safe(state.models.error or 'not read yet')}")
        versions = [_version(copy, models, now) for copy in reversed(copies)]
        super().__init__([
            *(present if present and state.models.error is None else [unknown, *present]),
            _heading("On this machine:"),
            *(versions or [_heading("No model was copied yet: each is copied when its training ends.")]),
        ])  # fmt: skip


def _heading(text: str) -> Entry:
    return Entry(Content.styled(text, Tone.FAINT), text, heading=True)


def _on_host(models: Models, name: str, old: str) -> Entry:
    model = models.find(name)
    text = "" if model is None else weights_of(models, model)
    ago = f" {old} ago" if old else ""
    return _heading(f"on the host{ago}: {safe(name)}, {text}")


def _version(copy: ModelCopy, models: Models | None, now: datetime) -> Entry:
    loaded = models is not None and any(
        model.published is not None and model.published.sha256 == copy.sha256 for model in models.on_host
    )
    best = (
        f"{safe(copy.best.metric)} {words.metric(copy.best.value)}"
        if copy.best is not None
        else "no best value"
    )
    mark, tone = ("●", Tone.GOOD) if loaded else ("○", Tone.FAINT)
    best = f"unreadable ({safe(copy.unreadable)})" if copy.unreadable else best
    at = copy.saved_at.astimezone()
    head = (
        f" {safe(copy.model)}  {best}  {words.age(copy.saved_at, now)} ago{'  on the host' if loaded else ''}"
    )
    labels = f"labels {', '.join(map(safe, copy.labels))}" if copy.labels else "labels of its app"
    more = f"{copy.version}  {at:%a %d %b %H:%M}  {words.size(copy.size)}  {labels}  from {safe(copy.source)}"
    content = Content.assemble((mark, tone), (f"{head}\n", Tone.PLAIN), (f"  {more}", Tone.FAINT))
    return Entry(content, f"{head} {more}", f"{copy.model} {copy.sha256}")
