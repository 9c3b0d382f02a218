"""Every action, declared once: footer, help, palette, key map and command line are made from this list.

Importing this module is cheap (it is on the way to first paint): what an action does is named here, and lives in
``labeltui.session.operations``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from labeltui.domain import conditions, podrules
from labeltui.domain.conditions import Why
from labeltui.domain.state import SessionState


class Danger(StrEnum):
    """What an action can cost. From ``DESTRUCTIVE`` on it is confirmed; ``IRREVERSIBLE`` needs the name typed."""

    NONE = "none"  # changes nothing; allowed with --read-only
    CHANGE = "change"
    DESTRUCTIVE = "destructive"
    IRREVERSIBLE = "irreversible"


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter: an option of the command line and a field of the console's form.

    ``pairs`` is a repeatable KEY VALUE, ``list`` a repeatable value; ``positional`` only shapes the command line.
    """

    name: str
    help: str
    kind: Literal["text", "int", "float", "bool", "choice", "list", "pairs"] = "text"
    choices: tuple[str, ...] = ()
    positional: bool = False
    required: bool = False

    @property
    def flag(self) -> str:
        """``--max-epochs`` for ``max_epochs``."""
        return "--" + self.name.replace("_", "-")


def _always(_state: SessionState) -> str | None:
    return None


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that can be done. ``disabled`` says why it can't be now; ``question`` is asked before it runs.

    ``operation`` names a function of ``labeltui.session.operations`` and serves both doors; ``console`` names a
    Textual action instead, for what only the console does. ``key`` follows ``leader`` where there is one; ``scope``
    is ``global`` or a pane's name.
    """

    id: str
    title: str
    help: str
    key: str = ""
    leader: str = ""
    scope: str = "global"
    danger: Danger = Danger.NONE
    command: tuple[str, ...] = ()
    params: tuple[Param, ...] = ()
    disabled: Why = _always
    question: Why = _always
    operation: str = ""
    console: str = ""
    footer: bool = False
    needs_terminal: bool = False  # gives the real terminal away
    needs_host: bool = True  # False: works without a connection to the host

    @property
    def takes_pod(self) -> bool:
        """True for what changes a pod, the profile's or another that is named."""
        return self.danger is not Danger.NONE and any(p.name == "pod" and p.positional for p in self.params)

    @property
    def may_lose_labels(self) -> bool:
        """Whether labels that are not copied may be gone afterwards."""
        destroys = self.danger in (Danger.DESTRUCTIVE, Danger.IRREVERSIBLE)
        return destroys and any(param.name == "lose_labels" for param in self.params)

    def name_to_type(self, state: SessionState) -> str:
        """What an irreversible action wants typed: the pod's name, where it is about the pod."""
        pod = state.pod.value
        return podrules.called(pod) if self.takes_pod and pod is not None else state.identity.profile


LEADERS: Mapping[str, str] = {"s": "server", "t": "train", "p": "pod", "exclamation_mark": "shells"}
"""Leader keys and what they lead to."""

QUIET_LEADERS = frozenset({"exclamation_mark"})
"""Leaders that the footer does not name: the shell pane tells of its own."""


_SERVER_OPTIONS = (
    Param("app", "app to serve: radiology, monaibundle, or a path on the host"),
    Param("models", "models to serve, comma separated"),
    Param("studies", "folder of studies on the host, or a DICOMweb URL"),
    Param("conf", "more configuration of the app", "pairs"),
    Param("env", "more environment of the server", "pairs"),
    Param("port", "port on the host", "int"),
)

_TRAIN_OPTIONS = (
    Param("model", "trainer to run; the profile's first model when left out", positional=True),
    Param("max_epochs", "epochs to train", "int"),
    Param("param", "more parameters of the trainer", "pairs"),
    Param("enqueue", "wait behind a training that runs, instead of being refused", "bool"),
    Param("follow", "stay and report each epoch until the end", "bool"),
)

LOG_LEVELS = ("debug", "info", "warning", "error", "critical")

SESSION_ACTIONS: tuple[Action, ...] = (
    Action("status", "Status", "everything the status strip shows", command=("status",), operation="status"),
    Action(
        "report",
        "Report",
        "labels, hours, cost and best metric of this session",
        command=("report",),
        needs_host=False,
        operation="report",
        params=(
            Param("since", "from then on: 9:00, 2026-11-23 09:00, or 8h ago; the session when left out"),
        ),
    ),
    Action(
        "doctor",
        "Doctor",
        "what is wrong, and what to do: key, pod, host, server, guard, labels",
        command=("doctor",),
        operation="doctor",
        needs_host=False,
    ),
    Action(
        "setup",
        "Set up MONAI Label",
        "install MONAI Label on the host, step by step; resumable",
        key="i",
        leader="s",
        danger=Danger.CHANGE,
        command=("setup",),
        disabled=conditions.not_connected,
        operation="setup",
        params=(
            Param("check", "only say what is there and what is wrong", "bool"),
            Param("torch", "which torch to use", "choice", choices=("reuse", "cuda", "cpu")),
        ),
    ),
    Action(
        "server.start",
        "Start the server",
        "start the MONAI Label server and wait until it answers",
        key="s",
        leader="s",
        danger=Danger.CHANGE,
        command=("server", "start"),
        params=_SERVER_OPTIONS,
        disabled=conditions.cannot_start,
        operation="server_start",
        footer=True,
    ),
    Action(
        "server.stop",
        "Stop the server",
        "stop the server and everything it started",
        key="x",
        leader="s",
        danger=Danger.DESTRUCTIVE,
        command=("server", "stop"),
        disabled=conditions.cannot_stop,
        question=conditions.ask_server_stop,
        operation="server_stop",
    ),
    Action(
        "server.restart",
        "Restart the server",
        "stop the server and start it again with the same options",
        key="r",
        leader="s",
        danger=Danger.DESTRUCTIVE,
        command=("server", "restart"),
        disabled=conditions.cannot_stop,
        question=conditions.ask_server_stop,
        operation="server_restart",
    ),
    Action(
        "server.status",
        "Server status",
        "state, app, models, URL",
        command=("server", "status"),
        operation="server_status",
    ),
    Action(
        "server.logs",
        "Server logs",
        "what the server has printed",
        command=("server", "logs"),
        operation="server_logs",
        params=(
            Param("follow", "stay and print what comes", "bool"),
            Param("lines", "only the last N lines", "int"),
            Param("level", "only this level and above", "choice", choices=LOG_LEVELS),
            Param("logger", "only loggers with this in their name"),
            Param("since", "only from then on: 17:02, 2026-11-23 17:02, or 10m ago, by the host's clock"),
            Param("until", "only up to then"),
            Param("grep", "only lines that match: a regular expression, !re for the others, ~letters"),
        ),
    ),
    Action(
        "studies.list",
        "List studies",
        "every study, its state, who has it",
        command=("studies", "list"),
        operation="studies_list",
    ),
    Action(
        "studies.next",
        "Fetch the next study",
        "let a strategy pick a study, as Slicer's Next Sample does",
        danger=Danger.CHANGE,
        command=("studies", "next"),
        disabled=conditions.no_server,
        operation="studies_next",
        params=(Param("strategy", "strategy that picks", positional=True),),
    ),
    Action(
        "labels.pull",
        "Copy the labels here",
        "copy every label that is not on this machine yet",
        command=("labels", "pull"),
        disabled=conditions.not_connected,
        operation="labels_pull",
    ),
    Action(
        "labels.verify",
        "Verify the copies",
        "compare every copy here with the label on the host, by checksum",
        command=("labels", "verify"),
        disabled=conditions.not_connected,
        operation="labels_verify",
    ),
    Action(
        "labels.list",
        "List the copies",
        "every copy of a label here: study, tag, who, when, versions",
        command=("labels", "list"),
        needs_host=False,
        operation="labels_list",
    ),
    Action(
        "train.start",
        "Start training",
        "fine-tune a model on the submitted labels",
        key="s",
        leader="t",
        danger=Danger.CHANGE,
        command=("train", "start"),
        params=_TRAIN_OPTIONS,
        disabled=conditions.cannot_train,
        operation="train_start",
        footer=True,
    ),
    Action(
        "train.stop",
        "Stop training",
        "stop the running training; an orphaned one too",
        key="x",
        leader="t",
        danger=Danger.DESTRUCTIVE,
        command=("train", "stop"),
        disabled=conditions.nothing_trains,
        question=conditions.ask_train_stop,
        operation="train_stop",
    ),
    Action(
        "train.status",
        "Training status",
        "state, epoch, best, time left",
        command=("train", "status"),
        operation="train_status",
        params=(Param("follow", "stay and report each epoch until the end", "bool"),),
    ),
    Action(
        "ssh-config",
        "SSH configuration",
        "a Host for ssh, scp and editors, with our pinned host key",
        command=("ssh-config",),
        operation="ssh_config",
        needs_host=False,
        params=(
            Param("write", "write it beside ~/.ssh/config, and include it there", "bool"),
            Param("remove", "take it away again", "bool"),
        ),
    ),
    Action(
        "tunnel",
        "Hold the tunnel",
        "hold the tunnel to the server, nothing else",
        command=("tunnel",),
        operation="tunnel",
    ),
)

_POD = Param("pod", "id or whole name of a pod; the profile's when left out", positional=True)

_LOSE = Param("lose_labels", "do it although labels that are not on this machine are lost", "bool")

POD_ACTIONS: tuple[Action, ...] = (
    Action(
        "pod.list", "List pods", "every pod of the account, and what it costs",
        command=("pod", "list"), needs_host=False, operation="pod_list",
    ),
    Action(
        "pod.show", "Show the pod", "the profile's pod, or another: state, cost, address",
        command=("pod", "show"), needs_host=False, operation="pod_show", params=(_POD,),
    ),
    Action(
        "pod.events", "What happened to the pod", "what happened to the profile's pod, here or elsewhere",
        command=("pod", "events"), needs_host=False, operation="pod_events",
        params=(Param("lines", "only the last N", "int"),),
    ),
    Action(
        "pod.gpus", "GPUs to rent", "kinds of GPU with price, stock, and whether they are enough",
        command=("pod", "gpus"), needs_host=False, operation="pod_gpus",
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
        command=("pod", "volumes"), needs_host=False, operation="pod_volumes",
    ),
    Action(
        "pod.make_volume", "Make a network volume", "make a disk that outlives pods, in one data centre",
        danger=Danger.CHANGE, command=("pod", "make-volume"), needs_host=False, operation="pod_make_volume",
        params=(
            Param("name", "its name", positional=True, required=True),
            Param("size", "GB, 10 to 4096; it only grows", "int"),
            Param("data_centre", "where it stays for ever"),
            Param("max_month", "agree to so many $ a month", "float"),
        ),
    ),
    Action(
        "pod.keys", "SSH keys of the account", "the account's SSH keys; can add one",
        command=("pod", "keys"), needs_host=False, operation="pod_keys", danger=Danger.CHANGE,
        params=(Param("add", "public key file to add"),),
    ),
    Action(
        "pod.create", "Rent a pod", "rent a pod under the profile's name, at a price you agree to",
        danger=Danger.CHANGE, command=("pod", "create"), needs_host=False, operation="pod_create",
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
        disabled=conditions.cannot_start_pod, question=conditions.ask_pod_start, operation="pod_start",
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
        disabled=conditions.pod_cannot("stop"), question=conditions.ask_pod_stop, operation="pod_stop",
        params=(_POD, _LOSE),
    ),
    Action(
        "pod.restart", "Restart the pod", "restart the pod's container",
        key="r", leader="p", danger=Danger.DESTRUCTIVE, command=("pod", "restart"), needs_host=False,
        disabled=conditions.pod_cannot("restart"), question=conditions.ask_pod_restart, operation="pod_restart",
        params=(_POD, _LOSE),
    ),
    Action(
        "pod.terminate", "Terminate the pod", "give the pod back for ever, with everything on it",
        key="D", leader="p", danger=Danger.IRREVERSIBLE, command=("pod", "terminate"), needs_host=False,
        disabled=conditions.pod_cannot("terminate"), question=conditions.ask_pod_terminate,
        operation="pod_terminate", params=(_POD, _LOSE),
    ),
)  # fmt: skip

GUARD_ACTIONS: tuple[Action, ...] = (
    Action(
        "guard.status", "Guard", "what the guard saw last, and when it stops the pod",
        command=("guard", "status"), operation="guard_status",
    ),
    Action(
        "guard.keep", "Keep the pod alive", "reset the guard's countdown", key="k", leader="p",
        danger=Danger.CHANGE, command=("guard", "keep"), disabled=conditions.no_guard, operation="guard_keep",
        params=(Param("minutes", "keep it alive at least that long, used or not", "float"),),
    ),
    Action(
        "guard.set", "Set the guard", "other limits until the pod stops; turns the guard on",
        danger=Danger.CHANGE, command=("guard", "set"), disabled=conditions.guard_not_expected,
        operation="guard_set",
        params=(
            Param("idle", "stop after so many idle minutes; 0: never", "float"),
            Param("budget", "stop once the pod has cost so many dollars since its start; 0: no limit", "float"),
            Param("copies", "wait until labels are copied to a desk, or ignore them", "choice",
                  choices=("wait", "ignore")),
        ),
    ),
    Action(
        "guard.off", "Guard off", "let the pod run, and cost, until you stop it",
        danger=Danger.DESTRUCTIVE, command=("guard", "off"), disabled=conditions.no_guard,
        question=conditions.ask_guard_off, operation="guard_off",
    ),
)  # fmt: skip

CONSOLE_ACTIONS: tuple[Action, ...] = (
    Action("pane.pod", "Pod", "focus the pod pane; again zooms it", key="1", console="pane('pod')"),
    Action("pane.shell", "Shell", "focus the shell; again zooms it", key="2", console="pane('shell')"),
    Action("pane.log", "Server log", "focus the server log; again zooms it", key="3", console="pane('log')"),
    Action(
        "pane.queue", "Study queue", "focus the study queue; again zooms it", key="4", console="pane('queue')"
    ),
    Action(
        "pane.training", "Training", "focus the training; again zooms it", key="5", console="pane('training')"
    ),
    Action("pane.next", "Next pane", "give the next pane the keyboard", key="tab", console="cycle(1)"),
    Action(
        "pane.previous",
        "Previous pane",
        "give the pane before the keyboard",
        key="shift+tab",
        console="cycle(-1)",
    ),
    Action(
        "zoom",
        "Zoom",
        "give the focused pane the whole screen, and back",
        key="z",
        console="zoom",
        footer=True,
    ),
    Action("back", "Back", "close what is open, leave zoom or a filter", key="escape", console="back"),
    Action(
        "help",
        "Help",
        "every key, searchable; enter runs it",
        key="question_mark",
        console="help",
        footer=True,
    ),
    Action(
        "palette", "Commands", "every action by name", key="ctrl+p", console="command_palette", footer=True
    ),
    Action("actions.log", "Action log", "what was done, as commands to copy", key="L", console="action_log"),
    Action("alerts", "Alerts", "what needs attention", key="a", console="alerts"),
    Action(
        "pods",
        "Pods of the account",
        "every pod with its state and cost; start, stop, restart, terminate one",
        key="l",
        leader="p",
        needs_host=False,
        console="pods",
    ),
    Action(
        "events",
        "Events of the pod",
        "what happened to the pod, here or elsewhere",
        key="e",
        leader="p",
        disabled=conditions.no_pod,
        needs_host=False,
        console="events",
    ),
    Action(
        "pod.choices",
        "What can be done",
        "what can be done about a pod that does not come back as it was",
        key="w",
        leader="p",
        disabled=conditions.no_pod,
        needs_host=False,
        console="pod_choices",
    ),
    Action(
        "pod.retry",
        "Start it, again and again",
        "try to start the pod every few minutes until its machine has a GPU free; ctrl+c gives up",
        danger=Danger.CHANGE,
        disabled=conditions.cannot_start_pod,
        needs_host=False,
        console="start_pod('retry')",
    ),
    Action(
        "pod.data",
        "Start it for its data",
        "start the pod without a GPU, to copy labels and models off it",
        danger=Danger.CHANGE,
        disabled=conditions.cannot_rescue,
        needs_host=False,
        console="start_pod('data_only')",
    ),
    Action(
        "pod.lose",
        "Terminate it, labels lost",
        "give the pod back although labels that are not on this machine are lost; its name is typed",
        danger=Danger.IRREVERSIBLE,
        disabled=conditions.loses_nothing,
        needs_host=False,
        console="lose_labels",
    ),
    Action(
        "pod.volume",
        "New pod on its volume",
        "rent another pod on the same network volume, where every file is",
        danger=Danger.CHANGE,
        disabled=conditions.no_network_volume,
        needs_host=False,
        console="on_its_volume",
    ),
    Action(
        "offers",
        "What to do about it",
        "what can be done about what failed last",
        key="W",
        console="offers",
    ),
    Action(
        "pod.options",
        "Rent a new pod",
        "choose a GPU and disks, see the price, then rent",
        key="n",
        leader="p",
        danger=Danger.CHANGE,
        disabled=conditions.not_on_runpod,
        needs_host=False,
        console="deploy",
    ),
    Action(
        "guard.options",
        "Guard's limits",
        "choose idle minutes and budget",
        key="g",
        leader="p",
        danger=Danger.CHANGE,
        disabled=conditions.guard_not_expected,
        console="form('guard.set')",
    ),
    Action(
        "ssh-config.write",
        "Let ssh know the host",
        "write a Host for ssh, scp and editors, and keep it true",
        needs_host=False,
        console="ssh_config",
    ),
    Action("copy", "Copy", "copy what is selected, or the current line", key="y", console="copy"),
    Action(
        "copy.url",
        "Copy Slicer URL",
        "copy the server's URL, to paste into Slicer",
        key="u",
        leader="s",
        console="copy_url",
    ),
    Action(
        "server.options",
        "Start with options",
        "choose app, models, studies and configuration, then start",
        key="o",
        leader="s",
        danger=Danger.CHANGE,
        disabled=conditions.cannot_start,
        console="form('server.start')",
    ),
    Action(
        "train.options",
        "Train with options",
        "choose model, epochs and parameters, then train",
        key="o",
        leader="t",
        danger=Danger.CHANGE,
        disabled=conditions.cannot_train,
        console="form('train.start')",
    ),
    Action(
        "server.problem",
        "Why it failed",
        "the traceback behind the server's or the training's error",
        key="w",
        leader="s",
        console="problem",
    ),
    Action("screenshot", "Save a screenshot", "save the screen as an SVG file", console="save_screenshot"),
    Action(
        "reconnect", "Reconnect now", "do not wait for the next try", key="c", leader="p", console="reconnect"
    ),
    Action(
        "quit",
        "Quit",
        "leave the console; what runs on the host goes on",
        key="q",
        console="quit",
        footer=True,
    ),
)

SHELL_ACTIONS: tuple[Action, ...] = (
    Action(
        "shell.new", "New shell", "one more shell on the host, as a tab of pane 2",
        key="n", leader="exclamation_mark", danger=Danger.CHANGE, disabled=conditions.not_connected,
        console="shell('new')",
    ),
    Action(
        "shell.close", "Close the shell", "end the shell that is shown; asks where a program runs in it",
        key="x", leader="exclamation_mark", danger=Danger.CHANGE, console="shell('close_current')",
    ),
    Action(
        "shell.next", "Next shell", "show the next shell",
        key="exclamation_mark", leader="exclamation_mark", console="shell('next')",
    ),
    Action(
        "shell.previous", "Previous shell", "show the shell before",
        key="p", leader="exclamation_mark", console="shell('previous')",
    ),
    Action(
        "shell.full", "Full screen", "the whole terminal for the shell that is shown; ctrl+] comes back",
        key="Z", needs_terminal=True, console="shell('full')",
    ),
    Action(
        "shell.rename", "Name the shell", "give the shell that is shown a name",
        key="r", leader="exclamation_mark", console="shell('rename_current')",
    ),
    Action(
        "shell.proxy", "Emergency shell", "a shell through RunPod's proxy: no files, no tunnel",
        key="e", leader="exclamation_mark", danger=Danger.CHANGE, needs_host=False,
        disabled=conditions.no_proxied_door, console="shell('door')",
    ),
)  # fmt: skip

ACTIONS: tuple[Action, ...] = SESSION_ACTIONS + POD_ACTIONS + GUARD_ACTIONS + SHELL_ACTIONS + CONSOLE_ACTIONS
BY_ID: Mapping[str, Action] = {action.id: action for action in ACTIONS}


def why_disabled(action: Action, state: SessionState) -> str | None:
    """Why the action can't be done now, in words; None when it can."""
    if state.identity.read_only and action.danger is not Danger.NONE:
        return "this session is read-only"
    return action.disabled(state)
