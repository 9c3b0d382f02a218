"""The table from an action's id to the operation that carries it out.

Each operation takes the session, its parameters and a report, and returns a document. It raises LabeltuiError with
the text for people and the exit code for scripts; an error that comes with a document carries it as ``document``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from labeltui.operations.deploy.create import pod_create
from labeltui.operations.deploy.market import pod_gpus, pod_make_volume, pod_volumes
from labeltui.operations.doctor.doctor import doctor
from labeltui.operations.labels.commands import labels_list, labels_pull, labels_verify
from labeltui.operations.pod.commands import (
    pod_events,
    pod_keys,
    pod_list,
    pod_restart,
    pod_show,
    pod_start,
    pod_stop,
    pod_terminate,
)
from labeltui.operations.pod.guard import guard_keep, guard_off, guard_set, guard_status
from labeltui.operations.progress import Document, Report
from labeltui.operations.report import report
from labeltui.operations.server.lifecycle import server_restart, server_start, server_stop
from labeltui.operations.server.logs import server_logs
from labeltui.operations.server.setup_command import setup
from labeltui.operations.server.studies import studies_list, studies_next
from labeltui.operations.server.training import train_start, train_status, train_stop
from labeltui.operations.ssh_config import ssh_config
from labeltui.operations.status import server_status, status
from labeltui.operations.tunnel import tunnel
from labeltui.session.session import Session

Operation = Callable[[Session, Mapping[str, Any], Report], Awaitable[Document]]

OPERATIONS: dict[str, Operation] = {
    "status": status,
    "report": report,
    "doctor": doctor,
    "setup": setup,
    "server.start": server_start,
    "server.stop": server_stop,
    "server.restart": server_restart,
    "server.status": server_status,
    "server.logs": server_logs,
    "studies.list": studies_list,
    "studies.next": studies_next,
    "labels.pull": labels_pull,
    "labels.verify": labels_verify,
    "labels.list": labels_list,
    "train.start": train_start,
    "train.stop": train_stop,
    "train.status": train_status,
    "ssh-config": ssh_config,
    "tunnel": tunnel,
    "pod.list": pod_list,
    "pod.show": pod_show,
    "pod.events": pod_events,
    "pod.gpus": pod_gpus,
    "pod.volumes": pod_volumes,
    "pod.make_volume": pod_make_volume,
    "pod.keys": pod_keys,
    "pod.create": pod_create,
    "pod.start": pod_start,
    "pod.stop": pod_stop,
    "pod.restart": pod_restart,
    "pod.terminate": pod_terminate,
    "guard.status": guard_status,
    "guard.keep": guard_keep,
    "guard.set": guard_set,
    "guard.off": guard_off,
}
