"""Actions on the whole session: status, report, support, end of the day, diagnosis, ssh configuration and tunnel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labeltui.actions.model import Action, Command, Danger
from labeltui.actions.params import NoParams, Params, choice, switch, text
from labeltui.domain.state import SessionState

FORMATS = MARKDOWN, HTML, JSON = ("markdown", "html", "json")


class ReportParams(Params):
    """Parameters of ``report``."""

    file: str | None = text(
        "a file to write; the end of its name is the format: .md, .html or .json", positional=True
    )
    format: str | None = choice("format of the file; without a file, one in this folder", *FORMATS)
    since: str | None = text(
        "start of the report: 9:00, 2026-11-23 09:00, or 8h ago; default: the session's start"
    )
    replace: bool = switch("replace a file of that name")


class SupportParams(Params):
    """Parameters of ``support``."""

    file: str | None = text("a zip file to save; without it, the files are only listed", positional=True)
    names: bool = switch("leave the names of hosts, studies and people in it")
    replace: bool = switch("replace a file of that name")


class SshConfigParams(Params):
    """Parameters of ``ssh-config``."""

    write: bool = switch("write the Host block to a file beside ~/.ssh/config, and include that file there")
    remove: bool = switch("remove the Host block")


class EveningEndParams(Params):
    """Parameters of ``evening end``."""

    terminate: str | None = text("the pod's name, to terminate the pod instead of stopping it")
    keep_pod: bool = switch("let the pod run")
    stop_training: bool = switch("stop a running training instead of waiting for its end")


def _plan(state: SessionState, params: Mapping[str, Any]) -> str:
    """What the action does, as the rest of its question."""
    training = "stop a running training" if params.get("stop_training") else "wait for a running training"
    if not state.identity.rents or params.get("keep_pod"):
        pod = ""
    elif name := params.get("terminate"):
        pod = f", then TERMINATE the pod {name} with everything on it; this cannot be undone"
    else:
        pod = ", then stop the pod; its files outside the volume are lost"
    return (
        f"copy labels and models to this machine, {training}, stop the server{pod}."
        " It ends at the first step that fails."
    )


STATUS = Command(
    "status", "Status", "show everything that the console's status strip shows",
    command=("status",), takes=NoParams,
)  # fmt: skip
REPORT = Command(
    "report", "Report", "report labels, hours, cost and models of this session, or write them to a file",
    command=("report",), needs_host=False, takes=ReportParams,
)  # fmt: skip
DOCTOR = Command(
    "doctor", "Doctor", "check key, pod, host, server, guard and labels, and say how to solve problems",
    command=("doctor",), needs_host=False, takes=NoParams,
)  # fmt: skip
SSH_CONFIG = Command(
    "ssh-config", "SSH configuration", "show a Host block for ~/.ssh/config, with the pinned host key",
    command=("ssh-config",), needs_host=False, takes=SshConfigParams,
)  # fmt: skip
TUNNEL = Command(
    "tunnel", "Hold the tunnel", "keep the tunnel to the server open, and do nothing else",
    command=("tunnel",), takes=NoParams,
)  # fmt: skip

REPORT_ACTIONS: tuple[Action, ...] = (
    REPORT,
    Action(
        "report.write", "Write the report", "write labels, hours, cost and trainings to a Markdown or HTML file",
        key="R", needs_host=False, console="form('report')",
    ),
    Action(
        "report.replace", "Replace it", "write the report again, and replace the file",
        needs_host=False, console="again('report', 'replace')",
    ),
)  # fmt: skip

SUPPORT = Command(
    "support", "Support bundle", "list versions, settings, logs and events to send with a question, or save them",
    command=("support",), needs_host=False, takes=SupportParams,
)  # fmt: skip

SUPPORT_ACTIONS: tuple[Action, ...] = (
    SUPPORT,
    Action(
        "support.show", "Support bundle", "list logs, settings and events without secrets or names, then save them",
        key="B", needs_host=False, console="open('support')",
    ),
)  # fmt: skip

EVENING = Command(
    "evening", "End of the day", "show whether labels and models are here, and what still runs or costs money",
    command=("evening", "status"), needs_host=False, takes=NoParams,
)  # fmt: skip
EVENING_END = Command(
    "evening.end", "End the day", "copy labels and models here, then stop training, server and pod, in a safe order",
    danger=Danger.DESTRUCTIVE, command=("evening", "end"), needs_host=False,
    question=lambda _state: "End the day: {}", naming=_plan, takes=EveningEndParams,
)  # fmt: skip

EVENING_ACTIONS: tuple[Action, ...] = (
    EVENING,
    EVENING_END,
    Action(
        "evening.show", "End of the day", "labels and models here? training, server and pod ended? then end the day",
        key="D", needs_host=False, console="open('evening')",
    ),
    Action(
        "evening.options", "End the day with options", "choose whether to terminate the pod, or to stop a training",
        danger=Danger.CHANGE, needs_host=False, console="form('evening.end')",
    ),
)  # fmt: skip
