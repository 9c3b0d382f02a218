"""The stops of the profile's pod that the operator requested, in this console or in any other process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from labeltui.domain.failure_codes import Code
from labeltui.domain.pod.pod import Pod
from labeltui.domain.problems import LabeltuiError, Unreachable
from labeltui.session.pod.account import PodAccount
from labeltui.session.runtime.state_folder import StateFolder
from labeltui.session.runtime.supervise import Clock

REQUESTED = "pod-stops"
TAKES = timedelta(minutes=15)
"""A request did not stop a container that still runs this long after it."""
MAX_PODS = 50


class PodStops:
    """Stores when each pod was last stopped, restarted or terminated by its operator.

    Consoles and commands on one profile share the file, so that none of them reports such a stop as a problem.
    """

    def __init__(self, state: StateFolder, clock: Clock, account: PodAccount) -> None:
        self._state, self._clock, self._account = state, clock, account

    @contextmanager
    def requested(self, pod: Pod) -> Iterator[None]:
        """Store the time before the request is sent, because the container may end before RunPod answers.

        A request that RunPod refused is forgotten.
        """
        before = self._state.read(REQUESTED)
        others = [(key, one) for key, one in before.items() if key != pod.id][1 - MAX_PODS :]
        started = None if pod.started_at is None else pod.started_at.isoformat()
        request = {"at": self._clock().isoformat(), "started_at": started}
        self._state.write(REQUESTED, {**dict(others), pod.id: request})
        try:
            yield
        except LabeltuiError as error:
            if not isinstance(error, Unreachable) and error.problem.code != Code.RUNPOD_SERVER_ERROR:
                self._state.write(REQUESTED, before)
            raise

    def explain(self, began: datetime | None, last_seen: datetime | None = None) -> bool:
        """Whether such a stop ended the container or run that began at ``began``.

        Both times are by this machine's clock. ``last_seen`` is when it was last seen to run, at most 15
        minutes after the request; None if nobody watched.
        """
        requested, _started = self._last()
        if requested is None or (began is not None and requested < began):
            return False
        return last_seen is None or last_seen < requested + TAKES

    def explain_end(self, pod: Pod) -> bool:
        """Whether such a stop ended the container of ``pod``, the last reading in which the pod was up.

        RunPod's times are compared only with each other, because its clock may differ from this machine's.
        """
        _requested, started = self._last()
        later = started is not None and pod.started_at is not None and pod.started_at > started
        return not later and self.explain(None, pod.read_at)

    def _last(self) -> tuple[datetime | None, datetime | None]:
        """Return when the newest stop was requested, and the start of the pod that it should end, by RunPod's clock."""
        stored = self._state.read(REQUESTED).get(self._account.pod_id or self._account.known_id or "", {})
        try:
            started = stored["started_at"]
            return datetime.fromisoformat(stored["at"]), started and datetime.fromisoformat(started)
        except (KeyError, TypeError, ValueError):
            return None, None
