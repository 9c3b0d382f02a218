"""Stores DICOM files on a DICOMweb server (STOW-RS), reads which files it has (QIDO-RS), and fetches them (WADO-RS)."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed, LabeltuiError, Unreachable
from labeltui.monailabel.programs.multipart import Broken, Multipart

TIMEOUT_S = 300.0
CONNECT_S = 20.0
BATCH = 16 << 20  # bytes in one request
MOST_FILES = 100  # files in one request
AT_ONCE = 3  # requests
SOP, SERIES, STUDY = "00080018", "0020000E", "0020000D"
SIZES = ("00280010", "00280011", "00280100", "00280008")
"""Rows, columns, bits of a voxel, and frames; the last may be absent."""
PAGE = 500
CHUNK = 1 << 20
MOST_PART = 1 << 30  # bytes of one file
FILES = 'multipart/related; type="application/dicom"'
AS_STORED = f"{FILES}; transfer-syntax=*"
STORED, REFUSED, REFERENCED, REASON = "00081199", "00081198", "00081155", "00081197"
LONGEST_ANSWER = 64 << 20


@dataclass(frozen=True, slots=True)
class Instance:
    """One DICOM file with its UIDs. ``source`` is the operator's file, if ``path`` is a cleaned copy of it."""

    path: Path
    source: Path
    size: int
    study: str
    series: str
    sop: str


class DicomStore:
    """A DICOMweb server at ``url``. ``shown`` is its URL for messages. ``login`` is a pair of user and password.

    ``qido`` and ``wado`` are the prefixes for searches and fetches, as MONAI Label has them; empty for none.
    """

    qido = wado = ""

    def __init__(
        self,
        url: str,
        shown: str,
        login: tuple[str, str] | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._url, self._shown = url.rstrip("/"), shown
        self._http = httpx.AsyncClient(
            auth=login,
            timeout=httpx.Timeout(TIMEOUT_S, connect=CONNECT_S),
            transport=transport,
            trust_env=False,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def instances(self, study: str, series: str) -> set[str]:
        """Return the SOP instance UIDs that the server has of a series. Empty for an unknown series."""
        answer = await self._request(
            "GET", f"/studies/{study}/series/{series}/instances", headers={"Accept": "application/dicom+json"}
        )
        if answer.status_code in (204, 404):
            return set()
        self._check(answer, (200,))
        return {uid for one in _rows(answer) if (uid := _value(one, SOP))}

    async def study_of(self, series: str) -> str:
        """Return the StudyInstanceUID of a series; empty if the server has no such series."""
        rows = await self._search("/series", SeriesInstanceUID=series)
        return next((_value(one, STUDY) for one in rows if _value(one, SERIES) == series), "")

    async def images(self, study: str, series: str) -> dict[str, int]:
        """Return the images of a series by their SOP instance UIDs, with their bytes without compression.

        0 bytes stand for an unknown size.
        """
        found: dict[str, int] = {}
        while True:
            page = await self._search(
                f"/studies/{study}/series/{series}/instances", limit=str(PAGE), offset=str(len(found)),
                includefield=",".join(SIZES),
            )  # fmt: skip
            new = {uid: _size(one) for one in page if (uid := _value(one, SOP)) and uid not in found}
            found.update(new)
            if not new:  # a server may ignore the offset
                return found

    async def _search(self, path: str, **wanted: str) -> list[Any]:
        prefix = f"/{self.qido}" if self.qido else ""
        answer = await self._request(
            "GET", prefix + path, params=wanted, headers={"Accept": "application/dicom+json"}
        )
        if answer.status_code in (204, 404):
            return []
        self._check(answer, (200,))
        return _rows(answer)

    async def fetch(self, study: str, series: str) -> AsyncGenerator[bytes | bytearray]:
        """Yield the DICOM files of a series as they are stored, else in the server's usual transfer syntax.

        Raises Unreachable if the answer ends early, and Failed if the server refuses or sends something else.
        """
        prefix = f"/{self.wado}" if self.wado else ""
        url = f"{self._url}{prefix}/studies/{study}/series/{series}"
        try:
            for accept in (AS_STORED, FILES):
                async with self._http.stream("GET", url, headers={"Accept": accept}) as answer:
                    if accept is AS_STORED and answer.status_code in (400, 406, 415):
                        continue
                    if answer.status_code != 200:
                        await answer.aread()
                        self._check(answer, (200,))
                    split = Multipart(answer.headers.get("Content-Type", ""), MOST_PART)
                    async for chunk in answer.aiter_bytes(CHUNK):
                        for part in split.feed(chunk):
                            yield part
                    for part in split.end():
                        yield part
                    return
        except httpx.HTTPError as error:
            raise self._gone(error) from None
        except Broken as error:
            failure: type[LabeltuiError] = Unreachable if "early" in str(error) else Failed
            raise failure(
                Code.DICOMWEB, f"{self._shown} sent no whole series: {error}.", "See the log of the DICOMweb server."
            ) from None  # fmt: skip

    async def store(self, files: Sequence[Instance], stored: Callable[[Instance, str], None]) -> None:
        """Store files. ``stored`` is called for each, with the server's reason if it refused the file, else ``""``.

        Raises Unreachable if the server does not answer, and Failed if it refuses requests as a whole.
        """
        batches = _batches(files)
        slots = asyncio.Semaphore(AT_ONCE)

        async def send(batch: Sequence[Instance]) -> None:
            async with slots:
                await self._store(batch, stored)

        tasks = [asyncio.create_task(send(batch)) for batch in batches]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _store(self, batch: Sequence[Instance], stored: Callable[[Instance, str], None]) -> None:
        boundary = uuid.uuid4().hex
        answer = await self._request(
            "POST", "/studies", content=await asyncio.to_thread(_body, batch, boundary),
            headers={
                "Content-Type": f'multipart/related; type="application/dicom"; boundary={boundary}',
                "Accept": "application/dicom+json",
            },
        )  # fmt: skip
        self._check(answer, (200, 202, 409))
        document = _document(answer)
        there = {_value(one, REFERENCED) for one in _items(document, STORED)}
        reasons = {_value(one, REFERENCED): _value(one, REASON) for one in _items(document, REFUSED)}
        for one in batch:
            reason = reasons.get(one.sop, "")
            stored(one, "" if one.sop in there else f"the server refused it (reason {reason or 'unknown'})")

    async def _request(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            return await self._http.request(method, self._url + path, **options)
        except httpx.HTTPError as error:
            raise self._gone(error) from None

    def _gone(self, error: httpx.HTTPError) -> Unreachable:
        what = str(error) or type(error).__name__
        return Unreachable(
            Code.DICOMWEB, f"{self._shown} can't be reached: {what}.", "Check that the DICOMweb server runs."
        )

    def _check(self, answer: httpx.Response, expected: Sequence[int]) -> None:
        """Raise the failure for an HTTP status."""
        status = answer.status_code
        if status in expected:
            return
        if status in (401, 403):
            raise Failed(
                Code.DICOMWEB_LOGIN, f"{self._shown} refuses the user or the password (HTTP {status}).",
                "Correct `dicomweb_user` and `dicomweb_password_env` in the profile.",
            )  # fmt: skip
        failure: type[LabeltuiError] = Unreachable if status in (502, 503, 504) else Failed
        raise failure(
            Code.DICOMWEB, f"{self._shown} answered with HTTP {status}.", "See the log of the DICOMweb server.",
            answer.text[:2000],
        )  # fmt: skip


def _batches(files: Sequence[Instance]) -> list[list[Instance]]:
    batches: list[list[Instance]] = []
    size = 0
    for one in files:
        if not batches or size + one.size > BATCH or len(batches[-1]) == MOST_FILES:
            batches.append([])
            size = 0
        batches[-1].append(one)
        size += one.size
    return batches


def _body(batch: Sequence[Instance], boundary: str) -> bytes:
    body = bytearray()
    for one in batch:
        body += f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode("ascii")
        body += one.path.read_bytes()
        body += b"\r\n"
    body += f"--{boundary}--\r\n".encode("ascii")
    return bytes(body)


def _document(answer: httpx.Response) -> Any:
    try:
        return json.loads(answer.content) if len(answer.content) <= LONGEST_ANSWER else None
    except ValueError:
        return None


def _rows(answer: httpx.Response) -> list[Any]:
    document = _document(answer)
    return document if isinstance(document, list) else []


def _items(document: Any, tag: str) -> list[Any]:
    element = document.get(tag) if isinstance(document, Mapping) else None
    items = element.get("Value") if isinstance(element, Mapping) else None
    return items if isinstance(items, list) else []


def _size(image: Any) -> int:
    """Return the bytes of an image without compression; 0 if unknown."""
    try:
        rows, columns, bits = (int(_value(image, tag)) for tag in SIZES[:3])
        return rows * columns * max(8, bits) // 8 * int(_value(image, SIZES[3]) or 1)
    except ValueError:
        return 0


def _value(item: Any, tag: str) -> str:
    """The first value of an element; empty if there is none."""
    values = _items(item, tag)
    return str(values[0]) if values else ""
