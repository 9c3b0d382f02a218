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
    studies: str | None = text("folder of studies on the host, or a DICOMweb URL")
    conf: Mapping[str, str] = pairs("more configuration of the app")
    env: Mapping[str, str] = pairs("more environment of the server")
    port: int | None = whole("port on the host")


class ServerLogsParams(Params):
    """Parameters of ``server logs``. Times are by the host's clock."""

    follow: bool = switch("go on with new lines as they come")
    lines: int | None = whole("only the last N lines")
    level: Literal["debug", "info", "warning", "error", "critical"] | None = choice(
        "only this level and above", "debug", "info", "warning", "error", "critical"
    )
    logger: str | None = text("only loggers with this in their name")
    since: str | None = text(
        "only from that time on: 17:02, 2026-11-23 17:02, or 10m ago, by the host's clock"
    )
    until: str | None = text("only up to that time")
    grep: str | None = text("only lines that match: a regular expression, !re for the others, ~letters")


SETUP = Command(
    "setup", "Set up MONAI Label", "install MONAI Label on the host, step by step; resumable",
    key="i", leader="s", danger=Danger.CHANGE, command=("setup",),
    disabled=conditions.not_connected, takes=SetupParams,
)  # fmt: skip
SERVER_START = Command(
    "server.start", "Start the server", "start the MONAI Label server and wait until it answers",
    key="s", leader="s", danger=Danger.CHANGE, command=("server", "start"),
    disabled=conditions.cannot_start, footer=True, takes=ServerStartParams,
)  # fmt: skip
SERVER_STOP = Command(
    "server.stop", "Stop the server", "stop the server and everything it started",
    key="x", leader="s", danger=Danger.DESTRUCTIVE, command=("server", "stop"),
    disabled=conditions.cannot_stop, question=conditions.ask_server_stop, takes=NoParams,
)  # fmt: skip
SERVER_RESTART = Command(
    "server.restart", "Restart the server", "stop the server and start it again with the same options",
    key="r", leader="s", danger=Danger.DESTRUCTIVE, command=("server", "restart"),
    disabled=conditions.cannot_stop, question=conditions.ask_server_stop, takes=NoParams,
)  # fmt: skip
SERVER_STATUS = Command(
    "server.status", "Server status", "state, app, models, URL",
    command=("server", "status"), takes=NoParams,
)  # fmt: skip
SERVER_LOGS = Command(
    "server.logs", "Server logs", "what the server has printed",
    command=("server", "logs"), takes=ServerLogsParams,
)  # fmt: skip

SERVER_ACTIONS: tuple[Action, ...] = (
    SETUP, SERVER_START, SERVER_STOP, SERVER_RESTART, SERVER_STATUS, SERVER_LOGS,
)  # fmt: skip
