"""The session, its host and its work: server, studies, labels, training, ssh and the tunnel."""

from __future__ import annotations

from labeltui.actions.model import Action, Danger, Param
from labeltui.domain.rules import conditions

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

_LOG_LEVELS = ("debug", "info", "warning", "error", "critical")

SESSION_ACTIONS: tuple[Action, ...] = (
    Action(
        "status",
        "Status",
        "everything the status strip shows",
        command=("status",),
    ),
    Action(
        "report",
        "Report",
        "labels, hours, cost and best metric of this session",
        command=("report",),
        needs_host=False,
        params=(
            Param("since", "from then on: 9:00, 2026-11-23 09:00, or 8h ago; the session when left out"),
        ),
    ),
    Action(
        "doctor",
        "Doctor",
        "what is wrong, and what to do: key, pod, host, server, guard, labels",
        command=("doctor",),
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
    ),
    Action(
        "server.status",
        "Server status",
        "state, app, models, URL",
        command=("server", "status"),
    ),
    Action(
        "server.logs",
        "Server logs",
        "what the server has printed",
        command=("server", "logs"),
        params=(
            Param("follow", "stay and print what comes", "bool"),
            Param("lines", "only the last N lines", "int"),
            Param("level", "only this level and above", "choice", choices=_LOG_LEVELS),
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
    ),
    Action(
        "studies.next",
        "Fetch the next study",
        "let a strategy pick a study, as Slicer's Next Sample does",
        danger=Danger.CHANGE,
        command=("studies", "next"),
        disabled=conditions.no_server,
        params=(Param("strategy", "strategy that picks", positional=True),),
    ),
    Action(
        "labels.pull",
        "Copy the labels here",
        "copy every label that is not on this machine yet",
        command=("labels", "pull"),
        disabled=conditions.not_connected,
    ),
    Action(
        "labels.verify",
        "Verify the copies",
        "compare every copy here with the label on the host, by checksum",
        command=("labels", "verify"),
        disabled=conditions.not_connected,
    ),
    Action(
        "labels.list",
        "List the copies",
        "every copy of a label here: study, tag, who, when, versions",
        command=("labels", "list"),
        needs_host=False,
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
    ),
    Action(
        "train.status",
        "Training status",
        "state, epoch, best, time left",
        command=("train", "status"),
        params=(Param("follow", "stay and report each epoch until the end", "bool"),),
    ),
    Action(
        "ssh-config",
        "SSH configuration",
        "a Host for ssh, scp and editors, with our pinned host key",
        command=("ssh-config",),
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
    ),
)
