"""The deploy form's fields. Each field has a line and a note below."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from textual.app import ComposeResult
from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Input

from labeltui.domain.amounts import rate_text
from labeltui.domain.pod.pod import Cloud
from labeltui.hosts.ssh.own_keys import NEW_KEY
from labeltui.operations.deploy.draft import HOST_DISK, MAKE_KEY, NEW_VOLUME, Draft, key_id, key_label
from labeltui.operations.deploy.market import Shop
from labeltui.ui.presentation.text import safe
from labeltui.ui.presentation.words import Tone
from labeltui.ui.screens.dialogs.choice_field import Choice, Option
from labeltui.ui.widgets.columns import Static

YES_NO: list[Option] = [("no", "no"), ("yes", "yes")]
CLOUDS: list[Option] = [
    (Cloud.SECURE.value, "secure: data centres"),
    (Cloud.COMMUNITY.value, "community: other people's machines, cheaper"),
]
PORTS: list[Option] = [
    ("no", "22/tcp: SSH only"),
    ("yes", "22/tcp, 8888/http, 8000/http: open to the internet"),
]
REFUSED: list[Option] = [
    ("stop", "stop, and show the reason"),
    ("next", "take the next GPU with as much memory, within this price"),
    ("wait", "wait until a GPU is free"),
    ("both", "take the next GPU that fits; else wait"),
]
THEN: list[Option] = [
    ("start", "install MONAI Label and start the server"),
    ("setup", "install MONAI Label"),
    ("reach", "only connect by SSH"),
]
LABELS = {
    "data": "studies here", "storage": "storage", "data_centre": "data centre", "volume_gb": "volume GB",
    "container_gb": "container GB", "cloud": "cloud", "image": "image", "key": "SSH key",
    "add_key": "key to account", "ports": "ports", "name": "name", "refused": "when refused", "limit": "at most $/h",
    "then": "afterwards", "save": "save profile",
}  # fmt: skip
NOTES = {
    "data": "a local folder; enter measures it and sets the volume size",
    "data_centre": "only GPUs of this data centre are listed above",
    "container_gb": "outside the volume: erased at each stop, free while stopped",
    "image": "RunPod's own image starts sshd and brings PyTorch",
    "key": "only the public key is copied to the pod",
    "add_key": "then your other new pods accept this key, too",
    "ports": "the server is reached by tunnel; no port is public",
    "name": "must be unique, so that labeltui finds the pod again",
    "refused": "what to do if somebody else rents the GPU first",
    "cloud": "pods in the secure cloud always have a public address",
    "then": "esc closes the checklist; the work continues",
}
ON_DISK = "after a stop, a GPU may not be free; deleted at balance 0"
ON_NETWORK = "not deleted with the pod; costs money until you delete it"


class Choices(VerticalScroll, can_focus=False):
    """The form's fields. :meth:`apply` copies their values into a draft."""

    class Changed(Message):
        """The operator changed ``field``; the field ``measure`` asks to measure the folder of studies."""

        def __init__(self, field: str) -> None:
            super().__init__()
            self.field = field

    def __init__(self, draft: Draft, where: str) -> None:
        super().__init__(classes="choices")
        self._where = where
        self._inputs = {
            name: Input(getattr(draft, name), name=name)
            for name in ("data", "volume_gb", "container_gb", "image", "name", "limit")
        }
        for field in self._inputs.values():
            field.cursor_blink = False
        self._choices = {
            "storage": Choice([(HOST_DISK, "a disk on the host")], draft.storage, name="storage"),
            "data_centre": Choice([("", "any")], draft.data_centre or "", name="data_centre"),
            "cloud": Choice(CLOUDS, draft.cloud.value, name="cloud"),
            "key": Choice([(MAKE_KEY, f"create one: {NEW_KEY}")], draft.key, name="key"),
            "add_key": Choice(YES_NO, _yes(draft.add_key), name="add_key"),
            "ports": Choice(PORTS, _yes(draft.public), name="ports"),
            "refused": Choice(REFUSED, draft.refused, name="refused"),
            "then": Choice(THEN, draft.then, name="then"),
            "save": Choice(YES_NO, _yes(draft.save), name="save"),
        }
        self._notes = {name: Static("", classes="note", markup=False) for name in LABELS}
        self.measured = ""  # the size of the folder of studies, as text

    def compose(self) -> ComposeResult:
        """Yield a line and a note per field."""
        for name, label in LABELS.items():
            with Container(classes="field"):
                yield Static(Content(label), classes="label")
                yield self._inputs.get(name) or self._choices[name]
            yield self._notes[name]

    # -- values and notes

    def apply(self, draft: Draft) -> Draft:
        """Return a copy of the draft with the fields' values."""
        typed: dict[str, Any] = {name: field.value for name, field in self._inputs.items()}
        chosen = {name: choice.value for name, choice in self._choices.items()}
        return replace(
            draft, **typed, storage=chosen["storage"], data_centre=chosen["data_centre"] or None,
            cloud=Cloud(chosen["cloud"]), key=chosen["key"], add_key=chosen["add_key"] == "yes",
            public=chosen["ports"] == "yes", refused=chosen["refused"], then=chosen["then"],
            save=chosen["save"] == "yes",
        )  # fmt: skip

    def offer(self, draft: Draft, shop: Shop) -> None:
        """Fill the choices with RunPod's volumes and data centres, and this machine's keys."""
        volumes = [
            (v.id, f"network volume {v.name}: {v.size_gb} GB in {v.data_centre}") for v in shop.volumes
        ]
        self._choices["storage"].set_options(
            [(HOST_DISK, "a disk on the host"), *volumes, (NEW_VOLUME, "a new network volume")], draft.storage
        )
        every = draft.storage != NEW_VOLUME or not draft.storage_chosen
        places = [place for place in shop.places if every or place.volume_types]
        listed = [(place.id, f"{place.id} · {place.name}") for place in places]
        self._choices["data_centre"].set_options(
            [("", "any" if draft.storage != NEW_VOLUME else "choose one"), *listed], draft.data_centre or ""
        )
        keys = [(key_id(key), key_label(key)) for key in shop.own_keys]
        self._choices["key"].set_options([*keys, (MAKE_KEY, f"create one: {NEW_KEY}")], draft.key)
        self._choices["save"].set_options(YES_NO, _yes(draft.save))
        self._fill("name", draft.name)

    def size_volume(self, gb: int) -> None:
        """Set the volume's size, in GB."""
        self._fill("volume_gb", str(gb))

    def _fill(self, name: str, text: str) -> None:
        if self._inputs[name].value != text:
            with self.prevent(Input.Changed):
                self._inputs[name].value = text

    def explain(
        self, draft: Draft, shop: Shop, warnings: Mapping[str, str], wrong: Mapping[str, str]
    ) -> None:
        """Set the note below each field to its error, else its warning, else an explanation."""
        network = draft.storage != HOST_DISK
        fixed = draft.volume(shop)
        notes = {
            **NOTES,
            "storage": ON_NETWORK if network else ON_DISK,
            "volume_gb": "10 to 4096; it can only grow"
            if network
            else "stays when the pod stops, and then costs twice as much",
            "limit": f"highest price of another GPU with disks; empty: {rate_text(draft.agreed(shop))}",
            "save": f"the next session then uses this pod: {self._where}",
        }
        if self.measured:
            notes["data"] = self.measured
        if fixed is not None:
            notes["data_centre"] = f"the volume is in {fixed.data_centre}, so the pod is too"
        self._show("volume_gb", fixed is None)
        self._show("data_centre", fixed is None)
        self._show("limit", draft.refused in ("next", "both"))
        for name, note in self._notes.items():
            text, tone = notes.get(name, ""), Tone.FAINT
            if name in wrong:
                text, tone = wrong[name], Tone.BAD
            elif name in warnings:
                text, tone = f"▲ {warnings[name]}", Tone.WARN
            note.update(Content.styled(safe(text), tone))

    def _show(self, name: str, on: bool) -> None:
        field: Any = self._inputs.get(name) or self._choices[name]
        self._notes[name].display = on
        if field.parent is not None:
            field.parent.display = on

    def focus_field(self, name: str) -> None:
        """Focus a field."""
        field = self._inputs.get(name) or self._choices.get(name)
        if field is not None:
            field.focus()

    # -- the operator's input

    def on_choice_changed(self, message: Choice.Changed) -> None:
        """Report that a choice changed."""
        message.stop()
        self.post_message(self.Changed(str(message.choice.name)))

    def on_input_changed(self, event: Input.Changed) -> None:
        """Report that a text changed."""
        event.stop()
        self.post_message(self.Changed(str(event.input.name)))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go to the next field. In the folder's field, also ask to measure the folder."""
        event.stop()
        if event.input.name == "data":
            self.post_message(self.Changed("measure"))
        self.screen.focus_next()


def _yes(value: bool) -> str:
    return "yes" if value else "no"
