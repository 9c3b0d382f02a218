"""Actions on the whole session: status, report, diagnosis, ssh configuration and tunnel."""

from __future__ import annotations

from labeltui.actions.model import Action, Command
from labeltui.actions.params import NoParams, Params, choice, switch, text

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


class SshConfigParams(Params):
    """Parameters of ``ssh-config``."""

    write: bool = switch("write the Host block to a file beside ~/.ssh/config, and include that file there")
    remove: bool = switch("remove the Host block")


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
