"""The endpoints for background tasks: training, scoring and batch inference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from labeltui.domain.training.tasks import Task
from labeltui.monailabel.http import check
from labeltui.monailabel.rest import Rest, segment

Images = Literal["unlabeled", "labeled", "all"]


class TaskRest(Rest):
    """Requests to ``/train``, ``/scoring`` and ``/batch/infer``."""

    async def train(self, model: str, request: Mapping[str, Any], *, enqueue: bool = False) -> Task:
        """Submit a training. Raises Refused ``already_training``.

        The server accepts unknown models and wrong values; such a task fails seconds later.
        """
        body = {**request, "client_id": self.client_id}
        return await self._start(
            f"/train/{segment(model)}", "training", body, {"enqueue": "true" if enqueue else "false"}
        )

    async def train_running(self) -> Task | None:
        """Return the running training. None if no training runs."""
        return await self._task("/train/", "train.running", check_if_running="true")

    async def train_tasks(self) -> tuple[Task, ...]:
        """Every training since the server started, oldest first."""
        return await self._tasks("/train/", "train.all")

    async def stop_training(self) -> None:
        """Kill the running training, if any. The server then starts the next in its queue."""
        check(await self._http.ask("DELETE", "/train/", name="train.stop"))

    async def score(self, method: str, request: Mapping[str, Any] | None = None) -> Task:
        """Submit a scoring. Raises Refused ``already_scoring``."""
        return await self._start(f"/scoring/{segment(method)}", "scoring", request or {})

    async def scoring_task(self) -> Task | None:
        """The newest scoring. None if none was submitted."""
        return await self._task("/scoring/", "scoring")

    async def scoring_tasks(self) -> tuple[Task, ...]:
        """Every scoring since the server started, oldest first."""
        return await self._tasks("/scoring/", "scoring.all")

    async def stop_scoring(self) -> None:
        """Kill the running scoring, if any."""
        check(await self._http.ask("DELETE", "/scoring/", name="scoring.stop"))

    async def batch_infer(
        self, model: str, request: Mapping[str, Any] | None = None, *, images: Images = "unlabeled"
    ) -> Task:
        """Submit an inference over many studies. Raises Refused ``already_inferring``."""
        return await self._start(
            f"/batch/infer/{segment(model)}", "inferring", request or {}, {"images": images}
        )

    async def batch_task(self) -> Task | None:
        """The newest batch inference. None if none was submitted."""
        return await self._task("/batch/infer", "batch")

    async def batch_tasks(self) -> tuple[Task, ...]:
        """Every batch inference since the server started, oldest first."""
        return await self._tasks("/batch/infer", "batch.all")

    async def stop_batch(self) -> None:
        """Kill the running batch inference, if any."""
        check(await self._http.ask("DELETE", "/batch/infer", name="batch.stop"))
