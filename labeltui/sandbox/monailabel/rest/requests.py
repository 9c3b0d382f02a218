"""Reading requests the way the real server's framework does, with its shapes of refusal."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from labeltui.sandbox.monailabel.application import Application

Endpoint = Callable[[Request], Awaitable[Response]]
_TRUE, _FALSE = ("1", "true", "on", "yes", "t", "y"), ("0", "false", "off", "no", "f", "n")


class _Unprocessable(HTTPException):
    """422 with one entry of ``detail``."""

    def __init__(
        self, kind: str, where: Sequence[str | int], message: str, given: Any, **context: str
    ) -> None:
        entry: dict[str, Any] = {"type": kind, "loc": list(where), "msg": message, "input": given}
        if context:
            entry["ctx"] = context
        super().__init__(422)
        self.detail = [entry]  # type: ignore[assignment]


def route(method: str, path: str, endpoint: Endpoint) -> Route:
    """Return a route for exactly one method: GET does not bring HEAD with it."""
    made = Route(path, endpoint, methods=[method])
    made.methods = {method}
    return made


def app_of(request: Request) -> Application:
    """Return the app object."""
    made: Application = request.app.state.monai
    return made


def query_flag(request: Request, name: str) -> bool:
    """Return a boolean of the query, false when absent."""
    given = request.query_params.get(name)
    if given is None or given.lower() in _FALSE:
        return False
    if given.lower() in _TRUE:
        return True
    message = "Input should be a valid boolean, unable to interpret input"
    raise _Unprocessable("bool_parsing", ("query", name), message, given)


def query_number(request: Request, name: str, default: int) -> int:
    """Return an integer of the query."""
    given = request.query_params.get(name)
    if given is None:
        return default
    try:
        return int(given)
    except ValueError:
        message = "Input should be a valid integer, unable to parse string as an integer"
        raise _Unprocessable("int_parsing", ("query", name), message, given) from None


def query_choice(request: Request, name: str, choices: Sequence[str]) -> str | None:
    """Return one of ``choices``, None when absent."""
    given = request.query_params.get(name)
    if given is None or given in choices:
        return given
    expected = ", ".join(f"'{choice}'" for choice in choices[:-1]) + f" or '{choices[-1]}'"
    raise _Unprocessable("enum", ("query", name), f"Input should be {expected}", given, expected=expected)


def query_text(request: Request, name: str) -> str:
    """Return a text of the query that must be there."""
    given = request.query_params.get(name)
    if given is None:
        raise _Unprocessable("missing", ("query", name), "Field required", None)
    return given


async def body_object(request: Request) -> dict[str, Any]:
    """Return the JSON object of the body, ``{}`` for no body."""
    raw = await request.body()
    if not raw.strip():
        return {}
    try:
        body = json.loads(raw)
    except ValueError as error:
        at = getattr(error, "pos", 0)
        reason = getattr(error, "msg", "invalid").split(" enclosed")[0]
        text = "Expecting property name enclosed in double quotes" if "property name" in reason else reason
        raise _Unprocessable("json_invalid", ("body", at), "JSON decode error", {}, error=text) from None
    if body is None:
        return {}
    if not isinstance(body, dict):
        raise _Unprocessable("dict_type", ("body",), "Input should be a valid dictionary", body)
    return body


def form_object(form: FormData, name: str) -> dict[str, Any]:
    """Return the JSON object in a form field; bad JSON raises, which the real server answers with 500."""
    text = form.get(name)
    if not isinstance(text, str) or not text:
        return {}
    parsed: dict[str, Any] = json.loads(text)
    return parsed


async def kept_upload(form: FormData, name: str) -> Path:
    """Write an uploaded file to a temporary one with its extensions; the caller removes it."""
    upload = form.get(name)
    if not isinstance(upload, UploadFile):
        raise _Unprocessable("missing", ("body", name), "Field required", None)
    suffix = "".join(Path(upload.filename).suffixes) if upload.filename else ".nii.gz"
    with tempfile.NamedTemporaryFile(suffix=suffix, delete=False) as target:
        while data := await upload.read(1 << 20):
            target.write(data)
    return Path(target.name)


def answer(content: Any, status: int = 200) -> Response:
    """Return JSON."""
    return JSONResponse(content, status_code=status)
