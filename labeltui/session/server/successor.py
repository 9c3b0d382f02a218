"""Whether another server answers in place of a run that has ended."""

from __future__ import annotations

from datetime import datetime, timedelta

from labeltui.domain.reading import Reading
from labeltui.domain.server.server import ServerInfo
from labeltui.hosts.agent.messages import Job, JobState
from labeltui.session.server.run import moment

AFTER_THE_END = timedelta(seconds=1)
"""An answer is of another server if its request was sent this long after the end: the two clocks agree only roughly."""


class Successor:
    """Compares the API's answers with the end of the newest run, by this machine's clock."""

    def __init__(self) -> None:
        self._run_id: str | None = None
        self._ended_at: datetime | None = None  # None while the run has not ended
        self._answers = False

    def on_job(self, job: Job, ahead_s: float, now: datetime) -> Job:
        """Note the agent's record of the newest run.

        Returns the record, or one without a run once another server has answered in place of that run.
        """
        if job.state not in (JobState.EXITED, JobState.LOST):
            self._ended_at = None
        elif self._ended_at is None or job.run_id != self._run_id:
            self._ended_at, self._answers = moment(job.ended_ts, ahead_s) or now, False
        self._run_id = job.run_id
        return Job(job.name, JobState.ABSENT) if self._answers and self._ended_at else job

    def on_answer(self, info: Reading[ServerInfo]) -> bool:
        """Note an answer of ``/info/``. Returns whether it is the first one of another server."""
        if self._answers or self._ended_at is None or info.as_of is None:
            return False
        sent_at = info.as_of - timedelta(seconds=info.latency_s or 0.0)
        self._answers = sent_at > self._ended_at + AFTER_THE_END
        return self._answers
