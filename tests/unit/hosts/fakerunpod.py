"""RunPod's API for one pod, for tests of the guard: keys with scopes, and a record of the requests."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

POD = "k7x9m2qabc"


class FakeRunpod:
    """``keys`` maps each key to "all", "read" or "none"; a stop makes ``status`` EXITED."""

    def __init__(self) -> None:
        self.keys: dict[str, str] = {}
        self.status = "RUNNING"
        self.pod: dict[str, Any] = {"cost": 0.5, "startedAt": None}
        self.broken: int | None = None  # every answer has this status
        self.asked: list[tuple[str, str, str]] = []  # method, action, key
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None:
                """Print nothing."""

            def answer(self, status: int, document: Any) -> None:
                body = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def scope(self, action: str) -> str | None:
                key = self.headers.get("Authorization", "").removeprefix("Bearer ")
                fake.asked.append((self.command, action, key))
                if fake.broken is not None:
                    self.answer(fake.broken, {"error": f"something with {key} in it"})
                    return None
                scope = fake.keys.get(key)
                if scope is None or scope == "none":
                    self.answer(401 if scope is None else 403, {"detail": f"access denied for {key}"})
                    return None
                return scope

            def do_GET(self) -> None:
                if self.scope("") is not None:
                    legal = ["stop", "restart", "terminate"] if fake.status == "RUNNING" else ["start"]
                    self.answer(200, {"id": POD, "status": fake.status, "actions": legal, **fake.pod})

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                action = body["action"]
                scope = self.scope(action)
                if scope is None:
                    return
                if scope != "all":
                    self.answer(403, {"detail": "access denied"})
                elif action == ("start" if fake.status == "RUNNING" else "stop"):
                    self.answer(409, {"detail": f"action {action} is not valid"})
                else:
                    fake.status = "EXITED" if action == "stop" else "RUNNING"
                    self.answer(200, {"id": POD})

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def actions(self, name: str) -> list[str]:
        """The keys that requested an action."""
        return [key for _, action, key in self.asked if action == name]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
