"""Draws slices of a study with a program on the host (``monailabel/programs/preview.py``). Only pixels travel."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed
from labeltui.domain.studies.preview import Colour, LabelFacts, Plane, Segment, Slice, SliceRequest, Volume
from labeltui.domain.text import one_line
from labeltui.hosts.base import Host
from labeltui.monailabel.programs import source_of
from labeltui.session.studies.preview_program import (
    ANSWER_S,
    Answer,
    LabelSource,
    PreviewSource,
    Program,
    Progress,
    garbled,
)

IDLE_S, FETCHED_IDLE_S = 60, 600  # to fetch a series again takes longer than to read a file
FETCH_S = 800.0  # the program itself ends after 780 s
_START = """\
import sys
sys.path.pop(0)
source = sys.stdin.buffer
program = {"__name__": "preview"}
exec(compile(source.read(int(source.readline())), "<preview>", "exec"), program)
program["serve"]()
"""


class StudyPreview:
    """An open preview. ``host`` returns the host when it is connected. Create it with :meth:`open`."""

    def __init__(
        self, host: Callable[[], Awaitable[Host]], source: PreviewSource, idle_s: int, progress: Progress
    ) -> None:
        self._host, self._source, self._idle_s, self._progress = host, source, idle_s, progress
        self._program: Program | None = None
        self._starting = asyncio.Lock()
        self._planes = {plane: asyncio.Lock() for plane in Plane}
        self._waiting: dict[Plane, _Turn] = {}
        self._closed = False
        self.volume = Volume(source.study, (1, 1, 1), (1.0, 1.0, 1.0))

    @classmethod
    async def open(
        cls,
        host: Callable[[], Awaitable[Host]],
        source: PreviewSource,
        *,
        idle_s: int | None = None,
        progress: Progress = lambda _done, _total: None,
    ) -> Self:
        """Start the program and read the study. ``progress`` is called while a series is fetched.

        Raises Failed ``program_failed``, with the reason if the study can't be shown, and the host's errors.
        """
        usual_s = IDLE_S if source.login is None else FETCHED_IDLE_S
        preview = cls(host, source, usual_s if idle_s is None else idle_s, progress)
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
                raise garbled() from None

    async def _ask(self, document: Mapping[str, Any]) -> Answer:
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
            raise garbled() from None

    async def close(self) -> None:
        """See :class:`~labeltui.domain.studies.preview.Preview`."""
        self._closed = True
        if self._program is not None:
            await self._program.close()

    async def _running(self) -> Program:
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
            program = Program(channel, self._source, self._progress)
            try:
                self.volume = await self._read(program)
            except BaseException:
                await program.close()
                raise
            self._program = program
            return program

    async def _read(self, program: Program) -> Volume:
        """Send the program, and open the study with it."""
        login = self._source.login
        code = source_of("preview" if login is None else "series_preview").encode()
        sent = [label for label in self._source.labels if not label.problem]
        labels = [
            {"path": one.path} if one.path else {"bytes": len(one.content), "suffix": one.suffix}
            for one in sent
        ]
        await program.write(b"%d\n" % len(code) + code)
        request = {"op": "open", "image": self._source.image, "labels": labels, "idle_s": self._idle_s}
        if login is not None:
            request["series"] = {**login, "uid": self._source.study}
        answer, _ = await program.ask(
            request, *(one.content for one in sent if not one.path),
            limit_s=ANSWER_S if login is None else FETCH_S,
        )  # fmt: skip
        try:
            return _volume(self._source, answer)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise garbled() from None


@dataclass(slots=True)
class _Turn:
    """The newest request of a plane that waits until the program has drawn the one before."""

    request: SliceRequest
    task: asyncio.Task[Slice]


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
    own = {int(value): one_line(str(name)) for value, name in (answer.get("names") or {}).items()}
    names = {**(source.names or {}), **{value: name for value, name in own.items() if name}}
    colours = {int(value): _colour(one) for value, one in (answer.get("colours") or {}).items()}
    return replace(
        facts,
        segments=tuple(
            Segment(int(value), names.get(int(value), ""), int(voxels), colours.get(int(value)))
            for value, voxels in answer["segments"]
        ),
        resampled=bool(answer["resampled"]),
        fullest={plane: int(answer["fullest"][plane.value]) for plane in Plane} if answer["fullest"] else {},
    )


def _colour(answer: Sequence[Any]) -> Colour:
    red, green, blue = (min(255, max(0, int(part))) for part in answer)
    return red, green, blue


def _slice(plane: Plane, answer: Mapping[str, Any], data: bytes, labels: Sequence[LabelSource]) -> Slice:
    width, height = int(answer["width"]), int(answer["height"])
    size = width * height
    shown = sum(not one.problem for one in labels)
    if size < 1 or len(data) != size * (1 + shown):
        raise ValueError("another number of pixels")
    pictures = iter(data[start : start + size] for start in range(size, len(data), size))
    segments = tuple(bytes(size) if one.problem else next(pictures) for one in labels)
    return Slice(plane, int(answer["index"]), width, height, data[:size], segments)


def _retrieve(task: asyncio.Task[Any]) -> None:
    """Mark a task's error as handled: its caller may have been cancelled."""
    if not task.cancelled():
        task.exception()
