"""Send queries to a process that runs RunPod's SDK. The first query starts the process; a timeout kills it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed, LabeltuiError, Refused
from labeltui.runpod.keys import VARIABLE, Secret
from labeltui.runpod.problems import dropped, timed_out, unreachable, unusable
from labeltui.runpod.replies import Purpose, Reply, cleaned, failure_by_text, failure_of_reply
from labeltui.runpod.transport import VARIABLE as BASE_VARIABLE
from labeltui.support.pipes import piped

DEADLINE_S = 45.0  # for the import of the SDK plus one request, which the SDK ends after 30 s
LONGEST_LINE = 32 * 2**20
COMMAND = (sys.executable, "-P", "-m", "labeltui.runpod.graphql.sdk_child")


class Sdk:
    """A GraphQL client that uses the SDK and sends one request at a time. All methods raise LabeltuiError."""

    def __init__(
        self,
        key: Secret,
        base: str,
        *,
        team: str | None = None,
        command: Sequence[str] = COMMAND,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self._key = key
        self._team = team
        self._base = base
        self._command = tuple(command)
        self._deadline_s = deadline_s
        self._process: asyncio.subprocess.Process | None = None
        self._lock = asyncio.Lock()
        self._last_id = 0

    async def query(self, query: str, what: str, purpose: Purpose = Purpose.READ) -> dict[str, Any]:
        """Return ``data`` of the answer. Every value in ``query`` must come from :func:`.graphql.literal`."""
        async with self._lock:
            try:
                async with asyncio.timeout(self._deadline_s):
                    answer = await self._exchange(query)
            except TimeoutError:
                await self._end()
                raise timed_out(what, self._deadline_s) from None
            except BaseException as error:
                await self._end()
                if isinstance(error, OSError | ValueError):
                    raise dropped(what, by="The process with RunPod's SDK ended") from None
                raise
        failure = answer.get("error")
        if isinstance(failure, dict):
            raise self._problem(failure, what, purpose)
        data = answer.get("data")
        return data if isinstance(data, dict) else {}

    @property
    def pid(self) -> int | None:
        """The process id of the SDK. None before the first query and after a failure that ended the process."""
        return None if self._process is None else self._process.pid

    async def close(self) -> None:
        """End the process; a later query starts a new one."""
        async with self._lock:
            await self._end()

    async def _exchange(self, query: str) -> dict[str, Any]:
        process = await self._started()
        stdin = piped(process.stdin)
        self._last_id += 1
        stdin.write(json.dumps({"id": self._last_id, "query": query}).encode() + b"\n")
        await stdin.drain()
        line = await piped(process.stdout).readline()
        answer = json.loads(line) if line else None
        if not isinstance(answer, dict) or answer.get("id") != self._last_id:
            raise ValueError("not the answer to this request")
        return answer

    async def _started(self) -> asyncio.subprocess.Process:
        if self._process is not None and self._process.returncode is None:
            return self._process
        # Send the key through the pipe, because the user's other processes can read the environment.
        environment = {name: text for name, text in os.environ.items() if name != VARIABLE}
        environment[BASE_VARIABLE] = self._base
        process = self._process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=environment,
            limit=LONGEST_LINE,
            start_new_session=True,  # so that ctrl+c in a terminal reaches the console only
        )
        piped(process.stdin).write(
            json.dumps({"api_key": self._key.reveal(), "team": self._team}).encode() + b"\n"
        )
        return process

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin:
            process.stdin.close()
        with suppress(ProcessLookupError):
            process.kill()
        await asyncio.shield(process.wait())

    def _problem(self, failure: dict[str, Any], what: str, purpose: Purpose) -> LabeltuiError:
        kind = failure.get("kind")
        text = self._key.scrub(cleaned(str(failure.get("message", ""))))
        status = failure.get("status")
        if kind in ("missing", "broken"):
            return _missing() if kind == "missing" else _broken(str(failure.get("type", "")))
        if kind == "network":
            return self._network_failure(failure, what)
        if kind == "key":
            return failure_of_reply(Reply(what, 401, purpose, text))
        if kind == "query":
            return _failure_of_query(text, str(failure.get("code", "")), what)
        if isinstance(status, int) and status != 200:
            after = str(failure.get("retry_after") or "")
            seconds = float(after) if after.isdigit() else None
            return failure_of_reply(
                Reply(what, status, purpose, text, failure.get("is_json") is not False, seconds)
            )
        return unusable(what, "the SDK cannot read it", text)

    def _network_failure(self, failure: dict[str, Any], what: str) -> LabeltuiError:
        kind = str(failure.get("type", ""))
        if failure.get("sent") is not False:
            return dropped(what, kind)
        return unreachable(self._base, kind)


def _failure_of_query(text: str, code: str, what: str) -> LabeltuiError:
    known = failure_by_text(f"{code}: {text}" if code else text, what)
    if known is not None:
        return known
    if code == "GRAPHQL_VALIDATION_FAILED" or "cannot query field" in text.lower():
        return Failed(
            Code.RUNPOD_GRAPHQL_CHANGED,
            f"RunPod's GraphQL no longer has a field that {what} needs.",
            "Update labeltui. Functions that use REST v2 still work.",
            text,
        )
    low = text.lower()
    if any(known in low for known in ("unauthorized", "not authorized", "forbidden", "permission")):
        return Refused(
            Code.RUNPOD_KEY_SCOPE,
            f"The API key is valid, but its permissions do not allow {what}.",
            "Give the key permission to use GraphQL in RunPod's settings, or use a key with all permissions.",
            text,
        )
    return Failed(
        Code.RUNPOD_BAD_REQUEST,
        f"RunPod refused {what}: {text or 'no reason given'}.",
        "Check the pod's settings. If RunPod refuses every time, the request is wrong.",
    )


def _missing() -> LabeltuiError:
    return Failed(
        Code.RUNPOD_SDK_MISSING,
        "RunPod's SDK is not installed, so the account's balance and limits are unknown.",
        "Install it with `pip install runpod`; everything else works without it.",
    )


def _broken(how: str) -> LabeltuiError:
    return Failed(
        Code.RUNPOD_SDK_FAILED,
        "The process with RunPod's SDK failed.",
        "Balance and limits are unknown; everything else works. `python -c 'import runpod'` shows the cause.",
        how,
    )
