"""Actions on the whole session: status, report, diagnosis, ssh configuration and tunnel."""

from __future__ import annotations

from labeltui.actions.model import Command
from labeltui.actions.params import NoParams, Params, switch, text


class ReportParams(Params):
    """Parameters of ``report``."""

    since: str | None = text(
        "start of the report: 9:00, 2026-11-23 09:00, or 8h ago; the session's when left out"
    )


class SshConfigParams(Params):
    """Parameters of ``ssh-config``."""

    write: bool = switch("write it beside ~/.ssh/config, and include it there")
    remove: bool = switch("remove it again")


STATUS = Command(
    "status", "Status", "everything the status strip shows",
    command=("status",), takes=NoParams,
)  # fmt: skip
REPORT = Command(
    "report", "Report", "labels, hours, cost and best metric of this session",
    command=("report",), needs_host=False, takes=ReportParams,
)  # fmt: skip
DOCTOR = Command(
    "doctor", "Doctor", "what is wrong, and what to do: key, pod, host, server, guard, labels",
    command=("doctor",), needs_host=False, takes=NoParams,
)  # fmt: skip
SSH_CONFIG = Command(
    "ssh-config", "SSH configuration", "a Host for ssh, scp and editors, with the pinned host key",
    command=("ssh-config",), needs_host=False, takes=SshConfigParams,
)  # fmt: skip
TUNNEL = Command(
    "tunnel", "Hold the tunnel", "hold the tunnel to the server, nothing else",
    command=("tunnel",), takes=NoParams,
)  # fmt: skip
