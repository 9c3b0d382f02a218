"""What runs in the background of the server: training, scoring, inference over many studies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from labeltui.domain.training.tasks import Task
from labeltui.monailabel.http import check
from labeltui.monailabel.rest import Rest, segment

Images = Literal["unlabeled", "labeled", "all"]


class TaskRest(Rest):
    """``/train``, ``/scoring`` and ``/batch/infer``."""

    async def train(self, model: str, request: Mapping[str, Any], *, enqueue: bool = False) -> Task:
        """Start a training. Raises Failed ``already_training``.

        "Submitted" promises nothing: an unknown model and wrong values become an error seconds later.
        """
        body = {**request, "client_id": self.client_id}
        return await self._start(
            f"/train/{segment(model)}", "training", body, {"enqueue": "true" if enqueue else "false"}
        )

    async def train_running(self) -> Task | None:
        """The training that runs, None when none does."""
        return await self._task("/train/", "train.running", check_if_running="true")

    async def train_tasks(self) -> tuple[Task, ...]:
        """Every training since the server started, oldest first."""
        return await self._tasks("/train/", "train.all")

    async def stop_training(self) -> None:
        """Kill the training that runs, if any (the next in the queue starts at once)."""
        check(await self._http.ask("DELETE", "/train/", name="train.stop"))

    async def score(self, method: str, request: Mapping[str, Any] | None = None) -> Task:
        """Start a scoring. Raises Failed ``already_scoring``."""
        return await self._start(f"/scoring/{segment(method)}", "scoring", request or {})

    async def scoring_task(self) -> Task | None:
        """The scoring submitted last."""
        return await self._task("/scoring/", "scoring")

    async def scoring_tasks(self) -> tuple[Task, ...]:
        """Every scoring since the server started, oldest first."""
        return await self._tasks("/scoring/", "scoring.all")

    async def stop_scoring(self) -> None:
        """Kill the scoring that runs."""
        check(await self._http.ask("DELETE", "/scoring/", name="scoring.stop"))

    async def batch_infer(
        self, model: str, request: Mapping[str, Any] | None = None, *, images: Images = "unlabeled"
    ) -> Task:
        """Start an inference over many studies. Raises Failed ``already_inferring``."""
        return await self._start(
            f"/batch/infer/{segment(model)}", "inferring", request or {}, {"images": images}
        )

    async def batch_task(self) -> Task | None:
        """The batch inference submitted last."""
        return await self._task("/batch/infer", "batch")

    async def batch_tasks(self) -> tuple[Task, ...]:
        """Every batch inference since the server started, oldest first."""
        return await self._tasks("/batch/infer", "batch.all")

    async def stop_batch(self) -> None:
        """Kill the batch inference that runs."""
        check(await self._http.ask("DELETE", "/batch/infer", name="batch.stop"))
