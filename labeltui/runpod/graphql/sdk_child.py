"""Run RunPod's SDK in a separate process, because the SDK takes 1.6 s to import, blocks, and has global state.

Stdin and stdout carry JSON lines. The first line on stdin is ``{"api_key", "team"}``. Each further line is
``{"id", "query"}``; the answer is ``{"id", "data"}`` or
``{"id", "error": {"kind", "message", "code", "status", "retry_after"}}``.
``kind`` is ``missing`` (no SDK), ``key``, ``query``, ``answer`` (unreadable for the SDK) or ``network``.
The process ends when stdin ends.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any, TextIO


class _Recorder:
    """A session that stores its last response, because the SDK drops status, headers and error code.

    It also sends the team's id.
    """

    def __init__(self, requests: Any, team: str | None) -> None:
        self._requests = requests
        self._team = {"X-Team-Id": team} if team else {}
        self.last: Any = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._requests, name)

    def post(self, url: str, **options: Any) -> Any:
        self.last = None
        headers = {**(options.pop("headers", None) or {}), **self._team}
        self.last = self._requests.post(url, allow_redirects=False, headers=headers, **options)
        return self.last


def main(stdin: TextIO, stdout: TextIO) -> int:
    """Answer queries until stdin ends. Returns the exit code."""
    first = json.loads(stdin.readline() or "{}")
    key = first.get("api_key", "")
    # At import the SDK reads a configuration file in the home folder, and fails on the form that runpodctl
    # writes. The requests library would send the login from ~/.netrc instead of the key.
    os.environ["HOME"] = os.devnull
    sys.stdout = sys.stderr  # keep text that the SDK prints out of the answers
    recorder: _Recorder | None = None
    for line in stdin:
        request = json.loads(line)
        answer: dict[str, Any]
        try:
            from runpod.api import graphql  # noqa: PLC0415

            if recorder is None:
                recorder = _Recorder(graphql.requests, first.get("team"))
                graphql.requests = recorder
            data = graphql.run_graphql_query(request["query"], key)["data"]
            if not isinstance(data, dict):
                raise TypeError("data")
            answer = {"data": data}
        except Exception as error:  # report every exception of the SDK as an answer
            answer = {"error": _described(error, recorder)}
        stdout.write(json.dumps({"id": request["id"], **answer}).replace(key or "\0", "***") + "\n")
        stdout.flush()
    return 0


def _described(error: Exception, recorder: _Recorder | None) -> dict[str, Any]:
    """Describe a failure without quoting the query, which may contain secrets."""
    failure: dict[str, Any] = {"kind": "answer", "message": "", "type": type(error).__name__}
    if recorder is None:
        return {**failure, "kind": "missing" if isinstance(error, ImportError) else "broken"}
    last = recorder.last
    if last is None:
        # RunPod surely did not receive the request only if no connection was made.
        never = "NewConnectionError" in repr(error) or "NameResolution" in repr(error)
        return {**failure, "kind": "network", "sent": not (never or failure["type"] == "ConnectTimeout")}
    failure["status"] = last.status_code
    failure["retry_after"] = last.headers.get("Retry-After")
    if last.status_code == 401 or type(error).__name__ == "AuthenticationError":
        return {**failure, "kind": "key"}
    try:
        document = last.json()
    except ValueError:
        return {**failure, "is_json": False}
    errors = document.get("errors") if isinstance(document, dict) else None
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    if first:
        extensions = first.get("extensions")
        code = extensions.get("code") if isinstance(extensions, dict) else ""
        return {**failure, "kind": "query", "message": str(first.get("message", "")), "code": str(code or "")}
    text = document.get("error") or document.get("message") if isinstance(document, dict) else ""
    return {**failure, "message": text if isinstance(text, str) else ""}


if __name__ == "__main__":
    sys.exit(main(sys.stdin, sys.stdout))
