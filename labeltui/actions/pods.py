"""Pods and RunPod: list, rent, start, stop, restart, terminate; GPUs, volumes, keys."""

from __future__ import annotations

from typing import Literal

from labeltui.actions.model import Action, Command, Danger, PodParams
from labeltui.actions.params import (
    NoParams,
    Params,
    choice,
    number,
    required_text,
    switch,
    text,
    texts,
    whole,
)
from labeltui.domain.rules import conditions

_LOSE_LABELS = "go on, and lose the labels that are not on this machine"


class PodEventsParams(Params):
    """Parameters of ``pod events``."""

    lines: int | None = whole("only the last N events")


class PodGpusParams(Params):
    """Parameters of ``pod gpus``: filters. A GPU must pass all of them."""

    vram: int | None = whole("only with at least so many GB of memory")
    max_price: float | None = number("only up to this price, in $/h for the GPU alone")
    data_centre: str | None = text("only what is free there")
    cloud: Literal["secure", "community"] | None = choice(
        "secure: data centres; community: other people's machines", "secure", "community"
    )
    free: bool = switch("only what is free now")


class PodMakeVolumeParams(Params):
    """Parameters of ``pod make-volume``."""

    name: str = required_text("its name")
    size: int | None = whole("GB, 10 to 4096; it only grows")
    data_centre: str | None = text("the data centre; it cannot be changed later")
    max_month: float | None = number("agree to so many $ a month")


class PodKeysParams(Params):
    """Parameters of ``pod keys``."""

    add: str | None = text("public key file to add")


class PodCreateParams(Params):
    """Parameters of ``pod create``. Sizes are in GB, prices in $/h including the pod's disks."""

    gpu: str | None = text("kind of GPU, as `pod gpus` names it")
    max_price: float | None = number("rent nothing dearer than this, in $/h with its disks")
    name: str | None = text("its name; the profile's when left out")
    data: str | None = text("local folder of the studies: the volume gets room for it")
    volume_gb: int | None = whole("GB of disk that survives a stop of the pod")
    container_gb: int | None = whole("GB of disk that is lost when the pod stops")
    network_volume: str | None = text("id or name of a network volume, instead of a disk of its own")
    new_volume_gb: int | None = whole("make a network volume of so many GB, and put the pod on it")
    data_centre: str | None = text("only in this data centre; a network volume decides by itself")
    cloud: Literal["secure", "community"] | None = choice(
        "secure: data centres; community: other people's machines, not for patient data",
        "secure",
        "community",
    )
    image: str | None = text("container image; it has to start sshd")
    key: str | None = text(
        "public key file to reach it with, or the SHA256 fingerprint of a key in the SSH agent"
    )
    make_key: bool = switch("make an Ed25519 key for it, once")
    add_key: bool = switch("add the key to the account, too")
    public: bool = switch("open 8000 and 8888 to the web as well, without a password")
    or_: tuple[str, ...] = texts("when refused, try this GPU next; may be repeated")
    fallback: bool = switch("when refused, try any GPU with as much memory within the price")
    wait: bool = switch("when none is free, try again until one is")
    setup: bool = switch("then install MONAI Label")
    start: bool = switch("then install MONAI Label and start the server")
    save: bool = switch("write its name into the profile")


class PodStartParams(PodParams):
    """Parameters of ``pod start``."""

    retry: bool = switch("try again every few minutes while its machine has no GPU free")
    every: float | None = number("minutes between tries")
    data_only: bool = switch("start it without a GPU, to copy what is on it")
    lose_labels: bool = switch(_LOSE_LABELS)


class PodEndParams(PodParams):
    """Parameters of ``pod stop``, ``pod restart`` and ``pod terminate``, which end the pod's container."""

    lose_labels: bool = switch(_LOSE_LABELS)


POD_LIST = Command(
    "pod.list", "List pods", "every pod of the account, and what it costs",
    command=("pod", "list"), needs_host=False, takes=NoParams,
)  # fmt: skip
POD_SHOW = Command(
    "pod.show", "Show the pod", "the profile's pod, or another: state, cost, address",
    command=("pod", "show"), needs_host=False, takes=PodParams,
)  # fmt: skip
POD_EVENTS = Command(
    "pod.events", "What happened to the pod", "what happened to the profile's pod, here or elsewhere",
    command=("pod", "events"), needs_host=False, takes=PodEventsParams,
)  # fmt: skip
POD_GPUS = Command(
    "pod.gpus", "GPUs to rent", "kinds of GPU with price, stock, and whether they are enough",
    command=("pod", "gpus"), needs_host=False, takes=PodGpusParams,
)  # fmt: skip
POD_VOLUMES = Command(
    "pod.volumes", "Network volumes", "the account's network volumes, and what they cost",
    command=("pod", "volumes"), needs_host=False, takes=NoParams,
)  # fmt: skip
POD_MAKE_VOLUME = Command(
    "pod.make_volume", "Make a network volume", "make a disk that outlives pods, in one data centre",
    danger=Danger.CHANGE, command=("pod", "make-volume"), needs_host=False, takes=PodMakeVolumeParams,
)  # fmt: skip
POD_KEYS = Command(
    "pod.keys", "SSH keys of the account", "the account's SSH keys; can add one",
    danger=Danger.CHANGE, command=("pod", "keys"), needs_host=False, takes=PodKeysParams,
)  # fmt: skip
POD_CREATE = Command(
    "pod.create", "Rent a pod", "rent a pod under the profile's name, at a price you agree to",
    danger=Danger.CHANGE, command=("pod", "create"), needs_host=False,
    disabled=conditions.not_on_runpod, takes=PodCreateParams,
)  # fmt: skip
POD_START = Command(
    "pod.start", "Start the pod", "start the stopped pod, or wait for one that starts",
    key="s", leader="p", danger=Danger.CHANGE, command=("pod", "start"), needs_host=False,
    disabled=conditions.cannot_start_pod, question=conditions.ask_pod_start, takes=PodStartParams,
)  # fmt: skip
POD_STOP = Command(
    "pod.stop", "Stop the pod", "stop the pod: what is not on its volume is gone",
    key="x", leader="p", danger=Danger.DESTRUCTIVE, command=("pod", "stop"), needs_host=False,
    disabled=conditions.pod_cannot("stop"), question=conditions.ask_pod_stop, takes=PodEndParams,
)  # fmt: skip
POD_RESTART = Command(
    "pod.restart", "Restart the pod", "restart the pod's container",
    key="r", leader="p", danger=Danger.DESTRUCTIVE, command=("pod", "restart"), needs_host=False,
    disabled=conditions.pod_cannot("restart"), question=conditions.ask_pod_restart, takes=PodEndParams,
)  # fmt: skip
POD_TERMINATE = Command(
    "pod.terminate", "Terminate the pod", "give the pod back; everything on it is lost",
    key="D", leader="p", danger=Danger.IRREVERSIBLE, command=("pod", "terminate"), needs_host=False,
    disabled=conditions.pod_cannot("terminate"), question=conditions.ask_pod_terminate, takes=PodEndParams,
)  # fmt: skip

POD_ACTIONS: tuple[Action, ...] = (
    POD_LIST, POD_SHOW, POD_EVENTS, POD_GPUS, POD_VOLUMES, POD_MAKE_VOLUME, POD_KEYS, POD_CREATE,
    POD_START, POD_STOP, POD_RESTART, POD_TERMINATE,
)  # fmt: skip
