"""Actions on the MONAI Label server: install, start, stop, read the log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from labeltui.actions.model import Action, Command, Danger
from labeltui.actions.params import NoParams, Params, choice, pairs, switch, text, whole
from labeltui.domain.rules import conditions


class SetupParams(Params):
    """Parameters of ``setup``."""

    check: bool = switch("only report what is installed and what is wrong")
    torch: Literal["reuse", "cuda", "cpu"] | None = choice(
        "reuse the host's torch, or install the CUDA or the CPU build", "reuse", "cuda", "cpu"
    )


class ServerStartParams(Params):
    """Parameters of ``server start``; the profile supplies those that are left out."""

    app: str | None = text("app to serve: radiology, monaibundle, or a path on the host")
    models: str | None = text("models to serve, comma separated")
    labels: str | None = text("your own labels, comma separated; untrained at first; off: the models' labels")
    replace_models: bool = switch("set models aside that were trained with other labels")
    model_from: str | None = text(
        "send models from this machine that the host lacks: newest, or a version from `models list`"
    )
    studies: str | None = text("folder of studies on the host, or a DICOMweb URL")
    dicomweb_modality: Literal["CT", "MR", "PT", "NM", "US", "CR", "DX", "MG", "XA"] | None = choice(
        "modality of the series that a DICOMweb server serves",
        *("CT", "MR", "PT", "NM", "US", "CR", "DX", "MG", "XA"),
    )
    conf: Mapping[str, str] = pairs("further configuration values of the app")
    env: Mapping[str, str] = pairs("further environment variables of the server")
    worklist: str | None = text("the worklist's strategy among free studies: random, first, epistemic; off")
    port: int | None = whole("port on the host")


class ServerLogsParams(Params):
    """Parameters of ``server logs``. Times are by the host's clock."""

    follow: bool = switch("keep printing new lines as they arrive")
    lines: int | None = whole("show only the last N lines")
    level: Literal["debug", "info", "warning", "error", "critical"] | None = choice(
        "only lines of this level or a higher one", "debug", "info", "warning", "error", "critical"
    )
    logger: str | None = text("only lines of loggers whose name contains this text")
    since: str | None = text(
        "only lines from this time on: 17:02, 2026-11-23 17:02, or 10m ago (host's clock)"
    )
    until: str | None = text("only lines up to this time")
    grep: str | None = text(
        "only lines that match a regular expression; !re: only those that do not; ~abc: fuzzy"
    )


SETUP = Command(
    "setup", "Set up MONAI Label", "install MONAI Label on the host; an interrupted setup can be continued",
    key="i", leader="s", danger=Danger.CHANGE, command=("setup",),
    disabled=conditions.not_connected, exclusive=True, takes=SetupParams,
)  # fmt: skip
SERVER_START = Command(
    "server.start", "Start the server", "start the MONAI Label server and wait until it answers",
    key="s", leader="s", danger=Danger.CHANGE, command=("server", "start"),
    disabled=conditions.cannot_start, footer=True, exclusive=True, takes=ServerStartParams,
)  # fmt: skip
SERVER_STOP = Command(
    "server.stop", "Stop the server", "stop the server and everything it started",
    key="x", leader="s", danger=Danger.DESTRUCTIVE, command=("server", "stop"),
    disabled=conditions.nothing_to_stop, question=conditions.ask_server_stop, exclusive=True, reads_first="command",
    takes=NoParams,
)  # fmt: skip
SERVER_RESTART = Command(
    "server.restart", "Restart the server", "stop the server and start it again with the same options",
    key="r", leader="s", danger=Danger.DESTRUCTIVE, command=("server", "restart"),
    disabled=conditions.cannot_stop, question=conditions.ask_server_stop, exclusive=True, reads_first="command",
    takes=NoParams,
)  # fmt: skip
SERVER_STATUS = Command(
    "server.status", "Server status", "show the server's state, app, models and URL",
    command=("server", "status"), takes=NoParams,
)  # fmt: skip
SERVER_LOGS = Command(
    "server.logs", "Server logs", "show the server's log",
    command=("server", "logs"), takes=ServerLogsParams,
)  # fmt: skip

SERVER_ACTIONS: tuple[Action, ...] = (
    SETUP, SERVER_START, SERVER_STOP, SERVER_RESTART, SERVER_STATUS, SERVER_LOGS,
)  # fmt: skip
