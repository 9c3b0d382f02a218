"""``evening status`` and ``evening end``: what is safe, and how the rest is ended in a safe order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from labeltui.actions.models import ModelsPullParams
from labeltui.actions.params import NoParams
from labeltui.actions.pods import PodEndParams
from labeltui.actions.session import EveningEndParams
from labeltui.domain.documents.documents import moment
from labeltui.domain.evening import evening as steps_of
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import LabeltuiError, Refused
from labeltui.domain.rules.ended_work import ENDS
from labeltui.domain.rules.pod import called
from labeltui.domain.states import TrainState
from labeltui.operations.labels.commands import labels_pull
from labeltui.operations.models.commands import models_pull
from labeltui.operations.pod.commands import pod_stop, pod_terminate
from labeltui.operations.refresh import refresh_labels, refresh_models, refresh_money, refresh_trainings
from labeltui.operations.server.lifecycle import server_stop
from labeltui.operations.training.commands import train_stop
from labeltui.session.runtime.fields import Fields

if TYPE_CHECKING:
    from labeltui.domain.pod.pod import Pod
    from labeltui.operations.progress import Document, Report
    from labeltui.session.session import Session

REACH_S = 15.0
Work = Callable[[], Awaitable[object]]


async def evening(session: Session, _params: NoParams, report: Report) -> Document:
    """Read everything once, and say for each part whether it is done, and what to do."""
    bill = ", and RunPod's bill" if session.profile.host == "runpod" else ""
    report.progress(f"Reading labels, models, training and server on the host{bill}")
    await refresh_money(session)
    try:
        await session.reach(REACH_S)
        await session.readiness.settled()
        await session.readiness.first_readings(Fields.training)
    except LabeltuiError as error:
        report.progress(f"The host can't be reached: {error.problem.message}")
    else:
        await refresh_labels(session)
        await refresh_trainings(session)
        await refresh_models(session)
    return _document(session)


def _document(session: Session) -> dict[str, Any]:
    steps = [
        {"part": one.title, "state": one.mark.value, "text": one.text, "to_do": one.todo or None}
        for one in steps_of(session.store.state)
    ]
    return {"as_of": moment(session.clock()), "parts": steps}


async def evening_end(session: Session, params: EveningEndParams, report: Report) -> Document:
    """Copy labels and models here, end the training and the server, then stop or terminate the pod.

    A pod that does not run has nothing to copy or to stop. Ends at the first step that fails and raises that step's
    error, whose hint says what is done. Terminating is refused while a label is not here. Raises Refused
    ``unconfirmed`` if ``terminate`` is not the pod's name, and ``labels_unknown`` if that pod does not run.
    """
    pod = await _pod(session, params)
    done: list[str] = []
    plan = _plan(session, params, pod, report)
    for name, title, _work in plan:
        report.emit({"step": name, "title": title, "state": "waiting"})
    for name, title, work in plan:
        report.emit({"step": name, "title": title, "state": "running"})
        try:
            await work()
        except asyncio.CancelledError:
            report.emit({"step": name, "title": title, "state": "cancelled"})
            report.progress(f"Done: {'; '.join(done) or 'nothing'}.")
            report.progress(f"Not done: {'; '.join(one[1] for one in plan[len(done) :])}.")
            raise
        except LabeltuiError as error:
            report.emit({"step": name, "title": title, "state": "failed"})
            raise _stopped_at(error, title, done) from None
        report.emit({"step": name, "title": title, "state": "done"})
        done.append(title)
    ended = pod is not None and not params.keep_pod  # then the host's readings are those of a lost connection
    parts = {"as_of": moment(session.clock())} if ended else _document(session)
    return {**parts, "done": done, "message": "; ".join(done) or "nothing was left to do"}


async def _pod(session: Session, params: EveningEndParams) -> Pod | None:
    """Return the profile's pod; None for a host without one. Checks the name before anything is done."""
    if not session.store.state.identity.rents:
        return None
    pod = await session.account.find()
    session.account.pod.learned(pod)
    if params.terminate is not None and params.terminate != called(pod):
        raise Refused(
            Code.UNCONFIRMED, "The name of the pod to terminate does not match.", f"Write {called(pod)}."
        )
    if params.terminate is not None and not pod.status.is_up:
        raise Refused(
            Code.LABELS_UNKNOWN, f"{called(pod)} is {pod.status}, so its labels can't be compared with those here.",
            "Start it without a GPU (`labeltui pod start --data-only`), then end the day again.",
        )  # fmt: skip
    return pod


def _plan(
    session: Session, params: EveningEndParams, pod: Pod | None, report: Report
) -> list[tuple[str, str, Work]]:
    """Return name, title and work of each step, in the order that loses nothing."""
    steps: list[tuple[str, str, Work]] = []
    if pod is None or pod.status.is_up:
        training = "Stop the training" if params.stop_training else "Wait for the training"
        steps += [
            ("reach", "Connect to the host", lambda: session.reach(REACH_S)),
            ("labels", "Copy the labels here", lambda: labels_pull(session, NoParams(), report)),
            ("training", training, lambda: _end_training(session, report, stop=params.stop_training)),
            ("server", "Stop the server", lambda: _stop_server(session, report)),
            # A label may have been submitted until the server had stopped. From here on none can come.
            ("last", "Copy the last labels here", lambda: labels_pull(session, NoParams(), report)),
            ("models", "Copy the models here", lambda: models_pull(session, ModelsPullParams(), report)),
        ]
    if pod is None or params.keep_pod:
        return steps
    if params.terminate is not None:
        steps.append(("pod", "Terminate the pod", lambda: pod_terminate(session, PodEndParams(), report)))
    elif pod.status.is_up:
        steps.append(("pod", "Stop the pod", lambda: pod_stop(session, PodEndParams(), report)))
    return steps


async def _end_training(session: Session, report: Report, *, stop: bool) -> None:
    """Wait until no training runs, or stop it. A training that outlived its server is stopped."""
    await session.readiness.settled()
    state = await session.readiness.first_readings(Fields.training)
    now = state.training.value
    if now is None or now.state not in ENDS:
        return
    if stop or now.state is TrainState.ORPHANED:
        await train_stop(session, NoParams(), report)
        return
    report.progress(f"Waiting for the training of {now.model or 'a model'}; ctrl+c ends the waiting")
    await session.store.wait_for(
        lambda state: state.training.value is not None and state.training.value.state not in ENDS
    )


async def _stop_server(session: Session, report: Report) -> None:
    """Copy the labels that came in since the first copy, and stop the server."""
    await labels_pull(session, NoParams(), report)
    await server_stop(session, NoParams(), report)


def _stopped_at(error: LabeltuiError, title: str, done: list[str]) -> LabeltuiError:
    """Return the error with the step that failed, and with what is done in its hint."""
    problem = error.problem
    so_far = f"Done before that: {'; '.join(done)}." if done else "Nothing was changed."
    return type(error)(
        problem.code, f"{title}: {problem.message}", f"{problem.hint} {so_far}".strip(), problem.detail,
        offers=problem.offers,
    )  # fmt: skip
