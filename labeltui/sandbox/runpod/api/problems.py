"""Error answers: problem+json, RunPod's older shapes, and the pages of its edge (Cloudflare)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from starlette.responses import HTMLResponse, JSONResponse, Response

_EDGE = """<!DOCTYPE html>
<html lang="en-US"><head><title>{title} | api.runpod.io | Cloudflare</title></head>
<body><h1>{title}</h1><p>Error code: {code}</p><p>Cloudflare Ray ID: 9a1b2c3d4e5f6071</p></body></html>
"""


def problem(status: int, detail: str, errors: list[str] | None = None) -> Response:
    """Make an ``application/problem+json`` answer."""
    body: dict[str, Any] = {"title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    if errors:
        body["errors"] = errors
    return JSONResponse(body, status, media_type="application/problem+json")


def edge(status: int, code: str | None = None) -> Response:
    """Make an error page like Cloudflare's."""
    try:
        title = HTTPStatus(status).phrase
    except ValueError:
        title = "A timeout occurred"  # Cloudflare's own statuses, such as 524
    return HTMLResponse(_EDGE.format(title=title, code=code or status), status)


def shaped(status: int, shape: str, detail: str) -> Response:
    """Make an error answer of the shape ``problem``, ``error``, ``message``, ``empty`` or ``html``."""
    if shape == "html":
        return edge(status, detail or None)
    if shape == "empty":
        return Response(status_code=status)
    if shape in ("error", "message"):
        return JSONResponse({shape: detail}, status)
    if shape != "problem":
        raise ValueError(f"unknown shape {shape!r}")
    return problem(status, detail)
