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

_LOSE_LABELS = "continue, and lose the labels that are not on this machine"


class PodEventsParams(Params):
    """Parameters of ``pod events``."""

    lines: int | None = whole("show only the last N events")


class PodGpusParams(Params):
    """Parameters of ``pod gpus``: filters. A GPU must pass all of them."""

    vram: int | None = whole("only GPUs with at least this many GB of memory")
    max_price: float | None = number("only GPUs up to this price, in $/h without disks")
    data_centre: str | None = text("only GPUs that are free in this data centre")
    cloud: Literal["secure", "community"] | None = choice(
        "secure: data centres; community: other people's machines", "secure", "community"
    )
    free: bool = switch("only GPUs that are free now")


class PodMakeVolumeParams(Params):
    """Parameters of ``pod make-volume``."""

    name: str = required_text("name of the new volume")
    size: int | None = whole("size in GB, 10 to 4096; it can grow later, but not shrink")
    data_centre: str | None = text("data centre of the volume; it cannot be changed later")
    max_month: float | None = number("the highest price that you agree to, in $ a month")


class PodKeysParams(Params):
    """Parameters of ``pod keys``."""

    add: str | None = text("public key file to add")


class PodCreateParams(Params):
    """Parameters of ``pod create``. Sizes are in GB, prices in $/h including the pod's disks."""

    gpu: str | None = text("kind of GPU, as `pod gpus` names it")
    max_price: float | None = number("the highest price that you agree to, in $/h with disks")
    name: str | None = text("name of the pod; default: the name in the profile")
    data: str | None = text("local folder of the studies, from which the volume's size is computed")
    volume_gb: int | None = whole("size in GB of the disk that stays when the pod stops")
    container_gb: int | None = whole("size in GB of the disk that is erased when the pod stops")
    network_volume: str | None = text(
        "id or name of a network volume to use instead of a disk of the pod's own"
    )
    new_volume_gb: int | None = whole("make a network volume of this many GB for the pod")
    data_centre: str | None = text(
        "only in this data centre; with a network volume, the pod is where the volume is"
    )
    cloud: Literal["secure", "community"] | None = choice(
        "secure: data centres; community: other people's machines, not for patient data",
        "secure",
        "community",
    )
    image: str | None = text("container image; it must start sshd")
    key: str | None = text(
        "public key file for SSH to the pod, or the SHA256 fingerprint of a key in the SSH agent"
    )
    make_key: bool = switch("make a new Ed25519 key for SSH to the pod")
    add_key: bool = switch("also add the key to the RunPod account")
    public: bool = switch("also open ports 8000 and 8888 to the internet, without a password")
    or_: tuple[str, ...] = texts("if RunPod refuses the GPU, try this GPU next; may be repeated")
    fallback: bool = switch("if RunPod refuses the GPU, try others with as much memory within the price")
    wait: bool = switch("if no GPU is free, retry until one is free")
    setup: bool = switch("install MONAI Label on the new pod")
    start: bool = switch("install MONAI Label on the new pod and start the server")
    save: bool = switch("write the pod's name into the profile")


class PodStartParams(PodParams):
    """Parameters of ``pod start``."""

    retry: bool = switch("retry every few minutes while the pod's machine has no free GPU")
    every: float | None = number("minutes between tries")
    data_only: bool = switch("start the pod without a GPU, to copy its files")
    lose_labels: bool = switch(_LOSE_LABELS)


class PodEndParams(PodParams):
    """Parameters of ``pod stop``, ``pod restart`` and ``pod terminate``, which end the pod's container."""

    lose_labels: bool = switch(_LOSE_LABELS)


POD_LIST = Command(
    "pod.list", "List pods", "list all pods of the account with their costs",
    command=("pod", "list"), needs_host=False,
    disabled=conditions.demo_without_account, takes=NoParams,
)  # fmt: skip
POD_SHOW = Command(
    "pod.show", "Show the pod", "show the state, cost and address of the profile's pod or of another",
    command=("pod", "show"), needs_host=False,
    disabled=conditions.demo_without_account, takes=PodParams,
)  # fmt: skip
POD_EVENTS = Command(
    "pod.events", "List the pod's events", "list the starts, stops and other changes of the profile's pod",
    command=("pod", "events"), needs_host=False,
    disabled=conditions.demo_without_account, takes=PodEventsParams,
)  # fmt: skip
POD_GPUS = Command(
    "pod.gpus", "GPUs to rent", "list GPUs with price, stock, and whether the models fit into their memory",
    command=("pod", "gpus"), needs_host=False,
    disabled=conditions.demo_without_account, takes=PodGpusParams,
)  # fmt: skip
POD_VOLUMES = Command(
    "pod.volumes", "Network volumes", "list the account's network volumes with their costs",
    command=("pod", "volumes"), needs_host=False,
    disabled=conditions.demo_without_account, takes=NoParams,
)  # fmt: skip
POD_MAKE_VOLUME = Command(
    "pod.make_volume", "Make a network volume", "make a disk in one data centre that stays when pods are deleted",
    danger=Danger.CHANGE, command=("pod", "make-volume"), needs_host=False,
    disabled=conditions.demo_without_account, takes=PodMakeVolumeParams,
)  # fmt: skip
POD_KEYS = Command(
    "pod.keys", "SSH keys of the account", "list the account's SSH keys, or add a key",
    danger=Danger.CHANGE, command=("pod", "keys"), needs_host=False,
    disabled=conditions.demo_without_account, takes=PodKeysParams,
)  # fmt: skip
POD_CREATE = Command(
    "pod.create", "Rent a pod", "rent a pod under the profile's name, at a price you agree to",
    danger=Danger.CHANGE, command=("pod", "create"), needs_host=False,
    disabled=conditions.not_on_runpod, takes=PodCreateParams,
)  # fmt: skip
POD_START = Command(
    "pod.start", "Start the pod", "start the stopped pod; if it is starting already, wait for it",
    key="s", leader="p", danger=Danger.CHANGE, command=("pod", "start"), needs_host=False,
    disabled=conditions.cannot_start_pod, question=conditions.ask_pod_start, takes=PodStartParams,
)  # fmt: skip
POD_STOP = Command(
    "pod.stop", "Stop the pod", "stop the pod; all files outside its volume are lost",
    key="x", leader="p", danger=Danger.DESTRUCTIVE, command=("pod", "stop"), needs_host=False,
    disabled=conditions.pod_cannot("stop"), question=conditions.ask_pod_stop, takes=PodEndParams,
)  # fmt: skip
POD_RESTART = Command(
    "pod.restart", "Restart the pod", "restart the pod's container",
    key="r", leader="p", danger=Danger.DESTRUCTIVE, command=("pod", "restart"), needs_host=False,
    disabled=conditions.pod_cannot("restart"), question=conditions.ask_pod_restart, takes=PodEndParams,
)  # fmt: skip
POD_TERMINATE = Command(
    "pod.terminate", "Terminate the pod", "delete the pod with everything on it",
    key="D", leader="p", danger=Danger.IRREVERSIBLE, command=("pod", "terminate"), needs_host=False,
    disabled=conditions.pod_cannot("terminate"), question=conditions.ask_pod_terminate, takes=PodEndParams,
)  # fmt: skip

POD_ACTIONS: tuple[Action, ...] = (
    POD_LIST, POD_SHOW, POD_EVENTS, POD_GPUS, POD_VOLUMES, POD_MAKE_VOLUME, POD_KEYS, POD_CREATE,
    POD_START, POD_STOP, POD_RESTART, POD_TERMINATE,
)  # fmt: skip
