"""An emulated RunPod with one pod, written from the published OpenAPI alone, which every body is checked against.

Behaviour that the OpenAPI leaves open is a setting: whether a key's scope or the pod's status is checked first,
how long a status lags, and which answers are lost.
"""

from __future__ import annotations

import copy
import json
import threading
from collections import deque
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.unit.runpod.openapi import examples, faults, json_schema, operation, spec

POD = "7h9k2m4n6p"
LEGAL = {
    "RUNNING": ("stop", "restart", "terminate"),
    "EXITED": ("start", "terminate"),
    "ERROR": ("start", "terminate"),
}
AFTER = {"start": "RUNNING", "stop": "EXITED"}
LOST = 0


class PublishedRunpod:
    """``keys`` maps each key to "all" or "read".

    ``now`` is the clock of the test. With ``scope_first``, 403 takes precedence over 409, else 409 does.
    ``answers`` are statuses for the next actions, which are then not carried out; LOST carries the action out
    and drops the connection. If ``deaf``, stops are accepted and ignored.
    """

    def __init__(self, now: Callable[[], float], *, scope_first: bool = True) -> None:
        spec()  # a missing document skips the test here; in a request it would only break the connection
        self.now, self.scope_first = now, scope_first
        self.keys: dict[str, str] = {}
        self.lag_s = 0.0
        self.deaf = False
        self.answers: deque[int] = deque()
        self.always: int | None = None  # for every action
        self.reading: int | None = None  # for every GET
        self.pod: dict[str, Any] = {}  # what differs from the published example
        self.history = [(float("-inf"), "RUNNING")]
        self.writes: list[tuple[float, str, str, int]] = []  # when, action, key, answer
        self.reads = 0
        self.wrong: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def status(self) -> str:
        """The pod's actual status."""
        return self.history[-1][1]

    @property
    def shown(self) -> str:
        """The status that the API reports, which may lag."""
        return next(status for at, status in reversed(self.history) if at <= self.now() - self.lag_s)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def document(self) -> dict[str, Any]:
        pod: dict[str, Any] = copy.deepcopy(examples("GET", "/v2/pods/{id}", "200")[0])
        status = self.shown
        pod |= {"id": POD, "status": status, "actions": list(LEGAL[status]), **self.pod}
        if status != "RUNNING":
            pod |= {"runtime": None, "cost": 0.0}
        return pod

    def act(self, action: str, scope: str) -> int:
        """Carry out an action if it is allowed. Returns the HTTP status of the answer."""
        forbidden = 403 if scope != "all" else None
        conflict = 409 if action not in LEGAL[self.status] or self.pod.get("locked") else None
        refused = (forbidden or conflict) if self.scope_first else (conflict or forbidden)
        if refused:
            return refused
        if not self.deaf:
            self.history.append((self.now(), AFTER[action]))
        return 200

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None:
                """Print nothing."""

            def do_GET(self) -> None:
                fake.reads += 1
                scope = self.scope()
                status = (fake.reading or 200) if scope else 401
                self.send("GET", f"/v2/pods/{POD}", status, fake.document() if status == 200 else None)

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                _, published, _ = operation("POST", self.path)
                fake.wrong += faults(json_schema(published["requestBody"]), body)
                scope = self.scope()
                scripted = fake.answers.popleft() if fake.answers else fake.always
                status = scripted if scripted else fake.act(body["action"], scope) if scope else 401
                fake.writes.append(
                    (fake.now(), body["action"], self.key, LOST if scripted == LOST else status)
                )
                if scripted == LOST:
                    self.close_connection = True
                    return
                self.send("POST", self.path, status, fake.document() if status == 200 else None)

            @property
            def key(self) -> str:
                return self.headers.get("Authorization", "").removeprefix("Bearer ")

            def scope(self) -> str:
                if not self.path.startswith(f"/v2/pods/{POD}"):
                    fake.wrong.append(f"not the pod's own path: {self.path}")
                return fake.keys.get(self.key, "")

            def send(self, method: str, path: str, status: int, document: Any) -> None:
                if document is None:
                    document = {"title": "No", "status": status, "detail": f"answered {status}"}
                _, published, _ = operation(method, path)
                responses = published["responses"]
                schema = json_schema(responses.get(str(status), responses["default"]))
                fake.wrong += faults(schema, document)
                data = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        return Handler
