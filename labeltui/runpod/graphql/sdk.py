"""Talks to the process that holds RunPod's SDK: started when first needed, killed when it does not answer."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed, LabeltuiError, Refused, Unreachable
from labeltui.runpod.keys import VARIABLE, Secret
from labeltui.runpod.problems import Doing, Reply, cleaned, of_reply, of_words
from labeltui.runpod.transport import VARIABLE as BASE_VARIABLE

DEADLINE_S = 45.0  # its import, and a request that the SDK itself gives 30 s
LONGEST_LINE = 32 * 2**20
COMMAND = (sys.executable, "-P", "-m", "labeltui.runpod.graphql.sdk_child")


class Sdk:
    """GraphQL through the SDK. One request at a time; each call raises LabeltuiError."""

    def __init__(
        self, key: Secret, base: str, *, command: Sequence[str] = COMMAND, deadline_s: float = DEADLINE_S
    ) -> None:
        self._key = key
        self._base = base
        self._command = tuple(command)
        self._deadline_s = deadline_s
        self._process: asyncio.subprocess.Process | None = None
        self._lock = asyncio.Lock()
        self._asked = 0

    async def query(self, query: str, what: str, doing: Doing = Doing.READ) -> dict[str, Any]:
        """``data`` of the answer. ``query`` must hold no value that was not made by :func:`.graphql.literal`."""
        async with self._lock:
            try:
                async with asyncio.timeout(self._deadline_s):
                    answer = await self._ask(query)
            except TimeoutError:
                await self._end()
                raise Unreachable(
                    Code.RUNPOD_TIMEOUT,
                    f"RunPod has not answered {what} within {self._deadline_s:.0f} s.",
                    "It may be slow, or the connection gone; it is asked again.",
                ) from None
            except BaseException as error:
                await self._end()
                if isinstance(error, OSError | ValueError):
                    raise _ended(what) from None
                raise
        error_told = answer.get("error")
        if isinstance(error_told, dict):
            raise self._problem(error_told, what, doing)
        data = answer.get("data")
        return data if isinstance(data, dict) else {}

    async def close(self) -> None:
        """End the process."""
        async with self._lock:
            await self._end()

    async def _ask(self, query: str) -> dict[str, Any]:
        process = await self._started()
        assert process.stdin is not None  # noqa: S101 - both are pipes
        assert process.stdout is not None  # noqa: S101
        self._asked += 1
        process.stdin.write(json.dumps({"id": self._asked, "query": query}).encode() + b"\n")
        await process.stdin.drain()
        line = await process.stdout.readline()
        answer = json.loads(line) if line else None
        if not isinstance(answer, dict) or answer.get("id") != self._asked:
            raise ValueError("no answer")
        return answer

    async def _started(self) -> asyncio.subprocess.Process:
        if self._process is not None and self._process.returncode is None:
            return self._process
        # The key goes through the pipe: a process's environment can be read by others of the same user.
        environment = {name: text for name, text in os.environ.items() if name != VARIABLE}
        environment[BASE_VARIABLE] = self._base
        process = self._process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=environment,
            limit=LONGEST_LINE,
            start_new_session=True,  # ctrl+c in a terminal is for the console
        )
        assert process.stdin is not None  # noqa: S101 - it is a pipe
        process.stdin.write(json.dumps({"api_key": self._key.reveal()}).encode() + b"\n")
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

    def _problem(self, told: dict[str, Any], what: str, doing: Doing) -> LabeltuiError:
        kind = told.get("kind")
        words = self._key.scrub(cleaned(str(told.get("message", ""))))
        status = told.get("status")
        if kind in ("missing", "broken"):
            return _missing() if kind == "missing" else _broken(str(told.get("type", "")))
        if kind == "network":
            return self._no_network(told, what)
        if kind == "key":
            return of_reply(Reply(what, 401, doing, words))
        if kind == "query":
            return _of_query(words, str(told.get("code", "")), what)
        if isinstance(status, int) and status != 200:
            after = str(told.get("retry_after") or "")
            seconds = float(after) if after.isdigit() else None
            return of_reply(Reply(what, status, doing, words, told.get("is_json") is not False, seconds))
        return Failed(
            Code.RUNPOD_ANSWER,
            f"RunPod's answer to {what} can not be used.",
            "Check RUNPOD_API_BASE_URL, and that nothing stands in between; or update labeltui.",
            words,
        )

    def _no_network(self, told: dict[str, Any], what: str) -> LabeltuiError:
        kind = str(told.get("type", ""))
        if told.get("sent") is not False:
            return _dropped("The connection to RunPod broke", what, kind)
        return Unreachable(
            Code.RUNPOD_UNREACHABLE,
            f"RunPod can not be reached at {self._base}.",
            "Check this machine's network; pods go on running, and costing, meanwhile.",
            kind,
        )


def _dropped(how: str, what: str, detail: str = "") -> LabeltuiError:
    return Unreachable(
        Code.RUNPOD_DROPPED,
        f"{how} before its answer to {what} was whole.",
        "It is asked again; check the network if it stays.",
        detail,
    )


def _ended(what: str) -> LabeltuiError:
    return _dropped("The process with RunPod's SDK ended", what)


def _of_query(words: str, code: str, what: str) -> LabeltuiError:
    spoken = of_words(f"{code}: {words}" if code else words, what)
    if spoken is not None:
        return spoken
    if code == "GRAPHQL_VALIDATION_FAILED" or "cannot query field" in words.lower():
        return Failed(
            Code.RUNPOD_GRAPHQL_CHANGED,
            f"RunPod's GraphQL no longer knows something that {what} asks for.",
            "Update labeltui; what REST v2 tells is not affected.",
            words,
        )
    low = words.lower()
    if any(text in low for text in ("unauthorized", "not authorized", "forbidden", "permission")):
        return Refused(
            Code.RUNPOD_KEY_SCOPE,
            f"The API key is valid, but it may not do this ({what}).",
            "Give the key the right to use GraphQL, or use one with the scope All.",
            words,
        )
    return Failed(
        Code.RUNPOD_BAD_REQUEST,
        f"RunPod refused {what}: {words or 'it did not say why'}.",
        "Check what was asked for; the same words every time mean that the request is wrong.",
    )


def _missing() -> LabeltuiError:
    return Failed(
        Code.RUNPOD_SDK_MISSING,
        "RunPod's SDK is not installed: balance and limits are not known without it.",
        "pip install runpod; all else works without it.",
    )


def _broken(how: str) -> LabeltuiError:
    return Failed(
        Code.RUNPOD_SDK_FAILED,
        "The process with RunPod's SDK failed.",
        "Balance and limits are not known; all else works. Try `python -c 'import runpod'`.",
        how,
    )
