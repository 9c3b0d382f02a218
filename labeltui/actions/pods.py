"""Pods and RunPod: list, rent, start, stop, restart, terminate; GPUs, volumes, keys."""

from __future__ import annotations

from labeltui.actions.model import Action, Danger, Param
from labeltui.domain.rules import conditions

_POD = Param("pod", "id or whole name of a pod; the profile's when left out", positional=True)

_LOSE = Param("lose_labels", "do it although labels that are not on this machine are lost", "bool")

POD_ACTIONS: tuple[Action, ...] = (
    Action(
        "pod.list", "List pods", "every pod of the account, and what it costs",
        command=("pod", "list"), needs_host=False,
    ),
    Action(
        "pod.show", "Show the pod", "the profile's pod, or another: state, cost, address",
        command=("pod", "show"), needs_host=False, params=(_POD,),
    ),
    Action(
        "pod.events", "What happened to the pod", "what happened to the profile's pod, here or elsewhere",
        command=("pod", "events"), needs_host=False,
        params=(Param("lines", "only the last N", "int"),),
    ),
    Action(
        "pod.gpus", "GPUs to rent", "kinds of GPU with price, stock, and whether they are enough",
        command=("pod", "gpus"), needs_host=False,
        params=(
            Param("vram", "only with at least so many GB of memory", "int"),
            Param("max_price", "only up to this, in $/h for the GPU alone", "float"),
            Param("data_centre", "only what is free there"),
            Param("cloud", "whose machines", "choice", choices=("secure", "community")),
            Param("free", "only what is free now", "bool"),
        ),
    ),
    Action(
        "pod.volumes", "Network volumes", "the account's network volumes, and what they cost",
        command=("pod", "volumes"), needs_host=False,
    ),
    Action(
        "pod.make_volume", "Make a network volume", "make a disk that outlives pods, in one data centre",
        danger=Danger.CHANGE, command=("pod", "make-volume"), needs_host=False,
        params=(
            Param("name", "its name", positional=True, required=True),
            Param("size", "GB, 10 to 4096; it only grows", "int"),
            Param("data_centre", "where it stays for ever"),
            Param("max_month", "agree to so many $ a month", "float"),
        ),
    ),
    Action(
        "pod.keys", "SSH keys of the account", "the account's SSH keys; can add one",
        command=("pod", "keys"), needs_host=False, danger=Danger.CHANGE,
        params=(Param("add", "public key file to add"),),
    ),
    Action(
        "pod.create", "Rent a pod", "rent a pod under the profile's name, at a price you agree to",
        danger=Danger.CHANGE, command=("pod", "create"), needs_host=False,
        disabled=conditions.not_on_runpod,
        params=(
            Param("gpu", "kind of GPU, as `pod gpus` names it"),
            Param("max_price", "rent nothing dearer than this, in $/h with its disks", "float"),
            Param("name", "its name; the profile's when left out"),
            Param("data", "local folder of the studies: sizes the volume"),
            Param("volume_gb", "disk that stays while stopped", "int"),
            Param("container_gb", "disk that does not", "int"),
            Param("network_volume", "id or name of a network volume, instead of a disk of its own"),
            Param("new_volume_gb", "make a network volume of so many GB for it", "int"),
            Param("data_centre", "only there; a network volume's own when left out"),
            Param("cloud", "whose machines; community is not for patient data", "choice",
                  choices=("secure", "community")),
            Param("image", "container image; it has to start sshd"),
            Param("key", "public key file to reach it with, or the SHA256 fingerprint of one of the agent's"),
            Param("make_key", "make an Ed25519 key for it, once", "bool"),
            Param("add_key", "add the key to the account, too", "bool"),
            Param("public", "open 8000 and 8888 to the web as well, without a password", "bool"),
            Param("or", "when refused, ask for this GPU next; may be repeated", "list"),
            Param("fallback", "when refused, ask for any GPU with as much memory within the price", "bool"),
            Param("wait", "when none is free, go on asking until one is", "bool"),
            Param("setup", "then install MONAI Label", "bool"),
            Param("start", "then install MONAI Label and start the server", "bool"),
            Param("save", "write its name into the profile", "bool"),
        ),
    ),
    Action(
        "pod.start", "Start the pod", "start the stopped pod and wait until it can be reached",
        key="s", leader="p", danger=Danger.CHANGE, command=("pod", "start"), needs_host=False,
        disabled=conditions.cannot_start_pod, question=conditions.ask_pod_start,
        params=(
            _POD,
            Param("retry", "try again every few minutes while its machine has no GPU free", "bool"),
            Param("every", "minutes between tries", "float"),
            Param("data_only", "start it without a GPU, to copy what is on it", "bool"),
            _LOSE,
        ),
    ),
    Action(
        "pod.stop", "Stop the pod", "stop the pod: what is not on its volume is gone",
        key="x", leader="p", danger=Danger.DESTRUCTIVE, command=("pod", "stop"), needs_host=False,
        disabled=conditions.pod_cannot("stop"), question=conditions.ask_pod_stop,
        params=(_POD, _LOSE),
    ),
    Action(
        "pod.restart", "Restart the pod", "restart the pod's container",
        key="r", leader="p", danger=Danger.DESTRUCTIVE, command=("pod", "restart"), needs_host=False,
        disabled=conditions.pod_cannot("restart"), question=conditions.ask_pod_restart,
        params=(_POD, _LOSE),
    ),
    Action(
        "pod.terminate", "Terminate the pod", "give the pod back for ever, with everything on it",
        key="D", leader="p", danger=Danger.IRREVERSIBLE, command=("pod", "terminate"), needs_host=False,
        disabled=conditions.pod_cannot("terminate"), question=conditions.ask_pod_terminate, params=(_POD, _LOSE),
    ),
)  # fmt: skip
