"""The program on the host that draws slices (``monailabel/programs/preview.py``), and what it is sent."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed, LabeltuiError, Unreachable
from labeltui.domain.text import one_line
from labeltui.hosts.base import Channel

ANSWER_S = 200.0  # the program itself ends after 180 s
YOUNG_S = 10.0  # a program that is ended by the alarm so early after a request was idle
LONGEST_ANSWER = 96 << 20
ALARM, KILL, BUS = -14, -9, -7
Answer = tuple[dict[str, Any], bytes]


@dataclass(frozen=True, slots=True)
class LabelSource:
    """A label to show: its file on the host, or the ``content`` of an older version with its extension.

    Neither is set if ``problem`` says why it can't be shown.
    """

    tag: str
    version: str = ""
    path: str = ""
    content: bytes = b""
    suffix: str = ""
    names: Mapping[int, str] | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class PreviewSource:
    """The study to show, with the paths on the host of the server's Python and of the image.

    ``login`` replaces the image if the program fetches the study, a series, from a DICOMweb server: the arguments to
    connect, which contain the password.
    """

    study: str
    python: str
    image: str
    labels: tuple[LabelSource, ...] = ()
    modality: str = ""
    login: Mapping[str, Any] | None = field(default=None, repr=False)


Progress = Callable[[int, int | None], None]
"""Is called with the numbers of files that were fetched, and of all; None if unknown."""


class Program:
    """The running program. It answers in the order of the requests."""

    def __init__(self, channel: Channel, source: PreviewSource, progress: Progress) -> None:
        self._channel, self._source, self._progress = channel, source, progress
        self._asked: deque[asyncio.Future[Answer]] = deque()
        self._writing = asyncio.Lock()
        self._error: LabeltuiError | None = None
        self.ended_idle = False
        self._asked_at = 0.0
        self._reader = asyncio.create_task(self._receive(), name="preview answers")

    async def write(self, data: bytes) -> None:
        """Send bytes. The reason of a failure is in the future of each request."""
        with suppress(Unreachable):
            await self._channel.write(data)

    async def ask(self, document: Mapping[str, Any], *content: bytes, limit_s: float = ANSWER_S) -> Answer:
        """Send a request. Raises Failed ``program_failed`` with the reason, ``program_slow``, or Unreachable."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        async with self._writing:
            if self._error is not None:
                raise self._error
            self._asked.append(future)
            self._asked_at = asyncio.get_running_loop().time()
            await self.write(b"".join((json.dumps(document).encode(), b"\n", *content)))
        try:
            async with asyncio.timeout(limit_s):
                answer, data = await future
        except TimeoutError:
            raise Failed(Code.PROGRAM_SLOW, f"The host has drawn nothing for {limit_s:g} s.") from None
        if "error" in answer:
            raise Failed(
                Code.PROGRAM_FAILED, f"{one_line(self._source.study)} can't be shown: {one_line(str(answer['error']))}."
            )  # fmt: skip
        return answer, data

    async def close(self) -> None:
        """End the program."""
        self._end(Failed(Code.PROGRAM_STOPPED, "The preview was closed."))
        self._reader.cancel()
        await self._channel.close()

    async def _receive(self) -> None:
        """Read answers until the program ends."""
        pending = bytearray()
        try:
            while data := await self._channel.read(1 << 18):
                pending += data
                while (whole := _answer_in(pending)) is not None:
                    if "progress" in whole[0]:
                        done, total = whole[0]["progress"]
                        self._progress(int(done), None if total is None else int(total))
                        continue
                    future = self._asked.popleft()
                    if not future.done():
                        future.set_result(whole)
            self._end(await self._why())
        except Unreachable as error:
            self._end(error)
        except (ValueError, IndexError, KeyError, TypeError):
            self._end(garbled())
            await self._channel.close()

    async def _why(self) -> Failed:
        """Return why the program ended."""
        code = await self._channel.wait()
        code = 128 - code if code > 128 else code  # a shell reports a signal so
        young = asyncio.get_running_loop().time() - self._asked_at < YOUNG_S
        self.ended_idle = code == ALARM and (young or not any(not one.done() for one in self._asked))
        said = self._channel.stderr_tail().decode("utf-8", "replace").strip()
        last = one_line(said.splitlines()[-1])[:200].rstrip(".") if said else f"exit code {code}"
        if code in (126, 127):
            return Failed(
                Code.PROGRAM_FAILED, f"{one_line(self._source.python)} can't be run on the host.",
                "Run `labeltui setup`.", said,
            )  # fmt: skip
        reasons = {
            ALARM: "it took too long",
            KILL: "the host killed it; its memory may be full",
            BUS: "the file changed while it was read",
        }
        study, reason = one_line(self._source.study), reasons.get(code, last)
        return Failed(
            Code.PROGRAM_FAILED, f"The program that draws {study} ended: {reason}.",
            "Open the preview again.", said,
        )  # fmt: skip

    def _end(self, error: LabeltuiError) -> None:
        self._error = self._error or error
        for future in self._asked:
            if not future.done():
                future.set_exception(error)
                future.exception()  # the caller may have been cancelled
        self._asked.clear()


def _answer_in(pending: bytearray) -> Answer | None:
    """Take a whole answer from the bytes that have arrived; None if it is not complete. Raises ValueError."""
    end = pending.find(b"\n")
    if end < 0:
        if len(pending) > 1 << 20:
            raise ValueError("no answer")
        return None
    answer = json.loads(pending[:end])
    size = int(answer["bytes"])
    if not isinstance(answer, dict) or not 0 <= size <= LONGEST_ANSWER:
        raise ValueError("no answer")
    start = end + 1
    if len(pending) < start + size:
        return None
    data = bytes(pending[start : start + size])
    del pending[: start + size]
    return answer, data


def garbled() -> Failed:
    """Return the failure for an answer of another shape."""
    return Failed(Code.PROGRAM_FAILED, "The program on the host gave an unexpected answer.")
