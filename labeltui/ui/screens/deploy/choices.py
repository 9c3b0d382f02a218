"""The deploy form's fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from labeltui.domain.amounts import rate_text
from labeltui.domain.pod.pod import Cloud
from labeltui.hosts.ssh.own_keys import NEW_KEY
from labeltui.operations.deploy.draft import HOST_DISK, MAKE_KEY, NEW_VOLUME, Draft, key_id, key_label
from labeltui.operations.deploy.market import Shop
from labeltui.ui.presentation.options import YES_NO, Option
from labeltui.ui.presentation.words import Tone
from labeltui.ui.screens.dialogs.fields import Field, Fields

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


CHOICES: Mapping[str, Sequence[Option]] = {
    "storage": [(HOST_DISK, "a disk on the host")], "data_centre": [("", "any")], "cloud": CLOUDS,
    "key": [(MAKE_KEY, f"create one: {NEW_KEY}")], "add_key": YES_NO, "ports": PORTS, "refused": REFUSED, "then": THEN,
    "save": YES_NO,
}  # fmt: skip
"""The first options of each field that is a choice. :meth:`Choices.offer` replaces some."""


class Choices(Fields):
    """The form's fields. :meth:`apply` copies their values into a draft."""

    def __init__(self, draft: Draft, where: str) -> None:
        self._where = where
        begun = {
            "cloud": draft.cloud.value, "add_key": _yes(draft.add_key), "ports": _yes(draft.public),
            "save": _yes(draft.save),
        }  # fmt: skip
        super().__init__(
            [
                Field(
                    name, label, NOTES.get(name, ""), begun.get(name) or str(getattr(draft, name, None) or ""),
                    options=CHOICES.get(name),
                )
                for name, label in LABELS.items()
            ]
        )  # fmt: skip
        self.measured = ""  # the size of the folder of studies, as text

    # -- values and notes

    def apply(self, draft: Draft) -> Draft:
        """Return a copy of the draft with the fields' values."""
        values: dict[str, Any] = {field.key: field.value for field in self.all}
        public = values.pop("ports") == "yes"
        values |= {name: values[name] == "yes" for name in ("add_key", "save")}
        values |= {"cloud": Cloud(values["cloud"]), "data_centre": values["data_centre"] or None}
        return replace(draft, **values, public=public)

    def offer(self, draft: Draft, shop: Shop) -> None:
        """Fill the choices with RunPod's volumes and data centres, and this machine's keys."""
        volumes = [
            (v.id, f"network volume {v.name}: {v.size_gb} GB in {v.data_centre}") for v in shop.volumes
        ]
        self.find("storage").set(
            draft.storage, [(HOST_DISK, "a disk on the host"), *volumes, (NEW_VOLUME, "a new network volume")]
        )
        every = draft.storage != NEW_VOLUME or not draft.storage_chosen
        places = [place for place in shop.places if every or place.volume_types]
        listed = [(place.id, f"{place.id} · {place.name}") for place in places]
        nothing = ("", "any" if draft.storage != NEW_VOLUME else "choose one")
        self.find("data_centre").set(draft.data_centre or "", [nothing, *listed])
        keys = [(key_id(key), key_label(key)) for key in shop.own_keys]
        self.find("key").set(draft.key, [*keys, (MAKE_KEY, f"create one: {NEW_KEY}")])
        self.find("save").set(_yes(draft.save))
        self.find("name").set(draft.name)

    def size_volume(self, gb: int) -> None:
        """Set the volume's size, in GB."""
        self.find("volume_gb").set(str(gb))

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
        if fixed is not None:
            notes["data_centre"] = f"the volume is in {fixed.data_centre}, so the pod is too"
        hidden = {"volume_gb", "data_centre"} if fixed is not None else set()
        if draft.refused not in ("next", "both"):
            hidden.add("limit")
        for field in self.all:
            name = field.key
            field.display = name not in hidden
            field.help = notes.get(name, "")
            if name in wrong:
                field.say(wrong[name], Tone.BAD)
            elif name == "data" and self.measured:
                field.say(self.measured)
            else:
                field.say(f"▲ {warnings[name]}" if name in warnings else "", Tone.WARN)


def _yes(value: bool) -> str:
    return "yes" if value else "no"
