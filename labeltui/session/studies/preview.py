"""Draws slices of a study with a program on the host (``monailabel/programs/preview.py``). Only pixels travel."""

from __future__ import annotations

import asyncio
import json
import shlex
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Self

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed, LabeltuiError, Unreachable
from labeltui.domain.studies.preview import LabelFacts, Plane, Segment, Slice, SliceRequest, Volume
from labeltui.domain.text import one_line
from labeltui.hosts.base import Channel, Host
from labeltui.monailabel.programs import source_of

IDLE_S = 60
ANSWER_S = 200.0  # the program itself ends after 180 s
YOUNG_S = 10.0  # a program that is ended by the alarm so early after a request was idle
LONGEST_ANSWER = 96 << 20
ALARM, KILL, BUS = -14, -9, -7
_START = """\
import sys
sys.path.pop(0)
source = sys.stdin.buffer
program = {"__name__": "preview"}
exec(compile(source.read(int(source.readline())), "<preview>", "exec"), program)
program["serve"]()
"""
_Answer = tuple[dict[str, Any], bytes]


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
    """The study to show, with the paths on the host of the server's Python and of the image."""

    study: str
    python: str
    image: str
    labels: tuple[LabelSource, ...] = ()
    modality: str = ""


class StudyPreview:
    """An open preview. ``host`` returns the host when it is connected. Create it with :meth:`open`."""

    def __init__(self, host: Callable[[], Awaitable[Host]], source: PreviewSource, idle_s: int) -> None:
        self._host, self._source, self._idle_s = host, source, idle_s
        self._program: _Program | None = None
        self._starting = asyncio.Lock()
        self._planes = {plane: asyncio.Lock() for plane in Plane}
        self._waiting: dict[Plane, _Turn] = {}
        self._closed = False
        self.volume = Volume(source.study, (1, 1, 1), (1.0, 1.0, 1.0))

    @classmethod
    async def open(
        cls, host: Callable[[], Awaitable[Host]], source: PreviewSource, *, idle_s: int = IDLE_S
    ) -> Self:
        """Start the program and read the study.

        Raises Failed ``program_failed``, with the reason if the study can't be shown, and the host's errors.
        """
        preview = cls(host, source, idle_s)
        await preview._running()
        return preview

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()

    async def slice(self, request: SliceRequest) -> Slice:
        """See :class:`~labeltui.domain.studies.preview.Preview`."""
        turn = self._waiting.get(request.plane)
        if turn is None:
            task = asyncio.create_task(self._draw(request.plane), name="preview slice")
            task.add_done_callback(_retrieve)
            turn = self._waiting[request.plane] = _Turn(request, task)
        turn.request = request
        return await asyncio.shield(turn.task)

    async def _draw(self, plane: Plane) -> Slice:
        async with self._planes[plane]:
            asked = self._waiting.pop(plane).request
            document = {
                "op": "slice", "plane": plane.value, "index": asked.index, "low": asked.low, "high": asked.high,
                "width": asked.width, "height": asked.height,
            }  # fmt: skip
            answer, data = await self._ask(document)
            try:
                return _slice(plane, answer, data, self._source.labels)
            except (KeyError, TypeError, ValueError):
                raise _garbled() from None

    async def _ask(self, document: Mapping[str, Any]) -> _Answer:
        """Send a request, again if it met the end of a program that was idle."""
        program = await self._running()
        try:
            return await program.ask(document)
        except Failed:
            if not program.ended_idle:
                raise
        return await (await self._running()).ask(document)

    async def dice(self) -> Mapping[int, float]:
        """See :class:`~labeltui.domain.studies.preview.Preview`."""
        answer, _ = await self._ask({"op": "dice"})
        try:
            return {int(value): float(dice) for value, dice in answer["dice"].items()}
        except (KeyError, TypeError, ValueError, AttributeError):
            raise _garbled() from None

    async def close(self) -> None:
        """See :class:`~labeltui.domain.studies.preview.Preview`."""
        self._closed = True
        if self._program is not None:
            await self._program.close()

    async def _running(self) -> _Program:
        """Return the program. Starts it the first time, and again after it ended because it was idle."""
        async with self._starting:
            if self._closed:
                raise Failed(Code.PROGRAM_STOPPED, "The preview was closed.")
            if self._program is not None and not self._program.ended_idle:
                return self._program
            host = await self._host()
            channel = await host.open(
                f"cd / && OPENBLAS_NUM_THREADS=1 exec {shlex.quote(self._source.python)} -c {shlex.quote(_START)}"
            )
            program = _Program(channel, self._source)
            try:
                self.volume = await self._read(program)
            except BaseException:
                await program.close()
                raise
            self._program = program
            return program

    async def _read(self, program: _Program) -> Volume:
        """Send the program, and open the study with it."""
        code = source_of("preview").encode()
        sent = [label for label in self._source.labels if not label.problem]
        labels = [
            {"path": one.path} if one.path else {"bytes": len(one.content), "suffix": one.suffix}
            for one in sent
        ]
        await program.write(b"%d\n" % len(code) + code)
        answer, _ = await program.ask(
            {"op": "open", "image": self._source.image, "labels": labels, "idle_s": self._idle_s},
            *(one.content for one in sent if not one.path),
        )
        try:
            return _volume(self._source, answer)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise _garbled() from None


@dataclass(slots=True)
class _Turn:
    """The newest request of a plane that waits until the program has drawn the one before."""

    request: SliceRequest
    task: asyncio.Task[Slice]


class _Program:
    """The running program. It answers in the order of the requests."""

    def __init__(self, channel: Channel, source: PreviewSource) -> None:
        self._channel, self._source = channel, source
        self._asked: deque[asyncio.Future[_Answer]] = deque()
        self._writing = asyncio.Lock()
        self._error: LabeltuiError | None = None
        self.ended_idle = False
        self._asked_at = 0.0
        self._reader = asyncio.create_task(self._receive(), name="preview answers")

    async def write(self, data: bytes) -> None:
        """Send bytes. The reason of a failure is in the future of each request."""
        with suppress(Unreachable):
            await self._channel.write(data)

    async def ask(self, document: Mapping[str, Any], *content: bytes) -> _Answer:
        """Send a request. Raises Failed ``program_failed`` with the reason, ``program_slow``, or Unreachable."""
        future: asyncio.Future[_Answer] = asyncio.get_running_loop().create_future()
        async with self._writing:
            if self._error is not None:
                raise self._error
            self._asked.append(future)
            self._asked_at = asyncio.get_running_loop().time()
            await self.write(b"".join((json.dumps(document).encode(), b"\n", *content)))
        try:
            async with asyncio.timeout(ANSWER_S):
                answer, data = await future
        except TimeoutError:
            raise Failed(Code.PROGRAM_SLOW, f"The host has drawn nothing for {ANSWER_S:g} s.") from None
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
                    future = self._asked.popleft()
                    if not future.done():
                        future.set_result(whole)
            self._end(await self._why())
        except Unreachable as error:
            self._end(error)
        except (ValueError, IndexError, KeyError, TypeError):
            self._end(_garbled())
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


def _answer_in(pending: bytearray) -> _Answer | None:
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


def _volume(source: PreviewSource, answer: Mapping[str, Any]) -> Volume:
    width, depth, height = (int(size) for size in answer["size"])
    right, front, foot = (float(size) for size in answer["spacing"])
    low, high = (float(edge) for edge in answer["percentiles"])
    found = iter(answer["labels"])
    labels = tuple(
        LabelFacts(one.tag, one.version, problem=one.problem) if one.problem else _label(one, next(found))
        for one in source.labels
    )
    return Volume(
        source.study, (width, depth, height), (right, front, foot), source.modality, (low, high),
        float(answer["oblique"]), labels,
    )  # fmt: skip


def _label(source: LabelSource, answer: Mapping[str, Any]) -> LabelFacts:
    facts = LabelFacts(source.tag, source.version)
    if "problem" in answer:
        return replace(facts, problem=f"it can't be shown: {one_line(str(answer['problem']))}")
    names = source.names or {}
    return replace(
        facts,
        segments=tuple(
            Segment(int(value), names.get(int(value), ""), int(voxels))
            for value, voxels in answer["segments"]
        ),
        resampled=bool(answer["resampled"]),
        fullest={plane: int(answer["fullest"][plane.value]) for plane in Plane} if answer["fullest"] else {},
    )


def _slice(plane: Plane, answer: Mapping[str, Any], data: bytes, labels: Sequence[LabelSource]) -> Slice:
    width, height = int(answer["width"]), int(answer["height"])
    size = width * height
    shown = sum(not one.problem for one in labels)
    if size < 1 or len(data) != size * (1 + shown):
        raise ValueError("another number of pixels")
    pictures = iter(data[start : start + size] for start in range(size, len(data), size))
    segments = tuple(bytes(size) if one.problem else next(pictures) for one in labels)
    return Slice(plane, int(answer["index"]), width, height, data[:size], segments)


def _garbled() -> Failed:
    return Failed(Code.PROGRAM_FAILED, "The program on the host gave an unexpected answer.")


def _retrieve(task: asyncio.Task[Any]) -> None:
    """Mark a task's error as handled: its caller may have been cancelled."""
    if not task.cancelled():
        task.exception()
