"""Maps each action's id to the operation that runs the action.

Each operation takes the session, its parameters and a report, and returns a document. A failed operation
raises LabeltuiError with a message for people and an exit code for scripts. If there is a document as well,
the error has it as ``document``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from labeltui.actions.exports import LABELS_EXPORT
from labeltui.actions.guard import GUARD_KEEP, GUARD_OFF, GUARD_SET, GUARD_STATUS
from labeltui.actions.invitations import INVITE, INVITE_INSTALL, INVITE_LIST, INVITE_REVOKE
from labeltui.actions.model import Command
from labeltui.actions.models import (
    INFER,
    INFER_BATCH,
    INFER_STATUS,
    INFER_STOP,
    MODELS_LIST,
    MODELS_PULL,
    MODELS_PUSH,
    MODELS_ROLLBACK,
    SCORE,
    SCORE_STATUS,
    SCORE_STOP,
    SESSIONS,
)
from labeltui.actions.params import Params
from labeltui.actions.pods import (
    POD_CREATE,
    POD_EVENTS,
    POD_GPUS,
    POD_KEYS,
    POD_LIST,
    POD_MAKE_VOLUME,
    POD_RESTART,
    POD_SHOW,
    POD_START,
    POD_STOP,
    POD_TERMINATE,
    POD_VOLUMES,
)
from labeltui.actions.server import (
    SERVER_LOGS,
    SERVER_RESTART,
    SERVER_START,
    SERVER_STATUS,
    SERVER_STOP,
    SETUP,
)
from labeltui.actions.session import DOCTOR, EVENING, EVENING_END, REPORT, SSH_CONFIG, STATUS, SUPPORT, TUNNEL
from labeltui.actions.slicer import SLICER
from labeltui.actions.studies import (
    LABELS_LIST,
    LABELS_PULL,
    LABELS_RESTORE,
    LABELS_VERIFY,
    STUDIES_ASSIGN,
    STUDIES_CHOOSE,
    STUDIES_COMPARE,
    STUDIES_DELETE,
    STUDIES_DOUBLE,
    STUDIES_LIST,
    STUDIES_NEXT,
    STUDIES_ORDER,
    STUDIES_PREVIEW,
    STUDIES_RESTORE,
    STUDIES_REVIEW,
    STUDIES_SHOW,
    STUDIES_SKIP,
    STUDIES_UPLOAD,
)
from labeltui.actions.training import TRAIN_HISTORY, TRAIN_START, TRAIN_STATUS, TRAIN_STOP
from labeltui.operations.deploy.deployment import pod_create
from labeltui.operations.deploy.market import pod_gpus, pod_make_volume, pod_volumes
from labeltui.operations.doctor.doctor import doctor
from labeltui.operations.evening import evening, evening_end
from labeltui.operations.export.command import labels_export
from labeltui.operations.inference.batch import infer, infer_batch, infer_status, infer_stop
from labeltui.operations.inference.scoring import score, score_status, score_stop
from labeltui.operations.inference.tasks import BATCH as BATCHES
from labeltui.operations.inference.tasks import SCORING as SCORINGS
from labeltui.operations.inference.tasks import before_server_stop, need_running
from labeltui.operations.invitations.commands import invite, invite_install, invite_list, invite_revoke
from labeltui.operations.labels.commands import labels_list, labels_pull, labels_verify
from labeltui.operations.labels.restore import labels_restore
from labeltui.operations.models.commands import models_list, models_pull
from labeltui.operations.models.push import before_push, before_rollback, models_push, models_rollback
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
from labeltui.operations.report.command import report
from labeltui.operations.server.lifecycle import server_restart, server_start, server_stop
from labeltui.operations.server.logs import server_logs
from labeltui.operations.server.setup import setup
from labeltui.operations.slicer.command import slicer
from labeltui.operations.ssh_config import ssh_config
from labeltui.operations.status import server_status, status
from labeltui.operations.studies.commands import studies_list, studies_next
from labeltui.operations.studies.delete import studies_delete, studies_restore
from labeltui.operations.studies.double import studies_choose, studies_compare, studies_double
from labeltui.operations.studies.other_names import before_restore, before_undelete
from labeltui.operations.studies.preview import studies_preview
from labeltui.operations.studies.review import studies_review
from labeltui.operations.studies.sessions import sessions
from labeltui.operations.studies.show import studies_show
from labeltui.operations.studies.upload.command import studies_upload
from labeltui.operations.studies.worklist import studies_assign, studies_order, studies_skip
from labeltui.operations.support.command import support
from labeltui.operations.training.commands import (
    need_training,
    train_history,
    train_start,
    train_status,
    train_stop,
)
from labeltui.operations.tunnel import tunnel
from labeltui.session.session import Session

P = TypeVar("P", bound=Params)
Operation = Callable[[Session, Any, Report], Awaitable[Document]]


def _pair(
    action: Command[P], operation: Callable[[Session, P, Report], Awaitable[Document]]
) -> tuple[str, Operation]:
    """Return an action and its operation. Both must take the same parameters."""
    return action.id, operation


OPERATIONS: dict[str, Operation] = dict(
    (
        _pair(STATUS, status),
        _pair(REPORT, report),
        _pair(SUPPORT, support),
        _pair(EVENING, evening),
        _pair(EVENING_END, evening_end),
        _pair(DOCTOR, doctor),
        _pair(SETUP, setup),
        _pair(SERVER_START, server_start),
        _pair(SERVER_STOP, server_stop),
        _pair(SERVER_RESTART, server_restart),
        _pair(SERVER_STATUS, server_status),
        _pair(SERVER_LOGS, server_logs),
        _pair(SLICER, slicer),
        _pair(STUDIES_LIST, studies_list),
        _pair(STUDIES_NEXT, studies_next),
        _pair(STUDIES_ORDER, studies_order),
        _pair(STUDIES_ASSIGN, studies_assign),
        _pair(STUDIES_SKIP, studies_skip),
        _pair(STUDIES_DOUBLE, studies_double),
        _pair(STUDIES_COMPARE, studies_compare),
        _pair(STUDIES_CHOOSE, studies_choose),
        _pair(STUDIES_SHOW, studies_show),
        _pair(STUDIES_REVIEW, studies_review),
        _pair(STUDIES_UPLOAD, studies_upload),
        _pair(STUDIES_PREVIEW, studies_preview),
        _pair(LABELS_PULL, labels_pull),
        _pair(LABELS_VERIFY, labels_verify),
        _pair(LABELS_LIST, labels_list),
        _pair(LABELS_RESTORE, labels_restore),
        _pair(LABELS_EXPORT, labels_export),
        _pair(STUDIES_DELETE, studies_delete),
        _pair(STUDIES_RESTORE, studies_restore),
        _pair(INFER, infer),
        _pair(INFER_BATCH, infer_batch),
        _pair(INFER_STATUS, infer_status),
        _pair(INFER_STOP, infer_stop),
        _pair(SCORE, score),
        _pair(SCORE_STATUS, score_status),
        _pair(SCORE_STOP, score_stop),
        _pair(SESSIONS, sessions),
        _pair(TRAIN_START, train_start),
        _pair(TRAIN_STOP, train_stop),
        _pair(TRAIN_STATUS, train_status),
        _pair(TRAIN_HISTORY, train_history),
        _pair(MODELS_LIST, models_list),
        _pair(MODELS_PULL, models_pull),
        _pair(MODELS_PUSH, models_push),
        _pair(MODELS_ROLLBACK, models_rollback),
        _pair(INVITE, invite),
        _pair(INVITE_LIST, invite_list),
        _pair(INVITE_REVOKE, invite_revoke),
        _pair(INVITE_INSTALL, invite_install),
        _pair(SSH_CONFIG, ssh_config),
        _pair(TUNNEL, tunnel),
        _pair(POD_LIST, pod_list),
        _pair(POD_SHOW, pod_show),
        _pair(POD_EVENTS, pod_events),
        _pair(POD_GPUS, pod_gpus),
        _pair(POD_VOLUMES, pod_volumes),
        _pair(POD_MAKE_VOLUME, pod_make_volume),
        _pair(POD_KEYS, pod_keys),
        _pair(POD_CREATE, pod_create),
        _pair(POD_START, pod_start),
        _pair(POD_STOP, pod_stop),
        _pair(POD_RESTART, pod_restart),
        _pair(POD_TERMINATE, pod_terminate),
        _pair(GUARD_STATUS, guard_status),
        _pair(GUARD_KEEP, guard_keep),
        _pair(GUARD_SET, guard_set),
        _pair(GUARD_OFF, guard_off),
    )
)

BEFORE_ASKING: dict[str, Callable[[Session, Mapping[str, Any]], Awaitable[str]]] = {
    INFER_STOP.id: lambda session, _given: need_running(session, BATCHES),
    SCORE_STOP.id: lambda session, _given: need_running(session, SCORINGS),
    TRAIN_STOP.id: lambda session, _given: need_training(session),
    SERVER_STOP.id: lambda session, _given: before_server_stop(session),
    SERVER_RESTART.id: lambda session, _given: before_server_stop(session),
    MODELS_PUSH.id: before_push,
    MODELS_ROLLBACK.id: before_rollback,
    LABELS_RESTORE.id: before_restore,
    STUDIES_RESTORE.id: before_undelete,
}
"""By action, what is read before the operator is asked. Returns sentences that come before the question.

Raises the error of an operation that would have nothing to do.
"""
