"""The base of all endpoint groups: the connection, and the conversion of answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

import httpx
from pydantic import ValidationError

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed, Refused
from labeltui.domain.training.tasks import Task
from labeltui.monailabel import convert, wire
from labeltui.monailabel.http import Http, check, parsed

W = TypeVar("W", bound=wire.Wire)
V = TypeVar("V")

_ALREADY = {
    "training": Code.ALREADY_TRAINING, "inferring": Code.ALREADY_INFERRING, "scoring": Code.ALREADY_SCORING,
}  # fmt: skip


class Rest:
    """A connection to one server. Timeouts are in seconds."""

    def __init__(
        self,
        base_url: str,
        *,
        client_id: str = "labeltui",
        transport: httpx.AsyncBaseTransport | None = None,
        read_timeout: float = 75.0,
        connect_timeout: float = 5.0,
    ) -> None:
        self.client_id = client_id
        self._http = Http(
            base_url,
            transport=transport,
            read_timeout=read_timeout,
            connect_timeout=connect_timeout,
        )

    @property
    def base_url(self) -> str:
        """The server's address without a trailing slash."""
        return self._http.base_url

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _object(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        document = await self._http.json(method, path, **options)
        if not isinstance(document, dict):
            raise unexpected(f"{method} {path}", "an object", document)
        return document

    async def _task(self, path: str, name: str, **query: str) -> Task | None:
        document = await self._http.json("GET", path, name=name, none_on_404=True, params=query)
        if document is None:
            return None
        if not isinstance(document, dict):
            raise unexpected(f"GET {path}", "an object", document)
        return converted(f"GET {path}", lambda: convert.task(document))

    async def _tasks(self, path: str, name: str) -> tuple[Task, ...]:
        document = await self._http.json("GET", path, name=name, none_on_404=True, params={"all": "true"})
        if not isinstance(document, list | None):
            raise unexpected(f"GET {path}?all=true", "a list", document)
        return tuple(
            converted(f"GET {path}?all=true", partial(convert.task, entry))
            for entry in document or ()
            if isinstance(entry, dict)
        )

    async def _start(
        self, path: str, task: str, body: Mapping[str, Any], query: Mapping[str, str] | None = None
    ) -> Task:
        answer = await self._http.ask(
            "POST", path, name=f"{task}.start", json=dict(body), params=dict(query or {})
        )
        if answer.status == 429:
            raise Refused(
                _ALREADY[task],
                f"The server is already {task}.",
                "Stop the running task first, or use --enqueue."
                if task == "training"
                else "Stop the running task first, or wait until it ends.",
            )
        check(answer)
        document = await parsed(answer)
        if not isinstance(document, dict):
            raise unexpected(f"POST {path}", "an object", document)
        return converted(f"POST {path}", lambda: convert.task(document))


def segment(name: str) -> str:
    """Quote a name as one segment of a path. Model names contain plus signs and may contain any character."""
    return quote(name, safe="")


def unexpected(what: str, wanted: str, document: object) -> Failed:
    """Return the error for an answer that is valid JSON but has the wrong structure."""
    return Failed(
        Code.SERVER_ANSWER,
        f"The server's answer to {what} cannot be used: it is not {wanted}.",
        "Check that this is the address of a MONAI Label server.",
        repr(document)[:300],
    )


def model_of(kind: type[W], document: object, what: str) -> W:
    """Validate an answer as a wire model. Raises Failed ``server_answer``."""
    return converted(what, lambda: kind.model_validate(document))


def converted(what: str, convert_it: Callable[[], V]) -> V:
    """Return the result of ``convert_it``. Raises Failed ``server_answer`` in place of its ValidationError."""
    try:
        return convert_it()
    except ValidationError as error:
        raise unexpected(what, "of the expected shape", str(error)) from error
