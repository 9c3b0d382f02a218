"""Read requests as FastAPI does, with the same error documents."""

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


class Unprocessable(HTTPException):
    """The request is invalid (status 422). ``errors`` is the ``detail`` of the answer, a list as in FastAPI."""

    def __init__(
        self, kind: str, where: Sequence[str | int], message: str, text: Any, **context: str
    ) -> None:
        entry: dict[str, Any] = {"type": kind, "loc": list(where), "msg": message, "input": text}
        if context:
            entry["ctx"] = context
        super().__init__(422)
        self.errors = [entry]


def route(method: str, path: str, endpoint: Endpoint) -> Route:
    """Make a route for exactly one method. Starlette alone would add HEAD to GET."""
    exact = Route(path, endpoint, methods=[method])
    exact.methods = {method}
    return exact


def app_of(request: Request) -> Application:
    """The app object that serves this request."""
    app: Application = request.app.state.monai
    return app


def query_flag(request: Request, name: str) -> bool:
    """Return a boolean query parameter; False if absent. Raises 422."""
    text = request.query_params.get(name)
    if text is None or text.lower() in _FALSE:
        return False
    if text.lower() in _TRUE:
        return True
    message = "Input should be a valid boolean, unable to interpret input"
    raise Unprocessable("bool_parsing", ("query", name), message, text)


def query_number(request: Request, name: str, default: int) -> int:
    """Return an integer query parameter. Raises 422."""
    text = request.query_params.get(name)
    if text is None:
        return default
    try:
        return int(text)
    except ValueError:
        message = "Input should be a valid integer, unable to parse string as an integer"
        raise Unprocessable("int_parsing", ("query", name), message, text) from None


def query_choice(request: Request, name: str, choices: Sequence[str]) -> str | None:
    """Return a query parameter that must be in ``choices``; None if absent. Raises 422."""
    text = request.query_params.get(name)
    if text is None or text in choices:
        return text
    expected = ", ".join(f"'{choice}'" for choice in choices[:-1]) + f" or '{choices[-1]}'"
    raise Unprocessable("enum", ("query", name), f"Input should be {expected}", text, expected=expected)


def query_text(request: Request, name: str) -> str:
    """Return a required query parameter. Raises 422 if absent."""
    text = request.query_params.get(name)
    if text is None:
        raise Unprocessable("missing", ("query", name), "Field required", None)
    return text


async def body_object(request: Request) -> dict[str, Any]:
    """Return the JSON object in the body; ``{}`` for an empty body. Raises 422."""
    raw = await request.body()
    if not raw.strip():
        return {}
    try:
        body = json.loads(raw)
    except ValueError as error:
        at = getattr(error, "pos", 0)
        reason = getattr(error, "msg", "invalid").split(" enclosed")[0]
        text = "Expecting property name enclosed in double quotes" if "property name" in reason else reason
        raise Unprocessable("json_invalid", ("body", at), "JSON decode error", {}, error=text) from None
    if body is None:
        return {}
    if not isinstance(body, dict):
        raise Unprocessable("dict_type", ("body",), "Input should be a valid dictionary", body)
    return body


def form_object(form: FormData, name: str) -> dict[str, Any]:
    """Return the JSON object in a form field. Malformed JSON leads to status 500, as on the real server."""
    text = form.get(name)
    if not isinstance(text, str) or not text:
        return {}
    parsed: dict[str, Any] = json.loads(text)
    return parsed


async def stored_upload(form: FormData, name: str) -> Path:
    """Write an upload to a temporary file with the same extensions. The caller removes this file."""
    upload = form.get(name)
    if not isinstance(upload, UploadFile):
        raise Unprocessable("missing", ("body", name), "Field required", None)
    suffix = "".join(Path(upload.filename).suffixes) if upload.filename else ".nii.gz"
    with tempfile.NamedTemporaryFile(suffix=suffix, delete=False) as target:
        while data := await upload.read(1 << 20):
            target.write(data)
    return Path(target.name)


def answer(content: Any, status: int = 200) -> Response:
    """A JSON response."""
    return JSONResponse(content, status_code=status)
