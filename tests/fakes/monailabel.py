"""A MONAI Label server in memory: answers from recordings of a real 0.8.5, which a test may replace.

``documents`` has the answer of each (method, path): a JSON document, a number for a failing status, bytes, an
httpx.Response, or a function of the request that returns one. Paths end as MONAI Label's do (``/info/``). A
request without an answer in ``documents`` gets a 404. ``requests`` has the requests. While ``up`` is False,
nothing listens. ``delays_s`` has the seconds that an answer takes, by path. :meth:`run` is the program of the
job that starts the server: ``host.agent.programs["server"] = server.run``.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx

from tests.fakes.agent import Run
from tests.paths import MONAILABEL

Reply = Any
"""A document, a status, bytes, a response, or a function of the request that returns one of these."""


def recorded(name: str) -> Any:
    """The body of a recorded answer, a fresh copy each time."""
    return json.loads((MONAILABEL / f"{name}.response.json").read_text())["body"]


class FakeMonaiLabel:
    """The server that the module's docstring describes. It serves the radiology app and a folder with studies."""

    def __init__(self) -> None:
        self.up = True
        self.requests: list[httpx.Request] = []
        self.documents: dict[tuple[str, str], Reply] = {
            ("GET", "/info/"): recorded("info"),
            ("GET", "/datastore/"): self._datastore,
            ("GET", "/train/"): self._trainings,
            ("POST", "/train/*"): self._train,
            ("DELETE", "/train/"): self._stop,
        }
        self.datastore: dict[str, Any] = recorded("datastore_all")
        self.tasks: list[dict[str, Any]] = []
        self.delays_s: dict[str, float] = {}
        self.transport = httpx.MockTransport(self._answer)

    async def run(self, run: Run) -> int:
        """Print what the server prints at its start, and answer until it is stopped."""
        try:
            run.print("INFO:     Application startup complete.\n")
            self.up = True
            run.print("INFO:     Uvicorn running on http://127.0.0.1:8000 (Press CTRL+C to quit)\n")
            await asyncio.Event().wait()
        finally:
            self.up = False
        return 0

    def asked(self, method: str, path: str) -> list[httpx.Request]:
        """The requests with that method to that path (without its query)."""
        return [one for one in self.requests if (one.method, one.url.path) == (method, path)]

    def finish_training(self, status: str = "DONE") -> None:
        """End the running training with the state DONE, ERROR or STOPPED. Does nothing if none runs."""
        for task in self.tasks:
            if task["status"] == "RUNNING":
                task["status"] = status

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        if not self.up:
            raise httpx.ConnectError("Connection refused", request=request)
        self.requests.append(request)
        path = request.url.path
        await asyncio.sleep(self.delays_s.get(path, 0))
        reply = self.documents.get((request.method, path))
        if reply is None:
            folder = path.rstrip("/").rpartition("/")[0]
            reply = self.documents.get((request.method, f"{folder}/*"), 404)
        if callable(reply):
            reply = reply(request)
        if isinstance(reply, httpx.Response):
            return reply
        if isinstance(reply, int):
            return httpx.Response(reply, json={"detail": "none"})
        return (
            httpx.Response(200, content=reply)
            if isinstance(reply, bytes)
            else httpx.Response(200, json=reply)
        )

    def _datastore(self, request: httpx.Request) -> Reply:
        if request.url.params.get("output") == "stats":
            return recorded("datastore_stats")
        return self.datastore

    def _trainings(self, request: httpx.Request) -> Reply:
        running = [task for task in self.tasks if task["status"] == "RUNNING"]
        if request.url.params.get("all"):
            return self.tasks or 404
        if request.url.params.get("check_if_running"):
            return running[-1] if running else 404
        return self.tasks[-1] if self.tasks else 404

    def _train(self, request: httpx.Request) -> Reply:
        if any(task["status"] == "RUNNING" for task in self.tasks):
            return 429
        asked = {"model": request.url.path.rsplit("/", 1)[-1], **json.loads(request.content)}
        task = {
            **recorded("train_post"),
            "id": f"task-{len(self.tasks) + 1}",
            "request": asked,
            "details": [],
        }
        self.tasks.append({**task, "status": "RUNNING"})
        return task

    def _stop(self, _request: httpx.Request) -> Reply:
        self.finish_training("STOPPED")
        return {}
