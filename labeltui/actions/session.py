"""Actions on the whole session: status, report, diagnosis, ssh configuration and tunnel."""

from __future__ import annotations

from labeltui.actions.model import Command
from labeltui.actions.params import NoParams, Params, switch, text


class ReportParams(Params):
    """Parameters of ``report``."""

    since: str | None = text(
        "start of the report: 9:00, 2026-11-23 09:00, or 8h ago; default: the session's start"
    )


class SshConfigParams(Params):
    """Parameters of ``ssh-config``."""

    write: bool = switch("write the Host block to a file beside ~/.ssh/config, and include that file there")
    remove: bool = switch("remove the Host block")


STATUS = Command(
    "status", "Status", "show everything that the console's status strip shows",
    command=("status",), takes=NoParams,
)  # fmt: skip
REPORT = Command(
    "report", "Report", "report labels, hours, cost and best metric of this session",
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
