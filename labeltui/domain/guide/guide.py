"""All steps of a session, and the next one. Nothing is stored: a tick goes when its fact goes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from labeltui.domain.guide import host, labels
from labeltui.domain.guide.step import Mark, Step
from labeltui.domain.state import SessionState

_STEPS: tuple[Callable[[SessionState], Step | None], ...] = (
    host.account, host.pod, host.ssh_key, host.reach, host.installed, host.studies, host.server,
    labels.annotator, labels.first_label, labels.copies, labels.training, labels.better, labels.model_here,
    labels.pod_stopped, labels.day_ended, labels.report,
)  # fmt: skip

LAST = 2
"""The number of steps that are left after the end of the day: the pod or server that it stopped, and the report."""


def guide(state: SessionState) -> tuple[Step, ...]:
    """Return the steps that apply to the profile, in their order."""
    return tuple(step for make in _STEPS if (step := make(state)) is not None)


def next_of(steps: Sequence[Step], state: SessionState) -> Step | None:
    """Return the first step that is open; None if none is. After the end of the day, only the last steps count.

    While the demo does a step itself, the step has nothing to do.
    """
    left = steps[-LAST:] if state.day_ended else steps
    found = next((one for one in left if one.mark not in (Mark.DONE, Mark.UNKNOWN)), None)
    if found is not None and found.mark is Mark.TODO and state.demo_step:
        return replace(found, mark=Mark.BUSY, text="the demo does this step now", todo="", action="")
    return found


def next_step(state: SessionState) -> Step | None:
    """Return the step for the line on screen; None if all is done."""
    return next_of(guide(state), state)
